"""No block of code in the docs is left unread: run, compared, or with a reason why not."""

from __future__ import annotations

import re
import shlex

import pytest
import typer

from docs.blocks import NOT_RUN, OURS, Block, blocks, shown_commands
from docs.samples import pages
from docs.told import TOLD
from sftunnel_builder.cli import app
from sftunnel_builder.errors import BundlerError
from sftunnel_builder.resources import installer_script
from sftunnel_installer.options import parse_options


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
    assert left == [], "run it in test_told.py, or say in blocks.py why not"


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


def _words(rest: str) -> list[str]:
    """Return the words of a command line, up to where a shell would take over."""
    lexer = shlex.shlex(rest, posix=True, punctuation_chars="();<>|&")
    lexer.whitespace_split = True
    words: list[str] = []
    for word in lexer:
        if set(word) <= set("();<>|&"):
            break
        words.append(word)
    return words


def _misread(line: str) -> str:
    """Return what is wrong with a command line of ours, empty if nothing is."""
    found = OURS.search(line)
    assert found, line
    words = _words(found[2].replace(" ...", " --help"))
    if found[1] == "sftunnel-bundler":
        return _misread_by_typer(words)
    known = set(re.findall(r"(?m)^  (?:(--[a-z-]+)|([a-z]+) )", installer_script().decode()))
    names = {name for pair in known for name in pair} | {"--help", "--version"}
    try:
        parse_options(
            [word if word[0] == "-" else word.replace("FINGERPRINT", "0" * 64) for word in words]
        )
    except BundlerError as error:
        return error.message
    return " ".join(word for word in words if word.startswith("--") and word not in names)


def _misread_by_typer(words: list[str]) -> str:
    """Let each command read its part of the line, without running anything."""
    command, context = typer.main.get_command(app), None
    name = "sftunnel-bundler"
    try:
        while True:
            context = command.context_class(command, info_name=name, parent=context)
            _values, left, _order = command.make_parser(context).parse_args(list(words))
            if not hasattr(command, "get_command") or not left:
                return ""
            name, words = left[0], left[1:]
            command = command.get_command(context, name)
            if command is None:
                return f"no verb '{name}'"
    except typer.TyperException as error:
        return error.format_message()


@pytest.mark.parametrize("line", shown_commands())
def test_every_command_that_is_shown_could_be_typed(line: str) -> None:
    assert _misread(line) == ""


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
    assert _misread(line)


def test_every_command_within_a_text_could_be_typed() -> None:
    for page in pages():
        for text in re.findall(r"`(sftunnel-bundler [a-z][^`]*)`", page.read_text()):
            line = " ".join(text.split())
            # That is the beginning of what a code is drawn from.
            if not line.startswith("sftunnel-bundler code 1"):
                assert _misread(line) == "", f"{page.name}: {line}"
