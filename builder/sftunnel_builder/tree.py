"""What is in an appliance's files: in a directory that looks like its `/`, live or copied."""

from __future__ import annotations

import os
import stat
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from sftunnel_builder.errors import BundlerError, printable, reason
from sftunnel_builder.words import N_, _

MAX_FILE_BYTES = 64 * 1024 * 1024
MAX_LINKS = 40


@dataclass(frozen=True)
class Standing:
    """What stands at a path itself, and not where a link there leads."""

    kind: str
    """`file`, `directory`, `symbolic link` or `special file`."""
    mode: str
    """Octal, such as `644`."""
    owner: str
    """`root:root`, or numbers such as `1000:0`: the names of other users are not known here."""


class Tree(ABC):
    """An appliance's files. Paths are those on the appliance, absolute."""

    @abstractmethod
    def read(self, path: str) -> bytes:
        """Return the contents of a file, such as /etc/sf/ca_root/cacert.pem.

        Raises BundlerError when it is missing, unreadable, no plain file or over 64 MiB.
        """

    @abstractmethod
    def names(self, path: str) -> list[str]:
        """Return the sorted names in a directory; none if there is no such directory."""

    @abstractmethod
    def has(self, path: str) -> bool:
        """Tell whether something stands at a path."""

    @abstractmethod
    def place(self, path: str) -> str:
        """Return what to call a path in messages."""

    def notes(self) -> list[str]:
        """Return what the operator should know of where the files came from."""
        return []


@dataclass(frozen=True)
class DirectoryTree(Tree):
    """A directory. Links are followed inside it only; nothing is ever written."""

    root: Path

    def read(self, path: str) -> bytes:
        """As of every tree."""
        place = self.place(path)
        try:
            with open_plain_file(self.locate(path), place) as file:
                data = file.read(MAX_FILE_BYTES + 1)
        except OSError as error:
            raise _unreadable(place, error) from None
        if len(data) > MAX_FILE_BYTES:
            raise BundlerError(
                _("'{place}' is over 64 MiB").format(place=place), _("look at what stands there")
            )
        return data

    def names(self, path: str) -> list[str]:
        """As of every tree."""
        try:
            return sorted(os.listdir(self.locate(path)))
        except OSError:
            return []

    def has(self, path: str) -> bool:
        """As of every tree."""
        try:
            return self.locate(path).exists()
        except OSError:
            return False

    def place(self, path: str) -> str:
        """As of every tree."""
        return printable(str(self.root / PurePosixPath(path).relative_to("/")))

    def standing(self, path: str) -> Standing | None:
        """Return what stands at a path; None if nothing does. Raises BundlerError."""
        above, _mark, name = path.rpartition("/")
        try:
            facts = self.locate(above or "/").joinpath(name).lstat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise _unreadable(self.place(path), error) from None
        kinds = {
            stat.S_IFREG: N_("file"),
            stat.S_IFDIR: N_("directory"),
            stat.S_IFLNK: N_("symbolic link"),
        }
        kind = kinds.get(stat.S_IFMT(facts.st_mode), N_("special file"))
        owner = ":".join(
            "root" if each == 0 else str(each) for each in (facts.st_uid, facts.st_gid)
        )
        return Standing(kind, f"{stat.S_IMODE(facts.st_mode):o}", owner)

    def locate(self, path: str) -> Path:
        """Return where a path of the appliance is here; an absolute link means the tree.

        Whether anything stands there is another matter. Raises OSError.
        """
        left = list(reversed(PurePosixPath(path).parts[1:]))
        at: list[str] = []
        links = 0
        while left:
            part = left.pop()
            if part == "..":
                del at[-1:]
                continue
            here = self.root.joinpath(*at, part)
            if not here.is_symlink():
                at.append(part)
                continue
            links += 1
            if links > MAX_LINKS:
                raise OSError(40, "too many levels of symbolic links")
            target = PurePosixPath(os.readlink(here))
            if target.is_absolute():
                at.clear()
            left.extend(p for p in reversed(target.parts) if p != "/")
        return self.root.joinpath(*at)


def _unreadable(place: str, error: OSError) -> BundlerError:
    return BundlerError(
        _("cannot read '{place}': {why}").format(place=place, why=reason(error)),
        _("run as root on the appliance, or name a copy of its files"),
    )


def open_plain_file(path: Path, place: str) -> BinaryIO:
    """Open a plain file for reading; place is what to call it.

    Raises OSError, and BundlerError when something else than a plain file stands there.
    """
    # Not blocking, in case somebody put a pipe there.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return open(descriptor, "rb")
    os.close(descriptor)
    raise BundlerError(
        _("'{place}' is not a file").format(place=place), _("look at what stands there")
    )
