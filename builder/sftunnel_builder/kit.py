"""The kit: the directory that a build writes. It appears under its name whole, or not at all."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from sftunnel_builder.bundle import (
    SIGNATURE,
    SIGNER,
    SUMS,
    Bundle,
    Contents,
    pack_contents,
    sign_contents,
)
from sftunnel_builder.codes import CODES
from sftunnel_builder.errors import BundlerError, ExitCode, printable, reason
from sftunnel_builder.fleet import Fleet, FleetDevice
from sftunnel_builder.on_disk import flush_directory, write_pieces, write_private
from sftunnel_builder.page import index_pieces
from sftunnel_builder.resources import start_script
from sftunnel_builder.runbook import Runbook
from sftunnel_builder.runbook_facts import facts_of
from sftunnel_builder.signer import Signer
from sftunnel_builder.sorted_lines import SortedLines
from sftunnel_builder.words import N_, Lang, _, speaking

START = "start.sh"
"""Finds a device's bundle in a signed kit, on the device."""
INDEX = "index.html"
"""The page of the whole change, before anything is installed."""
KIT_NAMES = {SUMS, SIGNATURE, SIGNER, START, INDEX, CODES, "bundles", "runbooks"}
UNSIGNED = "unsigned"
"""Where the bundles of an unsigned kit are: not where somebody looks for what to carry."""
UNSIGNED_KIT_NAMES = {SUMS, CODES, UNSIGNED}


def kit_files(top: str, *, is_signed: bool) -> tuple[str, ...]:
    """Return the files that a bundle has in a kit, the bundle first; top is its top directory."""
    if not is_signed:
        return (f"{UNSIGNED}/{top}.tar.gz",)
    bundle, runbook = f"bundles/{top}.tar.gz", f"runbooks/{top}"
    return bundle, f"{bundle}.sha256", f"{runbook}.txt", f"{runbook}.html"


class Kit:
    """A kit that is being written, in a directory beside its final name."""

    def __init__(
        self, directory: Path, name: str, signer: Signer | None, lang: Lang = Lang.EN
    ) -> None:
        """Begin an empty kit, its pages in lang; without a signer it is one for `sign`.

        name is what its page calls it.
        """
        self.directory = directory
        self._name = name
        self._signer = signer
        self._lang = lang
        self._devices: list[FleetDevice] = []
        self._created = datetime.min.replace(tzinfo=UTC)
        """Of the bundle that was made last."""
        # `NAME DIGEST`: a blank comes before whatever a name may hold.
        self._sums = SortedLines(directory)
        self._codes = SortedLines(directory)

    def close(self) -> None:
        """Let go of what was only there to write it."""
        self._sums.close()
        self._codes.close()

    def add(self, name: str, content: bytes) -> None:
        """Write one file, 0600 and flushed; name is relative, such as `runbooks/fw.txt`."""
        self.add_pieces(name, [content])

    def add_pieces(self, name: str, pieces: Iterable[bytes]) -> None:
        """Write one file as `add` does, from pieces that are not all held at once."""
        # No Path: every name that one of them had would be held.
        path = os.path.join(self.directory, name)
        os.makedirs(os.path.dirname(path), 0o700, exist_ok=True)
        digest = hashlib.sha256()
        write_pieces(path, _hashed(pieces, digest))
        self._sums.add([f"{name} {digest.hexdigest()}\n".encode()])

    def add_codes(self, lines: Iterable[bytes]) -> None:
        """Take lines of the file of confirmation codes, of one device or of all."""
        self._codes.add(lines)

    def add_bundle(self, contents: Contents) -> Bundle:
        """Sign and write a bundle, its checksum beside it, and its runbook; returns the bundle.

        Without a signer only what it brings is written.
        """
        if self._signer is None:
            bundle = pack_contents(contents)
            (unsigned,) = kit_files(contents.top, is_signed=False)
            self.add(unsigned, bundle.data)
            return bundle
        bundle = sign_contents(contents, self._signer, self._lang)
        digest, signer = bundle.sha256, self._signer.fingerprint()
        packed, checksum, runbook, page = kit_files(contents.top, is_signed=True)
        self.add(packed, bundle.data)
        self.add(checksum, f"{digest}  {bundle.file_name}\n".encode())
        with speaking(self._lang):
            said = Runbook(facts_of(contents, signer, digest, bundle.sums_sha256))
            self.add(runbook, said.text())
            self.add(page, said.page())
        self._devices.append(fleet_device(contents, digest))
        self._created = max(self._created, contents.conf.created)
        return bundle

    def seal(self) -> str:
        """Write what a kit has once, and last of all the signed list of everything in it.

        Returns the SHA-256 of the list.
        """
        # Sorted, so that their order says nothing.
        self.add_pieces(CODES, self._codes)
        if self._signer is not None:
            self.add(START, start_script())
            self.add(SIGNER, self._signer.public_pem())
            fleet = Fleet(
                devices=tuple(self._devices),
                created=self._created,
                signer=self._signer.fingerprint(),
                kit_name=self._name,
                lang=self._lang,
            )
            with speaking(self._lang):
                self.add_pieces(INDEX, index_pieces(fleet, None, "runbooks/"))
        text = io.BytesIO()
        for line in self._sums:
            name, digest = line.split()
            text.write(b"%b  %b\n" % (digest, name))
        sums = text.getvalue()
        write_private(self.directory / SUMS, sums)
        if self._signer is not None:
            write_private(self.directory / SIGNATURE, self._signer.sign(sums))
        self.close()
        return hashlib.sha256(sums).hexdigest()


