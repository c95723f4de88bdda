"""What can go wrong, in the one form in which people are told of it.

Rules: a message says in one sentence what is wrong, with the file and line where there is one; a
hint says in one sentence what to do. Lower case, no full stop, values in quotes, wanted before
found. Neither ever holds a key, a passphrase, or a parser's echo of a file that may hold one. What
comes from outside goes through `printable` first.
"""

from __future__ import annotations

import unicodedata
from enum import IntEnum

from sftunnel_builder.words import N_, _

OF_THE_SYSTEM = (
    *(N_("no such file or directory"), N_("permission denied"), N_("operation not permitted")),
    *(N_("not a directory"), N_("is a directory"), N_("file exists"), N_("file name too long")),
    *(N_("no space left on device"), N_("read-only file system"), N_("file too large")),
    *(N_("too many levels of symbolic links"), N_("input/output error"), N_("invalid argument")),
)
"""The operating system's reasons that have a translation, as `reason` returns them in English."""


class ExitCode(IntEnum):
    """How a command ended: the same numbers on the builder's and the device's side."""

    DONE = 0
    BUG = 1
    USAGE = 2
    REFUSED = 3
    UNTRUSTED = 4
    UNSUITABLE = 5
    PART_DONE = 9
    INTERRUPTED = 130


class BundlerError(Exception):
    """The one error of this product: a message, a hint, and the exit code that they come with."""

    def __init__(self, message: str, hint: str, code: ExitCode = ExitCode.REFUSED) -> None:
        """Hold one sentence on what is wrong and one on what to do about it."""
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.code = code

    def about(self, place: str) -> BundlerError:
        """Return the same error with the name of the file or bundle that it is about in front."""
        return type(self)(f"'{place}': {self.message}", self.hint, self.code)


def printable(text: str, limit: int = 200) -> str:
    """Return text from outside such that no terminal obeys it and no line grows without end.

    Control characters, escape sequences' first bytes, direction marks, surrogates, unassigned code
    points, and what separates lines and paragraphs become `?`.
    """
    shown = text[: limit + 1]
    # That refuses a few more, such as wide spaces, but is quick.
    if not shown.isprintable():
        categories = [(c, unicodedata.category(c)) for c in shown]
        shown = "".join(
            "?" if category[0] == "C" or category in ("Zl", "Zp") else c
            for c, category in categories
        )
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"


def reason(error: OSError) -> str:
    """Return why the operating system refused, without the file name that it would repeat."""
    return _((error.strerror or type(error).__name__).lower())
