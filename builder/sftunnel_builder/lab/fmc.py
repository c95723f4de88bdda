"""Make a made-up FMC: its tree, its devices, its `generate_certs.pl` and its end of the tunnel."""

import uuid as uuids
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self

from cryptography.hazmat.primitives.asymmetric import rsa

from sftunnel_builder.lab import tree
from sftunnel_builder.lab.appliance import TRIO, Appliance
from sftunnel_builder.lab.certificates import key_pem, make_ca, make_leaf, new_key
from sftunnel_builder.lab.tunnel import TunnelServer

MODEL = "Cisco Secure Firewall Management Center for VMware"
CA_LIFETIME = timedelta(days=3650)
# In tech note 222464 the run 1728915794 made a CA valid from 14 seconds later.
RUN_TO_NOT_BEFORE = timedelta(seconds=14)

SFTUNNEL_CONF = """\
proxys1 {
  proxy_cert /etc/sf/keys/sftunnel-cert.pem;
  proxy_key /etc/sf/keys/sftunnel-key.pem;
  proxy_cacert /etc/sf/ca_root/cacert.pem;
  proxy_crl /etc/sf/ca_root/crl.pem;
  proxy_cipher 1;
  proxy_tls_version TLSv1.2;
};
"""

_SCREEN_START = """\
setting log file to /var/log/sf/sfca_generation.log

You are about to generate new certificates for FMC and devices.
After successful cert generation, device specific certs will be pushed automatically
If the connection between FMC and a device is down, user needs to copy the certificates onto the \
device manually
For more details on disconnected devices, use sftunnel_status.pl
Do you want to continue? [yes/no]:yes

Current ca_root expires in {days} days - at {end:%b %e %H:%M:%S %Y} GMT
Do you want to continue? [yes/no]:yes

"""
_SCREEN_FAILED = """
Some files were failed to be pushed to remote peers. For more details check {path}
"""
# What a Perl interpreter says when a destructor comes too late: harmless, and always there.
_SCREEN_END = "\nScalars leaked: 1\n"


@dataclass
class _Authority:
    """The internal CA with its key (PEM files of the tree, kept here for signing)."""

    pem: bytes
    key: rsa.RSAPrivateKey
    not_before: datetime
    not_after: datetime
    leaves: int = 0


