"""Links, tables and lists in the docs agree with the repository."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from docs.messages import source_rows
from docs.samples import ROOT, pages
from sftunnel_builder import runbook_ending
from sftunnel_builder.errors import ExitCode
from sftunnel_builder.resources import INSTALLER_FRAGMENTS, installer_script
from sftunnel_builder.runbook_blocks import Rows

LINK = re.compile(r"\[[^]]+\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)


def anchors(page: Path) -> set[str]:
    """Return the anchors that a page's headings get."""
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", page.read_text()), re.MULTILINE)
    return {anchor_of(heading) for heading in headings}


def anchor_of(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-")


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.name)
def test_relative_links_lead_somewhere(page: Path) -> None:
    links = [link for link in LINK.findall(FENCE.sub("", page.read_text())) if "://" not in link]
    assert links or page.name in {"CHANGELOG.md", "bundle-format.md"}
    for link in links:
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


CONTENTS = re.compile(r"\n## Contents\n\n(.*?)\n\n", re.DOTALL)
LONG = 500
"""Lines from which on a page says at its top what is in it."""


def contents(page: Path) -> list[str]:
    """Return the contents that a page should have: its headings, those below set in."""
    headings = re.findall(r"^(###?) (.+)$", FENCE.sub("", page.read_text()), re.MULTILINE)
    return [
        f"{'  ' * (len(marks) - 2)}- [{heading}](#{anchor_of(heading)})"
        for marks, heading in headings
        if heading != "Contents"
    ]


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.name)
def test_contents_are_the_headings(page: Path) -> None:
    found = CONTENTS.search(page.read_text())
    assert found or len(page.read_text().splitlines()) <= LONG, "a long page wants contents"
    if found:
        assert found[1].splitlines() == contents(page)


