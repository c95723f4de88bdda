"""The runbook of a device: one content, on paper of 78 columns and as a page.

What it says is in `runbook_steps`; here it is laid out. Decides nothing.
"""

from __future__ import annotations

import textwrap
from functools import lru_cache
from itertools import zip_longest

from sftunnel_builder.resources import template
from sftunnel_builder.runbook_blocks import Rows
from sftunnel_builder.runbook_facts import Facts
from sftunnel_builder.runbook_steps import sections
from sftunnel_builder.signer import grouped

COLUMNS = 78
MAX_NAME = 39
"""What fits behind the words of the longest line that names the device."""
MAX_ADDRESS = 65
INDENT = "   "


class Runbook:
    """A device's runbook in the language that is spoken while it is made and laid out."""

    def __init__(self, facts: Facts) -> None:
        """Word it once, for both forms."""
        self._facts = facts
        self._sections = sections(facts)

    def text(self) -> bytes:
        """Return it as text, UTF-8, at most 78 columns.

        The copy inside the bundle, whose facts have no bundle_sha256 as it cannot hold its own, is
        short: it travels over a console of 9600 baud.
        """
        facts, is_inside = self._facts, self._facts.bundle_sha256 is None
        text = template("RUNBOOK.txt.j2").render(
            facts=facts,
            device_name=cut(facts.conf.device_name, MAX_NAME),
            device_address=cut(facts.conf.device_address, MAX_ADDRESS),
            sections=[each for each in self._sections if each.is_in_bundle or not is_inside],
            is_inside=is_inside,
            indented=indented,
            wrapped=wrapped,
            columns=columns,
            halves=halves,
        )
        return text.encode()

    def page(self) -> bytes:
        """Return the same as a page."""
        from sftunnel_builder.page import page_pieces

        name, signer = self._facts.conf.device_name, self._facts.signer
        pieces = page_pieces(
            "runbook.html.j2",
            about=name,
            signer=signer,
            store=f"sftunnel-bundler {signer[:16]} {self._facts.conf.bundle_id}",
            facts=self._facts,
            sections=self._sections,
        )
        return b"".join(pieces)


def cut(text: str, most: int) -> str:
    """Return a text, or its beginning with an ellipsis, in at most so many characters."""
    return text if len(text) <= most else f"{text[: most - 3]}..."


@lru_cache(4)
def halves(digits: str) -> tuple[str, str]:
    """Return a SHA-256 in groups of four, on two lines."""
    groups = grouped(digits).split()
    return " ".join(groups[:8]), " ".join(groups[8:])


@lru_cache(4096)
def wrapped(text: str, first: str = "", rest: str | None = None) -> str:
    """Return a paragraph in lines of at most 78 columns; first and rest stand in front of them."""
    return textwrap.fill(
        text,
        COLUMNS,
        initial_indent=first,
        subsequent_indent=first if rest is None else rest,
        break_on_hyphens=False,
    )


def indented(text: str) -> str:
    """Return lines as they are, set in."""
    return textwrap.indent(text, INDENT)


@lru_cache(64)
def columns(table: Rows) -> str:
    """Return a table as text: its first column as wide as it must be, the other one wrapped."""
    if len(table.heads) > 2:
        return _stacked(table)
    width = max(len(row[0]) for row in table.rows)
    lines = []
    for first, last in table.rows:
        right = textwrap.wrap(last, COLUMNS - len(INDENT) - width - 2, break_on_hyphens=False)
        for left, text in zip_longest([first], right, fillvalue=""):
            lines.append(f"{INDENT}{left:<{width}}  {text}".rstrip())
    return "\n".join(lines)


def _stacked(table: Rows) -> str:
    """Return a table of more columns than fit beside each other: the last one below the others."""
    rows = []
    for row in table.rows:
        first = wrapped(" ".join(row[:-1]), INDENT, INDENT + "  ")
        rows.append(f"{first}\n{wrapped(row[-1], INDENT + '    ')}")
    return "\n".join(rows)
