"""What is known of a device is what its last run says; done is who has what the bundle brings."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from receipts import Writer, writer
from rehearsal import Made
from sftunnel_builder.codes import Run
from sftunnel_builder.fleet import Fleet, FleetDevice, State
from sftunnel_builder.receipt import Receipt, parse_receipt
from sftunnel_builder.standing import clock_doubts, with_receipts

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
OLD = "0" * 64


@pytest.fixture(scope="module")
def first(made: Made) -> Writer:
    return writer(made, made.devices[0])


def state(first: Writer, *receipts: Receipt, runs: tuple[Run, ...] = ()) -> State:
    device = FleetDevice("u", "fw", "", "bundle", "0" * 64, ("f",), NOW)
    return with_receipts(device, receipts, runs, first.expected.brings()).state


ONE = [
    pytest.param({}, State.DONE, id="a good install"),
    pytest.param({"verb": "activate"}, State.DONE, id="a good activation"),
    pytest.param({"exit": 8}, State.UNCONFIRMED, id="no tunnel"),
    pytest.param({"exit": 6, "after": OLD}, State.FAILED, id="failed and put back"),
    pytest.param({"exit": 7, "after": OLD}, State.FAILED, id="a person must act"),
    pytest.param({"after": OLD}, State.FAILED, id="says well, and has other files"),
    pytest.param({"verb": "rollback", "after": OLD}, State.ROLLED_BACK, id="rolled back"),
    pytest.param({"verb": "rollback"}, State.DONE, id="back to a backup of the new trio"),
    pytest.param({"verb": "recover", "after": OLD}, State.ROLLED_BACK, id="recovered the old"),
    pytest.param({"verb": "recover"}, State.DONE, id="recovered the new"),
]


@pytest.mark.parametrize(("facts", "wanted"), ONE)
def test_one_receipt(facts: dict[str, Any], wanted: State, first: Writer) -> None:
    assert state(first, parse_receipt(first.receipt(**facts))) == wanted


def test_the_backup_says_which_is_the_last_and_not_the_clock(first: Writer) -> None:
    install = parse_receipt(first.receipt(ended="2030-01-01T00:00:00Z"))
    back = parse_receipt(first.rolled_back())
    assert state(first, install, back) == state(first, back, install) == State.ROLLED_BACK
    recovered = parse_receipt(first.receipt(verb="recover", exit=8, ended="2030-01-01T00:00:01Z"))
    assert state(first, recovered, install) == State.UNCONFIRMED


def test_a_recover_is_later_than_what_it_finishes_though_the_clock_was_lost(first: Writer) -> None:
    install = parse_receipt(first.receipt(exit=8))
    lost = {"started": "1970-01-01T00:04:00Z", "ended": "1970-01-01T00:05:00Z"}
    recovered = parse_receipt(first.receipt(verb="recover", **lost))
    assert state(first, install, recovered) == state(first, recovered, install) == State.DONE


def test_it_is_said_where_the_clock_contradicts_the_number(first: Writer) -> None:
    """The directory with the backups was removed, and the bundle was installed again."""
    back = parse_receipt(first.rolled_back())
    times = {"started": "2026-11-25T12:00:00Z", "ended": "2026-11-25T12:00:30Z"}
    again = parse_receipt(first.receipt(backup="0001-20261125T120000Z", **times))
    device = FleetDevice("u", "fw", "", "bundle", "0" * 64, ("f",), NOW)
    fleet = Fleet((device,), NOW, "0" * 64, "kit", "en")
    lost = parse_receipt(first.receipt(verb="recover", ended="1970-01-01T00:05:00Z"))
    for known in ([again], [parse_receipt(first.receipt()), lost]):
        assert clock_doubts(fleet, {"u": known}) == []
    (note,) = clock_doubts(fleet, {"u": [back, again]})
    assert note.startswith(
        "'fw': by its clock the last run is not the rollback of backup '0002-20261124T130000Z', "
        "which counts, but the install of backup '0001-20261125T120000Z': "
    )


CODES = [
    pytest.param("install", 0, State.DONE, id="install"),
    pytest.param("install", 8, State.UNCONFIRMED, id="no tunnel"),
    pytest.param("install", 6, State.FAILED, id="failed"),
    pytest.param("rollback", 0, State.ROLLED_BACK, id="rollback"),
    pytest.param("recover", 0, State.PENDING, id="a recover, which may have ended either way"),
]


@pytest.mark.parametrize(("verb", "code", "wanted"), CODES)
def test_a_code_counts_where_there_is_no_receipt(
    verb: str, code: int, wanted: State, first: Writer
) -> None:
    runs = (Run("u", "rollback", 7), Run("u", verb, code))
    assert state(first, runs=runs) == wanted
    assert state(first, parse_receipt(first.receipt()), runs=runs) == State.DONE
