"""A signal to the program reaches install.sh, and nothing is left at any end."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from programs import Program, nothing_left, on_device

STOPS = {"HUP": 129, "INT": 130, "TERM": 143}


def _wait_for(place: Path) -> None:
    deadline = time.monotonic() + 60
    while not place.exists():
        assert time.monotonic() < deadline, f"'{place}' did not come"
        time.sleep(0.02)


@pytest.mark.parametrize("name", STOPS)
@pytest.mark.parametrize("to_all", [False, True], ids=["to it alone", "to all, as a terminal does"])
def test_before_the_commit_nothing_has_happened(
    program: Program, stick: Path, tmp_path: Path, name: str, to_all: bool
) -> None:
    wall = program.wall
    before, there = on_device(wall), tmp_path / "there"
    slow = f'touch "{there}"; exec {program.tools}/sleep 2'
    program.put_before_path(tmp_path / "slow", df=slow)
    run = program.start(
        "install",
        stick,
        *wall.options("--no-restart"),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    _wait_for(there)
    number = getattr(signal, f"SIG{name}")
    (os.killpg if to_all else os.kill)(run.pid, number)
    out, _ = run.communicate(timeout=60)
    assert run.returncode == STOPS[name], out.decode()
    assert b"Traceback" not in out
    assert on_device(wall) == before
    nothing_left(wall)
    _no_orphan(run.pid)


def test_while_the_bundle_is_being_found(program: Program, tmp_path: Path) -> None:
    many = tmp_path / "many"
    many.mkdir()
    data = b"\x1f\x8b" + bytes(16 << 20)
    for number in range(16):
        name = f"sftunnel-{number}-{program.wall.device.uuid[:8]}.tar.gz"
        (many / name).write_bytes(data)
    run = program.start("install", many, *program.wall.options(), stderr=subprocess.PIPE)
    os.kill(run.pid, signal.SIGTERM)
    _, err = run.communicate(timeout=60)
    assert run.returncode in (143, -signal.SIGTERM, 4), err.decode()
    assert not program.wall.state.exists()
    nothing_left(program.wall)


def test_a_kill_leaves_what_the_next_run_sweeps(
    program: Program, stick: Path, tmp_path: Path
) -> None:
    wall = program.wall
    there = tmp_path / "there"
    slow = f'touch "{there}"; exec {program.tools}/sleep 30'
    program.put_before_path(tmp_path / "slow", df=slow)
    run = program.start(
        "install",
        stick,
        *wall.options("--no-restart"),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    _wait_for(there)
    os.killpg(run.pid, signal.SIGKILL)
    run.wait(timeout=20)
    assert list(wall.state.glob("sftunnel-bundle.*"))
    program.before_path.clear()
    done = program.verb("install", stick)
    assert done.returncode == 0, done.stderr
    wall.assert_trio(wall.new_trio)
    nothing_left(wall)


def _no_orphan(group: int) -> None:
    """State that no process of a group is left; a dead one counts for nothing."""
    alive = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, of_group = stat.read_text().rpartition(")")[2].split()[:3]
        except OSError:
            continue
        if int(of_group) == group and state not in "ZX":
            alive.append(stat.parent.name)
    assert alive == []
