"""Text as the man macros of troff want it."""

from __future__ import annotations

import re
import textwrap

_WIDTH = 78
_INSTEAD = str.maketrans(
    {
        # A plain one may be set as a hyphen, which nobody can paste into a shell. So with quotes.
        "\\": r"\e",
        "-": r"\-",
        "'": r"\(aq",
        "`": r"\(ga",
        "^": r"\(ha",
        "~": r"\(ti",
        '"': r"\(dq",
    }
)
_MARKED = re.compile(r"(`[^`]+`|\*\*[^*]+\*\*)")


def plain(text: str) -> str:
    """Return a text in which nothing is taken for an escape sequence."""
    return text.translate(_INSTEAD)


def bold(text: str) -> str:
    """Return a text for what is typed as it stands."""
    return f"\\fB{plain(text)}\\fR"


def italic(text: str) -> str:
    """Return a text for what something else is typed in place of."""
    return f"\\fI{plain(text)}\\fR"


def marked(text: str) -> str:
    """Return a line of Markdown: code and what is strong become bold, of links the words stay."""
    text = re.sub(r"\[([^]]+)\]\([^)]+\)", r"\1", text)
    pieces = _MARKED.split(text)
    return "".join(
        bold(piece.strip("`*")) if _MARKED.fullmatch(piece) else plain(piece) for piece in pieces
    )


def filled(text: str) -> str:
    """Return a text that troff fills, in short lines of which none is taken for a request."""
    lines = textwrap.wrap(text, _WIDTH, break_long_words=False, break_on_hyphens=False)
    return _lines(lines)


def _lines(lines: list[str]) -> str:
    return "".join(f"\\&{line}\n" if line.startswith(".") else f"{line}\n" for line in lines)


def title(name: str, date: str, source: str) -> str:
    """Return what a page begins with; no word is parted, as paths and options would be, too."""
    return f'.TH {plain(name.upper())} 1 "{date}" "{plain(source)}" "User commands"\n.nh\n.ad l\n'


def section(heading: str, *blocks: str) -> str:
    """Return a section of a page; nothing if there is nothing in it."""
    return f".SH {heading}\n" + "".join(blocks) if blocks else ""


def paragraphs(text: str) -> str:
    """Return paragraphs parted by empty lines; one that begins with a BS is an example."""
    return ".PP\n".join(
        example(each.removeprefix("\b\n")) if each.startswith("\b\n") else filled(plain(each))
        for each in text.split("\n\n")
    )


def example(text: str) -> str:
    """Return lines that stay as they are, set apart."""
    return f".RS 4\n.nf\n{_lines(plain(text).splitlines())}.fi\n.RE\n"


def entry(term: str, text: str) -> str:
    """Return an entry of a list: a term, and behind it what it is, both as troff takes them."""
    return f".TP\n{term}\n{filled(text)}"
