from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from sftunnel_builder.lab import LabDevice, LabFmc
from sftunnel_builder.lab import fmc as fmc_module
from sftunnel_builder.lab.certificates import new_key

_made_keys: list[rsa.RSAPrivateKey] = []


@pytest.fixture(autouse=True)
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
