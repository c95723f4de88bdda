"""What a bundle brings, or a device has, in one shape, so that two of them can be compared.

A file that is damaged or missing is a fact about a device, told as what it is; a bundle was found
whole before, by `open_bundle`. No private key is kept: only what it is the key of.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from sftunnel_builder.bundle import OpenedBundle, unlock_key
from sftunnel_builder.bundle_conf import LANDED_MODE, LANDED_OWNER, FmcTrio
from sftunnel_builder.certificates import load_certificate, public_key_sha256
from sftunnel_builder.device_tree import DeviceTree
from sftunnel_builder.errors import BundlerError, printable
from sftunnel_builder.private_key import canonical_pem, load_private_key
from sftunnel_builder.tree import Standing
from sftunnel_builder.trio import TRIO_NAMES
from sftunnel_builder.words import N_, _

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes

BUNDLE, DEVICE_TREE = N_("bundle"), N_("device tree")
LANDED = Standing(N_("file"), LANDED_MODE, LANDED_OWNER)

UNKNOWN = Standing(N_("file that cannot be looked at"), "?", "?")


@dataclass(frozen=True)
class CertificateFacts:
    """What is compared of a certificate."""

    subject: tuple[str, ...]
    """Its attributes, such as `title=InternalCA`, sorted."""
    issuer: str
    """The issuer's common name: the UUID of an FMC; empty without one."""
    not_before: datetime
    not_after: datetime
    serial: str
    """As openssl prints it."""
    fingerprint: str
    """SHA-256 of its DER."""
    key: str
    """Such as `RSA 2048 bits`."""
    public_key: str
    """SHA-256 of its SubjectPublicKeyInfo."""
    digest: str
    """Of the signature, such as `sha256`."""


@dataclass(frozen=True)
class KeyFacts:
    """What is compared of a private key; None is what cannot be told."""

    protection: str | None
    """In a bundle `encrypted` or `plain`; a device has it plain, of which nothing is said."""
    canonical: str
    """SHA-256 of its canonical PKCS#8 PEM, which is the same for the same key: of an encrypted one
    bundle.conf says it."""
    key: str | None
    """Such as `RSA 2048 bits`."""
    public_key: str | None
    """SHA-256 of its SubjectPublicKeyInfo."""
    belongs_to: str
    """`its certificate`, `another certificate`, `no certificate` if none beside it can be read, or
    `not opened`."""


Parsed = CertificateFacts | KeyFacts | None


@dataclass(frozen=True)
class HeldFile:
    """One file of a trio."""

    standing: Standing
    sha256: str | None
    """Of the plain file: as it lies on a device, or must land; None if it cannot be read."""
    contents: Parsed
    problem: str | None
    """Why it is not what its name says, one sentence; None if it is."""


@dataclass(frozen=True)
class HeldTrio:
    """What is there of one FMC."""

    files: Mapping[str, HeldFile]
    """By name; what is missing is not in it."""
    run_id: int | None = None
    """Of a bundle: the generate_certs.pl run that made it."""
    newest_run: int | None = None
    """Of a device: the newest run that it remembers."""
    directory: str = "directory"
    """What stands in the place of a device's peer directory."""


@dataclass(frozen=True)
class BundleFacts:
    """What is said of a bundle beside its trios."""

    device_address: str
    bundle_id: str
    created: datetime
    builder_version: str
    signer: str
    install_sh: str
    """SHA-256 of install.sh."""
    runbook: str
    """SHA-256 of RUNBOOK.txt."""


@dataclass(frozen=True)
class Holding:
    """One side of a comparison."""

    kind: str
    """BUNDLE or DEVICE_TREE."""
    place: str
    device_uuid: str
    device_name: str
    """As the FMC calls it; of a device tree its model, as the device does not know the name."""
    trios: Mapping[str, HeldTrio]
    """By FMC UUID."""
    bundle: BundleFacts | None = None
    pinned_signers: frozenset[str] = frozenset()
    is_interrupted: bool = False
    """Whether a run of install.sh on the device was cut off: its next run changes files first."""


def hold_bundle(opened: OpenedBundle, place: str, passphrases: Sequence[str]) -> Holding:
    """Return what a bundle brings; place is what to call it.

    With passphrases every encrypted key must open with one of them, else none is opened. Raises
    BundlerError.
    """
    conf = opened.conf
    facts = BundleFacts(
        printable(conf.device_address),
        conf.bundle_id,
        conf.created,
        conf.builder_version,
        opened.signer,
        hashlib.sha256(opened.members["install.sh"]).hexdigest(),
        hashlib.sha256(opened.members["RUNBOOK.txt"]).hexdigest(),
    )
    trios = {trio.fmc_uuid: _trio_of_bundle(opened, trio, passphrases) for trio in conf.trios}
    name = printable(conf.device_name)
    return Holding(BUNDLE, printable(place), conf.device_uuid, name, trios, facts)


