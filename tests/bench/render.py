"""The page that a run writes: docs/performance.md."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from bench.section import Section, Table

TEMPLATES = Path(__file__).with_name("page")


def render_page(sections: Sequence[Section], machine: Mapping[str, str], *, is_quick: bool) -> str:
    """Return the page, Markdown; machine is what there is to say of where it was measured."""
    environment = Environment(  # noqa: S701  Markdown, in which nothing comes from outside
        loader=FileSystemLoader(TEMPLATES),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["table"] = _table
    page = environment.get_template("page.md.j2")
    return page.render(sections=sections, machine=machine, is_quick=is_quick).rstrip("\n") + "\n"


def _table(table: Table) -> str:
    """Return a Markdown table."""
    lines = [table.head, ("---",) * len(table.head), *table.rows]
    return "\n".join("| " + " | ".join(map(_cell, line)) + " |" for line in lines)


def _cell(text: str) -> str:
    """Return a cell in which nothing ends it; an error message may hold anything."""
    return " ".join(text.replace("|", "\\|").split())
