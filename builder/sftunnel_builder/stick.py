"""The one place that writes on a stick, and looks at what is there.

A stick is pulled out when somebody pulls it, and FAT has no journal. So the new kit is written
beside the old one, flushed, read back and compared before anything gets a name that start.sh looks
for:

| on the stick | what a cut then leaves, and what start.sh finds |
| --- | --- |
| sftunnel.new is being written | the old kit, or none |
| start.sh was replaced, and sftunnel-installer | the old kit, or none: any of these runs any kit |
| the old kit became sftunnel.old | the old kit, there |
| sftunnel.new became sftunnel | the new kit |
| sftunnel.old is being removed | the new kit |

Whatever a cut left is set right by the next run, before it does anything else.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from sftunnel_builder.bundle import SIGNATURE, SUMS
from sftunnel_builder.carried_installer import PROGRAM
from sftunnel_builder.errors import BundlerError, ExitCode, printable, reason
from sftunnel_builder.kit import START
from sftunnel_builder.on_disk import flush_directory, write_private
from sftunnel_builder.read_back import read_back
from sftunnel_builder.words import _

KIT, NEW, OLD = "sftunnel", "sftunnel.new", "sftunnel.old"
_NEW_TOP = {START: "start.top", PROGRAM: "installer.top"}
"""What will lie at the stick's top, while it lies in NEW."""
_START_HEAD = b"#!/bin/sh\n# start.sh: "
"""How a start.sh of any release begins."""
_MAC_PREFIX = "._"
_OF_A_KIT = re.compile(
    r"SHA256SUMS(\.sig)?|signer\.pem|start\.(sh|top)|installer\.top|index\.html|codes|bundles|runbooks"
    r"|bundles/sftunnel-[\w.-]+\.tar\.gz(\.sha256)?|runbooks/sftunnel-[\w.-]+\.(txt|html)",
    re.ASCII,
)
"""What a kit of any release may have in it, relative to it."""
_OURS = (KIT, NEW, OLD, START, PROGRAM, f"{_MAC_PREFIX}{START}", f"{_MAC_PREFIX}{KIT}")

Watch = Callable[[Iterable[str], int], Iterable[str]]
"""Passes on file names, whose number it is told, and shows progress."""


class Held(Enum):
    """What kit a stick holds, compared with one that is to be written there."""

    NONE = "none"
    SAME = "same"
    DAMAGED = "damaged"
    """The same one, but not whole."""
    OTHER = "other"


@dataclass(frozen=True)
class Found:
    """A stick as it was found."""

    held: Held
    stranger: str | None
    """What stands in the way and is not ours, relative to the stick."""
    mac_files: tuple[str, ...]
    cluster_bytes: int
    total_bytes: int
    is_read_only: bool
    is_mount_point: bool


