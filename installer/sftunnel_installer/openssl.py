"""What install.sh asks of openssl, answered by this program's own cryptography.

Only what the fragments call, with the output that they compare. A key or a passphrase is read from
standard input, and a key is printed where openssl would print it: into install.sh's pipe.

| call | answer |
| --- | --- |
| `dgst -sha256 -r [FILE...]` | the SHA-256 of each, in hex |
| `dgst -sha256 -hex -sign /dev/stdin FILE` | RSA PKCS#1 v1.5, by the key on standard input |
| `dgst -sha256 -verify PUBLIC -signature SIGNATURE FILE` | `Verified OK`, of an ECDSA P-256 key |
| `pkey -in KEY -passin stdin [-pubout]` | the key in plain PKCS#8, or its public key |
| `pkey -pubin -in PUBLIC -outform DER` | the public key in DER |
| `rsa -check -pubout` | `RSA key ok`, and the public key of the one on standard input |
| `verify -purpose sslclient -CAfile CA CERTIFICATE` | `CERTIFICATE: OK`, or an error's number |
| `x509 -in CERTIFICATE ...` | what is asked for: see `_x509` |
"""

from __future__ import annotations

import hashlib
import re
import signal
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from sftunnel_builder.certificates import Certificate, load_certificate
from sftunnel_builder.errors import BundlerError
from sftunnel_builder.last_resort import bug, leave_no_core
from sftunnel_builder.private_key import (
    canonical_pem,
    decrypt_key,
    is_sound,
    load_private_key,
)
from sftunnel_builder.signer import is_signed_by, public_key
from sftunnel_installer.chain import OK, fault_of
from sftunnel_installer.engine import UnknownCallError, leave_note
from sftunnel_installer.talk import complain

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric import rsa

_FIRST = re.compile(rb"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----\n?", re.DOTALL)
_NOT_ASCII = re.compile(r"[^\x20-\x7e]")
_OPTIONS = {
    "dgst": {"-sha256", "-hex", "-r", "-sign=", "-verify=", "-signature="},
    "pkey": {"-pubin", "-pubout", "-in=", "-passin=", "-outform="},
    "rsa": {"-check", "-pubout"},
    "verify": {"-purpose=", "-CAfile="},
    "x509": {
        *("-enddate", "-fingerprint", "-noout", "-pubkey", "-sha256", "-startdate", "-subject"),
        *("-checkend=", "-in=", "-nameopt="),
    },
}
"""What each verb knows; `=` where a value follows as the next word."""
_KEY_PLACE = "the key"
"""What a key is called in messages, which nobody sees."""


class _RefusedError(Exception):
    """What was asked cannot be answered: openssl would exit with 1, too."""


class _Call:
    """The words of a call, sorted."""

    def __init__(self, words: Sequence[str]) -> None:
        self.name = words[0] if words else ""
        self.flags: set[str] = set()
        self.values: dict[str, str] = {}
        self.files: list[str] = []
        self.has_failed = False
        """Whether a part of the answer is missing."""
        if self.name not in _OPTIONS:
            raise UnknownCallError(self.name)
        left = iter(words[1:])
        for word in left:
            if not word.startswith("-"):
                self.files.append(word)
            elif word in _OPTIONS[self.name]:
                self.flags.add(word)
            elif f"{word}=" in _OPTIONS[self.name]:
                self.values[word] = next(left, "")
            else:
                raise UnknownCallError(f"{self.name} {word}")


def answer(words: Sequence[str]) -> int:
    """Answer one call; returns the exit code."""
    leave_no_core()
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        # To end as openssl does; where install.sh ignores it, it stays ignored.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        call = _Call(words)
        data = b"".join(_ANSWERS[call.name](call))
    except UnknownCallError as error:
        leave_note(str(error))
        return 1
    except (_RefusedError, BundlerError, OSError, ValueError, TypeError, KeyError):
        return 1
    except Exception as error:  # noqa: BLE001  the last resort: a bug, told without its contents
        complain(bug(error))
        return 1
    code = int(call.has_failed)
    if "-checkend" in call.values:
        code = int(_certificate(call.values["-in"]).not_after_utc < datetime.now(UTC))
    elif call.name == "verify":
        code = int(not data.endswith(b": OK\n"))
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()
    return code


