"""Where is this device's bundle? What lies there is read once, and never believed.

| place | what is taken |
| --- | --- |
| a .tar.gz | it, whatever device it is for |
| a directory with bundle.conf | the unpacked bundle, whatever device it is for |
| a kit, or a stick with one in sftunnel/ or, after a cut, in sftunnel.old/ | by its signed list |
| another directory | of its trusted sftunnel-*.tar.gz for this device the one made last |

Whether a single bundle is for this device is left to install.sh, which says so best.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sftunnel_builder.archive import MAX_ARCHIVE_BYTES
from sftunnel_builder.bundle import (
    SIGNATURE,
    SIGNER,
    SUMS,
    Contents,
    OpenedBundle,
    open_bundle,
    open_members,
)
from sftunnel_builder.child import STARTED_AS
from sftunnel_builder.errors import BundlerError, ExitCode, printable, reason
from sftunnel_builder.signer import fingerprint, is_signed_by
from sftunnel_builder.tree import open_plain_file
from sftunnel_installer.device import Device
from sftunnel_installer.talk import step
from sftunnel_installer.trust import Trust

CONF = "bundle.conf"
_KIT_IN_STICK = ("sftunnel", "sftunnel.old")
_LISTED = re.compile(r"^([0-9a-f]{64})  bundles/([A-Za-z0-9._-]+\.tar\.gz)$", re.MULTILINE)
_MAX_FILES = 1000
"""An unpacked bundle has a dozen."""
_CARRY = "copy it to the stick again, and compare its SHA-256 with the printed runbook"


@dataclass(frozen=True)
class Found:
    """The bundle that was found and is trusted."""

    opened: OpenedBundle
    place: Path
    """The .tar.gz, or the directory that it was unpacked to."""
    receipts: Path
    """Where whoever brought it looks for the receipt."""


def find_bundle(place: Path | None, device: Device, trust: Trust) -> Found:
    """Return this device's bundle; place is what the operator named, if anything.

    Raises BundlerError: USAGE when there is no such place, UNSUITABLE when it has no bundle for
    this device, UNTRUSTED when it is damaged or of somebody else.
    """
    if place is None or not place.is_absolute():
        _look_here()
    if place is None:
        place = _usual_place(device)
    place = Path(os.path.abspath(place))
    try:
        found = _find(place, device, trust)
    except OSError as error:
        raise BundlerError(
            f"cannot read '{printable(os.fspath(error.filename or place))}': {reason(error)}",
            "look at the stick, and at whether it is still mounted",
            ExitCode.UNSUITABLE,
        ) from None
    return found


def _look_here() -> None:
    """Raise BundlerError (UNSUITABLE) when the current directory was removed."""
    try:
        os.getcwd()
    except OSError:
        raise BundlerError(
            "the current directory is gone",
            "change to another with cd /, and name the bundle or the stick by its whole path",
            ExitCode.UNSUITABLE,
        ) from None


def _usual_place(device: Device) -> Path:
    """Return where to look if nothing was said; raises BundlerError (USAGE)."""
    # A frozen program is unpacked elsewhere: its launcher says under what name it was started.
    started_as = os.environ.get(STARTED_AS) or sys.argv[0]
    beside, here = Path(os.path.abspath(started_as)).parent, Path.cwd()
    for place in (beside, here):
        if _is_bundle(place) or _kit_in(place) or _names_for(place, device):
            return place
    raise BundlerError(
        f"there is no bundle for this device in '{printable(str(here))}', nor where this program "
        "stands",
        "name the bundle, the kit, or the directory where the stick is mounted",
        ExitCode.USAGE,
    )


def _find(place: Path, device: Device, trust: Trust) -> Found:
    if _is_bundle(place):
        contents = _open_unpacked(place)
        return _trusted(contents, place, _receipts_of(place), trust)
    if kit := _kit_in(place):
        return _in_kit(kit, device, trust)
    if place.is_dir():
        return _in_directory(place, device, trust)
    if not place.exists():
        raise BundlerError(
            f"there is no bundle and no directory '{printable(str(place))}'",
            "name the bundle, the kit, or the directory where the stick is mounted",
            ExitCode.USAGE,
        )
    return _trusted(_open(place), place, _receipts_of(place), trust)


def _receipts_of(place: Path) -> Path:
    """Return where the receipt of a bundle goes: beside it, or beside the kit that it lies in.

    Not into the kit, which would not be whole then.
    """
    real = Path(os.path.realpath(place.parent))
    for above in (real, *real.parents):
        if _is_kit(above):
            return above.parent
    return place.parent


def _is_bundle(place: Path) -> bool:
    """Tell whether a directory looks like an unpacked bundle."""
    return all((place / name).is_file() for name in (CONF, SUMS))


def _is_kit(place: Path) -> bool:
    """Tell whether a directory looks like a kit."""
    return (place / SUMS).is_file() and (place / "bundles").is_dir()


def _kit_in(place: Path) -> Path | None:
    """Return the kit that a directory is, or that the stick mounted there has."""
    for kit in (place / name for name in _KIT_IN_STICK):
        # What start.sh takes, whole or not, is taken here: never an older kit in place of it.
        if _is_kit(kit) or (kit.is_dir() and (place / "start.sh").is_file()):
            return kit
    if _is_kit(place):
        return place
    return None


def _names_for(place: Path, device: Device) -> Sequence[str]:
    """Return the names of the bundles in a directory that are this device's by their name."""
    name = re.compile(rf"sftunnel-[A-Za-z0-9._-]*-{device.uuid[:8]}\.tar\.gz")
    return sorted(each for each in os.listdir(place) if name.fullmatch(each))


