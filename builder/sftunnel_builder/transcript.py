"""What a console printed, kept in a file for later: nothing that was typed, and no secrets."""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO

from sftunnel_builder.errors import BundlerError, ExitCode, printable, reason
from sftunnel_builder.words import _

_HIDDEN = b"[hidden]"


class Transcript:
    """A new file, its owner's alone. A device that echoes a secret does not get it in there."""

    def __init__(self, path: Path) -> None:
        """Make the file; raises BundlerError, also if there is one of that name."""
        self._place = printable(str(path))
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            raise BundlerError(
                _("the transcript '{place}' is there already").format(place=self._place),
                _("name another file, or move that one away"),
                ExitCode.USAGE,
            ) from None
        except OSError as error:
            raise BundlerError(
                _("cannot write the transcript '{place}': {why}").format(
                    place=self._place, why=reason(error)
                ),
                _("name a file in a directory of your own"),
                ExitCode.USAGE,
            ) from None
        self._file: BinaryIO = os.fdopen(descriptor, "wb", buffering=0)
        self._secrets: list[bytes] = []
        self._held = b""
        self.failure = ""
        """Why it is not whole; the work on the console goes on all the same."""

    def hide(self, secret: bytes) -> None:
        """Keep a secret out of all that is written from now on."""
        self._secrets = sorted({*self._secrets, secret}, key=len, reverse=True)

    def write(self, printed: bytes) -> None:
        """Add what the console printed."""
        self._held += printed
        for secret in self._secrets:
            self._held = self._held.replace(secret, _HIDDEN)
        # A secret may come in two pieces: its beginning is held back until more has come.
        longest = max(map(len, self._secrets), default=1)
        keep = next(
            (n for n in range(longest - 1, 0, -1) if self._may_begin(self._held[-n:])),
            0,
        )
        ready = len(self._held) - min(keep, len(self._held))
        self._put(self._held[:ready])
        self._held = self._held[ready:]

    def close(self) -> None:
        """Write the rest."""
        self._put(self._held)
        self._file.close()

    def _may_begin(self, end: bytes) -> bool:
        return any(secret.startswith(end) for secret in self._secrets)

    def _put(self, text: bytes) -> None:
        try:
            while text and not self.failure:
                text = text[self._file.write(text) :]
        except OSError as error:
            self.failure = _("the transcript '{place}' is not whole: {why}").format(
                place=self._place, why=reason(error)
            )
