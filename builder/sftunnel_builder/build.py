"""From FMC trees to a kit: read, check, pack. One bad device does not stop the others."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from sftunnel_builder.bundle import Bundle, KeyLock, bundle_name, describe, make_bundle
from sftunnel_builder.certificates import load_certificate
from sftunnel_builder.devices import (
    Device,
    Manager,
    Refusal,
    devices_of_failed_push,
    devices_with_pushed_files,
    matches,
)
from sftunnel_builder.errors import BundlerError, ExitCode, printable, reason
from sftunnel_builder.failed_push import parse_failed_push
from sftunnel_builder.fmc_tree import CA_PATH, FmcTree, open_fmc_tree
from sftunnel_builder.kit import new_kit, passphrase_path, publish, refuse_existing
from sftunnel_builder.passphrases import draw_passphrase, render_passphrases
from sftunnel_builder.private_key import ITERATIONS_CHOSEN, ITERATIONS_RANDOM
from sftunnel_builder.runbook import render_device_runbook
from sftunnel_builder.signer import Signer
from sftunnel_builder.trio import RUN_SLACK_S, TRIO_NAMES, TrioFiles, check_run, check_trio

MIN_DEVICES_A_PROCESS = 16
"""Below this a second process costs more than it brings."""


@dataclass(frozen=True)
class BuildRequest:
    """What is to be built."""

    fmc_trees: tuple[Path, ...]
    out: Path
    signer: Signer
    created: datetime
    failed_push: Path | None = None
    all_devices: bool = False
    only: tuple[str, ...] = ()
    replace: bool = False
    plain_keys: bool = False
    passphrase: str | None = None
    """One for the whole kit, chosen by a person; None: a random one for each device."""
    jobs: int = 1


@dataclass(frozen=True)
class Built:
    """A device that has a bundle now."""

    device: Device
    bundle: Bundle
    runbook: bytes
    passphrase: str | None
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class BuiltDevice:
    """What the report says of a bundle."""

    name: str
    uuid: str
    address: str
    fmc_uuids: tuple[str, ...]
    bundle: str
    bundle_id: str
    sha256: str
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class BuildReport:
    """What came of a build."""

    kit: Path | None
    """None when no device could be built, and so no kit was written."""
    signer: str
    created: datetime
    passphrases: Path | None
    built: tuple[BuiltDevice, ...]
    refused: tuple[Refusal, ...]
    notes: tuple[str, ...]

    @property
    def exit_code(self) -> ExitCode:
        """0 all built, 9 some refused, 3 nothing built."""
        if not self.built:
            return ExitCode.REFUSED
        return ExitCode.PART_DONE if self.refused else ExitCode.DONE


def build_time() -> datetime:
    """Return SOURCE_DATE_EPOCH, or else now, in whole seconds UTC; raises BundlerError."""
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    if epoch is None:
        return datetime.now(UTC).replace(microsecond=0)
    if not epoch.isascii() or not epoch.isdigit() or len(epoch) > 11:
        raise BundlerError(
            f"SOURCE_DATE_EPOCH: wanted seconds since 1970, found '{printable(epoch, 40)}'",
            "unset it, or set it to a whole number",
            ExitCode.USAGE,
        )
    return datetime.fromtimestamp(int(epoch), UTC)


def build_kit(
    request: BuildRequest,
    watch: Callable[[Iterable[Built | Refusal], int], Iterable[Built | Refusal]],
) -> BuildReport:
    """Build a kit. watch is given the outcomes as they come and their number, to show progress."""
    refuse_existing(request.out, replace=request.replace)
    devices, refused, notes = choose_devices(request)
    built: list[BuiltDevice] = []
    passphrases: list[tuple[str, str, str]] = []
    with new_kit(request.out) as kit:
        for outcome in watch(_outcomes(devices, request), len(devices)):
            if isinstance(outcome, Refusal):
                refused.append(outcome)
                continue
            kit.add_bundle(outcome.bundle, outcome.runbook)
            built.append(_summary(outcome))
            if outcome.passphrase and not request.passphrase:
                row = (outcome.device.uuid, outcome.passphrase, outcome.device.name)
                passphrases.append(row)
        if built:
            kit.seal(request.signer)
            secret = render_passphrases(request.out.name, passphrases) if passphrases else None
            publish(kit, request.out, secret)
        else:
            kit.directory.rmdir()
    return BuildReport(
        kit=request.out if built else None,
        signer=request.signer.fingerprint(),
        created=request.created,
        passphrases=passphrase_path(request.out) if passphrases else None,
        built=tuple(built),
        refused=tuple(refused),
        notes=tuple(notes),
    )


def choose_devices(request: BuildRequest) -> tuple[list[Device], list[Refusal], list[str]]:
    """Return the devices to build, those refused already, and what was left out.

    Raises BundlerError when a tree is none, when there is no FAILED_PUSH, or --only fits nothing.
    """
    trees = [open_fmc_tree(path) for path in request.fmc_trees]
    refused: list[Refusal] = []
    if request.all_devices:
        managers = [_manager(tree, None) for tree in trees]
        devices = devices_with_pushed_files(managers)
        if not devices:
            raise BundlerError(
                "no device in the tree has files in certs_pushed/",
                "run generate_certs.pl on the FMC first",
            )
    else:
        devices, refused = _read_failed_pushes(trees, request.failed_push)
    notes: list[str] = []
    known: list[Device | Refusal] = [*devices, *refused]
    for wanted in request.only:
        if not any(matches(each, wanted) for each in known):
            raise BundlerError(
                f"--only '{printable(wanted)}' fits no device",
                "give a name, UUID or address as FAILED_PUSH has it",
                ExitCode.USAGE,
            )
    if request.only:
        left_out = [d.name for d in devices if not any(matches(d, w) for w in request.only)]
        devices = [d for d in devices if any(matches(d, w) for w in request.only)]
        refused = [r for r in refused if any(matches(r, w) for w in request.only)]
        notes += [f"left out by --only: {', '.join(left_out)}"] if left_out else []
    return *_refuse_name_clashes(devices, refused), notes


def _read_failed_pushes(
    trees: Sequence[FmcTree], named: Path | None
) -> tuple[list[Device], list[Refusal]]:
    """Return the devices of the file named, or else of the newest FAILED_PUSH of each tree."""
    devices: dict[str, Device] = {}
    refused: dict[str, Refusal] = {}
    for place, data, managers in _failed_push_files(trees, named):
        found, faulty = devices_of_failed_push(parse_failed_push(data), place, managers)
        if not found and not any(refusal.uuid for refusal in faulty):
            raise BundlerError(
                f"'{place}' lists no device",
                "is this the right file? --all-devices builds for every device",
            )
        for device in found:
            known = devices.get(device.uuid)
            if known:
                device = replace(known, managers=known.managers + device.managers)
            devices[device.uuid] = device
        refused.update({refusal.uuid or refusal.message: refusal for refusal in faulty})
    return [d for d in devices.values() if d.uuid not in refused], list(refused.values())


def _failed_push_files(
    trees: Sequence[FmcTree], named: Path | None
) -> Iterator[tuple[str, bytes, list[Manager]]]:
    """Yield each FAILED_PUSH: what to call it, its contents, and the FMCs that it may be of."""
    if named is not None:
        try:
            data = named.read_bytes()
        except OSError as error:
            raise BundlerError(
                f"cannot read '{printable(str(named))}': {reason(error)}",
                "check the name given with --failed-push",
            ) from None
        run = named.resolve().parent.name
        run_id = int(run) if run.isascii() and run.isdigit() and len(run) <= 12 else None
        yield printable(str(named)), data, [_manager(tree, run_id) for tree in trees]
        return
    for tree in trees:
        path = tree.newest_failed_push()
        if path is None:
            raise BundlerError(
                f"there is no FAILED_PUSH in '{tree.place('/var/tmp/certs')}/*/'",  # noqa: S108
                "name it with --failed-push, or build for every device with --all-devices",
            )
        run_id = int(path.split("/")[-2])
        yield tree.place(path), tree.read(path), [_manager(tree, run_id)]


def _manager(tree: FmcTree, run_id: int | None) -> Manager:
    """Return the FMC of a tree; run_id is that of its FAILED_PUSH, if known.

    Raises BundlerError when the CA names no FMC, or was made by a later run than run_id.
    """
    place = tree.place(CA_PATH)
    ca = load_certificate(tree.read(CA_PATH), place)
    if not ca.common_name:
        raise BundlerError(
            f"'{place}' has no common name, which should be the UUID of the FMC",
            "is this the FMC's internal CA",
        )
    run = check_run(ca, place, run_id, tree.run_ids())
    return Manager(tree, ca.common_name.lower(), run)


def _refuse_name_clashes(
    devices: Sequence[Device], refused: Sequence[Refusal]
) -> tuple[list[Device], list[Refusal]]:
    """Refuse a device whose bundle would have the name of another's (FAT32 knows no case)."""
    taken: dict[str, str] = {}
    kept: list[Device] = []
    clashing = list(refused)
    for device in devices:
        other = taken.setdefault(bundle_name(device.name, device.uuid).lower(), device.uuid)
        if other == device.uuid:
            kept.append(device)
            continue
        message = f"its bundle would have the same name as that of device '{other}'"
        hint = "build the two into two kits, with --only UUID"
        clashing.append(Refusal(device.uuid, device.name, message, hint))
    return kept, clashing


