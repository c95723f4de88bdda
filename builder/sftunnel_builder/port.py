"""The line to a console: a serial port, or a terminal server's raw TCP port."""

from __future__ import annotations

import errno
import re
import select
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Protocol

from sftunnel_builder.errors import BundlerError, ExitCode, printable
from sftunnel_builder.words import _

if TYPE_CHECKING:
    import serial

BITS_A_BYTE = 10
"""8N1: a start bit, eight of data, a stop bit."""
_PIECE_S = 0.005
"""How long a piece takes on the line that is handed over at a time: the most that is sent on after
the device has said stop."""
_MIN_PIECE = 8
_XON, _XOFF = 0x11, 0x13
_STUCK_S = 30.0
"""A line that takes nothing for so long will not do so later."""


class Flow(Enum):
    """How the device says that it cannot take more."""

    NONE = "none"
    XONXOFF = "xonxoff"
    RTSCTS = "rtscts"


@dataclass(frozen=True)
class PortSettings:
    """Which line, and how it is set; always 8N1."""

    name: str
    """`/dev/ttyUSB0`, or `socket://host:port`."""
    baud: int = 9600
    """Bits a second. A socket is paced by it, too: the terminal server's own line has it."""
    flow: Flow = Flow.NONE

    def seconds(self, count: int) -> float:
        """Return how long that many bytes take on the line."""
        return count * BITS_A_BYTE / self.baud


class Line(Protocol):
    """What can be read from and written to, as a `Port` can."""

    def read(self, timeout_s: float) -> bytes:
        """Return what has come, as soon as there is something; nothing after the time limit."""

    def write(self, data: bytes, *, should_stop: Callable[[], bool] = lambda: False) -> bool:
        """Send bytes as fast as the line takes them; False if it was told to stop."""


class Port:
    """An open line. Every error is a BundlerError (UNSUITABLE)."""

    def __init__(self, settings: PortSettings, opened: serial.SerialBase) -> None:
        """Hold an open port of pyserial's, one that does not wait when it is read from."""
        self.settings = settings
        self._opened = opened
        self._is_stopped = False
        self._come = bytearray()
        self._free_at = 0.0

    def fileno(self) -> int:
        """Return the file descriptor, to wait for."""
        return int(self._opened.fileno())

    def close(self) -> None:
        """Give the line back."""
        # pyserial leaves the socket of a connection open that the other side has closed.
        connection = getattr(self._opened, "_socket", None)
        self._opened.close()
        if connection:
            connection.close()

    def read(self, timeout_s: float) -> bytes:
        """Return what has come, as soon as there is something; nothing after the time limit."""
        if not self._come:
            self._take(max(0.0, timeout_s))
        come, self._come = bytes(self._come), bytearray()
        return come

    def write(self, data: bytes, *, should_stop: Callable[[], bool] = lambda: False) -> bool:
        """Send bytes no faster than the line's rate; False if it was told to stop before the end.

        What comes meanwhile is kept for `read`. should_stop is asked every few milliseconds.
        """
        size = max(_MIN_PIECE, int(_PIECE_S * self.settings.baud / BITS_A_BYTE))
        for at in range(0, len(data), size):
            if should_stop():
                return False
            self._wait_until_free()
            piece = data[at : at + size]
            try:
                self._opened.write(piece)
            except OSError as error:
                raise _lost(self.settings.name, error) from None
            self._free_at = max(self._free_at, time.monotonic())
            self._free_at += self.settings.seconds(len(piece))
        return not should_stop()

    def _wait_until_free(self) -> None:
        """Wait until the line has taken what was sent, and the device lets more come."""
        stuck_at = time.monotonic() + _STUCK_S
        self._take(0)
        while (wait := self._free_at - time.monotonic()) > 0 or self._is_stopped:
            if time.monotonic() > stuck_at:
                raise _stuck(self.settings.name)
            self._take(wait if wait > 0 else _PIECE_S)

    def _take(self, timeout_s: float) -> None:
        """Keep what comes within a time; a socket's XOFF and XON are heeded here."""
        if not select.select([self.fileno()], [], [], timeout_s)[0]:
            return
        try:
            come = self._opened.read(4096)
        except OSError as error:
            raise _lost(self.settings.name, error) from None
        if self.settings.flow is Flow.XONXOFF:
            for byte in come:
                if byte in (_XON, _XOFF):
                    self._is_stopped = byte == _XOFF
            come = come.translate(None, bytes((_XON, _XOFF)))
        self._come += come


def open_port(settings: PortSettings) -> Port:
    """Open a line; raises BundlerError if there is none, or it is not ours to take."""
    import serial
    from serial.urlhandler import protocol_socket

    name = settings.name
    if "://" in name and not re.fullmatch(
        r"socket://(\[[0-9A-Fa-f:.]+\]|[^/:?#@\s]+):\d{1,5}", name
    ):
        raise BundlerError(
            _("--port wants a device or 'socket://host:port', found '{port}'").format(
                port=printable(name)
            ),
            _("name a serial port such as /dev/ttyUSB0, or a raw TCP port of a terminal server"),
            ExitCode.USAGE,
        )
    try:
        # Not pyserial's own choice by URL: it imports by name, which a frozen program cannot know.
        opened = (protocol_socket.Serial if "://" in name else serial.Serial)(
            name,
            baudrate=settings.baud,
            timeout=0,
            write_timeout=_STUCK_S,
            xonxoff=settings.flow is Flow.XONXOFF,
            rtscts=settings.flow is Flow.RTSCTS,
            exclusive=True,
        )
    except (OSError, ValueError) as error:
        raise _not_opened(name, error) from None
    return Port(settings, opened)


def _not_opened(name: str, error: OSError | ValueError) -> BundlerError:
    """Return what to say of a port that could not be opened."""
    number = error.errno if isinstance(error, OSError) else None
    why, hint = {
        errno.ENOENT: (
            _("there is no such port"),
            _("look at what is there: ls /dev/ttyUSB* /dev/ttyS*"),
        ),
        errno.EACCES: (
            _("permission denied"),
            _(
                "be in the group that owns it, mostly 'dialout': sudo usermod -aG dialout $USER, "
                "then log in again"
            ),
        ),
        errno.EAGAIN: (
            _("it is in use"),
            _("end the other program that has it open: fuser -v PORT"),
        ),
        errno.EBUSY: (
            _("it is in use"),
            _("end the other program that has it open: fuser -v PORT"),
        ),
    }.get(
        number or 0,
        (
            printable(str(error)),
            _("check the name, and that it is a serial port or a raw TCP port"),
        ),
    )
    return BundlerError(
        _("cannot open port '{port}': {why}").format(port=printable(name), why=why),
        hint,
        ExitCode.UNSUITABLE,
    )


def _lost(name: str, error: OSError) -> BundlerError:
    """Return what to say of a line that broke, or takes nothing any more."""
    import serial

    if isinstance(error, serial.SerialTimeoutException):
        return _stuck(name)
    return BundlerError(
        _("the line '{port}' broke: {error}").format(
            port=printable(name), error=printable(str(error))
        ),
        _(
            "check the cable or the terminal server, then type the same command again: it goes on "
            "where it was"
        ),
        ExitCode.UNSUITABLE,
    )


def _stuck(name: str) -> BundlerError:
    """Return what to say of a line that takes nothing any more."""
    return BundlerError(
        _("the line '{port}' takes nothing any more: the device said stop and not go on").format(
            port=printable(name)
        ),
        _("check --flow against the console's settings; another --flow, or none, may be right"),
        ExitCode.UNSUITABLE,
    )
