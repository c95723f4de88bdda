"""What is wrong with each peer, from lines in the order in which they were written."""

from __future__ import annotations

import pytest

from log_text import (
    BRIEF_DOWN,
    DEVICE,
    EXPIRED,
    FMC,
    HANDSHAKE,
    PEER,
    STATUS_UP,
    established,
    initiating,
    log,
)
from sftunnel_builder import diagnosis as module
from sftunnel_builder.causes import Cause
from sftunnel_builder.diagnosis import Diagnosis, Observer
from sftunnel_builder.log_lines import parse_line

TLS13 = log("[ERROR] SSL_verify_client_post_handshake:extension not received", thread=7) + log(
    "[ERROR] Failed to reload credentials", thread=7
)
UNREACHABLE = "[ERROR] Connect failed on port 8305 socket 11 (Connection refused)"


def _diagnose(*texts: str) -> Diagnosis:
    observer = Observer()
    for line in "".join(texts).splitlines():
        said = parse_line(line.encode())
        if said:
            observer.add(said)
    return observer.diagnose()


def _said(*texts: str) -> list[tuple[str, list[tuple[Cause, int]]]]:
    """Return each peer's name, and the causes with how often."""
    return [
        (peer.name, [(finding.cause, finding.count) for finding in peer.findings])
        for peer in _diagnose(*texts).peers
    ]


@pytest.mark.parametrize(
    ("texts", "wanted"),
    [
        pytest.param(
            [initiating(), log(EXPIRED), log(HANDSHAKE)],
            [(PEER, [(Cause.EXPIRED, 1)])],
            id="all lines of one attempt are one failure",
        ),
        pytest.param(
            [initiating(), log(HANDSHAKE), log(EXPIRED)],
            [(PEER, [(Cause.EXPIRED, 1)])],
            id="whichever comes first",
        ),
        pytest.param(
            [initiating(), log(HANDSHAKE)],
            [(PEER, [(Cause.HANDSHAKE, 1)])],
            id="a handshake without a reason is told as that",
        ),
        pytest.param(
            [initiating(), log(EXPIRED), initiating(), log(EXPIRED)],
            [(PEER, [(Cause.EXPIRED, 2)])],
            id="two attempts in one second are two",
        ),
        pytest.param(
            [initiating(), log(EXPIRED), log(EXPIRED, at="Nov 24 10:12:12")],
            [(PEER, [(Cause.EXPIRED, 2)])],
            id="silence ends an attempt, and the peer stays the same",
        ),
        pytest.param(
            [initiating(at="Nov 24 23:59:59"), log(EXPIRED, at="Nov 25 00:00:00")],
            [(PEER, [(Cause.EXPIRED, 1)])],
            id="midnight does not end an attempt",
        ),
        pytest.param(
            [initiating(), initiating("10.9.9.9", thread=8), log(EXPIRED)],
            [(PEER, [(Cause.EXPIRED, 1)])],
            id="another thread's peer is not taken",
        ),
        pytest.param([log(EXPIRED)], [("", [(Cause.EXPIRED, 1)])], id="a peer that nobody names"),
        pytest.param(
            [TLS13, log(f"[INFO] Peer {DEVICE} needs re-connect", thread=7)],
            [(DEVICE, [(Cause.TLS13_MISMATCH, 1)])],
            id="a peer that is named after the failure",
        ),
        pytest.param(
            [
                log("[INFO] Connected to 10.1.1.1 from x"),
                log(UNREACHABLE),
                log("[INFO] Connected to 10.1.1.2 from x"),
                log(EXPIRED),
            ],
            [("10.1.1.1", [(Cause.UNREACHABLE, 1)]), ("10.1.1.2", [(Cause.EXPIRED, 1)])],
            id="two peers of one thread in one second",
        ),
        pytest.param(
            [
                initiating(),
                log(f"[ERROR] subject = /CN=localhost/title={FMC}"),
                log(EXPIRED),
                log(f"[WARN] Peer {FMC} needs re-connect", thread=9),
                log(EXPIRED, thread=9),
            ],
            [(PEER, [(Cause.EXPIRED, 2)])],
            id="an address and a UUID that were seen together are one peer",
        ),
        pytest.param(
            [
                initiating(),
                log(f"[ERROR] subject = /title={FMC}"),
                log(EXPIRED),
                initiating(),
                log(f"[ERROR] subject = /title={DEVICE}"),
                log(EXPIRED),
            ],
            [(PEER, [(Cause.EXPIRED, 1)]), (PEER, [(Cause.EXPIRED, 1)])],
            id="two devices behind one address are two",
        ),
        pytest.param(
            [initiating(), log(UNREACHABLE), log(EXPIRED, thread=5, host="ftd-2")],
            [(PEER, [(Cause.UNREACHABLE, 1)]), ("", [(Cause.EXPIRED, 1)])],
            id="logs of two hosts are told apart",
        ),
        pytest.param([BRIEF_DOWN], [("10.10.17.202", [(Cause.DOWN, 1)])], id="a status: down"),
        pytest.param([STATUS_UP], [(PEER, [])], id="a status: up"),
        pytest.param(
            [STATUS_UP + "\tLast disconnect reason : certificate has expired\n"],
            [(PEER, [])],
            id="a status that is up: its last failure is history",
        ),
        pytest.param(
            ["**RPC STATUS****10.1.1.1*****\nRPC status :Failed\n" + BRIEF_DOWN],
            [("10.1.1.1", [(Cause.NO_ANSWER, 1)]), ("10.10.17.202", [(Cause.DOWN, 1)])],
            id="blocks of a status are told apart",
        ),
        pytest.param(["Registration: Completed.\n"], [], id="registered says nothing"),
    ],
)
def test_what_lines_come_to(
    texts: list[str], wanted: list[tuple[str, list[tuple[Cause, int]]]]
) -> None:
    assert _said(*texts) == wanted


