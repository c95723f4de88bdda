"""What install.sh is at, on a terminal: a line that comes when nothing else does, and goes again.

install.sh prints a step when it is over, so that the next one is what it is at. A question that
waits for its answer ends without a line feed: behind it nothing is drawn. No escape sequence is
used, as there may be no TERM, and ASCII only, as there may be no locale.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from dataclasses import dataclass, field

_NEXT = {
    b"bundle": "looking at the device",
    b"device": "checking the trio",
    b"trio": "looking for what could stop the commit",
    b"preflight": "reading the files in",
    b"backup": "writing beside the old files",
    b"stage": "replacing the files",
    b"commit": "restarting sftunnel",
    b"restart": "waiting for the tunnel",
    b"confirm": "writing the receipt",
    b"recovered": "going on",
}
"""What is done behind a step, by the step's word."""
QUIET_S = 1.0
"""So long nothing may come before the line is drawn."""


@dataclass
class Progress:
    """The line, on one terminal."""

    descriptor: int
    _doing: str = "verifying the bundle"
    _since: float = field(default_factory=time.monotonic)
    _tail: bytes = b"\n"
    """What the terminal shows of the line that install.sh is writing."""
    _drawn: int = 0
    """How many characters of ours stand there."""

    def hear(self, data: bytes) -> None:
        """Take note of what came and is about to be shown."""
        self._wipe()
        whole = self._tail + data
        for line in whole.split(b"\n"):
            self._doing = _NEXT.get(line[:10].rstrip(), self._doing)
        self._tail = whole[whole.rfind(b"\n") :][-80:]
        self._since = time.monotonic()

    def wait(self) -> None:
        """Draw the line, if nothing has come for a while."""
        quiet_s = time.monotonic() - self._since
        if self._tail == b"\n" and quiet_s >= QUIET_S:
            text = f"... {self._doing}, {quiet_s:.0f} s"
            self._write(f"\r{text.ljust(self._drawn)}")
            self._drawn = max(self._drawn, len(text))

    def _wipe(self) -> None:
        if self._drawn:
            self._write(f"\r{' ' * self._drawn}\r")
            self._drawn = 0

    def _write(self, text: str) -> None:
        with suppress(OSError):
            os.write(self.descriptor, text.encode())
