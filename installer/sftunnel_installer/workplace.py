"""A directory of our own for one run, root's alone: the bundle, unpacked, for install.sh to read.

A run that may write on the device has it in the state directory, where install.sh works, too, and
copies no receipt to; one that may not, in memory where there is such a file system. What a run that
was cut off left behind is swept by the next one.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from sftunnel_builder.errors import BundlerError, ExitCode, printable, reason

_PREFIX = "sftunnel-bundle."
_IN_MEMORY = ("/dev/shm", "/run")  # noqa: S108  of what lies there nothing is believed
_HINT = "nothing was changed; look at the free space, and at whether the file system is read-only"


@contextmanager
def workplace(state: Path | None, files: Mapping[str, bytes]) -> Iterator[Path]:
    """Give a directory with these files, by path in it; it goes at the end.

    It is in the state directory, if that is given. Raises BundlerError (UNSUITABLE).
    """
    apart = [Path(place) for place in (*_IN_MEMORY, os.environ.get("TMPDIR") or "/tmp")]  # noqa: S108
    made_state = state is not None and _make_state(state)
    bases = apart if state is None else [state]
    try:
        for base in {*apart, *bases}:
            _sweep(base)
        place = _lay_out(bases, files)
        try:
            yield place
        finally:
            shutil.rmtree(place, ignore_errors=True)
    finally:
        if state is not None and made_state:
            with suppress(OSError):
                state.rmdir()


def _make_state(state: Path) -> bool:
    """Make the state directory; returns whether it was not there. Raises BundlerError."""
    if state.is_symlink():
        raise BundlerError(
            f"'{printable(str(state))}' is a symbolic link",
            "remove it: it is not of our making",
            ExitCode.UNSUITABLE,
        )
    try:
        state.mkdir(0o700)
    except FileExistsError:
        return False
    except OSError as error:
        raise _cannot_write(state.parent, error) from None
    return True


def _lay_out(bases: Sequence[Path], files: Mapping[str, bytes]) -> Path:
    """Write files, 0600, in a new directory in the first of these that has room for them."""
    refusal = None
    for base in bases:
        place = base / f"{_PREFIX}{os.getpid()}"
        try:
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
        number = left.name.removeprefix(_PREFIX)
        is_over = number == str(os.getpid()) or not Path(f"/proc/{number}").exists()
        with suppress(OSError):
            is_ours = left.lstat().st_uid == 0 and left.is_dir() and not left.is_symlink()
            if number.isdecimal() and is_ours and is_over:
                shutil.rmtree(left, ignore_errors=True)


def _cannot_write(place: Path, error: OSError) -> BundlerError:
    return BundlerError(
        f"cannot write in '{printable(str(place))}': {reason(error)}", _HINT, ExitCode.UNSUITABLE
    )
