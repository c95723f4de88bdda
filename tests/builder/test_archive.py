"""Archives that somebody made on purpose: refused as damaged, never a bug."""

from __future__ import annotations

import gzip
import hashlib
import io
import struct
import tarfile
import zlib
from datetime import UTC, datetime

import pytest

from sftunnel_builder.archive import Archive, pack, unpack
from sftunnel_builder.carried_installer import PROGRAM
from sftunnel_builder.errors import BundlerError, ExitCode
from sftunnel_builder.resources import installer_script

ARCHIVE = Archive("top", datetime(2026, 1, 1, tzinfo=UTC), {"install.sh": b"x" * 600})
SCRIPT = b"".join(b"step %d\n" % number for number in range(9000))
"""Longer than what deflate can look back."""


def _wrap(tar: bytes) -> bytes:
    """Put any tar into the outer form, with its checksum right."""
    squeeze = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    stream = squeeze.compress(tar) + squeeze.flush()
    tail = struct.pack("<II", zlib.crc32(tar), len(tar))
    return pack(ARCHIVE)[:16] + hashlib.sha256(stream).digest() + stream + tail


def _plain() -> bytes:
    return zlib.decompress(pack(ARCHIVE)[48:-8], -zlib.MAX_WBITS)


def _with_header(start: int, value: bytes) -> bytes:
    """Change the first member's header, its checksum corrected."""
    header = bytearray(_plain()[:512])
    header[start : start + len(value)] = value
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    return bytes(header) + _plain()[512:]


def _with_pax(**headers: str) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as writer:
        info = tarfile.TarInfo("top/install.sh")
        info.size, info.pax_headers = 5, headers
        writer.addfile(info, io.BytesIO(b"abcde"))
    return out.getvalue()


def _refused(tar: bytes) -> None:
    with pytest.raises(BundlerError) as caught:
        unpack(_wrap(tar))
    assert caught.value.code == ExitCode.UNTRUSTED


@pytest.mark.parametrize(
    "members",
    [
        pytest.param({"bundle.conf": b"x = y\n"}, id="no program"),
        pytest.param({"install.sh": b""}, id="an empty program"),
        pytest.param({"install.sh": SCRIPT}, id="a program alone"),
        pytest.param({"install.sh": SCRIPT, "bundle.conf": SCRIPT[:999]}, id="one, then its like"),
        pytest.param({"bundle.conf": b"", "install.sh": SCRIPT}, id="a program behind others"),
        pytest.param(
            {"install.sh": SCRIPT, PROGRAM: SCRIPT * 2, "RUNBOOK.txt": b"1. do\n"},
            id="two programs",
        ),
    ],
)
def test_whoever_reads_gzip_and_tar_reads_what_was_packed(members: dict[str, bytes]) -> None:
    for top in ("one", "another"):
        archive = Archive(top, datetime(2026, 1, 1, tzinfo=UTC), members)
        packed = pack(archive)
        assert unpack(packed) == archive
        with tarfile.open(fileobj=io.BytesIO(gzip.decompress(packed))) as reader:
            files = {info.name: reader.extractfile(info) for info in reader}
        assert {name: file and file.read() for name, file in files.items()} == {
            f"{top}/{name}": content for name, content in members.items()
        }


def test_pieces_cost_no_bytes() -> None:
    members = {"install.sh": installer_script(), "SHA256SUMS": b"0123456789abcdef\n" * 99}
    packed = pack(Archive("top", datetime(2026, 1, 1, tzinfo=UTC), members))
    whole = zlib.compress(gzip.decompress(packed), 9)
    assert len(packed) < len(whole) + 50, "the head is 40 bytes longer than zlib's"


def test_what_is_changed_below_is_good_before() -> None:
    assert unpack(_wrap(_plain())) == ARCHIVE
    assert _with_header(0, b"top/") == _plain()


@pytest.mark.parametrize(
    "tar",
    [
        pytest.param(_with_header(136, b"\x80" + b"\x7f" * 11), id="a time beyond all calendars"),
        pytest.param(_with_header(136, b"\x80" + b"\0" * 5 + b"\x7f" * 6), id="the year 4444274"),
        pytest.param(_with_header(136, b"\xff" + b"\0" * 11), id="a time before all calendars"),
        pytest.param(_with_header(124, b"77777777777\0"), id="a size of 8 GiB"),
        pytest.param(_with_header(156, b"7"), id="a contiguous file"),
        pytest.param(_with_header(156, b"S"), id="a sparse file"),
        pytest.param(_with_pax(mtime="nan"), id="a time that is no number"),
        pytest.param(_with_pax(mtime="1e400"), id="an infinite time"),
        pytest.param(_with_pax(size="-1"), id="a negative size"),
        pytest.param(_with_pax(comment="hello"), id="a comment"),
        pytest.param(
            _with_pax(**{"GNU.sparse.major": "1", "GNU.sparse.minor": "0"}), id="a sparse map"
        ),
        pytest.param(_with_pax(**{"GNU.sparse.map": "x,y"}), id="a sparse map of letters"),
        pytest.param(_plain() + b"\0" * 512, id="one block more"),
        pytest.param(_plain()[:-512], id="one block less"),
        pytest.param(b"", id="nothing"),
    ],
)
def test_a_crafted_archive_is_refused(tar: bytes) -> None:
    _refused(tar)


def test_no_flipped_bit_of_a_header_is_taken_for_good_or_for_a_bug() -> None:
    tar = _plain()
    for bit in range(8 * 512):
        header = bytearray(tar[:512])
        header[bit // 8] ^= 1 << bit % 8
        header[148:156] = b" " * 8
        header[148:156] = b"%06o\0 " % sum(header)
        try:
            found = unpack(_wrap(bytes(header) + tar[512:]))
        except BundlerError:
            continue
        else:  # another name or time, or a bit of the checksum, which was put right
            assert found != ARCHIVE or 148 <= bit // 8 < 156
