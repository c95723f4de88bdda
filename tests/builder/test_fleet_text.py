"""No name that a device has hurts whoever reads the table or opens the CSV."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime

import pytest

from sftunnel_builder.fleet import Fleet, FleetDevice, State
from sftunnel_builder.fleet_text import as_csv, summary, table

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


def fleet(name: str, state: State = State.PENDING) -> Fleet:
    device = FleetDevice("u" * 36, name, "", "bundle", "0" * 64, ("f" * 36,), NOW, state)
    return Fleet((device,), NOW, "0" * 64, "kit", "en")


@pytest.mark.parametrize("name", ["=cmd|'/c calc'!A0", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_no_cell_is_a_formula(name: str) -> None:
    (row,) = csv.DictReader(io.StringIO(as_csv(fleet(name))))
    assert row["device"][0] in "'?"
    assert row["device"].lstrip("'?") == name.lstrip("\t\r")


def test_a_terminal_obeys_no_name() -> None:
    lines = table(fleet("\x1b[2J\nfw" + "x" * 100))
    assert len(lines) == 4
    assert all(line.isprintable() for line in lines)


def test_one_device_is_one() -> None:
    assert summary(fleet("fw", State.UNCONFIRMED)) == "1 device: 1 no tunnel yet"
