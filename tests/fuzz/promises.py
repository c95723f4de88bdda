"""What every reader promises, whatever it is given: to read it, or to refuse it in good form."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager

from sftunnel_builder.errors import BundlerError, ExitCode

MAX_TEXT = 1000
"""Characters of a message: a few quoted values of at most 200 each, and the words around them."""
REFUSALS = {ExitCode.REFUSED, ExitCode.UNTRUSTED, ExitCode.UNSUITABLE, ExitCode.USAGE}


@contextmanager
def refusals_in_form(secret: bytes = b"") -> Iterator[None]:
    """Let BundlerError pass if it is in form and repeats nothing of a secret; nothing else."""
    refusal = None
    try:
        yield
    except BundlerError as error:
        refusal = error
    if refusal:
        assert refusal.code in REFUSALS, refusal.code
        for text in (refusal.message, refusal.hint):
            assert_one_line(text)
            assert text.strip() == text != "", repr(text)
            assert not text.endswith("."), repr(text)
            assert_silent(secret, text)


def assert_one_line(text: str, limit: int = MAX_TEXT) -> None:
    """State that a terminal shows a text as it stands, in one line, and that it is not endless."""
    bad = [c for c in text if unicodedata.category(c)[0] == "C" or c in "\u2028\u2029"]
    assert not bad, f"{bad!r} in {text[:MAX_TEXT]!r}"
    assert len(text) <= limit, f"{len(text)} characters: {text[:limit]!r}"


def assert_silent(secret: bytes, text: str) -> None:
    """State that a text repeats no piece of a secret file; the PEM labels in it are no secret."""
    body = re.sub(rb"-----(BEGIN|END) [^\n]*", b"", secret)
    for piece in re.findall(rb"[A-Za-z0-9+/=]{16,}", body):
        assert piece.decode() not in text, "a message repeats what is in the file"
