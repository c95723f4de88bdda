"""Where and when it was measured."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import cryptography
from cryptography.hazmat.backends.openssl import backend

from bench.measure import ROOT
from toolsets import OWN_OPENSSL

PAGE = "docs/performance.md"


def describe(place: Path) -> dict[str, str]:
    """Return what there is to know of the machine; place is where the files of the runs lie."""
    load = " ".join(f"{each:.2f}" for each in os.getloadavg())
    return {
        "date": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        "commit": _commit(),
        "processor": f"{_processor()}, {len(os.sched_getaffinity(0))} cores for this run",
        "kernel": f"{platform.system()} {platform.release()} {platform.machine()}",
        "Python": platform.python_version(),
        "openssl": OWN_OPENSSL or "not installed",
        "cryptography": f"{cryptography.__version__}, {backend.openssl_version_text()}",
        "file system": _file_system(place),
        "load before": load,
    }


def _processor() -> str:
    found = re.search(r"^model name\s*: (.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return found[1].strip() if found else platform.machine()


def _commit() -> str:
    """Return the commit of this checkout, and whether it is just that."""
    commit = _output("git", "-C", str(ROOT), "rev-parse", "--short=12", "HEAD")
    if not commit:
        return "not a git checkout"
    changed = _output("git", "-C", str(ROOT), "status", "--porcelain", "--", ".", f":!{PAGE}")
    return f"{commit}, with changes" if changed else commit


def _file_system(place: Path) -> str:
    return _output("stat", "-f", "-c", "%T", str(place)) or "not known"


def _output(*command: str) -> str:
    """Return what a command prints; empty if it fails or is not there."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
