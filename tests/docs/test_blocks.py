"""No block of code in the docs is left unread: run, compared, or with a reason why not."""

from __future__ import annotations

import re

import pytest

from docs.blocks import NOT_RUN, Block, blocks, shown_commands
from docs.misread import misread
from docs.samples import pages
from docs.told import TOLD


def test_every_block_is_compared_or_run_or_has_a_reason(
    samples: tuple[dict[str, str], set[str]],
) -> None:
    run = samples[1] | {told.line for told in TOLD}
    run |= {line for block in blocks() if block.kind == "run" for line in block.commands()}
    left = [
        f"{block.page}:{block.line}: {line}"
        for block in blocks()
        if not block.kind and not block.why_not_run()
        for line in block.commands()
        if line not in run
    ]
    assert left == [], "have told.py type it, or say in blocks.py why not"


def test_every_reason_is_for_one_block() -> None:
    assert len({(block.page, block.why_not_run()) for block in blocks()}) > len(pages())
    for page, begin in NOT_RUN:
        found = [b for b in blocks() if b.page == page and b.text.startswith(begin)]
        assert len(found) == 1, f"{page}: {begin}"
        assert not found[0].kind


def test_blocks_are_found_as_they_are() -> None:
    marks = sum(len(re.findall("(?m)^<!-- (?:output|run): ", p.read_text())) for p in pages())
    assert len([block for block in blocks() if block.kind]) == marks > 30
    block = Block("x.md", 1, "", "one --two   # said\n# only said\nthree \\\n  four\n")
    assert block.commands() == ["one --two", "three   four"]


@pytest.mark.parametrize("line", shown_commands())
def test_every_command_that_is_shown_could_be_typed(line: str) -> None:
    assert misread(line) == ""


@pytest.mark.parametrize(
    "line",
    [
        "sftunnel-bundler biuld --out kit",
        "sftunnel-bundler build --ouut kit",
        "sftunnel-bundler console sendd x --port y",
        "sh install.sh --sgner FINGERPRINT",
    ],
)
def test_a_slip_is_noticed(line: str) -> None:
    assert misread(line)


def test_every_command_within_a_text_could_be_typed() -> None:
    for page in pages():
        for text in re.findall(r"`(sftunnel-bundler [a-z][^`]*)`", page.read_text()):
            line = " ".join(text.split())
            # That is the beginning of what a code is drawn from.
            if not line.startswith("sftunnel-bundler code 1"):
                assert misread(line) == "", f"{page.name}: {line}"
