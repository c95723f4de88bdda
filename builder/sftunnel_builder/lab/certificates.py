"""Make the certificates and keys of a made-up FMC, true to the field and, when asked, bad.

The forms were measured on the PEM blocks of Cisco tech note 222464: a CA is X.509 v1 with serial 0
and no extensions (DER 904 bytes); a leaf is v3 with three extensions (DER 995 bytes).
"""

import base64
import textwrap
from collections.abc import Iterable, Sequence
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

from sftunnel_builder.lab import der

CISCO = "Cisco Systems, Inc"
UNIT = "Intrusion Management System"
CLIENT_AND_SERVER = (ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH)

_CN, _O, _OU, _TITLE, _GENERATION = "2.5.4.3", "2.5.4.10", "2.5.4.11", "2.5.4.12", "2.5.4.44"
_RSA_WITH = {  # RFC 8017 appendix A.2.4
    "md5": "1.2.840.113549.1.1.4",
    "sha1": "1.2.840.113549.1.1.5",
    "sha256": "1.2.840.113549.1.1.11",
    "sha384": "1.2.840.113549.1.1.12",
    "sha512": "1.2.840.113549.1.1.13",
}


def new_key(bits: int = 2048) -> rsa.RSAPrivateKey:
    """Make an RSA key of so many bits; the field has 2048, a smaller one is a bad example."""
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


def key_pem(key: rsa.RSAPrivateKey) -> bytes:
    """Return the key as unencrypted PKCS#8 PEM in canonical form, as an FMC writes it."""
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def make_ca(
    fmc_uuid: str,
    key: rsa.RSAPrivateKey,
    not_before: datetime,
    not_after: datetime,
    *,
    digest: hashes.HashAlgorithm | None = None,
    serial: int = 0,
    organization: str = CISCO,
    title: str | None = "InternalCA",
) -> bytes:
    """Make the internal CA of an FMC: self-signed, X.509 v1, serial 0, no extensions.

    Args:
        fmc_uuid: the FMC's UUID, the CN of the CA and the name of the peer directory on a device.
        key: the CA's key.
        not_before: start of validity, aware.
        not_after: end of validity, aware.
        digest: the signature's hash, SHA-256 if None.
        serial: the serial number; the field has 0.
        organization: the O attribute.
        title: the title attribute, None to leave it out.

    Returns:
        The certificate as PEM.
    """
    name = _name((_TITLE, title), (_OU, UNIT), (_CN, fmc_uuid), (_O, organization))
    validity = (not_before, not_after)
    return _sign(_tbs(serial, name, validity, name, key, digest), key, digest)


def make_leaf(
    ca_pem: bytes,
    ca_key: rsa.RSAPrivateKey,
    device_uuid: str | None,
    key: rsa.RSAPrivateKey,
    not_before: datetime,
    not_after: datetime,
    *,
    serial: int = 13,
    digest: hashes.HashAlgorithm | None = None,
    generation_qualifier: str | None = "sftunnel",
    organization: str = CISCO,
    eku: Sequence[x509.ObjectIdentifier] | None = CLIENT_AND_SERVER,
    dns_name: str | None = "localhost",
    is_ca: bool = False,
    version: int = 3,
) -> bytes:
    """Make the sftunnel certificate of one appliance.

    The defaults are the field's form; each argument can be set so that the result is a bad one.
    The signature is made with `ca_key` whether or not it is the key in `ca_pem`.

    Args:
        ca_pem: the issuer, PEM; only its subject is taken.
        ca_key: the key that signs.
        device_uuid: the title attribute, None to leave it out.
        key: the appliance's own key.
        not_before: start of validity, aware.
        not_after: end of validity, aware.
        serial: the serial number.
        digest: the signature's hash, SHA-256 if None.
        generation_qualifier: that attribute, None to leave it out.
        organization: the O attribute.
        eku: the extended key usages, None for no such extension.
        dns_name: the subject alternative name, None for no such extension.
        is_ca: what basicConstraints says.
        version: 3, or 1 for a certificate without any extension.

    Returns:
        The certificate as PEM.
    """
    subject = _name(
        (_CN, "localhost"),
        (_OU, UNIT),
        (_O, organization),
        (_TITLE, device_uuid),
        (_GENERATION, generation_qualifier),
    )
    extensions = _extensions(is_ca, dns_name, eku) if version == 3 else b""
    issuer, validity = _subject_of(ca_pem), (not_before, not_after)
    return _sign(_tbs(serial, issuer, validity, subject, key, digest, extensions), ca_key, digest)


def _name(*attributes: tuple[str, str | None]) -> bytes:
    return der.encode_name((oid, text) for oid, text in attributes if text is not None)


def _algorithm(digest: hashes.HashAlgorithm | None) -> bytes:
    oid = _RSA_WITH[(digest or hashes.SHA256()).name]
    return der.encode(der.SEQUENCE, der.encode_oid(oid), der.encode(der.NULL))


def _extensions(
    is_ca: bool, dns_name: str | None, eku: Iterable[x509.ObjectIdentifier] | None
) -> bytes:
    """Encode the field's extensions in its order, none critical, with no key identifiers."""
    values: list[x509.ExtensionType] = [x509.BasicConstraints(is_ca, None)]
    if dns_name is not None:
        values.append(x509.SubjectAlternativeName([x509.DNSName(dns_name)]))
    if eku is not None:
        values.append(x509.ExtendedKeyUsage(eku))
    encoded = (
        der.encode(
            der.SEQUENCE,
            der.encode_oid(value.oid.dotted_string),
            der.encode(der.OCTET_STRING, value.public_bytes()),
        )
        for value in values
    )
    return der.encode(0xA3, der.encode(der.SEQUENCE, *encoded))


def _tbs(
    serial: int,
    issuer: bytes,
    validity: tuple[datetime, datetime],
    subject: bytes,
    key: rsa.RSAPrivateKey,
    digest: hashes.HashAlgorithm | None,
    extensions: bytes = b"",
) -> bytes:
    """Encode a TBSCertificate (RFC 5280 section 4.1): v3 with extensions, else v1."""
    version = der.encode(0xA0, der.encode_integer(2)) if extensions else b""
    public_key = key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return der.encode(
        der.SEQUENCE,
        version,
        der.encode_integer(serial),
        _algorithm(digest),
        issuer,
        der.encode(der.SEQUENCE, *(der.encode_time(moment) for moment in validity)),
        subject,
        public_key,
        extensions,
    )


def _sign(tbs: bytes, key: rsa.RSAPrivateKey, digest: hashes.HashAlgorithm | None) -> bytes:
    """Sign a TBSCertificate with PKCS#1 v1.5 and return the whole certificate as PEM."""
    signature = key.sign(tbs, padding.PKCS1v15(), digest or hashes.SHA256())
    certificate = der.encode(
        der.SEQUENCE, tbs, _algorithm(digest), der.encode(der.BIT_STRING, b"\0", signature)
    )
    lines = textwrap.wrap(base64.b64encode(certificate).decode(), 64)
    return "\n".join(
        ["-----BEGIN CERTIFICATE-----", *lines, "-----END CERTIFICATE-----", ""]
    ).encode()


def _subject_of(certificate_pem: bytes) -> bytes:
    """Return the subject of a certificate as DER.

    Cut out by hand: `cryptography` warns of a CA with serial 0 and may refuse it one day.
    """
    body = b"".join(line for line in certificate_pem.splitlines() if not line.startswith(b"-----"))
    fields = der.split(der.split(base64.b64decode(body))[0])
    has_version = fields[0][0] == 0xA0
    return fields[4 + has_version]
