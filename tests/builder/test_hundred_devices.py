"""One bad device of a hundred stops only itself; the summary names it, the file and the remedy."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from rehearsal import Made
from sftunnel_builder.lab import LabDevice, LabFmc
from sftunnel_builder.lab import fmc as fmc_module
from sftunnel_builder.lab.certificates import key_pem, make_leaf, new_key

COUNT, BAD = 100, 41
NOW = datetime.now(UTC).replace(microsecond=0)


@dataclass
class Fleet:
    """An FMC with a hundred devices, which share a key pair, as making so many takes long."""

    place: Path
    fmc: LabFmc
    devices: list[LabDevice]
    failed_push: Path

    def pushed(self, number: int, name: str) -> Path:
        """Return a new file of a device on the FMC."""
        return self.fmc.peer_dir(self.devices[number].uuid) / "certs_pushed" / name

    def build(self, *more: str) -> subprocess.CompletedProcess[str]:
        """Build a kit of all that FAILED_PUSH lists."""
        options = ["--fmc-tree", "fmc", "--out", "kit", "--signing-key", "key.pem", "--replace"]
        return subprocess.run(
            [sys.executable, "-m", "sftunnel_builder", "build", *options, "--plain-keys", *more],
            cwd=self.place,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory, made: Made) -> Fleet:
    place = tmp_path_factory.mktemp("fleet")
    shared = new_key()
    devices = [
        LabDevice.create(place / "ftd" / str(n), name=f"fw-{n:03}", address=f"10.0.0.{n}")
        for n in range(COUNT)
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fmc_module, "new_key", lambda: shared)
        fmc = LabFmc.create(place / "fmc", now=NOW)
        for device in devices:
            fmc.register(device)
        fmc.generate_certs(now=NOW)
    (place / "key.pem").write_bytes(made.signing_key.read_bytes())
    (place / "key.pem").chmod(0o600)
    (failed_push,) = (fmc.root / "var/tmp/certs").glob("*/FAILED_PUSH")
    return Fleet(place, fmc, devices, failed_push)


@pytest.fixture
def fleet(template: Fleet) -> Iterator[Fleet]:
    """Give the fleet, and make it sound again afterwards."""
    names = ("sftunnel-cert.pem", "sftunnel-key.pem")
    paths = [template.failed_push, *(template.pushed(BAD, name) for name in names)]
    sound = {path: path.read_bytes() for path in paths}
    yield template
    for path, content in sound.items():
        path.write_bytes(content)


def _key_of_another(fleet: Fleet) -> None:
    fleet.pushed(BAD, "sftunnel-key.pem").write_bytes(key_pem(new_key()))


def _swapped(fleet: Fleet) -> None:
    other = fleet.pushed(BAD + 1, "sftunnel-cert.pem").read_bytes()
    fleet.pushed(BAD, "sftunnel-cert.pem").write_bytes(other)


def _expired(fleet: Fleet) -> None:
    ca = fleet.fmc._ca
    dates = (NOW - timedelta(days=9), NOW - timedelta(days=1))
    pem = make_leaf(ca.pem, ca.key, fleet.devices[BAD].uuid, ca.key, *dates)
    fleet.pushed(BAD, "sftunnel-cert.pem").write_bytes(pem)


def _missing(fleet: Fleet) -> None:
    fleet.pushed(BAD, "sftunnel-key.pem").unlink()


def _cut_record(fleet: Fleet) -> None:
    lines = fleet.failed_push.read_bytes().splitlines(keepends=True)
    assert lines[3 * BAD + 1].startswith(fleet.devices[BAD].uuid.encode())
    lines[3 * BAD + 1] = lines[3 * BAD + 1][:60] + b"\n"
    fleet.failed_push.write_bytes(b"".join(lines))


@pytest.mark.parametrize(
    ("spoil", "where", "message", "remedy"),
    [
        pytest.param(
            *(_key_of_another, "sftunnel-key.pem'", "is not that of", "from one generate_certs.pl"),
            id="the key of another device",
        ),
        pytest.param(
            *(_swapped, "sftunnel-cert.pem'", "is for another device", "which device's or FMC's"),
            id="the certificate of another device",
        ),
        pytest.param(
            *(_expired, "sftunnel-cert.pem'", "expired on", "run generate_certs.pl on the FMC"),
            id="an expired certificate",
        ),
        pytest.param(
            *(_missing, "sftunnel-key.pem'", "no such file", "run as root on the appliance"),
            id="a missing key",
        ),
        pytest.param(
            *(_cut_record, f"FAILED_PUSH line {3 * BAD + 2}:", "is cut off", "copy FAILED_PUSH"),
            id="a cut record",
        ),
    ],
)
def test_the_other_ninety_nine_are_built(
    fleet: Fleet, spoil: Callable[[Fleet], None], where: str, message: str, remedy: str
) -> None:
    spoil(fleet)
    bad = fleet.devices[BAD]
    done = fleet.build()
    assert done.returncode == 9, done.stderr
    lines = done.stdout.splitlines()
    built = [line.split()[1] for line in lines if line.startswith("built ")]
    assert built == [device.name for device in fleet.devices if device is not bad]
    (refused,) = [line for line in lines if line.startswith("refused ")]
    assert refused.split()[1] == bad.name
    assert where in refused
    assert message in refused
    (hint,) = [line for line in done.stderr.splitlines() if line.startswith("hint: ")]
    assert hint.startswith(f"hint: {bad.name}: ")
    assert remedy in hint
    assert len(list((fleet.place / "kit/bundles").glob("*.tar.gz"))) == COUNT - 1
    assert not list((fleet.place / "kit").rglob(f"*{bad.uuid[:8]}*"))


def test_a_program_is_told_the_same(fleet: Fleet) -> None:
    _missing(fleet)
    done = fleet.build("--json")
    assert done.returncode == 9
    said = json.loads(done.stdout)
    assert len(said["built"]) == COUNT - 1
    ((refused),) = said["refused"]
    assert (refused["name"], refused["uuid"]) == (fleet.devices[BAD].name, fleet.devices[BAD].uuid)
