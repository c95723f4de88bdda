"""The signer's key on disk, and its fingerprint."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from sftunnel_builder.errors import BundlerError, ExitCode
from sftunnel_builder.signer import (
    fingerprint,
    generate_signer,
    is_encrypted,
    is_signed_by,
    load_signer,
    save_signer,
)


@pytest.mark.parametrize("passphrase", [None, "a passphrase"])
def test_what_is_saved_is_loaded(tmp_path: Path, passphrase: str | None) -> None:
    signer, path = generate_signer(), tmp_path / "new" / "signing-key.pem"
    save_signer(signer, path, passphrase)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert is_encrypted(path) == (passphrase is not None)
    assert load_signer(path, passphrase).fingerprint() == signer.fingerprint()
    before = path.read_bytes()
    with pytest.raises(BundlerError, match="never overwritten"):
        save_signer(generate_signer(), path, None)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("passphrase", "message"), [(None, "is encrypted"), ("wrong", "wrong passphrase")]
)
def test_a_locked_key_needs_its_passphrase(
    tmp_path: Path, passphrase: str | None, message: str
) -> None:
    path = tmp_path / "key.pem"
    save_signer(generate_signer(), path, "right")
    with pytest.raises(BundlerError, match=message) as caught:
        load_signer(path, passphrase)
    assert caught.value.code == ExitCode.REFUSED


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o610])
def test_a_key_that_is_open_to_others_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "key.pem"
    save_signer(generate_signer(), path, None)
    path.chmod(mode)
    with pytest.raises(BundlerError, match=f"wanted mode 0600, found {mode:04o}"):
        load_signer(path, None)


def test_a_key_of_another_kind_is_refused(tmp_path: Path) -> None:
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8)
    path = tmp_path / "key.pem"
    path.touch(0o600)
    path.write_bytes(
        ec.generate_private_key(ec.SECP384R1()).private_bytes(*form, serialization.NoEncryption())
    )
    with pytest.raises(BundlerError, match="is not an ECDSA P-256 key"):
        load_signer(path, None)
    path.write_bytes(b"no key\n")
    with pytest.raises(BundlerError, match="no private key"):
        load_signer(path, None)


def test_the_fingerprint_is_what_openssl_says(tmp_path: Path) -> None:
    signer = generate_signer()
    der = subprocess.run(
        ["openssl", "pkey", "-pubin", "-outform", "DER"],
        input=signer.public_pem(),
        capture_output=True,
        check=True,
    ).stdout
    assert signer.fingerprint() == fingerprint(signer.public_pem())
    assert signer.fingerprint() == hashlib.sha256(der).hexdigest()


@pytest.mark.parametrize("pem", [b"", b"rubbish", b"-----BEGIN PUBLIC KEY-----\nAAAA\n"])
def test_a_public_key_that_is_none_is_not_trusted(pem: bytes) -> None:
    with pytest.raises(BundlerError) as caught:
        fingerprint(pem)
    assert caught.value.code == ExitCode.UNTRUSTED


def test_a_signature_is_of_one_key_and_one_text() -> None:
    signer, other = generate_signer(), generate_signer()
    signature = signer.sign(b"text")
    assert signature == signer.sign(b"text"), "signatures are not deterministic"
    assert is_signed_by(signer.public_pem(), signature, b"text")
    assert not is_signed_by(signer.public_pem(), signature, b"text.")
    assert not is_signed_by(other.public_pem(), signature, b"text")
    assert not is_signed_by(signer.public_pem(), b"", b"text")
