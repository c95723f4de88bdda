"""What came of a run, as one JSON object.

| key | value |
| --- | --- |
| `bundle` | `null`, or `{"created", "device_name", "id", "path", "signer"}` |
| `device` | `null`, or `{"model", "uuid"}` |
| `error`, `hint` | what is wrong and what to do about it; `null` if nothing is |
| `exit` | the exit code |
| `format` | 1 |
| `message` | the last line that install.sh said, if nothing is wrong |
| `receipts` | the paths of the receipts that were written |
| `status` | of the verb status: what install.sh says with --json; else `null` |
| `verb` | what was asked; `null` if the command line was not understood |
| `warnings` | what install.sh warned of |
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from sftunnel_builder.errors import BundlerError
from sftunnel_installer.device import Device
from sftunnel_installer.find import Found

_RECEIPT = re.compile(r"(?:receipt)? {4,11}(/.*\.json)")
_ERROR = re.compile(r"(?m)(?:^|[]:)?] )error: (.*)\nhint: (.*)$")
_END = "-----END SFTUNNEL RECEIPT-----"


@dataclass(frozen=True)
class Said:
    """What install.sh printed, taken apart."""

    text: str

    def after(self, word: str) -> list[str]:
        """Return what stands behind a word and a colon at the beginning of lines."""
        head = f"{word}: "
        return [line.removeprefix(head) for line in self.text.splitlines() if line.startswith(head)]

    def error(self) -> tuple[str | None, str | None]:
        """Return the error and its hint, if any; it may stand behind a question."""
        found = _ERROR.search(self.text)
        return (found[1], found[2]) if found else (None, None)

    def receipts(self) -> list[str]:
        """Return the paths of the receipts, as the steps name them."""
        return [found[1] for line in self.text.splitlines() if (found := _RECEIPT.fullmatch(line))]

    def last(self) -> str | None:
        """Return the last line, if any."""
        lines = self.text.split(_END)[-1].splitlines()
        return lines[-1] if lines else None

    def talk(self) -> list[str]:
        """Return the lines that are no JSON."""
        return [line for line in self.text.splitlines() if not line.startswith("{")]

    def status(self) -> Any:
        """Return the object that the verb status prints with --json; None without one."""
        lines = [line for line in self.text.splitlines() if line.startswith("{")]
        return json.loads(lines[0]) if lines else None


def report(
    verb: str | None,
    code: int,
    device: Device | None,
    found: Found | None,
    end: Said | BundlerError,
) -> dict[str, Any]:
    """Return the object. end is what install.sh said, or what stopped us before it ran."""
    error = hint = message = None
    said = end if isinstance(end, Said) else Said("")
    if isinstance(end, BundlerError):
        error, hint = end.message, end.hint
    elif code:
        error, hint = said.error()
    elif verb != "status":
        message = said.last()
    return {
        "bundle": _bundle(found) if found else None,
        "device": {"model": device.model, "uuid": device.uuid} if device else None,
        "error": error,
        "exit": code,
        "format": 1,
        "hint": hint,
        "message": message,
        "receipts": said.receipts(),
        "status": said.status() if verb == "status" else None,
        "verb": verb,
        "warnings": said.after("warning"),
    }


def _bundle(found: Found) -> dict[str, str]:
    conf = found.opened.conf
    return {
        "created": conf.created.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "device_name": conf.device_name,
        "id": conf.bundle_id,
        "path": str(found.place),
        "signer": found.opened.signer,
    }
