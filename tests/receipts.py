"""Receipts as a device makes them, and kits whose devices' new keys are at hand."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, replace
from typing import Any

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from rehearsal import Made
from sftunnel_builder.lab.device import LabDevice
from sftunnel_builder.open_kit import open_kit
from sftunnel_builder.receipt import Expected, expected_of

OLD_TRIO = "0" * 64


@dataclass(frozen=True)
class Writer:
    """What a device needs to write receipts of a bundle."""

    expected: Expected
    key: RSAPrivateKey

    def with_key(self, key: RSAPrivateKey) -> Writer:
        """Return one that signs with another key."""
        return replace(self, key=key)

    def receipt(self, **other: Any) -> bytes:
        """Return the receipt of a good first install, or of another run."""
        value = {
            "after": self.expected.brings(),
            "backup": "0001-20261124T120000Z",
            "before": OLD_TRIO,
            "bundle": self.expected.conf.bundle_id,
            "device": self.expected.conf.device_uuid,
            "ended": "2026-11-24T12:00:31Z",
            "exit": 0,
            "format": 1,
            "installer": "0.1.0",
            "pid_after": "6301",
            "pid_before": "6209",
            "started": "2026-11-24T12:00:00Z",
            "tunnel": "up",
            "verb": "install",
            **other,
        }
        return self.signed(json.dumps(value, sort_keys=True, separators=(",", ":")))

    def rolled_back(self, **other: Any) -> bytes:
        """Return the receipt of a good rollback behind that install."""
        facts = {"backup": "0002-20261124T130000Z", "verb": "rollback", "tunnel": "not-looked-at"}
        ended = {"ended": "2026-11-24T13:00:31Z", "started": "2026-11-24T13:00:00Z"}
        trios = {"before": self.expected.brings(), "after": OLD_TRIO}
        return self.receipt(**{**facts, **ended, **trios, **other})

    def signed(self, said: str) -> bytes:
        """Return a text and its signature."""
        line = f"{said}\n".encode()
        return line + base64.b64encode(self.key.sign(line, PKCS1v15(), SHA256())) + b"\n"


def writer(made: Made, device: LabDevice) -> Writer:
    """Return what writes a device's receipts."""
    key = load_pem_private_key(made.new_trios[device.uuid]["sftunnel-key.pem"], None)
    assert isinstance(key, RSAPrivateKey)
    return Writer(expected(made)[device.uuid], key)


def expected(made: Made) -> dict[str, Expected]:
    """Return what a kit says of receipts, by device UUID."""
    bundles = open_kit(made.kit).bundles
    return {each.conf.device_uuid: expected_of(each, name) for name, each in bundles.items()}


def on_screen(receipt: bytes, width: int = 64) -> bytes:
    """Return the block that install.sh shows of a receipt."""
    text = b".".join(receipt.split(b"\n")[:2])
    lines = [text[at : at + width] for at in range(0, len(text), width)]
    return b"\n".join(
        [b"-----BEGIN SFTUNNEL RECEIPT-----", *lines, b"-----END SFTUNNEL RECEIPT-----", b""]
    )
