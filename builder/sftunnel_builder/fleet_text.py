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
from sftunnel_builder.standing import CODE, RECEIPT, WORST_FIRST, counts
from sftunnel_builder.words import N_, _, ngettext

_HEAD = (
    *(N_("device"), N_("state"), N_("when (device's clock)")),
    *(N_("tunnel"), N_("known by"), N_("valid until")),
)
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
    rows = [tuple(map(_, _HEAD)), *map(_row, devices, _names(devices))]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEAD))]
    lines = [
        "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    return [*lines, "", summary(fleet)]


def summary(fleet: Fleet) -> str:
    """Return one line such as `12 devices: 1 failed, 11 done`."""
    told = [_told(number, state) for state, number in counts(fleet).items() if number]
    expiring = sum(device.is_expiring for device in fleet.devices)
    number = len(fleet.devices)
    line = ngettext("{count} device: {told}", "{count} devices: {told}", number).format(
        count=number, told=", ".join(reversed(told))
    )
    if not expiring:
        return line
    ending = ngettext("{count} expiring", "{count} expiring", expiring).format(count=expiring)
    return f"{line}; {ending}"


def _told(number: int, state: State) -> str:
    """Say how many devices are in a state."""
    return {
        State.PENDING: ngettext("{count} pending", "{count} pending", number),
        State.DONE: ngettext("{count} done", "{count} done", number),
        State.UNCONFIRMED: ngettext("{count} no tunnel yet", "{count} no tunnel yet", number),
        State.ROLLED_BACK: ngettext("{count} rolled back", "{count} rolled back", number),
        State.FAILED: ngettext("{count} failed", "{count} failed", number),
    }[state].format(count=number)


def _names(devices: Sequence[FleetDevice]) -> list[str]:
    """Return how each device is called, such as `fw-1`, or `fw-1 (6bf1143a)` where two are."""
    names = [printable(device.name, _NAME) for device in devices]
    uses = Counter(names)
    return [
        f"{name} ({device.uuid[:8]})" if uses[name] > 1 else name
        for name, device in zip(names, devices, strict=True)
    ]


def _row(device: FleetDevice, name: str) -> tuple[str, ...]:
    state = _(str(device.state))
    # `no tunnel yet` says by itself that it is exit 8.
    if device.exit_code not in (None, 0) and device.state != State.UNCONFIRMED:
        state = _("{state} (exit {code})").format(state=state, code=device.exit_code)
    end = f"{device.not_after:%Y-%m-%d}"
    return (
        name,
        state,
        _iso(device.seen) or "-",
        device.tunnel or "-",
        {CODE: _("telephone"), RECEIPT: _("receipt")}.get(device.how, "-"),
        _("{date} EXPIRING").format(date=end) if device.is_expiring else end,
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
