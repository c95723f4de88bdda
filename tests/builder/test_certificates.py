"""What is read from a certificate, and where a damaged one is damaged."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from sftunnel_builder.certificates import load_certificate
from sftunnel_builder.errors import BundlerError, ExitCode
from sftunnel_builder.trio import TrioFiles

from .conftest import DEVICE, FMC


def test_the_names_that_identify_an_fmc_and_a_device(make_trio: Callable[..., TrioFiles]) -> None:
    files = make_trio()
    ca, cert = load_certificate(files.cacert, "a"), load_certificate(files.cert, "b")
    assert (ca.common_name, ca.title) == (FMC, "InternalCA")
    assert (cert.common_name, cert.title, cert.generation_qualifier) == (
        *("localhost", DEVICE, "sftunnel"),
    )
    assert f"CN={FMC}" in ca.subject()
    assert f"title={DEVICE}" in cert.subject()


def test_a_ca_of_version_1_and_serial_0_loads_without_a_warning(
    make_trio: Callable[..., TrioFiles], tmp_path: Path
) -> None:
    path = tmp_path / "cacert.pem"
    path.write_bytes(make_trio().cacert)
    facts = subprocess.run(
        ["openssl", "x509", "-noout", "-text", "-in", path],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "Version: 1 (0x0)" in facts
    assert "Serial Number: 0 (0x0)" in facts
    code = (
        "import sys; sys.path[:0] = sys.argv[2:]\n"
        "from sftunnel_builder.certificates import load_certificate\n"
        "with open(sys.argv[1], 'rb') as file:\n"
        "    print(load_certificate(file.read(), 'ca').common_name)"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code, path, *sys.path],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.stderr) == (f"{FMC}\n", "")


def _lines(change: Callable[[list[bytes]], object]) -> Callable[[bytes], bytes]:
    def changed(pem: bytes) -> bytes:
        lines = pem.splitlines()
        change(lines)
        return b"\n".join(lines) + b"\n"

    return changed


def _shorten(lines: list[bytes]) -> None:
    lines[4] = lines[4][:-1]


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        pytest.param(lambda pem: b"", "'x' is empty", id="empty"),
        pytest.param(
            lambda pem: pem + pem, "found 'CERTIFICATE', 'CERTIFICATE'", id="two certificates"
        ),
        pytest.param(
            lambda pem: pem.replace(b"END CERT", b"END CART"),
            "wanted one PEM block 'CERTIFICATE', found none",
            id="no end",
        ),
        pytest.param(_lines(_shorten), "'x' line 5 has 63 characters, wanted 64", id="a lost one"),
        pytest.param(
            _lines(lambda lines: (_shorten(lines), lines.insert(1, b""))),
            "'x' line 6 has 63 characters, wanted 64",
            id="a lost one behind an empty line",
        ),
        pytest.param(
            _lines(lambda lines: (_shorten(lines), lines.insert(0, b"root@fmc:~# cat x"))),
            "'x' line 6 has 63 characters, wanted 64",
            id="a lost one behind a prompt",
        ),
        pytest.param(
            _lines(lambda lines: lines.__setitem__(3, b"\xe2\x96\x88" + lines[3][3:])),
            "'x' line 4 is not base64",
            id="a cursor in the text",
        ),
        pytest.param(
            _lines(lambda lines: lines.pop(7)), "is not a readable certificate", id="a lost line"
        ),
        pytest.param(
            lambda pem: b"-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n",
            "is not a readable certificate",
            id="nothing between the marks",
        ),
    ],
)
def test_a_damaged_file_is_refused_by_line_and_reason(
    make_trio: Callable[..., TrioFiles], damage: Callable[[bytes], bytes], message: str
) -> None:
    with pytest.raises(BundlerError) as caught:
        load_certificate(damage(make_trio().cacert), "x")
    assert message in caught.value.message
    assert caught.value.code == ExitCode.REFUSED


@pytest.mark.parametrize(
    "copied",
    [
        pytest.param(lambda pem: pem.replace(b"\n", b"\r\n"), id="carriage returns"),
        pytest.param(lambda pem: pem.replace(b"\n", b"  \n"), id="blanks at the ends of lines"),
        pytest.param(lambda pem: b"root@fmc:~# cat x\n" + pem, id="a prompt before it"),
        pytest.param(lambda pem: pem.rstrip(), id="no last line end"),
    ],
)
def test_what_does_no_harm_is_read(
    make_trio: Callable[..., TrioFiles], copied: Callable[[bytes], bytes]
) -> None:
    assert load_certificate(copied(make_trio().cacert), "x").common_name == FMC
