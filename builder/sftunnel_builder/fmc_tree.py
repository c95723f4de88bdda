"""What generate_certs.pl left in an FMC tree: the new CA, its runs, and which devices it missed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sftunnel_builder.errors import BundlerError, printable
from sftunnel_builder.ims_conf import IMS_CONF_PATH, parse_ims_conf
from sftunnel_builder.snapshot import open_snapshot
from sftunnel_builder.tree import DirectoryTree, Tree
from sftunnel_builder.words import _

CA_PATH = "/etc/sf/ca_root/cacert.pem"
SFTUNNEL_CONF_PATH = "/etc/sf/sftunnel.conf"
"""Names the files of the FMC's own end of the tunnel."""
PEERS_PATH = "/var/sf/peers"
RUNS_PATH = "/var/tmp/certs"  # noqa: S108  a place on the FMC (tech note 222464)
LOG_PATH = "/var/log/sf/sfca_generation.log"
_RUN_NAMED = re.compile(rb"/var/tmp/certs/([0-9]{1,12})/FAILED_PUSH")


@dataclass(frozen=True)
class FmcTree:
    """One FMC's files: the live root, a directory, or a snapshot."""

    files: Tree

    def read(self, path: str) -> bytes:
        """Return the contents of a file on the FMC; raises BundlerError."""
        return self.files.read(path)

    def has(self, path: str) -> bool:
        """Tell whether something stands at a path on the FMC."""
        return self.files.has(path)

    def place(self, path: str) -> str:
        """Return what to call a path in messages."""
        return self.files.place(path)

    def notes(self) -> list[str]:
        """Return what the operator should know of where the files came from."""
        return self.files.notes()

    def ims_conf(self) -> Mapping[str, str]:
        """Return what the FMC says of itself; nothing if it has no readable ims.conf."""
        try:
            return parse_ims_conf(self.read(IMS_CONF_PATH))
        except BundlerError:
            return {}

    def peer_uuids(self) -> list[str]:
        """Return the names of the peer directories, sorted: UUIDs, and whatever else is there."""
        return self.files.names(PEERS_PATH)

    def run_ids(self) -> list[int]:
        """Return the ids of the generate_certs.pl runs that left a trace, oldest first.

        A run leaves a directory, which a clean-up of /var/tmp takes away, and lines in its log.
        """
        names = self.files.names(RUNS_PATH)
        runs = {int(name) for name in names if re.fullmatch(r"[0-9]{1,12}", name)}
        if self.has(LOG_PATH):
            runs |= set(runs_named_in(self.read(LOG_PATH)))
        return sorted(runs)

    def newest_failed_push(self) -> str | None:
        """Return the path of the newest FAILED_PUSH, by the id of its run, or None."""
        for run_id in reversed(self.run_ids()):
            if self.has(failed_push_path(run_id)):
                return failed_push_path(run_id)
        return None


def failed_push_path(run_id: int) -> str:
    """Return where a run of generate_certs.pl leaves its FAILED_PUSH."""
    return f"{RUNS_PATH}/{run_id}/FAILED_PUSH"


def runs_named_in(text: bytes) -> list[int]:
    """Return the runs whose FAILED_PUSH a text names, in its order.

    The text is what generate_certs.pl shows on the screen, or its log: both say `For more details
    check /var/tmp/certs/<run id>/FAILED_PUSH` (tech note 222464).
    """
    return [int(run_id) for run_id in _RUN_NAMED.findall(text)]


def refuse_missing_tree(path: Path) -> None:
    """Raise BundlerError if there is nothing that could be a tree."""
    if not path.exists():
        raise BundlerError(
            _("there is no directory or snapshot '{place}'").format(place=printable(str(path))),
            _("name an FMC tree with --fmc-tree"),
        )


def open_fmc_tree(path: Path) -> FmcTree:
    """Return the tree in a directory or snapshot; raises BundlerError if it has no internal CA."""
    refuse_missing_tree(path)
    place = printable(str(path))
    tree = FmcTree(DirectoryTree(path) if path.is_dir() else open_snapshot(path))
    if not tree.has(CA_PATH):
        raise BundlerError(
            _("'{place}' is not an FMC tree: it has no '{ca_path}'").format(
                place=place, ca_path=CA_PATH
            ),
            _("run this on the FMC, or name a copy of its tree, or a snapshot"),
        )
    return tree
