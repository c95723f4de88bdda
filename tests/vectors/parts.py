"""What every vector is made of: published keys, one device of one FMC, and its bundle.

All of it is fixed, times and salts, too, so that the same bytes come out on every machine.
"""

from __future__ import annotations

import base64
import hashlib
import re
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from cryptography.hazmat.primitives import hashes, padding
from cryptography.hazmat.primitives import serialization as s
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC

from sftunnel_builder.lab import der
from sftunnel_builder.lab.certificates import key_pem, make_ca, make_leaf
from vectors.container import Gzip, Member, octal, tar

PLACE = Path(__file__).parent
CREATED = datetime(2026, 1, 1, 12, tzinfo=UTC)
VALID = (datetime(2026, 1, 1, tzinfo=UTC), datetime(2049, 12, 31, tzinfo=UTC))
EXPIRED = (datetime(2016, 1, 1, tzinfo=UTC), datetime(2020, 1, 1, tzinfo=UTC))
NOT_YET = (datetime(2049, 1, 1, tzinfo=UTC), datetime(2049, 12, 31, tzinfo=UTC))
RUN_ID = int(VALID[0].timestamp())
DEVICE_UUID = "de71ce00-0000-4000-8000-000000000001"
OTHER_UUID = "de71ce00-0000-4000-8000-000000000002"
FMC_UUID = "f3c00000-0000-4000-8000-000000000001"
OTHER_FMC_UUID = "f3c00000-0000-4000-8000-000000000002"
PASSPHRASE = "published-for-test-vectors"
MARK = "TEST VECTORS, the keys are published"
"""The organization in all certificates."""
CA, CERT, KEY = "cacert.pem", "sftunnel-cert.pem", "sftunnel-key.pem"

Edit = Callable[[bytes], bytes]


def _rsa_keys() -> dict[str, RSAPrivateKey]:
    text = (PLACE / "keys.txt").read_text()
    found = re.findall(r"^(\w+): .*\n(-----BEGIN[^:]+-----END PRIVATE KEY-----\n)", text, re.M)
    keys = {name: s.load_pem_private_key(pem.encode(), None) for name, pem in found}
    return {name: key for name, key in keys.items() if isinstance(key, RSAPrivateKey)}


RSA = _rsa_keys()
"""`ca`, `device`, `other`, and `weak`, which has 1024 bits."""


def ec_key(name: str, curve: ec.EllipticCurve | None = None) -> ec.EllipticCurvePrivateKey:
    """Return the key whose number is the SHA-256 of a published text."""
    number = int.from_bytes(hashlib.sha256(f"test key {name}".encode()).digest(), "big")
    return ec.derive_private_key(number, curve or ec.SECP256R1())


SIGNER, STRANGER = ec_key("signer"), ec_key("stranger")


def public_pem(key: ec.EllipticCurvePrivateKey | RSAPrivateKey) -> bytes:
    """Return the public key, SubjectPublicKeyInfo PEM."""
    return key.public_key().public_bytes(s.Encoding.PEM, s.PublicFormat.SubjectPublicKeyInfo)


