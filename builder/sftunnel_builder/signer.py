"""The signer: the ECDSA P-256 key pair that signs bundles, and what its signatures are worth.

A signer is a private key at hand, here, or somebody else who is asked: `sign_command`.
"""

from __future__ import annotations

import hashlib
import os
from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from sftunnel_builder.errors import BundlerError, ExitCode, printable, reason
from sftunnel_builder.on_disk import write_private
from sftunnel_builder.private_file import (
    read_plain_file,
    refuse_shared_directory,
    refuse_shared_file,
)
from sftunnel_builder.private_key import ITERATIONS_CHOSEN, encrypt_pkcs8
from sftunnel_builder.words import _

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import (
        EllipticCurvePrivateKey,
        EllipticCurvePublicKey,
    )

DEFAULT_SIGNING_KEY = "~/.config/sftunnel-bundler/signing-key.pem"


class Signer(ABC):
    """Who signs."""

    @abstractmethod
    def sign(self, data: bytes) -> bytes:
        """Return the ECDSA/SHA-256 signature, DER; raises BundlerError."""

    @abstractmethod
    def public_pem(self) -> bytes:
        """Return the public key as SubjectPublicKeyInfo PEM."""

    def fingerprint(self) -> str:
        """Return the SHA-256 of the public key's SubjectPublicKeyInfo DER, 64 hex digits."""
        return fingerprint(self.public_pem())


@dataclass(frozen=True)
class KeySigner(Signer):
    """A private signing key, loaded."""

    key: EllipticCurvePrivateKey

    def sign(self, data: bytes) -> bytes:
        """Return the ECDSA/SHA-256 signature, DER. Deterministic (RFC 6979)."""
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import ec

        return self.key.sign(data, ec.ECDSA(hashes.SHA256(), deterministic_signing=True))

    def public_pem(self) -> bytes:
        """Return the public key as SubjectPublicKeyInfo PEM."""
        from cryptography.hazmat.primitives import serialization as s

        public = self.key.public_key()
        return public.public_bytes(s.Encoding.PEM, s.PublicFormat.SubjectPublicKeyInfo)


def public_key(pem: bytes) -> EllipticCurvePublicKey | None:
    """Return the ECDSA P-256 public key in a PEM, None if there is no such key in it."""
    from cryptography.hazmat.primitives import serialization as s
    from cryptography.hazmat.primitives.asymmetric import ec

    try:
        key = s.load_pem_public_key(pem)
    except Exception:  # noqa: BLE001  the parser has many ways to say "damaged"
        return None
    if isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name == "secp256r1":
        return key
    return None


@lru_cache(4)
def fingerprint(public_pem: bytes) -> str:
    """Return the fingerprint of a signer.pem, 64 hex digits; raises BundlerError (UNTRUSTED)."""
    from cryptography.hazmat.primitives import serialization as s

    public = public_key(public_pem)
    if public is None:
        raise BundlerError(
            _("'signer.pem' holds no ECDSA P-256 public key"),
            _("get the bundle again from where it was built"),
            ExitCode.UNTRUSTED,
        )
    der = public.public_bytes(s.Encoding.DER, s.PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(der).hexdigest()


def is_signed_by(public_pem: bytes, signature: bytes, data: bytes) -> bool:
    """Tell whether a DER signature of data was made with the key of a signer.pem."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec

    public = public_key(public_pem)
    assert public is not None  # noqa: S101  fingerprint() saw to it
    try:
        public.verify(signature, data, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        return False
    return True


def grouped(digits: str) -> str:
    """Return hex digits in groups of four, for reading aloud."""
    return " ".join(digits[i : i + 4] for i in range(0, len(digits), 4))


def generate_signer() -> KeySigner:
    """Draw a new key pair."""
    from cryptography.hazmat.primitives.asymmetric import ec

    return KeySigner(ec.generate_private_key(ec.SECP256R1()))


def save_signer(signer: KeySigner, path: Path, passphrase: str | None) -> None:
    """Write the private key as PKCS#8 PEM, mode 0600, encrypted if there is a passphrase.

    Never replaces a file. Raises BundlerError.
    """
    from cryptography.hazmat.primitives import serialization as s

    pem = signer.key.private_bytes(s.Encoding.PEM, s.PrivateFormat.PKCS8, s.NoEncryption())
    if passphrase is not None:
        pem = encrypt_pkcs8(pem, passphrase, ITERATIONS_CHOSEN)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        refuse_shared_directory(path, _("the signing key"))
        write_private(path, pem)
    except FileExistsError:
        raise _exists(path) from None
    except OSError as error:
        raise BundlerError(
            _("cannot write '{place}': {why}").format(
                place=printable(str(path)), why=reason(error)
            ),
            _("choose another place with --out"),
            ExitCode.UNSUITABLE,
        ) from None


def refuse_existing_signer(path: Path) -> None:
    """Raise BundlerError if there is a file already; save_signer would only say so at its end."""
    if os.path.lexists(path):
        raise _exists(path)


def _exists(path: Path) -> BundlerError:
    return BundlerError(
        _("'{place}' exists already, and a signer is never overwritten").format(
            place=printable(str(path))
        ),
        _("choose another name with --out, or move the old one away"),
        ExitCode.USAGE,
    )


def is_encrypted(path: Path) -> bool:
    """Tell whether the signing key in a file needs a passphrase; raises BundlerError."""
    return b"ENCRYPTED" in _read_private(path)


def load_signer(path: Path, passphrase: str | None) -> KeySigner:
    """Load a signing key; raises BundlerError when it is open to others, none, or locked."""
    from cryptography.hazmat.primitives import serialization as s
    from cryptography.hazmat.primitives.asymmetric import ec

    data = _read_private(path)
    place = printable(str(path))
    secret = passphrase.encode() if passphrase is not None and b"ENCRYPTED" in data else None
    try:
        key = s.load_pem_private_key(data, secret)
    except TypeError:
        raise BundlerError(
            _("the signing key '{place}' is encrypted").format(place=place),
            _("give its passphrase with --signing-passphrase-file"),
        ) from None
    except Exception:  # noqa: BLE001  wrong passphrase and damage are told apart by nobody
        raise BundlerError(
            _(
                "the signing key '{place}' does not open: wrong passphrase, or no private key"
            ).format(place=place),
            _("check the passphrase, or make a signer with: sftunnel-bundler keygen"),
        ) from None
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.curve.name != "secp256r1":
        raise BundlerError(
            _("'{place}' is not an ECDSA P-256 key").format(place=place),
            _("make a signer with: sftunnel-bundler keygen"),
        )
    return KeySigner(key)


def _read_private(path: Path) -> bytes:
    """Return the file's contents; raises BundlerError if others may read or replace it."""
    what = _("the signing key")
    try:
        data, facts = read_plain_file(path, what)
        if b"BEGIN PUBLIC KEY" in data:
            raise BundlerError(
                _("{what} '{place}' is a public key, which cannot sign").format(
                    what=what, place=printable(str(path))
                ),
                _("name the private key from keygen, or say with --sign-command who signs"),
            )
        refuse_shared_file(path, facts, what)
    except OSError as error:
        raise BundlerError(
            _("cannot read the signing key '{place}': {why}").format(
                place=printable(str(path)), why=reason(error)
            ),
            _("make one with: sftunnel-bundler keygen, or name it with --signing-key"),
        ) from None
    return data
