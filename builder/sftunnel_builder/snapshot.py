"""A snapshot: a .tar.gz of an FMC's files, read in memory, as it holds private keys.

The script that `collect` prints makes one; one made by hand will do. It comes from elsewhere and
may be damaged or hostile, so that it is read as a stream with limits, nothing is ever unpacked, and
all that an FMC's plain files do not need is refused: links, devices, sparse files, names that lead
elsewhere, a name twice, anything behind the end. Plain files that a build does not need are passed
over, so that they cost no memory.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
import tarfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from sftunnel_builder.errors import BundlerError, printable, reason
from sftunnel_builder.tree import MAX_FILE_BYTES, Tree, open_plain_file
from sftunnel_builder.words import N_, _

MAX_SNAPSHOT_BYTES = 512 * 1024 * 1024
"""Of the tar inside. A FAILED_PUSH of 300,000 lines has 54 MB, a trio 5 kB."""
MAX_MEMBERS = 200_000
MAX_SMALL_BYTES = 1024 * 1024
"""Of a certificate, key or configuration file; FAILED_PUSH and logs may have MAX_FILE_BYTES."""
MAX_EXTENSION_BYTES = 1024
"""Of what pax and GNU put before a member: its long name, or facts that nobody needs here."""
_CHUNK_BYTES = 1 << 16
_SMALL = re.compile(
    r"/etc/sf/(?:ims\.conf|sftunnel\.conf|(?:[\w.-]+/)*[\w.-]*cert[\w.-]*\.pem)"
    r"|/var/sf/peers/[^/]+/certs_pushed/sftunnel-(?:cert|key)\.pem"
)
_LARGE = re.compile(
    r"/var/tmp/certs/[^/]+/FAILED_PUSH|/var/log/sf/sfca_generation\.log"  # noqa: S108
)
_REMEDY = N_("make it again with the script that `sftunnel-bundler collect` prints")


@dataclass(frozen=True)
class SnapshotTree(Tree):
    """The files that a build needs, in memory. Contents by absolute path."""

    name: str
    """What to call it in messages."""
    contents: Mapping[str, bytes]
    directories: Mapping[str, frozenset[str]]
    """The names in each directory, by absolute path."""
    sha256: str
    """Of the file, 64 hex digits."""
    mode: int
    """Of the file, its permission bits."""

    def read(self, path: str) -> bytes:
        """As of every tree."""
        if path in self.contents:
            return self.contents[path]
        raise BundlerError(
            _("'{place}' is not in the snapshot").format(place=self.place(path)),
            _("make the snapshot again as root on the FMC, after generate_certs.pl"),
        )

    def names(self, path: str) -> list[str]:
        """As of every tree."""
        return sorted(self.directories.get(path, ()))

    def has(self, path: str) -> bool:
        """As of every tree."""
        return path in self.contents or path in self.directories

    def place(self, path: str) -> str:
        """As of every tree: `fmc.tar.gz:/etc/sf/ca_root/cacert.pem`."""
        return printable(f"{self.name}:{path}")

    def notes(self) -> list[str]:
        """As of every tree: its checksum, and whether others can read the keys in it."""
        notes = [
            _("snapshot '{name}' has the SHA-256 {sha256}: is it what was collected?").format(
                name=self.name, sha256=self.sha256
            )
        ]
        if self.mode & 0o077:
            notes.append(
                _(
                    "snapshot '{name}' holds private keys and is open to others: wanted mode 0600, "
                    "found {mode:04o}"
                ).format(name=self.name, mode=self.mode)
            )
        return notes


def open_snapshot(path: Path) -> SnapshotTree:
    """Read a snapshot; raises BundlerError when it is damaged, hostile or none."""
    place = printable(str(path))
    try:
        with open_plain_file(path, place) as file:
            return read_snapshot(file, place, stat.S_IMODE(os.fstat(file.fileno()).st_mode))
    except OSError as error:
        raise BundlerError(
            _("cannot read '{place}': {why}").format(place=place, why=reason(error)),
            _("check the name that was given"),
        ) from None


def read_snapshot(file: IO[bytes], place: str, mode: int = 0o600) -> SnapshotTree:
    """Read a snapshot from an open file; place is what to call it. Raises BundlerError."""
    stream = _TarStream(file, place)
    contents: dict[str, bytes] = {}
    directories: dict[str, set[str]] = {}
    try:
        with tarfile.open(
            fileobj=stream, mode="r|", bufsize=_CHUNK_BYTES, tarinfo=_Header
        ) as reader:  # type: ignore[call-overload]
            for path, info in _members(reader, place):
                _note_directories(directories, path)
                if info.isdir():
                    directories.setdefault(path, set())
                elif limit := _limit(path):
                    contents[path] = _content(reader, info, limit, place)
        stream.finish()
    except (tarfile.TarError, ValueError, OverflowError, RecursionError):
        raise _refusal(_("is damaged: it does not read as a tar archive"), place) from None
    frozen = {path: frozenset(names) for path, names in directories.items()}
    return SnapshotTree(place, contents, frozen, stream.sha256(), mode)


class _Header(tarfile.TarInfo):
    """A member's header, refused before `tarfile` reads an extension that keeps it busy for hours.

    Its search for a character set in a pax header takes the square of its length in Python 3.11.
    """

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> _Header:
        """Read a header; raises tarfile.ReadError."""
        header = super().frombuf(buf, encoding, errors)
        is_plain = header.isreg() or header.isdir()
        if header.size < 0 or (not is_plain and header.size > MAX_EXTENSION_BYTES):
            raise tarfile.ReadError
        return header


class _TarStream:
    """The tar in a .tar.gz, for reading once, within limits."""

    def __init__(self, file: IO[bytes], place: str) -> None:
        self._file = file
        self._place = place
        self._inflate = zlib.decompressobj(zlib.MAX_WBITS | 16)
        self._left = MAX_SNAPSHOT_BYTES
        self._last = b""
        self._hash = hashlib.sha256()

    def read(self, size: int) -> bytes:
        """Return up to that many bytes; nothing at the end. Raises BundlerError."""
        data = bytearray()
        while len(data) < size and not self._inflate.eof:
            packed = self._inflate.unconsumed_tail or self._next_packed()
            try:
                data += self._inflate.decompress(packed, size - len(data))
            except zlib.error:
                raise _refusal(_("is damaged, or is no .tar.gz"), self._place) from None
        self._left -= len(data)
        if self._left < 0:
            raise _refusal(
                _("unpacks to over {limit} MiB").format(limit=MAX_SNAPSHOT_BYTES >> 20), self._place
            )
        self._last = (self._last + data)[-1024:]
        return bytes(data)

    def sha256(self) -> str:
        """Return the SHA-256 of all that was read of the file."""
        return self._hash.hexdigest()

    def _next_packed(self) -> bytes:
        packed = self._file.read(_CHUNK_BYTES)
        self._hash.update(packed)
        if not packed:
            raise _refusal(_("is damaged: it is cut short"), self._place)
        return packed

    def finish(self) -> None:
        """Read to the end; raises BundlerError unless the archive says that it is its end."""
        is_padding = True
        while data := self.read(_CHUNK_BYTES):
            is_padding = is_padding and not data.strip(b"\0")
        if not is_padding or self._last.strip(b"\0") or len(self._last) < 1024:
            raise _refusal(_("is damaged: it does not end as a tar archive does"), self._place)
        if self._inflate.unused_data or self._file.read(1):
            raise _refusal(_("is damaged: something stands behind its end"), self._place)


def _members(reader: tarfile.TarFile, place: str) -> Iterator[tuple[str, tarfile.TarInfo]]:
    """Yield each file and directory by its path on the FMC; raises BundlerError."""
    seen: set[str] = set()
    for info in reader:
        # Else every header read so far would be kept.
        reader.members = []  # type: ignore[attr-defined]
        shown = printable(info.name, 80)
        path = _path(info.name)
        if path is None:
            raise _refusal(
                _("holds a name that leads elsewhere: '{shown}'").format(shown=shown), place
            )
        if info.isdir():
            yield path, info
            continue
        if info.type not in (tarfile.REGTYPE, tarfile.AREGTYPE) or info.issparse():
            raise _refusal(
                _("holds something else than plain files: '{shown}'").format(shown=shown), place
            )
        if path in seen:
            raise _refusal(_("holds '{shown}' twice").format(shown=shown), place)
        seen.add(path)
        if len(seen) > MAX_MEMBERS:
            raise _refusal(_("holds over {limit} files").format(limit=MAX_MEMBERS), place)
        yield path, info


def _path(name: str) -> str | None:
    """Return the absolute path that a member's name means; None if it is no plain one."""
    parts = name.removeprefix("./").rstrip("/").split("/")
    if name in (".", "./"):
        return "/"
    if any(part in ("", ".", "..") or not part.isprintable() for part in parts):
        return None
    return "/" + "/".join(parts)


def _limit(path: str) -> int | None:
    """Return how long a file may be; None if it is not needed."""
    if _SMALL.fullmatch(path):
        return MAX_SMALL_BYTES
    return MAX_FILE_BYTES if _LARGE.fullmatch(path) else None


def _content(reader: tarfile.TarFile, info: tarfile.TarInfo, limit: int, place: str) -> bytes:
    if info.size > limit:
        raise _refusal(
            _("holds a file of over {limit} MiB: '{name}'").format(
                limit=limit >> 20, name=printable(info.name)
            ),
            place,
        )
    content = reader.extractfile(info)
    data = content.read() if content else b""
    if len(data) != info.size:
        raise _refusal(
            _("is damaged: '{name}' in it is cut short").format(name=printable(info.name)), place
        )
    return data


def _note_directories(directories: dict[str, set[str]], path: str) -> None:
    """Put a path into its directory, that one into its own, and so on."""
    while path != "/":
        parent, _mark, name = path.rpartition("/")
        known = directories.setdefault(parent or "/", set())
        if name in known:
            return
        known.add(name)
        path = parent or "/"


def _refusal(why: str, place: str) -> BundlerError:
    return BundlerError(_("snapshot '{place}' {why}").format(place=place, why=why), _(_REMEDY))
