"""Where a run lays out what install.sh reads, and what it sweeps there."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from programs import Program, nothing_left
from rehearsal import AS_ROOT, need
from sftunnel_builder.errors import BundlerError, ExitCode
from sftunnel_installer import workplace

FILES = {"install.sh": b"exit 0\n"}
FULL = 'mount -t tmpfs -o size=4k none "$0" && head -c 4096 /dev/zero >"$0/fill" && exec "$@"'


def _with_full_disk(state: Path) -> list[str]:
    """Return what goes before a command that is to find the state directory's disk full."""
    command = ["unshare", "-m", "sh", "-c", FULL, str(state)]
    probe = subprocess.run([*AS_ROOT, *command, "true"], capture_output=True, check=False)
    need("a mount namespace", probe.returncode == 0)
    return command


@pytest.mark.parametrize("verb", ["recover", "rollback", "activate"])
def test_a_full_disk_does_not_keep_a_run_without_a_bundle_from_starting(
    program: Program, verb: str
) -> None:
    wall = program.wall
    wall.state.mkdir(0o700)
    full = _with_full_disk(wall.state)
    program.command = [*full, *program.command]
    wall.shell = [*full, "sh"]
    theirs = wall.run(verb, *wall.options("--no-restart"))
    mine = program.verb(verb)
    assert mine.returncode == theirs.returncode
    assert mine.stdout == theirs.stdout
    assert mine.stderr == theirs.stderr
    assert verb != "recover" or mine.stdout.endswith("nothing is left unfinished\n")
    nothing_left(wall)


def test_a_full_disk_refuses_a_bundle(program: Program, stick: Path) -> None:
    wall = program.wall
    wall.state.mkdir(0o700)
    program.command = [*_with_full_disk(wall.state), *program.command]
    program.refused(5, f"cannot write in '{wall.state}': no space left on device", stick)


def test_a_state_directory_that_others_can_read_is_closed_first(tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir()
    state.chmod(0o777)
    with workplace.workplace(state, FILES) as place:
        assert place.parent == state
        assert state.stat().st_mode & 0o7777 == 0o700


def test_a_state_directory_of_somebody_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = tmp_path / "state"
    state.mkdir(0o777)
    monkeypatch.setattr(workplace, "_ours", lambda: {state.stat().st_uid + 1})
    with (
        pytest.raises(BundlerError, match="belongs to another user than root") as caught,
        workplace.workplace(state, FILES, or_apart=True),
    ):
        pass
    assert caught.value.code == ExitCode.UNSUITABLE
    assert list(state.iterdir()) == []


@pytest.mark.parametrize("at", [".", ".."], ids=["the directory", "one above it"])
def test_a_place_where_others_could_rename_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    base = tmp_path / "above/base"
    base.mkdir(parents=True)
    monkeypatch.setattr(workplace, "_IN_MEMORY", ())
    monkeypatch.setenv("TMPDIR", str(base))
    with workplace.workplace(None, FILES) as place:
        assert (place / "install.sh").read_bytes() == FILES["install.sh"]
    (base / at).chmod(0o777)
    with (
        pytest.raises(BundlerError, match="others could rename what is made in") as caught,
        workplace.workplace(None, FILES),
    ):
        pass
    assert caught.value.code == ExitCode.UNSUITABLE
    (base / at).chmod(0o1777)
    with workplace.workplace(None, FILES) as place:
        assert place.parent == base


def test_a_place_of_somebody_else_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workplace, "_IN_MEMORY", ())
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(workplace, "_ours", lambda: {tmp_path.stat().st_uid + 1})
    with (
        pytest.raises(BundlerError, match="others could rename what is made in"),
        workplace.workplace(None, FILES),
    ):
        pass


def test_what_a_run_left_is_swept_though_another_has_its_number_now(program: Program) -> None:
    state = program.wall.state
    state.mkdir(0o700)
    number = os.getpid()
    start = Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19]
    at_work, over = (state / f"sftunnel-bundle.{number}.{at}" for at in (start, int(start) - 1))
    for each in (at_work, over):
        each.mkdir()
    done = program.verb("recover")
    assert done.returncode == 0, done.stderr
    assert at_work.exists()
    assert not over.exists()
