"""The key on its journey: locked such that every openssl opens it, to the same bytes."""

from __future__ import annotations

import subprocess

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from sftunnel_builder.errors import BundlerError, ExitCode
from sftunnel_builder.lab.certificates import key_pem
from sftunnel_builder.private_key import (
    ITERATIONS_CHOSEN,
    ITERATIONS_RANDOM,
    canonical_pem,
    decrypt_key,
    encrypt_pkcs8,
    is_sound,
    load_private_key,
)


def _openssl(*arguments: str, stdin: bytes) -> bytes:
    return subprocess.run(
        ["openssl", *arguments], input=stdin, capture_output=True, check=True
    ).stdout


@pytest.mark.parametrize("iterations", [1, 127, 128, 65535, ITERATIONS_RANDOM, ITERATIONS_CHOSEN])
@pytest.mark.parametrize("passphrase", ["k7md-2xqa-9fhw-pz4c-bt6n", "pass word ", "grün$(x)"])
def test_openssl_opens_it_to_the_same_bytes(
    keys: tuple[rsa.RSAPrivateKey, ...], iterations: int, passphrase: str
) -> None:
    plain = key_pem(keys[1])
    locked = encrypt_pkcs8(plain, passphrase, iterations)
    assert _openssl("pkey", "-passin", "stdin", stdin=f"{passphrase}\n".encode() + locked) == plain
    form = _openssl("asn1parse", stdin=locked).decode()
    count = iterations.to_bytes(3, "big").lstrip(b"\0").hex().upper()
    for wanted in ("PBES2", "PBKDF2", "hmacWithSHA256", "aes-256-cbc", f":{count}\n"):
        assert wanted in form
    assert max(map(len, locked.splitlines())) == 64
    assert decrypt_key(locked, passphrase, "key") == plain


def test_salt_and_iv_are_drawn_each_time(keys: tuple[rsa.RSAPrivateKey, ...]) -> None:
    plain = key_pem(keys[1])
    assert encrypt_pkcs8(plain, "x", 1000) != encrypt_pkcs8(plain, "x", 1000)


def test_a_wrong_passphrase_is_refused(keys: tuple[rsa.RSAPrivateKey, ...]) -> None:
    locked = encrypt_pkcs8(key_pem(keys[1]), "right", 1000)
    with pytest.raises(BundlerError, match="wrong passphrase") as caught:
        decrypt_key(locked, "wrong", "the/key")
    assert caught.value.code == ExitCode.REFUSED
    assert "'the/key'" in caught.value.message


def test_the_iterations_are_what_the_design_asks() -> None:
    assert ITERATIONS_RANDOM >= 100_000
    assert ITERATIONS_CHOSEN >= 600_000


@pytest.mark.parametrize("form", ["pkcs8", "rsa"])
def test_what_openssl_writes_is_read(keys: tuple[rsa.RSAPrivateKey, ...], form: str) -> None:
    plain = key_pem(keys[1])
    commands = {"pkcs8": ["pkey"], "rsa": ["rsa", "-traditional"]}
    key = load_private_key(_openssl(*commands[form], stdin=plain), "key")
    assert is_sound(key)
    assert canonical_pem(key) == plain
