"""`sftunnel-bundler demo`: the story comes out as told, and leaves nothing."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest


def _demo(tmp_path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "sftunnel_builder", "demo", *arguments],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "TMPDIR": str(tmp_path)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def _processes_below(place: Path) -> list[str]:
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if str(place) in command:
            found.append(command)
    return found


@pytest.mark.parametrize(
    "keep",
    [
        pytest.param(False, id="as it is"),
        pytest.param(True, id="with --keep", marks=pytest.mark.slow),
    ],
)
def test_the_demo_comes_out_as_told(tmp_path: Path, keep: bool) -> None:
    began = time.monotonic()
    done = _demo(tmp_path, *(["--keep"] if keep else []))
    assert done.returncode == 0, done.stdout + done.stderr
    assert time.monotonic() - began < 60
    for text in (
        "Last disconnect reason : certificate has expired",
        "Scalars leaked: 1",
        "Verified OK",
        "The FMC sees 3 of 3 firewalls",
        "3 devices: 3 done",
        "will not accept them",
        "sftunnel-bundler keygen",
    ):
        assert text in done.stdout
    assert _processes_below(tmp_path) == []
    left = list(tmp_path.iterdir())
    assert len(left) == (1 if keep else 0)
    if keep:
        assert str(left[0]) in done.stdout
