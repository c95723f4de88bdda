"""What is read from a certificate, and where a damaged one is damaged."""

from __future__ import annotations

import base64
import subprocess
import sys
import textwrap
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from sftunnel_builder.certificates import load_certificate, load_certificates, pem_to_der
from sftunnel_builder.errors import BundlerError, ExitCode
from sftunnel_builder.lab.der import encode_oid
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


@pytest.mark.filterwarnings("error")
def test_what_the_library_warns_of_is_kept_from_the_operator(
    make_trio: Callable[..., TrioFiles],
) -> None:
    der = pem_to_der(make_trio().cacert, "CERTIFICATE", "x")
    # The title, of ten letters, becomes a country, which should have two.
    body = base64.encodebytes(der.replace(encode_oid("2.5.4.12"), encode_oid("2.5.4.6")))
    lines = textwrap.wrap(body.replace(b"\n", b"").decode(), 64)
    pem = "\n".join(["-----BEGIN CERTIFICATE-----", *lines, "-----END CERTIFICATE-----", ""])
    loaded = load_certificate(pem.encode(), "x")
    assert (loaded.title, loaded.common_name) == (None, FMC)
    assert "C=InternalCA" in loaded.subject()
    assert loaded.subject_attributes()


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


def test_a_chain_and_a_der_file_are_read_certificate_by_certificate(
    make_trio: Callable[..., TrioFiles],
) -> None:
    files = make_trio()
    chain = load_certificates(files.cert + b"\n" + files.key + files.cacert, "x")
    assert [each.is_ca() for each in chain] == [False, True]
    (alone,) = load_certificates(pem_to_der(files.cacert, "CERTIFICATE", "x"), "x")
    assert alone.fingerprint() == chain[1].fingerprint()


def _with_year_0(files: TrioFiles) -> bytes:
    der = pem_to_der(files.cert, "CERTIFICATE", "x")
    assert b"20510101000000Z" in der
    return der.replace(b"20510101000000Z", b"00000101000000Z")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        pytest.param(lambda f: b"", "'x' is empty", id="empty"),
        pytest.param(lambda f: f.key, "found 'PRIVATE KEY'", id="a key alone"),
        pytest.param(lambda f: b"\x30\x03\x02\x01\x00", "not a readable certificate", id="DER"),
        pytest.param(
            lambda f: bytes.fromhex("30820100 06092a864886f70d010702"),
            "'x' is PKCS#7 or PKCS#12",
            id="PKCS#7",
        ),
        pytest.param(_with_year_0, "not a readable certificate", id="a year that is none"),
        pytest.param(
            lambda f: f.cert + f.cacert[:-30],
            "of 2 certificates that begin, 1 are whole",
            id="a chain that was cut off",
        ),
        pytest.param(
            lambda f: f.cert + _lines(_shorten)(f.cacert), "'x' line 28 has 63", id="in the second"
        ),
        pytest.param(lambda f: b"#" * 2**20 + f.cert, "'x' is too big", id="over 1 MiB"),
        pytest.param(lambda f: b"-----BEGIN X-----\n" * 101, "'x' is too big", id="many marks"),
    ],
)
def test_a_file_of_certificates_is_refused_as_a_whole(
    make_trio: Callable[..., TrioFiles], damage: Callable[[TrioFiles], bytes], message: str
) -> None:
    times = (datetime(2051, 1, 1, tzinfo=UTC), datetime(2060, 1, 1, tzinfo=UTC))
    with pytest.raises(BundlerError) as caught:
        load_certificates(damage(make_trio(leaf={"times": times})), "x")
    assert message in caught.value.message


@pytest.mark.parametrize("says", [False, None])
def test_a_certificate_that_issued_itself_is_a_ca_unless_it_denies_it(*, says: bool | None) -> None:
    key = rsa.generate_private_key(65537, 2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "own")])
    builder = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(datetime(2026, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2036, 1, 1, tzinfo=UTC))
    )
    if says is not None:
        builder = builder.add_extension(x509.BasicConstraints(says, None), critical=True)
    pem = builder.sign(key, SHA256()).public_bytes(Encoding.PEM)
    assert load_certificate(pem, "x").is_ca() is (says is None)
