"""Lines of sftunnel's log and of its status commands, for the tests that read logs."""

from __future__ import annotations

DEVICE = "c8d5d5c6-87c9-11ef-a993-b9831565bc4e"
FMC = "cdb123c8-4347-11ef-aca1-f3aa241412a1"
PEER = "10.10.200.31"
EXPIRED = "[ERROR] err 10:certificate has expired"
HANDSHAKE = "[ERROR] Connect:SSL handshake failed"


def log(text: str, at: str = "Nov 24 10:11:12", thread: int = 51982, host: str = "ftd-1") -> str:
    """Return a line of the log; text begins with the level."""
    return f"{at} {host} SF-IMS[50792]: [{thread}] sftunneld:sf_ssl {text}\n"


def initiating(peer: str = PEER, at: str = "Nov 24 10:11:12", **more: int) -> str:
    """Return the line with which an attempt to connect begins."""
    return log(f"[INFO] Initiating IPv4 connection to {peer}:8305/tcp", at, **more)


def established(peer: str = PEER, at: str = "Nov 24 10:11:12") -> str:
    """Return the line of a connection that came up."""
    return log(f"[INFO] Established connection to sftunnel for peer {peer}", at, 4)


_CHANNELS = "".join(
    f"\tPeer channel Channel-{name} is valid type ({kind}), using 'eth0', "
    "connected to '10.10.200.31' via '10.10.17.222'\n"
    for name, kind in (("A", "CONTROL"), ("B", "EVENT"))
)
STATUS_UP = f"""SFTUNNEL Status

**RUN STATUS****10.10.200.31*************
\tRegistration: Completed.
\tIPv4 Connection to peer '10.10.200.31' Start Time: Wed Jun 10 14:27:12 2020 UTC
PEER INFO:
{_CHANNELS}"""

BRIEF_DOWN = """PEER:10.10.17.202
Registration: Completed.
Connection to peer '10.10.17.202' Attempted at Mon Jun 15 09:21:57 2020 UTC
Last disconnect time : Mon Jun 15 09:19:09 2020 UTC
Last disconnect reason : Both control and event channel connections with peer went down
"""
