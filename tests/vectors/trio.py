"""Vectors of certificates and keys, and of how a key is locked; all are signed."""

from __future__ import annotations

from collections.abc import Iterator

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives import serialization as s
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateNumbers
from cryptography.x509.oid import ExtendedKeyUsageOID

from vectors.parts import (
    CA,
    CERT,
    DEVICE_UUID,
    EXPIRED,
    FMC_UUID,
    KEY,
    NOT_YET,
    OTHER_FMC_UUID,
    OTHER_UUID,
    PASSPHRASE,
    PLAIN_KEY,
    RSA,
    TRIO,
    bundle,
    ca,
    cert,
    ec_key,
    locked,
    pem,
    pkcs8,
)
from vectors.vector import DAMAGED, Vector, of_bundle

PLACE = f"3 'payload/{FMC_UUID}"
NOT_ISSUED = f"3 the certificate for FMC '{FMC_UUID}' was not issued by the CA beside it"
HAS_EXPIRED = f"3 a certificate for FMC '{FMC_UUID}' has expired"
NO_KEY = f"3 the key for FMC '{FMC_UUID}' "
PLAIN = pkcs8(RSA["device"])


def trio_vectors() -> Iterator[Vector]:
    """Yield them."""
    yield from _certificates()
    yield from _files()
    yield from _plain_keys()
    yield from _locked_keys()


def _certificates() -> Iterator[Vector]:
    client, server = ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH
    for name, fault, files, verify, check in (
        (
            "expired",
            "the certificate has expired",
            {CERT: cert(EXPIRED)},
            f"{PLACE}/{CERT}' expired on 2020-01-01 00:00:00 UTC",
            HAS_EXPIRED,
        ),
        (
            "ca-expired",
            "the CA has expired",
            {CA: ca(times=EXPIRED)},
            f"{PLACE}/{CA}' expired on 2020-01-01 00:00:00 UTC",
            HAS_EXPIRED,
        ),
        (
            "not-yet",
            "the certificate holds from 2049 on",
            {CERT: cert(NOT_YET)},
            f"{PLACE}/{CERT}' is not valid before 2049-01-01 00:00:00 UTC",
            f"3 a certificate for FMC '{FMC_UUID}' is not valid yet",
        ),
        (
            "ca-not-yet",
            "the CA holds from 2049 on",
            {CA: ca(times=NOT_YET)},
            f"{PLACE}/{CA}' is not valid before 2049-01-01 00:00:00 UTC",
            f"3 a certificate for FMC '{FMC_UUID}' is not valid yet",
        ),
        (
            "ca-other",
            "a CA of the same name and another key",
            {CA: ca("other")},
            f"{PLACE}/{CERT}' was not issued by the CA",
            NOT_ISSUED,
        ),
        (
            "issuer-other",
            "a certificate of another FMC's CA, with the same key",
            {CERT: cert(ca_pem=ca(fmc_uuid=OTHER_FMC_UUID))},
            f"{PLACE}/{CERT}' was not issued by the CA",
            NOT_ISSUED,
        ),
        (
            "ca-not-itself",
            "a CA that another key has signed",
            {CA: cert(ca_pem=ca(), ca_key=RSA["other"], device_uuid=None, key=RSA["ca"])},
            f"{PLACE}/{CA}' is not signed by its own key",
            NOT_ISSUED,
        ),
        (
            "device-other",
            "the title is another device's UUID",
            {CERT: cert(device_uuid=OTHER_UUID)},
            f"{PLACE}/{CERT}' is for another device: wanted '{DEVICE_UUID}', found '{OTHER_UUID}'",
            "0",
        ),
        (
            "purpose-none",
            "not for use as a TLS client or server",
            {CERT: cert(eku=[ExtendedKeyUsageOID.CODE_SIGNING])},
            f"{PLACE}/{CERT}' is not for use as a TLS client",
            f"3 the certificate for FMC '{FMC_UUID}' is not made for a TLS client",
        ),
        (
            "purpose-client",
            "for use as a TLS client only",
            {CERT: cert(eku=[client])},
            f"{PLACE}/{CERT}' is not for use as a TLS server",
            "0",
        ),
        (
            "purpose-server",
            "for use as a TLS server only",
            {CERT: cert(eku=[server])},
            f"{PLACE}/{CERT}' is not for use as a TLS client",
            f"3 the certificate for FMC '{FMC_UUID}' is not made for a TLS client",
        ),
        (
            "weak-key",
            "a key of 1024 bits",
            {CERT: cert(key=RSA["weak"]), KEY: pem("PRIVATE KEY", pkcs8(RSA["weak"]))},
            f"{PLACE}/{CERT}' has a key of 1024 bits, wanted at least 2048",
            "",
        ),
        (
            "sha1",
            "signed with SHA-1",
            {CERT: cert(digest=hashes.SHA1())},
            f"{PLACE}/{CERT}' is signed with 'sha1', wanted SHA-256 or stronger",
            "",
        ),
        (
            "ca-sha1",
            "the CA is signed with SHA-1",
            {CA: ca(digest=hashes.SHA1())},
            f"{PLACE}/{CA}' is signed with 'sha1', wanted SHA-256 or stronger",
            "",
        ),
        (
            "ec-key",
            "an EC key",
            {
                CERT: cert(key=ec_key("device")),
                KEY: ec_key("device").private_bytes(
                    s.Encoding.PEM, s.PrivateFormat.PKCS8, s.NoEncryption()
                ),
            },
            f"{PLACE}/{CERT}' has no RSA key",
            f"{NO_KEY}is damaged",
        ),
    ):
        yield of_bundle(f"trio/{name}", fault, _bundle(files), verify, check)
    yield of_bundle(
        "trio/fmc-other",
        "the CA's common name is another FMC's UUID",
        _bundle({CA: ca(fmc_uuid=OTHER_FMC_UUID), CERT: cert(ca_pem=ca(fmc_uuid=OTHER_FMC_UUID))}),
        f"{PLACE}/{CA}' is for another FMC: wanted '{FMC_UUID}', found '{OTHER_FMC_UUID}'",
        "0",
    )
    for name, fault, more in (
        ("no-title", "none: no title, which is warned of", {"device_uuid": None}),
        ("no-purpose", "none: it does not say what it is for, which is warned of", {"eku": None}),
        ("version-1", "none: X.509 version 1, without any extension", {"version": 1}),
        ("sha512", "none: signed with SHA-512", {"digest": hashes.SHA512()}),
        ("serial-0", "none: serial number 0", {"serial": 0}),
    ):
        yield of_bundle(f"trio/{name}", fault, _bundle({CERT: cert(**more)}), "0", "0")


