"""The device's private key: read, checked by arithmetic, locked for the journey."""

from __future__ import annotations

import base64
import os
import re
import textwrap
from typing import TYPE_CHECKING

from sftunnel_builder.certificates import PEM_BLOCK, pem_to_der
from sftunnel_builder.errors import BundlerError
from sftunnel_builder.words import _

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric import rsa

ITERATIONS_RANDOM = 100_000
"""PBKDF2 iterations for a random passphrase of 80 bits or more."""
ITERATIONS_CHOSEN = 600_000
"""PBKDF2 iterations for a passphrase that a person chose."""
MAX_ITERATIONS = 5_000_000
"""A build uses far fewer; a locked key may ask for so many that opening it takes hours."""


def load_private_key(data: bytes, place: str) -> rsa.RSAPrivateKey:
    """Parse an unencrypted RSA key, PKCS#8 or PKCS#1 PEM; place names the file in messages.

    Its arithmetic is not checked here: `is_sound` does that, a thousand times faster than the
    library (which tests the primes, too). Raises BundlerError.
    """
    from cryptography.hazmat.primitives.asymmetric import rsa
    from cryptography.hazmat.primitives.serialization import load_der_private_key

    labels = [label.decode() for label, _ in PEM_BLOCK.findall(data)]
    if labels == ["ENCRYPTED PRIVATE KEY"] or b"Proc-Type: 4,ENCRYPTED" in data:
        raise BundlerError(
            _("'{place}' is encrypted, wanted the plain key that generate_certs.pl made").format(
                place=place
            ),
            _("take the file from certs_pushed/ on the FMC as it is"),
        )
    label = labels[0] if labels in (["PRIVATE KEY"], ["RSA PRIVATE KEY"]) else "PRIVATE KEY"
    der = pem_to_der(data, label, place)
    try:
        key = load_der_private_key(der, None, unsafe_skip_rsa_key_validation=True)
    except Exception as error:  # noqa: BLE001  the parser has many ways to say "damaged"
        raise BundlerError(
            _("'{place}' is not a readable private key: it was damaged ({error})").format(
                place=place, error=type(error).__name__
            ),
            _("copy '{place}' from the FMC again, as a file and not through a terminal").format(
                place=place
            ),
        ) from None
    if not isinstance(key, rsa.RSAPrivateKey):
        raise BundlerError(
            _("'{place}' is not an RSA key").format(place=place),
            _("use the key that generate_certs.pl made"),
        )
    return key


def is_sound(key: rsa.RSAPrivateKey) -> bool:
    """Tell whether the numbers of the key fit together (RFC 8017 section 3.2).

    Finds any accidental damage; only the primality of p and q is taken on trust.
    """
    n = key.private_numbers()
    e, modulus = n.public_numbers.e, n.public_numbers.n
    return (
        n.p > 1
        and n.q > 1
        and n.p * n.q == modulus
        and e * n.d % (n.p - 1) == 1
        and e * n.d % (n.q - 1) == 1
        and n.dmp1 == n.d % (n.p - 1)
        and n.dmq1 == n.d % (n.q - 1)
        and n.iqmp * n.q % n.p == 1
    )


def canonical_pem(key: rsa.RSAPrivateKey) -> bytes:
    """Return the key as unencrypted PKCS#8 PEM: what `openssl pkey` prints, byte for byte."""
    from cryptography.hazmat.primitives import serialization as s

    return key.private_bytes(s.Encoding.PEM, s.PrivateFormat.PKCS8, s.NoEncryption())


