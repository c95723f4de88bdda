"""From FMC trees to a kit: read, check, pack. One bad device does not stop the others."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from pathlib import Path

from sftunnel_builder.bundle import (
    Bundle,
    Contents,
    KeyLock,
    describe,
    make_contents,
    with_installer,
)
from sftunnel_builder.choose import LeftOut, Wanted, choose_devices
from sftunnel_builder.codes import code_lines
from sftunnel_builder.devices import Device, Refusal
from sftunnel_builder.errors import BundlerError, ExitCode, printable
from sftunnel_builder.kit import kit_files, new_kit, passphrase_path, publish, refuse_existing
from sftunnel_builder.passphrases import draw_passphrase, render_passphrases
from sftunnel_builder.private_key import ITERATIONS_CHOSEN, ITERATIONS_RANDOM
from sftunnel_builder.signer import Signer
from sftunnel_builder.trio import RUN_SLACK_S, TRIO_NAMES, TrioFiles, check_trio
from sftunnel_builder.words import Lang, _, speak, spoken

MIN_DEVICES_A_PROCESS = 16
"""Below this a second process costs more than it brings."""
DEVICES_A_ROUND = 512
"""So many are read ahead, however many there are."""


@dataclass(frozen=True)
class BuildRequest:
    """What is to be built."""

    wanted: Wanted
    out: Path
    signer: Signer | None
    """None: the kit is signed later, by `sign`."""
    created: datetime
    replace: bool = False
    plain_keys: bool = False
    passphrase: str | None = None
    """One for the whole kit, chosen by a person; None: a random one for each device."""
    jobs: int = 1
    lang: Lang = Lang.EN
    """Of the runbooks."""
    installer: bytes | None = None
    """The frozen sftunnel-installer, for each bundle."""


@dataclass(frozen=True)
class _Read:
    """A device's files, as read."""

    name: str
    uuid: str
    address: str
    trios: tuple[tuple[str, int, TrioFiles], ...]
    """FMC UUID, run id and files."""


@dataclass(frozen=True)
class Built:
    """A device whose bundle is ready to be signed."""

    contents: Contents
    codes: tuple[bytes, ...]
    """Its lines in the kit's file of confirmation codes."""
    passphrase: str | None
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class BuiltDevice:
    """What the report says of a bundle."""

    name: str
    uuid: str
    address: str
    fmc_uuids: tuple[str, ...]
    top: str
    """Of the bundle."""
    bundle_id: str
    sha256: str
    warnings: tuple[str, ...]
    is_signed: bool

    @property
    def bundle(self) -> str:
        """Return where in the kit the bundle is."""
        return kit_files(self.top, is_signed=self.is_signed)[0]


@dataclass(frozen=True)
class BuildReport:
    """What came of a build."""

    kit: Path | None
    """None when no device could be built, and so no kit was written."""
    signer: str | None
    """Fingerprint; None when the kit is not signed yet."""
    sums_sha256: str | None
    """Of the kit's SHA256SUMS."""
    created: datetime
    passphrases: Path | None
    built: tuple[BuiltDevice, ...]
    refused: tuple[Refusal, ...]
    left_out: tuple[LeftOut, ...]
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
            _("SOURCE_DATE_EPOCH: wanted seconds since 1970, found '{found}'").format(
                found=printable(epoch, 40)
            ),
            _("unset it, or set it to a whole number"),
            ExitCode.USAGE,
        )
    return datetime.fromtimestamp(int(epoch), UTC)


def build_kit(
    request: BuildRequest,
    watch: Callable[[Iterable[Built | Refusal], int], Iterable[Built | Refusal]],
) -> BuildReport:
    """Build a kit. watch is given the outcomes as they come and their number, to show progress."""
    refuse_existing(request.out, replace=request.replace)
    choice = choose_devices(request.wanted)
    refused = list(choice.refused)
    built: list[BuiltDevice] = []
    sums_sha256 = None
    passphrases: list[tuple[str, str, str]] = []
    with new_kit(request.out, request.signer, request.lang) as kit:
        for outcome in watch(_outcomes(choice.devices, request), len(choice.devices)):
            if isinstance(outcome, Refusal):
                refused.append(outcome)
                continue
            contents = outcome.contents
            if request.installer is not None:
                contents = with_installer(contents, request.installer)
            bundle = kit.add_bundle(contents)
            kit.add_codes(outcome.codes)
            is_signed = request.signer is not None
            built.append(_summary(outcome, contents, bundle, is_signed=is_signed))
            if outcome.passphrase and not request.passphrase:
                row = (built[-1].uuid, outcome.passphrase, built[-1].name)
                passphrases.append(row)
        if built:
            sums_sha256 = kit.seal()
            secret = render_passphrases(request.out.name, passphrases) if passphrases else None
            publish(kit, request.out, secret)
        else:
            kit.directory.rmdir()
    return BuildReport(
        kit=request.out if built else None,
        signer=request.signer.fingerprint() if request.signer else None,
        sums_sha256=sums_sha256,
        created=request.created,
        passphrases=passphrase_path(request.out) if passphrases else None,
        built=tuple(built),
        refused=tuple(refused),
        left_out=tuple(choice.left_out),
        notes=tuple(choice.notes),
    )


