"""The .tar.gz of a bundle: written in one way only, so that reading can refuse every other.

The tar has plain files in one top directory, USTAR, owner root:root, one time for all. The gzip
header has no name and no time, and one extra field (RFC 1952, FEXTRA, id `SB`): the SHA-256 of the
deflate stream behind it. Without that, a flipped bit in the stream may decode to the same bytes
(two distances that copy the same zeros, the padding of the last byte) and go unnoticed; and
comparing with a stream packed again would tie bundles to one build of zlib.

The stream is joined from pieces, so that the programs, which are the same in every bundle of a kit,
are compressed once for all of them.
"""

from __future__ import annotations

import hashlib
import io
import re
import struct
import tarfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache

from sftunnel_builder.carried_installer import PROGRAM
from sftunnel_builder.errors import BundlerError, ExitCode, printable
from sftunnel_builder.words import _

MAX_ARCHIVE_BYTES = 64 * 1024 * 1024
MAX_CONTENT_BYTES = 256 * 1024 * 1024
_GZIP_HEAD = bytes.fromhex("1f8b08040000000002ff")
_EXTRA_HEAD = struct.pack("<H2sH", 36, b"SB", 32)
_HEAD_LENGTH = len(_GZIP_HEAD) + len(_EXTRA_HEAD) + 32
_BLOCK = tarfile.BLOCKSIZE
_WINDOW = 1 << zlib.MAX_WBITS
_PROGRAMS = ("install.sh", PROGRAM)
_OCTAL = re.compile(rb"([0-7]{11})\0")
_NAME = re.compile(r"[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*")


@dataclass(frozen=True)
class Archive:
    """What a bundle's .tar.gz holds."""

    top: str
    """Name of the one top directory."""
    mtime: datetime
    """UTC, the time of every member."""
    members: Mapping[str, bytes]
    """Contents by path below the top directory, in the order of the archive."""


def pack(archive: Archive) -> bytes:
    """Return the .tar.gz. The same tar bytes for the same archive, whatever the platform."""
    tar = _tar(archive)
    stream = _deflate(tar, archive.members)
    tail = struct.pack("<II", zlib.crc32(tar), len(tar) & 0xFFFFFFFF)
    return _GZIP_HEAD + _EXTRA_HEAD + hashlib.sha256(stream).digest() + stream + tail


def _deflate(tar: bytes, members: Mapping[str, bytes]) -> bytes:
    """Return the tar of these members as one deflate stream, its programs as pieces of their own.

    A piece that ends with a flush is followed by the next one without a seam (RFC 1951, 3.2.4). All
    but the programs may refer to what stands before them, so that the pieces cost no bytes.
    """
    stream, done, at = b"", 0, 0
    for name, content in members.items():
        begin, at = at + _BLOCK, at + _BLOCK + _padded(len(content))
        if name in _PROGRAMS:
            stream += _squeeze(tar[done:begin], tar[:done]) + _squeeze_program(content)
            done = at
    return stream + _squeeze(tar[done:], tar[:done], zlib.Z_FINISH)


@lru_cache(len(_PROGRAMS))
def _squeeze_program(content: bytes) -> bytes:
    """Return the piece for a program as it stands in a tar."""
    return _squeeze(content.ljust(_padded(len(content)), b"\0"))


def _squeeze(data: bytes, before: bytes = b"", end: int = zlib.Z_SYNC_FLUSH) -> bytes:
    """Return the piece for data that stand behind others."""
    squeeze = zlib.compressobj(9, wbits=-zlib.MAX_WBITS, zdict=before[-_WINDOW:])
    return squeeze.compress(data) + squeeze.flush(end)


