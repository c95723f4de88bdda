"""Whether a CA has issued a TLS client's certificate: as strict as openssl, or stricter.

The numbers are those of openssl(1) verify, X509_V_ERR_*. Where openssl would have to weigh an
extension that no certificate of an FMC has, this refuses it.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, TypeVar

from sftunnel_builder.certificates import Certificate

if TYPE_CHECKING:
    from cryptography import x509

_Extension = TypeVar("_Extension", bound="x509.ExtensionType")

OK = 0
NO_ISSUER = 20
SELF_SIGNED = 18
NOT_YET_VALID = 9
EXPIRED = 10
PURPOSE = 26
NO_CERT_SIGN = 32
CRITICAL = 34
PROXY = 40
NAMES = 47

_NS_CERT_TYPE = "2.16.840.1.113730.1.1"
_NS_CLIENT, _NS_CA = 0x80, 0x04
_PROXY_CERT_INFO = "1.3.6.1.5.5.7.1.14"


def fault_of(certificate: Certificate, ca: Certificate, now: datetime) -> int:
    """Return OK, or what is wrong; of several faults the one that install.sh asks for first."""
    both = (certificate, ca)
    if not all(each.is_issued_by(ca) and _names_issuer(each, ca) for each in both):
        return NO_ISSUER
    if certificate.x509.subject == ca.x509.subject:
        return SELF_SIGNED
    if any(each.not_after_utc < now for each in both):
        return EXPIRED
    if any(each.not_before_utc > now for each in both):
        return NOT_YET_VALID
    return _fault_of_ca(ca) or _fault_of_client(certificate)


def _names_issuer(certificate: Certificate, ca: Certificate) -> bool:
    """Tell whether the authority key identifier, if there is one, fits (RFC 5280, 4.2.1.1)."""
    from cryptography import x509

    named = _find(certificate, x509.AuthorityKeyIdentifier)
    own = _find(ca, x509.SubjectKeyIdentifier)
    if named is None:
        return True
    if named.key_identifier is not None and own and named.key_identifier != own.digest:
        return False
    number = named.authority_cert_serial_number
    if number is not None and number != int(ca.serial(), 16):
        return False
    names = [
        each.value
        for each in named.authority_cert_issuer or ()
        if isinstance(each, x509.DirectoryName)
    ]
    return all(name == ca.x509.issuer for name in names)


def _fault_of_ca(ca: Certificate) -> int:
    """Return OK if it may issue: it says so, or is of X.509 version 1, which cannot."""
    from cryptography import x509

    usage = _find(ca, x509.KeyUsage)
    if usage and not usage.key_cert_sign:
        return NO_CERT_SIGN
    constraints = _find(ca, x509.BasicConstraints)
    is_ca = constraints.ca if constraints else bool(usage) or ca.x509.version == x509.Version.v1
    if not is_ca or not _is_for_clients(ca, _NS_CA):
        return PURPOSE
    return NAMES if _find(ca, x509.NameConstraints) else _fault_of_extensions(ca)


def _fault_of_client(certificate: Certificate) -> int:
    """Return OK if it may be a TLS client's (RFC 5280, 4.2.1.3 and 4.2.1.12)."""
    from cryptography import x509

    usage = _find(certificate, x509.KeyUsage)
    if usage and not (usage.digital_signature or usage.key_agreement):
        return PURPOSE
    if not _is_for_clients(certificate, _NS_CLIENT):
        return PURPOSE
    return _fault_of_extensions(certificate)


def _is_for_clients(certificate: Certificate, ns_bit: int) -> bool:
    """Tell whether the extended key usage and Netscape's certificate type, if any, allow it."""
    from cryptography import x509
    from cryptography.x509.oid import ExtendedKeyUsageOID

    extended = _find(certificate, x509.ExtendedKeyUsage)
    if extended and ExtendedKeyUsageOID.CLIENT_AUTH not in extended:
        return False
    # A BIT STRING: tag, length, number of unused bits, the first eight bits.
    types = [each.value.public_bytes()[3:4] for each in _with_oid(certificate, _NS_CERT_TYPE)]
    return all(bits and bits[0] & ns_bit for bits in types)


def _fault_of_extensions(certificate: Certificate) -> int:
    """Return OK if there is no extension that forbids what is not understood."""
    from cryptography import x509

    understood = (x509.BasicConstraints, x509.KeyUsage, x509.ExtendedKeyUsage)
    if _with_oid(certificate, _PROXY_CERT_INFO):
        return PROXY
    for each in certificate.x509.extensions:
        if each.critical and not isinstance(each.value, understood):
            return CRITICAL
    return OK


def _find(certificate: Certificate, kind: type[_Extension]) -> _Extension | None:
    found = [each.value for each in certificate.x509.extensions if isinstance(each.value, kind)]
    return found[0] if found else None


def _with_oid(certificate: Certificate, oid: str) -> list[x509.Extension[x509.ExtensionType]]:
    return [each for each in certificate.x509.extensions if each.oid.dotted_string == oid]
