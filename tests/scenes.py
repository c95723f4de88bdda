"""What a firewall can have behind it when install.sh is run, and how it gets back there."""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path

from rehearsal import Firewall, put_before_path
from sftunnel_builder.trio import TRIO_NAMES

QUICK_PMTOOL = """\
#!/bin/sh
pid=$(cat '{place}/pid')
case $1 in
status) echo "sftunnel (normal) - Running $pid" ;;
restartbyid) echo $((pid + 1)) >'{place}/pid.new' && mv '{place}/pid.new' '{place}/pid' ;;
esac
"""


class Scenes:
    """A firewall that can be put back to one of the scenes that it has been in.

    `fresh`: nothing was ever installed. `used`: installed and rolled back. `staged`: that, and
    staged. `installed`: that of `used`, and installed again. `half-done`: that of `used`, and then
    killed when one of three files was replaced.
    """

    def __init__(self, firewall: Firewall, kept: Path) -> None:
        self._firewall = firewall
        self._kept = kept
        self._settled: set[str] = set()
        """The names in the state directory behind runs that nothing disturbed."""
        self.trios = {"old": firewall.old_trio, "new": firewall.new_trio}
        self.starts: dict[str, dict[str, bytes]] = {}
        """The trio by scene."""
        self.unfinished: dict[str, set[str]] = {}
        """What only an unfinished run has, by scene: there is some if it is half-done."""
        pmtool = firewall.root / "usr/local/sf/bin/pmtool"
        run = firewall.root.resolve() / "var/run"
        pmtool.write_text(QUICK_PMTOOL.format(place=run))
        (run / "pid").write_text("1\n")
        firewall.remember_others()
        self._make("fresh")

    def _make(self, scene: str) -> None:
        """Make a scene out of the one that it begins with."""
        wall = self._firewall
        if scene != "fresh":
            self.restore("fresh" if scene == "used" else "used")
        codes = []
        if scene == "used":
            codes = [
                wall.install("--no-restart").returncode,
                wall.rollback("--no-restart").returncode,
            ]
        if scene == "installed":
            codes = [wall.install("--no-restart").returncode]
        if scene == "staged":
            codes = [wall.install("--no-restart", "--stage-only").returncode]
        assert not any(codes)
        if codes:
            self.settle()
        if scene == "half-done":
            self._kill_at_second_rename()
        self._keep(scene)

    def _kill_at_second_rename(self) -> None:
        """Break off an install under the machine's own sh, whose PATH is easily changed."""
        wall = self._firewall
        shell, environment = wall.shell, dict(wall.environment)
        wall.shell = ["sh"]
        wall.environment["PATH"] = os.environ["PATH"]
        mv = f'case $* in */sftunnel-cert.pem) kill -KILL 0 ;; esac; exec {shutil.which("mv")} "$@"'
        put_before_path(wall, self._kept / "bin", mv=mv)
        assert wall.install("--no-restart").returncode == -signal.SIGKILL
        assert self.which() == "a mix"
        wall.shell, wall.environment = shell, environment

    def _keep(self, scene: str) -> None:
        kept = self._kept / scene
        kept.mkdir()
        if self._firewall.state.exists():
            shutil.copytree(self._firewall.state, kept / "state", symlinks=True)
        (kept / "peer").mkdir()
        for path in self._peer_files():
            _copy(path, kept / "peer")
        self.starts[scene] = self.trio()
        self.unfinished[scene] = self.find_unfinished()

    def restore(self, scene: str) -> None:
        """Put the firewall back to a scene, which is made when it is first asked for."""
        if scene not in self.starts:
            self._make(scene)
        kept = self._kept / scene
        shutil.rmtree(self._firewall.state, ignore_errors=True)
        if (kept / "state").exists():
            shutil.copytree(kept / "state", self._firewall.state, symlinks=True)
        for path in [*self._peer_files(), *self._firewall.bundle.parent.glob("sftunnel-receipt-*")]:
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()
        for path in (kept / "peer").iterdir():
            _copy(path, self._firewall.peer_dir)

    def _peer_files(self) -> list[Path]:
        """Return what is in the peer directory but sftunnel's socket."""
        return [path for path in self._firewall.peer_dir.iterdir() if not path.is_socket()]

    def trio(self) -> dict[str, bytes]:
        paths = {name: self._firewall.peer_dir / name for name in TRIO_NAMES}
        return {name: path.read_bytes() for name, path in paths.items() if path.exists()}

    def which(self) -> str:
        """Return `old` or `new`, or `a mix`."""
        trio = self.trio()
        return next((name for name, whole in self.trios.items() if trio == whole), "a mix")

    def find_unfinished(self) -> set[str]:
        """Return the names of what only an unfinished run has: lock, work and staged files."""
        state = self._firewall.state
        names = set(os.listdir(state)) if state.exists() else set()
        # A dead run's lock is moved away before it is removed.
        names = {"lock" if name.startswith("lock.") else name for name in names}
        beside = {path.name for path in self._peer_files()}
        return (names - self._settled) | (beside - set(os.listdir(self._kept / "fresh/peer")))

    def settle(self) -> None:
        """Take what lies in the state directory now for what a finished run leaves there."""
        self._settled |= set(os.listdir(self._firewall.state))


def _copy(path: Path, place: Path) -> None:
    """Copy a file, or a directory of staged ones, into another directory."""
    if path.is_dir():
        shutil.copytree(path, place / path.name)
    else:
        shutil.copy2(path, place)
