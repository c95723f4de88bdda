"""What one line says: of sftunnel's log, or of saved output of its status commands.

A line of the log (tech note 222464; in its Spanish copy the daemon is `sftunneId`):
`Mon DD HH:MM:SS host SF-IMS[pid]: [thread] sftunneld:sf_ssl [LEVEL] text`, without year and zone.
`err N:` is the number of an OpenSSL verify error. Other texts: release 7.6 on TLS 1.3 and
`Peer ... needs re-connect` (community.cisco.com, post 5354338); `err 68:CA signature digest
algorithm too weak` (CSCwa10423); `Established connection to sftunnel for peer` (integrate.uk.com,
"FTD registration with FMC"). Status output: Cisco's "Troubleshoot Management Connectivity on a
Data Interface", and tech note 225502 for `RPC status :Failed`. Reasons of the operating system are
those of strerror(3).
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from functools import lru_cache

from sftunnel_builder.causes import Cause, cause_of_alert, cause_of_verify_error
from sftunnel_builder.failed_push import UUID_PATTERN
from sftunnel_builder.verify_errors import verify_error_in, verify_error_name

NEEDLES = (
    b"sftunne",
    b"Peer channel",
    b"Connection to peer",
    b"Last disconnect reason",
    b"RPC STATUS",
    b"RPC status",
    b"RUN STATUS",
    b"PEER:",
    b"Registration: ",
)
"""A line without any of these says nothing here: it need not be looked at."""

STATUS = "status"
"""In place of a thread, for lines of status output."""

_HEAD = re.compile(
    r"(?:(?P<stamp>[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d"
    r"|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[\d.Z:+-]{0,16}) (?P<host>\S{1,255})"
    r" SF-IMS\[(?P<process>\d{1,10})\]: (?:\[(?P<thread>\d{1,10})\] )?|^\s*)"
    r"sftunne[lI]d?:\w+ \[\w+\] ?(?P<text>.*)",
    re.ASCII,
)
_HOST = r"(?:[A-Za-z0-9_-]+\.)+[A-Za-z0-9_-]*[A-Za-z_-][A-Za-z0-9_-]*"
_NUMERIC = r"\d{1,3}(?:\.\d{1,3}){3}|[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7}(?:[0-9.]*)"
_PEER = re.compile(
    rf"\b(?:peer|to|from|IPv[46]\):) ['\[]?({UUID_PATTERN}|{_NUMERIC})(?!\.?[\w-])", re.I
)
_NAMED_PEER = re.compile(
    rf"\b(?:peer|connect(?:ed|ion)? to) '?({_HOST})(?!\.?[\w-])"
    r"|\bpeer '([^'\s]{1,255})'|\bPeer (\S{1,255}) needs ",
    re.I,
)
_SUBJECT = re.compile(rf"^subject = .*?\btitle=({UUID_PATTERN})\b")
_ERR = re.compile(r"^\W*err (\d{1,3})\b|\bverify error:num=(\d{1,3})\b")
# In the middle of a text the number may be one of the operating system's: it counts only where the
# text is about a certificate.
_ERR_WITHIN = re.compile(r"\berr[ :=]{1,3}(\d{1,3})\b(?!\.)|\bverify error[ :=]{1,3}(\d{1,3})\b")
_ABOUT_CERTIFICATE = re.compile(r"certificat|verif(?:y|ication)|digest algorithm|issuer", re.I)
_ALERT = re.compile(r"(?:sslv3|tlsv1\d?|ssl/tls) alert ([a-z]+(?: [a-z]+)?)")
_TLS13 = re.compile(r"SSL_verify_client_post_handshake|Failed to reload credentials")
_HANDSHAKE = re.compile(
    r"SSL handshake fail|SSL_renegotiate error|certificate verify failed|Connection reset by peer"
    r"|establish(?:SSLConnection|ConnectionUtil): (?:Fail|Unab)"
)
_UNREACHABLE = re.compile(
    r"Connection refused|\bconnect(?:ion)?\b.*\b(?:timed out|timeout)|Connection timed out"
    r"|No route to host|Network is unreachable|Host is down",
    re.I,
)
_BEGINS = re.compile(r"^Initiat(?:e|ing) IPv[46] connection")
_UP = re.compile(r"^Established connection to sftunnel for peer\b")
_WENT_DOWN = "Both control and event channel connections with peer went down"

_CHANNEL = re.compile(r"\bPeer channel \S+ is valid type \((\w+)\).*?connected to '([^']{0,255})'")
_ATTEMPTED = re.compile(
    r"\bConnection to peer '([^']{0,255})' Attempted at ?([A-Z][a-z]{2} [\w: ]{10,30})?"
)
_REASON = re.compile(r"\bLast disconnect reason *: *(.*)")
_BLOCK = re.compile(r"^\s*(?:PEER: ?|\*+R(?:UN|PC) STATUS\*+)([^\s*]{1,255})")
_RPC_FAILED = re.compile(r"^\s*RPC status *: *Failed")
_REGISTERED = re.compile(r"^\s*Registration: ")


@dataclass(frozen=True, slots=True)
class Said:
    """What one line of sftunnel says."""

    line: str
    """As it was read, not printable."""
    stamp: str = ""
    """When, as the line has it; empty where it does not say."""
    host: str = ""
    """Which appliance logged it; empty for status output."""
    thread: str = ""
    """What ties lines together: process and thread, STATUS, or nothing."""
    address: str = ""
    """The peer's address, or the name that it is called by; empty if the line does not name it."""
    uuid: str = ""
    begins: bool = False
    """An attempt to connect begins here."""
    is_up: bool = False
    """There is a connection at this moment."""
    cause: Cause | None = None
    number: int | None = None
    """Of the verify error (X509_V_ERR), if the cause is one."""


