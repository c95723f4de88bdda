"""Reading an FMC tree: a directory that looks like an FMC's `/`, live or copied. Never writes."""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from sftunnel_builder.errors import BundlerError, printable, reason

CA_PATH = "/etc/sf/ca_root/cacert.pem"
PEERS_PATH = "/var/sf/peers"
RUNS_PATH = "/var/tmp/certs"  # noqa: S108  a place on the FMC (tech note 222464)
MAX_FILE_BYTES = 64 * 1024 * 1024
MAX_LINKS = 40


@dataclass(frozen=True)
class FmcTree:
    """One FMC's files. Paths are those on the FMC; links are followed inside the tree only."""

    root: Path

    def read(self, path: str) -> bytes:
        """Return the contents of a file on the FMC, such as /etc/sf/ca_root/cacert.pem.

        Raises BundlerError when it is missing, unreadable, no plain file or over 64 MiB.
        """
        place = self.place(path)
        try:
            # Not blocking, in case somebody put a pipe there.
            descriptor = os.open(self._locate(path), os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            with open(descriptor, "rb") as file:
                if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                    raise BundlerError(f"'{place}' is not a file", "look at what stands there")
                data = file.read(MAX_FILE_BYTES + 1)
        except OSError as error:
            raise BundlerError(
                f"cannot read '{place}': {reason(error)}",
                "run as root on the FMC, or name the tree with --fmc-tree",
            ) from None
        if len(data) > MAX_FILE_BYTES:
            raise BundlerError(f"'{place}' is over 64 MiB", "look at what stands there")
        return data

    def names(self, path: str) -> list[str]:
        """Return the sorted names in a directory on the FMC; none if there is no such directory."""
        try:
            return sorted(os.listdir(self._locate(path)))
        except OSError:
            return []

    def has(self, path: str) -> bool:
        """Tell whether something stands at a path on the FMC."""
        try:
            return self._locate(path).exists()
        except OSError:
            return False

    def place(self, path: str) -> str:
        """Return what to call a path in messages."""
        return printable(str(self.root / PurePosixPath(path).relative_to("/")))

    def run_ids(self) -> list[int]:
        """Return the ids of the generate_certs.pl runs that left a directory, oldest first."""
        return sorted(int(n) for n in self.names(RUNS_PATH) if re.fullmatch(r"[0-9]{1,12}", n))

    def newest_failed_push(self) -> str | None:
        """Return the path of the newest FAILED_PUSH, by the id of its run, or None."""
        for run_id in reversed(self.run_ids()):
            path = f"{RUNS_PATH}/{run_id}/FAILED_PUSH"
            if self.has(path):
                return path
        return None

    def _locate(self, path: str) -> Path:
        """Return where a path of the FMC is here; an absolute link means the tree."""
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


def open_fmc_tree(root: Path) -> FmcTree:
    """Return the tree at a directory; raises BundlerError if it has no internal CA."""
    if not root.is_dir():
        raise BundlerError(
            f"'{printable(str(root))}' is not a directory", "name an FMC tree with --fmc-tree"
        )
    tree = FmcTree(root)
    if not tree.has(CA_PATH):
        raise BundlerError(
            f"'{printable(str(root))}' is not an FMC tree: it has no '{CA_PATH}'",
            "run this on the FMC, or name a copy of its tree with --fmc-tree",
        )
    return tree
