"""FMC trees with any number of devices, whose key pairs come from a small pool.

Making a key takes a tenth of a second. `build` looks at each device by itself and minds no key that
comes twice; each device has a certificate, a UUID and a name of its own.
"""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import cycle
from pathlib import Path
from unittest.mock import patch

from cryptography.hazmat.primitives.asymmetric import rsa

from sftunnel_builder.lab import LabFmc
from sftunnel_builder.lab import fmc as fmc_module
from sftunnel_builder.lab.appliance import Appliance
from sftunnel_builder.lab.certificates import new_key
from sftunnel_builder.signer import generate_signer, save_signer


@dataclass(frozen=True)
class MadeTree:
    """A tree in which generate_certs.pl has run and reached no device."""

    root: Path
    failed_push: Path

    def first(self, count: int) -> Path:
        """Return a FAILED_PUSH of the first so many devices, of the same run."""
        path = self.root.with_name(f"{self.root.name}-first-{count}")
        lines = self.failed_push.read_text().splitlines(keepends=True)
        path.write_text("".join(lines[: 3 * count]))
        return path


class Fleets:
    """Makes trees, and has the signer of their kits."""

    def __init__(self, place: Path, keys: int) -> None:
        """Make a pool of so many key pairs, and a signer in place."""
        self._place = place
        self._keys: Iterator[rsa.RSAPrivateKey] = cycle([new_key() for _ in range(keys)])
        self.signing_key = place / "signing-key.pem"
        save_signer(generate_signer(), self.signing_key, None)

    def make(self, count: int) -> MadeTree:
        """Make the tree of an FMC with so many devices."""
        now = datetime.now(UTC)
        root = self._place / f"fmc-{count}"
        with patch.object(fmc_module, "new_key", lambda: next(self._keys)):
            fmc = LabFmc.create(root, now=now)
            fmc.devices += [_device(root, number) for number in range(count)]
            fmc.generate_certs(now=now)
        (failed_push,) = (root / "var/tmp/certs").glob("*/FAILED_PUSH")
        return MadeTree(root, failed_push)


def _device(root: Path, number: int) -> Appliance:
    """Return a device, of which the FMC's tree needs no more than its names."""
    device_uuid = str(uuid.UUID(int=random.Random(number).getrandbits(128), version=4))
    address = f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
    return Appliance(root, device_uuid, f"fw-{number:05}", address, "7.2.5", "lab")
