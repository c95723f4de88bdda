"""What the docs paste is what the program prints."""

from __future__ import annotations

import pytest

from docs.samples import BLOCK, ROOT, comparable, pages

HINT = "python tests/docs/samples.py writes the pasted blocks anew (PYTHONPATH=builder:tests)"
PASTED = [
    pytest.param(block[1], block[2], id=f"{page.name}: {block[1]}")
    for page in pages()
    for block in BLOCK.findall(page.read_text())
]


@pytest.mark.parametrize(("name", "pasted"), PASTED)
def test_a_pasted_output_is_the_real_one(texts: dict[str, str], name: str, pasted: str) -> None:
    assert name in texts, "no scenario of that name"
    assert comparable(pasted) == comparable(texts[name]), HINT


def test_every_marked_block_was_found() -> None:
    marks = sum(page.read_text().count("\n<!-- output:") for page in pages())
    assert marks == len(PASTED) > 0


def test_every_scenario_is_shown(texts: dict[str, str]) -> None:
    assert set(texts) - {param.values[0] for param in PASTED} == set()


def test_no_page_names_a_place_of_the_run() -> None:
    assert not [page.name for page in pages() if str(ROOT) in page.read_text()]
