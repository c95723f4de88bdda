"""What tests found, told once at the end of a run: lines, sums and tables.

Tests of one run work in several processes, so each hands on only its own piece, as a property of
its report: `record_property("found", "a line")` as it stands, a cell or a tally through the
functions here. `summary` puts the pieces together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass

import pytest

Record = Callable[[str, object], None]
"""The fixture record_property."""

LINE, CELL, TALLY = "found", "found cell", "found tally"


@dataclass(frozen=True)
class Cell:
    """One test's place in a table: passed tests are `ok` there, failed ones `FAIL`."""

    table: str
    """Its heading."""
    at: tuple[int, int]
    """Row and column, for the order."""
    row: str
    column: str
    """What stands before the row, and above the column, there maybe in several lines."""


def record_cell(record: Record, cell: Cell) -> None:
    """Say where in a table this test's outcome belongs."""
    record(CELL, asdict(cell))


def record_tally(record: Record, sentence: str, **counts: int) -> None:
    """Add counts to those of other tests; the sentence names them in braces."""
    record(TALLY, {"sentence": sentence, "counts": counts})


def summary(reports: Iterable[pytest.TestReport]) -> list[str]:
    """Return the lines to print: what was found by all these tests."""
    lines: list[str] = []
    tallies: dict[str, dict[str, int]] = {}
    tables: dict[str, list[tuple[Cell, str]]] = {}
    for report in reports:
        for key, piece in report.user_properties:
            if key == LINE:
                lines.append(str(piece))
            elif key == CELL and isinstance(piece, Mapping):
                cell = Cell(**{**piece, "at": tuple(piece["at"])})
                tables.setdefault(cell.table, []).append((cell, _word(report)))
            elif key == TALLY and isinstance(piece, Mapping):
                sums = tallies.setdefault(piece["sentence"], {})
                for name, count in piece["counts"].items():
                    sums[name] = sums.get(name, 0) + count
    lines += [sentence.format_map(sums) for sentence, sums in tallies.items()]
    return sorted(lines) + [line for name in sorted(tables) for line in _draw(tables[name])]


def _word(report: pytest.TestReport) -> str:
    return {"passed": "ok", "skipped": "-"}.get(report.outcome, "FAIL")


def _draw(cells: list[tuple[Cell, str]]) -> list[str]:
    """Return a table's lines: its name with the count, the columns' heads, the rows."""
    words = {cell.at: word for cell, word in cells}
    rows = dict(sorted((cell.at[0], cell.row) for cell, _ in cells))
    columns = dict(sorted((cell.at[1], cell.column.split("\n")) for cell, _ in cells))
    run = [word for word in words.values() if word != "-"]
    lines = [f"{cells[0][0].table}: {run.count('ok')} of {len(run)} ok"]
    side = max(len(row) for row in rows.values())
    widths = {at: max(map(len, head)) for at, head in columns.items()}
    for at in range(max(len(head) for head in columns.values())):
        heads = {c: head[at] if at < len(head) else "" for c, head in columns.items()}
        lines.append(_line("", side, heads, widths))
    for number, row in rows.items():
        lines.append(_line(row, side, {c: words.get((number, c), "-") for c in columns}, widths))
    return lines


def _line(start: str, side: int, words: Mapping[int, str], widths: Mapping[int, int]) -> str:
    return "  ".join(
        [f"  {start:{side}}", *(f"{word:{widths[at]}}" for at, word in words.items())]
    ).rstrip()
