"""Which trios the program takes for sound, compared with openssl, certificate by certificate."""

from __future__ import annotations

import functools
import re
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives import serialization as s
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from sftunnel_builder.certificates import load_certificate
from sftunnel_installer.chain import fault_of

Extensions = list[tuple[x509.ExtensionType, bool]]

NOW = datetime.now(UTC)
VERIFY = ["openssl", "verify", "-purpose", "sslclient", "-no-CApath", "-CAfile", "ca", "leaf"]
ROOT_SERIAL = 77


@functools.cache
def _key(_name: str) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _make(name: str, extensions: Extensions, key: str = "") -> bytes:
    """Make a certificate that CA has signed, in PEM."""
    builder = (
        x509.CertificateBuilder()
        .subject_name(_name(name))
        .issuer_name(_name("CA"))
        .public_key(_key(key or name).public_key())
        .serial_number(ROOT_SERIAL if name == "CA" else 78)
        .not_valid_before(NOW - timedelta(days=1))
        .not_valid_after(NOW + timedelta(days=30))
    )
    for value, critical in extensions:
        builder = builder.add_extension(value, critical)
    return builder.sign(_key("CA"), hashes.SHA256()).public_bytes(s.Encoding.PEM)


def _usage(*names: str) -> tuple[x509.ExtensionType, bool]:
    every = (
        *("digital_signature", "content_commitment", "key_encipherment", "data_encipherment"),
        *("key_agreement", "key_cert_sign", "crl_sign", "encipher_only", "decipher_only"),
    )
    return x509.KeyUsage(**{name: name in names for name in every}), True


def _unknown(oid: str, value: bytes, *, critical: bool) -> tuple[x509.ExtensionType, bool]:
    return x509.UnrecognizedExtension(x509.ObjectIdentifier(oid), value), critical


def _ns_type(bits: int) -> tuple[x509.ExtensionType, bool]:
    return _unknown("2.16.840.1.113730.1.1", bytes([3, 2, 0, bits]), critical=False)


def _issuer(
    key: bytes | None, name: str = "", serial: int | None = None
) -> tuple[x509.ExtensionType, bool]:
    names = [x509.DirectoryName(_name(name))] if name else None
    return x509.AuthorityKeyIdentifier(key, names, serial), False


CA = (x509.BasicConstraints(ca=True, path_length=None), True)
NO_CA = (x509.BasicConstraints(ca=False, path_length=None), True)
SERVER = (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False)
CLIENT = (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), False)
ANY = (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE]), False)
CRITICAL = _unknown("1.2.3.4", b"\x05\x00", critical=True)
NAMES = (x509.NameConstraints([x509.DNSName("a.example")], None), True)
SAN = (x509.SubjectAlternativeName([x509.DNSName("b.example")]), False)
OWN = (x509.SubjectKeyIdentifier(b"y" * 20), False)
PROXY = _unknown(
    "1.3.6.1.5.5.7.1.14", bytes.fromhex("300c300a06082b06010505071501"), critical=False
)

CHAINS: dict[str, tuple[Extensions, Extensions, int]] = {
    "an ordinary one": ([CA], [], 0),
    "all that an ordinary one may have": (
        [CA, _usage("key_cert_sign", "crl_sign"), CLIENT, OWN, _issuer(b"y" * 20), _ns_type(4)],
        [NO_CA, _usage("digital_signature"), CLIENT, _issuer(b"y" * 20), _ns_type(0xC0), SAN],
        0,
    ),
    "a CA by its key usage alone": ([_usage("key_cert_sign")], [], 0),
    "an extension that is not critical": ([CA], [_unknown("1.2.3.4", b"", critical=False)], 0),
    "a key identifier where the CA has none": ([CA], [_issuer(b"x" * 20)], 0),
    "the CA's name and number": ([CA], [_issuer(None, "CA", ROOT_SERIAL)], 0),
    "CA:FALSE": ([NO_CA], [], 26),
    "a CA of version 3 that says nothing": ([OWN], [], 26),
    "a CA that may not sign certificates": ([CA, _usage("digital_signature")], [], 32),
    "a leaf's key usage in the CA": ([_usage("digital_signature")], [], 32),
    "a CA for servers": ([CA, SERVER], [], 26),
    "a CA with an unknown critical extension": ([CA, CRITICAL], [], 34),
    "a CA for other names": ([CA, NAMES], [SAN], 47),
    "a leaf with an unknown critical extension": ([CA], [CRITICAL], 34),
    "a leaf for servers": ([CA], [SERVER], 26),
    "a leaf for any purpose": ([CA], [ANY], 26),
    "a leaf that may not sign": ([CA], [_usage("key_encipherment")], 26),
    "a leaf that Netscape takes for a server": ([CA], [_ns_type(0x40)], 26),
    "another CA's key identifier": ([CA, OWN], [_issuer(b"x" * 20)], 20),
    "another CA's number": ([CA], [_issuer(None, "CA", 5)], 20),
    "another CA's name": ([CA], [_issuer(None, "CB", ROOT_SERIAL)], 20),
    "a proxy": ([CA], [PROXY], 40),
}


def _ask_openssl(place: Path) -> str:
    done = subprocess.run(VERIFY, cwd=place, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def _compare(place: Path, ca: bytes, leaf: bytes, number: int) -> None:
    """State that both say so: openssl, which goes on after some faults, says it among others."""
    (place / "ca").write_bytes(ca)
    (place / "leaf").write_bytes(leaf)
    theirs = _ask_openssl(place)
    numbers = set(map(int, re.findall(r"error (\d+) at", theirs)))
    assert number in numbers or (number == 0 and theirs == "leaf: OK\n"), theirs
    assert fault_of(load_certificate(leaf, "leaf"), load_certificate(ca, "ca"), NOW) == number


@pytest.mark.parametrize("what", CHAINS)
def test_a_chain_is_judged_as_openssl_judges_it(tmp_path: Path, what: str) -> None:
    ca, leaf, number = CHAINS[what]
    _compare(tmp_path, _make("CA", ca), _make("leaf", leaf), number)


def test_a_leaf_of_the_ca_s_own_name(tmp_path: Path) -> None:
    _compare(tmp_path, _make("CA", [CA]), _make("CA", [], key="another"), 18)


def test_a_ca_that_names_another_as_its_issuer(tmp_path: Path) -> None:
    ca = _make("CA", [CA, OWN, _issuer(b"x" * 20)])
    (tmp_path / "ca").write_bytes(ca)
    (tmp_path / "leaf").write_bytes(leaf := _make("leaf", []))
    assert "OK" not in _ask_openssl(tmp_path)
    assert fault_of(load_certificate(leaf, "leaf"), load_certificate(ca, "ca"), NOW) == 20
