"""Making and judging a bundle: one device's files, signed.

A bundle is a statement of what a device should hold. Making it touches no device.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Set
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, lru_cache

from sftunnel_builder import __version__
from sftunnel_builder.archive import Archive, pack, unpack
from sftunnel_builder.bundle_conf import BundleConf, FmcTrio, parse_bundle_conf
from sftunnel_builder.carried_installer import PROGRAM
from sftunnel_builder.certificates import load_certificate
from sftunnel_builder.errors import BundlerError, ExitCode, printable
from sftunnel_builder.private_key import decrypt_key, encrypt_pkcs8
from sftunnel_builder.resources import installer_script
from sftunnel_builder.runbook_facts import facts_of
from sftunnel_builder.signer import Signer, fingerprint, is_signed_by
from sftunnel_builder.trio import (
    TRIO_NAMES,
    CheckedTrio,
    TrioFiles,
    check_certificates,
    check_trio,
)
from sftunnel_builder.words import Lang, _, speaking

SUMS, SIGNATURE, SIGNER = "SHA256SUMS", "SHA256SUMS.sig", "signer.pem"
RUNBOOK = "RUNBOOK.txt"
SIGNER_MEMBERS = {RUNBOOK, SIGNER, SUMS, SIGNATURE}
"""What a signer adds to a bundle."""
_MAX_NAME = 32
_SUMS_LINE = re.compile(rb"([0-9a-f]{64})  ([A-Za-z0-9._/-]+)\n")


@dataclass(frozen=True)
class KeyLock:
    """How the private key is locked for the journey."""

    passphrase: str
    iterations: int


@dataclass(frozen=True)
class Bundle:
    """A packed bundle."""

    file_name: str
    conf: BundleConf
    data: bytes
    sums_sha256: str | None
    """SHA-256 of the SHA256SUMS in it, 64 hex digits; None while nobody has signed it."""

    @cached_property
    def sha256(self) -> str:
        """Return the SHA-256 of the whole file, 64 hex digits."""
        return hashlib.sha256(self.data).hexdigest()


@dataclass(frozen=True)
class Contents:
    """What a bundle says and brings, whether anybody has signed it or not."""

    conf: BundleConf
    members: Mapping[str, bytes]
    """By path below the top directory, in the order of the format."""

    @cached_property
    def top(self) -> str:
        """Return the name of the top directory; `.tar.gz` behind it makes the bundle's name."""
        return bundle_name(self.conf.device_name, self.conf.device_uuid)

    @cached_property
    def fmc_uuids(self) -> tuple[str, ...]:
        """Return the FMCs whose trios it brings."""
        return _held_once(tuple(trio.fmc_uuid for trio in self.conf.trios))

    @cached_property
    def not_after(self) -> datetime:
        """Until when all certificates in it are valid, UTC; raises BundlerError."""
        places = [trio.source(name) for trio in self.conf.trios for name in TRIO_NAMES[:2]]
        return min(load_certificate(self.members[p], p).not_after_utc for p in places)

    def is_key_encrypted(self) -> bool:
        """Tell whether the private keys in it need a passphrase."""
        return any(
            b"ENCRYPTED PRIVATE KEY" in self.members[trio.source("sftunnel-key.pem")]
            for trio in self.conf.trios
        )


@dataclass(frozen=True)
class OpenedBundle(Contents):
    """A bundle that was read and found whole: form, signature and checksums."""

    signer: str
    """Fingerprint of the key that signed it; whether to trust that key is another matter."""


@lru_cache(16)
def _held_once(fmc_uuids: tuple[str, ...]) -> tuple[str, ...]:
    """Return the same object for the same FMCs: a fleet has one or two."""
    return fmc_uuids


def bundle_name(device_name: str, device_uuid: str) -> str:
    """Return `sftunnel-<device name>-<first 8 of UUID>`: ASCII, short enough for any carrier."""
    safe = re.sub(r"[^A-Za-z0-9._-]", "_", device_name)[:_MAX_NAME]
    return f"sftunnel-{safe}-{device_uuid[:8]}"


def make_contents(
    conf: BundleConf, trios: Mapping[str, CheckedTrio], lock: KeyLock | None
) -> Contents:
    """Return what one device's bundle says and brings, for a signer to vouch for.

    conf has its id; trios are by FMC UUID; lock is how to encrypt the keys, None to leave them in
    plaintext.
    """
    members = {"install.sh": installer_script(), "bundle.conf": conf.render()}
    for trio in conf.trios:
        for name in TRIO_NAMES:
            content = trios[trio.fmc_uuid].files[name]
            if name == "sftunnel-key.pem" and lock:
                content = encrypt_pkcs8(content, lock.passphrase, lock.iterations)
            members[trio.source(name)] = content
    return Contents(conf, members)


