"""The bytes of a FAT32 file system that holds given files, long names and all.

One file system on the whole medium, without a partition table. The same files, time and volume
number give the same bytes. Source: Microsoft's FAT specification, version 1.03.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sftunnel_builder.fat32 import (
    LONG_NAME_CHARACTERS,
    base_name,
    directories,
    needed_clusters,
)

SECTOR = 512
"""Of a cluster, too: the smallest image that is FAT32 has 33 MiB then."""
MIN_CLUSTERS = 65525 + 16
"""With fewer it would be FAT16; some count a little differently, so that 16 more are wise."""
SPARE_CLUSTERS = 4096
"""2 MiB for receipts, and for a backup that is exported to it."""
LABEL = b"SFTUNNEL   "

_RESERVED_SECTORS = 32
_INFO_SECTOR, _BACKUP_SECTOR = 1, 6
_ROOT = 2
"""The first cluster that there is."""
_END = 0x0FFFFFFF
_DIRECTORY, _ARCHIVE, _VOLUME, _LONG = 0x10, 0x20, 0x08, 0x0F
_SHORT_NAME = re.compile(r"[A-Za-z0-9_-]{1,8}(\.[A-Za-z0-9_-]{1,3})?")


@dataclass(frozen=True)
class Image:
    """An image: what stands where. All else is zero."""

    size_bytes: int
    regions: tuple[tuple[int, bytes], ...]
    """Offset in bytes, and content; sorted, none touching another."""


@dataclass(frozen=True)
class _Placed:
    """Where a file or directory lies: its first cluster (0 if it is empty), and its content."""

    cluster: int
    content: bytes


def make_image(files: Mapping[str, bytes], when: datetime, volume_id: int) -> Image:
    """Return an image with files by path; when, in UTC, is the time of all of them."""
    count = max(MIN_CLUSTERS, needed_clusters(files, SECTOR) + SPARE_CLUSTERS)
    fat_sectors = -(-(count + _ROOT) * 4 // SECTOR)
    placed, used = _place(files, when)
    fat = _allocation_table(placed.values(), used)
    boot = _boot_sector(_RESERVED_SECTORS + 2 * fat_sectors + count, fat_sectors, volume_id)
    info = _info_sector(free=count - used, following=_ROOT + used)
    first_data = _RESERVED_SECTORS + 2 * fat_sectors
    sectors = {
        0: boot,
        _INFO_SECTOR: info,
        _BACKUP_SECTOR: boot,
        _BACKUP_SECTOR + _INFO_SECTOR: info,
        _RESERVED_SECTORS: fat,
        _RESERVED_SECTORS + fat_sectors: fat,
    }
    for item in placed.values():
        if item.content:
            sectors[first_data + item.cluster - _ROOT] = item.content
    regions = ((sector * SECTOR, content) for sector, content in sorted(sectors.items()))
    return Image((first_data + count) * SECTOR, tuple(regions))


def _place(files: Mapping[str, bytes], when: datetime) -> tuple[dict[str, _Placed], int]:
    """Return where everything lies, by path, and the number of clusters used; the top is ``."""
    held = directories(files)
    lengths = {name: len(_entries(name, held, {}, files, when)) for name in held}
    lengths.update((name, len(files[name])) for name in sorted(files))
    starts: dict[str, int] = {}
    used = 0
    for name, length in lengths.items():
        starts[name] = _ROOT + used if length else 0
        used += -(-length // SECTOR)
    content = {name: _entries(name, held, starts, files, when) for name in held}
    content.update(files)
    return {name: _Placed(start, content[name]) for name, start in starts.items()}, used


def _allocation_table(placed: Iterable[_Placed], used: int) -> bytes:
    """Return the used part of the table of clusters: each names the one behind it."""
    table = [0x0FFFFFF8, _END, *range(_ROOT + 1, _ROOT + used + 1)]
    for item in placed:
        if item.content:
            table[item.cluster - (-len(item.content) // SECTOR) - 1] = _END
    return struct.pack(f"<{len(table)}I", *table)


def _boot_sector(sectors: int, fat_sectors: int, volume_id: int) -> bytes:
    head = struct.pack(
        "<3s8sHBHBHHBHHHII",
        *(b"\xeb\x58\x90", b"MSWIN4.1", SECTOR, 1, _RESERVED_SECTORS, 2, 0, 0, 0xF8, 0),
        *(63, 255, 0, sectors),
    )
    tail = struct.pack(
        "<IHHIHH12xBBBI11s8s",
        *(fat_sectors, 0, 0, _ROOT, _INFO_SECTOR, _BACKUP_SECTOR, 0x80, 0, 0x29, volume_id),
        *(LABEL, b"FAT32   "),
    )
    return (head + tail).ljust(SECTOR - 2, b"\0") + b"\x55\xaa"


def _info_sector(*, free: int, following: int) -> bytes:
    return struct.pack("<4s480x4sII12xI", b"RRaA", b"rrAa", free, following, 0xAA550000)


def _entries(
    directory: str,
    held: Mapping[str, tuple[str, ...]],
    starts: Mapping[str, int],
    files: Mapping[str, bytes],
    when: datetime,
) -> bytes:
    """Return the entries of a directory; starts are first clusters by path, as far as known."""
    if directory:
        parent = directory.rpartition("/")[0]
        # The top is number 0 there, wherever it lies.
        entries = _entry(b".".ljust(11), _DIRECTORY, starts.get(directory, 0), 0, when)
        entries += _entry(
            b"..".ljust(11), _DIRECTORY, starts.get(parent, 0) if parent else 0, 0, when
        )
    else:
        entries = _entry(LABEL, _VOLUME, 0, 0, when)
    for number, path in enumerate(held[directory], start=1):
        short = _short_name(base_name(path), number)
        kind, size = (_DIRECTORY, 0) if path in held else (_ARCHIVE, len(files[path]))
        entries += _long_name(base_name(path), short)
        entries += _entry(short, kind, starts.get(path, 0), size, when)
    return entries


def _entry(short: bytes, kind: int, cluster: int, size: int, when: datetime) -> bytes:
    date = max(when.year - 1980, 0) << 9 | when.month << 5 | when.day
    time = when.hour << 11 | when.minute << 5 | when.second // 2
    return struct.pack(
        "<11sBBBHHHHHHHI",
        *(short, kind, 0, 0, time, date, date, cluster >> 16, time, date, cluster & 0xFFFF, size),
    )


def _short_name(name: str, number: int) -> bytes:
    """Return the 8.3 name behind a long one: the same in upper case, or one with its number."""
    stem, _, suffix = name.rpartition(".") if "." in name else (name, "", "")
    if not _SHORT_NAME.fullmatch(name):
        tail = f"~{number}"
        stem = re.sub(r"[^A-Za-z0-9_-]", "", stem)[: 8 - len(tail)] + tail
        suffix = suffix[:3]
    return f"{stem.upper():<8}{suffix.upper():<3}".encode()


def _long_name(name: str, short: bytes) -> bytes:
    """Return the entries of a long name, which stand before that of the short one, last first."""
    checksum = 0
    for byte in short:
        checksum = (((checksum & 1) << 7) + (checksum >> 1) + byte) & 0xFF
    parts = [
        name[at : at + LONG_NAME_CHARACTERS] for at in range(0, len(name), LONG_NAME_CHARACTERS)
    ]
    entries = b""
    for number, part in reversed(list(enumerate(parts, start=1))):
        last = 0x40 if number == len(parts) else 0
        text = part.encode("utf-16-le")
        text = text if len(part) == LONG_NAME_CHARACTERS else text + b"\0\0"
        text = text.ljust(2 * LONG_NAME_CHARACTERS, b"\xff")
        facts = (number | last, text[:10], _LONG, 0, checksum, text[10:22], 0, text[22:])
        entries += struct.pack("<B10sBBB12sH4s", *facts)
    return entries