def _padded(size: int) -> int:
    """Return the bytes that so many take in a tar."""
    return -(-size // _BLOCK) * _BLOCK


def is_bundle(head: bytes) -> bool:
    """Tell whether a file that begins so is a bundle, and not another .tar.gz."""
    return head.startswith(_GZIP_HEAD + _EXTRA_HEAD)


def unpack(data: bytes) -> Archive:
    """Read a .tar.gz that `pack` made; raises BundlerError (UNTRUSTED) for any other bytes."""
    if len(data) > MAX_ARCHIVE_BYTES:
        raise _damaged(_("it is over 64 MiB"))
    head, stream, tail = data[:_HEAD_LENGTH], data[_HEAD_LENGTH:-8], data[-8:]
    if not is_bundle(head) or len(data) < _HEAD_LENGTH + 8:
        raise _damaged(_("its first bytes are not those of a bundle"))
    if head[-32:] != hashlib.sha256(stream).digest():
        raise _damaged(_("its contents do not have the checksum that its first bytes give"))
    tar = _inflate(stream)
    if tail != struct.pack("<II", zlib.crc32(tar), len(tar) & 0xFFFFFFFF):
        raise _damaged(_("its last bytes are not those of a bundle"))
    archive = _read_tar(tar)
    if _tar(archive) != tar:
        raise _damaged(_("it is not in the one form in which bundles are packed"))
    return archive


def _inflate(stream: bytes) -> bytes:
    try:
        inflate = zlib.decompressobj(-zlib.MAX_WBITS)
        tar = inflate.decompress(stream, MAX_CONTENT_BYTES)
    except zlib.error:
        raise _damaged(_("it does not decompress")) from None
    if not inflate.eof or inflate.unused_data:
        raise _damaged(_("it does not end where it should"))
    return tar


def _read_tar(tar: bytes) -> Archive:
    """Return the members; only plain files with plain names, once each, in one top directory.

    By hand and not by `tarfile`, which follows extensions (pax, GNU): a bundle of a kilobyte can
    keep it busy for hours. What is passed over here differs from what `_tar` writes.
    """
    members: dict[str, bytes] = {}
    tops: set[str] = set()
    times: set[int] = set()
    at = 0
    while any(header := tar[at : at + _BLOCK]):
        path, size, mtime = _read_header(header)
        shown = printable(path, 80)
        if header[156:157] != tarfile.REGTYPE:
            raise _damaged(_("'{shown}' in it is not a plain file").format(shown=shown))
        top, _mark, name = path.partition("/")
        is_plain = top != ".." and {"", ".", ".."}.isdisjoint(name.split("/"))
        if not _NAME.fullmatch(path) or not is_plain:
            raise _damaged(_("'{shown}' in it has a name that no bundle has").format(shown=shown))
        if name in members:
            raise _damaged(_("it holds '{shown}' twice").format(shown=shown))
        begin = at + _BLOCK
        members[name] = tar[begin : begin + size]
        tops.add(top)
        times.add(mtime)
        at = begin + _padded(size)
    if len(tops) != 1 or len(times) != 1:
        raise _damaged(_("it is not one directory of one time"))
    return Archive(tops.pop(), datetime.fromtimestamp(times.pop(), UTC), members)


def _read_header(header: bytes) -> tuple[str, int, int]:
    """Return path, size and time in a USTAR header (POSIX.1-2001, pax, "ustar Interchange")."""
    fields = [header[start:end].rstrip(b"\0") for start, end in ((0, 100), (345, 500))]
    numbers = [_OCTAL.fullmatch(header[start : start + 12]) for start in (124, 136)]
    if len(header) != _BLOCK or not numbers[0] or not numbers[1]:
        raise _damaged(_("it is not a tar archive"))
    path = b"/".join(field for field in reversed(fields) if field)
    return path.decode("ascii", "replace"), int(numbers[0][1], 8), int(numbers[1][1], 8)


def _tar(archive: Archive) -> bytes:
    """Return the uncompressed tar."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as writer:
        for name, content in archive.members.items():
            info = tarfile.TarInfo(f"{archive.top}/{name}")
            info.size = len(content)
            info.mtime = int(archive.mtime.timestamp())
            info.mode = _mode(name)
            info.uname = info.gname = "root"
            writer.addfile(info, io.BytesIO(content))
    return out.getvalue()


def _mode(name: str) -> int:
    """Return the mode in the archive: keys are their owner's, programs can be executed."""
    if name.endswith("sftunnel-key.pem"):
        return 0o600
    return 0o755 if name in ("install.sh", PROGRAM) else 0o644


def _damaged(why: str) -> BundlerError:
    return BundlerError(
        _("the bundle is damaged or was altered: {why}").format(why=why),
        _("get it again from the kit, and compare its SHA-256 with the printed runbook"),
        ExitCode.UNTRUSTED,
    )