def _in_kit(kit: Path, device: Device, trust: Trust) -> Found:
    """Return the bundle that a kit's signed list says is this device's, by its whole UUID."""
    try:
        sums, signature, public_pem = (_read(kit / name) for name in (SUMS, SIGNATURE, SIGNER))
    except FileNotFoundError as error:
        raise BundlerError(
            f"there is no whole kit in '{printable(str(kit))}': '{Path(error.filename).name}': "
            f"{reason(error)}",
            "copy the kit to the stick again, with sftunnel-bundler usb",
            ExitCode.UNTRUSTED,
        ) from None
    signer = fingerprint(public_pem)
    if not is_signed_by(public_pem, signature, sums):
        raise BundlerError(
            "the signature of the kit does not fit: SHA256SUMS, its signature or signer.pem is "
            "damaged",
            "copy the kit to the stick again, with sftunnel-bundler usb",
            ExitCode.UNTRUSTED,
        )
    step("kit", f"{printable(str(kit))}: SHA256SUMS is signed by signer.pem")
    if not trust.is_by_digest:
        trust.check_signer(signer, "the kit")
    for digest, name in _LISTED.findall(sums.decode("ascii", "replace")):
        if not name.endswith(f"-{device.uuid[:8]}.tar.gz"):
            continue
        data = _read(kit / "bundles" / name)
        if hashlib.sha256(data).hexdigest() != digest:
            raise BundlerError(
                f"'{name}' is damaged: its SHA-256 is not the one in the kit's list",
                "copy the kit to the stick again, with sftunnel-bundler usb",
                ExitCode.UNTRUSTED,
            )
        contents = _opened(data, name)
        if contents.conf.device_uuid == device.uuid:
            return _trusted(
                contents, kit / "bundles" / name, _receipts_of(kit / "bundles" / name), trust
            )
    raise _none_for(device, "the kit")


