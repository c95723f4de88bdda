from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from sftunnel_builder.device_tree import is_device_tree, open_device_tree
from sftunnel_builder.errors import BundlerError
from sftunnel_builder.lab.device import LabDevice
from sftunnel_builder.lab.fmc import LabFmc


def _device(place: Path) -> tuple[LabFmc, LabDevice]:
    fmc = LabFmc.create(place / "fmc", now=datetime.now(UTC))
    device = LabDevice.create(place / "ftd", name="ftd", address="10.0.0.1")
    fmc.register(device)
    return fmc, device


def test_identity_and_peers_are_the_devices_own(tmp_path: Path) -> None:
    fmc, device = _device(tmp_path)
    found = open_device_tree(device.root)
    assert (found.uuid, found.fmc_uuids()) == (device.uuid, [fmc.uuid])
    path = found.trio_path(fmc.uuid, "cacert.pem")
    assert found.files.read(path) == fmc.ca_pem


@pytest.mark.parametrize("spelling", ["linked into /ngfw", "only below /ngfw"])
def test_both_spellings_are_known(tmp_path: Path, spelling: str) -> None:
    fmc, device = _device(tmp_path)
    (device.root / "ngfw/var").mkdir(parents=True, exist_ok=True)
    if not (device.root / "ngfw/var/sf").exists():
        (device.root / "var/sf").rename(device.root / "ngfw/var/sf")
    if spelling.startswith("linked") and not (device.root / "var/sf").is_symlink():
        (device.root / "var/sf").symlink_to("/ngfw/var/sf")
    found = open_device_tree(device.root)
    assert found.fmc_uuids() == [fmc.uuid]
    assert found.files.read(found.trio_path(fmc.uuid, "cacert.pem")) == fmc.ca_pem


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("SWVERSION=7.2.5\n", "no UUID"),
        ("APPLIANCE_UUID=c8d5d5c6\n", "half a UUID"),
        ("APPLIANCE_UUID=../../../../etc/passwd-passwd-passwd\n", "a path"),
    ],
    ids=lambda value: value if " " in value else "",
)
def test_a_device_without_a_usable_uuid_is_refused(tmp_path: Path, text: str, what: str) -> None:
    _, device = _device(tmp_path)
    (device.root / "etc/sf/ims.conf").write_text(text)
    with pytest.raises(BundlerError, match="holds no usable APPLIANCE_UUID"):
        open_device_tree(device.root)


def test_another_directory_is_none(tmp_path: Path) -> None:
    assert not is_device_tree(tmp_path)
    with pytest.raises(BundlerError, match="is not a device tree"):
        open_device_tree(tmp_path)
