"""A console line between the sender and a shell: as fast as a baud rate, and as bad as it is told.

One side is a TCP port, as a terminal server has it, or a pseudo-terminal that stands for a serial
port; the other side is a pseudo-terminal with `console_appliance.py` on it. Time may be scaled.
"""

from __future__ import annotations

import contextlib
import os
import pty
import random
import select
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import tty
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from rehearsal import AS_ROOT, need

APPLIANCE = [sys.executable, "-I", "-S", str(Path(__file__).with_name("console_appliance.py"))]
PASSWORD = "the-console-password"
LOG_LINE = (
    b"\r\nNov 24 12:00:00 firepower SF-IMS[50792]: [51982] sftunneld:sf_ssl [ERROR] "
    b"Connect:SSL handshake failed\r\n"
)
XON, XOFF = b"\x11", b"\x13"
_TICK_S = 0.002
_BITS_A_BYTE = 10


@dataclass(frozen=True)
class Faults:
    """What is wrong with a line."""

    rate: float = 0.0
    """Of a byte: to be lost, changed or doubled, each as likely; in both directions."""
    seed: int = 0
    log_every: int = 0
    """A log message is printed each time that so many bytes went to the device."""
    end_session_at: int = 0
    """The session ends when so many bytes went to the device."""
    hang_up_at: int = 0
    """The terminal server closes the connection then."""
    has_xonxoff: bool = False
    """The device is half as fast as the line, and busy when a block begins, until it has said XOFF;
    when it has read most of what came it says XON. What it cannot hold is lost."""


HOLDS, HIGH, LOW = 1024, 256, 64
"""Bytes that a device with XON/XOFF holds; at which it says XOFF; at which it says XON."""


class Noise:
    """What happens to the bytes of one direction."""

    def __init__(self, rate: float, seed: int) -> None:
        self._random = random.Random(seed)
        self._rate = rate
        self._next = self._gap()
        self.count = 0

    def _gap(self) -> int:
        return int(self._random.expovariate(self._rate)) if self._rate else 1 << 60

    def damage(self, data: bytes) -> bytes:
        out = bytearray()
        for byte in data:
            if self._next > 0:
                self._next -= 1
                out.append(byte)
                continue
            self._next = self._gap()
            self.count += 1
            kind = self._random.choice(("lost", "changed", "doubled"))
            if kind == "changed":
                # One bit on the line; the control characters of a terminal are made, too.
                out.append(byte ^ (1 << self._random.randrange(7)))
            elif kind == "doubled":
                out += bytes((byte, byte))
        return bytes(out)


