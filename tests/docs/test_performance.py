"""docs/performance.md is a page that `make bench` wrote: whole, and in today's form."""

from __future__ import annotations

import re

import pytest

from bench import builder_speed, logs, on_device, per_device, sizes, start_up
from bench.machine import PAGE
from bench.render import TEMPLATES
from bench.run import SECTIONS
from docs.samples import ROOT

TEXT = (ROOT / PAGE).read_text()


def test_it_was_written_by_a_whole_run() -> None:
    assert TEXT.startswith("<!-- Written by `make bench`: do not change it by hand. -->\n")
    assert "A quick run" not in TEXT


def test_it_has_every_section_in_order() -> None:
    assert len(SECTIONS) == len(list(TEMPLATES.iterdir())) - 1, "one text a section, and the page"
    headings = [(TEMPLATES / f"{name}.md.j2").read_text().splitlines()[0] for name in SECTIONS]
    assert re.findall(r"^## .+$", TEXT, re.MULTILINE) == ["## Goals", *headings]


@pytest.mark.parametrize(
    "head",
    [
        pytest.param(module.COLUMNS, id=module.__name__)
        for module in (builder_speed, per_device, start_up, sizes, on_device, logs)
    ],
)
def test_every_table_has_the_columns_of_today(head: tuple[str, ...]) -> None:
    assert f"\n| {' | '.join(head)} |\n" in TEXT


def test_every_goal_is_judged() -> None:
    rows = TEXT.partition("## Goals")[2].partition("\n## ")[0].strip().splitlines()[2:]
    verdicts = [row.strip("| ").split(" | ")[-1] for row in rows]
    assert len(verdicts) >= 9
    assert set(verdicts) <= {"yes", "**no**", "not measured"}
