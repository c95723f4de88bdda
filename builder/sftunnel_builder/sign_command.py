"""Somebody else signs: a program that has the private key, such as one that asks an HSM.

It reads the bytes to sign on its standard input and writes the signature, ECDSA P-256 / SHA-256 in
DER, to its standard output: `openssl dgst -sha256 -sign KEY` does. It is started without a shell.
What it says on standard error goes to the terminal, and so may its question for a PIN. It may take
its time: there is no timeout. What it answers is believed only if it fits the public key.
"""

from __future__ import annotations

import shlex
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from sftunnel_builder.child import child_environment
from sftunnel_builder.errors import BundlerError, ExitCode, printable, reason
from sftunnel_builder.private_file import read_plain_file
from sftunnel_builder.signer import Signer, is_signed_by, public_key
from sftunnel_builder.words import N_, _

MAX_ANSWER_BYTES = 4096
"""Far over the 72 bytes of a signature, so that another answer is told from a cut one."""
_BY_THE_KEY = N_("by an ECDSA P-256 key, of the SHA-256 of what it reads, in DER")


@dataclass(frozen=True)
class SignCommand(Signer):
    """A program that signs, and the public key of its signer."""

    words: tuple[str, ...]
    """The program and its arguments. The arguments may hold a PIN, and are never shown."""
    pem: bytes
    """SubjectPublicKeyInfo."""
    public_key_place: str
    """What to call the file with the public key in messages."""

    def public_pem(self) -> bytes:
        """Return the public key as SubjectPublicKeyInfo PEM."""
        return self.pem

    def sign(self, data: bytes) -> bytes:
        """Return what the program answers, once it is known to be the signature of data.

        Raises BundlerError (UNSUITABLE when the program cannot be run or fails, else REFUSED).
        """
        answer = self._ask(data)
        if not _is_der_signature(answer):
            raise BundlerError(
                _(
                    "the sign command '{program}' printed {count} bytes, which are no signature in "
                    "DER"
                ).format(program=self._program(), count=len(answer)),
                _("it must print a signature {how}, and nothing else").format(how=_(_BY_THE_KEY)),
            )
        if not is_signed_by(self.pem, answer, data):
            raise BundlerError(
                _(
                    "the sign command '{program}' printed a signature that does not fit the public "
                    "key '{place}'"
                ).format(program=self._program(), place=self.public_key_place),
                _("name the public key of its signer; it must sign {how}").format(
                    how=_(_BY_THE_KEY)
                ),
            )
        return answer

    def _ask(self, data: bytes) -> bytes:
        """Run the program, and return what it printed."""
        try:
            # A file and not a pipe: the program may read as much of it as it likes, and when.
            with tempfile.TemporaryFile() as question:
                question.write(data)
                question.seek(0)
                process = subprocess.Popen(
                    self.words, stdin=question, stdout=subprocess.PIPE, env=child_environment()
                )
        except (OSError, ValueError) as error:
            why = reason(error) if isinstance(error, OSError) else _("no such program")
            raise BundlerError(
                _("cannot run the sign command '{program}': {why}").format(
                    program=self._program(), why=why
                ),
                _("give a program, and its arguments, to --sign-command; it is not run by a shell"),
                ExitCode.UNSUITABLE,
            ) from None
        answer, status = _answer_of(process)
        if len(answer) > MAX_ANSWER_BYTES:
            raise BundlerError(
                _(
                    "the sign command '{program}' printed over {limit} bytes, wanted one signature"
                ).format(program=self._program(), limit=MAX_ANSWER_BYTES),
                _("it must print a signature {how}, and nothing else").format(how=_(_BY_THE_KEY)),
            )
        if status != 0:
            how = (
                _("status {number}").format(number=status)
                if status > 0
                else _("signal {number}").format(number=-status)
            )
            raise BundlerError(
                _("the sign command '{program}' ended with {how}").format(
                    program=self._program(), how=how
                ),
                _("see what it said; type it by itself to try it: it signs its standard input"),
                ExitCode.UNSUITABLE,
            )
        return answer

    def _program(self) -> str:
        return printable(self.words[0])


def _answer_of(process: subprocess.Popen[bytes]) -> tuple[bytes, int]:
    """Return what a program printed, no more than is needed to refuse it, and its status."""
    assert process.stdout is not None  # noqa: S101  it was asked for
    with process.stdout:
        try:
            answer = process.stdout.read(MAX_ANSWER_BYTES + 1)
            if len(answer) > MAX_ANSWER_BYTES:
                process.kill()
            return answer, process.wait()
        except BaseException:
            process.kill()
            process.wait()
            raise


def _is_der_signature(answer: bytes) -> bool:
    """Tell whether these bytes are an ECDSA signature in the one form that DER has for it."""
    from cryptography.hazmat.primitives.asymmetric import utils

    try:
        return utils.encode_dss_signature(*utils.decode_dss_signature(answer)) == answer
    except ValueError:
        return False


def load_sign_command(command: str, key_path: Path) -> SignCommand:
    """Return the signer that a command line asks; raises BundlerError.

    command is split into words as a shell would, and nothing in it is expanded. key_path names a
    PEM file with the public key: an ECDSA P-256 SubjectPublicKeyInfo.
    """
    try:
        words = shlex.split(command)
    except ValueError:
        words = []  # What it could not split may hold a PIN, and is not shown.
    if not words:
        raise BundlerError(
            _("--sign-command is empty, or a quote in it is left open"),
            _("give a program and its arguments, such as 'openssl dgst -sha256 -sign KEY'"),
            ExitCode.USAGE,
        )
    return SignCommand(tuple(words), _read_public(key_path), printable(str(key_path)))


def _read_public(path: Path) -> bytes:
    """Return the public key in a file as PEM; raises BundlerError."""
    from cryptography.hazmat.primitives import serialization as s

    place = printable(str(path))
    try:
        data, _facts = read_plain_file(path, _("the public key"))
    except OSError as error:
        raise BundlerError(
            _("cannot read the public key '{place}': {why}").format(place=place, why=reason(error)),
            _("with --sign-command, --signing-key names the signer's public key, PEM"),
        ) from None
    if b"PRIVATE KEY" in data:
        raise BundlerError(
            _(
                "'{place}' is a private key: with --sign-command, --signing-key names a public key"
            ).format(place=place),
            _("write the public key with: openssl pkey -in '{place}' -pubout -out FILE").format(
                place=place
            ),
        )
    key = public_key(data)
    if key is None:
        raise BundlerError(
            _("'{place}' holds no ECDSA P-256 public key").format(place=place),
            _("the signer's public key is wanted, as openssl pkey -pubout writes it"),
        )
    return key.public_bytes(s.Encoding.PEM, s.PublicFormat.SubjectPublicKeyInfo)