def _hashed(pieces: Iterable[bytes], digest: hashlib._Hash) -> Iterator[bytes]:
    """Hash pieces as they pass."""
    for piece in pieces:
        digest.update(piece)
        yield piece


def fleet_device(contents: Contents, sha256: str) -> FleetDevice:
    """Return the device of a bundle of which nothing is known yet; sha256 is the bundle file's."""
    conf = contents.conf
    return FleetDevice(
        uuid=conf.device_uuid,
        name=conf.device_name,
        address=conf.device_address,
        bundle=contents.top,
        bundle_sha256=sha256,
        fmc_uuids=contents.fmc_uuids,
        not_after=contents.not_after,
    )


def passphrase_path(out: Path) -> Path:
    """Return the file beside a kit that holds its passphrases."""
    return out.with_name(f"{out.name}-passphrases.txt")


def refuse_existing(
    out: Path, *, replace: bool, hint: str = N_("name another kit with --out, or give --replace")
) -> None:
    """Raise BundlerError if a kit stands under that name already, or no kit may stand there."""
    if not out.name or not out.parent.is_dir():
        raise BundlerError(
            _("there is no directory '{place}' to put the kit in").format(
                place=printable(str(out.parent))
            ),
            _("make it first, or name another place with --out"),
            ExitCode.USAGE,
        )
    for path in (out, passphrase_path(out)):
        if not os.path.lexists(path):
            continue
        if not replace:
            raise BundlerError(
                _("'{place}' exists already").format(place=printable(str(path))),
                _(hint),
                ExitCode.USAGE,
            )
        if path == out and not _is_kit(out):
            raise BundlerError(
                _("'{place}' is not a kit, so --replace leaves it alone").format(
                    place=printable(str(out))
                ),
                _("name another place with --out"),
                ExitCode.USAGE,
            )


def _is_kit(path: Path) -> bool:
    """Tell whether a directory holds what a kit holds, and nothing else."""
    names = {entry.name for entry in path.iterdir()} if path.is_dir() else set()
    is_signed = {SUMS, SIGNATURE, SIGNER, "bundles"} <= names <= KIT_NAMES
    return is_signed or names == UNSIGNED_KIT_NAMES


@contextmanager
def new_kit(out: Path, signer: Signer | None, lang: Lang = Lang.EN) -> Iterator[Kit]:
    """Give a kit to fill; afterwards it stands under its name, unless an error came.

    Raises BundlerError when the operating system refuses, and leaves what was there before.
    """
    try:
        work = Path(tempfile.mkdtemp(prefix=f".{out.name}.new-", dir=out.parent))
        try:
            with closing(Kit(work, out.name, signer, lang)) as kit:
                yield kit
        except BaseException:
            shutil.rmtree(work, ignore_errors=True)
            raise
    except OSError as error:
        raise BundlerError(
            _("cannot write the kit '{place}': {why}").format(
                place=printable(str(out)), why=reason(error)
            ),
            _("look at the free space and the permissions there; nothing was left behind"),
            ExitCode.UNSUITABLE,
        ) from None


def publish(
    kit: Kit, out: Path, passphrases: bytes | None, *, keep_passphrases: bool = False
) -> None:
    """Give a whole kit its name, and its passphrases theirs: last of all the kit.

    A kit that stood there before is removed only when the new one has its name. Its passphrases
    go with it, unless they are kept as they are: then there are none to write.
    """
    secret = passphrase_path(out)
    replaced = (out,) if keep_passphrases else (secret, out)
    aside = Path(tempfile.mkdtemp(prefix=f".{out.name}.old-", dir=out.parent))
    with ExitStack() as undo:
        undo.callback(aside.rmdir)
        for path in replaced:
            if os.path.lexists(path):
                os.rename(path, aside / path.name)
                undo.callback(os.rename, aside / path.name, path)
        if passphrases is not None:
            undo.callback(secret.unlink, missing_ok=True)
            write_private(secret, passphrases)
        flush_directory(kit.directory)
        os.rename(kit.directory, out)
        undo.callback(os.rename, out, kit.directory)
        flush_directory(out.parent)
        undo.pop_all()
    shutil.rmtree(aside, ignore_errors=True)
