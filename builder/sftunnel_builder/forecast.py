"""What install.sh would do with a bundle on a device. Decided without disk or clock.

In the order of install.sh, whose contract is that nothing is written before all of this holds:

1. the bundle is for this device, which has a peer directory for each of its FMCs (exit 5)
2. all is there already: nothing to do
3. every trio holds (exit 3)
4. the bundle is not of an older run than the device has had, nor its CA older than the device's
   (exit 3, unless --allow-older)
5. nothing but plain files stands where the files go (exit 5)

What needs the device itself is not foretold: root, space, flags, pmtool, a run that is at work.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sftunnel_builder.errors import ExitCode
from sftunnel_builder.fmc_tree import PEERS_PATH
from sftunnel_builder.holding import CertificateFacts, HeldTrio, Holding
from sftunnel_builder.trio import TRIO_NAMES
from sftunnel_builder.words import _

ALLOW_OLDER = "--allow-older"
CACERT = TRIO_NAMES[0]


@dataclass(frozen=True)
class Objection:
    """Why install.sh would refuse, with the exit code, and the option that would overrule it."""

    message: str
    exit_code: ExitCode
    unless: str | None = None


@dataclass(frozen=True)
class Forecast:
    """What install.sh would do."""

    objections: tuple[Objection, ...]
    """In its order; it stops at the first."""
    targets: tuple[str, ...]
    """The files that it would put in place, by their paths on the device; if it did not refuse."""
    is_signer_pinned: bool
    """Whether the device knows the signer; if not, --signer must say it."""
    is_interrupted: bool
    """Whether it would first put right what an earlier run left, so that all may be otherwise."""

    @property
    def outcome(self) -> str:
        """Return `refuse`, `replace` or `nothing`: all is there already."""
        if self.objections:
            return "refuse"
        return "replace" if self.targets else "nothing"


def foretell(device: Holding, bundle: Holding, trio_fault: str | None) -> Forecast:
    """Return what install.sh would do; trio_fault is why a trio of the bundle does not hold."""
    objections = list(_of_device(device, bundle))  # 1
    targets: tuple[str, ...] = ()
    if objections or not _is_installed(device, bundle):  # 2
        targets = tuple(
            f"{PEERS_PATH}/{uuid}/{name}" for uuid in bundle.trios for name in TRIO_NAMES
        )
        if bundle.device_uuid == device.device_uuid:
            if trio_fault:  # 3
                message = _("a trio of the bundle does not hold: {why}").format(why=trio_fault)
                objections.append(Objection(message, ExitCode.REFUSED))
            for uuid, trio in bundle.trios.items():
                if uuid in device.trios:
                    objections += _of_age(uuid, device.trios[uuid], trio)  # 4
                    objections += _of_files(uuid, device.trios[uuid])  # 5
    is_pinned = bundle.bundle is not None and bundle.bundle.signer in device.pinned_signers
    return Forecast(tuple(objections), targets, is_pinned, device.is_interrupted)


def _of_device(device: Holding, bundle: Holding) -> Iterator[Objection]:
    if bundle.device_uuid != device.device_uuid:
        yield Objection(
            _("wrong device: the bundle is for '{name}', '{wanted}'; this is '{found}'").format(
                name=bundle.device_name, wanted=bundle.device_uuid, found=device.device_uuid
            ),
            ExitCode.UNSUITABLE,
        )
        return
    for uuid in bundle.trios:
        kind = device.trios[uuid].directory if uuid in device.trios else "nothing"
        if kind == "symbolic link":
            message = _("the peer directory of FMC '{uuid}' is a symbolic link").format(uuid=uuid)
            yield Objection(message, ExitCode.UNSUITABLE)
        elif kind != "directory":
            message = _("the device has no peer directory of FMC '{uuid}'").format(uuid=uuid)
            yield Objection(message, ExitCode.UNSUITABLE)


def _is_installed(device: Holding, bundle: Holding) -> bool:
    """Tell whether the device has each file with its contents, mode and owner."""
    for uuid, trio in bundle.trios.items():
        for name, wanted in trio.files.items():
            found = device.trios[uuid].files.get(name)
            if not found or (found.sha256, found.standing) != (wanted.sha256, wanted.standing):
                return False
    return True


def _of_age(uuid: str, had: HeldTrio, brought: HeldTrio) -> Iterator[Objection]:
    if (
        had.newest_run is not None
        and brought.run_id is not None
        and had.newest_run > brought.run_id
    ):
        yield Objection(
            _(
                "the bundle is of generate_certs.pl run '{run}', and the device has had run "
                "'{newest}' of FMC '{uuid}'"
            ).format(run=brought.run_id, newest=had.newest_run, uuid=uuid),
            ExitCode.REFUSED,
            ALLOW_OLDER,
        )
    old, new = (
        trio.files[CACERT].contents if CACERT in trio.files else None for trio in (had, brought)
    )
    if not isinstance(old, CertificateFacts) or not isinstance(new, CertificateFacts):
        return
    if old.not_before > new.not_before:
        yield Objection(
            _(
                "the device has a newer CA of FMC '{uuid}' than the bundle brings: made '{old}', "
                "the bundle's '{new}'"
            ).format(
                uuid=uuid,
                old=f"{old.not_before:%Y-%m-%dT%H:%M:%SZ}",
                new=f"{new.not_before:%Y-%m-%dT%H:%M:%SZ}",
            ),
            ExitCode.REFUSED,
            ALLOW_OLDER,
        )


def _of_files(uuid: str, had: HeldTrio) -> Iterator[Objection]:
    for name, file in had.files.items():
        if file.standing.kind != "file":
            yield Objection(
                _("'{peers}/{uuid}/{name}': wanted a plain file, found a {kind}").format(
                    peers=PEERS_PATH, uuid=uuid, name=name, kind=_(file.standing.kind)
                ),
                ExitCode.UNSUITABLE,
            )
