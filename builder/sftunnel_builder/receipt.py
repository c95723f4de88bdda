"""What a receipt says, and whether the device that it names has made it. Decided without disk.

1. it is in the one form that format 1 has: two lines, canonical JSON and base64
2. the device is in the kit
3. the bundle is the one that this kit has for it
4. the signature is made with the key that this bundle brings

docs/bundle-format.md has the bytes.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from sftunnel_builder.bundle import Contents
from sftunnel_builder.bundle_conf import BundleConf
from sftunnel_builder.errors import BundlerError, ExitCode, printable
from sftunnel_builder.failed_push import UUID_PATTERN
from sftunnel_builder.trio import TRIO_NAMES
from sftunnel_builder.words import N_, _

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

FORMAT = 1
VERBS = ("activate", "install", "recover", "rollback")
TUNNELS = ("down", "not-looked-at", "partly-up", "up")
MAX_RECEIPT_BYTES = 4096
"""A receipt has about 1,000: 600 of JSON, and the signature of an RSA key of 2048 bits."""
_SHA256 = "[0-9a-f]{64}"
_TIME = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z"
_TEXTS = {
    "after": _SHA256,
    "backup": r"([0-9]{4,9}-[0-9]{8}T[0-9]{6}Z)?",
    "before": _SHA256,
    "bundle": "[0-9a-f]{16}",
    "device": UUID_PATTERN,
    "ended": _TIME,
    "installer": r"[0-9A-Za-z.+-]{1,40}",
    "pid_after": "[0-9]{0,10}",
    "pid_before": "[0-9]{0,10}",
    "started": _TIME,
    "tunnel": "|".join(TUNNELS),
    "verb": "|".join(VERBS),
}
_NUMBERS = ("exit", "format")
_HINT = N_(
    "copy it again, from the stick or from /ngfw/var/sf/sftunnel-bundler/receipts on the device"
)


@dataclass(frozen=True)
class Receipt:
    """What a run on a device says of itself, in the form of format 1, from whomever it is."""

    text: str
    """The two lines, each ended by LF."""
    device_uuid: str
    bundle_id: str
    verb: str
    exit_code: int
    backup: str
    """The backup's id, such as `0001-20261124T120000Z`; may be empty."""
    before: str
    after: str
    """SHA-256 of the trio lines before and after the run, 64 hex digits."""
    started: datetime
    ended: datetime
    """By the device's clock, UTC."""
    pid_before: str
    pid_after: str
    """Of sftunnel; empty if unknown."""
    tunnel: str
    """One of TUNNELS."""
    installer: str
    """The version of install.sh."""

    @property
    def backup_number(self) -> int:
        """Return the number of the backup, which only grows on a device; 0 without one."""
        return int(self.backup.partition("-")[0] or 0)


@dataclass(frozen=True)
class Expected:
    """What a kit's bundle says of the receipts of its device."""

    conf: BundleConf
    certificate: bytes
    """The new certificate of the first FMC, PEM."""
    place: str
    """Where it lies, for messages."""

    @cached_property
    def public_key(self) -> RSAPublicKey:
        """Return the key that receipts are signed with; raises BundlerError."""
        from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

        from sftunnel_builder.certificates import load_certificate

        key = load_certificate(self.certificate, self.place).public_key()
        if isinstance(key, RSAPublicKey):
            return key
        raise BundlerError(
            _("'{place}' has no RSA key, so that no receipt can be verified").format(
                place=self.place
            ),
            _("build the kit again from what the FMC has now"),
        )

    def brings(self) -> str:
        """Return the SHA-256 of the trio lines of a device that has what the bundle brings."""
        lines = sorted(
            (f"{trio.fmc_uuid}/{name}", trio.sha256[name])
            for trio in self.conf.trios
            for name in TRIO_NAMES
        )
        text = "".join(f"{digest}  {path}\n" for path, digest in lines)
        return hashlib.sha256(text.encode()).hexdigest()


def expected_of(bundle: Contents, place: str) -> Expected:
    """Return what a bundle says of the receipts of its device; place names it in messages."""
    source = bundle.conf.trios[0].source("sftunnel-cert.pem")
    return Expected(bundle.conf, bundle.members[source], f"{place}:{source}")


