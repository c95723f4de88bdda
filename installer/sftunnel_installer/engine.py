"""Driving install.sh, the one engine: this program has no transaction of its own.

install.sh calls `openssl`. Here that is a function of the shell that reads install.sh in, and calls
this very program, so that the device's own openssl is never asked; a function, and not a program
in a directory before PATH, because where we may write nothing may be executable. Keys and the
passphrase go through the same pipes as they would to openssl: never into a file, argv or the
environment of ours.
"""

from __future__ import annotations

import os
import re
import select
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from sftunnel_builder import __version__
from sftunnel_builder.child import child_environment
from sftunnel_builder.errors import BundlerError, ExitCode, printable
from sftunnel_installer.talk import complain

CALLBACK = "--openssl"
"""The first word of this program's command line where install.sh calls it as openssl."""
_NOTE = "SFTUNNEL_UNKNOWN_CALL"
"""The variable with the file for what we were asked and do not know: install.sh sends away what its
openssl says on standard error."""
_STOPS = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)


@dataclass(frozen=True)
class Listener:
    """Who is told what install.sh prints, both its streams in one, as it comes."""

    hear: Callable[[bytes], None]
    wait: Callable[[], None]
    """Called when nothing came for a while."""
    patience_s: float = 0.5


class Signals:
    """HUP, INT and TERM: before install.sh runs they end this program, then they are for it."""

    def __init__(self) -> None:
        """Take over what the caller has not told us to ignore."""
        self._run: subprocess.Popen[bytes] | None = None
        self._is_starting = False
        self._waiting: int | None = None
        for number in _STOPS:
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._heed)

    def _heed(self, number: int, _frame: FrameType | None) -> None:
        if self._is_starting:
            self._waiting = number
        elif self._run is None:
            self.ignore()
            raise SystemExit(128 + number)
        elif self._run.poll() is None:
            # From a terminal it has come there, too: a second one does no harm.
            self._run.send_signal(number)

    def start(self, command: Sequence[str], *, is_heard: bool) -> subprocess.Popen[bytes]:
        """Start a program, which is told of the signals from now on."""
        self._is_starting = True
        self._run = subprocess.Popen(
            command,
            env=child_environment(),
            stdout=subprocess.PIPE if is_heard else None,
            stderr=subprocess.STDOUT if is_heard else None,
        )
        self._is_starting = False
        if self._waiting is not None:
            self._heed(self._waiting, None)
        return self._run

    def ignore(self) -> None:
        """Let nothing disturb the clearing away."""
        for number in _STOPS:
            signal.signal(number, signal.SIG_IGN)


class UnknownCallError(Exception):
    """What was asked of openssl is not among what this program answers: `VERB OPTION`."""


def leave_note(call: str) -> None:
    """Let the program that runs install.sh know of the first call that is not known here."""
    with suppress(OSError), open(os.environ.get(_NOTE, os.devnull), "x") as file:
        file.write(call)


def refuse_older(script: bytes) -> None:
    """Raise BundlerError (UNSUITABLE) if an install.sh has not the options that it is run with."""
    if not re.search(rb"\| --digest\b", script):
        raise BundlerError(
            f"the install.sh of this bundle is older than sftunnel-installer {__version__}",
            "unpack the bundle and run the install.sh in it; or build the bundle again",
            ExitCode.UNSUITABLE,
        )


def run_install_sh(
    place: Path,
    script: str,
    arguments: Sequence[str],
    signals: Signals,
    listener: Listener | None,
) -> int:
    """Run an install.sh, script in place; returns its exit code.

    Without a listener its output is ours. Raises BundlerError (UNSUITABLE) if it has refused, and
    had asked for what this program does not know.
    """
    unknown = place / "unknown-call"
    path = str(place / script)
    command = ["sh", "-c", f'{_openssl_function(unknown)}; . "$0"', path, *arguments]
    run = signals.start(command, is_heard=listener is not None)
    if run.stdout is not None and listener is not None:
        with run.stdout:
            _listen(run, run.stdout.fileno(), listener)
    code = run.wait()
    signals.ignore()
    if unknown.exists():
        error = _unknown_call(printable(unknown.read_text()))
        if ExitCode.DONE < code <= ExitCode.UNSUITABLE:
            raise error
        complain(error)
    return code if code >= 0 else 128 - code


def _unknown_call(call: str) -> BundlerError:
    return BundlerError(
        f"this sftunnel-installer, {__version__}, does not know what the bundle's install.sh asks "
        f"of openssl: '{call}'",
        "use the sftunnel-installer of the release that built the bundle",
        ExitCode.UNSUITABLE,
    )


def _listen(run: subprocess.Popen[bytes], descriptor: int, listener: Listener) -> None:
    """Pass on what comes until it has ended; who else has the pipe open is not waited for."""
    while True:
        if select.select([descriptor], [], [], listener.patience_s)[0]:
            data = os.read(descriptor, 65536)
            if not data:
                return
            listener.hear(data)
        elif run.poll() is not None:
            return
        else:
            listener.wait()


def _openssl_function(unknown: Path) -> str:
    """Return the shell function that is openssl to install.sh; unknown is where notes go."""
    if getattr(sys, "frozen", False):
        # With these the frozen program takes itself for a part of this run, and unpacks nothing.
        names = [n for n in os.environ if n.startswith("_PYI_") or n == "LD_LIBRARY_PATH"]
        environment = {name: os.environ[name] for name in names}
        program = [sys.executable, CALLBACK]
    else:
        environment = {"PYTHONPATH": os.pathsep.join(sys.path)}
        program = [sys.executable, "-P", "-m", "sftunnel_installer", CALLBACK]
    environment[_NOTE] = str(unknown)
    words = [f"{name}={shlex.quote(value)}" for name, value in environment.items()]
    words += map(shlex.quote, program)
    return f'openssl() {{ {" ".join(words)} "$@"; }}'