def _outcomes(devices: Sequence[Device], request: BuildRequest) -> Iterator[Built | Refusal]:
    """Yield a bundle or a refusal for each device, in order."""
    jobs = min(request.jobs, len(devices) // MIN_DEVICES_A_PROCESS + 1)
    if jobs == 1:
        yield from (_build_device(device, request) for device in devices)
        return
    from cryptography.hazmat.primitives import serialization as s

    key = request.signer.key.private_bytes(s.Encoding.DER, s.PrivateFormat.PKCS8, s.NoEncryption())
    # The key object cannot be pickled: its bytes go to the workers through a pipe.
    bare = replace(request, signer=None)  # type: ignore[arg-type]
    with ProcessPoolExecutor(jobs, initializer=_begin_worker, initargs=(bare, key)) as pool:
        yield from pool.map(_work, devices, chunksize=MIN_DEVICES_A_PROCESS)


_worker_request: BuildRequest


def _begin_worker(bare: BuildRequest, key: bytes) -> None:
    """Give a worker process its request."""
    from cryptography.hazmat.primitives.serialization import load_der_private_key

    global _worker_request  # noqa: PLW0603  one request for a process's life
    signer = Signer(load_der_private_key(key, None))  # type: ignore[arg-type]
    _worker_request = replace(bare, signer=signer)


def _work(device: Device) -> Built | Refusal:
    return _build_device(device, _worker_request)


def _build_device(device: Device, request: BuildRequest) -> Built | Refusal:
    """Read, check and pack one device."""
    trios = {}
    warnings: list[str] = []
    try:
        for manager in device.managers:
            paths = [device.source(name) for name in TRIO_NAMES]
            cacert, cert, key = (manager.tree.read(path) for path in paths)
            places = tuple(manager.tree.place(path) for path in paths)
            checked = check_trio(
                TrioFiles(cacert, cert, key, (places[0], places[1], places[2])),
                device_uuid=device.uuid,
                fmc_uuid=manager.uuid,
                now=request.created,
            )
            trios[manager.uuid] = (manager.run_id, checked)
            warnings += checked.warnings
            if manager.run_id > checked.ca.not_before_utc.timestamp() + RUN_SLACK_S:
                warnings.append(f"'{places[0]}' is older than run '{manager.run_id}'")
    except BundlerError as error:
        return Refusal(device.uuid, device.name, error.message, error.hint)
    conf = describe((device.name, device.uuid, device.address), request.created, trios)
    lock = _key_lock(request)
    bundle = make_bundle(conf, {u: trio for u, (_, trio) in trios.items()}, request.signer, lock)
    runbook = render_device_runbook(
        conf,
        bundle.file_name.removesuffix(".tar.gz"),
        request.signer.fingerprint(),
        lock is not None,
        bundle.sha256(),
    )
    return Built(device, bundle, runbook, lock.passphrase if lock else None, tuple(warnings))


def _key_lock(request: BuildRequest) -> KeyLock | None:
    """Return how to lock the next device's key."""
    if request.plain_keys:
        return None
    if request.passphrase is not None:
        return KeyLock(request.passphrase, ITERATIONS_CHOSEN)
    return KeyLock(draw_passphrase(), ITERATIONS_RANDOM)


def _summary(outcome: Built) -> BuiltDevice:
    """Return what the report needs; the bundle itself is on disk."""
    device, bundle = outcome.device, outcome.bundle
    return BuiltDevice(
        name=device.name,
        uuid=device.uuid,
        address=device.address,
        fmc_uuids=tuple(manager.uuid for manager in device.managers),
        bundle=f"bundles/{bundle.file_name}",
        bundle_id=bundle.conf.bundle_id,
        sha256=bundle.sha256(),
        warnings=outcome.warnings,
    )
