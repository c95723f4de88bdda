"""What is wrong with each peer, from what the lines of logs and status outputs say.

Lines of one thread belong together. What they complain of within one attempt to connect is one
failure, and its most telling cause stands for it. An attempt ends where the next begins, where
another peer is named, and where the thread was silent for over a second. A failure is put to the
peer that is named in its attempt, else to the one that its thread named last.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field

from sftunnel_builder.causes import ABOUT_CERTIFICATES, VAGUE, Cause
from sftunnel_builder.errors import printable
from sftunnel_builder.log_lines import STATUS, Said

MAX_THREADS = 4096
"""How many threads are kept in mind; the one that was silent longest is forgotten first."""
MAX_ROWS = 100_000
"""How many peers and findings are kept, all in all: a hundred times what one FMC manages."""
EXAMPLE_LENGTH = 160
SILENCE_S = 1


@dataclass(frozen=True)
class Finding:
    """One cause of failures of one peer."""

    cause: Cause
    number: int | None
    """Of the verify error (X509_V_ERR), if it is one."""
    count: int
    first: str
    """When, as the log has it, without a year; empty if it does not say."""
    last: str
    example: str
    """A line that says so, printable and short."""


@dataclass(frozen=True)
class PeerDiagnosis:
    """What the lines say of one peer."""

    name: str
    """Its address, name or UUID, printable; empty if the log does not name it."""
    uuid: str
    host: str
    """Whose log says so, printable; empty for a status output."""
    is_up: bool
    """The last that was seen of it is a connection."""
    up_since: str
    findings: tuple[Finding, ...]
    """The one that leads first."""


@dataclass(frozen=True)
class Diagnosis:
    """What is wrong with all of them: those that fail first, then those that are up again."""

    peers: tuple[PeerDiagnosis, ...]
    left_out: int
    """Failures and connections of peers beyond MAX_ROWS."""


@dataclass
class _Row:
    """A finding while lines are still read."""

    count: int
    first: str
    last: str
    order: int
    """The number of the line that was last of it."""
    example: str


@dataclass
class _Peer:
    host: str
    address: str
    uuid: str
    rows: dict[tuple[Cause, int | None], _Row] = field(default_factory=dict)
    up_order: int = 0
    up_since: str = ""


@dataclass
class _Attempt:
    """What a thread has said since an attempt began. Only that of status output has no host."""

    host: str
    address: str = ""
    uuid: str = ""
    is_named: bool = False
    """In this attempt; else by an earlier line of the thread."""
    stamp: str = ""
    failures: dict[tuple[Cause, int | None], tuple[int, Said]] = field(default_factory=dict)
    up: tuple[int, str] | None = None

    def next(self) -> _Attempt:
        """Return the attempt after this one, which is of the same peer unless it names another."""
        return _Attempt(self.host, self.address, self.uuid)


class Observer:
    """Reads lines in the order in which they were written, and remembers what matters."""

    def __init__(self) -> None:
        """Begin with nothing seen."""
        self._threads: OrderedDict[tuple[str, str], _Attempt] = OrderedDict()
        self._peers: list[_Peer] = []
        self._by_name: dict[tuple[str, str], _Peer] = {}
        self._hosts: dict[str, set[str]] = {}
        self._rows = 0
        self._order = 0
        self._left_out = 0

    def add(self, said: Said) -> None:
        """Take in the next line."""
        self._order += 1
        key = (said.host, said.thread)
        attempt = self._threads.get(key)
        if attempt is None:
            attempt = self._threads[key] = _Attempt(said.host)
            if len(self._threads) > MAX_THREADS:
                self._book(self._threads.popitem(last=False)[1])
        elif _is_next(attempt, said):
            self._book(attempt)
            attempt = self._threads[key] = attempt.next()
        self._threads.move_to_end(key)
        if said.begins and said.thread == STATUS:
            # Whose a block is stands at its head: nothing carries over from the one before.
            attempt.address = attempt.uuid = ""
        if said.address or said.uuid:
            _name(attempt, said)
        attempt.stamp = said.stamp or attempt.stamp
        if said.cause:
            attempt.failures.setdefault((said.cause, said.number), (self._order, said))
        if said.is_up:
            attempt.up = (self._order, said.stamp)

    def diagnose(self) -> Diagnosis:
        """Say what is wrong with each peer; no lines may be added after that."""
        while self._threads:
            self._book(self._threads.popitem(last=False)[1])
        peers = [_judge(peer) for peer in self._peers if peer.rows or peer.up_order]
        peers.sort(key=lambda peer: (peer.is_up, not peer.findings))
        return Diagnosis(tuple(peers), self._left_out)

    def _book(self, attempt: _Attempt) -> None:
        """Put to a peer what an attempt came to."""
        if not attempt.failures and not attempt.up:
            return
        peer = self._peer(attempt)
        if peer is None:
            return
        if attempt.up:
            peer.up_order, peer.up_since = attempt.up
            if not attempt.host:
                return  # A status that shows a connection tells of the last failure as of history.
        telling = {key: seen for key, seen in attempt.failures.items() if key[0] not in VAGUE}
        for key, (order, said) in (telling or attempt.failures).items():
            stamp = said.stamp or attempt.stamp
            row = peer.rows.get(key)
            if row:
                row.count += 1
                row.last, row.order = stamp, max(order, row.order)
            elif self._has_room():
                example = printable(said.line, EXAMPLE_LENGTH)
                peer.rows[key] = _Row(1, stamp, stamp, order, example)
            if not telling:
                break

    def _peer(self, attempt: _Attempt) -> _Peer | None:
        """Return the peer of an attempt, known or new; None if there is no more room."""
        host = attempt.host
        if not host and (attempt.address or attempt.uuid):
            # A status output does not say whose it is: if one log has that peer, it is this one.
            hosts = self._hosts.get(attempt.address or attempt.uuid, set())
            host = next(iter(hosts)) if len(hosts) == 1 else host
        keys = [(host, name) for name in (attempt.address, attempt.uuid) if name] or [(host, "")]
        peer = next((self._by_name[key] for key in keys if key in self._by_name), None)
        if peer and attempt.uuid and peer.uuid and peer.uuid != attempt.uuid:
            # Two devices behind one address.
            keys = [(host, attempt.uuid)]
            peer = self._by_name.get(keys[0])
        if peer is None:
            if not self._has_room():
                return None
            peer = _Peer(host, attempt.address, attempt.uuid)
            self._peers.append(peer)
        peer.address = peer.address or attempt.address
        peer.uuid = peer.uuid or attempt.uuid
        for key in keys:
            if key not in self._by_name and self._has_room():
                self._by_name[key] = peer
                self._hosts.setdefault(key[1], set()).add(host)
        return peer

    def _has_room(self) -> bool:
        self._rows += 1
        if self._rows <= MAX_ROWS:
            return True
        self._left_out += 1
        return False


def _is_next(attempt: _Attempt, said: Said) -> bool:
    """Tell whether a line is of another attempt than the thread's lines before it."""
    if said.begins:
        return True
    if attempt.is_named and (
        (said.address and attempt.address and said.address != attempt.address)
        or (said.uuid and attempt.uuid and said.uuid != attempt.uuid)
    ):
        return True
    if said.thread == STATUS or not said.stamp or said.stamp == attempt.stamp:
        return False
    return not attempt.stamp or (_seconds(said.stamp) - _seconds(attempt.stamp)) % 86400 > SILENCE_S


