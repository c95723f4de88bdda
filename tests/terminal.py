"""A command with somebody at the terminal."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import termios
import time
from collections.abc import Mapping, Sequence

from rehearsal import AS_ROOT, Firewall


class Terminal:
    """A run of a command, as root, on a pseudo-terminal."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        self._master, slave = pty.openpty()
        self._run = subprocess.Popen(
            [*AS_ROOT, *command],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env=dict(environment),
            preexec_fn=lambda: (os.setsid(), _take_terminal()),
        )
        os.close(slave)
        self.seen = ""
        self._is_interrupting = False

    @classmethod
    def of(cls, firewall: Firewall, *arguments: str, tracing: bool = False) -> Terminal:
        """Run a firewall's install.sh."""
        shell = [*firewall.shell, "-x"] if tracing else list(firewall.shell)
        script = str(firewall.bundle / "install.sh")
        return cls([*shell, script, *arguments], firewall.environment)

    def expect(self, text: str, timeout_s: float = 20) -> None:
        """Read until a text is on the screen."""
        deadline = time.monotonic() + timeout_s
        while text not in self.seen:
            assert time.monotonic() < deadline, f"wanted {text!r}, found {self.seen!r}"
            if select.select([self._master], [], [], 0.1)[0]:
                try:
                    self.seen += os.read(self._master, 4096).decode()
                except OSError:
                    break
        assert text in self.seen

    def type(self, line: str) -> None:
        """Type a line, once the terminal is as the program wants it."""
        time.sleep(0.2)
        os.write(self._master, f"{line}\n".encode())

    def press_ctrl_c(self) -> None:
        """Press Ctrl-C; `end` presses it again each second.

        As a person does: a shell can miss the one that comes between its prompt and its read.
        """
        self._is_interrupting = True
        os.write(self._master, b"\x03")

    def hang_up(self) -> None:
        """Let the terminal go away, and wait for the end."""
        os.close(self._master)
        self._run.wait(timeout=60)

    def has_echo(self) -> bool:
        return bool(termios.tcgetattr(self._master)[3] & termios.ECHO)

    def end(self) -> int:
        """Read to the end; return the exit status."""
        deadline = time.monotonic() + 120
        while True:
            if not select.select([self._master], [], [], 1)[0]:
                assert time.monotonic() < deadline, f"it has not ended: {self.seen!r}"
                if self._is_interrupting:
                    os.write(self._master, b"\x03")
                continue
            try:
                data = os.read(self._master, 4096)
            except OSError:
                break
            if not data:
                break
            self.seen += data.decode()
        return self._run.wait(timeout=20)


def _take_terminal() -> None:
    import fcntl

    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
