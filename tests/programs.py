"""sftunnel-installer on a made-up firewall whose openssl is gone."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rehearsal import AS_ROOT, MV_ONE_BY_ONE, Firewall, snapshot
from signers import files
from terminal import Terminal

ROOT = Path(__file__).resolve().parents[1]
FROZEN = ROOT / "dist/sftunnel-installer"
"""What `make dist` builds."""
PLACES = [Path(place) for place in ("/dev/shm", "/run", "/tmp")]  # noqa: S108
"""Where the program may lay out what is not to be on the device's disk."""


def tools_without_openssl(place: Path) -> Path:
    """Make a directory for PATH with all of this machine's commands but openssl."""
    place.mkdir()
    for directory in ("/usr/local/bin", "/usr/bin", "/bin", "/usr/sbin", "/sbin"):
        for command in Path(directory).glob("*"):
            if command.name != "openssl" and not os.path.lexists(place / command.name):
                (place / command.name).symlink_to(command)
    return place


@dataclass
class Program:
    """The program, on one firewall."""

    command: Sequence[str]
    wall: Firewall
    tools: Path
    before_path: list[Path] = field(default_factory=list)

    def environment(self) -> dict[str, str]:
        """Return the environment of a device without openssl."""
        path = os.pathsep.join(str(place) for place in (*self.before_path, self.tools))
        environment = {**self.wall.environment, "PATH": path}
        return {**environment, "PYTHONPATH": os.pathsep.join(sys.path)}

    def put_before_path(self, place: Path, **scripts: str) -> None:
        """Let shell scripts stand in for commands of the device."""
        place.mkdir()
        if "mv" in scripts:
            scripts["mv"] = MV_ONE_BY_ONE + scripts["mv"]
        for name, script in scripts.items():
            (place / name).write_text(f"#!/bin/sh\n{script}\n")
            (place / name).chmod(0o755)
        self.before_path.insert(0, place)

    def on_terminal(self, *words: str | Path) -> Terminal:
        """Run it with somebody at the terminal."""
        return Terminal([*self.command, *map(str, words)], self.environment())

    def run(
        self, *words: str | Path, cwd: Path | None = None, environment: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run it with just these words."""
        return subprocess.run(
            [*AS_ROOT, *self.command, *map(str, words)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            cwd=cwd,
            env=self.environment() if environment is None else environment,
            timeout=120,
            start_new_session=True,
            check=False,
        )

    def start(self, *words: str | Path, **streams: int) -> subprocess.Popen[bytes]:
        """Start it, a process group of its own."""
        return subprocess.Popen(
            [*AS_ROOT, *self.command, *map(str, words)],
            env=self.environment(),
            start_new_session=True,
            **streams,  # type: ignore[call-overload]
        )

    def verb(
        self, verb: str, *words: str | Path, cwd: Path | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a verb unattended; sftunnel is left alone, to be quick."""
        options = self.wall.options("--no-restart")
        return self.run(verb, *options, *words, cwd=cwd)

    def refused(self, code: int, message: str, *words: str | Path, verb: str = "install") -> str:
        """State that it refuses and that nothing is changed or left; return the two lines."""
        before, media = on_device(self.wall), files(self.wall.bundle.parent)
        done = self.verb(verb, *words)
        assert done.returncode == code, done.stdout + done.stderr
        error, hint = done.stderr.splitlines()[-2:]
        assert error.startswith("error: ")
        assert hint.startswith("hint: ")
        assert re.fullmatch(r"[ -~]+", error)
        assert message in error
        assert on_device(self.wall) == before
        assert files(self.wall.bundle.parent) == media
        nothing_left(self.wall)
        return f"{error}\n{hint}"


def on_device(wall: Firewall) -> dict[str, tuple[int, int, bytes]]:
    """Return all that is on a device, but the time that a removed state directory leaves."""
    seen = snapshot(wall.root)
    mode, _, content = seen["ngfw/var/sf"]
    return {**seen, "ngfw/var/sf": (mode, 0, content)}


def nothing_left(wall: Firewall) -> None:
    """State that the program has cleaned up; that of another test may be at work.

    Where a frozen one was unpacked is removed by a watch, as soon as it sees its end.
    """
    deadline = time.monotonic() + 10
    while left := _left_of_the_dead(wall):
        assert time.monotonic() < deadline, f"left: {left}"
        time.sleep(0.05)


def _left_of_the_dead(wall: Firewall) -> list[Path]:
    left = [path for place in (wall.state, *PLACES) for path in place.glob("sftunnel-bundle.*")]
    left += [path for place in PLACES for path in place.glob(f"{FROZEN.name}.*.*")]
    return [path for path in left if not Path(f"/proc/{path.name.split('.')[1]}").exists()]
