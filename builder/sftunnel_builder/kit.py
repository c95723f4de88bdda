"""The kit: the directory that a build writes. It appears under its name whole, or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from sftunnel_builder.bundle import SIGNATURE, SIGNER, SUMS, Bundle
from sftunnel_builder.errors import BundlerError, ExitCode, printable, reason
from sftunnel_builder.signer import Signer

KIT_NAMES = {SUMS, SIGNATURE, SIGNER, "bundles", "runbooks"}


class Kit:
    """A kit that is being written, in a directory beside its final name."""

    def __init__(self, directory: Path) -> None:
        """Begin an empty kit."""
        self.directory = directory
        self._sums: dict[str, str] = {}

    def add(self, name: str, content: bytes, sha256: str | None = None) -> None:
        """Write one file, 0600 and flushed; name is relative, such as `runbooks/fw.txt`."""
        import hashlib

        path = self.directory / name
        path.parent.mkdir(mode=0o700, exist_ok=True)
        write_private(path, content)
        self._sums[name] = sha256 or hashlib.sha256(content).hexdigest()

    def add_bundle(self, bundle: Bundle, runbook: bytes) -> None:
        """Write a bundle, its checksum beside it, and its runbook."""
        digest = bundle.sha256()
        top = bundle.file_name.removesuffix(".tar.gz")
        self.add(f"bundles/{bundle.file_name}", bundle.data, digest)
        self.add(f"bundles/{bundle.file_name}.sha256", f"{digest}  {bundle.file_name}\n".encode())
        self.add(f"runbooks/{top}.txt", runbook)

    def seal(self, signer: Signer) -> None:
        """Write the signer's public key, and the signed list of everything in the kit."""
        self.add(SIGNER, signer.public_pem())
        sums = "".join(f"{digest}  {name}\n" for name, digest in sorted(self._sums.items()))
        write_private(self.directory / SUMS, sums.encode())
        write_private(self.directory / SIGNATURE, signer.sign(sums.encode()))


def passphrase_path(out: Path) -> Path:
    """Return the file beside a kit that holds its passphrases."""
    return out.with_name(f"{out.name}-passphrases.txt")


def refuse_existing(out: Path, *, replace: bool) -> None:
    """Raise BundlerError if a kit stands under that name already, or no kit may stand there."""
    if not out.name or not out.parent.is_dir():
        raise BundlerError(
            f"there is no directory '{printable(str(out.parent))}' to put the kit in",
            "make it first, or name another place with --out",
            ExitCode.USAGE,
        )
    for path in (out, passphrase_path(out)):
        if not os.path.lexists(path):
            continue
        if not replace:
            raise BundlerError(
                f"'{printable(str(path))}' exists already",
                "name another kit with --out, or give --replace",
                ExitCode.USAGE,
            )
        if path == out and not _is_kit(out):
            raise BundlerError(
                f"'{printable(str(out))}' is not a kit, so --replace leaves it alone",
                "name another place with --out",
                ExitCode.USAGE,
            )


def _is_kit(path: Path) -> bool:
    """Tell whether a directory holds what a kit holds, and nothing else."""
    names = {entry.name for entry in path.iterdir()} if path.is_dir() else set()
    return {SUMS, SIGNATURE, SIGNER, "bundles"} <= names <= KIT_NAMES


@contextmanager
def new_kit(out: Path) -> Iterator[Kit]:
    """Give a kit to fill; afterwards it stands under its name, unless an error came.

    Raises BundlerError when the operating system refuses, and leaves what was there before.
    """
    try:
        work = Path(tempfile.mkdtemp(prefix=f".{out.name}.new-", dir=out.parent))
        try:
            yield Kit(work)
        except BaseException:
            shutil.rmtree(work, ignore_errors=True)
            raise
    except OSError as error:
        raise BundlerError(
            f"cannot write the kit '{printable(str(out))}': {reason(error)}",
            "look at the free space and the permissions there; nothing was left behind",
            ExitCode.UNSUITABLE,
        ) from None


def publish(kit: Kit, out: Path, passphrases: bytes | None) -> None:
    """Give a whole kit its name, and its passphrases theirs: last of all the kit.

    A kit that stood there before is removed only when the new one has its name.
    """
    secret = passphrase_path(out)
    aside = Path(tempfile.mkdtemp(prefix=f".{out.name}.old-", dir=out.parent))
    with ExitStack() as undo:
        undo.callback(aside.rmdir)
        for path in (secret, out):
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


def write_private(path: Path, content: bytes) -> None:
    """Write a new file, 0600, flushed to disk."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with open(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(descriptor)


def flush_directory(path: Path) -> None:
    """Flush the names in a directory to disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
