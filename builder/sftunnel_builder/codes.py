"""Confirmation codes: how a run on a device ended, in twelve characters for the telephone.

Only the device's new key makes the signature that a code is drawn from. Whoever has the key comes
to the same code: the device, which holds it, and the build, which sees it once. The kit holds a
hash of each code with what it says, from which the code is found only by trying, one line at a
time: docs/security.md says how long that takes, docs/bundle-format.md has the bytes.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sftunnel_builder.errors import BundlerError, ExitCode, printable
from sftunnel_builder.failed_push import UUID_PATTERN
from sftunnel_builder.passphrases import ALPHABET
from sftunnel_builder.private_key import load_private_key
from sftunnel_builder.words import _

CODES = "codes"
"""The file in a kit."""
CODE_LENGTH = 12
"""About 57 bits: some of the 31 characters stand for two of base64, and come twice as often."""
VERBS = ("install", "recover", "rollback")
"""`activate` has the codes of `install`: whoever reads one out need not know the difference."""
EXITS = (0, 6, 7, 8)
"""Of install.sh: those after which the trio was, or may have been, changed."""
_LINE = re.compile(rf"([0-9a-f]{{64}})  ({UUID_PATTERN}) ([a-z]+) ([0-9])\n")


@dataclass(frozen=True)
class Run:
    """What a code says: that this run ended so on this device."""

    device_uuid: str
    verb: str
    """One of VERBS."""
    exit_code: int


def prove(key_pem: bytes, bundle_id: str) -> str:
    """Return what a device's codes for a bundle are drawn from: base64 of a signature.

    RSA PKCS#1 v1.5 (RFC 8017 section 8.2), SHA-256: always the same for a key and a bundle.
    key_pem is the new key of the bundle's first FMC, unencrypted.
    """
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.hashes import SHA256

    text = f"sftunnel-bundler code 1 {bundle_id}\n".encode()
    signature = load_private_key(key_pem, _("the new key")).sign(text, PKCS1v15(), SHA256())
    return base64.b64encode(signature).decode()


def confirmation_code(proof: str, verb: str, exit_code: int) -> str:
    """Return the code of a run, such as `k7mqx2hf9tpa`; proof is what `prove` returned."""
    digest = hashlib.sha256(f"{proof} {verb} {exit_code}\n".encode()).digest()
    letters = base64.b64encode(digest).decode().lower()
    return "".join(letter for letter in letters if letter in ALPHABET)[:CODE_LENGTH]


def code_lines(key_pem: bytes, device_uuid: str, bundle_id: str) -> tuple[bytes, ...]:
    """Return the lines that one device has in the kit's file; one signature is made for all."""
    proof = prove(key_pem, bundle_id)
    return tuple(
        _line(_digest(confirmation_code(proof, run.verb, run.exit_code), run), run)
        for run in _runs(device_uuid)
    )


def read_codes(data: bytes) -> Mapping[Run, str]:
    """Return the hash of the code of each run, from the kit's file; raises ValueError."""
    hashes: dict[Run, str] = {}
    for line in data.decode("ascii").splitlines(keepends=True):
        found = _LINE.fullmatch(line)
        if not found:
            raise ValueError(_("unusable line '{line}'").format(line=printable(line.rstrip(), 80)))
        hashes[Run(found[2], found[3], int(found[4]))] = found[1]
    if b"".join(sorted(_line(digest, run) for run, digest in hashes.items())) != data:
        raise ValueError(_("its lines are not sorted, or one comes twice"))
    return hashes


def covers(hashes: Mapping[Run, str], device_uuids: Iterable[str]) -> bool:
    """Tell whether a kit's file has every run of these devices, and no other."""
    return hashes.keys() == {run for uuid in device_uuids for run in _runs(uuid)}


def find_run(hashes: Mapping[Run, str], typed: str, device_uuid: str | None = None) -> Run | None:
    """Return what a code says that was read out; None if no device of the kit gives it.

    Where it is known which device gave it, only what that one can say is tried. Case, blanks and
    hyphens are ignored. Raises BundlerError (USAGE) for what is no code.
    """
    code = re.sub(r"[\s-]", "", typed).lower()
    if len(code) != CODE_LENGTH or not set(code) <= set(ALPHABET):
        found = printable(typed, 40)
        raise BundlerError(
            _("wanted a confirmation code of {count} characters, found '{found}'").format(
                count=CODE_LENGTH, found=found
            ),
            _("have it read out again, letter by letter: there is no i, l, o, 0 or 1 in it"),
            ExitCode.USAGE,
        )
    for run in hashes if device_uuid is None else _runs(device_uuid):
        if hashes.get(run) == _digest(code, run):
            return run
    return None


def _runs(device_uuid: str) -> list[Run]:
    """Return the runs of a device that have a code."""
    return [Run(device_uuid, verb, code) for verb in VERBS for code in EXITS]


def _digest(code: str, run: Run) -> str:
    text = f"{code} {run.device_uuid} {run.verb} {run.exit_code}\n"
    return hashlib.sha256(text.encode()).hexdigest()


def _line(digest: str, run: Run) -> bytes:
    return f"{digest}  {run.device_uuid} {run.verb} {run.exit_code}\n".encode()
