"""A device's name is shown on the device, and nothing of it is executed or obeyed."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from hostile import CANARY, NAMES, assert_shows_nothing_odd, rename
from refusals import assert_refused, sign_anew
from rehearsal import Firewall, Made, make_firewall, make_kit
from sftunnel_builder.lab import LabDevice, LabFmc

BUILT = [
    "quotes",
    "a command in parentheses",
    "a command in backticks",
    "commands between",
    "a variable",
    "a way out",
    "a format",
]
"""Names that reach the device as they are; of the others the builder shows something else."""
RAW = [
    "a colour and a title",
    "a control character of one code point",
    "right to left",
    "a line separator",
]
"""Names that no builder writes, but whoever signs a bundle can."""


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Give a kit for firewalls with hostile names, in the order of BUILT."""
    place = tmp_path_factory.mktemp("hostile")
    now = datetime.now(UTC)
    fmc = LabFmc.create(place / "fmc", now=now)
    devices = {
        NAMES[what]: LabDevice.create(place / f"ftd-{n}", name=f"ftd-{n}", address="10.1.2.3")
        for n, what in enumerate(BUILT)
    }
    for device in devices.values():
        fmc.register(device)
    fmc.generate_certs(now=now)
    rename(fmc, devices)
    return make_kit(place, [fmc], list(devices.values()), now)


@pytest.fixture(autouse=True)
def nothing_is_executed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Run in a directory in which a command of a name would leave a file."""
    monkeypatch.chdir(tmp_path)
    yield
    assert not list(tmp_path.rglob(CANARY)), "something of a name was executed"


def _assert_well(done: subprocess.CompletedProcess[str]) -> None:
    assert done.returncode == 0, (done.stdout, done.stderr)
    assert_shows_nothing_odd(done.stdout + done.stderr)


@pytest.mark.parametrize("what", BUILT)
def test_every_verb_shows_the_name_as_it_is(hostile: Made, tmp_path: Path, what: str) -> None:
    firewall = make_firewall(hostile, tmp_path, BUILT.index(what))
    root = ("--root", str(firewall.root))
    checked = firewall.run("check", *firewall.options())
    _assert_well(checked)
    assert NAMES[what].decode() in checked.stdout
    _assert_well(firewall.install("--no-restart"))
    for arguments in (["status", *root], ["status", "--json", *root]):
        _assert_well(firewall.run(*arguments))
    _assert_well(firewall.rollback("--no-restart"))
    for receipt in firewall.state.glob("receipts/*"):
        if receipt.suffix != ".sig":
            assert_shows_nothing_odd(receipt.read_text())
    assert firewall.which_trio() == "old"


@pytest.mark.parametrize("what", RAW)
def test_a_name_that_no_builder_writes_reaches_no_terminal(firewall: Firewall, what: str) -> None:
    conf = firewall.bundle / "bundle.conf"
    name = firewall.device.name.encode()
    conf.write_bytes(
        conf.read_bytes().replace(b"device_name=" + name, b"device_name=" + NAMES[what])
    )
    sign_anew(firewall)
    message = "bundle.conf is not usable: it holds what a terminal would obey"
    assert_refused(firewall, 4, message, *firewall.options(), verb="check")
    assert_shows_nothing_odd(firewall.run("check", *firewall.options()).stderr)