@dataclass
class LineModel:
    """A running line; `port` is what to give to --port."""

    shell: Sequence[str]
    place: Path
    """Where the root shell starts."""
    baud: int = 9600 * 50
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    faults: Faults = field(default_factory=Faults)
    begins: str = "root"
    is_serial: bool = False
    """A pseudo-terminal instead of a TCP port."""
    to_device: int = 0
    messages: int = 0
    """How many log messages were printed."""
    stops: int = 0
    """How often the device said XOFF."""
    lost: int = 0
    """How many bytes it could not hold all the same."""
    printed: bytearray = field(default_factory=bytearray)
    """What the device printed, before the line damaged it."""

    def __enter__(self) -> Self:
        self._to = Noise(self.faults.rate, self.faults.seed * 2)
        self._from = Noise(self.faults.rate, self.faults.seed * 2 + 1)
        setsid = shutil.which("setsid")
        need("setsid", setsid)
        self._master, slave = pty.openpty()
        home = {"HOME": str(self.place), "PS1": "root@BSNS-1120-1:/home/admin# "}
        self._appliance = subprocess.Popen(
            [str(setsid), "--ctty", *APPLIANCE, self.begins, PASSWORD, *AS_ROOT, *self.shell],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            cwd=self.place,
            env={**self.environment, **home, "TERM": "vt100", "ENV": "", "HISTFILE": ""},
        )
        os.close(slave)
        os.set_blocking(self._master, False)
        # A Ctrl-C before that would end the program that starts the shell.
        self._wait_for_prompt()
        self._ends = threading.Event()
        self._open_near_side()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ends.set()
        self._thread.join(timeout=10)
        # The shell is in the same session, and goes when its terminal does.
        os.close(self._master)
        self._appliance.kill()
        self._appliance.wait(timeout=10)
        for descriptor in self._near_side:
            os.close(descriptor)

    @property
    def damaged(self) -> int:
        """How many bytes were lost, changed or doubled."""
        return self._to.count + self._from.count

    def _wait_for_prompt(self) -> None:
        give_up = time.monotonic() + 20
        # busybox asks the terminal where its cursor is, after the prompt.
        while not self.printed.removesuffix(b"\x1b[6n").rstrip().endswith((b"#", b">", b"$", b":")):
            assert time.monotonic() < give_up, bytes(self.printed)
            if select.select([self._master], [], [], 0.1)[0]:
                self.printed += os.read(self._master, 4096)

    def _open_near_side(self) -> None:
        self._near = -1
        self._near_side: list[int] = []
        self._listener: socket.socket | None = None
        if self.is_serial:
            self._near, slave = pty.openpty()
            tty.setraw(slave)
            # Both stay open, so that a sender that went away can come again.
            self._near_side = [self._near, slave]
            os.set_blocking(self._near, False)
            self.port = os.ttyname(slave)
        else:
            self._listener = socket.create_server(("127.0.0.1", 0))
            self._listener.setblocking(False)
            self.port = f"socket://127.0.0.1:{self._listener.getsockname()[1]}"

    def _run(self) -> None:
        bytes_a_tick = self.baud / _BITS_A_BYTE * _TICK_S
        self._held = bytearray()
        self._printed_left = bytearray()
        self._is_stopped = self._is_busy = False
        budget_to = budget_from = budget_read = 0.0
        last = time.monotonic()
        while not self._ends.is_set():
            time.sleep(_TICK_S)
            now = time.monotonic()
            ticks = (now - last) / _TICK_S
            last = now
            most = bytes_a_tick * 20
            budget_to = min(budget_to + bytes_a_tick * ticks, most)
            budget_from = min(budget_from + bytes_a_tick * ticks, most)
            budget_read = min(budget_read + bytes_a_tick * ticks / 2, most)
            self._accept()
            budget_to -= self._take(int(budget_to))
            budget_read -= self._feed(int(budget_read))
            budget_from -= self._print(int(budget_from))
        if self._listener:
            self._hang_up()
            self._listener.close()

    def _accept(self) -> None:
        if self._listener and select.select([self._listener], [], [], 0)[0]:
            self._hang_up()
            self._socket, _ = self._listener.accept()
            self._socket.setblocking(False)
            self._near = self._socket.fileno()

    def _hang_up(self) -> None:
        if self._listener and self._near >= 0:
            self._socket.close()
            self._near = -1

    def _take(self, most: int) -> int:
        """Take what the sender has sent; return how much."""
        if self._near < 0 or most < 1 or not select.select([self._near], [], [], 0)[0]:
            return 0
        try:
            sent = os.read(self._near, most)
        except OSError:
            sent = b""
        if not sent:
            if not self.is_serial:
                self._hang_up()
            return 0
        before, self.to_device = self.to_device, self.to_device + len(sent)
        self._held += self._to.damage(sent)
        if self.faults.has_xonxoff:
            self.lost += len(self._held[HOLDS:])
            del self._held[HOLDS:]
            self._is_busy = not self._is_stopped and (self._is_busy or b"<<" in sent)
            if len(self._held) > HIGH and not self._is_stopped:
                self._is_stopped, self._is_busy = True, False
                self.stops += 1
                os.write(self._near, XOFF)
        self._happen(before)
        return len(sent)

    def _happen(self, before: int) -> None:
        """Let happen what happens after so many bytes."""
        faults = self.faults
        if faults.log_every and before // faults.log_every != self.to_device // faults.log_every:
            self._printed_left += LOG_LINE
            self.messages += 1
        if faults.end_session_at and before < faults.end_session_at <= self.to_device:
            self._appliance.send_signal(signal.SIGUSR1)
        if faults.hang_up_at and before < faults.hang_up_at <= self.to_device:
            self._hang_up()

    def _feed(self, most: int) -> int:
        """Give the device what has come; what its terminal refuses is lost."""
        count = min(most, len(self._held)) if self.faults.has_xonxoff else len(self._held)
        if self._is_busy:
            return 0
        if count:
            with contextlib.suppress(BlockingIOError):
                os.write(self._master, self._held[:count])
            del self._held[:count]
        if self._is_stopped and len(self._held) < LOW and self._near >= 0:
            self._is_stopped = False
            os.write(self._near, XON)
        return count

    def _print(self, most: int) -> int:
        """Carry what the device prints; return how much."""
        if select.select([self._master], [], [], 0)[0]:
            try:
                if len(self._printed_left) < 4096:
                    come = os.read(self._master, 4096)
                    self.printed += come
                    self._printed_left += come
            except OSError:
                pass
        piece = bytes(self._printed_left[:most])
        if not piece:
            return 0
        del self._printed_left[: len(piece)]
        if self._near >= 0:
            damaged = self._from.damage(piece)
            if self.faults.has_xonxoff:
                damaged = damaged.translate(None, XON + XOFF)
            try:
                os.write(self._near, damaged)
            except OSError:
                # Nobody reads on this side.
                return len(piece)
        return len(piece)