@pytest.mark.parametrize(
    ("texts", "lead"),
    [
        pytest.param([log(EXPIRED), log(UNREACHABLE)], Cause.EXPIRED, id="a certificate leads"),
        pytest.param(
            [log(EXPIRED), log("[ERROR] err 20:x")], Cause.WRONG_CA, id="the latest of certificates"
        ),
        pytest.param(
            [log("[ERROR] err 20:x"), log(EXPIRED), log("[ERROR] err 9:x"), log(UNREACHABLE)],
            Cause.NOT_YET_VALID,
            id="of three, too",
        ),
        pytest.param([log(HANDSHAKE), log(UNREACHABLE)], Cause.UNREACHABLE, id="a cause over none"),
    ],
)
def test_which_cause_leads(texts: list[str], lead: Cause) -> None:
    (peer,) = _diagnose(*(initiating() + text for text in texts)).peers
    assert peer.findings[0].cause is lead
    assert len(peer.findings) == len(texts)


@pytest.mark.parametrize(
    ("texts", "is_up"),
    [
        pytest.param([initiating(), log(EXPIRED), established()], True, id="it came up later"),
        pytest.param([established(), initiating(), log(EXPIRED)], False, id="it was up before"),
        pytest.param([initiating(), log(EXPIRED), STATUS_UP], True, id="a later status shows it"),
        pytest.param([STATUS_UP, initiating(), log(EXPIRED)], False, id="an earlier status did"),
        pytest.param(
            [initiating(), log(EXPIRED), "Registration: Completed.\n"], False, id="registered only"
        ),
        pytest.param(
            [initiating(), log(EXPIRED), established("10.9.9.9")], False, id="another peer came up"
        ),
    ],
)
def test_whether_it_is_up_again(texts: list[str], is_up: bool) -> None:
    (peer,) = [peer for peer in _diagnose(*texts).peers if peer.name == PEER and peer.findings]
    assert peer.is_up is is_up


def test_times_are_as_written_and_the_first_and_last_are_kept() -> None:
    times = ["Dec 31 23:00:00", "Jan  1 00:10:00", "Jan  2 08:00:00"]
    texts = [initiating(at=at) + log(EXPIRED, at) for at in times]
    (peer,) = _diagnose(*texts, established(at="Jan  3 09:00:00")).peers
    (finding,) = peer.findings
    assert (finding.first, finding.last, finding.count) == (times[0], times[-1], 3)
    assert (peer.is_up, peer.up_since) == (True, "Jan  3 09:00:00")


def test_those_that_fail_come_first_then_those_that_are_up_again_then_the_others() -> None:
    texts = [established("10.0.0.3"), established("10.0.0.2")]
    texts[1] = initiating("10.0.0.2") + log(EXPIRED) + established("10.0.0.2")
    texts += [initiating("10.0.0.1"), log(EXPIRED)]
    assert [peer.name for peer in _diagnose(*texts).peers] == ["10.0.0.1", "10.0.0.2", "10.0.0.3"]


def test_what_comes_from_outside_is_printable() -> None:
    text = log("[ERROR] err 10:\u202e\x9b31m" + "x" * 500, host="h\u200bost")
    text += "Connection to peer 'na\u202eme' Attempted at \u202e\n"
    for peer in _diagnose(text).peers:
        (finding,) = peer.findings
        shown = peer.name + peer.host + finding.first + finding.last + finding.example
        assert shown.isprintable()
        assert len(finding.example) <= module.EXAMPLE_LENGTH


def test_peers_and_threads_without_end_are_bounded_and_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "MAX_ROWS", 30)
    monkeypatch.setattr(module, "MAX_THREADS", 8)
    observer = Observer()
    for number in range(1000):
        for text in (
            initiating(f"10.0.{number // 250}.{number % 250}", thread=number),
            log(f"[ERROR] err {number + 1}:x", thread=number),
        ):
            said = parse_line(text.encode())
            assert said is not None
            observer.add(said)
        assert len(observer._threads) <= 8
    assert len(observer._by_name) + sum(len(peer.rows) for peer in observer._peers) <= 30
    found = observer.diagnose()
    assert 0 < len(found.peers) <= 30
    assert found.left_out >= 1000 - 30


def test_a_thread_that_is_forgotten_has_its_failure_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_THREADS", 2)
    texts = [initiating(f"10.0.0.{n}", thread=n) + log(EXPIRED, thread=n) for n in range(1, 10)]
    assert len(_said(*texts)) == 9