def hold_device(device: DeviceTree, place: str) -> Holding:
    """Return what a device has; place is what to call it. Raises BundlerError."""
    trios = {uuid: _trio_of_device(device, uuid) for uuid in device.fmc_uuids()}
    return Holding(
        DEVICE_TREE,
        printable(place),
        device.uuid,
        device.model,
        trios,
        pinned_signers=device.pinned_signers(),
        is_interrupted=device.is_interrupted(),
    )


def _trio_of_bundle(opened: OpenedBundle, trio: FmcTrio, passphrases: Sequence[str]) -> HeldTrio:
    places = [trio.source(name) for name in TRIO_NAMES]
    cacert, cert, key = (opened.members[place] for place in places)
    contents = [_read_certificate(cacert, places[0]), _read_certificate(cert, places[1])]
    protection = "encrypted" if b"ENCRYPTED PRIVATE KEY" in key else "plain"
    if protection == "encrypted" and not passphrases:
        locked = KeyFacts(protection, trio.sha256[TRIO_NAMES[2]], None, None, "not opened")
        contents.append((locked, None))
    else:
        plain = _unlock(opened, trio, passphrases) if protection == "encrypted" else key
        contents.append(_read_key(plain, places[2], protection, contents[1][0]))
    files = {
        name: HeldFile(LANDED, trio.sha256[name], *each)
        for name, each in zip(TRIO_NAMES, contents, strict=True)
    }
    return HeldTrio(files, run_id=trio.run_id)


def _unlock(opened: OpenedBundle, trio: FmcTrio, passphrases: Sequence[str]) -> bytes:
    """Return the plain key; each passphrase is tried."""
    for passphrase in passphrases[:-1]:
        try:
            return unlock_key(opened, trio, passphrase)
        except BundlerError:
            continue
    return unlock_key(opened, trio, passphrases[-1])


def _trio_of_device(device: DeviceTree, fmc_uuid: str) -> HeldTrio:
    files: dict[str, HeldFile] = {}
    beside: Parsed = None
    for name in TRIO_NAMES:
        path = device.trio_path(fmc_uuid, name)
        place = device.files.place(path)
        standing = None
        try:
            standing = device.files.standing(path)
            if not standing:
                continue
            data = device.files.read(path)
        except BundlerError as error:
            files[name] = HeldFile(standing or UNKNOWN, None, None, error.message)
            continue
        if name == TRIO_NAMES[2]:
            contents, problem = _read_key(data, place, None, beside)
        else:
            contents, problem = _read_certificate(data, place)
        beside = contents
        files[name] = HeldFile(standing, hashlib.sha256(data).hexdigest(), contents, problem)
    directory = device.files.standing(device.peer_path(fmc_uuid))
    return HeldTrio(
        files,
        newest_run=device.newest_run(fmc_uuid),
        directory=directory.kind if directory else "nothing",
    )


def _read_certificate(data: bytes, place: str) -> tuple[Parsed, str | None]:
    """Return what is to be said of a certificate, or why it is none."""
    try:
        found = load_certificate(data, place)
    except BundlerError as error:
        return None, _("not a certificate: {why}").format(why=error.message)
    facts = CertificateFacts(
        tuple(printable(each) for each in found.subject_attributes()),
        printable(found.issuer_common_name() or ""),
        found.not_before_utc,
        found.not_after_utc,
        printable(found.serial()),
        found.fingerprint(),
        _key_name(found.public_key()),
        found.public_key_sha256(),
        found.digest_name(),
    )
    return facts, None


def _read_key(
    data: bytes, place: str, protection: str | None, beside: Parsed
) -> tuple[Parsed, str | None]:
    """Return what is to be said of a plain key, or why it is none; beside is its certificate."""
    try:
        key = load_private_key(data, place)
    except BundlerError as error:
        return None, _("not a private key: {why}").format(why=error.message)
    public = public_key_sha256(key.public_key())
    belongs_to = "no certificate"
    if isinstance(beside, CertificateFacts):
        belongs_to = "its certificate" if beside.public_key == public else "another certificate"
    canonical = hashlib.sha256(canonical_pem(key)).hexdigest()
    return KeyFacts(protection, canonical, _key_name(key.public_key()), public, belongs_to), None


def _key_name(key: PublicKeyTypes) -> str:
    from cryptography.hazmat.primitives.asymmetric import rsa

    return f"RSA {key.key_size} bits" if isinstance(key, rsa.RSAPublicKey) else N_("no RSA key")
