"""The stand-in for OpenSSL 1.0.2: it has the traps that were measured with that version.

What it is compared with is the machine's own openssl, which has grown out of them.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from rehearsal import need
from sftunnel_builder.lab.certificates import key_pem, make_ca, make_leaf, new_key
from sftunnel_builder.private_key import encrypt_pkcs8
from toolsets import LIKE_1_0_2

NOW = datetime.now(UTC).replace(microsecond=0)
FMC, DEVICE = "27c533bf-296f-45ca-8940-48595302ae0c", "78d92cd9-cf7a-429f-9e44-84edc862bb76"
IN_2050_S = 2524608000

Done = subprocess.CompletedProcess[bytes]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a directory with good and bad certificates and keys."""
    need("openssl", shutil.which("openssl"))
    place = tmp_path_factory.mktemp("files")
    ca_key, key, young = new_key(), new_key(), ed25519.Ed25519PrivateKey.generate()
    good, past = (
        (NOW - timedelta(1), NOW + timedelta(20000)),
        (NOW - timedelta(9), NOW - timedelta(1)),
    )
    ca = make_ca(FMC, ca_key, *good)
    server_only = [x509.OID_SERVER_AUTH]
    signer = ec.generate_private_key(ec.SECP256R1())
    contents = {
        "ca.pem": ca,
        "past-ca.pem": make_ca(FMC, ca_key, *past),
        "other-ca.pem": make_ca(FMC, new_key(), *good),
        "leaf.pem": make_leaf(ca, ca_key, DEVICE, key, *good),
        "past.pem": make_leaf(ca, ca_key, DEVICE, key, *past),
        "future.pem": make_leaf(ca, ca_key, DEVICE, key, good[1] - timedelta(1), good[1]),
        "server.pem": make_leaf(ca, ca_key, DEVICE, key, *good, eku=server_only),
        "alone.pem": make_ca(DEVICE, key, *good),
        "key.pem": key_pem(key),
        "locked.pem": encrypt_pkcs8(key_pem(key), "sesame", 1000),
        "empty.pem": encrypt_pkcs8(key_pem(key), "", 1000),
        "young.pem": young.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        ),
        "signer.key": signer.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ),
        "signer.pem": signer.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        ),
        "text": b"some text\n",
        "digest": bytes(range(32)),
    }
    for name, content in contents.items():
        (place / name).write_bytes(content)
    for command in (
        "pkcs8 -topk8 -scrypt -in key.pem -out scrypt.pem -passout pass:sesame",
        "dgst -sha256 -sign signer.key -out text.sig text",
        "pkeyutl -sign -inkey signer.key -in digest -out digest.sig",
    ):
        done = _real(place, command)
        assert done.returncode == 0, done.stderr
    return place


def _real(files: Path, command: str) -> Done:
    words = ["openssl", *command.split()]
    return subprocess.run(words, cwd=files, capture_output=True, check=False)


def _double(files: Path, command: str, stdin: bytes = b"") -> Done:
    """Run the stand-in with the words of a command, under umask 022."""
    return subprocess.run(
        [str(LIKE_1_0_2), *command.split()],
        cwd=files,
        input=stdin,
        capture_output=True,
        umask=0o022,
        env={**os.environ, "REAL_OPENSSL": str(shutil.which("openssl")), "secret": "sesame"},
        check=False,
    )


@pytest.mark.parametrize(
    ("words", "number", "code"),
    [
        ("-CAfile ca.pem past.pem", 10, 0),
        ("-CAfile past-ca.pem leaf.pem", 10, 0),
        ("-CAfile ca.pem -purpose sslclient server.pem", 26, 0),
        ("-CAfile ca.pem alone.pem", 18, 0),
        ("-CAfile other-ca.pem leaf.pem", 7, 2),
        ("-CAfile ca.pem future.pem", 9, 2),
    ],
)
def test_verify_ends_with_ok_and_0_after_some_errors_and_says_all_on_standard_output(
    files: Path, words: str, number: int, code: int
) -> None:
    assert _real(files, f"verify {words}").returncode == 2
    done = _double(files, f"verify {words}")
    lines = done.stdout.decode().splitlines()
    assert done.returncode == code, done
    assert lines[0].startswith(f"{words.split()[-1]}: ")
    assert any(line.startswith(f"error {number} at ") for line in lines)
    assert (lines[-1] == "OK") == (code == 0)
    assert done.stderr == b""


