"""sftunnel-installer, from its sources and, when it is built, as the frozen executable."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from programs import FROZEN, Program, tools_without_openssl
from rehearsal import Firewall, Made, need
from sticks import write_stick


@pytest.fixture(scope="session")
def tools(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All of this machine's commands but openssl."""
    return tools_without_openssl(tmp_path_factory.mktemp("without") / "bin")


@pytest.fixture(params=["source", pytest.param("frozen", marks=pytest.mark.slow)])
def command(request: pytest.FixtureRequest) -> list[str]:
    """The program's command line."""
    if request.param == "source":
        return [sys.executable, "-W", "error", "-m", "sftunnel_installer"]
    need("dist/sftunnel-installer (make dist)", FROZEN.is_file())
    return [str(FROZEN)]


@pytest.fixture
def program(command: list[str], firewall: Firewall, tools: Path) -> Program:
    """The program on a firewall with the old trio and no openssl."""
    return Program(command, firewall, tools)


@pytest.fixture
def stick(made: Made, tmp_path: Path) -> Path:
    """A stick that usb has written."""
    return write_stick(made, tmp_path / "usb")
