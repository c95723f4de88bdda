"""The runbook fits on paper whatever the device is called, and its commands are the product's."""

from __future__ import annotations

import html
import subprocess
import textwrap
import zlib

import pytest

from fleets import make_facts
from sftunnel_builder.resources import template
from sftunnel_builder.runbook import COLUMNS, Runbook
from sftunnel_builder.runbook_blocks import Command, Digits, Output
from sftunnel_builder.runbook_messages import MESSAGES
from sftunnel_builder.runbook_steps import sections
from sftunnel_builder.words import Lang, speaking

MAX_INSIDE = 1600
"""What the copy in the bundle may weigh, compressed: 1.7 s at 9600 baud."""


@pytest.mark.parametrize("lang", Lang)
@pytest.mark.parametrize("name", ["fw", "Plant 4 edge", "x" * 100, "word " * 30])
@pytest.mark.parametrize("sha256", [None, "a" * 64])
@pytest.mark.parametrize("is_locked", [True, False])
def test_no_line_is_too_long(lang: Lang, name: str, sha256: str | None, is_locked: bool) -> None:
    with speaking(lang):
        text = Runbook(make_facts(name, is_locked=is_locked, sha256=sha256)).text().decode()
    assert [line for line in text.splitlines() if len(line) > COLUMNS] == []


@pytest.mark.parametrize("lang", Lang)
def test_the_copy_in_the_bundle_is_short(lang: Lang) -> None:
    with speaking(lang):
        inside = Runbook(make_facts("BSNS-1120-1")).text()
    assert len(zlib.compress(inside, 9)) < MAX_INSIDE


@pytest.mark.parametrize("lang", Lang)
def test_text_and_page_have_every_command_and_output(lang: Lang) -> None:
    facts = make_facts("BSNS-1120-1", sha256="a" * 64)
    with speaking(lang):
        text = Runbook(facts).text().decode()
        page = html.unescape(Runbook(facts).page().decode())
        blocks = [block for section in sections(facts) for block in section.blocks]
    shown = [b for b in blocks if isinstance(b, Command | Output)]
    assert len(shown) > 12
    for block in shown:
        assert block.text in page
        assert textwrap.indent(block.text, "   ") in text
    assert page.count("<figure") == len([b for b in blocks if isinstance(b, Digits)]) == 2


def test_its_commands_are_shell_and_the_same_in_every_language() -> None:
    found = []
    for lang in Lang:
        with speaking(lang):
            steps = sections(make_facts("Plant 4 edge", sha256="a" * 64))
        blocks = [block for section in steps for block in section.blocks]
        found.append([block.text for block in blocks if isinstance(block, Command)])
    assert len(found[0]) >= 10
    assert all(commands == found[0] for commands in found)
    for command in found[0]:
        subprocess.run(["sh", "-n", "-c", command], check=True)


def test_only_who_does_not_read_english_gets_a_table_of_messages() -> None:
    facts = make_facts("fw", sha256="a" * 64)
    assert "messages" not in [section.name for section in sections(facts)]
    with speaking(Lang.ES):
        (table,) = [s.blocks[0] for s in sections(facts) if s.name == "messages"]
        assert len(table.rows) == len(MESSAGES)
        assert all(text != meaning for _, text, meaning in table.rows)
        assert "QUÉ DICEN" not in Runbook(make_facts("fw")).text().decode()


def test_a_name_that_the_template_does_not_know_is_an_error() -> None:
    from jinja2 import UndefinedError

    with pytest.raises(UndefinedError):
        template("RUNBOOK.txt.j2").render()


def test_a_long_name_is_cut_and_not_left_out() -> None:
    assert f"Device       {'x' * 36}...\n" in Runbook(make_facts("x" * 100)).text().decode()
