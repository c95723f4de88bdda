"""Make a made-up FTD device: its tree, its stand-in commands and its end of the tunnel."""

import re
import subprocess
import time
import uuid as uuids
from collections.abc import Callable
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Self

from sftunnel_builder.child import child_environment
from sftunnel_builder.lab import tree
from sftunnel_builder.lab.appliance import Appliance

MODEL = "Cisco Firepower 1120 Threat Defense"
COMMANDS = {
    "pmtool": 0o755,
    "sftunneld": 0o755,
    "sftunnel_status.pl": 0o755,
    "lab-places.sh": 0o644,
}
COMMAND_TIMEOUT_S = 30.0

# Relative, so that a tree can be copied or entered with chroot. On hardware these lead into /ngfw.
_LINKS = {
    "var/sf": "../ngfw/var/sf",
    "ngfw/var/log": "../../var/log",
    "ngfw/usr/local/sf": "../../../usr/local/sf",
}


@dataclass
class LabDevice(Appliance):
    """One made-up FTD. Make it with `create`, register it with an FMC, then start sftunnel."""

    @classmethod
    def create(
        cls,
        root: Path,
        *,
        uuid: str | None = None,
        name: str = "BSNS-1120-1",
        address: str = "10.48.67.54",
        version: str = "7.2.5",
        model: str = MODEL,
        quote_uuid: bool = False,
    ) -> Self:
        """Write a device tree with stand-in commands and no manager yet.

        Args:
            root: the directory to be the device's `/`; made if missing.
            uuid: the device's UUID, a new one if None.
            name: its display name on the FMC; may hold blanks.
            address: its address as the FMC knows it, shown in texts and never connected to.
            version: its software version.
            model: the MODEL of its ims.conf.
            quote_uuid: whether ims.conf quotes the UUID.

        Returns:
            The device, its sftunnel not running.
        """
        device = cls(root, uuid or str(uuids.uuid4()), name, address, version, model)
        for directory in ("ngfw/var/sf/peers", "ngfw/usr/local", "var/log", "var/run"):
            tree.make_directory(root / directory)
        for link, target in _LINKS.items():
            if not (root / link).is_symlink():
                (root / link).symlink_to(target)
        tree.write_file(root / "etc/sf/ims.conf", device.ims_conf(quote_uuid=quote_uuid))
        tree.write_file(root / "etc/sf/lab-tunnels", "")
        host_name = re.sub(r"[^A-Za-z0-9-]", "-", name)
        tree.write_file(root / "etc/hostname", f"{host_name}\n")
        tree.write_file(root / "var/log/messages", "")
        stand_ins = resources.files("sftunnel_builder.lab") / "stand_ins"
        for command, mode in COMMANDS.items():
            content = (stand_ins / command).read_bytes()
            tree.write_file(device._command(command), content, mode)
        return device

    def connect_to(self, fmc_uuid: str, host: str, port: int) -> None:
        """Say at which loopback address and port the tunnel of that FMC is served.

        sftunnel heeds it at its next attempt, within about a second.
        """
        path = self.root / "etc/sf/lab-tunnels"
        others = [
            line for line in path.read_text().splitlines() if line.split(" ", 1)[0] != fmc_uuid
        ]
        new = tree.write_file(
            path.with_suffix(".new"), "\n".join([*others, f"{fmc_uuid} {host} {port}", ""])
        )
        new.replace(path)

    def run(self, command: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run one of the device's stand-in commands to its end; its exit status is not judged."""
        return subprocess.run(
            ["/bin/sh", str(self._command(command)), *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=COMMAND_TIMEOUT_S,
            env=child_environment(),
            check=False,
        )

    def start_sftunnel(self) -> None:
        """Start sftunnel, or restart it if it runs; RuntimeError if it does not come up."""
        self._pmtool("enablebyid")

    def stop_sftunnel(self) -> None:
        """Stop sftunnel and every process of it; stopping twice does no harm."""
        self._pmtool("disablebyid")

    def status_text(self) -> str:
        """Return what `sftunnel_status.pl` prints at this moment."""
        return self.run("sftunnel_status.pl").stdout

    def is_up(self, fmc_uuid: str) -> bool:
        """Tell whether the tunnel to that FMC is up at this moment."""
        return "Peer channel Channel-A is valid" in self.run("sftunnel_status.pl", fmc_uuid).stdout

    def wait_for_tunnel(self, fmc_uuid: str, timeout_s: float = 10.0) -> bool:
        """Wait until the tunnel to that FMC is up; False if it was not within `timeout_s`."""
        return _wait(lambda: self.is_up(fmc_uuid), timeout_s)

    def wait_for_log(self, text: str, timeout_s: float = 10.0) -> bool:
        """Wait until `var/log/messages` holds this text; False if not within `timeout_s`."""
        return _wait(lambda: text in self.log_text(), timeout_s)

    def log_text(self) -> str:
        """Return `var/log/messages`."""
        return (self.root / "var/log/messages").read_text(errors="replace")

    def _command(self, name: str) -> Path:
        return self.root / "usr/local/sf/bin" / name

    def _pmtool(self, verb: str) -> None:
        done = self.run("pmtool", verb, "sftunnel")
        if done.returncode != 0:
            raise RuntimeError(f"pmtool {verb} sftunnel: exit {done.returncode}: {done.stderr}")


def _wait(is_so: Callable[[], bool], timeout_s: float) -> bool:
    """Ask again and again until it is so; False if it was not within `timeout_s`."""
    deadline = time.monotonic() + timeout_s
    while not is_so():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True
