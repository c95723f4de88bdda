"""What the tests share: a made-up FMC, a kit built from it, and firewalls to install on."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from rehearsal import Firewall, Made, make_firewall

from sftunnel_builder.build import BuildRequest, build_kit
from sftunnel_builder.lab.device import LabDevice
from sftunnel_builder.lab.fmc import LabFmc
from sftunnel_builder.signer import generate_signer, save_signer


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """One FMC, two firewalls whose push failed, a signer, a kit. Read only: copy what you change."""
    place = tmp_path_factory.mktemp("made")
    now = datetime.now(UTC)
    fmc = LabFmc.create(place / "fmc", now=now)
    devices = [
        LabDevice.create(place / "BSNS-1120-1", name="BSNS-1120-1", address="10.48.67.54"),
        LabDevice.create(place / "plant", name="Plant 4 edge", address="DONTRESOLVE"),
    ]
    for device in devices:
        fmc.register(device)
    fmc.generate_certs(now=now)
    signer = generate_signer()
    signing_key = place / "signing-key.pem"
    save_signer(signer, signing_key, None)
    request = BuildRequest((fmc.root,), place / "kit", signer, now.replace(microsecond=0))
    report = build_kit(request, lambda items, _total: items)
    new_trios = {}
    for device in devices:
        pushed = fmc.peer_dir(device.uuid) / "certs_pushed"
        new_trios[device.uuid] = {
            "cacert.pem": fmc.ca_pem,
            "sftunnel-cert.pem": (pushed / "sftunnel-cert.pem").read_bytes(),
            "sftunnel-key.pem": (pushed / "sftunnel-key.pem").read_bytes(),
        }
    return Made(place, fmc, devices, signing_key, report, new_trios)


@pytest.fixture
def firewall(made: Made, tmp_path: Path) -> Iterator[Firewall]:
    """Give a firewall with the old trio, and its bundle; its sftunnel is stopped at the end."""
    wall = make_firewall(made, tmp_path)
    yield wall
    wall.device.stop_sftunnel()