def fingerprint(key: ec.EllipticCurvePrivateKey) -> str:
    """Return the SHA-256 of the public key's SubjectPublicKeyInfo in DER."""
    encoded = key.public_key().public_bytes(s.Encoding.DER, s.PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(encoded).hexdigest()


def sign(data: bytes, key: ec.EllipticCurvePrivateKey = SIGNER) -> bytes:
    """Return the ECDSA/SHA-256 signature, DER, deterministic (RFC 6979)."""
    return key.sign(data, ec.ECDSA(hashes.SHA256(), deterministic_signing=True))


def swap(old: bytes, new: bytes) -> Edit:
    """Return what puts new in the place of old, which must be there."""

    def edit(data: bytes) -> bytes:
        assert old in data, (old, data)
        return data.replace(old, new, 1)

    return edit


def same(data: bytes) -> bytes:
    """Return it as it is."""
    return data


def ca(key: str = "ca", times: tuple[datetime, datetime] = VALID, **other: object) -> bytes:
    """Return the FMC's internal CA, PEM."""
    facts = {"fmc_uuid": FMC_UUID, "organization": MARK, **other}
    return make_ca(key=RSA[key], not_before=times[0], not_after=times[1], **facts)  # type: ignore[arg-type]


def cert(times: tuple[datetime, datetime] = VALID, **other: object) -> bytes:
    """Return the device's certificate, PEM."""
    facts = {
        "ca_pem": ca(),
        "ca_key": RSA["ca"],
        "device_uuid": DEVICE_UUID,
        "key": RSA["device"],
        "organization": MARK,
        **other,
    }
    return make_leaf(not_before=times[0], not_after=times[1], **facts)  # type: ignore[arg-type]


PLAIN_KEY = key_pem(RSA["device"])
TRIO: Mapping[str, bytes] = {CA: ca(), CERT: cert(), KEY: PLAIN_KEY}


def pem(label: str, encoded: bytes) -> bytes:
    """Return a PEM block of 64 columns."""
    lines = "\n".join(textwrap.wrap(base64.b64encode(encoded).decode(), 64))
    return f"-----BEGIN {label}-----\n{lines}\n-----END {label}-----\n".encode()


def pkcs8(key: RSAPrivateKey) -> bytes:
    """Return the key as unencrypted PKCS#8, DER."""
    return key.private_bytes(s.Encoding.DER, s.PrivateFormat.PKCS8, s.NoEncryption())


def locked(
    plain: bytes,
    *,
    passphrase: str = PASSPHRASE,
    iterations: int = 100_000,
    salt: bytes = bytes(range(16)),
    prf: tuple[hashes.HashAlgorithm, str] = (hashes.SHA256(), "1.2.840.113549.2.9"),
    cipher: tuple[int, str] = (32, "2.16.840.1.101.3.4.1.42"),
    key_length: bool = False,
    edit: Edit = same,
) -> bytes:
    """Return a key (PKCS#8, DER) encrypted with PBES2 (RFC 8018), PEM.

    prf is a hash and the OID of its HMAC; cipher the length of an AES key and the OID of its CBC;
    edit changes the ciphertext.
    """
    iv = bytes(range(16, 32))
    secret = PBKDF2HMAC(prf[0], cipher[0], salt, iterations).derive(passphrase.encode())
    pad = padding.PKCS7(128).padder()
    encryptor = Cipher(algorithms.AES(secret), modes.CBC(iv)).encryptor()
    sealed = encryptor.update(pad.update(plain) + pad.finalize()) + encryptor.finalize()

    def algorithm(oid: str, *parameters: bytes) -> bytes:
        return der.encode(der.SEQUENCE, der.encode_oid(oid), *parameters)

    derivation = der.encode(
        der.SEQUENCE,
        der.encode(der.OCTET_STRING, salt),
        der.encode_integer(iterations),
        *([der.encode_integer(cipher[0])] if key_length else []),
        algorithm(prf[1], der.encode(der.NULL)),
    )
    scheme = der.encode(
        der.SEQUENCE,
        algorithm("1.2.840.113549.1.5.12", derivation),
        algorithm(cipher[1], der.encode(der.OCTET_STRING, iv)),
    )
    info = (algorithm("1.2.840.113549.1.5.13", scheme), der.encode(der.OCTET_STRING, edit(sealed)))
    return pem("ENCRYPTED PRIVATE KEY", der.encode(der.SEQUENCE, *info))


def sha256(data: bytes) -> str:
    """Return 64 hex digits."""
    return hashlib.sha256(data).hexdigest()


def bundle_conf(
    trios: Mapping[str, Mapping[str, bytes]], *, name: str = "test-vector", edit: Edit = same
) -> bytes:
    """Return the bundle.conf of what must land, by FMC UUID; its id is made after the edit."""
    lines = [
        "format=1",
        "bundle_id=",
        f"device_name={name}",
        f"device_uuid={DEVICE_UUID}",
        "device_address=192.0.2.1",
        f"created={CREATED:%Y-%m-%dT%H:%M:%SZ}",
        "builder_version=0.1.0",
        *(f"fmc={fmc} {RUN_ID}" for fmc in trios),
        *(
            f"file=payload/{fmc}/{file} /var/sf/peers/{fmc}/{file} {sha256(data)} 644 root:root"
            for fmc, trio in trios.items()
            for file, data in trio.items()
        ),
    ]
    text = edit("".join(f"{line}\n" for line in lines).encode())
    return text.replace(b"\nbundle_id=\n", b"\nbundle_id=%s\n" % sha256(text)[:16].encode(), 1)


def checksums(files: Mapping[str, bytes]) -> bytes:
    """Return the lines of SHA256SUMS, in the order of the files."""
    return "".join(f"{sha256(data)}  {name}\n" for name, data in files.items()).encode()


Files = dict[str, bytes]


def bundle(
    *,
    trio: Mapping[str, bytes] = TRIO,
    more_trios: Mapping[str, Mapping[str, bytes]] | None = None,
    landing: Mapping[str, bytes] | None = None,
    name: str = "test-vector",
    top: str = "",
    plan: Edit = same,
    conf: Edit = same,
    files: Callable[[Files], Files] = dict,
    sums: Edit = same,
    signer: ec.EllipticCurvePrivateKey = SIGNER,
    signature: Edit = same,
    signed: Callable[[Files], Files] = dict,
    members: Callable[[list[Member]], list[Member]] = list,
    archive: Edit = same,
    gzip: Callable[[Gzip], Gzip] = lambda gzip: gzip,
) -> bytes:
    """Return a bundle file; each argument changes it at one stage, in their order.

    landing is what must land, where that is not what the bundle brings; plan changes bundle.conf
    before its id is made, conf after; files the files before they are listed; sums the list before
    it is signed; signed all files after that; members what is in the tar; archive and gzip the tar
    and what is around it.
    """
    trios = {FMC_UUID: trio, **(more_trios or {})}
    planned = {fmc: {**each, **(landing or {})} for fmc, each in trios.items()}
    content: Files = {
        "install.sh": b"#!/bin/sh\n# A stand-in: test vectors install nothing.\nexit 1\n",
        "bundle.conf": conf(bundle_conf(planned, name=name, edit=plan)),
    }
    for fmc, each in trios.items():
        content |= {f"payload/{fmc}/{file}": data for file, data in each.items()}
    content["RUNBOOK.txt"] = b"A stand-in: test vectors install nothing.\n"
    content["signer.pem"] = public_pem(signer)
    content = files(content)
    listed = sums(checksums(content))
    content |= {"SHA256SUMS": listed, "SHA256SUMS.sig": signature(sign(listed, signer))}
    top = top or f"sftunnel-{name}-{DEVICE_UUID[:8]}"
    packed = [_member(top, file, data) for file, data in signed(content).items()]
    return gzip(Gzip.of(archive(tar(members(packed))))).render()


def _member(top: str, name: str, data: bytes) -> Member:
    """Return a file of a bundle; a long name is split behind the top directory."""
    mode = {"install.sh": b"0000755\0", KEY: b"0000600\0"}.get(name.rpartition("/")[2])
    whole = Member(f"{top}/{name}".encode(), data, mtime=octal(int(CREATED.timestamp())))
    if len(whole.name) > 100:
        whole = replace(whole, prefix=top.encode(), name=name.encode())
    return replace(whole, mode=mode) if mode else whole


GOOD = bundle()
