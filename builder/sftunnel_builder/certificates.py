"""What a certificate file of the FMC says: the one place that parses X.509.

The FMC's internal CA is an X.509 v1 certificate with serial 0 and no extensions, so path
validation libraries refuse it; the checks in `trio` do by hand what is needed.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import warnings
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from sftunnel_builder.errors import BundlerError

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.types import (
        CertificatePublicKeyTypes,
        PublicKeyTypes,
    )

PEM_BLOCK = re.compile(rb"-----BEGIN ([A-Z0-9 ]+)-----[ \t]*\r?\n(.*?)-----END \1-----", re.DOTALL)
_LENGTH = rb"(?:[\x00-\x7f]|\x81.|\x82..|\x83...|\x84....)"
_SERIAL = re.compile(
    rb"\x30" + _LENGTH + rb"\x30" + _LENGTH + rb"(?:\xa0\x03\x02\x01.)?"
    rb"\x02(?P<length>" + _LENGTH + rb")",
    re.DOTALL,
)
"""The beginning of a certificate, up to its serial number (RFC 5280 section 4.1)."""
MAX_CERTIFICATE_BYTES = 1024 * 1024
MAX_PEM_BLOCKS = 100
_PKCS7 = bytes.fromhex("06092a864886f70d0107")
"""The identifier 1.2.840.113549.1.7 in DER, at the beginning of PKCS#7 and PKCS#12."""
_BEGIN = b"-----BEGIN CERTIFICATE-----"
_CERTIFICATE = re.compile(rb"-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----")


@dataclass(frozen=True)
class Certificate:
    """A parsed certificate, and the names in it that identify an FMC or a device."""

    der: bytes
    """As it was read."""
    x509: x509.Certificate
    common_name: str | None
    title: str | None
    generation_qualifier: str | None

    @property
    def not_before_utc(self) -> datetime:
        """When it begins to hold."""
        return self.x509.not_valid_before_utc

    @property
    def not_after_utc(self) -> datetime:
        """The last moment at which it holds."""
        return self.x509.not_valid_after_utc

    def is_ca(self) -> bool:
        """Tell whether it issues others: it says so, or it names itself as its issuer."""
        from cryptography import x509

        if self.x509.issuer == self.x509.subject:
            return True
        try:
            return self.x509.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
        except x509.ExtensionNotFound:
            return False

    def public_key(self) -> CertificatePublicKeyTypes:
        """Return the public key that it certifies."""
        return self.x509.public_key()

    def fingerprint(self) -> str:
        """Return the SHA-256 of its DER, 64 hex digits."""
        from cryptography.hazmat.primitives import hashes

        return self.x509.fingerprint(hashes.SHA256()).hex()

    def public_key_sha256(self) -> str:
        """Return the SHA-256 of the public key (SubjectPublicKeyInfo, DER), 64 hex digits."""
        return public_key_sha256(self.public_key())

    def digest_name(self) -> str:
        """Return the digest of the signature, such as `sha256`; its OID if it is unknown."""
        from cryptography.exceptions import UnsupportedAlgorithm

        try:
            digest = self.x509.signature_hash_algorithm
        except UnsupportedAlgorithm:
            return self.x509.signature_algorithm_oid.dotted_string
        return digest.name if digest else "none"

    def serial(self) -> str:
        """Return the serial number as openssl prints it: `00` for 0, `0D` for 13.

        Read from the DER, as `cryptography` warns whenever it is asked for that of the FMC's CA.
        """
        found = _SERIAL.match(self.der)
        length = found["length"] if found else b"\0"
        size = int.from_bytes(length[1:], "big") if length[0] & 0x80 else length[0]
        start = found.end() if found else 0
        number = int.from_bytes(self.der[start : start + size], "big", signed=True)
        digits = f"{abs(number):X}"
        return ("-" if number < 0 else "") + digits.zfill(len(digits) + len(digits) % 2)

    def subject(self) -> str:
        """Return the subject as RFC 4514 writes it, and with names where it has numbers."""
        return self.x509.subject.rfc4514_string(_attribute_names())

    def subject_attributes(self) -> tuple[str, ...]:
        """Return the subject's attributes, such as `title=InternalCA`, sorted.

        Their order, and how a string is encoded, differs by version and says nothing.
        """
        names = _attribute_names()
        return tuple(
            sorted(
                f"{names.get(each.oid, each.rfc4514_attribute_name)}={each.value!s}"
                for each in self.x509.subject
            )
        )

    def issuer_common_name(self) -> str | None:
        """Return the common name of the issuer, which is the UUID of an FMC; None without one."""
        from cryptography.x509.oid import NameOID

        found = self.x509.issuer.get_attributes_for_oid(NameOID.COMMON_NAME)
        return str(found[0].value) if found else None


