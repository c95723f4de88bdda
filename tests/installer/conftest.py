"""What several tests on a made-up firewall share."""

from __future__ import annotations

from pathlib import Path

import pytest

from rehearsal import Made
from sticks import write_stick


@pytest.fixture
def stick(made: Made, tmp_path: Path) -> Path:
    """A stick that usb has written."""
    return write_stick(made, tmp_path / "usb")
