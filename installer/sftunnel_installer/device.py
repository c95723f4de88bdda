"""Which device this is, and where install.sh keeps what it must remember."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from sftunnel_builder.device_tree import SPELLINGS
from sftunnel_builder.errors import BundlerError, ExitCode, printable
from sftunnel_builder.failed_push import UUID_PATTERN
from sftunnel_builder.ims_conf import IMS_CONF_PATH, parse_ims_conf
from sftunnel_builder.tree import DirectoryTree

STATE_NAME = "sftunnel-bundler"


@dataclass(frozen=True)
class Device:
    """This device."""

    uuid: str
    """Its APPLIANCE_UUID, lower case."""
    model: str
    """As its ims.conf has it; empty if it has none."""
    state: Path
    """The state directory, which may not be there yet."""

    def pin(self, fingerprint: str) -> Path:
        """Return the file that says that an earlier install has pinned a signer."""
        return self.state / "signers" / fingerprint


def find_device(root: str) -> Device:
    """Return the device whose `/` is root (empty: the real one), as install.sh finds it.

    Raises BundlerError (UNSUITABLE, or USAGE if root is no directory).
    """
    if os.getuid() != 0:
        raise BundlerError(
            "this must run as root",
            "on the device: expert, then sudo su; elsewhere a rehearsal works under: unshare -r",
            ExitCode.UNSUITABLE,
        )
    if not os.path.isdir(root or "/"):
        raise BundlerError(
            f"--root '{printable(root)}' is not a directory",
            "name the top of the device tree",
            ExitCode.USAGE,
        )
    files = DirectoryTree(Path(os.path.realpath(root or "/")))
    place = _directory(files, os.path.dirname(IMS_CONF_PATH)) + "/ims.conf"
    state = files.locate(_directory(files, "/var/sf")) / STATE_NAME
    try:
        values = parse_ims_conf(files.read(place))
    except BundlerError as error:
        raise BundlerError(error.message, error.hint, ExitCode.UNSUITABLE) from None
    uuid = values.get("APPLIANCE_UUID", "").lower()
    if not re.fullmatch(UUID_PATTERN, uuid):
        raise BundlerError(
            f"'{files.place(place)}' holds no usable APPLIANCE_UUID",
            f"look at it: grep APPLIANCE_UUID '{files.place(place)}'",
            ExitCode.UNSUITABLE,
        )
    return Device(uuid, printable(values.get("MODEL", "")), state)


def _directory(files: DirectoryTree, path: str) -> str:
    """Return the spelling under which the device has a directory."""
    for top in SPELLINGS:
        try:
            if files.locate(top + path).is_dir():
                return top + path
        except OSError:
            continue
    raise BundlerError(
        f"there is no directory '{files.place(path)}'",
        "this does not look like an FTD or FMC; in a rehearsal, --root names the top of the copied "
        "tree",
        ExitCode.UNSUITABLE,
    )