def test_a_heading_more_is_noticed(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text((ROOT / "docs/operations.md").read_text() + "\n### One more\n")
    assert contents(page)[-1] == "  - [One more](#one-more)"
    found = CONTENTS.search(page.read_text())
    assert found
    assert found[1].splitlines() != contents(page)


def exit_codes(text: str) -> list[str]:
    """Return the first column of the table of exit codes."""
    table = text.partition("| exit | meaning |")[2].partition("\n\n")[0]
    return re.findall(r"^\| (\S+) \|", table, re.MULTILINE)[1:]


def test_the_table_of_exit_codes_is_that_of_the_sources() -> None:
    told = exit_codes((ROOT / "README.md").read_text())
    printed = {code for codes, _ in source_rows().values() for code in codes.split(", ")} - {"-"}
    printed -= {str(int(ExitCode.INTERRUPTED))}  # one of 128+n
    assert told == [*map(str, range(10)), "128+n"]
    assert printed <= set(told)
    known = {str(int(code)) for code in ExitCode if code < 128}
    assert known | printed == set(told) - {"128+n"}
    assert ExitCode.INTERRUPTED == 128 + 2


def test_the_runbook_tells_the_same_codes_of_the_device() -> None:
    (table,) = runbook_ending.exit_codes()
    assert isinstance(table, Rows)
    told = [code for code, _ in table.rows]
    assert set(told) <= set(exit_codes((ROOT / "README.md").read_text())) | {"128+"}
    assert {"6", "7", "8"} <= set(told)


def test_every_option_of_the_installer_is_described() -> None:
    usage = installer_script().decode().partition("usage() {")[2].partition("\nEND")[0]
    options = set(re.findall(r"^  (--[a-z-]+(?: [A-Z]+)?)", usage, re.MULTILINE))
    assert len(options) > 8
    operations = (ROOT / "docs/operations.md").read_text()
    assert options == set(re.findall(r"^\| `(--[^`]+)` \|", operations, re.MULTILINE))


def test_every_fragment_of_the_installer_is_described_in_order() -> None:
    told = re.findall(
        r"^\| `(\w+\.sh)` \|", (ROOT / "docs/development.md").read_text(), re.MULTILINE
    )
    assert told == list(INSTALLER_FRAGMENTS)


def test_every_module_is_described() -> None:
    package = ROOT / "builder/sftunnel_builder"
    program = ROOT / "installer/sftunnel_installer"
    paths = [*package.glob("*.py"), *program.glob("*.py")]
    modules = {path.name for path in paths if not path.name.startswith("_")}
    folders = {f"{p.name}/" for p in package.iterdir() if (p / "__init__.py").exists()}
    text = (ROOT / "docs/development.md").read_text()
    told = {
        name
        for row in re.findall(r"^\| (`.+`) \| ", text, re.MULTILINE)
        for name in re.findall(r"`([^`]+(?:\.py|[a-z]/))`", row)
        if not name.startswith("tests/")
    }
    assert told == modules | folders


def test_every_module_of_the_tests_is_described() -> None:
    tests = ROOT / "tests"
    there = {path.name for path in tests.glob("*.py")}
    there |= {path.name for path in tests.iterdir() if list(path.rglob("*.py"))} - {"__pycache__"}
    text = (ROOT / "docs/development.md").read_text().partition("## Tests")[2]
    rows = "".join(re.findall(r"^\| `.+` \| ", text, re.MULTILINE))
    assert {name.rstrip("/") for name in re.findall(r"`tests/([\w./-]+)`", rows)} - {"bin"} == there


def test_what_the_picture_and_its_page_name_is_there() -> None:
    places = [ROOT / "builder/sftunnel_builder", ROOT / "installer"]
    there = {path.name for place in places for path in place.rglob("*")}
    for page in ("architecture.svg", "architecture.md"):
        named = set(re.findall(r"\b(\w+\.(?:py|sh))\b", (ROOT / "docs" / page).read_text()))
        # Which are joined, and which lie beside a backup.
        assert len(named) > 15
        assert named - {"install.sh", "rollback.sh"} <= there


def test_every_decision_says_why_and_what_it_costs() -> None:
    records = (ROOT / "docs/decisions.md").read_text().split("\n## ")[1:]
    assert len(records) > 25
    for record in records:
        heading, _, text = record.partition("\n")
        why, _, price = " ".join(text.split()).partition("*Costs:*")
        assert why.strip(), heading
        assert re.fullmatch(r" \S.*\. \*Instead of:\* \S.*\.", price), heading


def test_every_target_of_make_that_is_named_exists() -> None:
    makefile = (ROOT / "Makefile").read_text()
    named = {
        target
        for page in pages()
        for target in re.findall(r"(?:`|^ {4})make ([a-z]+)", page.read_text(), re.MULTILINE)
    }
    assert {"demo", "test"} <= named
    assert named <= set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))


def test_every_verify_error_that_is_told_apart_is_described_with_its_name() -> None:
    from sftunnel_builder.causes import Cause, cause_of_verify_error
    from sftunnel_builder.verify_errors import verify_error_name

    text = (ROOT / "docs/operations.md").read_text()
    told = re.findall(r"^\| (\d+) \| `(X509_V_ERR_\w+)` \| `([a-z0-9-]+)` \|", text, re.MULTILINE)
    known = {number: cause_of_verify_error(number) for number in range(1, 1000)}
    assert told == [
        (str(number), verify_error_name(number), cause.code)
        for number, cause in known.items()
        if cause is not Cause.OTHER_VERIFY
    ]


def test_every_cause_of_a_failure_is_described() -> None:
    from sftunnel_builder.causes import Cause

    text = (ROOT / "docs/operations.md").read_text()
    told = re.findall(r"^\| `([a-z0-9-]+)` \| ", text, re.MULTILINE)
    assert set(told) >= {cause.code for cause in Cause}


def test_the_limits_of_the_format_are_those_of_the_code() -> None:
    from sftunnel_builder import archive, passphrases, private_key

    text = (ROOT / "docs/bundle-format.md").read_text()
    assert f"{archive.MAX_ARCHIVE_BYTES >> 20} MiB, its tar at most" in text
    assert f"at most {archive.MAX_CONTENT_BYTES >> 20} MiB" in text
    assert passphrases.ALPHABET in text
    for count in (private_key.ITERATIONS_RANDOM, private_key.ITERATIONS_CHOSEN):
        assert f"{count:,} for" in text
