"""What is printed at the end of a run is put together from the pieces of all its tests."""

from __future__ import annotations

from typing import Literal

import pytest

from found import Cell, Record, record_cell, record_tally, summary


class _Test:
    """A test that recorded something, and its report."""

    def __init__(self) -> None:
        self.properties: list[tuple[str, object]] = []

    def record(self, name: str, value: object) -> None:
        self.properties.append((name, value))

    def report(self, outcome: Literal["passed", "failed", "skipped"]) -> pytest.TestReport:
        place = ("test_x.py", 1, "test_x")
        return pytest.TestReport(
            "x", place, {}, outcome, None, "call", user_properties=self.properties
        )


def _record_cell(record: Record, row: int, column: int) -> None:
    heads = ("old\nplain", "new\nencrypted")
    record_cell(record, Cell("journeys", (row, column), ("dash", "bash 5")[row], heads[column]))


def test_the_cells_of_several_tests_make_one_table() -> None:
    reports = []
    for row, column, outcome in ((1, 1, "passed"), (0, 0, "passed"), (0, 1, "failed")):
        test = _Test()
        _record_cell(test.record, row, column)
        reports.append(test.report(outcome))  # type: ignore[arg-type]
    assert summary(reports) == [
        "journeys: 2 of 3 ok",
        "          old    new",
        "          plain  encrypted",
        "  dash    ok     FAIL",
        "  bash 5  -      ok",
    ]


def test_counts_of_the_same_sentence_are_added_and_lines_are_sorted() -> None:
    first, second = _Test(), _Test()
    record_tally(first.record, "{n} flips, {missed} missed", n=3, missed=0)
    record_tally(second.record, "{n} flips, {missed} missed", n=4, missed=1)
    second.record("found", "1 line")
    second.record("anything else", "not printed")
    assert summary([first.report("passed"), second.report("failed")]) == [
        "1 line",
        "7 flips, 1 missed",
    ]


def test_nothing_found_prints_nothing() -> None:
    assert summary([_Test().report("passed")]) == []
