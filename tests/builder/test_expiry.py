"""When what ends, by a clock that stands still."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from sftunnel_builder.errors import BundlerError
from sftunnel_builder.expiry import (
    CA,
    CERTIFICATE,
    Dates,
    Expiring,
    Fmc,
    State,
    counts,
    is_restart_dangerous,
    judge,
    judge_all,
    renewal,
    verdict,
)

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
DAY, SECOND = timedelta(days=1), timedelta(seconds=1)
UNREADABLE = BundlerError("'x' is empty", "copy it again")


def _certificate(
    end: timedelta, *, start: timedelta = -DAY, path: str = "x", is_in_use: bool = True
) -> Expiring:
    return Expiring(CA, "fmc-lab", None, path, Dates(NOW + start, NOW + end), is_in_use)


@pytest.mark.parametrize(
    ("end", "state", "days_left", "says"),
    [
        pytest.param(
            *(3649.5 * DAY, State.OK, 3649, "is valid for 3649 more days, until Nov 21 00:00:00"),
            id="ten years left",
        ),
        pytest.param(
            *(90 * DAY + SECOND, State.OK, 90, "is valid for 90 more days"),
            id="a second before the warning",
        ),
        pytest.param(
            *(90 * DAY, State.WARNING, 90, "is ONLY valid for 90 more days, until Feb 22 12:00:00"),
            id="from this second on a warning",
        ),
        pytest.param(
            *(DAY, State.WARNING, 1, "is ONLY valid for 1 more day, until Nov 25"), id="one day"
        ),
        pytest.param(
            *(SECOND, State.WARNING, 0, "is ONLY valid for less than a day, until Nov 24"),
            id="the last second",
        ),
        pytest.param(
            *(
                0 * DAY,
                State.EXPIRED,
                0,
                "expired less than a day ago, at Nov 24 12:00:00 2026 GMT",
            ),
            id="the second of notAfter",
        ),
        pytest.param(
            *(-SECOND, State.EXPIRED, -1, "expired less than a day ago, at Nov 24 11:59:59"),
            id="a second after",
        ),
        pytest.param(*(-DAY, State.EXPIRED, -1, "expired 1 day ago, at Nov 23"), id="a day after"),
        pytest.param(
            *(-20.5 * DAY, State.EXPIRED, -21, "expired 20 days ago, at Nov  4 00:00:00 2026 GMT"),
            id="long after",
        ),
    ],
)
def test_the_state_changes_at_the_second(
    end: timedelta, state: State, days_left: int, says: str
) -> None:
    judged = judge(_certificate(end), NOW, 90)
    assert (judged.state, judged.days_left) == (state, days_left)
    said = verdict(judged, NOW)
    assert said.startswith(f"{state.name}: the CA of fmc-lab {says}")
    assert "\n" not in said


@pytest.mark.parametrize(
    ("warn_days", "state"), [(0, State.OK), (9, State.OK), (10, State.WARNING), (10**30, 1)]
)
def test_the_window_is_what_was_asked_for(warn_days: int, state: State) -> None:
    assert judge(_certificate(10 * DAY), NOW, warn_days).state == state


def test_the_ends_of_time_are_dates_like_others() -> None:
    last = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
    first = datetime(1, 1, 1, tzinfo=UTC)
    for dates, state in ((Dates(first, last), State.OK), (Dates(first, first), State.EXPIRED)):
        judged = judge(Expiring(CERTIFICATE, "x", None, "x", dates), NOW, 90)
        assert judged.state == state
        assert verdict(judged, NOW).startswith(state.name)


def test_a_certificate_that_is_not_valid_yet_warns_of_a_clock() -> None:
    judged = judge(_certificate(3650 * DAY, start=SECOND), NOW, 90)
    assert judged.state == State.WARNING
    assert verdict(judged, NOW) == (
        "WARNING: the CA of fmc-lab is not valid before Nov 24 12:00:01 2026 GMT, "
        "and the clock here says Nov 24 12:00:00 2026 GMT"
    )
    assert judge(_certificate(3650 * DAY, start=0 * DAY), NOW, 90).state == State.OK


def test_what_could_not_be_read_is_told_with_the_reason() -> None:
    judged = judge(Expiring(CA, "x", None, "x", UNREADABLE), NOW, 90)
    assert (judged.state, judged.days_left) == (State.UNKNOWN, None)
    assert verdict(judged, NOW) == "UNKNOWN: 'x' is empty"


def test_the_worst_comes_first_and_of_equals_the_soonest() -> None:
    fine, finer = _certificate(200 * DAY, path="fine"), _certificate(300 * DAY, path="finer")
    soon, unknown = _certificate(DAY, path="soon"), Expiring(CA, "x", None, "bad", UNREADABLE)
    gone, longer = _certificate(-DAY, path="gone"), _certificate(-2 * DAY, path="longer gone")
    judged = judge_all([finer, soon, gone, fine, unknown, longer], NOW, 90)
    paths = [each.certificate.path for each in judged]
    assert paths == ["longer gone", "gone", "bad", "soon", "fine", "finer"]
    assert counts(judged) == "6 certificates: 2 expired, 1 unknown, 1 warning, 2 ok"
    assert judge_all([soon, unknown], NOW, 90)[0].state == State.UNKNOWN
    assert counts(judged[-1:]) == "1 certificate: 1 ok"


@pytest.mark.parametrize(
    ("certificate", "is_dangerous"),
    [
        pytest.param(_certificate(-DAY), True, id="expired and in use"),
        pytest.param(_certificate(-DAY, is_in_use=False), False, id="expired in a bundle"),
        pytest.param(_certificate(DAY), False, id="still valid"),
        pytest.param(Expiring(CA, "x", None, "x", UNREADABLE), False, id="unknown"),
    ],
)
def test_a_restart_is_dangerous_once_it_has_expired(
    certificate: Expiring, is_dangerous: bool
) -> None:
    fine = _certificate(1000 * DAY)
    assert is_restart_dangerous(judge_all([fine, certificate], NOW, 90)) is is_dangerous


RUN = int(NOW.timestamp())


@pytest.mark.parametrize(
    ("run_id", "ca", "says"),
    [
        pytest.param(
            *(None, Dates(NOW - 3000 * DAY, NOW), "hotfix FZ, 7.2.9.99-4, brings"),
            id="no run: the hotfix",
        ),
        pytest.param(
            *(RUN, Dates(NOW + 14 * SECOND, NOW + 3650 * DAY), f"run {RUN}, and has made this CA"),
            id="a run that made the CA",
        ),
        pytest.param(
            *(RUN, Dates(NOW - 3000 * DAY, NOW), f"run {RUN}, and the CA is older"),
            id="a run that did not",
        ),
        pytest.param(
            *(10**12 - 1, Dates(NOW, NOW), "run 999999999999, and the CA is older"),
            id="a run of no time that there is",
        ),
        pytest.param(RUN, UNREADABLE, "the CA that it should have made cannot be read", id="no CA"),
    ],
)
def test_a_run_that_was_found_changes_the_advice(
    run_id: int | None, ca: Dates | BundlerError, says: str
) -> None:
    assert says in renewal(Fmc("/", "fmc-lab", "an FMC", "7.2.5", run_id, ca))
