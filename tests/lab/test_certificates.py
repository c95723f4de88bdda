import re
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from sftunnel_builder.lab import certificates, der

FMC_UUID = "cdb123c8-4347-11ef-aca1-f3aa241412a1"
DEVICE_UUID = "c8d5d5c6-87c9-11ef-a993-b9831565bc4e"
START = datetime(2024, 10, 14, 14, 23, 28, tzinfo=UTC)
END = START + timedelta(days=3650)
SHA1 = hashes.SHA1()


@dataclass(frozen=True)
class Made:
    ca_key: rsa.RSAPrivateKey
    ca: bytes
    key: rsa.RSAPrivateKey

    def leaf(self, **changes: Any) -> bytes:
        uuid = changes.pop("device_uuid", DEVICE_UUID)
        key = changes.pop("key", self.key)
        dates = changes.pop("dates", (START, END))
        return certificates.make_leaf(self.ca, self.ca_key, uuid, key, *dates, **changes)


@pytest.fixture(scope="module")
def made() -> Made:
    ca_key = certificates.new_key()
    ca = certificates.make_ca(FMC_UUID, ca_key, START, END)
    return Made(ca_key, ca, certificates.new_key())


def openssl(*arguments: str, given: bytes = b"") -> str:
    done = subprocess.run(["openssl", *arguments], input=given, capture_output=True, check=False)
    return done.stdout.decode() + done.stderr.decode()


def verify(tmp_path: Path, ca: bytes, leaf: bytes, *options: str) -> str:
    (tmp_path / "ca.pem").write_bytes(ca)
    (tmp_path / "leaf.pem").write_bytes(leaf)
    names = ["-CAfile", str(tmp_path / "ca.pem"), str(tmp_path / "leaf.pem")]
    at = str(int((START + timedelta(days=1)).timestamp()))
    return openssl("verify", "-attime", at, *options, *names)


def test_a_ca_has_the_size_that_the_tech_note_shows(made: Made) -> None:
    assert len(openssl_der(made.ca)) == 904
    assert len(made.ca) == 1281


def test_a_leaf_has_the_size_that_the_tech_note_shows(made: Made) -> None:
    leaf = made.leaf()
    assert len(openssl_der(leaf)) == 995
    assert len(leaf) == 1403


def openssl_der(pem: bytes) -> bytes:
    done = subprocess.run(
        ["openssl", "x509", "-outform", "DER"], input=pem, capture_output=True, check=True
    )
    return done.stdout


def test_openssl_reads_the_ca_as_version_1_with_serial_0_and_no_extensions(made: Made) -> None:
    text = openssl("x509", "-noout", "-text", given=made.ca)
    assert "Version: 1 (0x0)" in text
    assert "Serial Number: 0 (0x0)" in text
    assert "X509v3" not in text
    assert "Not Before: Oct 14 14:23:28 2024 GMT" in text
    assert "Not After : Oct 12 14:23:28 2034 GMT" in text


def test_the_ca_names_the_fmc_as_subject_and_issuer_in_the_field_order(made: Made) -> None:
    wanted = f"title=InternalCA,OU=Intrusion Management System,CN={FMC_UUID},O=Cisco Systems\\, Inc"
    text = openssl(
        *["x509", "-noout", "-subject", "-issuer", "-nameopt", "sep_comma_plus,esc_2253,sname"],
        given=made.ca,
    )
    assert text.splitlines() == [f"subject={wanted}", f"issuer={wanted}"]


def test_the_leaf_carries_the_fields_and_only_the_extensions_of_the_field(made: Made) -> None:
    leaf = x509.load_pem_x509_certificate(made.leaf())
    assert leaf.version is x509.Version.v3
    subject = {one.oid.dotted_string: one.value for one in leaf.subject}
    assert subject == {
        "2.5.4.3": "localhost",
        "2.5.4.11": "Intrusion Management System",
        "2.5.4.10": "Cisco Systems, Inc",
        "2.5.4.12": DEVICE_UUID,
        "2.5.4.44": "sftunnel",
    }
    assert [one.value for one in leaf.extensions] == [
        x509.BasicConstraints(False, None),
        x509.SubjectAlternativeName([x509.DNSName("localhost")]),
        x509.ExtendedKeyUsage(certificates.CLIENT_AND_SERVER),
    ]


