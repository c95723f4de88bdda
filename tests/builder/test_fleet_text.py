"""No name that a device has hurts whoever reads the table or opens the CSV."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import replace
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


def test_two_devices_of_one_name_are_told_apart() -> None:
    uuids = ("6bf1143a", "c8d5d5c6", "aaaaaaaa")
    devices = tuple(
        FleetDevice(f"{uuid}-87c9-11ef-a993-b9831565bc4e", name, "", "b", "0" * 64, ("f",), NOW)
        for uuid, name in zip(uuids, ("fw", "fw", "fw-2"), strict=True)
    )
    lines = table(Fleet(devices, NOW, "0" * 64, "kit", "en"))
    assert [line.split("  ")[0] for line in lines[1:4]] == [
        "fw (6bf1143a)",
        "fw (c8d5d5c6)",
        "fw-2",
    ]


@pytest.mark.parametrize(
    ("state", "exit_code", "shown"),
    [
        pytest.param(State.DONE, 0, "done", id="done"),
        pytest.param(State.UNCONFIRMED, 8, "no tunnel yet", id="the state says it"),
        pytest.param(State.ROLLED_BACK, 8, "rolled back (exit 8)", id="old files, no tunnel"),
        pytest.param(State.FAILED, 6, "failed (exit 6)", id="failed"),
    ],
)
def test_an_exit_code_that_the_state_does_not_say(state: State, exit_code: int, shown: str) -> None:
    (device,) = fleet("fw", state).devices
    told = replace(device, exit_code=exit_code)
    row = table(Fleet((told,), NOW, "0" * 64, "kit", "en"))[1]
    assert re.split(" {2,}", row)[1] == shown