def with_installer(contents: Contents, program: bytes) -> Contents:
    """Return what a bundle brings with the frozen sftunnel-installer, behind install.sh."""
    members = dict(contents.members)
    script = members.pop("install.sh")
    return Contents(contents.conf, {"install.sh": script, PROGRAM: program, **members})


def sign_contents(contents: Contents, signer: Signer, lang: Lang = Lang.EN) -> Bundle:
    """Pack a bundle, signed; what another signer had added is made anew. Raises BundlerError."""
    # Only here, as what reads bundles on a device has no templates.
    from sftunnel_builder.runbook import Runbook

    members = {n: content for n, content in contents.members.items() if n not in SIGNER_MEMBERS}
    with speaking(lang):
        members[RUNBOOK] = Runbook(facts_of(contents, signer.fingerprint())).text()
    members[SIGNER] = signer.public_pem()
    members[SUMS] = checksum_list(members)
    members[SIGNATURE] = signer.sign(members[SUMS])
    return pack_contents(Contents(contents.conf, members))


def pack_contents(contents: Contents) -> Bundle:
    """Pack a bundle as it is."""
    archive = Archive(contents.top, contents.conf.created, contents.members)
    sums = contents.members.get(SUMS)
    sums_sha256 = hashlib.sha256(sums).hexdigest() if sums else None
    return Bundle(f"{contents.top}.tar.gz", contents.conf, pack(archive), sums_sha256)


def describe(
    device: tuple[str, str, str], created: datetime, trios: Mapping[str, tuple[int, CheckedTrio]]
) -> BundleConf:
    """Return the bundle.conf of a device.

    device is its name, UUID and address; trios are run id and trio by FMC UUID.
    """
    name, uuid, address = device
    return BundleConf(
        device_name=name,
        device_uuid=uuid,
        device_address=address,
        created=created,
        builder_version=__version__,
        trios=tuple(
            FmcTrio(fmc_uuid, run_id, {n: trio.sha256(n) for n in TRIO_NAMES})
            for fmc_uuid, (run_id, trio) in trios.items()
        ),
    ).with_id()


def checksum_list(members: Mapping[str, bytes]) -> bytes:
    """Return the lines that `sha256sum -c` reads, in the order of the members."""
    return b"".join(
        f"{hashlib.sha256(content).hexdigest()}  {name}\n".encode()
        for name, content in members.items()
    )


def open_bundle(data: bytes) -> OpenedBundle:
    """Read a signed bundle and check all that needs no trust and no clock: see `open_contents`.

    Raises BundlerError (UNTRUSTED).
    """
    opened = open_contents(data)
    if not isinstance(opened, OpenedBundle):
        raise BundlerError(
            _("the bundle is not signed yet"),
            _("sign the kit that it is in: sftunnel-bundler sign KIT"),
            ExitCode.UNTRUSTED,
        )
    return opened


def open_contents(data: bytes) -> Contents:
    """Read a bundle, signed (an OpenedBundle) or not, and check what needs no trust and no clock.

    1. the archive is in canonical form
    2. SHA256SUMS is signed by the key in signer.pem
    3. it lists exactly the files that are there, with their checksums
    4. bundle.conf is of this format, and is about this archive
    5. what it says must land is what is there, as far as it is not encrypted

    Raises BundlerError (UNTRUSTED).
    """
    archive = unpack(data)  # 1
    contents = open_members(archive.members)
    if archive.top != contents.top or archive.mtime != contents.conf.created:
        raise _altered(_("bundle.conf is about another bundle"))
    return contents


def open_members(members: Mapping[str, bytes]) -> Contents:
    """Check what an unpacked bundle holds, by path and in the order of SHA256SUMS: 2 to 5.

    The checks are those of `open_contents`, whose first needs the archive. Raises BundlerError
    (UNTRUSTED).
    """
    signer = None
    if not SIGNER_MEMBERS.isdisjoint(members):
        signer = _check_signature(members)
    for name in ("bundle.conf", "install.sh"):
        if name not in members:
            raise _altered(_("it has no '{name}'").format(name=name))
    conf = parse_bundle_conf(members["bundle.conf"])  # 4
    contents = Contents(conf, members) if signer is None else OpenedBundle(conf, members, signer)
    _check_landing(contents)
    return contents


