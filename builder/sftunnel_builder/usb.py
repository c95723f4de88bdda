"""A kit on a USB stick, or in an image of one.

1. the kit is whole, as `open_kit` says, and signed by whom the operator named, if anybody was named
2. FAT32 can hold it
3. nothing on the stick is in the way: no other kit, unless it is replaced, nothing of others
4. there is room
5. it is written beside what is there, flushed, read back, compared, and only then takes its place
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Set
from dataclasses import dataclass
from pathlib import Path

from sftunnel_builder.carried_installer import PROGRAM
from sftunnel_builder.errors import BundlerError, ExitCode, printable
from sftunnel_builder.fat32 import needed_clusters, refuse_names
from sftunnel_builder.fat32_image import Image, make_image
from sftunnel_builder.image_file import refuse_image_place, write_image
from sftunnel_builder.kit import START
from sftunnel_builder.open_kit import OpenedKit, open_kit, refuse_other_signer
from sftunnel_builder.read_back import CAN_DROP_CACHE
from sftunnel_builder.stick import (
    KIT,
    Found,
    Held,
    Watch,
    alone,
    free_bytes,
    look,
    set_right,
    write_kit,
)
from sftunnel_builder.words import N_, _

MAX_STICK_BYTES = 8 << 30
"""What appliances are known to take."""


@dataclass(frozen=True)
class UsbRequest:
    """What is to be copied where."""

    kit: Path
    place: Path
    """The directory where the stick is mounted, or the image to write."""
    is_image: bool
    replace: bool
    trusted: Set[str]
    """Fingerprints of who may have signed the kit; empty: anybody."""
    installer: bytes | None = None
    """The frozen sftunnel-installer to put beside start.sh; None: that of the bundles, if any."""


@dataclass(frozen=True)
class UsbReport:
    """What came of it."""

    place: Path
    is_image: bool
    was_there: bool
    """The same kit was there already, whole."""
    signer: str
    sums_sha256: str
    start_sha256: str
    installer_sha256: str | None
    """Of the sftunnel-installer on the stick; None if there is none."""
    bundles: int
    bytes: int
    """Of all files."""
    has_plain_keys: bool
    notes: tuple[str, ...]


def copy_kit(request: UsbRequest, watch: Callable[[str], Watch]) -> UsbReport:
    """Copy a kit to a stick or into an image. watch shows progress: see `write_kit`.

    Raises BundlerError, and leaves a whole kit, the old or the new one, where there was one.
    """
    if request.is_image:
        refuse_image_place(request.place, replace=request.replace)
    kit = open_kit(request.kit)  # 1
    if request.place.resolve().is_relative_to(request.kit):
        raise BundlerError(
            _("'{place}' is in the kit, which would not be whole then").format(
                place=printable(str(request.place))
            ),
            _("name the directory where the stick is mounted, or a place for the image"),
            ExitCode.USAGE,
        )
    if kit.signer is None:
        raise BundlerError(
            _("the kit '{kit}' is not signed").format(kit=printable(str(request.kit))),
            _("sign it first: sftunnel-bundler sign KIT"),
            ExitCode.UNTRUSTED,
        )
    refuse_other_signer(kit, request.trusted, _("compare both with the printed runbook"))
    refuse_names(kit.files)  # 2
    notes: tuple[str, ...] = ()
    was_there = False
    top = top_files(kit, request.installer)
    if request.is_image:
        write_image(request.place, _image(kit, top))
    else:
        was_there, notes = _copy_to_stick(kit, top, request, watch)
    program = top.get(PROGRAM)
    return UsbReport(
        place=request.place,
        is_image=request.is_image,
        was_there=was_there,
        signer=kit.signer,
        sums_sha256=kit.sums_sha256,
        start_sha256=hashlib.sha256(kit.files[START]).hexdigest(),
        installer_sha256=hashlib.sha256(program).hexdigest() if program else None,
        bundles=len(kit.bundles),
        bytes=sum(map(len, kit.files.values())),
        has_plain_keys=not all(c.is_key_encrypted() for c in kit.bundles.values()),
        notes=notes if CAN_DROP_CACHE else (*notes, _(_CACHE_NOTE)),
    )


_CACHE_NOTE = N_(
    "this system does not let a program drop its cache: what was compared may not have come from "
    "the stick itself; eject it, put it in again, and type the same once more"
)


def top_files(kit: OpenedKit, installer: bytes | None) -> dict[str, bytes]:
    """Return what lies at the top of a stick, where it is typed, by name."""
    carried = (contents.members.get(PROGRAM) for contents in kit.bundles.values())
    program = installer or next(filter(None, carried), None)
    return {START: kit.files[START], **({PROGRAM: program} if program else {})}


def stick_files(files: Mapping[str, bytes], top: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return what lies on a stick, by path, for a kit's files and those at the top."""
    return {**top, **{f"{KIT}/{name}": files[name] for name in files}}


