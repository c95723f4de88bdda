"""From what devices say to how the change stands: read, verify, keep, judge.

1. the kit is whole, as `open_kit` says, and signed by whom the operator named, if anybody was named
2. every receipt and code that was handed in is verified against it; one that is refused does not
   stop the others
3. what is new is appended to the ledger beside the kit
4. all that the ledger has says how it stands with each device
5. what was handed in changes the page beside the ledger, too
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sftunnel_builder.codes import CODES, Run, find_run, read_codes
from sftunnel_builder.errors import BundlerError, ExitCode, printable
from sftunnel_builder.fleet import Fleet
from sftunnel_builder.kit import INDEX, fleet_device
from sftunnel_builder.ledger import (
    CodeEntry,
    Entry,
    Proofs,
    open_ledger,
    plain_code,
    read_ledger,
    receipts_directory,
)
from sftunnel_builder.open_kit import OpenedKit, open_kit, refuse_other_signer
from sftunnel_builder.progress_page import language_of, write_progress_page
from sftunnel_builder.receipt import (
    Expected,
    Receipt,
    expected_of,
    parse_receipt,
    verify_receipt,
)
from sftunnel_builder.receipt_search import Candidate, find_receipts
from sftunnel_builder.standing import (
    clock_doubts,
    contradictions,
    newest,
    with_expiry,
    with_receipts,
)
from sftunnel_builder.words import _


@dataclass(frozen=True)
class AccountRequest:
    """What was handed in, for which kit."""

    kit: Path
    """Absolute, links resolved."""
    files: tuple[Path, ...]
    codes: tuple[str, ...]
    """As typed."""
    trusted: Set[str]
    """Fingerprints of who may have signed the kit; any if there is none."""
    warn_days: int


@dataclass(frozen=True)
class Account:
    """How the change stands, and what was refused on the way."""

    fleet: Fleet
    refused: tuple[BundlerError, ...]
    new_entries: int
    """Of the ledger."""
    notes: tuple[str, ...]
    page: Path | None
    """Of how the change stands, if it was written."""


def take_account(request: AccountRequest, now: datetime) -> Account:
    """Return how a change stands with what was handed in.

    Raises BundlerError when the kit or the ledger does not hold.
    """
    kit = _opened(request)  # 1
    names = {contents.conf.device_uuid: name for name, contents in kit.bundles.items()}
    devices = {uuid: expected_of(kit.bundles[name], name) for uuid, name in names.items()}
    proofs = Proofs(devices, read_codes(kit.files[CODES]))
    found, refused = _verified(request, proofs)  # 2
    directory = receipts_directory(request.kit)
    pending = Fleet(
        devices=tuple(
            fleet_device(contents, hashlib.sha256(kit.files[name]).hexdigest())
            for name, contents in kit.bundles.items()
        ),
        created=max(contents.conf.created for contents in kit.bundles.values()),
        signer=kit.signer or "",
        kit_name=request.kit.name,
        lang=language_of(kit.files.get(INDEX, b"")),
    )
    if not found:
        read = read_ledger(directory, proofs)
        fleet, doubts = _judged(pending, read.entries, devices, now, request.warn_days)  # 4
        return Account(fleet, tuple(refused), 0, (*read.notes, *doubts), None)
    # The page is written while nobody else has the ledger: of two runs the later one's stays.
    with open_ledger(directory, proofs) as ledger:
        entries = ledger.append(found)  # 3
        fleet, doubts = _judged(pending, entries, devices, now, request.warn_days)  # 4
        page = write_progress_page(directory, fleet, now)  # 5
        new = len(entries) - len(ledger.read.entries)
        return Account(fleet, tuple(refused), new, (*ledger.read.notes, *doubts), page)


def _opened(request: AccountRequest) -> OpenedKit:
    """Return the kit; raises BundlerError."""
    kit = open_kit(request.kit)
    if kit.signer is None:
        raise BundlerError(
            _("the kit '{kit}' is not signed, so that no device can have installed it").format(
                kit=printable(str(request.kit))
            ),
            _("name the signed one, which sftunnel-bundler sign has made"),
            ExitCode.UNTRUSTED,
        )
    refuse_other_signer(kit, request.trusted, _("compare both with the printed runbook"))
    return kit


def _verified(request: AccountRequest, proofs: Proofs) -> tuple[list[Entry], list[BundlerError]]:
    """Return what was handed in and holds, each once, and what was refused."""
    found: dict[str, Entry] = {}
    refused: list[BundlerError] = []
    for each in find_receipts(request.files):
        try:
            if isinstance(each, BundlerError):
                raise each
            receipt = _read(each, proofs.devices)
            found[receipt.text] = receipt
        except BundlerError as error:
            refused.append(error)
    for typed in request.codes:
        try:
            run = find_run(proofs.codes, typed)
            if run is None:
                raise BundlerError(
                    _("no device of this kit gives the code '{code}'").format(
                        code=printable(typed, 40)
                    ),
                    _("have it read out again, letter by letter, and look whether this is the kit"),
                    ExitCode.UNTRUSTED,
                )
            found[typed] = CodeEntry(plain_code(typed), run)
        except BundlerError as error:
            refused.append(error)
    return list(found.values()), refused


def _read(candidate: Candidate, devices: Mapping[str, Expected]) -> Receipt:
    """Return a verified receipt, in the first reading that holds; raises BundlerError."""
    errors: list[BundlerError] = []
    for reading in candidate.readings:
        try:
            receipt = parse_receipt(reading)
            verify_receipt(receipt, devices)
            return receipt
        except BundlerError as error:
            errors.append(error)
    raise errors[0].about(candidate.place)


def _judged(
    fleet: Fleet,
    entries: Sequence[Entry],
    expected: Mapping[str, Expected],
    now: datetime,
    warn_days: int,
) -> tuple[Fleet, list[str]]:
    """Return how it stands with each device, and what contradicts that."""
    receipts: dict[str, list[Receipt]] = {}
    runs: dict[str, list[Run]] = {}
    for entry in entries:
        if isinstance(entry, Receipt):
            receipts.setdefault(entry.device_uuid, []).append(entry)
        else:
            runs.setdefault(entry.run.device_uuid, []).append(entry.run)
    devices = tuple(
        with_expiry(
            with_receipts(
                device,
                receipts.get(device.uuid, ()),
                runs.get(device.uuid, ()),
                expected[device.uuid].brings(),
            ),
            now,
            warn_days,
        )
        for device in fleet.devices
    )
    judged = Fleet(devices, fleet.created, fleet.signer, fleet.kit_name, fleet.lang)
    last = {uuid: newest(each) for uuid, each in receipts.items()}
    later = _later_runs(entries, last)
    return judged, [*contradictions(judged, later, last), *clock_doubts(judged, receipts)]


def _later_runs(entries: Sequence[Entry], last: Mapping[str, Receipt]) -> dict[str, Run]:
    """Return the last code of each device that came in after the receipt which counts."""
    later: dict[str, Run] = {}
    for entry in entries:
        if isinstance(entry, CodeEntry):
            later[entry.run.device_uuid] = entry.run
        elif entry is last[entry.device_uuid]:
            later.pop(entry.device_uuid, None)
    return later