def _seconds(stamp: str) -> int:
    """Return the seconds since midnight of `Mon DD HH:MM:SS`."""
    return int(stamp[7:9]) * 3600 + int(stamp[10:12]) * 60 + int(stamp[13:15])


def _name(attempt: _Attempt, said: Said) -> None:
    """Say in an attempt whose it is. Another than the one so far was an earlier attempt's."""
    if not attempt.is_named:
        attempt.address = attempt.uuid = ""
    attempt.address = said.address or attempt.address
    attempt.uuid = said.uuid or attempt.uuid
    attempt.is_named = True


def _judge(peer: _Peer) -> PeerDiagnosis:
    """Return what is wrong with a peer; the latest error of certificates leads."""
    last_failure = max((row.order for row in peer.rows.values()), default=0)

    def rank(item: tuple[tuple[Cause, int | None], _Row]) -> tuple[bool, bool, int]:
        (cause, _), row = item
        return cause not in ABOUT_CERTIFICATES, cause in VAGUE, -row.order

    findings = tuple(
        Finding(cause, number, row.count, row.first, row.last, row.example)
        for (cause, number), row in sorted(peer.rows.items(), key=rank)
    )
    return PeerDiagnosis(
        name=printable(peer.address or peer.uuid, 100),
        uuid=peer.uuid,
        host=printable(peer.host, 64),
        is_up=peer.up_order > last_failure,
        up_since=peer.up_since,
        findings=findings,
    )