def test_verify_of_a_good_certificate_says_just_that(files: Path) -> None:
    done = _double(files, "verify -purpose sslclient -CAfile ca.pem leaf.pem")
    assert (done.returncode, done.stdout) == (0, b"leaf.pem: OK\n")
    assert _double(files, "verify -CAfile ca.pem text").returncode == 2


def test_verify_also_trusts_the_systems_own_store(
    files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = "verify -CAfile other-ca.pem alone.pem"
    assert b"error 18" in _double(files, command).stdout
    name = _double(files, "x509 -noout -hash -in alone.pem").stdout.decode().strip()
    shutil.copy(files / "alone.pem", tmp_path / f"{name}.0")
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
    assert _double(files, command).stdout == b"alone.pem: OK\n"


@pytest.mark.parametrize(
    "command",
    [
        "x509 -in leaf.pem -noout -ext extendedKeyUsage",
        "x509 -in leaf.pem -noout -enddate -dateopt iso_8601",
        "verify -CAfile ca.pem -no_check_time leaf.pem",
        "verify -CAfile ca.pem -no-CApath -no-CAfile leaf.pem",
        "verify -CAfile ca.pem -x509_strict leaf.pem",
        "pkey -in key.pem -check -noout",
        "pkeyutl -verify -rawin -pubin -inkey signer.pem -sigfile text.sig -in text",
        "enc -aes-256-cbc -pbkdf2 -pass pass:x -in text",
        "pkcs12 -in key.pem",
    ],
)
def test_what_it_does_not_know_fails(files: Path, command: str) -> None:
    done = _double(files, command)
    assert (done.returncode, done.stdout) == (1, b"")
    assert b"unknown option" in done.stderr or b"does not imitate" in done.stderr


def test_an_unknown_command_ends_with_0(files: Path) -> None:
    done = _double(files, "kdf -keylen 10 HKDF")
    assert (done.returncode, done.stdout) == (0, b"")
    assert done.stderr == b"openssl:Error: 'kdf' is an invalid command.\n"


def test_checkend_takes_every_date_from_2050_on_for_outlived(files: Path) -> None:
    to_2050_s = IN_2050_S - int(time.time())
    expires = "x509 -noout -checkend {} -in past.pem"
    assert _double(files, expires.format(0)).returncode == 1
    assert _double(files, expires.format(to_2050_s - 3600)).returncode == 1
    beyond = _double(files, "x509 -noout -enddate " + expires.format(to_2050_s)[5:])
    assert beyond.returncode == 0
    assert beyond.stdout.startswith(b"notAfter=")
    assert beyond.stdout.endswith(b"Certificate will not expire\n")
    assert _real(files, expires.format(to_2050_s)).returncode == 1
    assert _double(files, "x509 -noout -checkend 0 -in leaf.pem").returncode == 0
    assert _double(files, f"x509 -noout -checkend {to_2050_s} -in text").returncode == 1


def test_names_and_fingerprints_have_their_old_form(files: Path) -> None:
    shown = _double(files, "x509 -noout -subject -fingerprint -sha256 -in leaf.pem").stdout.decode()
    subject, fingerprint = shown.splitlines()
    assert subject.startswith("subject= /CN=localhost/OU=")
    assert fingerprint.startswith("SHA256 Fingerprint=")
    rfc = _double(files, "x509 -noout -issuer -nameopt RFC2253 -in leaf.pem").stdout
    assert rfc.startswith(b"issuer= O=Cisco Systems\\, Inc,CN=")


def test_the_words_of_a_signature(files: Path) -> None:
    verify = "dgst -sha256 -verify signer.pem -signature text.sig"
    good = _double(files, f"{verify} text")
    assert (good.returncode, good.stdout) == (0, b"Verified OK\n")
    bad = _double(files, f"{verify} digest")
    assert (bad.returncode, bad.stdout) == (1, b"Verification Failure\n")
    assert _double(files, "dgst -sha256 text").stdout.startswith(b"SHA256(text)= ")
    assert _double(files, "dgst -sha256 -r text").stdout.endswith(b" *text\n")


def test_a_signed_digest_is_right_and_fails(files: Path) -> None:
    command = "pkeyutl -verify -pubin -inkey signer.pem -sigfile digest.sig -in digest"
    assert _real(files, command).returncode == 0
    done = _double(files, command)
    assert (done.returncode, done.stdout) == (1, b"Signature Verified Successfully\n")


@pytest.mark.parametrize(
    ("passin", "stdin"),
    [
        ("pass:sesame", b""),
        ("env:secret", b""),
        ("file:/dev/stdin", b"sesame\n"),
        ("stdin", b"sesame\n"),
        ("fd:0", b"sesame"),
        ("stdin", b"sesame\nmore\n"),
    ],
)
def test_a_key_opens_to_the_same_bytes(files: Path, passin: str, stdin: bytes) -> None:
    done = _double(files, f"pkey -in locked.pem -passin {passin}", stdin)
    assert done.stdout == (files / "key.pem").read_bytes(), done


@pytest.mark.parametrize(
    ("name", "passin", "stdin"),
    [
        pytest.param("locked.pem", "pass:wrong", b"", id="a wrong passphrase"),
        pytest.param("locked.pem", "stdin", b"sesame\r\n", id="a carriage return"),
        pytest.param("empty.pem", "stdin", b"\n", id="an empty passphrase"),
        pytest.param("scrypt.pem", "pass:sesame", b"", id="scrypt"),
    ],
)
def test_a_key_that_does_not_open_leaves_an_emptied_file(
    files: Path, tmp_path: Path, name: str, passin: str, stdin: bytes
) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    old.write_text("what was there")
    for out in (old, new):
        done = _double(files, f"pkey -in {name} -passin {passin} -out {out}", stdin)
        assert done.returncode == 1, done
        assert out.read_bytes() == b""
    assert new.stat().st_mode & 0o777 == 0o644


def test_a_new_key_file_has_the_mode_that_umask_leaves(files: Path, tmp_path: Path) -> None:
    out = tmp_path / "new"
    assert _double(files, f"pkey -in key.pem -out {out}").returncode == 0
    assert out.read_bytes() == (files / "key.pem").read_bytes()
    assert out.stat().st_mode & 0o777 == 0o644


def test_rsa_writes_pkcs_1_and_checks_with_its_words_alone(files: Path, tmp_path: Path) -> None:
    assert _double(files, "rsa -in key.pem").stdout.startswith(b"-----BEGIN RSA PRIVATE KEY-----\n")
    assert (
        _double(files, "rsa -in key.pem -pubout").stdout
        == _double(files, "pkey -pubout -in key.pem").stdout
    )
    key = serialization.load_pem_private_key((files / "key.pem").read_bytes(), None)
    assert _double(files, "rsa -check -noout -in key.pem").stdout == b"RSA key ok\n"
    der = bytearray(
        key.private_bytes(
            serialization.Encoding.DER,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    der[-20] ^= 1
    (tmp_path / "key.der").write_bytes(der)
    damaged = _double(files, f"rsa -inform DER -check -noout -in {tmp_path}/key.der")
    assert damaged.returncode == 0
    assert b"RSA key ok" not in damaged.stdout


def test_younger_kinds_of_keys_are_not_read(files: Path) -> None:
    assert _double(files, "pkey -pubin -in signer.pem").returncode == 0
    assert _real(files, "pkey -pubin -in young.pem").returncode == 0
    assert _double(files, "pkey -pubin -in young.pem").returncode == 1


def test_base64_and_the_version_pass(files: Path) -> None:
    encoded = _double(files, "base64 -A", b"some text").stdout
    assert _double(files, "base64 -d -A", encoded).stdout == b"some text"
    assert _double(files, "version").stdout == b"OpenSSL 1.0.2h  3 May 2016\n"