def _files() -> Iterator[Vector]:
    good = TRIO[CERT]
    der = x509.load_pem_x509_certificate(good).public_bytes(s.Encoding.DER)
    lines = good.splitlines(keepends=True)
    for name, fault, data, verify, check in (
        ("cert-empty", "an empty certificate file", b"", f"{PLACE}/{CERT}' is empty", NOT_ISSUED),
        (
            "cert-der",
            "the certificate in DER and not in PEM",
            der,
            f"{PLACE}/{CERT}': wanted one PEM block",
            "",
        ),
        (
            "cert-two",
            "two certificates in a file",
            good + TRIO[CA],
            f"{PLACE}/{CERT}': wanted one PEM block 'CERTIFICATE', found 'CERTIFICATE', '",
            "0",
        ),
        (
            "cert-cut",
            "a line of the certificate is missing a character",
            b"".join([*lines[:3], lines[3][1:], *lines[4:]]),
            f"{PLACE}/{CERT}' line 4 has 63 characters",
            NOT_ISSUED,
        ),
        (
            "cert-flipped",
            "a flipped bit in the certificate's signature",
            pem("CERTIFICATE", der[:-1] + bytes([der[-1] ^ 1])),
            f"{PLACE}/{CERT}' was not issued by the CA",
            NOT_ISSUED,
        ),
        (
            "cert-is-ca",
            "the CA in the place of the certificate",
            TRIO[CA],
            f"{PLACE}/{CERT}' is for another device: wanted '{DEVICE_UUID}', found 'InternalCA'",
            f"{NO_KEY}is not the certificate's",
        ),
        (
            "cert-text",
            "none: text before the block, as openssl x509 -text puts it there",
            b"Certificate:\n    Data:\n" + good,
            "0",
            "0",
        ),
        (
            "cert-line-ends",
            "a certificate file with line ends of CR LF",
            good.replace(b"\n", b"\r\n"),
            "0",
            "0",
        ),
    ):
        yield of_bundle(
            f"trio/{name}",
            fault,
            _bundle({CERT: data}),
            verify,
            check,
            free=name == "cert-line-ends",
        )


def _plain_keys() -> Iterator[Vector]:
    own = RSA["device"].private_numbers()
    wrong = RSAPrivateNumbers(
        own.p, own.q, own.d, own.dmp1, own.dmq1, own.iqmp + 2, own.public_numbers
    )
    unfit = wrong.private_key(unsafe_skip_rsa_key_validation=True)
    damaged = pem("PRIVATE KEY", pkcs8(unfit))
    pkcs1 = RSA["device"].private_bytes(
        s.Encoding.PEM, s.PrivateFormat.TraditionalOpenSSL, s.NoEncryption()
    )
    for name, fault, data, verify, check in (
        (
            "key-other",
            "the key of another certificate",
            pem("PRIVATE KEY", pkcs8(RSA["other"])),
            f"3 the key in 'payload/{FMC_UUID}/{KEY}' is not that of",
            f"{NO_KEY}is not the certificate's",
        ),
        (
            "key-damaged",
            "the key's numbers do not fit together",
            damaged,
            f"3 the key in 'payload/{FMC_UUID}/{KEY}' is damaged",
            f"{NO_KEY}is damaged",
        ),
        (
            "key-cut",
            "the key's second half is missing",
            PLAIN_KEY[:800],
            f"{PLACE}/{KEY}': wanted one PEM block 'PRIVATE KEY', found none",
            f"{NO_KEY}is damaged",
        ),
        (
            "key-certificate",
            "a certificate in the place of the key",
            TRIO[CERT],
            f"{PLACE}/{KEY}': wanted one PEM block 'PRIVATE KEY'",
            f"{NO_KEY}is damaged",
        ),
    ):
        yield of_bundle(f"trio/{name}", fault, _bundle({KEY: data}), verify, check)
    yield of_bundle(
        "trio/key-pkcs1",
        "a plain key in PKCS#1, whose own SHA-256 is in bundle.conf",
        _bundle({KEY: pkcs1}),
        "0",
        "0",
        free=True,
    )


