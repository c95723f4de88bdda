"""Vectors of what is around the tar: gzip and deflate."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from vectors.container import stored
from vectors.parts import GOOD, bundle
from vectors.vector import DAMAGED, Vector, of_bundle

HEAD = f"{DAMAGED}its first bytes are not those of a bundle"
SUM = f"{DAMAGED}its contents do not have the checksum that its first bytes give"
TAIL = f"{DAMAGED}its last bytes are not those of a bundle"


def frame_vectors() -> Iterator[Vector]:
    """Yield them."""
    yield from _gzip()
    yield from _deflate()


def _gzip() -> Iterator[Vector]:
    for name, fault, edit, verify, check in (
        ("magic", "the first byte is not that of gzip", {"head": b"\x1e" + GOOD[1:10]}, HEAD, ""),
        ("method", "another compression method", {"head": _head(2, 7)}, HEAD, ""),
        ("text", "FTEXT is set", {"head": _head(3, 5)}, HEAD, "0"),
        (
            "no-extra",
            "no extra field",
            {"head": _head(3, 0), "extra": b"", "digest": b""},
            HEAD,
            "0",
        ),
        ("time", "it has a time", {"head": _head(4, 1)}, HEAD, "0"),
        ("fastest", "XFL says fastest", {"head": _head(8, 4)}, HEAD, "0"),
        ("system", "the system is Unix", {"head": _head(9, 3)}, HEAD, "0"),
        ("subfield-id", "the subfield id is `Sb`", {"extra": b"\x24\0Sb\x20\0"}, HEAD, "0"),
        (
            "subfield-length",
            "the subfield is a byte shorter than said",
            {"extra": b"\x24\0SB\x1f\0"},
            HEAD,
            "0",
        ),
        (
            "digest",
            "a flipped bit in the SHA-256 of the stream",
            {"digest": _flip(GOOD[16:48])},
            SUM,
            "0",
        ),
        ("crc", "a flipped bit in the CRC-32", {"tail": _flip(GOOD[-8:])}, TAIL, ""),
        (
            "length",
            "a flipped bit in the length of the tar",
            {"tail": GOOD[-8:-1] + b"\1"},
            TAIL,
            "",
        ),
        ("trailing-zero", "a zero behind the end", {"behind": b"\0"}, SUM, ""),
        (
            "second-member",
            "an empty gzip member behind it",
            {"behind": bytes.fromhex("1f8b080000000000000303000000000000000000")},
            SUM,
            "",
        ),
    ):
        changed = bundle(gzip=lambda gzip, edit=edit: replace(gzip, **edit))  # type: ignore[misc]
        yield of_bundle(f"archive/gzip-{name}", f"gzip: {fault}", changed, verify, check)
    named = {"head": _head(3, 12), "digest": GOOD[16:48] + b"bundle.tar\0"}
    yield of_bundle("archive/gzip-name", "gzip: it names a file", _gzipped(**named), HEAD, "0")
    noted = {"head": _head(3, 20), "digest": GOOD[16:48] + b"comment\0"}
    yield of_bundle("archive/gzip-comment", "gzip: it has a comment", _gzipped(**noted), HEAD, "0")
    twice = {"extra": b"\x28\0SB\x20\0", "digest": GOOD[16:48] + b"XX\0\0"}
    yield of_bundle(
        "archive/gzip-second-subfield",
        "gzip: a second, empty subfield",
        _gzipped(**twice),
        HEAD,
        "0",
    )
    yield of_bundle("archive/cut", "the last byte is missing", GOOD[:-1], SUM)
    yield of_bundle("archive/cut-in-the-header", "47 bytes only", GOOD[:47], HEAD)
    yield of_bundle("archive/empty", "an empty file", b"", HEAD)
    yield of_bundle("archive/line-feed-before", "a line feed before it", b"\n" + GOOD, HEAD)


def _deflate() -> Iterator[Vector]:
    def with_stream(stream: Callable[[bytes], bytes]) -> bytes:
        return bundle(gzip=lambda gzip: gzip.with_stream(stream(gzip.stream)))

    yield of_bundle(
        "archive/deflate-two-blocks",
        "none: the stream is in two blocks; how it is compressed is free",
        with_stream(lambda stream: stored(stream[5:], 16384)),
        "0",
        "0",
    )
    yield of_bundle(
        "archive/deflate-padding",
        "none: the bits behind the block type, which count for nothing, are set; it is what the "
        "SHA-256 says",
        with_stream(lambda stream: bytes([stream[0] | 0xF8]) + stream[1:]),
        "0",
        "0",
    )
    yield of_bundle(
        "archive/deflate-padding-later",
        "the same bits set, and the SHA-256 is that of the stream before",
        bundle(gzip=lambda g: replace(g, stream=bytes([g.stream[0] | 0xF8]) + g.stream[1:])),
        SUM,
        "0",
    )
    for name, fault, edit, verify in (
        (
            "length",
            "a block's length is not the complement of itself",
            lambda stream: stream[:3] + _flip(stream[3:5]) + stream[5:],
            "it does not decompress",
        ),
        (
            "block-type",
            "a block of the reserved type",
            lambda stream: b"\7" + stream[1:],
            "it does not decompress",
        ),
        (
            "no-last-block",
            "no block says that it is the last",
            lambda stream: b"\0" + stream[1:],
            "it does not end where it should",
        ),
        (
            "byte-behind",
            "a byte behind the last block",
            lambda stream: stream + b"\0",
            "it does not end where it should",
        ),
        (
            "cut",
            "the last byte is missing in the stream",
            lambda stream: stream[:-1],
            "it does not end where it should",
        ),
    ):
        yield of_bundle(f"archive/deflate-{name}", fault, with_stream(edit), DAMAGED + verify)


def _head(at: int, value: int) -> bytes:
    return GOOD[:at] + bytes([value]) + GOOD[at + 1 : 10]


def _flip(data: bytes) -> bytes:
    return bytes([data[0] ^ 1]) + data[1:]


def _gzipped(**parts: bytes) -> bytes:
    return bundle(gzip=lambda gzip: replace(gzip, **parts))
