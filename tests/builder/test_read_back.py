"""Reading back asks the system to forget first, and gives the regions that are asked for."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sftunnel_builder.read_back import CAN_DROP_CACHE, read_back


@pytest.mark.skipif(not CAN_DROP_CACHE, reason="this system has no posix_fadvise")
def test_it_forgets_and_then_reads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"0123456789")
    asked = []

    def forget(_descriptor: int, *words: int) -> None:
        asked.append(words)

    monkeypatch.setattr(os, "posix_fadvise", forget)
    assert read_back(path, [(0, 2), (8, 5)]) == [b"01", b"89"]
    assert asked == [(0, 0, os.POSIX_FADV_DONTNEED)]
