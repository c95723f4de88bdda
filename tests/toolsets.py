"""The shells, tool sets and OpenSSL versions that the installer is tried with."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rehearsal import need

TREES = Path(os.environ.get("SFTUNNEL_TEST_TREES") or Path(__file__).parents[1] / ".cache/trees")
"""Where .ci/debian-tree made trees of Debian releases, each under the release's name."""

RELEASES = {"1.1.1": "bullseye", "3.0": "bookworm", "3.5": "trixie"}
"""Which Debian release has which OpenSSL; bullseye has busybox 1.30, too."""

LIKE_1_0_2 = Path(__file__).parent / "bin/openssl-1.0.2"
"""The machine's openssl with the traps of version 1.0.2, which is no longer to be had."""


@dataclass(frozen=True)
class Toolset:
    """What a device could have: a shell, its tools, an openssl."""

    name: str
    shell: Sequence[str]
    busybox: str = ""
    """`own`, `old`: only the applets of the machine's busybox, of bullseye's; else coreutils."""
    openssl: str = ""
    """One of OPENSSLS; empty for the machine's own, whatever its version."""
    version: Sequence[str] = ()
    """What prints the version of a shell that is no busybox."""

    def environment(self, place: Path) -> tuple[list[str], dict[str, str]]:
        """Return the shell's command line and the environment; skip if they are not to be had."""
        tools = place / "tools"
        tools.mkdir()
        shell = list(self.shell)
        environment = {**os.environ, "PATH": f"{tools}:{os.environ['PATH']}"}
        if self.busybox:
            busybox = (
                _foreign(tools, "bullseye", "busybox")
                if self.busybox == "old"
                else _found("busybox")
            )
            applets = subprocess.run(
                [busybox, "--list"], capture_output=True, text=True, check=True
            ).stdout.split()
            for applet in applets:
                if not (tools / applet).exists():
                    _write_script(tools / applet, f'exec "{busybox}" {applet} "$@"')
            shell = [busybox, "ash"]
            environment["PATH"] = str(tools)
        else:
            need(shell[0], shutil.which(shell[0]))
        if self.openssl == "like 1.0.2":
            (tools / "openssl").symlink_to(LIKE_1_0_2)
            environment["REAL_OPENSSL"] = _found("openssl")
        elif self.openssl and not OWN_OPENSSL.startswith(self.openssl):
            _foreign(tools, RELEASES[self.openssl], "openssl")
        elif self.busybox:
            (tools / "openssl").symlink_to(_found("openssl"))
        return shell, environment

    def shell_version(self, shell: Sequence[str]) -> str:
        """Return the version of the shell that `environment` returned; empty if it has none."""
        return version_of([shell[0]] if self.busybox else self.version)

    def openssl_version(self, environment: Mapping[str, str]) -> str:
        """Return the version of the openssl in the environment that `environment` returned."""
        if self.openssl == "like 1.0.2":
            return "1.0.2 double"
        openssl = shutil.which("openssl", path=environment["PATH"])
        return version_of([openssl, "version"]) if openssl else ""


def version_of(command: Sequence[str]) -> str:
    """Return the first version in what a command prints; empty if there is no such command."""
    if not command or not shutil.which(command[0]):
        return ""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    found = re.search(r"R?\d[\w.]*", done.stdout + done.stderr)
    return found[0] if found else ""


def _found(program: str) -> str:
    """Return a program's path; skip if the machine has none."""
    path = shutil.which(program)
    need(program, path)
    assert path is not None
    return path


def _foreign(tools: Path, release: str, program: str) -> str:
    """Put a program of a Debian tree among the tools, run with that tree's own libraries."""
    tree = (TREES / release).resolve()
    need(f"the {release} tree (.ci/debian-tree, SFTUNNEL_TEST_TREES)", tree.is_dir())
    (loader,) = [path for path in tree.glob("lib/*/ld-*.so*") if not path.is_symlink()]
    libraries = ":".join(str(tree / folder / loader.parent.name) for folder in ("lib", "usr/lib"))
    (binary,) = [p for p in (tree / "usr/bin" / program, tree / "bin" / program) if p.exists()][:1]
    _write_script(tools / program, f'exec "{loader}" --library-path "{libraries}" "{binary}" "$@"')
    return str(tools / program)


def _write_script(path: Path, script: str) -> None:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


OWN_OPENSSL = version_of(["openssl", "version"])
"""The version of the machine's own openssl."""

OPENSSLS = ("like 1.0.2", *RELEASES)

SHELLS = (
    Toolset("dash", ["dash"], version=["dpkg-query", "-W", "-f", "${Version}", "dash"]),
    Toolset("bash", ["bash"], version=["bash", "-c", "echo $BASH_VERSION"]),
    Toolset("bash --posix", ["bash", "--posix"], version=["bash", "-c", "echo $BASH_VERSION"]),
    Toolset("busybox ash, old", [], busybox="old"),
    Toolset("busybox ash", [], busybox="own"),
    Toolset("mksh", ["mksh"], version=["mksh", "-c", "echo $KSH_VERSION"]),
    Toolset("yash -o posix", ["yash", "-o", "posix"], version=["yash", "-c", "echo $YASH_VERSION"]),
)
"""A busybox brings its own tools, and there are no others then."""
