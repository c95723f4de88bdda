"""The restart of sftunnel, and the tunnel after it, when they do not go as they should."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from refusals import sign_anew
from rehearsal import Firewall, instead_of_pmtool, put_before_path
from toolsets import SHELLS, Toolset


@pytest.mark.parametrize("signal", ["INT", "TERM"])
def test_a_signal_at_the_restart_leaves_the_new_trio_and_recover_finishes(
    firewall: Firewall, signal: str
) -> None:
    with instead_of_pmtool(firewall, _send(signal)):
        done = firewall.install()
    assert done.returncode == 8, done.stderr
    assert "interrupted after the new trio was put in place" in done.stderr
    assert firewall.which_trio() == "new"
    recovered = firewall.run("recover", "--root", str(firewall.root), "--wait", "0")
    assert recovered.returncode == 0, recovered.stderr
    assert "sftunnel restarted" in recovered.stdout
    firewall.assert_trio(firewall.new_trio)


@pytest.mark.parametrize("toolset", SHELLS, ids=lambda toolset: toolset.name)
def test_a_signal_at_the_restart_ends_the_run_there_and_nothing_is_left(
    firewall: Firewall, tmp_path: Path, toolset: Toolset
) -> None:
    firewall.shell, firewall.environment = toolset.environment(tmp_path)
    with instead_of_pmtool(firewall, _send("TERM")):
        done = firewall.install()
    assert done.returncode == 8, done.stderr
    errors = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert errors == ["error: interrupted after the new trio was put in place"]
    left = {path.name for path in firewall.state.iterdir()}
    assert left == {"backups", "journal", "logs", "receipts", "runs", "signers"}


def test_a_console_that_goes_away_at_the_restart_stops_nothing(firewall: Firewall) -> None:
    with instead_of_pmtool(firewall, f'{_send("HUP")}; exec "$0.real" "$@"'):
        done = firewall.install()
    assert done.returncode == 0, done.stderr
    firewall.assert_trio(firewall.new_trio)


@pytest.mark.parametrize("verb", ["install", "rollback"])
def test_a_restarted_sftunnel_finds_no_file_that_it_does_not_know(
    firewall: Firewall, tmp_path: Path, verb: str
) -> None:
    if verb == "rollback":
        assert firewall.install("--no-restart").returncode == 0
    known = set(map(str, firewall.peer_dir.rglob("*")))
    seen = tmp_path / "seen"
    look = f'[ $1 = status ] || find "{firewall.peer_dir}" -mindepth 1 >"{seen}"'
    with instead_of_pmtool(firewall, f'{look}; exec "$0.real" "$@"'):
        done = firewall.install() if verb == "install" else firewall.rollback()
    assert done.returncode == 0, done.stderr
    assert set(seen.read_text().splitlines()) == known


def _send(signal: str) -> str:
    """Return a deed of pmtool: a signal to the installer's process group, as from its terminal."""
    return f"[ $1 = status ] || kill -{signal} -$(ps -o sid= $$ | tr -d ' ')"


@pytest.mark.parametrize(
    ("behaviour", "message"),
    [
        pytest.param("exit 1", "failed with status 1", id="it fails"),
        pytest.param(
            'case $1 in status) echo "sftunnel (normal) - Running 4711" ;; esac',
            "sftunnel has not restarted: its PID was '4711' and is '4711'",
            id="it lies",
        ),
    ],
)
def test_a_restart_that_did_not_happen_is_told_with_the_new_trio_in_place(
    firewall: Firewall, tmp_path: Path, behaviour: str, message: str
) -> None:
    put_before_path(firewall, tmp_path / "quick", sleep=":")
    with instead_of_pmtool(firewall, behaviour):
        done = firewall.install()
    assert done.returncode == 8
    assert message in done.stderr
    assert "to undo: sh " in done.stderr
    assert firewall.which_trio() == "new"
    assert list(firewall.bundle.parent.glob("sftunnel-receipt-*.json"))


@pytest.mark.parametrize("shell", ["dash", "busybox"])
@pytest.mark.parametrize(
    "behaviour",
    [
        pytest.param("exec sleep 60", id="it sleeps"),
        pytest.param("sleep 60", id="it leaves a child that holds the pipe"),
        pytest.param('trap "" HUP INT TERM; sleep 60; sleep 60', id="it heeds no signal"),
    ],
)
def test_a_pmtool_that_hangs_is_not_waited_for_forever(
    firewall: Firewall, tmp_path: Path, behaviour: str, shell: str
) -> None:
    toolset = Toolset(shell, ["dash"], busybox="own" if shell == "busybox" else "")
    firewall.shell, firewall.environment = toolset.environment(tmp_path)
    script = firewall.bundle / "install.sh"
    text, changed = re.subn(
        r"(?m)^(restart|status)_timeout_s=\d+", r"\1_timeout_s=1", script.read_text()
    )
    assert changed == 2
    script.write_text(text)
    sign_anew(firewall)
    with instead_of_pmtool(firewall, behaviour):
        done = firewall.run("install", *firewall.options(), timeout_s=30)
    assert done.returncode == 8
    assert "or took over 1 s" in done.stderr
    assert firewall.which_trio() == "new"


def test_a_clock_that_is_set_back_does_not_make_it_wait_longer(
    firewall: Firewall, tmp_path: Path
) -> None:
    """As may happen when the first of two tunnels brings the time."""
    date = 'n=$(cat "$0.n" 2>/dev/null || echo 0); echo $((n + 3600)) >"$0.n"\n'
    date += f'exec {shutil.which("date")} -d "-$n seconds" "$@"'
    put_before_path(firewall, tmp_path / "instead", date=date)
    done = firewall.run("install", *firewall.options("--wait", "2"), timeout_s=40)
    assert done.returncode == 8, done.stderr
    assert "the tunnel did not come up within 2 s" in done.stderr
    assert firewall.which_trio() == "new"


def test_pmtool_does_not_inherit_what_the_installer_ignores(
    firewall: Firewall, tmp_path: Path
) -> None:
    said = tmp_path / "said"
    with instead_of_pmtool(firewall, f'grep SigIgn /proc/self/status >"{said}"; exit 1'):
        assert firewall.install().returncode == 8
    ignored = int(said.read_text().split()[1], 16)
    assert not ignored >> 12 & 1, "a broken pipe would not end what pmtool starts"


def test_a_signal_when_all_is_done_is_not_worth_a_word(firewall: Firewall, tmp_path: Path) -> None:
    interrupt = 'case $* in *journal) kill -INT -$(ps -o sid= $$ | tr -d " ") ;; esac'
    rm = f'{interrupt}; exec {shutil.which("rm")} "$@"'
    put_before_path(firewall, tmp_path / "instead", rm=rm)
    done = firewall.install()
    assert done.returncode == 0, done.stderr
    firewall.assert_trio(firewall.new_trio)


def test_a_command_that_is_killed_is_told_and_not_taken_for_a_signal(
    firewall: Firewall, tmp_path: Path
) -> None:
    for name, script in {"date": "kill -KILL $$", "id": "echo 0; kill -KILL $$"}.items():
        put_before_path(firewall, tmp_path / name, **{name: script})
    done = firewall.run("check", *firewall.options())
    assert done.returncode == 1
    assert "error: the installer failed unexpectedly, with status 137" in done.stderr