def encrypt_pkcs8(pkcs8_pem: bytes, passphrase: str, iterations: int) -> bytes:
    """Return an encrypted PKCS#8 PEM: PBES2, PBKDF2-HMAC-SHA256, AES-256-CBC (RFC 8018).

    pkcs8_pem is an unencrypted PKCS#8 PEM. Written out here because cryptography fixes the
    iteration count at 2048. Salt and IV are drawn at random.
    """
    from cryptography.hazmat.primitives import hashes, padding
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
    from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC

    plain = pem_to_der(pkcs8_pem, "PRIVATE KEY", _("the private key"))
    salt, iv = os.urandom(16), os.urandom(16)
    secret = PBKDF2HMAC(hashes.SHA256(), 32, salt, iterations).derive(passphrase.encode())
    pad = padding.PKCS7(128).padder()
    encryptor = Cipher(algorithms.AES(secret), modes.CBC(iv)).encryptor()
    sealed = encryptor.update(pad.update(plain) + pad.finalize()) + encryptor.finalize()
    count = iterations.to_bytes(iterations.bit_length() // 8 + 1, "big")
    prf = _der(0x30, _OID_HMAC_SHA256 + _der(0x05, b""))
    kdf = _der(0x30, _OID_PBKDF2 + _der(0x30, _der(0x04, salt) + _der(0x02, count) + prf))
    cipher = _der(0x30, _OID_AES256_CBC + _der(0x04, iv))
    algorithm = _der(0x30, _OID_PBES2 + _der(0x30, kdf + cipher))
    body = base64.b64encode(_der(0x30, algorithm + _der(0x04, sealed))).decode()
    lines = "\n".join(textwrap.wrap(body, 64))
    label = "ENCRYPTED PRIVATE KEY"
    return f"-----BEGIN {label}-----\n{lines}\n-----END {label}-----\n".encode()


def decrypt_key(pem: bytes, passphrase: str, place: str) -> bytes:
    """Return the canonical plaintext PEM of an encrypted PKCS#8 key; raises BundlerError."""
    from cryptography.hazmat.primitives import serialization as s

    iterations = locked_iterations(pem, place)
    if iterations is None or iterations > MAX_ITERATIONS:
        raise BundlerError(
            _("the key '{place}' is not locked as a build locks it").format(place=place),
            _("get the bundle again from where it was built"),
        )
    try:
        key = s.load_pem_private_key(pem, passphrase.encode(), unsafe_skip_rsa_key_validation=True)
    except Exception:  # noqa: BLE001  wrong passphrase and damage are told apart by nobody
        raise BundlerError(
            _("the key '{place}' does not open: wrong passphrase, or a damaged key").format(
                place=place
            ),
            _("look up the passphrase of this device in the file beside the kit"),
        ) from None
    return key.private_bytes(s.Encoding.PEM, s.PrivateFormat.PKCS8, s.NoEncryption())


def locked_iterations(encrypted_pem: bytes, place: str) -> int | None:
    """Return the PBKDF2 iterations of a key as `encrypt_pkcs8` writes it; None if it is no such.

    place names the file in messages. Raises BundlerError when the PEM is damaged.
    """
    found = _LOCKED.match(pem_to_der(encrypted_pem, "ENCRYPTED PRIVATE KEY", place))
    return int.from_bytes(found[1][1:], "big") if found else None


def _der(tag: int, body: bytes) -> bytes:
    """Return one DER element (X.690)."""
    if len(body) < 0x80:
        return bytes([tag, len(body)]) + body
    size = len(body).to_bytes((len(body).bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(size)]) + size + body


_OID_PBES2 = bytes.fromhex("06092a864886f70d01050d")
_OID_PBKDF2 = bytes.fromhex("06092a864886f70d01050c")
_OID_HMAC_SHA256 = bytes.fromhex("06082a864886f70d0209")
_OID_AES256_CBC = bytes.fromhex("060960864801650304012a")
_LOCKED = re.compile(
    rb"\x30\x82..\x30.%s\x30.\x30.%s\x30.\x04\x10.{16}\x02(\x01.|\x02..|\x03...|\x04....)"
    % (re.escape(_OID_PBES2), re.escape(_OID_PBKDF2)),
    re.DOTALL,
)
