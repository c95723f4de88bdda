"""What is on a device: its identity, the trio of each of its FMCs, what install.sh remembers."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from sftunnel_builder.errors import BundlerError, printable
from sftunnel_builder.failed_push import UUID_PATTERN
from sftunnel_builder.fmc_tree import PEERS_PATH
from sftunnel_builder.ims_conf import IMS_CONF_PATH, parse_ims_conf
from sftunnel_builder.tree import DirectoryTree, Tree
from sftunnel_builder.words import _

STATE_PATH = "/var/sf/sftunnel-bundler"
"""Where install.sh keeps what it must remember; for root alone."""
SPELLINGS = ("", "/ngfw")
"""/var/sf resolves inside /ngfw/var/sf on hardware: a copied tree may have either."""


@dataclass(frozen=True)
class DeviceTree:
    """One device's files, live or copied."""

    files: DirectoryTree
    uuid: str
    """Its APPLIANCE_UUID, lower case."""
    model: str
    """As its ims.conf has it; empty if it has none."""

    def fmc_uuids(self) -> list[str]:
        """Return the UUIDs of the FMCs that it has a peer directory of, sorted."""
        names = {n for top in SPELLINGS for n in self.files.names(f"{top}{PEERS_PATH}")}
        return sorted(name for name in names if re.fullmatch(UUID_PATTERN, name))

    def peer_path(self, fmc_uuid: str) -> str:
        """Return where it has the peer directory of an FMC."""
        return _spelled(self.files, f"{PEERS_PATH}/{fmc_uuid}")

    def trio_path(self, fmc_uuid: str, name: str) -> str:
        """Return where it has a file of the trio for an FMC."""
        return _spelled(self.files, f"{PEERS_PATH}/{fmc_uuid}/{name}")

    def newest_run(self, fmc_uuid: str) -> int | None:
        """Return the newest generate_certs.pl run of an FMC that it has had, as far as it knows."""
        try:
            text = self.files.read(_spelled(self.files, f"{STATE_PATH}/runs")).decode("ascii")
        except (BundlerError, UnicodeDecodeError):
            return None
        runs = re.findall(rf"^{fmc_uuid} ([0-9]{{1,12}})$", text, re.MULTILINE)
        return max(map(int, runs), default=None)

    def pinned_signers(self) -> frozenset[str]:
        """Return the fingerprints of the signers that earlier installs pinned, as far as known."""
        names = self.files.names(_spelled(self.files, f"{STATE_PATH}/signers"))
        return frozenset(name for name in names if re.fullmatch("[0-9a-f]{64}", name))

    def is_interrupted(self) -> bool:
        """Tell whether a run of install.sh left something to be put right by the next one."""
        return self.files.has(_spelled(self.files, f"{STATE_PATH}/journal"))


def is_device_tree(path: Path) -> bool:
    """Tell whether a directory looks like a device's `/`: it has an ims.conf and peers."""
    files = DirectoryTree(path)
    return all(files.has(_spelled(files, wanted)) for wanted in (IMS_CONF_PATH, PEERS_PATH))


def open_device_tree(path: Path) -> DeviceTree:
    """Return the device whose `/` a directory is; raises BundlerError if it is none."""
    files = DirectoryTree(path)
    if not is_device_tree(path):
        raise BundlerError(
            _("'{place}' is not a device tree: it lacks '{one}' or '{other}'").format(
                place=printable(str(path)), one=IMS_CONF_PATH, other=PEERS_PATH
            ),
            _("name the top of the device's files, or of a copy of them"),
        )
    place = _spelled(files, IMS_CONF_PATH)
    values = parse_ims_conf(files.read(place))
    uuid = values.get("APPLIANCE_UUID", "").lower()
    if not re.fullmatch(UUID_PATTERN, uuid):
        raise BundlerError(
            _("'{place}' holds no usable APPLIANCE_UUID").format(place=files.place(place)),
            _("look at what it says"),
        )
    return DeviceTree(files, uuid, printable(values.get("MODEL", "")))


def _spelled(files: Tree, path: str) -> str:
    """Return the spelling of a path under which the device has it, the plain one if it has not."""
    return next((top + path for top in SPELLINGS if files.has(top + path)), path)