@pytest.mark.parametrize("purpose", ["sslclient", "sslserver"])
def test_openssl_verifies_the_leaf_for_both_ends_of_the_tunnel(
    made: Made, tmp_path: Path, purpose: str
) -> None:
    text = verify(tmp_path, made.ca, made.leaf(), "-purpose", purpose)
    assert text == f"{tmp_path}/leaf.pem: OK\n"


def test_the_same_inputs_give_the_same_bytes(made: Made) -> None:
    assert made.leaf() == made.leaf()
    assert certificates.make_ca(FMC_UUID, made.ca_key, START, END) == made.ca


BAD: list[tuple[str, dict[str, Any], str]] = [
    ("a SHA-1 signature", {"digest": SHA1}, "Signature Algorithm: sha1WithRSAEncryption"),
    ("a version 1 leaf", {"version": 1}, "Version: 1 (0x0)"),
    ("a CA flag", {"is_ca": True}, "CA:TRUE"),
    ("dates past 2049", {"dates": (START, datetime(2055, 1, 2, tzinfo=UTC))}, "Jan  2 .* 2055 GMT"),
]


@pytest.mark.parametrize(("change", "wanted"), [case[1:] for case in BAD], ids=[c[0] for c in BAD])
def test_a_bad_leaf_can_be_made_with(made: Made, change: dict[str, Any], wanted: str) -> None:
    text = openssl("x509", "-noout", "-text", given=made.leaf(**change))
    assert re.search(re.escape(wanted) if "(" in wanted else wanted, text)


MISSING: list[tuple[str, dict[str, Any], str]] = [
    ("title", {"device_uuid": None}, "title *= *"),
    ("generation qualifier", {"generation_qualifier": None}, "sftunnel"),
    ("extended key usage", {"eku": None}, "Extended Key Usage"),
    ("alternative name", {"dns_name": None}, "DNS:localhost"),
]


@pytest.mark.parametrize(("change", "gone"), [c[1:] for c in MISSING], ids=[c[0] for c in MISSING])
def test_a_leaf_can_be_made_without_its(made: Made, change: dict[str, Any], gone: str) -> None:
    def text(pem: bytes) -> str:
        return openssl("x509", "-noout", "-text", "-certopt", "no_issuer", given=pem)

    assert re.search(gone, text(made.leaf()))
    assert not re.search(gone, text(made.leaf(**change)))


def test_a_leaf_of_1024_bits_can_be_made(made: Made) -> None:
    text = openssl("x509", "-noout", "-text", given=made.leaf(key=certificates.new_key(1024)))
    assert "Public-Key: (1024 bit)" in text


def test_a_leaf_signed_by_another_key_is_refused_with_error_7(made: Made, tmp_path: Path) -> None:
    args = (made.ca, certificates.new_key(), DEVICE_UUID, made.key, START, END)
    text = verify(tmp_path, made.ca, certificates.make_leaf(*args))
    assert "error 7 at" in text


def test_a_key_is_written_as_canonical_pkcs8(made: Made) -> None:
    pem = certificates.key_pem(made.key)
    assert pem.startswith(b"-----BEGIN PRIVATE KEY-----\n")
    assert 1700 <= len(pem) <= 1708
    assert openssl("pkey", given=pem).encode() == pem
    loaded = serialization.load_pem_private_key(pem, None)
    assert isinstance(loaded, rsa.RSAPrivateKey)
    assert loaded.private_numbers() == made.key.private_numbers()


@pytest.mark.parametrize(
    ("number", "wanted"),
    [(0, "020100"), (127, "02017f"), (128, "02020080"), (256, "02020100"), (-1, "0201ff")],
)
def test_integers_take_as_few_bytes_as_hold_them(number: int, wanted: str) -> None:
    assert der.encode_integer(number).hex() == wanted


def test_lengths_from_128_on_take_the_long_form() -> None:
    assert der.encode(der.OCTET_STRING, b"x" * 127)[:2].hex() == "047f"
    assert der.encode(der.OCTET_STRING, b"x" * 128)[:3].hex() == "048180"
    assert der.encode(der.OCTET_STRING, b"x" * 300)[:4].hex() == "0482012c"
