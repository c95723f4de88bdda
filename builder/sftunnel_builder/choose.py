"""Which devices get a bundle: what was asked for, and what the FMC trees say.

Files of one generate_certs.pl run are never mixed with those of another: the run is that of the
FAILED_PUSH in use, and it must be the one that made the CA (check 12 of `trio`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from sftunnel_builder.bundle import bundle_name
from sftunnel_builder.devices import (
    Device,
    Manager,
    Refusal,
    devices_of_failed_push,
    devices_with_pushed_files,
    matches,
)
from sftunnel_builder.devices_csv import CsvDevice, read_devices_csv
from sftunnel_builder.errors import BundlerError, ExitCode, printable
from sftunnel_builder.failed_push import parse_failed_push
from sftunnel_builder.fmc_tree import FmcTree, failed_push_path, open_fmc_tree
from sftunnel_builder.runs import failed_pushes, manager_of, refuse_twins
from sftunnel_builder.words import _


@dataclass(frozen=True)
class Wanted:
    """What was asked for."""

    fmc_trees: tuple[Path, ...]
    """Directories or snapshots; the primary FMC of an HA pair first."""
    failed_push: Path | None = None
    all_devices: bool = False
    only: tuple[str, ...] = ()
    devices_csv: Path | None = None


@dataclass(frozen=True)
class LeftOut:
    """A device that gets no bundle, as it was not asked for or is not known."""

    name: str
    uuid: str
    """Empty if it is not known."""
    why: str


@dataclass
class Choice:
    """Which devices get a bundle, and what there is to say of the others."""

    devices: list[Device] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def choose_devices(wanted: Wanted) -> Choice:
    """Return the devices to build, those refused already, and what was left out.

    Raises BundlerError when a tree is none, when there is no FAILED_PUSH, when --only fits
    nothing, or when a line of --devices is not clear.
    """
    trees = [open_fmc_tree(path) for path in wanted.fmc_trees]
    refuse_twins(trees)
    choice = _pushed_devices(trees) if wanted.all_devices else _failed_devices(trees, wanted)
    if wanted.devices_csv:
        _keep_listed(choice, read_devices_csv(wanted.devices_csv), wanted.devices_csv)
    if wanted.only:
        _keep_only(choice, wanted.only)
    _refuse_name_clashes(choice)
    uuids = {manager.uuid for device in choice.devices for manager in device.managers}
    choice.notes += [
        _("'{name}' is an FMC: its bundle is to be installed there").format(name=device.name)
        for device in choice.devices
        if device.uuid in uuids
    ]
    choice.notes += [note for tree in trees for note in tree.notes()]
    return choice


def _pushed_devices(trees: Sequence[FmcTree]) -> Choice:
    """Return every device with files in certs_pushed/, by the names that any FAILED_PUSH has."""
    managers = [manager_of(tree, None) for tree in trees]
    devices = devices_with_pushed_files(managers)
    if not devices:
        raise BundlerError(
            _("no device in the tree has files in certs_pushed/"),
            _("run generate_certs.pl on the FMC first"),
        )
    known = {
        record.device_uuid: record
        for tree in trees
        for run_id in tree.run_ids()
        if tree.has(failed_push_path(run_id))
        for record in parse_failed_push(tree.read(failed_push_path(run_id))).records
    }
    for at, device in enumerate(devices):
        if record := known.get(device.uuid):
            name, address = printable(record.device_name), printable(record.address)
            devices[at] = replace(device, name=name, address=address)
    return Choice(devices)


def _failed_devices(trees: Sequence[FmcTree], wanted: Wanted) -> Choice:
    """Return the devices of the file named, or else of the newest FAILED_PUSH of each tree."""
    devices: dict[str, Device] = {}
    refused: dict[str, Refusal] = {}
    notes: list[str] = []
    managers: dict[str, Manager] = {}
    for place, pushed, about in failed_pushes(trees, wanted.failed_push):
        managers |= {manager.uuid: manager for manager in about}
        found, faulty = devices_of_failed_push(pushed, place, about)
        if not found and not any(refusal.uuid for refusal in faulty):
            raise BundlerError(
                _("'{place}' lists no device").format(place=place),
                _("is this the right file? --all-devices builds for every device"),
            )
        for device in found:
            known = devices.get(device.uuid)
            if known:
                device = replace(known, managers=known.managers + device.managers)
            devices[device.uuid] = device
        refused.update({refusal.uuid or refusal.message: refusal for refusal in faulty})
        for manager in about:
            older = [str(run) for run in manager.tree.run_ids() if run < manager.run_id]
            if older:
                notes.append(
                    _("run '{run}' is used; older, left out: {older}").format(
                        run=manager.run_id, older=", ".join(older)
                    )
                )
    listed = [d for d in devices.values() if d.uuid not in refused]
    others = [
        LeftOut(
            device.name, device.uuid, _("not in FAILED_PUSH; --all-devices builds for these, too")
        )
        for device in devices_with_pushed_files(managers.values())
        if device.uuid not in devices and device.uuid not in refused
    ]
    return Choice(listed, list(refused.values()), others, notes)


def _keep_listed(choice: Choice, rows: Sequence[CsvDevice], path: Path) -> None:
    """Keep the devices that a devices.csv names; of it, nothing but line numbers is ever shown."""
    place = printable(str(path))
    known: list[Device | Refusal] = [*choice.devices, *choice.refused]
    uuids: set[str] = set()
    missing: list[LeftOut] = []
    for row in rows:
        by_name = {each.uuid for each in known if row.name and matches(each, row.name)}
        # A name that differs in case only may contradict an address, but means no device by itself.
        nearly = {each.uuid for each in known if row.name.lower() == each.name.lower()}
        by_address = {each.uuid for each in known if row.address and matches(each, row.address)}
        found = by_name & by_address or by_name or by_address
        if by_address and (by_name or nearly) and not by_address & (by_name | nearly):
            raise BundlerError(
                _("'{place}' line {line}: the name is one device's, the address another's").format(
                    place=place, line=row.line
                ),
                _("mend the line, or name the devices with --only UUID"),
            )
        if len(found) > 1:
            raise BundlerError(
                _("'{place}' line {line}: fits several devices").format(place=place, line=row.line),
                _("give name and address, or name the devices with --only UUID"),
            )
        if not found:
            # What stands there may be anything, a password in the wrong column, too.
            missing.append(
                LeftOut(
                    _("line {line}").format(line=row.line),
                    "",
                    _("in '{place}', not known here").format(place=place),
                )
            )
        uuids |= found
    if not uuids:
        raise BundlerError(
            _("'{place}' names none of the devices to build").format(place=place),
            _("are the names or addresses those that FAILED_PUSH has"),
        )
    _keep(choice, uuids, _("not named in '{place}'").format(place=place))
    choice.left_out += missing


def _keep_only(choice: Choice, only: Sequence[str]) -> None:
    """Keep the devices that --only means."""
    known: list[Device | Refusal] = [*choice.devices, *choice.refused]
    uuids: set[str] = set()
    for wanted in only:
        found = {each.uuid for each in known if wanted and matches(each, wanted)}
        if not found:
            raise BundlerError(
                _("--only '{wanted}' fits no device").format(wanted=printable(wanted)),
                _("give a name, UUID or address as FAILED_PUSH has it"),
                ExitCode.USAGE,
            )
        if len(found) > 1:
            raise BundlerError(
                _("--only '{wanted}' fits several devices: {found}").format(
                    wanted=printable(wanted), found=", ".join(sorted(found))
                ),
                _("give the UUID of the one that you mean"),
                ExitCode.USAGE,
            )
        uuids |= found
    _keep(choice, uuids, _("not named with --only"))


def _keep(choice: Choice, uuids: set[str], why: str) -> None:
    """Keep the devices with those UUIDs; the others, refused or not, are left out."""
    others: list[Device | Refusal] = [*choice.devices, *choice.refused]
    choice.left_out += [
        LeftOut(each.name, each.uuid, why) for each in others if each.uuid not in uuids
    ]
    choice.devices = [each for each in choice.devices if each.uuid in uuids]
    choice.refused = [each for each in choice.refused if each.uuid in uuids]


def _refuse_name_clashes(choice: Choice) -> None:
    """Refuse a device whose bundle would have the name of another's (FAT32 knows no case)."""
    taken: dict[str, str] = {}
    kept: list[Device] = []
    for device in choice.devices:
        other = taken.setdefault(bundle_name(device.name, device.uuid).lower(), device.uuid)
        if other == device.uuid:
            kept.append(device)
            continue
        message = _("its bundle would have the same name as that of device '{other}'").format(
            other=other
        )
        hint = _("build the two into two kits, with --only UUID")
        choice.refused.append(Refusal(device.uuid, device.name, message, hint))
    choice.devices = kept
