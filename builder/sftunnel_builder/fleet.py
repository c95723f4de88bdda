"""The fleet of a kit: its devices, and what is known of each."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sftunnel_builder.words import N_


class State(StrEnum):
    """How far a device is."""

    PENDING = N_("pending")
    DONE = N_("done")
    UNCONFIRMED = N_("no tunnel yet")
    """Installed, but sftunnel or its tunnel was not seen to come up (exit 8)."""
    ROLLED_BACK = N_("rolled back")
    FAILED = N_("failed")


@dataclass(frozen=True, slots=True)
class FleetDevice:
    """A device of a kit, and what the newest word from it says."""

    uuid: str
    name: str
    address: str
    bundle: str
    """Its file name without .tar.gz."""
    bundle_sha256: str
    fmc_uuids: tuple[str, ...]
    not_after: datetime
    """When the first of its new certificates expires, UTC."""
    state: State = State.PENDING
    seen: datetime | None = None
    """When that run ended, by the device's clock, UTC."""
    how: str = ""
    """What it is known from: `receipt` or `code`."""
    tunnel: str = ""
    exit_code: int | None = None
    is_expiring: bool = False


@dataclass(frozen=True)
class Fleet:
    """The devices of a kit, in its order."""

    devices: tuple[FleetDevice, ...]
    created: datetime
    signer: str
    """Fingerprint, 64 hex digits."""
    kit_name: str
    lang: str
