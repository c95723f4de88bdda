"""One made-up firewall and its kit, for the sections that look at a bundle or install it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from rehearsal import Made, make_kit
from sftunnel_builder.lab import LabDevice, LabFmc


def make_one(place: Path) -> Made:
    """Make an FMC, a firewall whose push failed, and its kit with a locked key."""
    now = datetime.now(UTC)
    fmc = LabFmc.create(place / "fmc", now=now)
    device = LabDevice.create(place / "device", name="BSNS-1120-1", address="10.48.67.54")
    fmc.register(device)
    fmc.generate_certs(now=now)
    return make_kit(place, [fmc], [device], now)
