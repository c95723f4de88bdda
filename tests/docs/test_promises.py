"""Every test that docs/promises.md and docs/security.md name is there."""

from __future__ import annotations

import re
from pathlib import Path

from docs.samples import ROOT

TEST = re.compile(r"`((?:[\w/]+/)?test_\w+\.py)::(test_\w+)`")
NAMED = TEST.findall((ROOT / "docs/promises.md").read_text())


def _file(name: str) -> Path:
    return ROOT / "tests" / (name if "/" in name else f"installer/{name}")


def test_every_row_names_tests_and_each_is_there() -> None:
    assert len(NAMED) > 50
    missing = [
        f"{file}::{test}"
        for file, test in NAMED
        if not re.search(rf"(?m)^def {test}\(", _file(file).read_text())
    ]
    assert missing == []


def test_every_test_of_the_threat_model_is_there() -> None:
    named = TEST.findall((ROOT / "docs/security.md").read_text())
    assert len(named) > 30
    missing = [
        f"{file}::{test}"
        for file, test in named
        if not re.search(rf"(?m)^def {test}\(", (ROOT / "tests" / file).read_text())
    ]
    assert missing == []


def test_every_row_names_a_test() -> None:
    rows = re.findall(r"(?m)^\| (?!promise|---).*$", (ROOT / "docs/promises.md").read_text())
    assert len(rows) > 30
    assert [row for row in rows if "::test_" not in row] == []


def test_every_test_file_of_the_installer_is_named() -> None:
    files = {path.name for path in (ROOT / "tests/installer").glob("test_*.py")}
    assert files - {file for file, _ in NAMED} == set()