def public_key_sha256(key: PublicKeyTypes) -> str:
    """Return the SHA-256 of a public key (SubjectPublicKeyInfo, DER), 64 hex digits."""
    from cryptography.hazmat.primitives import serialization as s

    der = key.public_bytes(s.Encoding.DER, s.PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(der).hexdigest()


def _attribute_names() -> dict[x509.ObjectIdentifier, str]:
    """Return names for attributes that RFC 4514 writes as numbers."""
    from cryptography.x509.oid import NameOID

    return {NameOID.TITLE: "title", NameOID.GENERATION_QUALIFIER: "generationQualifier"}


def pem_to_der(data: bytes, label: str, place: str) -> bytes:
    """Return the DER in the only PEM block of a file.

    label is what the block must hold (RFC 7468), such as CERTIFICATE; place names the file in
    messages. Raises BundlerError when there is no block, more than one, or one that was damaged on
    a terminal: which line and how.
    """
    remedy = f"copy '{place}' from the FMC again, as a file and not through a terminal"
    if not data.strip():
        raise BundlerError(f"'{place}' is empty", remedy)
    blocks = PEM_BLOCK.findall(data)
    if len(blocks) != 1 or blocks[0][0].decode() != label:
        found = ", ".join(f"'{name.decode()}'" for name, _ in blocks) or "none"
        raise BundlerError(f"'{place}': wanted one PEM block '{label}', found {found}", remedy)
    lines = [line.strip() for line in blocks[0][1].splitlines()]
    first_line = data[: data.index(blocks[0][1])].count(b"\n") + 1
    for number, line in enumerate(lines, first_line):
        if re.search(rb"[^A-Za-z0-9+/=]", line):
            raise BundlerError(f"'{place}' line {number} is not base64: it was damaged", remedy)
    _refuse_odd_lengths(lines, first_line, place, remedy)
    try:
        return base64.b64decode(b"".join(lines), validate=True)
    except binascii.Error:
        raise BundlerError(f"'{place}' is not whole: its base64 does not decode", remedy) from None


def _refuse_odd_lengths(lines: list[bytes], first_line: int, place: str, remedy: str) -> None:
    """Refuse a line that lost or gained characters: all but the last are as long as the first."""
    full = [(number, line) for number, line in enumerate(lines, first_line) if line]
    for number, line in full[:-1]:
        if len(line) != len(full[0][1]) or len(line) % 4:
            raise BundlerError(
                f"'{place}' line {number} has {len(line)} characters, wanted 64: it was damaged",
                remedy,
            )


def load_certificate(data: bytes, place: str) -> Certificate:
    """Parse the one certificate in a PEM file; place names the file in messages.

    Raises BundlerError when it is none, damaged, or more than one.
    """
    return _parse(pem_to_der(data, "CERTIFICATE", place), place)


def load_certificates(data: bytes, place: str) -> list[Certificate]:
    """Parse every certificate in a file: one or a chain of them in PEM, or one in DER.

    Other PEM blocks between them, such as a private key, are passed over. place names the file in
    messages. Raises BundlerError when there is none, or one is damaged or cut off.
    """
    if len(data) > MAX_CERTIFICATE_BYTES or data.count(b"-----BEGIN ") > MAX_PEM_BLOCKS:
        raise BundlerError(
            f"'{place}' is too big for a file of certificates",
            f"it may have {MAX_CERTIFICATE_BYTES >> 20} MiB and {MAX_PEM_BLOCKS} PEM blocks: "
            "name a smaller one",
        )
    if data[:1] == b"\x30":  # a SEQUENCE: DER
        if _PKCS7 in data[:40]:
            raise BundlerError(
                f"'{place}' is PKCS#7 or PKCS#12, wanted certificates in PEM or DER",
                "take them out with openssl pkcs7 -print_certs, or openssl pkcs12 -nokeys",
            )
        return [_parse(data, place)]
    begun, whole = data.count(_BEGIN), list(_CERTIFICATE.finditer(data))
    if not whole and begun < 2:
        return [load_certificate(data, place)]  # which says what is wrong, and where
    if len(whole) != begun:
        raise BundlerError(
            f"'{place}' is damaged: of {begun} certificates that begin, {len(whole)} are whole",
            f"copy '{place}' again, as a file and not through a terminal",
        )
    # The empty lines let messages give the line in the file.
    above = (b"\n" * data.count(b"\n", 0, found.start()) for found in whole)
    return [load_certificate(a + found[0], place) for a, found in zip(above, whole, strict=True)]


def _parse(der: bytes, place: str) -> Certificate:
    """Parse one certificate, DER; raises BundlerError when it is none or damaged."""
    from cryptography import x509
    from cryptography.utils import CryptographyDeprecationWarning
    from cryptography.x509.oid import NameOID

    try:
        with warnings.catch_warnings():
            # The FMC's CA has serial 0.
            warnings.filterwarnings(
                "ignore",
                message="Parsed a serial number which wasn't positive",
                category=CryptographyDeprecationWarning,
            )
            parsed = x509.load_der_x509_certificate(der)
            subject = parsed.subject
            # The lazy parts are parsed now, so that a damaged one is found here.
            _ = parsed.issuer, parsed.extensions, parsed.public_key()
            _ = parsed.not_valid_before_utc, parsed.not_valid_after_utc
    except Exception as error:  # noqa: BLE001  the parser has many ways to say "damaged"
        raise BundlerError(
            f"'{place}' is not a readable certificate: it was damaged ({type(error).__name__})",
            f"copy '{place}' from the FMC again, as a file and not through a terminal",
        ) from None

    def first(oid: x509.ObjectIdentifier) -> str | None:
        found = subject.get_attributes_for_oid(oid)
        return str(found[0].value) if found else None

    return Certificate(
        der,
        parsed,
        first(NameOID.COMMON_NAME),
        first(NameOID.TITLE),
        first(NameOID.GENERATION_QUALIFIER),
    )