def _in_directory(place: Path, device: Device, trust: Trust) -> Found:
    """Return the bundle of this device that was made last, of the trusted ones in a directory."""
    ours: list[tuple[str, OpenedBundle]] = []
    refused: list[BundlerError] = []
    for name in _names_for(place, device):
        try:
            contents = _open(place / name)
            if contents.conf.device_uuid == device.uuid:
                trust.judge_bundle(contents)
                ours.append((name, contents))
        except OSError as error:
            what = f"cannot read '{name}': {reason(error)}"
            refused.append(BundlerError(what, _CARRY, ExitCode.UNSUITABLE))
        except BundlerError as error:
            refused.append(error if name in error.message else error.about(name))
    if not ours and refused:
        raise refused[0]
    for each in refused:
        step("passed by", each.message)
    if not ours:
        raise _none_for(device, f"'{printable(str(place))}'")
    name, contents = max(ours, key=lambda each: (each[1].conf.created, each[0]))
    if len(ours) > 1:
        step("found", f"{len(ours)} bundles for this device; {name} was made last")
    return _trusted(contents, place / name, _receipts_of(place / name), trust)


def _none_for(device: Device, where: str) -> BundlerError:
    return BundlerError(
        f"{where} has no bundle for this device, '{device.uuid}'",
        "look at the names in it; a device that was reimaged has a new UUID and needs a new bundle",
        ExitCode.UNSUITABLE,
    )


def _trusted(opened: OpenedBundle, place: Path, receipts: Path, trust: Trust) -> Found:
    step("bundle", f"{printable(str(place))}: whole, and signed by its signer.pem")
    trust.check_bundle(opened)
    return Found(opened, place, receipts)


def _open(place: Path) -> OpenedBundle:
    return _opened(_read(place), place.name)


def _opened(data: bytes, name: str) -> OpenedBundle:
    try:
        return open_bundle(data)
    except BundlerError as error:
        raise error.about(printable(name)) from None


def _open_unpacked(place: Path) -> OpenedBundle:
    """Read an unpacked bundle; all that lies in it must be listed."""
    paths = [path for path in sorted(place.rglob("*")) if path.is_symlink() or not path.is_dir()]
    if len(paths) > _MAX_FILES:
        raise _altered(f"it holds {len(paths)} files")
    for path in paths:
        facts = path.lstat()
        if not stat.S_ISREG(facts.st_mode) or facts.st_nlink > 1:
            raise _altered(f"'{printable(path.name)}' in it is a link, or no plain file")
    order = [
        line.partition("  ")[2]
        for line in _read(place / SUMS).decode("ascii", "replace").splitlines()
    ]
    listed, left = {SUMS, SIGNATURE, *order}, MAX_ARCHIVE_BYTES
    held = {}
    for path in paths:
        name = path.relative_to(place).as_posix()
        if name not in listed:
            raise _altered(f"it holds '{printable(name)}', which SHA256SUMS does not list")
        held[name] = _read(path)
        left -= len(held[name])
        if left < 0:
            raise _altered("it is over 64 MiB")
    names = [*(name for name in order if name in held), *held]
    contents: Contents = open_members({name: held[name] for name in dict.fromkeys(names)})
    if not isinstance(contents, OpenedBundle):
        raise _altered("it is not signed")
    return contents


def _altered(why: str) -> BundlerError:
    return BundlerError(
        f"the bundle is damaged or was altered: {why}",
        "unpack the whole .tar.gz into an empty directory; nothing may be added to it",
        ExitCode.UNTRUSTED,
    )


def _read(path: Path) -> bytes:
    """Return the contents of a plain file, at most what a bundle may have; raises OSError too."""
    try:
        with open_plain_file(path, printable(str(path))) as file:
            data = file.read(MAX_ARCHIVE_BYTES + 1)
    except BundlerError as error:
        raise BundlerError(error.message, error.hint, ExitCode.UNTRUSTED) from None
    if len(data) > MAX_ARCHIVE_BYTES:
        raise BundlerError(f"'{printable(str(path))}' is over 64 MiB", _CARRY, ExitCode.UNTRUSTED)
    return data
