"""What a certificate file of the FMC says: the one place that parses X.509.

The FMC's internal CA is an X.509 v1 certificate with serial 0 and no extensions, so path
validation libraries refuse it; the checks in `trio` do by hand what is needed.

`cryptography` has announced that it will refuse such a serial number. What it is given here has
another one in its place: all else that the parser says is the same, and signatures and fingerprints
are those of the bytes as they were.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import warnings
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING

from sftunnel_builder.errors import BundlerError, printable
from sftunnel_builder.words import _

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.types import (
        CertificatePublicKeyTypes,
        PublicKeyTypes,
    )

PEM_BLOCK = re.compile(rb"-----BEGIN ([A-Z0-9 ]+)-----[ \t]*\r?\n(.*?)-----END \1-----", re.DOTALL)
MAX_PEM_BYTES = 32 * 1024
"""A certificate or key has 2 KiB; what `openssl x509 -text` puts before it has 6."""
_LENGTH = rb"(?:[\x00-\x7f]|\x81.|\x82..|\x83...|\x84....)"
_SERIAL = re.compile(
    rb"\x30" + _LENGTH + rb"(?P<tbs>\x30)" + _LENGTH + rb"(?:\xa0\x03\x02\x01.)?"
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
    tbs: bytes
    """The part of it that is signed."""
    x509: x509.Certificate
    """What the parser says; of the serial number it may have been told another."""
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
        """Tell whether it issues others: it says so, or says nothing and is its own issuer."""
        from cryptography import x509

        try:
            return self.x509.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
        except x509.ExtensionNotFound:
            return self.x509.issuer == self.x509.subject

    def public_key(self) -> CertificatePublicKeyTypes:
        """Return the public key that it certifies."""
        return self.x509.public_key()

    def fingerprint(self) -> str:
        """Return the SHA-256 of its DER, 64 hex digits."""
        return hashlib.sha256(self.der).hexdigest()

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

    def is_issued_by(self, ca: Certificate) -> bool:
        """Tell whether name and signature say that this CA, which has an RSA key, issued it."""
        from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
        from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

        key = ca.public_key()
        if self.x509.issuer != ca.x509.subject or not isinstance(key, RSAPublicKey):
            return False
        try:
            padding = self.x509.signature_algorithm_parameters
            digest = self.x509.signature_hash_algorithm
            key.verify(self.x509.signature, self.tbs, padding, digest)  # type: ignore[arg-type]
        except (InvalidSignature, UnsupportedAlgorithm, ValueError, TypeError):
            return False
        return True

    def serial(self) -> str:
        """Return the serial number as openssl prints it: `00` for 0, `0D` for 13."""
        found = _SERIAL.match(self.der)
        number = _serial_number(self.der, found) if found else 0
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


def _serial_number(der: bytes, found: re.Match[bytes]) -> int:
    """Return the serial number of a certificate, whose beginning was found."""
    length = found["length"]
    size = int.from_bytes(length[1:], "big") if length[0] & 0x80 else length[0]
    return int.from_bytes(der[found.end() : found.end() + size], "big", signed=True)


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
    remedy = _("copy '{place}' from the FMC again, as a file and not through a terminal").format(
        place=place
    )
    if not data.strip():
        raise BundlerError(_("'{place}' is empty").format(place=place), remedy)
    if len(data) > MAX_PEM_BYTES:
        raise BundlerError(
            _("'{place}' is over {limit} KiB: it is no PEM file").format(
                place=place, limit=MAX_PEM_BYTES >> 10
            ),
            remedy,
        )
    blocks = list(PEM_BLOCK.finditer(data))
    if len(blocks) != 1 or blocks[0][1].decode() != label:
        found = printable(", ".join(f"'{block[1].decode()}'" for block in blocks)) or _("none")
        raise BundlerError(
            _("'{place}': wanted one PEM block '{label}', found {found}").format(
                place=place, label=label, found=found
            ),
            remedy,
        )
    lines = [line.strip() for line in blocks[0][2].split(b"\n")]
    first_line = data[: blocks[0].start(2)].count(b"\n") + 1
    for number, line in enumerate(lines, first_line):
        if re.search(rb"[^A-Za-z0-9+/=]", line):
            raise BundlerError(
                _("'{place}' line {line} is not base64: it was damaged").format(
                    place=place, line=number
                ),
                remedy,
            )
    _refuse_odd_lengths(lines, first_line, place, remedy)
    try:
        return base64.b64decode(b"".join(lines), validate=True)
    except binascii.Error:
        raise BundlerError(
            _("'{place}' is not whole: its base64 does not decode").format(place=place), remedy
        ) from None


def _refuse_odd_lengths(lines: list[bytes], first_line: int, place: str, remedy: str) -> None:
    """Refuse a line that lost or gained characters: all but the last are as long as the first."""
    full = [(number, line) for number, line in enumerate(lines, first_line) if line]
    for number, line in full[:-1]:
        if len(line) != len(full[0][1]) or len(line) % 4:
            raise BundlerError(
                _("'{place}' line {line} has {count} characters, wanted 64: it was damaged").format(
                    place=place, line=number, count=len(line)
                ),
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
            _("'{place}' is too big for a file of certificates").format(place=place),
            _("it may have {limit} MiB and {blocks} PEM blocks: name a smaller one").format(
                limit=MAX_CERTIFICATE_BYTES >> 20, blocks=MAX_PEM_BLOCKS
            ),
        )
    if data[:1] == b"\x30":  # a SEQUENCE: DER
        if _PKCS7 in data[:40]:
            raise BundlerError(
                _("'{place}' is PKCS#7 or PKCS#12, wanted certificates in PEM or DER").format(
                    place=place
                ),
                _("take them out with openssl pkcs7 -print_certs, or openssl pkcs12 -nokeys"),
            )
        return [_parse(data, place)]
    begun, whole = data.count(_BEGIN), list(_CERTIFICATE.finditer(data))
    if not whole and begun < 2:
        return [load_certificate(data, place)]  # which says what is wrong, and where
    if len(whole) != begun:
        raise BundlerError(
            _("'{place}' is damaged: of {begun} certificates that begin, {whole} are whole").format(
                place=place, begun=begun, whole=len(whole)
            ),
            _("copy '{place}' again, as a file and not through a terminal").format(place=place),
        )
    # The empty lines let messages give the line in the file.
    above = (b"\n" * data.count(b"\n", 0, found.start()) for found in whole)
    return [load_certificate(a + found[0], place) for a, found in zip(above, whole, strict=True)]


def _parse(der: bytes, place: str) -> Certificate:
    """Parse one certificate, DER; raises BundlerError when it is none or damaged."""
    try:
        return _read(der)
    except Exception as error:  # noqa: BLE001  the parser has many ways to say "damaged"
        raise BundlerError(
            _("'{place}' is not a readable certificate: it was damaged ({error})").format(
                place=place, error=type(error).__name__
            ),
            _("copy '{place}' from the FMC again, as a file and not through a terminal").format(
                place=place
            ),
        ) from None


@lru_cache(16)
def _read(der: bytes) -> Certificate:
    """Parse one certificate, DER; raises what the parser raises.

    What was read of late is remembered: a fleet has one CA, and a bundle is looked at many times.
    """
    from cryptography.x509.oid import NameOID

    with warnings.catch_warnings():
        # What the library warns of, such as a country of three letters, is for programmers.
        warnings.simplefilter("ignore")
        parsed, tbs = _parse_any_serial(der)
        subject = parsed.subject
        # The lazy parts are parsed now, so that a damaged one is found here.
        _lazy = (
            *(parsed.issuer, parsed.extensions, parsed.public_key()),
            *(parsed.not_valid_before_utc, parsed.not_valid_after_utc),
        )

    def first(oid: x509.ObjectIdentifier) -> str | None:
        found = subject.get_attributes_for_oid(oid)
        return str(found[0].value) if found else None

    return Certificate(
        der,
        tbs,
        parsed,
        first(NameOID.COMMON_NAME),
        first(NameOID.TITLE),
        first(NameOID.GENERATION_QUALIFIER),
    )


def _parse_any_serial(der: bytes) -> tuple[x509.Certificate, bytes]:
    """Return a certificate for the parser's sake with a positive serial number, and its TBS."""
    from cryptography import x509

    found = _SERIAL.match(der)
    if not found or _serial_number(der, found) > 0:
        parsed = x509.load_der_x509_certificate(der)
        return parsed, parsed.tbs_certificate_bytes
    # The first byte decides: with 1 there, 0 becomes 1 and a negative number positive.
    at, begin = found.end(), found.start("tbs")
    parsed = x509.load_der_x509_certificate(der[:at] + b"\1" + der[at + 1 :])
    return parsed, der[begin : begin + len(parsed.tbs_certificate_bytes)]
