"""What can expire at a place: the certificates in a file, a tree, a snapshot, a bundle, a kit."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sftunnel_builder.archive import MAX_ARCHIVE_BYTES, is_bundle
from sftunnel_builder.bundle import SUMS, open_contents
from sftunnel_builder.certificates import (
    MAX_CERTIFICATE_BYTES,
    Certificate,
    load_certificates,
)
from sftunnel_builder.device_tree import is_device_tree, open_device_tree
from sftunnel_builder.devices import pushed_path
from sftunnel_builder.errors import BundlerError, printable, reason
from sftunnel_builder.expiry import CA, CERTIFICATE, Dates, Expiring, Fmc
from sftunnel_builder.failed_push import UUID_PATTERN
from sftunnel_builder.fmc_tree import CA_PATH, SFTUNNEL_CONF_PATH, FmcTree, open_fmc_tree
from sftunnel_builder.kit import UNSIGNED
from sftunnel_builder.sftunnel_conf import files_named
from sftunnel_builder.snapshot import SnapshotTree
from sftunnel_builder.tree import DirectoryTree, Tree, open_plain_file
from sftunnel_builder.words import N_, _

_GZIP = b"\x1f\x8b"
_OF_TRIO = ((CA, "cacert.pem"), (CERTIFICATE, "sftunnel-cert.pem"))
_WHAT_TO_NAME = N_(
    "name a certificate, an FMC tree, a snapshot, a device tree, a bundle, a kit, or a directory "
    "of trees"
)
_REMEDY = N_("copy the appliance's files again, or move what is none elsewhere")


@dataclass(frozen=True)
class Found:
    """What was found at a place."""

    certificates: tuple[Expiring, ...]
    fmcs: tuple[Fmc, ...] = ()
    notes: tuple[str, ...] = ()
    """What was not looked at, and why."""


def find_expiring(path: Path) -> Found:
    """Return what can expire at a path. In a directory of many what cannot be read is among it.

    Raises BundlerError when there is nothing, or the one thing there cannot be read.
    """
    if not os.path.lexists(path):
        raise BundlerError(
            _("there is no '{place}'").format(place=printable(str(path))), _(_WHAT_TO_NAME)
        )
    if not os.path.isdir(path):
        return _in_file(path)
    return _in_directory(path, "") or _in_many(path)


def _in_directory(path: Path, name: str) -> Found | None:
    """Return what is in a tree or a kit; None if the directory is none.

    name is what to call the appliance; if empty, it is called by its UUID.
    """
    is_device = is_device_tree(path)
    if _is_fmc(path, is_device):
        return _in_fmc_tree(open_fmc_tree(path), name)
    if is_device:
        return _in_device_tree(path, name)
    for bundles in ("bundles", UNSIGNED):
        if os.path.isfile(path / SUMS) and os.path.isdir(path / bundles):
            return _in_many(path / bundles)
    return None


def _is_fmc(path: Path, is_device: bool) -> bool:
    """Tell whether a directory is an FMC's `/`. Whether a device has a ca_root, too, is unknown."""
    tree = FmcTree(DirectoryTree(path))
    has_ca, model = tree.has(CA_PATH), tree.ims_conf().get("MODEL", "").lower()
    if "threat defense" in model:
        return False
    if "management center" in model or "defense center" in model:
        return has_ca or is_device
    return has_ca


def _in_many(path: Path) -> Found:
    """Return what is in a directory's trees, snapshots and bundles; raises BundlerError if none."""
    place = printable(str(path))
    parts, strangers = [], []
    for name in _names(path, place):
        each, shown = path / name, printable(name)
        try:
            if os.path.isdir(each):
                part = _in_directory(each, shown)
            elif name.endswith(".tar.gz"):
                part = _in_file(each)
            else:
                continue
        except BundlerError as error:
            part = Found((Expiring(CERTIFICATE, shown, None, printable(str(each)), error),))
        if part:
            parts.append(part)
        else:
            strangers.append((each, shown))
    if not parts:
        raise BundlerError(
            _("'{place}' holds nothing that can expire").format(place=place), _(_WHAT_TO_NAME)
        )
    return _joined([*parts, *(_stranger(each, shown) for each, shown in strangers)])


def _names(path: Path, place: str) -> list[str]:
    """Return the names in a directory, hidden ones aside, sorted."""
    try:
        return sorted(name for name in os.listdir(path) if not name.startswith("."))
    except OSError as error:
        raise BundlerError(
            _("cannot read '{place}': {why}").format(place=place, why=reason(error)),
            _("look at its permissions"),
        ) from None


def _stranger(path: Path, name: str) -> Found:
    """Return a directory among trees that is none: half a copy must not go unnoticed."""
    place = printable(str(path))
    try:
        _names(path, place)
        error = BundlerError(
            _("'{place}' is neither an FMC tree, a device tree nor a kit").format(place=place),
            _(_REMEDY),
        )
    except BundlerError as unreadable:
        error = unreadable
    return Found((Expiring(CERTIFICATE, name, None, place, error),))


def _joined(parts: Sequence[Found]) -> Found:
    return Found(
        tuple(each for part in parts for each in part.certificates),
        tuple(fmc for part in parts for fmc in part.fmcs),
        tuple(note for part in parts for note in part.notes),
    )


