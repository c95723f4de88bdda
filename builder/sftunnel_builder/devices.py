"""Which devices get a bundle, and where on the FMCs their files are. Decided from what was read."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from sftunnel_builder.errors import printable
from sftunnel_builder.failed_push import UUID_PATTERN, FailedPush, PushProblem, PushRecord
from sftunnel_builder.fmc_tree import CA_PATH, PEERS_PATH, FmcTree
from sftunnel_builder.trio import TRIO_NAMES
from sftunnel_builder.words import _

_TARGET = re.compile(rf"(?:/ngfw)?/var/sf/peers/({UUID_PATTERN})/([^/]+)")


@dataclass(frozen=True)
class Manager:
    """One FMC: its tree, its UUID (its CA's common name), and the run that made what it holds."""

    tree: FmcTree
    uuid: str
    run_id: int


@dataclass(frozen=True, slots=True)
class Device:
    """A device that must get new files from one or more FMCs."""

    uuid: str
    name: str
    """As the FMC has it, made printable."""
    address: str
    managers: tuple[Manager, ...]

    def source(self, name: str) -> str:
        """Return where on an FMC the device's file of the trio is."""
        return CA_PATH if name == "cacert.pem" else pushed_path(self.uuid, name)


@dataclass(frozen=True)
class Refusal:
    """A device that gets no bundle, and why."""

    uuid: str
    name: str
    message: str
    hint: str


@dataclass(slots=True)
class _Claim:
    """What the records of one device on one FMC have said so far."""

    first: PushRecord
    names: set[str] = field(default_factory=set)
    faults: list[str] = field(default_factory=list)


def pushed_path(device_uuid: str, name: str) -> str:
    """Return where generate_certs.pl leaves a device's new file on the FMC."""
    return f"{PEERS_PATH}/{device_uuid}/certs_pushed/{name}"


def devices_of_failed_push(
    pushed: FailedPush, place: str, managers: Sequence[Manager]
) -> tuple[list[Device], list[Refusal]]:
    """Return the devices that FAILED_PUSH lists completely, and those that it does not.

    place is what to call the file in messages; managers are the FMCs whose trees are at hand. A
    record belongs to the FMC in its destination path.
    """
    claims: dict[tuple[str, str], _Claim] = {}
    devices: dict[str, Device] = {}
    refusals: dict[str, Refusal] = {}
    for record in pushed.records:
        fmc_uuid, name, fault = _check_record(record)
        claim = claims.setdefault((record.device_uuid, fmc_uuid), _Claim(record))
        if fault:
            claim.faults.append(
                _("{place} line {line}: {fault}").format(place=place, line=record.line, fault=fault)
            )
        else:
            claim.names.add(name)
    by_device: dict[str | None, list[_Claim]] = {}
    for (uuid, _fmc), claim in claims.items():
        by_device.setdefault(uuid, []).append(claim)
    for problem in pushed.problems:
        _claim_problem(by_device.get(problem.device_uuid, []), problem, place, refusals)
    by_uuid = {manager.uuid: manager for manager in managers}
    for (uuid, fmc_uuid), claim in claims.items():
        refusal = _judge(claim, fmc_uuid, by_uuid, place)
        if refusal:
            # What is wrong says more than what is missing because of it.
            if claim.faults or uuid not in refusals:
                refusals[uuid] = refusal
        elif uuid in devices:
            known = devices[uuid]
            devices[uuid] = replace(known, managers=(*known.managers, by_uuid[fmc_uuid]))
        else:
            name, address = printable(claim.first.device_name), printable(claim.first.address)
            devices[uuid] = Device(uuid, name, address, (by_uuid[fmc_uuid],))
    return [d for d in devices.values() if d.uuid not in refusals], list(refusals.values())


def _check_record(record: PushRecord) -> tuple[str, str, str | None]:
    """Return a record's FMC UUID and file name, and what is wrong with it, if anything."""
    target = _TARGET.fullmatch(record.target)
    if not target or target[2] not in TRIO_NAMES:
        return (
            "",
            "",
            _("the destination is not a file of a trio: '{found}'").format(
                found=printable(record.target)
            ),
        )
    fmc_uuid, name = target[1].lower(), target[2]
    wanted = CA_PATH if name == "cacert.pem" else pushed_path(record.device_uuid, name)
    source = posixpath.normpath(record.source) if ".." not in record.source else record.source
    if source != wanted:
        return (
            fmc_uuid,
            name,
            _("wanted source '{wanted}', found '{found}'").format(
                wanted=wanted, found=printable(record.source)
            ),
        )
    return fmc_uuid, name, None


def _claim_problem(
    mine: Sequence[_Claim],
    problem: PushProblem,
    place: str,
    refusals: dict[str, Refusal],
) -> None:
    """Put an unusable line to the claims of the device that it names, or report it by itself."""
    text = _("{place} line {line}: {fault}").format(
        place=place, line=problem.line, fault=problem.text
    )
    for claim in mine:
        claim.faults.append(text)
    if not mine:
        uuid = problem.device_uuid or ""
        name = printable(problem.device_name or uuid or _("line {line}").format(line=problem.line))
        refusals[uuid or text] = Refusal(uuid, name, text, _("copy FAILED_PUSH again, as a file"))


def _judge(
    claim: _Claim, fmc_uuid: str, managers: dict[str, Manager], place: str
) -> Refusal | None:
    """Return why a device's records for one FMC are not enough, or None (check 13 of `trio`)."""
    first = claim.first
    missing = [name for name in TRIO_NAMES if name not in claim.names]
    hint = _("copy FAILED_PUSH again, as a file, or build that device with --all-devices --only")
    if claim.faults and missing and fmc_uuid:
        message = _("{fault}; missing: {missing}").format(
            fault=claim.faults[0], missing=", ".join(missing)
        )
    elif claim.faults:
        message = claim.faults[0]
    elif missing:
        message = _("{place} line {line}: incomplete; missing: {missing}").format(
            place=place, line=first.line, missing=", ".join(missing)
        )
    elif fmc_uuid not in managers:
        known = ", ".join(f"'{uuid}'" for uuid in managers)
        message = _("{place} line {line}: wanted FMC '{wanted}', the tree is of {known}").format(
            place=place, line=first.line, wanted=fmc_uuid, known=known
        )
        hint = _("name the tree of that FMC with --fmc-tree, too")
    else:
        return None
    return Refusal(first.device_uuid, printable(first.device_name), message, hint)


def devices_with_pushed_files(managers: Iterable[Manager]) -> list[Device]:
    """Return every device for which generate_certs.pl made files, pushed or not.

    The trees do not say a device's name in a documented place, so that it is its UUID.
    """
    devices: dict[str, Device] = {}
    for manager in managers:
        for uuid in manager.tree.peer_uuids():
            if not re.fullmatch(UUID_PATTERN, uuid):
                continue
            if not manager.tree.has(pushed_path(uuid, "sftunnel-cert.pem")):
                continue
            known = devices.get(uuid, Device(uuid, uuid, "", ()))
            devices[uuid] = replace(known, managers=(*known.managers, manager))
    return list(devices.values())


def matches(device: Device | Refusal, wanted: str) -> bool:
    """Tell whether --only means this device: by name, UUID or address."""
    address = device.address if isinstance(device, Device) else ""
    return wanted in {device.name, address} or wanted.lower() == device.uuid