def parse_line(data: bytes) -> Said | None:
    """Return what a line says; None if it is not one of sftunnel. Never raises."""
    line = data.decode("utf-8", "replace")
    head = _HEAD.search(line)
    if head is None:
        return _parse_status(line)
    text = head["text"]
    cause, number = _cause(text)
    address, uuid = _peer(text)
    return Said(
        line=line[head.start() :].strip(),
        stamp=head["stamp"] or "",
        host=head["host"] or "",
        thread=f"{head['process']} {head['thread'] or ''}" if head["process"] else "",
        address=address,
        uuid=uuid,
        begins=_BEGINS.match(text) is not None,
        is_up=_UP.match(text) is not None,
        cause=cause,
        number=number,
    )


@lru_cache(maxsize=1024)
def _cause(text: str) -> tuple[Cause | None, int | None]:
    """Return what a text complains of, the most telling first, and its verify error."""
    found = _ERR.search(text)
    number = int(found[1] or found[2]) if found else None
    if number is None and _ABOUT_CERTIFICATE.search(text):
        within = _ERR_WITHIN.search(text)
        number = int(within[1] or within[2]) if within else None
    if number is not None and verify_error_name(number) is None and _UNREACHABLE.search(text):
        return Cause.UNREACHABLE, None  # The number is one of the operating system's.
    if number is None:
        number = verify_error_in(text)
    if number:
        return cause_of_verify_error(number), number
    if _TLS13.search(text):
        return Cause.TLS13_MISMATCH, None
    alert = _ALERT.search(text)
    if alert:
        return cause_of_alert(alert[1]), None
    if "key values mismatch" in text:
        return Cause.KEY_MISMATCH, None
    if _UNREACHABLE.search(text):
        return Cause.UNREACHABLE, None
    if _HANDSHAKE.search(text):
        return Cause.HANDSHAKE, None
    return (Cause.DOWN, None) if _WENT_DOWN in text else (None, None)


@lru_cache(maxsize=1024)
def _peer(text: str) -> tuple[str, str]:
    """Return the address (or name) and the UUID by which a text names the peer, or empty ones.

    The subject is that of the certificate that the peer showed; the title of a device's or an FMC's
    own certificate is its UUID.
    """
    subject = _SUBJECT.match(text)
    if subject:
        return "", subject[1].lower()
    for found in _PEER.finditer(text):
        address, uuid = _sorted_name(found[1])
        if address or uuid:
            return address, uuid
    named = _NAMED_PEER.search(text)
    return _sorted_name(named[1] or named[2] or named[3]) if named else ("", "")


@lru_cache(maxsize=1024)
def _sorted_name(name: str) -> tuple[str, str]:
    """Return a peer's name as (address or name, UUID), one of them empty; both if it is none."""
    name = name.strip("'\"")
    if re.fullmatch(UUID_PATTERN, name):
        return "", name.lower()
    try:
        return str(ipaddress.ip_address(name)), ""
    except ValueError:
        is_other_number = ":" in name or re.fullmatch(r"[\d.]+", name) is not None
        return ("" if is_other_number else name), ""


def _parse_status(line: str) -> Said | None:
    """Return what a line of status output says; None if it is none.

    `Registration: Completed.` is printed with and without a tunnel, so that it says nothing.
    """
    said = line.strip()
    channel = _CHANNEL.search(line)
    if channel:
        address, uuid = _sorted_name(channel[2])
        return Said(said, "", "", STATUS, address, uuid, is_up=channel[1] == "CONTROL")
    attempted = _ATTEMPTED.search(line)
    if attempted:
        address, uuid = _sorted_name(attempted[1])
        return Said(said, (attempted[2] or "").strip(), "", STATUS, address, uuid, cause=Cause.DOWN)
    block = _BLOCK.match(line)
    if block:
        address, uuid = _sorted_name(block[1])
        return Said(said, "", "", STATUS, address, uuid, begins=True)
    reason = _REASON.search(line)
    if reason:
        cause, number = _cause(reason[1])
        cause = cause or Cause.DOWN
        return Said(said, thread=STATUS, cause=cause, number=number)
    if _RPC_FAILED.match(line):
        return Said(said, thread=STATUS, cause=Cause.NO_ANSWER)
    return Said(said, thread=STATUS) if _REGISTERED.match(line) else None
