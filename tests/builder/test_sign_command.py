"""A program that signs is believed only if what it prints is the signature that was wanted."""

from __future__ import annotations

import shlex
import signal
import subprocess
import time
from pathlib import Path

import pytest

from sftunnel_builder.errors import BundlerError, ExitCode
from sftunnel_builder.sign_command import load_sign_command
from sftunnel_builder.signer import is_signed_by
from signers import KeyPair, key_pair, program, stand_in_hsm

LONG = b"a line of a long list\n" * 50_000
"""More than any pipe holds."""
SIGN = "openssl dgst -sha256 -sign"


@pytest.fixture
def pair(tmp_path: Path) -> KeyPair:
    return key_pair(tmp_path, "key")


@pytest.mark.parametrize("data", [b"text", b"", LONG], ids=["short", "empty", "long"])
def test_openssl_signs(pair: KeyPair, data: bytes) -> None:
    signer = load_sign_command(f"{SIGN} {shlex.quote(str(pair.private))}", pair.public)
    assert is_signed_by(signer.public_pem(), signer.sign(data), data)
    assert signer.fingerprint() == pair.fingerprint
    assert signer.public_pem() == pair.signer.public_pem()


def test_quotes_are_heeded_and_nothing_is_expanded(pair: KeyPair, tmp_path: Path) -> None:
    strange = tmp_path / "my $HOME; key *.pem"
    pair.private.rename(strange)
    signer = load_sign_command(f"{SIGN} '{strange}'", pair.public)
    assert is_signed_by(signer.public_pem(), signer.sign(b"text"), b"text")


def test_a_stand_in_hsm_is_asked_once_a_signature(pair: KeyPair, tmp_path: Path) -> None:
    signer = load_sign_command(f"{stand_in_hsm(pair)} --pin=4711", pair.public)
    for _ in range(3):
        signer.sign(b"text")
    assert (tmp_path / "count").read_text() == "\n" * 3


BAD_PROGRAMS = [
    pytest.param("exit 3", 5, "ended with status 3", id="fails"),
    pytest.param("cat >/dev/null; {sign} key.pem; exit 1", 5, "ended with status 1", id="late"),
    pytest.param("kill -9 $$", 5, "ended with signal 9", id="is killed"),
    pytest.param("exec <&-", 3, "printed 0 bytes, which are no signature", id="hangs up early"),
    pytest.param("cat >/dev/null; echo hello", 3, "printed 6 bytes, which are no", id="garbage"),
    pytest.param("{sign} key.pem; echo", 3, "which are no signature in DER", id="a byte more"),
    pytest.param("{sign} key.pem | head -c 60", 3, "which are no signature in DER", id="cut off"),
    pytest.param("{sign} key.pem | openssl base64", 3, "no signature in DER", id="as base64"),
    pytest.param("{sign} other.pem", 3, "does not fit the public key", id="another key"),
    pytest.param("echo x | {sign} key.pem", 3, "does not fit the public key", id="another text"),
    pytest.param("head -c 100000000 /dev/zero", 3, "printed over 4096 bytes", id="100 MB"),
    pytest.param("yes", 3, "printed over 4096 bytes", id="without end"),
]


@pytest.mark.parametrize(("script", "code", "message"), BAD_PROGRAMS)
def test_a_program_that_does_not_sign(
    pair: KeyPair, tmp_path: Path, script: str, code: int, message: str
) -> None:
    key_pair(tmp_path, "other")
    path = program(tmp_path, f"cd {tmp_path}; {script.format(sign=SIGN)}")
    signer = load_sign_command(f"{path} --pin=4711", pair.public)
    started = time.monotonic()
    with pytest.raises(BundlerError, match=message) as caught:
        signer.sign(LONG)
    assert caught.value.code == code
    assert time.monotonic() - started < 20
    said = caught.value.message + caught.value.hint
    assert f"the sign command '{path}'" in said
    assert "4711" not in said


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("/nowhere/hsm --pin=4711", "'/nowhere/hsm': no such file or directory"),
        ("/dev/null --pin=4711", "'/dev/null': permission denied"),
        ("/\x1b[2J --pin=4711", r"'/\?\[2J': no such file or directory"),
        ("'' --pin=4711", "cannot run the sign command ''"),
    ],
)
def test_a_program_that_cannot_be_run(pair: KeyPair, command: str, message: str) -> None:
    with pytest.raises(BundlerError, match=message) as caught:
        load_sign_command(command, pair.public).sign(b"text")
    assert caught.value.code == ExitCode.UNSUITABLE
    assert "4711" not in caught.value.message + caught.value.hint


@pytest.mark.parametrize("command", ["", "   ", "hsm '--pin=4711"])
def test_a_command_line_that_is_none(pair: KeyPair, command: str) -> None:
    with pytest.raises(BundlerError, match="is empty, or a quote in it is left open") as caught:
        load_sign_command(command, pair.public)
    assert caught.value.code == ExitCode.USAGE
    assert "4711" not in caught.value.message + caught.value.hint


def test_a_signal_ends_the_program_too(
    pair: KeyPair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    signer = load_sign_command(
        program(tmp_path, f"echo $$ >{tmp_path}/pid; exec sleep 600"), pair.public
    )
    real = subprocess.Popen

    def interrupted(*words: object, **options: object) -> object:
        process = real(*words, **options)  # type: ignore[call-overload]
        deadline = time.monotonic() + 20
        while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
            assert time.monotonic() < deadline
            time.sleep(0.01)
        signal.setitimer(signal.ITIMER_REAL, 0.1)
        return process

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(subprocess, "Popen", interrupted)
    before = signal.signal(signal.SIGALRM, stop)
    try:
        with pytest.raises(KeyboardInterrupt):
            signer.sign(b"text")
    finally:
        signal.signal(signal.SIGALRM, before)
    assert not Path(f"/proc/{(tmp_path / 'pid').read_text().strip()}").exists()


def test_a_private_key_is_not_taken_for_a_public_one(pair: KeyPair) -> None:
    with pytest.raises(BundlerError, match="is a private key") as caught:
        load_sign_command("true", pair.private)
    assert "openssl pkey -in " in caught.value.hint
    assert "-pubout" in caught.value.hint


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("ec -pkeyopt ec_paramgen_curve:P-384", "holds no ECDSA P-256 public key"),
        ("rsa", "holds no ECDSA P-256 public key"),
        ("", "holds no ECDSA P-256 public key"),
        ("missing", "cannot read the public key '.*': no such file or directory"),
    ],
)
def test_a_public_key_of_another_kind(tmp_path: Path, kind: str, message: str) -> None:
    path = tmp_path / "key.pub"
    if kind == "":
        path.write_text("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n")
    elif kind != "missing":
        script = f"openssl genpkey -algorithm {kind} | openssl pkey -pubout -out key.pub"
        subprocess.run(["sh", "-c", script], cwd=tmp_path, check=True, capture_output=True)
    with pytest.raises(BundlerError, match=message) as caught:
        load_sign_command("true", path)
    assert caught.value.code == ExitCode.REFUSED
