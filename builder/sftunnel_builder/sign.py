"""Signing a kit apart from building it: one that was built unsigned, or that another signer signed.

Before anything is signed, all that a signer vouches for is checked. Nothing is signed if one thing
of it does not hold:

1. the kit is whole, as `open_kit` says
2. who signed it before is one of those whom the operator named, if any were named
3. every bundle holds the files of the format and no other
4. its install.sh is that of this release, byte for byte, and its sftunnel-installer, if it has one,
   that which the operator named: nobody signs a program that is not known
5. its trios hold together and hold now, as `verify` says

Only then are runbooks and signatures made anew. What is installed stays as it was, bundle.conf and
the locked keys byte for byte, and so do the hashes of the confirmation codes, which only the plain
keys could give anew.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Set
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sftunnel_builder.bundle import SIGNER_MEMBERS, Contents, check_payload
from sftunnel_builder.carried_installer import PROGRAM
from sftunnel_builder.codes import CODES
from sftunnel_builder.errors import BundlerError, ExitCode, printable
from sftunnel_builder.kit import kit_files, new_kit, passphrase_path, publish, refuse_existing
from sftunnel_builder.open_kit import open_kit, refuse_other_signer
from sftunnel_builder.resources import installer_script
from sftunnel_builder.signer import Signer
from sftunnel_builder.trio import TRIO_NAMES
from sftunnel_builder.words import N_, Lang, _


@dataclass(frozen=True)
class SignRequest:
    """What is to be signed."""

    kit: Path
    out: Path
    """Where the signed kit goes: the same as kit to replace it."""
    signer: Signer
    trusted: Set[str]
    """Fingerprints of who may have signed the kit before; empty: anybody."""
    now: datetime
    installer: bytes | None = None
    """The frozen sftunnel-installer that the bundles may have in them."""
    lang: Lang = Lang.EN
    """Of the runbooks; those of the kit before do not count."""


@dataclass(frozen=True)
class SignedDevice:
    """What the report says of a bundle."""

    name: str
    uuid: str
    bundle: str
    bundle_id: str
    sha256: str
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class SignReport:
    """What came of signing a kit."""

    kit: Path
    signer: str
    signer_before: str | None
    """None when nobody had signed it."""
    sums_sha256_before: str
    """Of the SHA256SUMS that was checked."""
    passphrases: Path | None
    """The file with the keys' passphrases, if it lies where the build wrote it."""
    signed: tuple[SignedDevice, ...]
    has_locked_keys: bool


def sign_kit(
    request: SignRequest, watch: Callable[[Iterable[Contents], int], Iterable[Contents]]
) -> SignReport:
    """Check a kit, and sign it. watch is given the bundles and their number, to show progress.

    Raises BundlerError, and leaves the kit as it was.
    """
    if request.out != request.kit:
        refuse_existing(request.out, replace=False, hint=N_("name another place with --out"))
    opened = open_kit(request.kit)  # 1
    refuse_other_signer(  # 2
        opened,
        request.trusted,
        _("find out who signed it; an unsigned kit is signed without --signer"),
    )
    warnings = {
        contents.top: _check_bundle(name, contents, request)
        for name, contents in opened.bundles.items()
    }
    signed = []
    bundles = list(opened.bundles.values())
    with new_kit(request.out, request.signer, request.lang) as kit:
        for contents in watch(bundles, len(bundles)):
            bundle = kit.add_bundle(contents)
            conf, place = contents.conf, kit_files(contents.top, is_signed=True)[0]
            name = printable(conf.device_name)
            row = (name, conf.device_uuid, place, conf.bundle_id, bundle.sha256)
            signed.append(SignedDevice(*row, warnings[contents.top]))
        kit.add_codes(opened.files[CODES].splitlines(keepends=True))
        kit.seal()
        publish(kit, request.out, None, keep_passphrases=True)
    secret = passphrase_path(request.kit)
    return SignReport(
        kit=request.out,
        signer=request.signer.fingerprint(),
        signer_before=opened.signer,
        sums_sha256_before=opened.sums_sha256,
        passphrases=secret if secret.exists() else None,
        signed=tuple(signed),
        has_locked_keys=any(contents.is_key_encrypted() for contents in bundles),
    )


def _check_bundle(name: str, contents: Contents, request: SignRequest) -> tuple[str, ...]:
    """Checks 3 to 5 of one bundle; returns the warnings."""
    planned = [trio.source(file) for trio in contents.conf.trios for file in TRIO_NAMES]
    program = [PROGRAM] if PROGRAM in contents.members else []
    if [n for n in contents.members if n not in SIGNER_MEMBERS] != [
        *("install.sh", *program, "bundle.conf", *planned)
    ]:  # 3
        raise BundlerError(
            _(
                "'{name}': it holds other files than those of the format, or in another order"
            ).format(name=name),
            _("build the kit again"),
            ExitCode.UNTRUSTED,
        )
    if contents.members["install.sh"] != installer_script():  # 4
        digest = hashlib.sha256(contents.members["install.sh"]).hexdigest()
        raise BundlerError(
            _(
                "'{name}': its install.sh is not that of this release, but one with the SHA-256 "
                "'{digest}'"
            ).format(name=name, digest=digest),
            _("build the kit again with this release, or sign it with the release that built it"),
            ExitCode.UNTRUSTED,
        )
    if program and contents.members[PROGRAM] != request.installer:
        digest = hashlib.sha256(contents.members[PROGRAM]).hexdigest()
        raise BundlerError(
            _(
                "'{name}': its sftunnel-installer is not one that was named, and has the SHA-256 "
                "'{digest}'"
            ).format(name=name, digest=digest),
            _("name the one that it must be with --with-installer, or build the kit without it"),
            ExitCode.UNTRUSTED,
        )
    try:
        return tuple(check_payload(contents, None, request.now))  # 5
    except BundlerError as error:
        raise error.about(name) from None
