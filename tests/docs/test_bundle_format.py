"""docs/bundle-format.md says enough to read a bundle: a second reader, written from the page."""

from __future__ import annotations

import hashlib
import re
import struct
import zlib
from pathlib import Path

import pytest

from docs.samples import ROOT
from rehearsal import Made


@pytest.fixture
def data(made: Made) -> bytes:
    return made.bundle(made.devices[1]).read_bytes()


def inflate(data: bytes) -> bytes:
    return zlib.decompress(data[48:-8], -zlib.MAX_WBITS)


def headers(tar: bytes) -> list[tuple[bytes, bytes]]:
    """Return header and content of each member, and see that the end is as the page says."""
    members, at = [], 0
    while tar[at] != 0:
        size = int(tar[at + 124 : at + 135], 8)
        members.append((tar[at : at + 512], tar[at + 512 : at + 512 + size]))
        at += 512 + (size + 511) // 512 * 512
    assert len(tar) % 10240 == 0
    assert len(tar) - at >= 1024
    assert not any(tar[at:])
    return members


def test_the_gzip_frame(data: bytes) -> None:
    text = (ROOT / "docs/bundle-format.md").read_text()
    rows = re.findall(r"^\| (\d+) \| (\d+) \| `([0-9a-f ]+)` \|", text, re.MULTILINE)
    assert [row[0] for row in rows] == ["0", "10", "12", "14"]
    for offset, length, given in rows:
        assert data[int(offset) : int(offset) + int(length)] == bytes.fromhex(given)
    assert data[16:48] == hashlib.sha256(data[48:-8]).digest()
    tar = inflate(data)
    assert data[-8:] == struct.pack("<II", zlib.crc32(tar), len(tar))


def test_the_tar_and_the_order_of_its_members(made: Made, data: bytes) -> None:
    text = (ROOT / "docs/bundle-format.md").read_text()
    rows = re.findall(r"^\| `([\w./<> -]+)` \| (\d{3}) \|", text, re.MULTILINE)
    assert len(rows) == 10
    # Only `build --with-installer` writes this one.
    rows.remove(("sftunnel-installer", "755"))
    top = "sftunnel-Plant_4_edge-" + made.devices[1].uuid[:8]
    members = headers(inflate(data))
    for (path, mode), (header, _) in zip(rows, members, strict=True):
        name = f"{top}/{path.replace('<FMC UUID>', made.fmc.uuid)}".encode()
        prefix, own = header[345:500].rstrip(b"\0"), header[:100].rstrip(b"\0")
        assert (prefix + b"/" + own if prefix else own) == name
        assert int(header[100:107], 8) == int(mode, 8)
        assert int(header[108:115], 8) == int(header[116:123], 8) == 0
        assert int(header[136:147], 8) == made.report.created.timestamp()
        assert header[156:157] == b"0"
        assert header[157:257].strip(b"\0") == b""
        assert header[257:265] == b"ustar\x0000"
        assert header[265:297].rstrip(b"\0") == header[297:329].rstrip(b"\0") == b"root"
        assert header[329:345].strip(b"\0") == b""


def test_the_fields_of_a_header_fill_it() -> None:
    text = (ROOT / "docs/bundle-format.md").read_text().partition("| bytes | field |")[2]
    column = " ".join(re.findall(r"^\| (\d[\d, -]*) \|", text.partition("\n\n")[0], re.MULTILINE))
    ends = [
        (int(first), int(last or first)) for first, last in re.findall(r"(\d+)(?:-(\d+))?", column)
    ]
    assert [first for first, _ in ends] == [0, *(last + 1 for _, last in ends[:-1])]
    assert ends[-1][1] + 1 == 500


def test_the_lines_of_bundle_conf(made: Made, data: bytes) -> None:
    content = headers(inflate(data))[1][1]
    text = (ROOT / "docs/bundle-format.md").read_text()
    block = text.partition("## bundle.conf")[2].split("```")[1].split()
    keys = [line.partition("=")[0] for line in content.decode().splitlines()]
    told = [word.partition("=")[0] for word in block if re.match("[a-z_]+=", word)]
    assert keys == [*told[:-1], "file", "file", "file"]
    found = re.search(rb"(?m)^bundle_id=(.*)$", content)
    assert found
    empty = content.replace(found[0], b"bundle_id=")
    assert found[1].decode() == hashlib.sha256(empty).hexdigest()[:16]


def test_the_parameters_of_the_encrypted_key(data: bytes, tmp_path: Path) -> None:
    from subprocess import run

    key = tmp_path / "key.pem"
    key.write_bytes(headers(inflate(data))[4][1])
    shown = run(
        ["openssl", "asn1parse", "-in", key], capture_output=True, text=True, check=True
    ).stdout
    assert re.findall(r"OBJECT +:(.*)", shown) == [
        "PBES2",
        "PBKDF2",
        "hmacWithSHA256",
        "aes-256-cbc",
    ]
    assert re.findall(r"INTEGER +:([0-9A-F]+)", shown) == [f"{100_000:X}".zfill(6)]
    assert re.findall(r"l= *(\d+) prim: OCTET STRING", shown)[:2] == ["16", "16"]
