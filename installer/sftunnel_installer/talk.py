"""All talk of sftunnel-installer with people: on standard error, as the output is install.sh's.

The form is install.sh's: a step is a word and what came of it; an error is two lines. A console
that went away must not stop a commit half way, so that failed writes are ignored.
"""

from __future__ import annotations

import sys
from contextlib import suppress

from sftunnel_builder.errors import BundlerError


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
