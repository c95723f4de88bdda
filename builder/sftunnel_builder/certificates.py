"""What a certificate file of the FMC says: the one place that parses X.509.

The FMC's internal CA is an X.509 v1 certificate with serial 0 and no extensions, so path
validation libraries refuse it; the checks in `trio` do by hand what is needed.
"""

from __future__ import annotations

import base64
import binascii
import re
import warnings
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from sftunnel_builder.errors import BundlerError

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes

PEM_BLOCK = re.compile(rb"-----BEGIN ([A-Z0-9 ]+)-----[ \t]*\r?\n(.*?)-----END \1-----", re.DOTALL)


@dataclass(frozen=True)
class Certificate:
    """A parsed certificate, and the names in it that identify an FMC or a device."""

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

    def public_key(self) -> CertificatePublicKeyTypes:
        """Return the public key that it certifies."""
        return self.x509.public_key()

    def fingerprint(self) -> str:
        """Return the SHA-256 of its DER, 64 hex digits."""
        from cryptography.hazmat.primitives import hashes

        return self.x509.fingerprint(hashes.SHA256()).hex()

    def subject(self) -> str:
        """Return the subject as RFC 4514 writes it, and with names where it has numbers."""
        from cryptography.x509.oid import NameOID

        names = {NameOID.TITLE: "title", NameOID.GENERATION_QUALIFIER: "generationQualifier"}
        return self.x509.subject.rfc4514_string(names)


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
    from cryptography import x509
    from cryptography.utils import CryptographyDeprecationWarning
    from cryptography.x509.oid import NameOID

    der = pem_to_der(data, "CERTIFICATE", place)
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
            _ = parsed.issuer, parsed.extensions, parsed.public_key(), parsed.not_valid_after_utc
    except Exception as error:  # noqa: BLE001  the parser has many ways to say "damaged"
        raise BundlerError(
            f"'{place}' is not a readable certificate: it was damaged ({type(error).__name__})",
            f"copy '{place}' from the FMC again, as a file and not through a terminal",
        ) from None

    def first(oid: x509.ObjectIdentifier) -> str | None:
        found = subject.get_attributes_for_oid(oid)
        return str(found[0].value) if found else None

    return Certificate(
        parsed,
        first(NameOID.COMMON_NAME),
        first(NameOID.TITLE),
        first(NameOID.GENERATION_QUALIFIER),
    )
