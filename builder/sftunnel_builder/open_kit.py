"""Does a kit hold as it lies there, and who signed it? Reads all of it, and believes nothing.

1. it is a directory of plain files that has a SHA256SUMS
2. if it is signed: SHA256SUMS is signed by the key in signer.pem
3. SHA256SUMS lists exactly the files that are there, with their checksums
4. every bundle opens, is signed by the signer of the kit, and has the name that it should have
5. nothing is there but the bundles, and what a kit has for each
6. it has the hashes of the confirmation codes of its devices, and of no others
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
from collections.abc import Mapping, Set
from dataclasses import dataclass
from pathlib import Path

from sftunnel_builder.archive import MAX_ARCHIVE_BYTES
from sftunnel_builder.bundle import (
    SIGNATURE,
    SIGNER,
    SUMS,
    Contents,
    OpenedBundle,
    checksum_list,
    difference,
    open_contents,
)
from sftunnel_builder.codes import CODES, covers, read_codes
from sftunnel_builder.errors import BundlerError, ExitCode, printable, reason
from sftunnel_builder.kit import INDEX, START, kit_files
from sftunnel_builder.signer import fingerprint, is_signed_by
from sftunnel_builder.words import _

_NAME = re.compile(r"[A-Za-z0-9._/-]+")


@dataclass(frozen=True)
class OpenedKit:
    """A kit that was read and found whole."""

    bundles: Mapping[str, Contents]
    """By path in the kit, sorted."""
    signer: str | None
    """Fingerprint of the key that signed it, None for an unsigned kit; whether to trust that key
    is another matter."""
    sums_sha256: str
    """Of SHA256SUMS."""
    files: Mapping[str, bytes]
    """All that lies in it, by path, sorted: what was checked, and not what is read another time."""


def open_kit(directory: Path) -> OpenedKit:
    """Read a kit, signed or not, and check it against the list at the top of this file.

    Raises BundlerError: USAGE when it is no kit, UNTRUSTED when it is damaged or was altered.
    """
    # Asked first, so that no other directory is read, such as all of /.
    if not (directory / SUMS).is_file():
        raise BundlerError(
            _("'{place}' is not a kit: it has no '{sums}'").format(
                place=printable(str(directory)), sums=SUMS
            ),
            _("name the directory that build wrote"),
            ExitCode.USAGE,
        )
    all_files = _read_files(directory)  # 1
    files = dict(all_files)
    sums = files.pop(SUMS, b"")
    signer = None
    if SIGNATURE in files or SIGNER in files:
        signer = _check_signature(files.get(SIGNER, b""), files.pop(SIGNATURE, b""), sums)
    if sums != checksum_list(files):  # 3
        raise _altered(difference(sums, files))
    names = [name for name in files if name.endswith(".tar.gz")]
    bundles = {name: _open(name, files[name], signer) for name in names}
    known = {CODES, SIGNER, START, INDEX} if signer else {CODES}
    for name, contents in bundles.items():
        wanted = kit_files(contents.top, is_signed=signer is not None)
        if name != wanted[0]:
            raise _altered(
                _("'{name}' is the bundle that belongs in '{wanted}'").format(
                    name=name, wanted=wanted[0]
                )
            )
        known.update(wanted)
    if not bundles:
        raise _altered(_("it holds no bundle"))
    if known != set(files):  # 5
        raise _altered(
            _("'{name}' is missing, or is not of a kit").format(name=min(known ^ set(files)))
        )
    _check_codes(files[CODES], bundles)
    return OpenedKit(bundles, signer, hashlib.sha256(sums).hexdigest(), all_files)


def refuse_other_signer(kit: OpenedKit, trusted: Set[str], hint: str) -> None:
    """Raise BundlerError (UNTRUSTED) unless one of these signed a kit, if any is given."""
    if trusted and kit.signer not in trusted:
        raise BundlerError(
            _("the kit is signed by another key: wanted '{wanted}', found '{found}'").format(
                wanted=", ".join(sorted(trusted)), found=kit.signer or _("none")
            ),
            hint,
            ExitCode.UNTRUSTED,
        )


def _read_files(directory: Path) -> dict[str, bytes]:
    """Return all files by path, sorted; check 1."""
    files = {}
    try:
        for path in sorted(directory.rglob("*")):
            name = path.relative_to(directory).as_posix()
            mode = path.lstat().st_mode
            if stat.S_ISDIR(mode):
                continue
            if not stat.S_ISREG(mode) or not _NAME.fullmatch(name):
                raise _altered(
                    _("'{name}' in it is no plain file, or has a name that no kit has").format(
                        name=printable(name)
                    )
                )
            with path.open("rb") as file:
                files[name] = file.read(MAX_ARCHIVE_BYTES + 1)
    except OSError as error:
        place = printable(os.fspath(error.filename or directory))
        raise BundlerError(
            _("cannot read '{place}': {why}").format(place=place, why=reason(error)),
            _("look at its permissions"),
        ) from None
    return dict(sorted(files.items()))


def _check_signature(public_pem: bytes, signature: bytes, sums: bytes) -> str:
    """Return the fingerprint of who signed; check 2."""
    signer = fingerprint(public_pem)
    if not is_signed_by(public_pem, signature, sums):
        raise _altered(_("its signature does not fit SHA256SUMS"))
    return signer


def _open(name: str, data: bytes, signer: str | None) -> Contents:
    """Return an opened bundle; check 4."""
    try:
        contents = open_contents(data)
    except BundlerError as error:
        raise error.about(name) from None
    found = contents.signer if isinstance(contents, OpenedBundle) else None
    if found != signer:
        raise _altered(
            _("'{name}' is signed by '{found}', the kit by '{wanted}'").format(
                name=name, found=found or _("nobody"), wanted=signer or _("nobody")
            )
        )
    return contents


def _check_codes(data: bytes, bundles: Mapping[str, Contents]) -> None:
    """Check 6."""
    try:
        runs = read_codes(data)
    except ValueError as error:
        raise _altered(
            _("'{codes}' is not in the form of the format: {error}").format(
                codes=CODES, error=error
            )
        ) from None
    if not covers(runs, (contents.conf.device_uuid for contents in bundles.values())):
        raise _altered(_("'{codes}' is of other devices").format(codes=CODES))


def _altered(why: str) -> BundlerError:
    return BundlerError(
        _("the kit is damaged or was altered: {why}").format(why=why),
        _("get it again from where it was built"),
        ExitCode.UNTRUSTED,
    )
