"""Several runs at once: one works, the others are refused, and the device is whole at the end."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from rehearsal import AS_ROOT, Firewall, put_before_path


def _start(firewall: Firewall, verb: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [
            *(*AS_ROOT, *firewall.shell, str(firewall.bundle / "install.sh"), verb),
            *firewall.options("--no-restart"),
        ],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=firewall.environment,
    )


@pytest.mark.parametrize("lock", ["no state directory", "no lock", "a stale lock"])
@pytest.mark.parametrize("shell", ["dash", "bash", "busybox ash"])
def test_of_many_installs_at_once_one_works(firewall: Firewall, shell: str, lock: str) -> None:
    firewall.shell = shell.split()
    if lock != "no state directory":
        firewall.state.mkdir(mode=0o700)
    if lock == "a stale lock":
        # Of a process that is gone, with a PID that has another one since.
        (firewall.state / "lock").symlink_to("1:1")
    runs = [_start(firewall, "install") for _ in range(8)]
    said = [run.communicate(timeout=120) for run in runs]
    codes = [run.returncode for run in runs]
    assert set(codes) <= {0, 5}, said
    done = [out for out, _ in said if "done: install on" in out]
    assert len(done) == 1, said
    for code, (out, errors) in zip(codes, said, strict=True):
        if code == 5:
            assert "error: another run " in errors, errors
        else:
            assert "done: install on" in out or "already installed" in out
    assert len(firewall.backups()) == 1
    firewall.assert_trio(firewall.new_trio)


def test_an_install_beside_a_rollback_leaves_one_of_the_two(firewall: Firewall) -> None:
    assert firewall.install("--no-restart").returncode == 0
    runs = [_start(firewall, verb) for verb in ("rollback", "install") * 4]
    said = [run.communicate(timeout=120) for run in runs]
    assert {run.returncode for run in runs} <= {0, 5}, said
    assert {run.returncode for run in runs} >= {0}, said
    trio = firewall.device.trio(firewall.fmc_uuid)
    assert trio in (firewall.old_trio, firewall.new_trio)
    firewall.assert_trio(trio)


def test_a_run_whose_lock_was_removed_by_hand_stops_before_its_commit(
    firewall: Firewall, tmp_path: Path
) -> None:
    lock = firewall.state / "lock"
    script = (
        f'case $* in *.sftunnel-bundler) rm -f "{lock}" ;; esac; exec {shutil.which("cp")} "$@"'
    )
    put_before_path(firewall, tmp_path / "instead", cp=script)
    done = firewall.install("--no-restart")
    assert done.returncode == 5, done.stderr
    assert "error: somebody took the lock away" in done.stderr
    assert firewall.which_trio() == "old"
    firewall.environment["PATH"] = firewall.environment["PATH"].partition(":")[2]
    assert firewall.install("--no-restart").returncode == 0
    firewall.assert_trio(firewall.new_trio)


def test_a_directory_in_the_place_of_the_lock_is_not_taken_for_it(firewall: Firewall) -> None:
    (firewall.state / "lock").mkdir(parents=True)
    done = firewall.install("--stage-only")
    assert done.returncode == 5, done.stderr
    assert "error: cannot take the lock in '" in done.stderr
    assert {path.name for path in firewall.state.iterdir()} == {"lock"}


def test_nor_does_it_sweep_away_what_the_next_run_is_at_work_with(
    firewall: Firewall, tmp_path: Path
) -> None:
    lock, mine = firewall.state / "lock", firewall.state / "work/of the next run"
    take = f'rm -f "{lock}"; ln -s 1:"$(sed "s/.*) //" /proc/1/stat | cut -d" " -f20)" "{lock}"'
    script = f'case $* in *.sftunnel-bundler) {take}; : >"{mine}" ;; esac'
    script += f'; exec {shutil.which("cp")} "$@"'
    put_before_path(firewall, tmp_path / "instead", cp=script)
    assert firewall.install("--no-restart").returncode == 5
    assert mine.exists()
    assert lock.is_symlink()
