"""All talk of sftunnel-installer with people: on standard error, as the output is install.sh's.

The form is install.sh's: a step is a word and what came of it; an error is two lines. A console
that went away must not stop a commit half way, so that failed writes are ignored.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress

from sftunnel_builder.errors import BundlerError, reason


def open_streams() -> None:
    """Open /dev/null where the caller has closed one of the three standard streams.

    Else the next file that is opened has its number, and what is printed goes into that file.
    """
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(descriptor, True)
    os.close(descriptor)
    sys.stdin = sys.stdin or os.fdopen(0, closefd=False)
    sys.stdout = sys.stdout or os.fdopen(1, "w", closefd=False)
    sys.stderr = sys.stderr or os.fdopen(2, "w", errors="backslashreplace", closefd=False)


def output(text: str) -> None:
    """Print a result. That nobody reads it any more is no news, that it is lost is."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except OSError as error:
        # Else Python tries again at the end, and spoils the exit code.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):
            note(f"warning: the output could not be written: {reason(error)}")


def note(text: str) -> None:
    """Print a line."""
    with suppress(OSError):
        sys.stderr.write(f"{text}\n")
        sys.stderr.flush()


def step(word: str, text: str) -> None:
    """Print what came of a step; a second line of it has no word."""
    note(f"{word:<10} {text}")


def complain(error: BundlerError) -> None:
    """Print what is wrong and what to do about it."""
    note(f"error: {error.message}\nhint: {error.hint}")
