"""When does what end, and what to do about it. Decided without disk and clock: `now` is passed in.

The exit codes are those of monitoring plugins, and so is what counts most when certificates differ:
what has expired, then what nobody could tell, then what ends soon.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import IntEnum

from sftunnel_builder.errors import BundlerError
from sftunnel_builder.hotfixes import hotfix_sentence
from sftunnel_builder.trio import RUN_SLACK_S
from sftunnel_builder.words import N_, _, ngettext

DEFAULT_WARN_DAYS = 90
CA, CERTIFICATE = N_("CA"), N_("certificate")
"""What a certificate is: issues others, or does not."""
DO_NOT_RESTART = N_(
    "do not reboot, upgrade or restart anything while tunnels are up: they stay up until they "
    "drop, and then do not come back; restarting sftunnel drops them, too"
)
_DAY = timedelta(days=1)


class State(IntEnum):
    """How it stands with a certificate; the number is the exit code."""

    OK = 0
    WARNING = 1
    EXPIRED = 2
    UNKNOWN = 3


WORST_FIRST = (State.EXPIRED, State.UNKNOWN, State.WARNING, State.OK)


@dataclass(frozen=True)
class Dates:
    """The first and the last moment of a certificate, UTC."""

    not_before_utc: datetime
    not_after_utc: datetime


@dataclass(frozen=True)
class Expiring:
    """A certificate that will end, or the reason why it could not be read."""

    kind: str
    """CA or CERTIFICATE."""
    owner: str
    """Whose it is, printable: a name, or a UUID."""
    uuid: str | None
    """The UUID of whose it is."""
    path: str
    """Printable."""
    read: Dates | BundlerError
    is_in_use: bool = True
    """Whether a tunnel may need it now: what lies in a bundle waits for its install."""


@dataclass(frozen=True)
class Judged:
    """What the time makes of a certificate."""

    certificate: Expiring
    state: State
    days_left: int | None
    """Whole days, rounded down: -1 on the first day after. None if nobody can tell."""

    def has_not_begun(self, now: datetime) -> bool:
        """Tell whether it is not valid yet."""
        read = self.certificate.read
        return isinstance(read, Dates) and now < read.not_before_utc


@dataclass(frozen=True)
class Fmc:
    """An FMC whose tree was looked at. Texts are printable, and empty if it does not say."""

    path: str
    name: str
    model: str
    version: str
    run_id: int | None
    """Of the newest generate_certs.pl run that left a trace, Unix time."""
    ca: Dates | BundlerError


def judge(certificate: Expiring, now: datetime, warn_days: int) -> Judged:
    """Return how it stands with a certificate.

    It has expired at the second of its notAfter, as openssl and the one-liner of tech note 222464
    say. One that is not valid yet is a warning: somebody's clock is wrong.
    """
    dates = certificate.read
    if isinstance(dates, BundlerError):
        return Judged(certificate, State.UNKNOWN, None)
    left = dates.not_after_utc - now
    if left <= timedelta(0):
        state = State.EXPIRED
    elif now < dates.not_before_utc or left.total_seconds() <= warn_days * 86400:
        state = State.WARNING
    else:
        state = State.OK
    return Judged(certificate, state, left // _DAY)


def judge_all(certificates: Sequence[Expiring], now: datetime, warn_days: int) -> list[Judged]:
    """Return all of them judged, the worst first, and of those the one that ends soonest."""

    def order(judged: Judged) -> tuple[int, datetime, str]:
        read = judged.certificate.read
        end = read.not_after_utc if isinstance(read, Dates) else datetime.min.replace(tzinfo=UTC)
        return WORST_FIRST.index(judged.state), end, judged.certificate.path

    return sorted((judge(each, now, warn_days) for each in certificates), key=order)


def verdict(judged: Judged, now: datetime) -> str:
    """Say in one line how it stands with a certificate, as the one-liner of the tech note does."""
    certificate, days = judged.certificate, judged.days_left
    whose = _("the CA of {owner}") if certificate.kind == CA else _("the certificate of {owner}")
    what = f"{judged.state.name}: {whose.format(owner=certificate.owner)}"
    read = certificate.read
    if isinstance(read, BundlerError):
        return f"{judged.state.name}: {read.message}"
    if judged.state == State.EXPIRED:
        ago = _days((now - read.not_after_utc) // _DAY)
        return _("{what} expired {ago} ago, at {end}").format(
            what=what, ago=ago, end=gmt(read.not_after_utc)
        )
    if judged.has_not_begun(now):
        return _("{what} is not valid before {begin}, and the clock here says {now}").format(
            what=what, begin=gmt(read.not_before_utc), now=gmt(now)
        )
    text = (
        _("{what} is ONLY valid for {left}, until {end}")
        if judged.state == State.WARNING
        else _("{what} is valid for {left}, until {end}")
    )
    return text.format(what=what, left=_days_more(days or 0), end=gmt(read.not_after_utc))


def counts(judged: Sequence[Judged]) -> str:
    """Say how many certificates there are in each state."""
    numbers = [(sum(j.state == state for j in judged), state) for state in WORST_FIRST]
    told = ", ".join(_told(number, state) for number, state in numbers if number)
    text = ngettext("{count} certificate: {told}", "{count} certificates: {told}", len(judged))
    return text.format(count=len(judged), told=told)


def _told(number: int, state: State) -> str:
    """Say how many certificates are in a state."""
    return {
        State.OK: ngettext("{count} ok", "{count} ok", number),
        State.WARNING: ngettext("{count} warning", "{count} warning", number),
        State.EXPIRED: ngettext("{count} expired", "{count} expired", number),
        State.UNKNOWN: ngettext("{count} unknown", "{count} unknown", number),
    }[state].format(count=number)


def renewal(fmc: Fmc) -> str:
    """Say how the FMC's certificates are renewed, or that they have been."""
    if fmc.run_id is None:
        return hotfix_sentence(fmc.version)
    if not isinstance(fmc.ca, Dates):
        text = _(
            "generate_certs.pl has run, run {run}; the CA that it should have made cannot be read"
        )
    elif fmc.ca.not_before_utc.timestamp() < fmc.run_id - RUN_SLACK_S:
        text = _(
            "generate_certs.pl has run, run {run}, and the CA is older: look at "
            "sfca_generation.log before running it again"
        )
    else:
        text = _(
            "generate_certs.pl has run, run {run}, and has made this CA: `sftunnel-bundler build` "
            "packs what it did not push"
        )
    return text.format(run=fmc.run_id)


def is_restart_dangerous(judged: Sequence[Judged]) -> bool:
    """Tell whether a tunnel that drops now may not come back."""
    return any(j.state == State.EXPIRED and j.certificate.is_in_use for j in judged)


def gmt(moment: datetime) -> str:
    """Return a UTC time as openssl and generate_certs.pl print it: `Oct  9 10:12:50 2034 GMT`."""
    return f"{moment:%b} {moment.day:2d} {moment:%H:%M:%S} {moment.year} GMT"


def _days(number: int) -> str:
    if number == 0:
        return _("less than a day")
    return ngettext("{count} day", "{count} days", number).format(count=number)


def _days_more(number: int) -> str:
    if number == 0:
        return _("less than a day")
    return ngettext("{count} more day", "{count} more days", number).format(count=number)
