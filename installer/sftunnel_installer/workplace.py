"""A directory of our own for one run, root's alone: the bundle, unpacked, for install.sh to read.

A run that may write on the device has it in the state directory, where install.sh works, too, and
copies no receipt to; one that may not, in memory where there is such a file system, and so does one
that brings no bundle, if the state directory takes nothing. What a run that was cut off left behind
is swept by the next one.
"""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from sftunnel_builder.errors import BundlerError, ExitCode, printable, reason

_PREFIX = "sftunnel-bundle."
_IN_MEMORY = ("/dev/shm", "/run")  # noqa: S108  of what lies there nothing is believed
_HINT = "nothing was changed; look at the free space, and at whether the file system is read-only"


@contextmanager
def workplace(
    state: Path | None, files: Mapping[str, bytes], *, or_apart: bool = False
) -> Iterator[Path]:
    """Give a directory with these files, by path in it; it goes at the end.

    It is in the state directory, if that is given; or_apart: if need be, elsewhere. Raises
    BundlerError (UNSUITABLE).
    """
    apart = [Path(place) for place in (*_IN_MEMORY, os.environ.get("TMPDIR") or "/tmp")]  # noqa: S108
    made_state = False
    bases = apart
    if state is not None:
        try:
            made_state = _make_state(state)
            bases = [state, *apart] if or_apart else [state]
        except OSError as error:
            if not or_apart:
                at = state if state.is_dir() else state.parent
                raise _cannot_write(at, error) from None
    try:
        for base in {*apart, *bases}:
            _sweep(base)
        place = _lay_out(bases, files, state)
        try:
            yield place
        finally:
            shutil.rmtree(place, ignore_errors=True)
    finally:
        if state is not None and made_state:
            with suppress(OSError):
                state.rmdir()


def _make_state(state: Path) -> bool:
    """Make the state directory, or keep others out of it; returns whether it was not there.

    Raises BundlerError if it is not ours, OSError if it cannot be written.
    """
    if state.is_symlink():
        raise BundlerError(
            f"'{printable(str(state))}' is a symbolic link",
            "remove it: it is not of our making",
            ExitCode.UNSUITABLE,
        )
    try:
        state.mkdir(0o700)
    except FileExistsError:
        if state.stat().st_uid not in _ours():
            raise BundlerError(
                f"'{printable(str(state))}' belongs to another user than root",
                "find out who made it, and remove it: it is not of our making",
                ExitCode.UNSUITABLE,
            ) from None
        if state.stat().st_mode & 0o7777 != 0o700:
            state.chmod(0o700)
        return False
    return True


def _ours() -> set[int]:
    """Return who counts as root: the owner of /, too, whose number is another in a namespace."""
    return {0, os.getuid(), os.stat("/").st_uid}


def _is_safe(base: Path) -> bool:
    """Tell whether nobody but root can rename what is made in a directory."""
    real = base.resolve()
    for path in (real, *real.parents):
        about = path.stat()
        is_open = about.st_mode & 0o022 and not about.st_mode & stat.S_ISVTX
        if about.st_uid not in _ours() or is_open:
            return False
    return True


def _lay_out(bases: Sequence[Path], files: Mapping[str, bytes], state: Path | None) -> Path:
    """Write files, 0600, in a new directory in the first of these that has room for them.

    Elsewhere than in the state directory, whose place is the device's, nobody else may rename it.
    """
    refusal = None
    for base in bases:
        place = base / f"{_PREFIX}{os.getpid()}.{_started_at(os.getpid())}"
        try:
            if base != state and not _is_safe(base):
                refusal = refusal or BundlerError(
                    f"others could rename what is made in '{printable(str(base))}'",
                    "set TMPDIR to a directory in which only root can write, and all above it",
                    ExitCode.UNSUITABLE,
                )
                continue
            place.mkdir(0o700)
        except OSError as error:
            refusal = refusal or _cannot_write(base, error)
            continue
        try:
            _write(place, files)
        except BaseException as error:
            shutil.rmtree(place, ignore_errors=True)
            if not isinstance(error, OSError):
                raise
            refusal = refusal or _cannot_write(base, error)
            continue
        return place
    assert refusal is not None  # noqa: S101  there is at least one
    raise refusal


def _write(place: Path, files: Mapping[str, bytes]) -> None:
    for name, content in files.items():
        path = place / name
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with open(descriptor, "wb") as file:
            file.write(content)


def _sweep(base: Path) -> None:
    """Remove what runs that are over have left; /tmp is everybody's, so only what is root's."""
    for left in base.glob(f"{_PREFIX}*"):
        number, _, start = left.name.removeprefix(_PREFIX).partition(".")
        with suppress(OSError):
            is_ours = left.lstat().st_uid == 0 and left.is_dir() and not left.is_symlink()
            if number.isdecimal() and is_ours and _started_at(int(number)) != start:
                shutil.rmtree(left, ignore_errors=True)


def _started_at(number: int) -> str | None:
    """Return when a process began, in ticks since boot (proc(5), field 22); None for a dead one.

    As another may have its number by now, both together name a process, as in install.sh's lock.
    """
    try:
        about = Path(f"/proc/{number}/stat").read_bytes().rpartition(b") ")[2].split()
    except OSError:
        return None
    return None if about[0] in (b"Z", b"X") else about[19].decode()


def _cannot_write(place: Path, error: OSError) -> BundlerError:
    return BundlerError(
        f"cannot write in '{printable(str(place))}': {reason(error)}", _HINT, ExitCode.UNSUITABLE
    )
