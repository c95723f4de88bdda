"""What single lines say, and what they do not."""

from __future__ import annotations

import time

import pytest

from log_text import DEVICE, FMC, log
from sftunnel_builder.causes import Cause
from sftunnel_builder.log_lines import NEEDLES, STATUS, Said, parse_line


def _parse(text: str) -> Said:
    said = parse_line(text.encode())
    assert said is not None, text
    return said


def test_the_parts_of_a_line() -> None:
    said = _parse(log("[ERROR] err 10:certificate has expired"))
    assert (said.stamp, said.host, said.thread) == ("Nov 24 10:11:12", "ftd-1", "50792 51982")
    assert (said.cause, said.number) == (Cause.EXPIRED, 10)
    assert (said.address, said.uuid, said.begins, said.is_up) == ("", "", False, False)


@pytest.mark.parametrize(
    ("head", "stamp"),
    [
        pytest.param("2026-11-24T10:11:12+00:00", "2026-11-24T10:11:12+00:00", id="ISO 8601"),
        pytest.param("2026-11-24T10:11:12.123456Z", "2026-11-24T10:11:12.123456Z", id="fractions"),
    ],
)
def test_a_stamp_of_another_form_is_kept_as_it_is(head: str, stamp: str) -> None:
    said = _parse(f"{head} ftd-1 SF-IMS[7]: sftunneld:sf_ssl [ERROR] err 10:certificate has e")
    assert (said.stamp, said.host, said.number) == (stamp, "ftd-1", 10)


@pytest.mark.parametrize(
    ("text", "cause", "number"),
    [
        pytest.param("[ERROR] err 10:certificate has e", Cause.EXPIRED, 10, id="expired, cut off"),
        pytest.param("[ERROR] err 9:certificate is not yet valid", Cause.NOT_YET_VALID, 9, id="9"),
        pytest.param("[ERROR] err 7:certificate signature failure", Cause.WRONG_CA, 7, id="7"),
        pytest.param("[ERROR] err 18:self signed certificate", Cause.WRONG_CA, 18, id="18"),
        pytest.param("[ERROR] err 19:self-signed ...", Cause.WRONG_CA, 19, id="19"),
        pytest.param("[ERROR] err 20:unable to get ...", Cause.WRONG_CA, 20, id="20"),
        pytest.param("[ERROR] err 21:unable to verify ...", Cause.WRONG_CA, 21, id="21"),
        pytest.param("[ERROR] err 26:unsuitable ...", Cause.PURPOSE, 26, id="26"),
        pytest.param(
            "[ERROR] err 68:CA signature digest algorithm too weak", Cause.WEAK_DIGEST, 68, id="68"
        ),
        pytest.param("[ERROR] err 79:invalid CA certificate", Cause.OTHER_VERIFY, 79, id="79"),
        pytest.param("[ERROR] err 999:what", Cause.OTHER_VERIFY, 999, id="a number of nobody"),
        pytest.param(
            "[ERROR] SSL_connect to peer 10.1.1.1: err 10:certificate has expired",
            Cause.EXPIRED,
            10,
            id="a number in mid-sentence, about a certificate",
        ),
        pytest.param(
            "[ERROR] depth=1 verify error: 19 self-signed certificate in certificate chain",
            Cause.WRONG_CA,
            19,
            id="a verify error in mid-sentence",
        ),
        pytest.param(
            "[ERROR] certificate verify failed: CA signature digest algorithm too weak",
            Cause.WEAK_DIGEST,
            68,
            id="OpenSSL's text without a number",
        ),
        pytest.param(
            "[WARN] SSL Verification status: certificate has expired.",
            Cause.EXPIRED,
            10,
            id="a full stop behind it",
        ),
        pytest.param(
            "[ERROR] err 111:Connection refused",
            Cause.UNREACHABLE,
            None,
            id="a number of the operating system",
        ),
        pytest.param(
            "[ERROR] read: Connection reset by peer", Cause.HANDSHAKE, None, id="it hung up"
        ),
        pytest.param("[INFO] err 0:ok", None, None, id="no error"),
        pytest.param("[INFO] read 10 err 10 times", None, None, id="err in mid-sentence"),
        pytest.param(
            "[WARN] SSL Verification status: certificate is not yet valid",
            Cause.NOT_YET_VALID,
            9,
            id="the status of a verification in words",
        ),
        pytest.param("[INFO] SSL Verification status: ok", None, None, id="a status that is fine"),
        pytest.param("[WARN] SSL Verification status: ce", None, None, id="a status that is cut"),
        pytest.param(
            "[ERROR] Unable to set Post Handshake Auth SSL context: "
            "SSL_verify_client_post_handshake:extension not received",
            Cause.TLS13_MISMATCH,
            None,
            id="TLS 1.3: no certificate after the handshake",
        ),
        pytest.param(
            "[ERROR] Failed to reload credentials", Cause.TLS13_MISMATCH, None, id="TLS 1.3, next"
        ),
        pytest.param(
            "[ERROR] SSL_renegotiate error: 1: error:SSL routines::sslv3 alert certificate expired",
            Cause.EXPIRED,
            None,
            id="the other side says expired",
        ),
        pytest.param(
            "[ERROR] SSL_renegotiate error: 1: error:...:tlsv1 alert unknown ca:rec_layer_s3.c:1",
            Cause.WRONG_CA,
            None,
            id="the other side does not know the CA",
        ),
        pytest.param(
            "[ERROR] SSL_renegotiate error: 1: error:...:tlsv1 alert decrypt error",
            Cause.HANDSHAKE,
            None,
            id="an alert that may mean several things",
        ),
        pytest.param("[INFO] health alert certificate expired soon", None, None, id="no TLS alert"),
        pytest.param(
            "[ERROR] SSL_renegotiate error: 1: x509 ...:key values mismatch",
            Cause.KEY_MISMATCH,
            None,
            id="a mixed trio",
        ),
        pytest.param(
            "[ERROR] Connect:SSL handshake fail", Cause.HANDSHAKE, None, id="cut off, too"
        ),
        pytest.param(
            "[ERROR] establishSSLConnection: Unab", Cause.HANDSHAKE, None, id="the FMC's side"
        ),
        pytest.param(
            "[ERROR] Connect to 10.1.2.3 failed on port 8305 socket 11 (Connection refused)",
            Cause.UNREACHABLE,
            None,
            id="refused",
        ),
        pytest.param("[ERROR] connect: No route to host", Cause.UNREACHABLE, None, id="no route"),
        pytest.param("[ERROR] Connection timed out", Cause.UNREACHABLE, None, id="timed out"),
        pytest.param("[WARN] rpc request timed out", None, None, id="another timeout"),
        pytest.param(
            "[WARN] Both control and event channel connections with peer went down",
            Cause.DOWN,
            None,
            id="went down",
        ),
        pytest.param("[INFO] Opened file '/var/sf/x'", None, None, id="other work"),
    ],
)
def test_what_a_line_complains_of(text: str, cause: Cause | None, number: int | None) -> None:
    said = _parse(log(text))
    assert (said.cause, said.number) == (cause, number)


