"""How a fleet reads: as a table, as CSV, as JSON."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sftunnel_builder.errors import printable
from sftunnel_builder.fleet import Fleet, FleetDevice, State
from sftunnel_builder.standing import CODE, WORST_FIRST, counts

_HEAD = ("device", "state", "when (device's clock)", "tunnel", "known by", "valid until")
_CSV_HEAD = (
    *("device", "uuid", "address", "bundle", "state", "when", "tunnel", "known by", "exit"),
    *("valid until", "is expiring"),
)
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What makes a spreadsheet run a cell; OWASP, CSV injection."""
_NAME = 40


def table(fleet: Fleet) -> list[str]:
    """Return a line a device under a head, the worst first, and behind it the summary."""
    devices = sorted(fleet.devices, key=lambda d: (WORST_FIRST.index(d.state), d.name, d.uuid))
    rows = [_HEAD, *map(_row, devices, _names(devices))]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEAD))]
    lines = [
        "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    return [*lines, "", summary(fleet)]


def summary(fleet: Fleet) -> str:
    """Return one line such as `12 devices: 1 failed, 11 done`."""
    told = [f"{number} {state}" for state, number in counts(fleet).items() if number]
    expiring = sum(device.is_expiring for device in fleet.devices)
    number = len(fleet.devices)
    line = f"{number} device{'' if number == 1 else 's'}: {', '.join(reversed(told))}"
    return f"{line}; {expiring} expiring" if expiring else line


def _names(devices: Sequence[FleetDevice]) -> list[str]:
    """Return how each device is called, such as `fw-1`, or `fw-1 (6bf1143a)` where two are."""
    names = [printable(device.name, _NAME) for device in devices]
    uses = Counter(names)
    return [
        f"{name} ({device.uuid[:8]})" if uses[name] > 1 else name
        for name, device in zip(names, devices, strict=True)
    ]


def _row(device: FleetDevice, name: str) -> tuple[str, ...]:
    state = str(device.state)
    # `no tunnel yet` says by itself that it is exit 8.
    if device.exit_code not in (None, 0) and device.state != State.UNCONFIRMED:
        state = f"{state} (exit {device.exit_code})"
    return (
        name,
        state,
        _iso(device.seen) or "-",
        device.tunnel or "-",
        "telephone" if device.how == CODE else device.how or "-",
        f"{device.not_after:%Y-%m-%d}{' EXPIRING' if device.is_expiring else ''}",
    )


def as_csv(fleet: Fleet) -> str:
    """Return a line a device in the kit's order, after a head; lines end in CR LF (RFC 4180).

    A cell that a spreadsheet would run as a formula has a single quote before it.
    """
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(_CSV_HEAD)
    for device in fleet.devices:
        cells: Sequence[str] = (
            *(printable(device.name), device.uuid, printable(device.address), device.bundle),
            *(str(device.state), _iso(device.seen), device.tunnel, device.how),
            "" if device.exit_code is None else str(device.exit_code),
            *(_iso(device.not_after), "yes" if device.is_expiring else "no"),
        )
        writer.writerow([f"'{cell}" if cell.startswith(_FORMULA) else cell for cell in cells])
    return out.getvalue()


def as_json(fleet: Fleet) -> dict[str, Any]:
    """Return the fleet for a program: times `YYYY-MM-DDTHH:MM:SSZ`, null where unknown."""
    return {
        "kit": fleet.kit_name,
        "created": _iso(fleet.created),
        "signer": fleet.signer,
        "counts": {str(state): number for state, number in counts(fleet).items()},
        "devices": [
            {
                "name": device.name,
                "uuid": device.uuid,
                "address": device.address,
                "bundle": device.bundle,
                "bundle_sha256": device.bundle_sha256,
                "fmc_uuids": list(device.fmc_uuids),
                "state": str(device.state),
                "seen": _iso(device.seen) or None,
                "known_by": device.how or None,
                "tunnel": device.tunnel or None,
                "exit": device.exit_code,
                "not_after": _iso(device.not_after),
                "is_expiring": device.is_expiring,
            }
            for device in fleet.devices
        ],
    }


def _iso(moment: datetime | None) -> str:
    return f"{moment.replace(tzinfo=None).isoformat()}Z" if moment else ""