def _dgst(call: _Call) -> Iterator[bytes]:
    if "-sign" in call.values:
        yield f"RSA-SHA2-256({call.files[0]})= {_sign(call).hex()}\n".encode()
    elif "-verify" in call.values:
        pem, signature, data = (
            Path(name).read_bytes()
            for name in (call.values["-verify"], call.values["-signature"], *call.files)
        )
        if public_key(pem) is None or not is_signed_by(pem, signature, data):
            raise _RefusedError
        yield b"Verified OK\n"
    else:
        for name in call.files or ["stdin"]:
            try:
                data = Path(name).read_bytes() if call.files else sys.stdin.buffer.read()
            except OSError:
                # The others count all the same.
                call.has_failed = True
                continue
            yield f"{hashlib.sha256(data).hexdigest()} *{name}\n".encode()


def _sign(call: _Call) -> bytes:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding

    assert call.values["-sign"] == "/dev/stdin"  # noqa: S101  the key comes through a pipe
    key = load_private_key(sys.stdin.buffer.read(), _KEY_PLACE)
    return key.sign(Path(call.files[0]).read_bytes(), padding.PKCS1v15(), hashes.SHA256())


def _pkey(call: _Call) -> Iterator[bytes]:
    if "-pubin" in call.flags:
        from cryptography.hazmat.primitives import serialization as s

        public = public_key(Path(call.values["-in"]).read_bytes())
        if public is None:
            raise _RefusedError
        yield public.public_bytes(s.Encoding.DER, s.PublicFormat.SubjectPublicKeyInfo)
        return
    key = _private_key(call)
    yield _public_pem(key.public_key()) if "-pubout" in call.flags else canonical_pem(key)


def _private_key(call: _Call) -> rsa.RSAPrivateKey:
    """Return the key that a call is about, decrypted if need be."""
    if "-in" not in call.values:
        return load_private_key(sys.stdin.buffer.read(), _KEY_PLACE)
    pem = Path(call.values["-in"]).read_bytes()
    if b"BEGIN ENCRYPTED PRIVATE KEY" in pem:
        passphrase = sys.stdin.buffer.readline().rstrip(b"\n").decode()
        pem = decrypt_key(pem, passphrase, _KEY_PLACE)
    return load_private_key(pem, _KEY_PLACE)


def _rsa(call: _Call) -> Iterator[bytes]:
    key = _private_key(call)
    if not is_sound(key):
        raise _RefusedError
    yield b"RSA key ok\n"
    yield _public_pem(key.public_key())


def _verify(call: _Call) -> Iterator[bytes]:
    """Answer as `openssl verify` does."""
    (name,) = call.files
    ca, certificate = _certificate(call.values["-CAfile"]), _certificate(name)
    number = fault_of(certificate, ca, datetime.now(UTC))
    if number == OK:
        yield f"{name}: OK\n".encode()
    else:
        yield f"error {number} at 0 depth lookup\nerror {name}: verification failed\n".encode()


def _x509(call: _Call) -> Iterator[bytes]:
    """Print subject, dates, fingerprint and public key, each if it is asked for."""
    certificate = _certificate(call.values["-in"])
    if "-subject" in call.flags:
        yield f"subject={_NOT_ASCII.sub(_escaped, certificate.subject())}\n".encode()
    if "-startdate" in call.flags:
        yield b"notBefore=" + _date(certificate.not_before_utc)
    if "-enddate" in call.flags:
        yield b"notAfter=" + _date(certificate.not_after_utc)
    if "-fingerprint" in call.flags:
        yield f"sha256 Fingerprint={certificate.fingerprint().upper()}\n".encode()
    if "-pubkey" in call.flags:
        yield _public_pem(certificate.public_key())


def _escaped(found: re.Match[str]) -> str:
    """Return a character as RFC 2253 allows it to be written: the bytes of its UTF-8 in hex."""
    return "".join(f"\\{byte:02X}" for byte in found[0].encode())


def _certificate(name: str) -> Certificate:
    """Return the first certificate in a file, as openssl does."""
    found = _FIRST.search(Path(name).read_bytes())
    if found is None:
        raise _RefusedError
    return load_certificate(found[0], name)


def _date(moment: datetime) -> bytes:
    return moment.strftime("%b %e %H:%M:%S %Y GMT\n").encode()


def _public_pem(key: object) -> bytes:
    from cryptography.hazmat.primitives import serialization as s

    pem: bytes = key.public_bytes(s.Encoding.PEM, s.PublicFormat.SubjectPublicKeyInfo)  # type: ignore[attr-defined]
    return pem


_ANSWERS = {
    "dgst": _dgst,
    "pkey": _pkey,
    "rsa": _rsa,
    "verify": _verify,
    "x509": _x509,
}
