"""Made-up fleets and runbooks to show on a page, in every state and language."""

from __future__ import annotations

import hashlib
import uuid
from datetime import UTC, datetime, timedelta

from sftunnel_builder.bundle import bundle_name
from sftunnel_builder.bundle_conf import BundleConf, FmcTrio
from sftunnel_builder.fleet import Fleet, FleetDevice, State
from sftunnel_builder.runbook import Runbook
from sftunnel_builder.runbook_facts import Facts
from sftunnel_builder.trio import TRIO_NAMES
from sftunnel_builder.words import Lang, speaking

DEVICE = "c8d5d5c6-87c9-11ef-a993-b9831565bc4e"
FMC = "cdb123c8-4347-11ef-aca1-f3aa241412a1"
CREATED = datetime(2026, 11, 24, 22, tzinfo=UTC)
SIGNER = hashlib.sha256(b"a signer").hexdigest()
_EXITS = {
    State.DONE: 0,
    State.UNCONFIRMED: 8,
    State.ROLLED_BACK: 0,
    State.FAILED: 6,
}
_STATES = (*[State.DONE] * 6, *list(_EXITS)[1:], *[State.PENDING] * 3)
"""Of every twelve devices of a change that is half done."""


def make_fleet(count: int, *, is_half_done: bool = False, lang: str = "en") -> Fleet:
    """Return a fleet of so many devices, nothing installed yet or half of it."""
    devices = tuple(_make_device(number, is_half_done) for number in range(count))
    return Fleet(devices, CREATED, SIGNER, "kit-2026-11", lang)


def _make_device(number: int, is_half_done: bool) -> FleetDevice:
    device_uuid = str(uuid.UUID(bytes=hashlib.sha256(str(number).encode()).digest()[:16]))
    name = "Plant 4 <edge> & a long name" if number == 1 else f"BSNS-1120-{number + 1}"
    state = _STATES[number % len(_STATES)] if is_half_done else State.PENDING
    is_known = state is not State.PENDING
    return FleetDevice(
        uuid=device_uuid,
        name=name,
        address="" if number == 2 else f"10.48.{number // 250}.{number % 250 + 1}",
        bundle=f"sftunnel-BSNS-1120-{number + 1}-{device_uuid[:8]}",
        bundle_sha256=hashlib.sha256(device_uuid.encode()).hexdigest(),
        fmc_uuids=(FMC,),
        not_after=CREATED + timedelta(days=3650),
        state=state,
        seen=CREATED + timedelta(minutes=7 * number) if is_known and number % 5 else None,
        how=("receipt" if number % 5 else "code") if is_known else "",
        tunnel=("up" if state is State.DONE else "down") if is_known and number % 5 else "",
        exit_code=_EXITS.get(state),
        is_expiring=is_half_done and number == 4,
    )


def make_facts(name: str, *, is_locked: bool = True, sha256: str | None = None) -> Facts:
    """Return what the runbook of a device with two FMCs is made from."""
    trio = FmcTrio(FMC, 1728915794, dict.fromkeys(TRIO_NAMES, "0" * 64))
    conf = BundleConf(name, DEVICE, "10.48.67.54", CREATED, "0.1.0", (trio, trio)).with_id()
    end = CREATED + timedelta(days=3650)
    return Facts(conf, bundle_name(name, DEVICE), SIGNER, is_locked, end, "e" * 64, sha256)


def make_runbook(lang: Lang) -> bytes:
    """Return a device's runbook as a page."""
    with speaking(lang):
        return Runbook(make_facts("BSNS-1120-1", sha256="a" * 64)).page()
