"""An interactive shell on a pseudo-terminal, into which text is pasted at full speed."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import shutil
import struct
import subprocess
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from rehearsal import need
from sftunnel_builder.paste import Answers, read_answers

SIZE = struct.pack("HHHH", 24, 80, 0, 0)
TIMEOUT_S = 60


class Terminal:
    """The operator's end of a console with a shell on it, in the directory place."""

    def __init__(
        self, shell: Sequence[str], environment: Mapping[str, str], place: Path, *, echo: bool
    ) -> None:
        setsid = shutil.which("setsid")
        need("setsid", setsid)
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, SIZE)
        if not echo:
            modes = termios.tcgetattr(slave)
            modes[3] &= ~termios.ECHO
            termios.tcsetattr(slave, termios.TCSANOW, modes)
        # A home without start-up files, and a prompt that is known.
        self._shell = subprocess.Popen(
            [str(setsid), "--ctty", *shell],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            cwd=place,
            env={**environment, "HOME": str(place), "TERM": "vt100", "PS1": "# "} | _NO_FILES,
        )
        os.close(slave)
        os.set_blocking(self._master, False)
        self.said = b""
        self.listen_until(lambda: b"# " in self.said)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Hang up."""
        self._shell.kill()
        self._shell.wait(timeout=20)
        os.close(self._master)

    def paste(self, text: bytes) -> None:
        """Send text as fast as it is taken, and forget what was said before."""
        self.said = b""
        give_up = time.monotonic() + TIMEOUT_S
        while text:
            assert time.monotonic() < give_up, f"no more is taken; said: {self.said[-500:]!r}"
            ready = select.select([self._master], [self._master], [], 1)
            self._read(ready[0])
            if ready[1]:
                text = text[self._write(text[:512]) :]

    def answers(self) -> Answers:
        """Wait for the answer to the footer; return all that was answered since the last paste."""

        def is_there() -> bool:
            found = read_answers(self.said)
            return found.not_whole or found.command is not None

        self.listen_until(is_there)
        return read_answers(self.said)

    def listen_until(self, is_there: Callable[[], bool]) -> None:
        """Read until something was said."""
        give_up = time.monotonic() + TIMEOUT_S
        while not is_there():
            assert time.monotonic() < give_up, f"not there; said: {self.said[-500:]!r}"
            self._read(select.select([self._master], [], [], 1)[0])

    def listen_until_silence(self) -> None:
        """Read until nothing was said for a while."""
        while ready := select.select([self._master], [], [], 1)[0]:
            self._read(ready)

    def _read(self, ready: Sequence[int]) -> None:
        if ready:
            self.said += os.read(self._master, 65536)

    def _write(self, text: bytes) -> int:
        try:
            return os.write(self._master, text)
        except BlockingIOError:
            return 0


_NO_FILES = {"ENV": "", "HISTFILE": "", "PS2": "> "}
