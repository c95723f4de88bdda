"""A stick as `usb` writes it, and start.sh run from it."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from rehearsal import Firewall, Made, snapshot
from sftunnel_builder.usb import UsbRequest, copy_kit
from signers import files

TMP = Path("/tmp")  # noqa: S108
"""Where start.sh unpacks for check and status."""


def write_stick(made: Made, place: Path) -> Path:
    """Write a kit to a new directory, as usb does."""
    place.mkdir()
    request = UsbRequest(made.kit, place, False, False, {made.report.signer})
    copy_kit(request, lambda _what: lambda names, _total: names)
    return place


def on_device(wall: Firewall) -> dict[str, tuple[int, int, bytes]]:
    """Return all that is on a device, but the time that a removed state directory leaves."""
    seen = snapshot(wall.root)
    mode, _, content = seen["ngfw/var/sf"]
    return {**seen, "ngfw/var/sf": (mode, 0, content)}


def start(wall: Firewall, stick: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run start.sh from a stick with just these words."""
    return wall.run(*words, script=stick / "start.sh")


def started(wall: Firewall, stick: Path, *more: str) -> subprocess.CompletedProcess[str]:
    """Run an unattended install by start.sh; sftunnel is left alone, to be quick."""
    return start(wall, stick, *wall.options("--no-restart", *more))


def refused(wall: Firewall, stick: Path, code: int, *words: str) -> str:
    """State that start.sh refuses and that nothing on device and stick is changed; its message."""
    before, on_stick = on_device(wall), files(stick)
    done = start(wall, stick, *words) if words else started(wall, stick)
    assert done.returncode == code, done.stdout + done.stderr
    error, hint = done.stderr.splitlines()[-2:]
    assert error.startswith("error: ")
    assert hint.startswith("hint: ")
    assert re.fullmatch(r"[ -~]+", error)
    assert on_device(wall) == before
    assert files(stick) == on_stick
    nothing_left(wall)
    return error


def nothing_left(wall: Firewall) -> None:
    """State that start.sh has cleaned up."""
    assert not list(wall.state.glob("sftunnel-start.*"))
    left = [place for place in TMP.glob("sftunnel-start.[0-9]*") if place.is_dir()]
    assert not [place for place in left if not _is_alive(place)]


def _is_alive(place: Path) -> bool:
    """Tell whether the start.sh of a directory in /tmp, perhaps of another test, is at work."""
    return Path(f"/proc/{place.name.rpartition('.')[2]}").exists()
