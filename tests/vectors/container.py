"""The outer layers of a bundle, written by hand: so that each of their bytes can be a fault.

The deflate stream is stored blocks only: the bytes are the same with every build of zlib, a byte of
the tar is a byte of the file, and a vector is a short patch of another one.
"""

from __future__ import annotations

import hashlib
import struct
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, replace

GZIP_HEAD = bytes.fromhex("1f8b08040000000002ff")
EXTRA_HEAD = bytes.fromhex("240053422000")
_STORED_MOST = 65535


@dataclass(frozen=True)
class Member:
    """A USTAR header (POSIX.1-1988) and what follows it; the size is filled in."""

    name: bytes
    content: bytes = b""
    mode: bytes = b"0000644\0"
    uid: bytes = b"0000000\0"
    gid: bytes = b"0000000\0"
    size: bytes | None = None
    mtime: bytes = b""
    checksum_form: bytes = b"%06o\0 "
    kind: bytes = b"0"
    link: bytes = b""
    magic: bytes = b"ustar\x0000"
    uname: bytes = b"root"
    gname: bytes = b"root"
    major: bytes = b""
    minor: bytes = b""
    prefix: bytes = b""
    padding: bytes = b"\0"
    """What fills the last block."""

    def render(self) -> bytes:
        """Return header, content and padding."""
        size = b"%011o\0" % len(self.content) if self.size is None else self.size
        before = struct.pack(
            "100s8s8s8s12s12s", self.name, self.mode, self.uid, self.gid, size, self.mtime
        )
        behind = struct.pack(
            "c100s8s32s32s8s8s155s12x",
            *(self.kind, self.link, self.magic, self.uname, self.gname),
            *(self.major, self.minor, self.prefix),
        )
        checksum = self.checksum_form % (sum(before) + sum(b"        ") + sum(behind))
        header = before + checksum + behind
        return header + self.content + self.padding * (-len(self.content) % 512)


def octal(number: int) -> bytes:
    """Return a number as the size and time fields have it."""
    return b"%011o\0" % number


def tar(members: Iterable[Member]) -> bytes:
    """Return the members, two blocks of zeros, and zeros up to 10,240 bytes."""
    data = b"".join(member.render() for member in members) + bytes(1024)
    return data + bytes(-len(data) % 10240)


def stored(data: bytes, most: int = _STORED_MOST) -> bytes:
    """Return a deflate stream of stored blocks (RFC 1951 section 3.2.4)."""
    parts = [data[at : at + most] for at in range(0, len(data), most)]
    return b"".join(
        struct.pack("<BHH", part is parts[-1], len(part), len(part) ^ 0xFFFF) + part
        for part in parts
    )


@dataclass(frozen=True)
class Gzip:
    """The parts of a bundle file (RFC 1952)."""

    head: bytes
    extra: bytes
    digest: bytes
    stream: bytes
    tail: bytes
    behind: bytes = b""

    @classmethod
    def of(cls, tar: bytes) -> Gzip:
        """Return the frame of a tar as the format has it."""
        tail = struct.pack("<II", zlib.crc32(tar), len(tar))
        return cls(GZIP_HEAD, EXTRA_HEAD, b"", b"", tail).with_stream(stored(tar))

    def with_stream(self, stream: bytes) -> Gzip:
        """Return the same with another deflate stream, and its checksum."""
        return replace(self, stream=stream, digest=hashlib.sha256(stream).digest())

    def render(self) -> bytes:
        """Return the file."""
        return self.head + self.extra + self.digest + self.stream + self.tail + self.behind