def _outcomes(devices: list[Device], request: BuildRequest) -> Iterator[Built | Refusal]:
    """Yield what a bundle holds or a refusal for each device, in order; the list is used up.

    Files are read in this process, which may have a snapshot in its memory. The signer stays here,
    too: what signs cannot be copied to others, and is asked one question at a time. So does the
    installer, which is the same for all.
    """
    work = partial(_build_device, request=replace(request, signer=None, installer=None))
    jobs = min(request.jobs, len(devices) // MIN_DEVICES_A_PROCESS + 1)
    if jobs == 1:
        yield from map(work, map(_read_device, _used_up(devices)))
        return
    with ProcessPoolExecutor(jobs, initializer=speak, initargs=(spoken(),)) as pool:
        left = _used_up(devices)
        while some := list(islice(left, DEVICES_A_ROUND)):
            yield from pool.map(work, map(_read_device, some), chunksize=MIN_DEVICES_A_PROCESS)


def _used_up(devices: list[Device]) -> Iterator[Device]:
    """Take the devices out of a list, the first first."""
    devices.reverse()
    while devices:
        yield devices.pop()


def _read_device(device: Device) -> _Read | Refusal:
    """Read the files of one device."""
    trios = []
    try:
        for manager in device.managers:
            paths = [device.source(name) for name in TRIO_NAMES]
            cacert, cert, key = (manager.tree.read(path) for path in paths)
            places = tuple(manager.tree.place(path) for path in paths)
            files = TrioFiles(cacert, cert, key, (places[0], places[1], places[2]))
            trios.append((manager.uuid, manager.run_id, files))
    except BundlerError as error:
        return Refusal(device.uuid, device.name, error.message, error.hint)
    return _Read(device.name, device.uuid, device.address, tuple(trios))


def _build_device(read: _Read | Refusal, request: BuildRequest) -> Built | Refusal:
    """Check the trios of one device, and lock its keys."""
    if isinstance(read, Refusal):
        return read
    trios = {}
    warnings: list[str] = []
    try:
        for fmc_uuid, run_id, files in read.trios:
            uuids = {"device_uuid": read.uuid, "fmc_uuid": fmc_uuid}
            checked = check_trio(files, **uuids, now=request.created)
            trios[fmc_uuid] = (run_id, checked)
            warnings += checked.warnings
            if run_id > checked.ca.not_before_utc.timestamp() + RUN_SLACK_S:
                warnings.append(
                    _("'{place}' is older than run '{run}'").format(
                        place=files.places[0], run=run_id
                    )
                )
    except BundlerError as error:
        return Refusal(read.uuid, read.name, error.message, error.hint)
    conf = describe((read.name, read.uuid, read.address), request.created, trios)
    lock = _key_lock(request)
    contents = make_contents(conf, {u: trio for u, (_, trio) in trios.items()}, lock)
    key = trios[conf.trios[0].fmc_uuid][1].files["sftunnel-key.pem"]
    codes = code_lines(key, conf.device_uuid, conf.bundle_id)
    return Built(contents, codes, lock.passphrase if lock else None, tuple(warnings))


def _key_lock(request: BuildRequest) -> KeyLock | None:
    """Return how to lock the next device's key."""
    if request.plain_keys:
        return None
    if request.passphrase is not None:
        return KeyLock(request.passphrase, ITERATIONS_CHOSEN)
    return KeyLock(draw_passphrase(), ITERATIONS_RANDOM)


def _summary(outcome: Built, contents: Contents, bundle: Bundle, *, is_signed: bool) -> BuiltDevice:
    """Return what the report needs; the bundle itself is on disk."""
    conf = contents.conf
    return BuiltDevice(
        name=conf.device_name,
        uuid=conf.device_uuid,
        address=conf.device_address,
        fmc_uuids=contents.fmc_uuids,
        top=contents.top,
        bundle_id=conf.bundle_id,
        sha256=bundle.sha256,
        warnings=outcome.warnings,
        is_signed=is_signed,
    )
