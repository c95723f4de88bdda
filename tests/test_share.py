"""Manual pages and completion files are what the commands say of themselves today."""

from __future__ import annotations

import re
import runpy
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from docs.misread import misread
from rehearsal import need
from sftunnel_builder.cli.commands import Command, with_verbs
from sftunnel_builder.errors import ExitCode
from sftunnel_installer.options import FLAGS, VERBS, WITH_VALUE

ROOT = Path(__file__).resolve().parents[1]
SHARE = ROOT / "packaging/share"
MAN = SHARE / "man/man1"


def load(name: str) -> dict[str, Any]:
    """Load a script of packaging/, which looks for others beside itself."""
    sys.path.insert(0, str(ROOT / "packaging"))
    try:
        return runpy.run_path(str(ROOT / "packaging" / name))
    finally:
        sys.path.pop(0)


MAKER = load("share.py")
COMMANDS: list[Command] = list(with_verbs(MAKER["top"]()))
PAGES = [f"{each.page}.1" for each in COMMANDS] + ["sftunnel-installer.1"]


def shown(page: str) -> str:
    """Return a page as it is read, in one line."""
    need("mandoc", shutil.which("mandoc"))
    done = subprocess.run(
        ["mandoc", "-Tascii", "-Owidth=1000", MAN / page],
        capture_output=True,
        text=True,
        check=True,
    )
    return " ".join(re.sub(".\b", "", done.stdout).split())


def test_they_are_what_would_be_written_now() -> None:
    undated: Callable[[str], str] = MAKER["undated"]
    wanted = MAKER["shared"]("2000-01-01")
    there = {str(path.relative_to(SHARE)) for path in SHARE.rglob("*") if path.is_file()}
    assert there == set(wanted), "make share writes them anew"
    for name, text in wanted.items():
        found = (SHARE / name).read_text("utf-8")
        assert undated(found) == undated(text), f"{name}: make share writes it anew"


def test_every_verb_has_its_page() -> None:
    assert {path.name for path in MAN.iterdir()} == set(PAGES)
    assert len(PAGES) > 15


@pytest.mark.parametrize("page", PAGES)
def test_a_page_is_sound(page: str) -> None:
    need("mandoc", shutil.which("mandoc"))
    done = subprocess.run(
        ["mandoc", "-Tlint", MAN / page], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "")
    # An option that was set with hyphens could not be pasted into a shell.
    assert not re.search(r"(?<!\\)-", re.sub(r"\A.TH.*", "", (MAN / page).read_text()))


@pytest.mark.parametrize("each", COMMANDS, ids=lambda each: each.page)
def test_every_option_and_argument_stands_in_its_page_with_its_help(each: Command) -> None:
    text = shown(f"{each.page}.1")
    assert " ".join(each.words) in text
    assert each.summary in text
    for parameter in [*each.parameters("argument"), *each.parameters("option")]:
        term, about = parameter.get_help_record(each.context)
        entry = f"{re.sub('[<>]', '', term)} {' '.join(about.split())}"
        assert entry in text, f"not there: {entry}"
    for verb in each.verbs():
        assert f"{verb.summary} See {verb.page}(1)." in text


def test_the_page_of_the_installer_has_every_word_of_its_help() -> None:
    text = shown("sftunnel-installer.1")
    for word in (*VERBS, *FLAGS, *WITH_VALUE, "PLACE"):
        assert f" {word} " in text, word


def rows(page: str, head: str) -> list[list[str]]:
    """Return the cells of the rows of a table, without marks."""
    table = (ROOT / page).read_text().partition(f"{head}\n")[2].partition("\n\n")[0]
    lines = table.splitlines()[1:]
    assert lines, f"{page} has no table '{head}'"
    return [re.sub("[`*]", "", line).strip("| ").split(" | ") for line in lines]


def exit_codes(page: str) -> str:
    return shown(page).partition("EXIT STATUS")[2].partition(" FILES ")[0]


@pytest.mark.parametrize("page", ["sftunnel-bundler.1", "sftunnel-installer.1"])
def test_exit_codes_are_those_of_the_readme(page: str) -> None:
    entries = [
        f"{code} {meaning[:1].upper()}{meaning[1:]}. Changed: {changed}."
        for code, meaning, changed in rows("README.md", "| exit | meaning | what has changed |")
    ]
    assert len(entries) == 11
    assert exit_codes(page).strip().startswith(" ".join(entries))


def test_exit_codes_of_a_verb_are_those_that_it_can_end_with() -> None:
    text = exit_codes("sftunnel-bundler-build.1")
    table = rows("README.md", "| exit | meaning | what has changed |")
    known = {str(int(code)) for code in ExitCode} | {"128+n"}
    for code, meaning, _changed in table:
        assert (f" {code} {meaning[:1].upper()}{meaning[1:]}" in text) is (code in known)


def test_exit_codes_of_expiry_are_its_own() -> None:
    entries = [
        f"{code} {word} {meaning}"
        for code, word, meaning in rows("docs/operations.md", "| exit | first word | meaning |")
    ]
    assert len(entries) == 4
    assert exit_codes("sftunnel-bundler-expiry.1").strip() == " ".join(entries)


def test_every_file_of_the_readme_stands_in_the_page_of_the_program() -> None:
    text = shown("sftunnel-bundler.1")
    for where, what in rows("README.md", "| where | what |"):
        assert f"{where} {what[:1].upper()}{what[1:]}." in text


def test_a_page_keeps_its_date_when_it_says_the_same() -> None:
    undated: Callable[[str], str] = MAKER["undated"]
    page = (MAN / "sftunnel-bundler.1").read_text()
    later = re.sub(r'"\d{4}-\d\d-\d\d"', '"2099-12-31"', page, count=1)
    assert later != page
    assert undated(later) == undated(page)
    assert undated(page.replace("Changed", "Broken")) != undated(page)


def test_every_example_could_be_typed() -> None:
    examples = load("man_pages.py")["EXAMPLES"]
    lines = [line for text in examples.values() for line in text.splitlines()]
    assert set(examples) < {each.verb for each in COMMANDS}
    assert {line: misread(line) for line in lines if misread(line)} == {}