@contextmanager
def alone(stick: Path) -> Iterator[None]:
    """Keep other runs off a stick; raises BundlerError (UNSUITABLE) if one is at work."""
    with ExitStack() as at_the_end:
        try:
            descriptor = os.open(stick, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            at_the_end.callback(os.close, descriptor)
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BundlerError(
                _("another run is at work on the stick '{stick}'").format(
                    stick=printable(str(stick))
                ),
                _("wait until it has ended, then type the same again"),
                ExitCode.UNSUITABLE,
            ) from None
        except OSError as error:
            raise _cannot_read(stick, error) from None
        yield


def look(stick: Path, files: Mapping[str, bytes], top: Mapping[str, bytes]) -> Found:
    """Return what is on a stick, compared with a kit's files, paths in the kit; writes nothing.

    top is what lies at the stick's top, by name: start.sh, perhaps the installer program.
    """
    try:
        facts = os.statvfs(stick)
        # Asked by name, as FAT takes upper and lower case for the same.
        names = {name for name in _OURS if os.path.lexists(stick / name)}
        return Found(
            held=_held(stick, names, files, top),
            stranger=_stranger(stick, names),
            mac_files=tuple(_mac_files(stick, names)),
            cluster_bytes=facts.f_frsize,
            total_bytes=facts.f_frsize * facts.f_blocks,
            is_read_only=bool(facts.f_flag & os.ST_RDONLY),
            is_mount_point=os.path.ismount(stick),
        )
    except OSError as error:
        raise _cannot_read(stick, error) from None


def _cannot_read(stick: Path, error: OSError) -> BundlerError:
    return BundlerError(
        _("cannot read the stick '{stick}': {why}").format(
            stick=printable(str(stick)), why=reason(error)
        ),
        _("look whether it is mounted and sound"),
        ExitCode.UNSUITABLE,
    )


def _held(
    stick: Path, names: set[str], files: Mapping[str, bytes], top: Mapping[str, bytes]
) -> Held:
    """Return what kit is there."""
    if not names & {KIT, OLD}:
        return Held.NONE
    if not _is_there(stick / (KIT if KIT in names else OLD) / SUMS, files[SUMS]):
        return Held.OTHER
    is_whole = KIT in names and not names & {NEW, OLD} and names & _NEW_TOP.keys() == top.keys()
    is_same = is_whole and not _differing(stick, top, top)
    return Held.SAME if is_same and not _differing(stick / KIT, files, files) else Held.DAMAGED


def _differing(place: Path, files: Mapping[str, bytes], names: Iterable[str]) -> list[str]:
    """Return the names of those files that are not there as they should be."""
    return [name for name in names if not _is_there(place / name, files[name])]


def _is_there(path: Path, content: bytes) -> bool:
    """Tell whether a plain file holds just that, read past the cache."""
    return _begins(path, len(content) + 1) == content


def _begins(path: Path, size: int) -> bytes | None:
    """Return the first bytes of a plain file, at most size of them; None if there is none."""
    if path.is_symlink() or not path.is_file():
        return None
    try:
        return read_back(path, [(0, size)])[0]
    except OSError:
        # A bad sector: as good as missing.
        return None


def _stranger(stick: Path, names: set[str]) -> str | None:
    """Return the first thing that stands where the kit would, and is not ours."""
    for name in sorted(names & {KIT, NEW, OLD}):
        place = stick / name
        if place.is_symlink() or not place.is_dir():
            return name
        for path in sorted(place.rglob("*")):
            is_ours = _OF_A_KIT.fullmatch(path.relative_to(place).as_posix())
            if path.is_symlink() or not (is_ours or path.name.startswith(_MAC_PREFIX)):
                return path.relative_to(stick).as_posix()
    if START in names:
        head = _begins(stick / START, len(_START_HEAD))
        # A cut may leave an empty one.
        if head not in (_START_HEAD, b""):
            return START
    is_plain = not (stick / PROGRAM).is_symlink() and (stick / PROGRAM).is_file()
    return PROGRAM if PROGRAM in names and not is_plain else None


def _mac_files(stick: Path, names: set[str]) -> Iterable[str]:
    """Yield what macOS has put beside our files."""
    yield from sorted(name for name in names if name.startswith(_MAC_PREFIX))
    for path in sorted((stick / KIT).rglob(f"{_MAC_PREFIX}*")):
        yield path.relative_to(stick).as_posix()


def set_right(stick: Path) -> None:
    """Finish or undo what a run that was cut off left; raises BundlerError (UNSUITABLE)."""
    try:
        _set_right(stick)
    except OSError as error:
        raise _cannot_write(stick, error) from None


def _set_right(stick: Path) -> None:
    kit, new, old = (stick / name for name in (KIT, NEW, OLD))
    if old.exists() and not kit.exists():
        os.rename(old, kit)
        flush_directory(stick)
    for left in (new, old):
        if left.exists():
            shutil.rmtree(left)


def free_bytes(stick: Path) -> int:
    """Return how many bytes are free on a stick."""
    facts = os.statvfs(stick)
    return facts.f_frsize * facts.f_bavail


def write_kit(
    stick: Path,
    files: Mapping[str, bytes],
    top: Mapping[str, bytes],
    watch: Callable[[str], Watch],
) -> None:
    """Write a kit, by path in the kit, on a stick that is set right; replaces the one there.

    top is what lies at the stick's top, by name; another installer program there goes.

    watch is told what is done and returns what shows its progress. Raises BundlerError
    (UNSUITABLE); what then is on the stick is said in the table at the top of this file.
    """
    new = stick / NEW
    # The signed list last, as what makes the others worth something.
    names = sorted(files, key=lambda name: (name in (SUMS, SIGNATURE), name))
    try:
        for directory in ("", *sorted({name.rpartition("/")[0] for name in names} - {""})):
            os.mkdir(new / directory, 0o700)
        for name in watch(_("Writing"))(names, len(names)):
            write_private(new / name, files[name])
        at_top = {_NEW_TOP[name]: content for name, content in top.items()}
        for name, content in at_top.items():
            write_private(new / name, content)
        for place in {(new / name).parent for name in names}:
            flush_directory(place)
        differing = _differing(new, files, watch(_("Comparing"))(names, len(names)))
        differing += _differing(new, at_top, at_top)
        if differing:
            raise BundlerError(
                _("'{place}' reads back other bytes than were written").format(
                    place=printable(str(new / differing[0]))
                ),
                _("the stick cannot be trusted: take another one"),
                ExitCode.UNSUITABLE,
            )
        _switch(stick, top)
    except OSError as error:
        raise _cannot_write(stick, error) from None
    finally:
        # Of the new kit, if it did not come so far; of the old one, if it did.
        with suppress(OSError):
            _set_right(stick)


def _switch(stick: Path, top: Mapping[str, bytes]) -> None:
    """Give the new kit, which is whole, the names that start.sh is found by and looks for."""
    kit, new, old = (stick / name for name in (KIT, NEW, OLD))
    for name in top:
        os.replace(new / _NEW_TOP[name], stick / name)
    for name in _NEW_TOP.keys() - top.keys():
        (stick / name).unlink(missing_ok=True)
    flush_directory(stick)
    if kit.exists():
        os.rename(kit, old)
        flush_directory(stick)
    os.rename(new, kit)
    flush_directory(stick)
    _set_right(stick)
    flush_directory(stick)


def _cannot_write(stick: Path, error: OSError) -> BundlerError:
    return BundlerError(
        _("cannot write on the stick '{stick}': {why}").format(
            stick=printable(str(stick)), why=reason(error)
        ),
        _(
            "look whether it is still there, full or worn out, then type the same again; if it "
            "held a kit, the old or the new one is whole there"
        ),
        ExitCode.UNSUITABLE,
    )