def _check_signature(members: Mapping[str, bytes]) -> str:
    """Checks 2 and 3; returns the signer's fingerprint."""
    for name in (SUMS, SIGNATURE, SIGNER, RUNBOOK):
        if name not in members:
            raise _altered(_("it has no '{name}'").format(name=name))
    signer = fingerprint(members[SIGNER])
    if not is_signed_by(members[SIGNER], members[SIGNATURE], members[SUMS]):  # 2
        raise _altered(_("its signature does not fit SHA256SUMS"))
    listed = {n: content for n, content in members.items() if n not in (SUMS, SIGNATURE)}
    if members[SUMS] != checksum_list(listed):  # 3
        raise _altered(difference(members[SUMS], listed))
    return signer


def _check_landing(contents: Contents) -> None:
    """Check 5."""
    trios, members = contents.conf.trios, contents.members
    sources = [trio.source(name) for trio in trios for name in TRIO_NAMES]
    if {n for n in members if n.startswith("payload/")} != set(sources):
        raise _altered(_("it holds other files than bundle.conf plans"))
    for trio in trios:  # 5
        for name in TRIO_NAMES:
            content = members[trio.source(name)]
            is_open = b"ENCRYPTED PRIVATE KEY" not in content
            if is_open and hashlib.sha256(content).hexdigest() != trio.sha256[name]:
                raise _altered(
                    _("'{place}' is not what bundle.conf says must land").format(
                        place=trio.source(name)
                    )
                )


def check_trust(opened: OpenedBundle, trusted: Set[str]) -> None:
    """Raise BundlerError (UNTRUSTED) unless the signer is one of the trusted fingerprints."""
    if opened.signer not in trusted:
        raise BundlerError(
            _("the bundle is signed by another key: wanted '{wanted}', found '{found}'").format(
                wanted=", ".join(sorted(trusted)), found=opened.signer
            ),
            _(
                "compare both with the printed runbook; do not use the bundle unless you know the "
                "key"
            ),
            ExitCode.UNTRUSTED,
        )


def check_payload(contents: Contents, passphrase: str | None, now: datetime) -> list[str]:
    """Check every trio in a bundle as the build did; returns the warnings.

    An encrypted key is checked only with its passphrase, and else passed over. Raises
    BundlerError (REFUSED).
    """
    warnings: list[str] = []
    for trio in contents.conf.trios:
        ca_place, cert_place, key_place = (trio.source(name) for name in TRIO_NAMES)
        key = contents.members[key_place]
        is_locked = b"ENCRYPTED PRIVATE KEY" in key
        if is_locked and passphrase is not None:
            key = unlock_key(contents, trio, passphrase)
            is_locked = False
        cacert, cert = contents.members[ca_place], contents.members[cert_place]
        files = TrioFiles(cacert, cert, key, (ca_place, cert_place, key_place))
        uuids = {"device_uuid": contents.conf.device_uuid, "fmc_uuid": trio.fmc_uuid}
        if is_locked:
            warnings += check_certificates(files, **uuids, now=now)[2]
        else:
            warnings += check_trio(files, **uuids, now=now).warnings
    return warnings


def unlock_key(contents: Contents, trio: FmcTrio, passphrase: str) -> bytes:
    """Return the plaintext PEM that must land of an encrypted key; raises BundlerError."""
    place = trio.source("sftunnel-key.pem")
    key = decrypt_key(contents.members[place], passphrase, place)
    if hashlib.sha256(key).hexdigest() != trio.sha256["sftunnel-key.pem"]:
        raise _altered(_("'{place}' is not what bundle.conf says must land").format(place=place))
    return key


def difference(sums: bytes, listed: Mapping[str, bytes]) -> str:
    """Say how SHA256SUMS and the files that it should list differ."""
    said = {name.decode(): digest.decode() for digest, name in _SUMS_LINE.findall(sums)}
    for name, content in listed.items():
        if name not in said:
            return _("it holds '{name}', which SHA256SUMS does not list").format(name=name)
        if hashlib.sha256(content).hexdigest() != said[name]:
            return _("the checksum of '{name}' is not the one that SHA256SUMS lists").format(
                name=name
            )
    missing = sorted(set(said) - set(listed))
    if missing:
        return _("it lacks '{name}', which SHA256SUMS lists").format(name=printable(missing[0], 80))
    return _("SHA256SUMS is not in the form of the format")


def _altered(why: str) -> BundlerError:
    return BundlerError(
        _("the bundle is damaged or was altered: {why}").format(why=why),
        _("get it again from the kit, and compare its SHA-256 with the printed runbook"),
        ExitCode.UNTRUSTED,
    )
