"""The executables that `make dist` builds, run where something is missing or in the way."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

from rehearsal import AS_ROOT, need

DIST = Path(__file__).resolve().parents[1] / "dist"
COMMANDS = ("sftunnel-bundler", "sftunnel-installer")
PLACES = ("/tmp", "/var/tmp", "/dev/shm", "/run")  # noqa: S108
"""Where an executable unpacks itself, besides TMPDIR and HOME, in this order."""

CARRIED = Path("/media")
"""Where `run` shows dist/ to what it runs, whatever is mounted over the checkout."""

Done = subprocess.CompletedProcess[str]


def executable(command: str) -> Path:
    """Return the path of an executable; skip if it was not built, as on a laptop."""
    path = DIST / command
    need(f"dist/{command} (make dist)", path.is_file())
    return path


def carried(command: str) -> Path:
    """Return the path of an executable for `run`; skip if it was not built."""
    return CARRIED / executable(command).name


def run(
    *command: str | Path, setup: str = ":", environment: Mapping[str, str] | None = None
) -> Done:
    """Run a command as root in a mount namespace of its own, after a line of shell there."""
    return subprocess.run(
        [*AS_ROOT, *in_namespace(setup), *map(str, command)],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def in_namespace(setup: str) -> list[str]:
    """Return what to put before a command; PATH is the usual one for the setup alone.

    Its own IPC namespace: OpenSSL notes in a segment of shared memory that random numbers are good.
    """
    show = f"mount --bind {DIST} {CARRIED}"
    path = "PATH=/usr/sbin:/usr/bin:/sbin:/bin"
    return [
        "/usr/bin/unshare",
        "-m",
        "-i",
        "/bin/sh",
        "-c",
        f'({path}; {show} && {setup}) && exec "$@"',
        "sh",
    ]


def mounted(place: str, options: str) -> str:
    """Return a line of shell that mounts an empty file system over a directory."""
    return f"mount -t tmpfs -o {options} none {place}"


def number(path: Path, name: str) -> int:
    """Return a number that stands in the launcher's head."""
    found = re.search(rf"^{name}='?(\d+)".encode(), path.read_bytes()[:8192], re.MULTILINE)
    assert found, name
    return int(found[1])


def unpacked(command: str, place: Path) -> list[Path]:
    """List what an executable left in a directory, when its watch has had time to clear away."""
    until = time.monotonic() + 5
    while (left := list(place.glob(f"{command}.*"))) and time.monotonic() < until:
        time.sleep(0.05)
    return left
