"""A person at a console that is on the other end of our line: what is typed goes straight through.

Nothing that is typed is kept or written down: it may be a passphrase, which the device does not
echo.
"""

from __future__ import annotations

import os
import re
import select
import sys
import termios
import tty
from collections.abc import Iterator
from contextlib import contextmanager

from sftunnel_builder.dialogue import ENTER, Dialogue
from sftunnel_builder.port import Port

ESCAPE = 0x1D
"""Ctrl-], as in telnet: leaves the console, and what runs there goes on."""
_MARK = 41_000


def run_attached(dialogue: Dialogue, port: Port, command: str) -> int | None:
    """Start a command on the device and pass keys and output through until it ends.

    Standard input must be a terminal. Returns the command's exit status, None if the operator left
    before. Raises BundlerError if the line breaks.
    """
    dialogue.forget()
    ending = b"; echo s$((%d+2)).$?.e" % (_MARK - 2)
    dialogue.type(command.encode() + ending + ENTER)
    ended = re.compile(rb"s%d\.(\d{1,3})\.e[\r\n]" % _MARK)
    keyboard = sys.stdin.fileno()
    with _raw(keyboard):
        while True:
            ready = select.select([keyboard, port], [], [])[0]
            if keyboard in ready:
                keys = os.read(keyboard, 1024)
                typed, left, _ = keys.partition(bytes((ESCAPE,)))
                port.write(typed)
                if left or not keys:
                    return None
            printed = dialogue.hear(0)
            while printed:
                printed = printed[os.write(sys.stdout.fileno(), printed) :]
            if found := ended.search(dialogue.printed):
                return int(found[1])


@contextmanager
def _raw(keyboard: int) -> Iterator[None]:
    """Let every key through, Ctrl-C as well, for a while."""
    before = termios.tcgetattr(keyboard)
    try:
        # As the device sends CR and LF itself, both go out as they are.
        tty.setraw(keyboard)
        yield
    finally:
        termios.tcsetattr(keyboard, termios.TCSADRAIN, before)