def _image(kit: OpenedKit, top: Mapping[str, bytes]) -> Image:
    """Return the image of a kit: always the same one, of the time of its newest bundle."""
    newest = max(contents.conf.created for contents in kit.bundles.values())
    return make_image(stick_files(kit.files, top), newest, int(kit.sums_sha256[:8], 16))


def _copy_to_stick(
    kit: OpenedKit,
    top: Mapping[str, bytes],
    request: UsbRequest,
    watch: Callable[[str], Watch],
) -> tuple[bool, tuple[str, ...]]:
    """Copy a kit to a mounted stick; returns whether it was there already, and what to note."""
    stick = request.place
    if not stick.is_dir():
        raise BundlerError(
            _("'{stick}' is not a directory").format(stick=printable(str(stick))),
            _("name the directory where the stick is mounted, or give --image"),
            ExitCode.USAGE,
        )
    with alone(stick):
        found = look(stick, kit.files, top)
        notes = tuple(notes_on(found))
        if found.held is Held.SAME and found.stranger is None:
            return True, notes
        wanted = found.cluster_bytes * needed_clusters(
            stick_files(kit.files, top), found.cluster_bytes
        )
        refuse_stick(found, wanted, stick, replace=request.replace)  # 3
        set_right(stick)
        refuse_full(wanted, free_bytes(stick), stick)  # 4
        write_kit(stick, kit.files, top, watch)  # 5
    return False, notes


def refuse_stick(found: Found, wanted_bytes: int, stick: Path, *, replace: bool) -> None:
    """Raise BundlerError if a kit that takes so many bytes may not be written there."""
    place = printable(str(stick))
    if found.is_read_only:
        raise BundlerError(
            _("the stick '{stick}' is read-only").format(stick=place),
            _("look for a switch on it, and at how it is mounted; a damaged one is read-only, too"),
            ExitCode.UNSUITABLE,
        )
    if found.stranger is not None:
        raise BundlerError(
            _("'{name}' on the stick '{stick}' is not of this program, so it is left alone").format(
                name=printable(found.stranger), stick=place
            ),
            _("move it away, or take another stick"),
            ExitCode.UNSUITABLE,
        )
    if found.held is Held.OTHER and not replace:
        raise BundlerError(
            _("the stick '{stick}' holds another kit").format(stick=place),
            _("take another stick, or give --replace"),
            ExitCode.USAGE,
        )
    if found.total_bytes < wanted_bytes:
        raise BundlerError(
            _("the stick '{stick}' is too small: wanted {wanted:,} bytes, found {found:,}").format(
                stick=place, wanted=wanted_bytes, found=found.total_bytes
            ),
            _("take a larger one"),
            ExitCode.UNSUITABLE,
        )


def refuse_full(wanted_bytes: int, free: int, stick: Path) -> None:
    """Raise BundlerError if a stick has less than so many bytes free."""
    if free < wanted_bytes:
        raise BundlerError(
            _(
                "the stick '{stick}' is too full: wanted {wanted:,} bytes free, found {free:,}"
            ).format(stick=printable(str(stick)), wanted=wanted_bytes, free=free),
            _("make room on it; an old kit, in '{kit}', stays until the new one is whole").format(
                kit=KIT
            ),
            ExitCode.UNSUITABLE,
        )


def notes_on(found: Found) -> Iterator[str]:
    """Yield what the person should know of a stick."""
    if not found.is_mount_point:
        yield _("no file system is mounted on that directory: is the stick there?")
    elif found.total_bytes > MAX_STICK_BYTES:
        yield _(
            "the stick has {count:,} bytes; what is known of the appliances is that they take "
            "sticks of at most 8 GB"
        ).format(count=found.total_bytes)
    if found.mac_files:
        yield _(
            "macOS has put {count} files of its own beside the kit, such as '{name}': they do no "
            "harm"
        ).format(count=len(found.mac_files), name=printable(found.mac_files[0]))
