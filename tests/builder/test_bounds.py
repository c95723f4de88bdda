"""Whatever a file holds, reading it takes time and memory as its length has it, not the square."""

from __future__ import annotations

import base64
import gzip
import io
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from fuzz.targets import DEVICE, FMC, good, signed_anew, squeezed
from sftunnel_builder.archive import unpack
from sftunnel_builder.bundle import check_payload, open_bundle
from sftunnel_builder.certificates import load_certificate
from sftunnel_builder.devices import Manager, devices_of_failed_push
from sftunnel_builder.errors import BundlerError
from sftunnel_builder.failed_push import MAX_STRANGE_LINES, parse_failed_push
from sftunnel_builder.fmc_tree import FmcTree
from sftunnel_builder.private_key import encrypt_pkcs8
from sftunnel_builder.snapshot import read_snapshot
from sftunnel_builder.tree import DirectoryTree

from .conftest import NOW

MAX_S = 20
"""What took the square of the length took hours; this leaves room for a busy machine."""


def _push(data: bytes) -> None:
    pushed = parse_failed_push(data)
    assert len(pushed.problems) <= data.count(b"\n") + 1
    manager = Manager(FmcTree(DirectoryTree(Path("/fmc"))), FMC, 1)
    devices_of_failed_push(pushed, "FAILED_PUSH", [manager])


def _refused(read: Callable[[], object]) -> None:
    with pytest.raises(BundlerError) as caught:
        read()
    assert len(caught.value.message) < 500


def _long_header(kind: bytes) -> bytes:
    """Return a tar with a header of a million digits before a member."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as writer:
        header = tarfile.TarInfo("top/header")
        header.type, header.size = kind, 10**6
        writer.addfile(header, io.BytesIO(b"1" * header.size))
        writer.addfile(tarfile.TarInfo("top/member"))
    return out.getvalue()


ID = DEVICE.encode()
RECORDS = b"%s edge 10.1.2.3 /etc/sf/ca_root/cacert.pem /var/sf/peers/%s/cacert.pem\n" % (
    *(ID, FMC.encode()),
)
WRAPPED = b"%s edge\n" % ID + b"/x/cacert.pem /var/sf/peers/%s/cacert.pem\n" % FMC.encode() * 6


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"%s x%sy\n" % (ID, b" " * 300_000), id="a line of blanks"),
        pytest.param(b"%s x%s\n" % (ID, b" /a" * 100_000), id="a line of paths"),
        pytest.param(b"%s x%s\n" % (ID, b" /a/cacert.pem" * 30_000), id="a line of files"),
        pytest.param(b"%s x\n%s/cacert.pem\n" % (ID, b"y" * 10**6), id="a long second line"),
        pytest.param(b"\x1b[" * 10**6, id="half an escape sequence again and again"),
        pytest.param(WRAPPED * 1000, id="records that look wrapped"),
        pytest.param(
            b"".join(
                b"%08x%s y %s\n" % (n, ID[8:], b"z" * (n % 2))
                + RECORDS.replace(ID[:8], b"%08x" % n)
                for n in range(20_000)
            ),
            id="twenty thousand devices, each with a bad line",
        ),
    ],
)
def test_a_failed_push_is_read_in_time(data: bytes) -> None:
    began = time.process_time()
    _push(data)
    assert time.process_time() - began < MAX_S


@pytest.mark.parametrize(
    "read",
    [
        pytest.param(lambda: unpack(squeezed(_long_header(tarfile.XHDTYPE))), id="a bundle, pax"),
        pytest.param(
            lambda: unpack(squeezed(_long_header(tarfile.GNUTYPE_LONGNAME))), id="a bundle, GNU"
        ),
        pytest.param(
            lambda: read_snapshot(
                io.BytesIO(gzip.compress(_long_header(tarfile.XHDTYPE))), "fmc.tar.gz"
            ),
            id="a snapshot, pax",
        ),
        pytest.param(
            lambda: read_snapshot(
                io.BytesIO(gzip.compress(_long_header(tarfile.XGLTYPE))), "fmc.tar.gz"
            ),
            id="a snapshot, pax for all",
        ),
        pytest.param(
            lambda: load_certificate(b"-----BEGIN A-----\n" * 100_000, "x"), id="half a certificate"
        ),
        pytest.param(
            lambda: load_certificate(b"-----BEGIN A-----\n-----END A-----\n" * 900, "x"),
            id="many certificates",
        ),
        pytest.param(
            lambda: open_bundle(
                signed_anew({"SHA256SUMS": b"%s  %s\n" % (b"0" * 64, b"a" * 100_000)})
            ),
            id="a bundle that lists a file of a long name",
        ),
    ],
)
def test_a_hostile_file_is_refused_in_time(read: Callable[[], object]) -> None:
    good()
    began = time.process_time()
    _refused(read)
    assert time.process_time() - began < MAX_S


def _slow_key() -> bytes:
    """Return a locked key that asks for eight million iterations: the most in as many bytes."""
    locked = encrypt_pkcs8(good().files.key, "a passphrase", 0x010203)
    body = b"".join(line for line in locked.splitlines() if not line.startswith(b"-"))
    der = base64.b64decode(body).replace(b"\x02\x03\x01\x02\x03", b"\x02\x03\x7f\xff\xff")
    lines = base64.encodebytes(der).replace(b"\n", b"")
    text = b"\n".join(lines[at : at + 64] for at in range(0, len(lines), 64))
    label = b"ENCRYPTED PRIVATE KEY"
    return b"-----BEGIN %s-----\n%s\n-----END %s-----\n" % (label, text, label)


def test_a_key_that_takes_long_to_open_or_is_locked_otherwise_is_not_opened() -> None:
    other = b"-----BEGIN ENCRYPTED PRIVATE KEY-----\nMAA=\n-----END ENCRYPTED PRIVATE KEY-----\n"
    for key in (other, _slow_key()):
        opened = open_bundle(signed_anew({f"payload/{FMC}/sftunnel-key.pem": key}))
        with pytest.raises(BundlerError, match="is not locked as a build locks it"):
            check_payload(opened, "a passphrase", NOW)


def test_a_file_that_is_something_else_does_not_fill_the_memory_with_problems() -> None:
    pushed = parse_failed_push(b"x\n" * 1_000_000)
    assert len(pushed.problems) == MAX_STRANGE_LINES + 1
    assert [problem.line for problem in pushed.problems] == list(range(1, MAX_STRANGE_LINES + 2))
    last = pushed.problems[-1].text
    assert last == f"not a FAILED_PUSH record, and {999_999 - MAX_STRANGE_LINES} lines like it"


def test_three_hundred_thousand_lines_take_little_memory(tmp_path: Path) -> None:
    path = tmp_path / "FAILED_PUSH"
    with path.open("wb") as file:
        for number in range(100_000):
            block = b"%08x%s" % (number, ID[8:])
            for name in (b"cacert", b"sftunnel-key", b"sftunnel-cert"):
                file.write(RECORDS.replace(ID, block).replace(b"cacert", name))
    code = (
        "import resource, sys, time; sys.path[:0] = sys.argv[2:]\n"
        "from sftunnel_builder.failed_push import parse_failed_push\n"
        "with open(sys.argv[1], 'rb') as file: read = parse_failed_push(file.read())\n"
        "print(len(read.records), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, path, *sys.path], capture_output=True, text=True, check=True
    )
    records, megabytes = map(int, done.stdout.split())
    assert records == 300_000
    assert megabytes < 700