@pytest.mark.parametrize(
    ("text", "address", "uuid"),
    [
        pytest.param("Initiating IPv4 connection to 10.1.2.3:8305/tcp", "10.1.2.3", "", id="port"),
        pytest.param("Wait to connect to 8305 (IPv4): 10.1.2.3", "10.1.2.3", "", id="after IPv4"),
        pytest.param(
            "Connected to 10.1.2.3 from resolved_ip 10.1.2.3 (port 8305) (IPv4)",
            "10.1.2.3",
            "",
            id="connected",
        ),
        pytest.param("Connected to 2001:DB8::0:7 from x", "2001:db8::7", "", id="IPv6, shortened"),
        pytest.param("connect to [fe80::1]:8305", "fe80::1", "", id="IPv6 in brackets"),
        pytest.param("Connection to peer 'fmc.example.com' lost", "fmc.example.com", "", id="name"),
        pytest.param(f"Peer {DEVICE.upper()} needs re-connect", "", DEVICE, id="UUID in capitals"),
        pytest.param("Peer edge-4 needs re-connect", "edge-4", "", id="a short name"),
        pytest.param(
            f"subject = /CN=localhost/title={DEVICE}/O=Cisco", "", DEVICE, id="its certificate"
        ),
        pytest.param(
            f"issuer = /title=InternalCA/CN={FMC}/O=Cisco", "", "", id="the CA may be one's own"
        ),
        pytest.param("Connected to 999.1.2.3 now", "", "", id="no address"),
        pytest.param("up to 10:11:12 or 8305", "", "", id="a time"),
        pytest.param("connections with peer went down", "", "", id="just the word"),
    ],
)
def test_whom_a_line_names(text: str, address: str, uuid: str) -> None:
    said = _parse(log(f"[INFO] {text}"))
    assert (said.address, said.uuid) == (address, uuid)


