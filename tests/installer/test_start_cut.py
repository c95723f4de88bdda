"""start.sh broken off: it cleans up, or the next one does, and two of them do no harm."""

from __future__ import annotations

import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from rehearsal import AS_ROOT, Firewall, need, put_before_path
from sticks import nothing_left, on_device, start, started


def slow_at(firewall: Firewall, place: Path, command: str, pattern: str) -> None:
    """Let a command wait a second where its arguments fit, and leave the file `marker`."""
    wait = f'case $* in {pattern}) : >"{place}/marker"; sleep 1 ;; esac'
    script = f'{wait}; exec {shutil.which(command)} "$@"'
    put_before_path(firewall, place / "bin", **{command: script})


def _run_until(wall: Firewall, stick: Path, marker: Path) -> subprocess.Popen[str]:
    """Start an install in a process group of its own, and wait for a file to appear."""
    command = [*AS_ROOT, *wall.shell, str(stick / "start.sh"), *wall.options("--no-restart")]
    process = subprocess.Popen(
        command,
        env=wall.environment,
        start_new_session=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    deadline = time.monotonic() + 30
    while not marker.exists():
        assert time.monotonic() < deadline, process.poll()
        time.sleep(0.02)
    return process


@pytest.mark.parametrize("during", ["start.sh", "install.sh"])
@pytest.mark.parametrize(
    ("shell", "number"),
    [
        ("dash", signal.SIGINT),
        ("bash", signal.SIGTERM),
        ("bash", signal.SIGINT),
        ("busybox ash", signal.SIGHUP),
        ("mksh", signal.SIGINT),
    ],
)
def test_a_signal_cleans_up_and_tells_its_number(
    during: str, number: int, shell: str, firewall: Firewall, stick: Path, tmp_path: Path
) -> None:
    need(shell, shutil.which(shell.split()[0]))
    marker = tmp_path / "marker"
    # A command that no shell has built in.
    slow_at(firewall, tmp_path, "openssl", {"start.sh": "pkey*", "install.sh": "verify*"}[during])
    firewall.shell = shell.split()
    before = on_device(firewall)
    process = _run_until(firewall, stick, marker)
    # To all of them, as a terminal does.
    subprocess.run(["kill", f"-{number}", "--", f"-{process.pid}"], check=True)
    said, _ = process.communicate(timeout=30)
    assert process.returncode == 128 + number, said
    assert on_device(firewall) == before
    nothing_left(firewall)


def test_leftovers_of_a_run_that_was_killed_are_swept(
    firewall: Firewall, stick: Path, tmp_path: Path
) -> None:
    marker = tmp_path / "marker"
    put_before_path(firewall, tmp_path / "bin", tar=f': >"{marker}"; kill -KILL $PPID')
    process = _run_until(firewall, stick, marker)
    process.communicate(timeout=30)
    assert process.returncode == -signal.SIGKILL
    assert len(list(firewall.state.glob("sftunnel-start.*"))) == 1
    (tmp_path / "bin/tar").unlink()
    assert start(firewall, stick, "check", *firewall.options()).returncode == 0
    assert len(list(firewall.state.glob("sftunnel-start.*"))) == 1, "status has written"
    assert started(firewall, stick).returncode == 0
    firewall.assert_trio(firewall.new_trio)
    nothing_left(firewall)


def test_two_at_once_do_not_harm_each_other(
    firewall: Firewall, stick: Path, tmp_path: Path
) -> None:
    marker = tmp_path / "marker"
    slow_at(firewall, tmp_path, "openssl", "verify*")
    first = _run_until(firewall, stick, marker)
    second = started(firewall, stick)
    assert second.returncode == 5
    assert "another run is at work on this device" in second.stderr
    said, _ = first.communicate(timeout=30)
    assert first.returncode == 0, said
    firewall.assert_trio(firewall.new_trio)
    nothing_left(firewall)
