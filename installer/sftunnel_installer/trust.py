"""Whose bundle is it? The rules of install.sh: a key that came with a bundle proves nothing.

1. --digest: SHA256SUMS is the one that the operator means; nobody is asked who signed it
2. --signer: it must be one of those
3. else a signer that an earlier install has pinned on this device
4. else, at a terminal, whose fingerprint the operator types, at least its first 20 digits
5. else nobody
"""

from __future__ import annotations

import hashlib
import re
import sys
from pathlib import Path

from sftunnel_builder.bundle import SUMS, OpenedBundle
from sftunnel_builder.errors import BundlerError, ExitCode, printable
from sftunnel_installer.device import Device
from sftunnel_installer.options import Options
from sftunnel_installer.talk import note, step

MIN_TYPED_DIGITS = 20
_STRANGER = "compare both with the printed runbook; do not go on unless you know whose key it is"


class Trust:
    """Whom this run trusts."""

    def __init__(self, options: Options, device: Device) -> None:
        """Trust whom options and device name; nobody else is trusted before he is typed."""
        self._options = options
        self._device = device
        self._typed: str | None = None
        self.is_by_digest = options.digest is not None and not options.signers
        """Nobody is asked who signed."""

    def check_bundle(self, opened: OpenedBundle) -> None:
        """Say why a bundle is to be trusted; raises BundlerError (UNTRUSTED) if it is not."""
        for why in self.judge_bundle(opened):
            step("", why)

    def judge_bundle(self, opened: OpenedBundle) -> list[str]:
        """Return why a bundle is to be trusted; raises BundlerError (UNTRUSTED) if it is not."""
        why = []
        if self._options.digest is not None:  # 1
            found = hashlib.sha256(opened.members[SUMS]).hexdigest()
            if found != self._options.digest:
                raise BundlerError(
                    f"SHA256SUMS is another one: wanted SHA-256 '{self._options.digest}', found "
                    f"'{found}'",
                    "take the digits from the printed runbook of this bundle; if they are the "
                    "same, it is not that bundle",
                    ExitCode.UNTRUSTED,
                )
            why.append("SHA256SUMS has the SHA-256 given with --digest")
        if not self.is_by_digest:
            why.append(self._judge_signer(opened.signer, "the bundle"))
        return why

    def check_signer(self, signer: str, what: str) -> None:
        """Say why a signer is trusted, or raise BundlerError (UNTRUSTED); what names the signed."""
        step("", self._judge_signer(signer, what))

    def _judge_signer(self, signer: str, what: str) -> str:
        trusted = self._options.signers
        if trusted:  # 2
            why = "as given with --signer"
            if signer not in trusted:
                raise _another(what, ", ".join(trusted), signer)
        elif self._device.pin(signer).is_file():  # 3
            why = _how_pinned(self._device.pin(signer))
        elif not self._options.yes and sys.stdin.isatty():  # 4
            why = "as typed"
            self._typed = self._typed or _ask()
            if not signer.startswith(self._typed):
                raise _another(what, self._typed, signer)
        else:  # 5
            raise BundlerError(
                f"nothing says that the signer '{signer}' is to be trusted",
                "add --signer FINGERPRINT, from the printed runbook",
                ExitCode.UNTRUSTED,
            )
        return f"signer {signer}, {why}"


def _another(what: str, wanted: str, found: str) -> BundlerError:
    return BundlerError(
        f"{what} is signed by another key: wanted '{wanted}', found '{found}'",
        _STRANGER,
        ExitCode.UNTRUSTED,
    )


def _how_pinned(pin: Path) -> str:
    """Say when a signer was pinned, as far as its file says so."""
    text = printable(pin.read_text("utf-8", "replace").replace("\n", " "))
    values = dict(re.findall(r"(bundle|pinned)=(\S+)", text))
    return f"pinned {values.get('pinned')} by the install of bundle {values.get('bundle')}"


def _ask() -> str:
    """Return the beginning of the fingerprint that the operator types; raises BundlerError."""
    note(
        "Whose bundle is this? Read the signer fingerprint from the PRINTED runbook, not from here."
    )
    sys.stderr.write(f"Type at least its first {MIN_TYPED_DIGITS} digits: ")
    sys.stderr.flush()
    line = sys.stdin.readline()
    if not line:
        raise BundlerError(
            "the terminal closed before an answer",
            "give the answers as options: see --help",
            ExitCode.USAGE,
        )
    digits = re.sub(r"[\s:]", "", line).lower()
    if len(digits) < MIN_TYPED_DIGITS:
        raise BundlerError(
            f"wanted at least {MIN_TYPED_DIGITS} digits, found {len(digits)}",
            "read them from the printed runbook",
            ExitCode.UNTRUSTED,
        )
    return printable(digits)