@pytest.mark.parametrize(
    "line",
    [
        pytest.param(
            "Nov 24 10:11:12 h SF-IMS[1]: [2] SFData:x [ERROR] err 10:no", id="a neighbour"
        ),
        pytest.param("Nov 24 10:11:12 h sudo: COMMAND=/bin/grep sftunneld err 10:", id="a command"),
        pytest.param("Nov 24 10:11:12 h x: sftunnel_status.pl err 10:", id="the status command"),
        pytest.param("root@fmc:~# grep 'sftunneld:sf_ssl [ERROR] err 10:' messages", id="a grep"),
        pytest.param("", id="nothing"),
        pytest.param("sftunnel", id="the word"),
    ],
)
def test_what_only_looks_like_a_line_is_none(line: str) -> None:
    assert parse_line(line.encode()) is None


@pytest.mark.parametrize(
    "prefix",
    [
        pytest.param("", id="none"),
        pytest.param("/ngfw/var/log/messages:", id="a file name from grep"),
        pytest.param("\ufeff", id="a byte order mark"),
        pytest.param("x" * 500, id="the rest of a line that a crash cut off"),
    ],
)
def test_what_stands_before_a_line_does_no_harm(prefix: str) -> None:
    said = _parse(prefix + log("[ERROR] err 10:certificate has expired"))
    assert (said.stamp, said.number) == ("Nov 24 10:11:12", 10)
    assert said.line.startswith("Nov 24")


def test_the_misread_name_and_single_digit_days_are_taken() -> None:
    line = log("[ERROR] err 10:x", at="Sep  2 04:10:47").replace("sftunneld", "sftunneId")
    assert (_parse(line).stamp, _parse(line).number) == ("Sep  2 04:10:47", 10)


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        pytest.param(
            "\tPeer channel Channel-A is valid type (CONTROL), using 'eth0', connected to "
            "'10.10.17.202' via '10.10.17.222'",
            ("10.10.17.202", "", True, None),
            id="a control channel: up",
        ),
        pytest.param(
            "Peer channel Channel-B is valid type (EVENT), using 'eth0', connected to '10.1.1.1'",
            ("10.1.1.1", "", False, None),
            id="an event channel alone: not up",
        ),
        pytest.param(
            "Connection to peer '10.10.17.202' Attempted at Mon Jun 15 09:21:57 2020 UTC",
            ("10.10.17.202", "Mon Jun 15 09:21:57 2020 UTC", False, Cause.DOWN),
            id="attempted: down",
        ),
        pytest.param(
            "Last disconnect reason : Both control and event channel connections with peer went "
            "down",
            ("", "", False, Cause.DOWN),
            id="a reason that is none",
        ),
        pytest.param(
            "Last disconnect reason : certificate has expired",
            ("", "", False, Cause.EXPIRED),
            id="a reason",
        ),
        pytest.param("RPC status :Failed", ("", "", False, Cause.NO_ANSWER), id="no answer"),
        pytest.param("Registration: Completed.", ("", "", False, None), id="registered: nothing"),
        pytest.param("PEER:10.10.17.202", ("10.10.17.202", "", False, None), id="a head"),
        pytest.param(
            "**RPC STATUS****10.1.1.1*************", ("10.1.1.1", "", False, None), id="a long head"
        ),
    ],
)
def test_lines_of_status_output(line: str, wanted: tuple[str, str, bool, Cause | None]) -> None:
    said = _parse(line)
    assert (said.address, said.stamp, said.is_up, said.cause) == wanted
    assert said.thread == STATUS


def test_every_line_that_says_something_has_a_needle() -> None:
    lines = [
        log("[ERROR] err 10:x"),
        "Registration: Completed.",
        "PEER:1.1.1.1",
        "RPC status :Failed",
    ]
    assert all(any(needle in line.encode() for needle in NEEDLES) for line in lines)


@pytest.mark.parametrize(
    "filler",
    [
        "peer ",
        "to a.",
        "sftunneld:",
        "Peer channel A is valid type (CONTROL)",
        "PEER:",
        ":",
        "\udcff",
    ],
)
def test_a_hostile_line_takes_no_time(filler: str) -> None:
    text = (filler * 8192)[:8192]
    start = time.process_time()
    for line in (text, log(f"[ERROR] {text}")):
        parse_line(line.encode("utf-8", "surrogateescape"))
    assert time.process_time() - start < 2