@dataclass
class LabFmc(Appliance):
    """One made-up FMC. Make it with `create`; registered devices stand in `devices`."""

    devices: list[Appliance] = field(default_factory=list, repr=False)

    def __post_init__(self) -> None:
        self._server = TunnelServer(self.root, self.name)
        self._authority: _Authority | None = None

    @classmethod
    def create(
        cls,
        root: Path,
        *,
        uuid: str | None = None,
        name: str = "fmc-lab",
        version: str = "7.2.5",
        address: str = "10.48.79.232",
        now: datetime,
        expired: bool = True,
    ) -> Self:
        """Write an FMC tree whose CA has lived its ten years.

        Args:
            root: the directory to be the FMC's `/`; made if missing.
            uuid: the FMC's UUID, a new one if None.
            name: its host name.
            version: its software version.
            address: its address, shown in texts and never connected to.
            now: the aware time of making.
            expired: True if the CA ended 20 days before `now`, False if it has 60 days left.

        Returns:
            The FMC, not serving yet.
        """
        fmc = cls(root, uuid or str(uuids.uuid4()), name, address, version, MODEL)
        for directory in ("var/sf/peers", "var/log/sf", "var/tmp/certs", "etc/sf/ca_root/private"):
            tree.make_directory(root / directory)
        tree.write_file(root / "etc/sf/sftunnel.conf", SFTUNNEL_CONF)
        tree.write_file(root / "etc/sf/ims.conf", fmc.ims_conf())
        tree.write_file(root / "var/log/messages", "")
        end = now.astimezone(UTC).replace(microsecond=0) + timedelta(days=-20 if expired else 60)
        fmc._make_authority(end - CA_LIFETIME)
        return fmc

    @property
    def ca_pem(self) -> bytes:
        """The CA of this moment, PEM."""
        return self._ca.pem

    def register(self, device: Appliance) -> None:
        """Register a device, or the other FMC of an HA pair, with the CA of this moment.

        Both sides get a peer directory with the trio. Two FMCs register one way only: a peer
        directory has room for one trio.
        """
        cert, key = self._issue(device)
        for side, other in ((self, device), (device, self)):
            side.add_peer(other)
            side.install_trio(other.uuid, self.ca_pem, cert, key)
        self.devices.append(device)

    def generate_certs(
        self,
        *,
        run_id: int | None = None,
        failed: Sequence[Appliance] | None = None,
        now: datetime,
    ) -> str:
        """Do what Cisco's generate_certs.pl does (tech note 222464).

        A new CA, valid from 14 seconds after the run; a new certificate for this FMC, which counts
        from the next `restart_server` on; a new pair for every device in `certs_pushed`; a push to
        the devices whose tunnel is up; FAILED_PUSH for the others.

        Args:
            run_id: the run's Unix time; if None a minute before `now`, so that what it makes is
                valid already.
            failed: the devices that the push does not reach; None for all of them.
            now: the aware time of the run.

        Returns:
            What the screen shows, from the first line to `Scalars leaked: 1`.
        """
        run = int(now.timestamp()) - 60 if run_id is None else run_id
        days_left = int((self._ca.not_after - now) / timedelta(days=1))
        screen = _SCREEN_START.format(days=days_left, end=self._ca.not_after)
        self._make_authority(datetime.fromtimestamp(run, UTC) + RUN_TO_NOT_BEFORE)
        lost = self.devices if failed is None else failed
        records: list[str] = []
        for device in self.devices:
            cert, key = self._issue(device)
            pushed = self.peer_dir(device.uuid) / "certs_pushed"
            tree.write_file(pushed / "sftunnel-cert.pem", cert)
            tree.write_file(pushed / "sftunnel-key.pem", key)
            if any(device is one for one in lost):
                lines = self._failed_push(device)
                records.extend(lines)
                screen += "".join(_complaint(device, line) for line in lines)
            else:
                device.install_trio(self.uuid, self.ca_pem, cert, key)
        screen += self._note_failures(run, records) + _SCREEN_END
        self._log_run(now, screen)
        return screen

    def start_server(self, host: str = "127.0.0.1") -> int:
        """Serve the tunnel on a loopback address; return the port that the kernel chose."""
        return self._server.start(host)

    def restart_server(self) -> None:
        """Restart sftunnel on this FMC: the files are read again, every tunnel drops, same port."""
        self._server.restart()

    def stop_server(self) -> None:
        """Stop serving; stopping twice does no harm."""
        self._server.stop()

    @property
    def port(self) -> int:
        """The port of the running server."""
        return self._server.port

    def connected_uuids(self) -> frozenset[str]:
        """Return the UUIDs of the devices whose tunnel is up at this moment."""
        return self._server.connected_uuids()

    @property
    def _ca(self) -> _Authority:
        if self._authority is None:
            raise RuntimeError("make an FMC with LabFmc.create")
        return self._authority

    def _make_authority(self, not_before: datetime) -> None:
        """Make a CA and the FMC's own pair, and write both where an FMC keeps them."""
        key, not_after = new_key(), not_before + CA_LIFETIME
        ca = make_ca(self.uuid, key, not_before, not_after)
        self._authority = _Authority(ca, key, not_before, not_after)
        tree.write_file(self.root / "etc/sf/ca_root/cacert.pem", ca)
        # Where a real FMC keeps this key is a guess; it is here so that something must not leak.
        tree.write_file(self.root / "etc/sf/ca_root/private/cakey.pem", key_pem(key), 0o600)
        own_cert, own_key = self._issue(self)
        tree.write_file(self.root / "etc/sf/keys/sftunnel-cert.pem", own_cert)
        tree.write_file(self.root / "etc/sf/keys/sftunnel-key.pem", own_key)

    def _issue(self, appliance: Appliance) -> tuple[bytes, bytes]:
        """Make a certificate with the CA's own dates, and its key: two PEM files."""
        ca, key = self._ca, new_key()
        ca.leaves += 1
        dates = (ca.not_before, ca.not_after)
        cert = make_leaf(ca.pem, ca.key, appliance.uuid, key, *dates, serial=ca.leaves)
        return cert, key_pem(key)

    def _failed_push(self, device: Appliance) -> list[str]:
        """Return a device's three FAILED_PUSH lines, in Cisco's order and with its double slash."""
        cacert, cert, key = TRIO
        pushed = f"/var/sf/peers/{device.uuid}/certs_pushed/"
        sources = {
            cacert: "/etc/sf/ca_root/cacert.pem",
            key: f"{pushed}/{key}",
            cert: f"{pushed}/{cert}",
        }
        who = f"{device.uuid} {device.name} {device.address}"
        return [
            f"{who} {source} /var/sf/peers/{self.uuid}/{name}" for name, source in sources.items()
        ]

    def _note_failures(self, run: int, records: Sequence[str]) -> str:
        """Write the run's directory, FAILED_PUSH if a push failed; return the screen's line."""
        path = self.root / f"var/tmp/certs/{run}/FAILED_PUSH"
        tree.make_directory(path.parent)
        if not records:
            return ""
        tree.write_file(path, "\n".join(records) + "\n")
        return _SCREEN_FAILED.format(path=f"/{path.relative_to(self.root)}")

    def _log_run(self, now: datetime, screen: str) -> None:
        """Append the run to the log of generate_certs.pl; the form of its lines is a guess."""
        path = self.root / "var/log/sf/sfca_generation.log"
        before = path.read_text() if path.exists() else ""
        stamp = f"{now.astimezone(UTC):%Y-%m-%d %H:%M:%S}"
        lines = "".join(f"{stamp} {line}\n" for line in screen.splitlines() if line)
        tree.write_file(path, before + lines)


def _complaint(device: Appliance, record: str) -> str:
    return f"Failed to push to {device.name} = {record.rsplit(' ', 1)[1]}\n"
