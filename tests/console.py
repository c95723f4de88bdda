"""A run of install.sh on a console that outlives it: what is seen and typed there, and signals."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import sys
import termios
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from rehearsal import AS_ROOT, Firewall

SILENCE_S = 0.03
"""After which all is said that an ended process has said."""
LOGIN = [sys.executable, "-I", "-S", str(Path(__file__).with_name("login.py"))]


class Console:
    """A pseudo-terminal with a login shell, and install.sh in its foreground."""

    def __init__(self, firewall: Firewall, *arguments: str) -> None:
        self._master, slave = pty.openpty()
        self._status, status = os.pipe()
        self._leash, leash = os.pipe()
        script = str(firewall.bundle / "install.sh")
        command = [*AS_ROOT, *firewall.shell, script, *arguments]
        self._login = subprocess.Popen(
            [*LOGIN, str(slave), str(status), str(leash), *command],
            stdin=subprocess.PIPE,
            env=firewall.environment,
            pass_fds=(slave, status, leash),
            start_new_session=True,
        )
        for descriptor in (slave, status, leash):
            os.close(descriptor)
        self.pid = self._read_number()
        self.began = time.monotonic()
        self.seen = ""
        self._heard = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Log out. What still runs then, after a test that failed, is killed."""
        if error is not None:
            self.send(signal.SIGKILL, to_group=True)
        assert self._login.stdin is not None
        self._login.stdin.close()
        self._login.wait(timeout=20)
        for descriptor in (self._master, self._status, self._leash):
            if descriptor >= 0:
                os.close(descriptor)

    def _read_number(self) -> int:
        line = b""
        while not line.endswith(b"\n"):
            byte = os.read(self._status, 1)
            assert byte, "the login shell has died"
            line += byte
        return int(line)

    def listen(self, until: float) -> bool:
        """Read what is said until a moment of the monotonic clock; tell if install.sh runs then."""
        while (left := until - time.monotonic()) > 0:
            ready = select.select([self._master, self._status], [], [], left)[0]
            if self._master in ready:
                self._read()
            if self._status in ready:
                # What was said last may not have come through the terminal yet.
                while select.select([self._master], [], [], SILENCE_S)[0]:
                    self._read()
                return False
        return True

    def _read(self) -> None:
        self._heard += os.read(self._master, 4096)
        self.seen = self._heard.decode(errors="replace")

    def type(self, text: str) -> None:
        os.write(self._master, text.encode())

    def has_echo(self) -> bool:
        return bool(termios.tcgetattr(self._master)[3] & termios.ECHO)

    def send(self, number: int, *, to_group: bool) -> None:
        """Send a signal to the whole process group, or to the shell alone; it may have ended."""
        try:
            (os.killpg if to_group else os.kill)(self.pid, number)
        except ProcessLookupError:
            # Only a group whose last process is gone, for the shell's own PID is kept.
            return

    def hang_up(self) -> None:
        """Let the terminal go away, as when the cable is pulled."""
        os.close(self._master)
        self._master = -1

    def end(self, timeout_s: float = 60) -> int:
        """Wait for the end; return the exit status, or minus the signal that killed it.

        Raises:
            TimeoutError: it has not ended by then.
        """
        if self._master >= 0:
            has_ended = not self.listen(time.monotonic() + timeout_s)
        else:
            has_ended = bool(select.select([self._status], [], [], timeout_s)[0])
        if not has_ended:
            raise TimeoutError(f"no end within {timeout_s} s; said: {self.seen!r}")
        return self._read_number()

    def wait_for_children(self, timeout_s: float = 60) -> None:
        """Wait until every process of the run has ended: a killed shell leaves some behind."""
        assert select.select([self._leash], [], [], timeout_s)[0], "a child lives on"
        assert os.read(self._leash, 1) == b""
