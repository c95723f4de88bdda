"""What the tests share: a made-up FMC, a kit built from it, and firewalls to install on.

A test that measured something says so with `record_property("found", "a line")`, or adds to a sum
or a table (found.py): it is printed at the end of the run, also of one in several processes.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from found import summary
from rehearsal import Firewall, Made, make_firewall, make_kit
from sftunnel_builder.lab import fmc as fmc_module
from sftunnel_builder.lab.certificates import new_key
from sftunnel_builder.lab.device import LabDevice
from sftunnel_builder.lab.fmc import LabFmc

_made_keys: list[rsa.RSAPrivateKey] = []


def pytest_configure() -> None:
    """Let Ctrl-C be heeded by what the tests start, also if pytest runs in the background."""
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what the tests found, whether they passed or not."""
    outcomes = ("passed", "failed", "error", "skipped")
    reports = [report for outcome in outcomes for report in terminalreporter.getreports(outcome)]
    lines = summary(report for report in reports if isinstance(report, pytest.TestReport))
    if lines:
        terminalreporter.section("found")
        for line in lines:
            terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """One FMC, two firewalls whose push failed, a signer, a kit; read only."""
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
    return make_kit(place, [fmc], devices, now)


@pytest.fixture
def keys_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hand every test the same keys in the same order; within a test no key comes twice."""

    def keys() -> Iterator[rsa.RSAPrivateKey]:
        yield from _made_keys
        while True:
            _made_keys.append(new_key())
            yield _made_keys[-1]

    supply = keys()
    monkeypatch.setattr(fmc_module, "new_key", lambda: next(supply))


@pytest.fixture
def firewall(made: Made, tmp_path: Path) -> Iterator[Firewall]:
    """Give a firewall with the old trio, and its bundle; its sftunnel is stopped at the end."""
    wall = make_firewall(made, tmp_path)
    yield wall
    wall.device.stop_sftunnel()
