from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sftunnel_builder.lab import LabDevice, LabFmc


@pytest.fixture(autouse=True)
def _same_keys(keys_made_once: None) -> None:
    """Making a key takes longer than what is tried with it."""


@pytest.fixture
def fmc(tmp_path: Path) -> Iterator[LabFmc]:
    """Make an FMC with an expired CA, in a directory with blanks in its name."""
    made = LabFmc.create(tmp_path / "the fmc", now=datetime.now(UTC))
    yield made
    made.stop_server()


@pytest.fixture
def device(tmp_path: Path, fmc: LabFmc) -> Iterator[LabDevice]:
    """Make a device registered with that FMC before its CA expired."""
    made = LabDevice.create(tmp_path / "the ftd")
    fmc.register(made)
    yield made
    made.stop_sftunnel()