def parse_receipt(data: bytes) -> Receipt:
    """Read the two lines of a receipt; raises BundlerError (UNTRUSTED). Check 1.

    Strict: what is accepted is what the format writes, byte for byte.
    """
    said, _mark, signature = data[: MAX_RECEIPT_BYTES + 1].partition(b"\n")
    if len(data) > MAX_RECEIPT_BYTES:
        raise _no_receipt(_("it has over {limit} bytes").format(limit=MAX_RECEIPT_BYTES))
    try:
        value = json.loads(said.decode("ascii"))
    # Digits or brackets without end are refused by the parser with these.
    except (ValueError, RecursionError):
        raise _no_receipt(_("its first line is no JSON in ASCII")) from None
    if not isinstance(value, dict) or value.keys() != {*_TEXTS, *_NUMBERS}:
        raise _no_receipt(_("its keys are not those of the format"))
    # In Python `true` and `1.0` are 1, too.
    if type(value["format"]) is not int or value["format"] != FORMAT:
        raise _no_receipt(
            _("wanted format '{wanted}', found '{found}'").format(
                wanted=FORMAT, found=printable(str(value["format"]), 20)
            )
        )
    for key, pattern in _TEXTS.items():
        text = value[key]
        if not isinstance(text, str) or not re.fullmatch(pattern, text):
            raise _no_receipt(
                _("'{key}' cannot be '{text}'").format(key=key, text=printable(str(text), 80))
            )
    if type(value["exit"]) is not int or not 0 <= value["exit"] <= 255:
        raise _no_receipt(
            _("'exit' cannot be '{found}'").format(found=printable(str(value["exit"]), 20))
        )
    if json.dumps(value, sort_keys=True, separators=(",", ":")).encode() != said:
        raise _no_receipt(_("its first line is not in the canonical form"))
    if not signature.endswith(b"\n") or _decode(signature[:-1]) is None:
        raise _no_receipt(_("its second line is no base64 in the canonical form"))
    return _receipt(data, value)


def _receipt(data: bytes, value: Mapping[str, Any]) -> Receipt:
    return Receipt(
        text=data.decode("ascii"),
        device_uuid=value["device"],
        bundle_id=value["bundle"],
        exit_code=value["exit"],
        started=_time("started", value["started"]),
        ended=_time("ended", value["ended"]),
        **{
            key: value[key]
            for key in (
                *("verb", "backup", "before", "after"),
                *("pid_before", "pid_after", "tunnel", "installer"),
            )
        },
    )


def verify_receipt(receipt: Receipt, kit: Mapping[str, Expected]) -> None:
    """Raise BundlerError (UNTRUSTED) unless a receipt is of this kit: checks 2 to 4.

    kit is by device UUID.
    """
    expected = kit.get(receipt.device_uuid)
    if expected is None:  # 2
        raise BundlerError(
            _("device '{uuid}' is not in this kit").format(uuid=receipt.device_uuid),
            _("name the kit that its bundle is from"),
            ExitCode.UNTRUSTED,
        )
    name = printable(expected.conf.device_name, 80)
    if receipt.bundle_id != expected.conf.bundle_id:  # 3
        raise BundlerError(
            _(
                "it is of another kit: wanted bundle id '{wanted}' for '{name}', found '{found}'"
            ).format(wanted=expected.conf.bundle_id, name=name, found=receipt.bundle_id),
            _("name the kit that its bundle is from, or install the bundle of this one"),
            ExitCode.UNTRUSTED,
        )
    _check_signature(receipt, expected.public_key, name)  # 4


def _check_signature(receipt: Receipt, key: RSAPublicKey, name: str) -> None:
    """Check 4; tell a text that was altered from a signature that the new key has not made."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.hashes import SHA256

    said, _mark, encoded = receipt.text.rstrip("\n").partition("\n")
    signature = _decode(encoded.encode()) or b""
    try:
        key.verify(signature, f"{said}\n".encode(), PKCS1v15(), SHA256())
        return
    except InvalidSignature:
        pass
    try:
        key.recover_data_from_signature(signature, PKCS1v15(), SHA256())
    except InvalidSignature:
        raise BundlerError(
            _(
                "it is not signed with the new key of '{name}': it is forged or damaged, or was "
                "made with another key"
            ).format(name=name),
            _(
                "the kit does not know the old key and cannot tell whether it was that one: run sh "
                "install.sh status on the device"
            ),
            ExitCode.UNTRUSTED,
        ) from None
    raise BundlerError(
        _("it was altered after '{name}' had signed it").format(name=name),
        _(_HINT),
        ExitCode.UNTRUSTED,
    )


def _decode(text: bytes) -> bytes | None:
    """Return what base64 says in its one canonical form; None if it is none."""
    try:
        decoded = base64.b64decode(text, validate=True)
    except binascii.Error:
        return None
    return decoded if decoded and base64.b64encode(decoded) == text else None


def _time(key: str, text: str) -> datetime:
    try:
        return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    except ValueError:
        raise _no_receipt(_("'{key}' cannot be '{text}'").format(key=key, text=text)) from None


def _no_receipt(why: str) -> BundlerError:
    return BundlerError(
        _("it is no whole receipt: {why}").format(why=why), _(_HINT), ExitCode.UNTRUSTED
    )
