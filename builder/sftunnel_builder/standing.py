"""How it stands with each device of a kit, by what it has said. Decided without disk.

The newest receipt of a device counts. The number of its backup says which that is: it grows with
every run that changes a device, while a clock may jump, as after a power cut. Of runs with the same
backup a recover is the later one, as it finishes or undoes the other; recovers are in the order in
which they ended. Where the clock says otherwise, a note says so: whoever removed the directory with
the backups has let the numbers begin anew. A confirmation code says less than any receipt, and
counts only where there is none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from sftunnel_builder.codes import Run
from sftunnel_builder.fleet import Fleet, FleetDevice, State
from sftunnel_builder.words import _

if TYPE_CHECKING:
    from sftunnel_builder.receipt import Receipt

RECEIPT, CODE = "receipt", "code"
"""How a state is known."""
_OK, _NO_TUNNEL = 0, 8
"""Exit codes of install.sh with which what was asked for is in place."""


WORST_FIRST = (
    State.FAILED,
    State.ROLLED_BACK,
    State.UNCONFIRMED,
    State.PENDING,
    State.DONE,
)


def counts(fleet: Fleet) -> dict[State, int]:
    """Return how many devices are in each state, all states, the worst first."""
    return {state: sum(d.state == state for d in fleet.devices) for state in WORST_FIRST}


def is_done(fleet: Fleet) -> bool:
    """Tell whether every device is done."""
    return all(device.state == State.DONE for device in fleet.devices)


def with_receipts(
    device: FleetDevice, receipts: Sequence[Receipt], runs: Sequence[Run], brings: str
) -> FleetDevice:
    """Return a device with what its verified receipts say, or else the last of its codes.

    receipts and runs (of codes) are in the order in which they came in; brings is the SHA-256 of
    the trio lines that the bundle brings.
    """
    if receipts:
        last = newest(receipts)
        return replace(
            device,
            state=_state(last, brings),
            seen=last.ended,
            how=RECEIPT,
            tunnel=last.tunnel,
            exit_code=last.exit_code,
        )
    if runs:
        state = _state_of_code(runs[-1])
        return replace(device, state=state, how=CODE, exit_code=runs[-1].exit_code)
    return device


def newest(receipts: Sequence[Receipt]) -> Receipt:
    """Return the receipt of the last run on a device; of equal ones the one that came in last."""
    return max(
        reversed(receipts),
        key=lambda receipt: (receipt.backup_number, receipt.verb == "recover", receipt.ended),
    )


def clock_doubts(fleet: Fleet, receipts: Mapping[str, Sequence[Receipt]]) -> list[str]:
    """Say where another receipt than the one that counts is the last by the device's clock.

    receipts are by device UUID.
    """
    said = []
    for device in fleet.devices:
        known = receipts.get(device.uuid)
        if not known:
            continue
        last = newest(known)
        other = max(known, key=lambda receipt: receipt.ended)
        if other.ended > last.ended and other.backup != last.backup:
            said.append(
                _(
                    "'{name}': by its clock the last run is not the {verb} of backup '{backup}', "
                    "which counts, but the {other_verb} of backup '{other}': look at the device, "
                    "with sh install.sh status, if its clock is right or its backups were removed"
                ).format(
                    name=device.name,
                    verb=last.verb,
                    backup=last.backup,
                    other_verb=other.verb,
                    other=other.backup,
                )
            )
    return said


def _state(receipt: Receipt, brings: str) -> State:
    """Return what a receipt says: done is only who has what the bundle brings."""
    if receipt.exit_code not in (_OK, _NO_TUNNEL):
        return State.FAILED
    if receipt.after == brings:
        return State.DONE if receipt.exit_code == _OK else State.UNCONFIRMED
    # A recover that ended well with other files has put the old ones back.
    return State.ROLLED_BACK if receipt.verb in ("rollback", "recover") else State.FAILED


def _state_of_code(run: Run) -> State:
    """Return what a code says, which does not tell what lies on the device."""
    if run.exit_code not in (_OK, _NO_TUNNEL):
        return State.FAILED
    if run.verb == "install":
        return State.DONE if run.exit_code == _OK else State.UNCONFIRMED
    # After a recover the old or the new files are there: only the receipt says which.
    return State.ROLLED_BACK if run.verb == "rollback" else State.PENDING


def with_expiry(device: FleetDevice, now: datetime, warn_days: int) -> FleetDevice:
    """Return a device that is expiring if its certificates end within so many days."""
    # In seconds, as so many days may be more than a timedelta holds.
    is_expiring = (device.not_after - now).total_seconds() <= warn_days * 86400
    return replace(device, is_expiring=is_expiring)


def contradictions(
    fleet: Fleet, later_runs: Mapping[str, Run], last: Mapping[str, Receipt]
) -> list[str]:
    """Say where a code that came in after the last receipt tells of another run than that.

    Both are by device UUID.
    """
    said = []
    for device in fleet.devices:
        run, receipt = later_runs.get(device.uuid), last.get(device.uuid)
        if run is None or receipt is None:
            continue
        verb = "install" if receipt.verb == "activate" else receipt.verb
        if (run.verb, run.exit_code) != (verb, receipt.exit_code):
            said.append(
                _(
                    "'{name}': the code says {verb} and exit {code}, its receipt {receipt_verb} "
                    "and exit {receipt_code}: the receipt counts until a newer one is here"
                ).format(
                    name=device.name,
                    verb=run.verb,
                    code=run.exit_code,
                    receipt_verb=verb,
                    receipt_code=receipt.exit_code,
                )
            )
    return said