def _locked_keys() -> Iterator[Vector]:
    place = f"payload/{FMC_UUID}/{KEY}"
    shut = f"3 the key '{place}' does not open: wrong passphrase, or a damaged key"
    other_form = f"3 the key '{place}' is not locked as a build locks it"
    not_planned = f"{DAMAGED}'{place}' is not what bundle.conf says must land"
    shut_there = f"{NO_KEY}does not open: wrong passphrase, or a damaged key"
    sha1, sha512 = (hashes.SHA1(), "1.2.840.113549.2.7"), (hashes.SHA512(), "1.2.840.113549.2.11")
    for name, fault, data, verify, check, free in (
        ("locked", "none: an encrypted key", locked(PLAIN), "0", "0", False),
        (
            "locked-600000",
            "none: 600,000 iterations",
            locked(PLAIN, iterations=600_000),
            "0",
            "0",
            False,
        ),
        ("locked-1", "one iteration", locked(PLAIN, iterations=1), "0", "0", True),
        (
            "locked-6000000",
            "6,000,000 iterations",
            locked(PLAIN, iterations=6_000_000),
            other_form,
            "",
            False,
        ),
        (
            "locked-aes-128",
            "AES-128-CBC",
            locked(PLAIN, cipher=(16, "2.16.840.1.101.3.4.1.2")),
            "0",
            "0",
            True,
        ),
        ("locked-sha512", "HMAC-SHA512", locked(PLAIN, prf=sha512), "0", "0", True),
        (
            "locked-sha1",
            "HMAC-SHA1, written out, which is no DER, as it is the default",
            locked(PLAIN, prf=sha1),
            shut,
            "0",
            False,
        ),
        (
            "locked-salt-8",
            "a salt of 8 bytes",
            locked(PLAIN, salt=bytes(8)),
            other_form,
            "0",
            False,
        ),
        ("locked-key-length", "with a keyLength", locked(PLAIN, key_length=True), "0", "0", True),
        (
            "locked-flipped",
            "a flipped bit in the ciphertext's last block",
            locked(PLAIN, edit=lambda data: data[:-1] + bytes([data[-1] ^ 1])),
            shut,
            shut_there,
            False,
        ),
        (
            "locked-flipped-within",
            "a flipped bit within the ciphertext",
            locked(PLAIN, edit=lambda data: data[:600] + bytes([data[600] ^ 1]) + data[601:]),
            not_planned,
            shut_there,
            False,
        ),
        (
            "locked-cut",
            "the last block of the ciphertext is missing",
            locked(PLAIN, edit=lambda data: data[:-16]),
            shut,
            shut_there,
            False,
        ),
        (
            "locked-other",
            "another key is in it",
            locked(pkcs8(RSA["other"])),
            not_planned,
            shut_there,
            False,
        ),
        ("locked-pkcs1", "PKCS#1 is in it", locked(_pkcs1()), shut, shut_there, False),
        (
            "locked-passphrase",
            "another passphrase locks it",
            locked(PLAIN, passphrase="another"),
            shut,
            shut_there,
            False,
        ),
    ):
        yield of_bundle(
            f"key/{name}", fault, _locked(data), verify, check, free=free, passphrase=PASSPHRASE
        )
    yield of_bundle(
        "key/locked-not-opened",
        "none: an encrypted key, and no passphrase: it is not looked at",
        _locked(locked(PLAIN)),
        "0",
    )
    yield of_bundle(
        "key/locked-flipped-not-opened",
        "a damaged encrypted key, and no passphrase: it is not looked at",
        _locked(locked(PLAIN, edit=lambda data: data[:-1] + bytes([data[-1] ^ 1]))),
        "0",
        free=True,
    )
    yield of_bundle(
        "key/locked-planned",
        "the SHA-256 in bundle.conf is that of the encrypted key",
        _bundle({KEY: locked(PLAIN)}),
        not_planned,
        shut_there,
        passphrase=PASSPHRASE,
    )


def _pkcs1() -> bytes:
    return RSA["device"].private_bytes(
        s.Encoding.DER, s.PrivateFormat.TraditionalOpenSSL, s.NoEncryption()
    )


def _bundle(files: dict[str, bytes]) -> bytes:
    """Return a bundle with other files, whose own SHA-256 it plans."""
    return bundle(trio={**TRIO, **files})


def _locked(key: bytes) -> bytes:
    return bundle(trio={**TRIO, KEY: key}, landing={KEY: TRIO[KEY]})
