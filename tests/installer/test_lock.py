"""Several runs at once: one works, the others are refused, and the device is whole at the end."""

from __future__ import annotations

import subprocess

import pytest

from rehearsal import AS_ROOT, Firewall


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
