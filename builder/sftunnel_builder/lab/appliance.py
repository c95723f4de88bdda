"""Describe one made-up appliance, and the peer directory that it keeps for another one."""

import json
import os
import stat
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from sftunnel_builder.lab import tree

TRIO = ("cacert.pem", "sftunnel-cert.pem", "sftunnel-key.pem")


@dataclass
class Appliance:
    """One made-up FMC or device: its tree and what it says of itself."""

    root: Path
    uuid: str
    name: str
    address: str
    version: str
    model: str

    def ims_conf(self, *, quote_uuid: bool = False) -> str:
        """Return ims.conf, shell-style. Whether the field quotes the UUID is unknown: do both."""
        uuid = f'"{self.uuid}"' if quote_uuid else self.uuid
        return (
            f"SWVERSION={self.version}\n"
            "SWBUILD=208\n"
            f'MODEL="{self.model}"\n'
            "MODEL_CLASS='lab'\n"
            "# The line above and this one are here to be stepped over.\n"
            f"APPLIANCE_UUID={uuid}\n"
            "BASE_INSTALL=yes\n"
        )

    def peer_dir(self, peer_uuid: str) -> Path:
        """Return this appliance's peer directory for another one."""
        return self.root / "var/sf/peers" / peer_uuid

    def add_peer(self, other: "Appliance") -> Path:
        """Make the peer directory for another appliance as the field lists it, but for the trio.

        Its ims.conf describes the other side, which is the trap for whoever looks it up by name.
        """
        directory = tree.make_directory(self.peer_dir(other.uuid))
        for name, content in {**_peer_files(other), **_unrelated_pair()}.items():
            tree.write_file(directory / name, content)
        for name in ("proxy_config/sfiproxy", "sync2/in", "sync2/out"):
            tree.make_directory(directory / name)
        # A node, not a bound socket: the kernel takes no socket path over 107 bytes.
        socket = directory / "sftunnel-rpc.sock"
        if not socket.exists():
            os.mknod(socket, stat.S_IFSOCK | 0o644)
            socket.chmod(0o644)
        return directory

    def install_trio(self, fmc_uuid: str, ca: bytes, cert: bytes, key: bytes) -> None:
        """Write a trio (PEM) into the peer directory of that FMC, 644, as a push does."""
        for name, content in zip(TRIO, (ca, cert, key), strict=True):
            tree.write_file(self.peer_dir(fmc_uuid) / name, content)

    def trio(self, fmc_uuid: str) -> dict[str, bytes]:
        """Return the trio in the peer directory of that FMC: file name to bytes."""
        return {name: (self.peer_dir(fmc_uuid) / name).read_bytes() for name in TRIO}


def _peer_files(other: Appliance) -> dict[str, bytes | str]:
    """Return the files of a peer directory that tell of the other side, and the plain markers."""
    about = {"uuid": other.uuid, "name": other.name, "host": other.address}
    return {
        "LIGHT_REGISTRATION": "",
        "LIGHT_UNREGISTRATION": "",
        "ims.conf": other.ims_conf(),
        "peer_flags.json": json.dumps({"registered": True, "flags": {}}, indent=2) + "\n",
        "sfiproxy.conf.json": json.dumps({"proxy": about, "services": []}, indent=2) + "\n",
        "sftunnel-heartbeat": "1",
        "sftunnel.json": json.dumps({**about, "port": 8305}, indent=2) + "\n",
        "sw_version": other.version,
    }


def _unrelated_pair() -> dict[str, bytes | str]:
    """Make the LL-* files: a pair that has nothing to do with the tunnel, to be left alone."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "lab LL pair")])
    start = datetime(2020, 1, 1, tzinfo=UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + timedelta(days=9000))
        .sign(key, hashes.SHA256())
        .public_bytes(serialization.Encoding.PEM)
    )
    secret = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return {"LL-caCert.pem": certificate, "LL-cert.pem": certificate, "LL-key.pem": secret}