def _in_file(path: Path) -> Found:
    """Return what is in a bundle, a snapshot, or a file of certificates; raises BundlerError."""
    place = printable(str(path))
    try:
        with open_plain_file(path, place) as file:
            head = file.read(MAX_CERTIFICATE_BYTES + 1)
            if is_bundle(head):
                return _in_bundle(head + file.read(MAX_ARCHIVE_BYTES + 1 - len(head)), place)
    except OSError as error:
        raise BundlerError(
            _("cannot read '{place}': {why}").format(place=place, why=reason(error)),
            _(_WHAT_TO_NAME),
        ) from None
    if head.startswith(_GZIP):
        return _in_fmc_tree(open_fmc_tree(path), "")
    return Found(tuple(_of_itself(each, place) for each in load_certificates(head, place)))


def _of_itself(certificate: Certificate, place: str) -> Expiring:
    """Return a certificate that comes without a tree: it says itself what it is."""
    uuid = next(filter(None, map(_uuid, (certificate.title, certificate.common_name))), None)
    owner = uuid or printable(certificate.common_name or certificate.subject() or _("nobody"))
    kind = CA if certificate.is_ca() else CERTIFICATE
    return Expiring(kind, owner, uuid, place, _dates(certificate))


def _in_bundle(data: bytes, place: str) -> Found:
    """Return the certificates that a bundle will install, whether it is signed or not."""
    opened = open_contents(data)
    owner = (printable(opened.conf.device_name), opened.conf.device_uuid)
    found: list[Expiring] = []
    for trio in opened.conf.trios:
        for kind, name in _OF_TRIO:
            source = trio.source(name)
            where = f"{place}:{source}"
            loaded = load_certificates(opened.members[source], where)
            found += [Expiring(kind, *owner, where, _dates(each), False) for each in loaded]
    return Found(tuple(found))


def _in_device_tree(path: Path, name: str) -> Found:
    """Return the certificates in a device's peer directories."""
    device = open_device_tree(path)
    owner = (name or device.uuid, device.uuid)
    found: list[Expiring] = []
    for fmc_uuid in device.fmc_uuids():
        paths = [(kind, device.trio_path(fmc_uuid, each)) for kind, each in _OF_TRIO]
        # A peer that has not been registered to its end has neither.
        if any(device.files.has(each) for _, each in paths):
            for kind, each in paths:
                found += _at(device.files, each, kind, owner)
    if not found:
        raise BundlerError(
            _("'{place}' has no certificate in its peer directories").format(
                place=printable(str(path))
            ),
            _("look whether the device is registered, and whether all of it was copied"),
        )
    return Found(tuple(found))


def _in_fmc_tree(tree: FmcTree, name: str) -> Found:
    """Return an FMC's CA, the certificate of its own end, and those made for devices."""
    ca = _load(tree.files, CA_PATH)
    uuid = None if isinstance(ca, BundlerError) else _uuid(ca[0].common_name)
    owner = (name or uuid or _("this FMC"), uuid)
    found = _at(tree.files, CA_PATH, CA, owner)
    notes = []
    for kind, path in _own_end(tree):
        if isinstance(tree.files, SnapshotTree) and not tree.has(path):
            notes.append(
                _("'{place}' was not looked at: it is not in the snapshot").format(
                    place=tree.place(path)
                )
            )
        else:
            found += _at(tree.files, path, kind, owner)
    for device in tree.peer_uuids():
        path = pushed_path(device, "sftunnel-cert.pem")
        if re.fullmatch(UUID_PATTERN, device) and tree.has(path):
            found += _at(tree.files, path, CERTIFICATE, (device, device), is_in_use=False)
    run_id = None
    try:
        run_id = max(tree.run_ids(), default=None)
    except BundlerError as error:
        notes.append(
            _("cannot tell whether generate_certs.pl has run: {why}").format(why=error.message)
        )
    conf = tree.ims_conf()
    model, version = (printable(conf.get(key, ""), 80) for key in ("MODEL", "SWVERSION"))
    fmc = Fmc(tree.place("/"), owner[0], model, version, run_id, found[0].read)
    return Found(tuple(found), (fmc,), tuple(notes))


def _own_end(tree: FmcTree) -> list[tuple[str, str]]:
    """Return kind and path of what sftunnel.conf names besides the CA; nothing if it is missing."""
    if not tree.has(SFTUNNEL_CONF_PATH):
        return []
    try:
        conf = tree.read(SFTUNNEL_CONF_PATH)
    except BundlerError:
        return []
    cas = [(CA, path) for path in files_named(conf, "proxy_cacert") if path != CA_PATH]
    return [*cas, *((CERTIFICATE, path) for path in files_named(conf, "proxy_cert"))]


def _at(
    files: Tree, path: str, kind: str, owner: tuple[str, str | None], *, is_in_use: bool = True
) -> list[Expiring]:
    """Return the certificates in a file of a tree; if it cannot be read, one with the reason."""
    loaded, place = _load(files, path), files.place(path)
    if isinstance(loaded, BundlerError):
        return [Expiring(kind, *owner, place, loaded, is_in_use)]
    return [Expiring(kind, *owner, place, _dates(each), is_in_use) for each in loaded]


def _load(files: Tree, path: str) -> list[Certificate] | BundlerError:
    try:
        return load_certificates(files.read(path), files.place(path))
    except BundlerError as error:
        return error


def _dates(certificate: Certificate) -> Dates:
    return Dates(certificate.not_before_utc, certificate.not_after_utc)


def _uuid(text: str | None) -> str | None:
    """Return a UUID as it is written everywhere; None if the text is none."""
    found = (text or "").lower()
    return found if re.fullmatch(UUID_PATTERN, found) else None
