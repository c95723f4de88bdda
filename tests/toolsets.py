"""The shells, tool sets and OpenSSL versions that the installer is tried with."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rehearsal import need

BULLSEYE = os.environ.get("SFTUNNEL_TEST_BULLSEYE")
"""A Debian bullseye tree, for OpenSSL 1.1.1 and busybox 1.30."""


@dataclass(frozen=True)
class Toolset:
    """What a device could have: a shell, its tools, an openssl."""

    name: str
    shell: Sequence[str]
    busybox: str = ""
    """`own`, `old`: only the applets of the machine's busybox, of bullseye's; else coreutils."""
    openssl: str = ""
    """`1.1.1`: bullseye's; else the machine's."""

    def environment(self, place: Path) -> tuple[list[str], dict[str, str]]:
        """Return the shell's command line and the environment; skip if they are not to be had."""
        tools = place / "tools"
        tools.mkdir()
        shell = list(self.shell)
        if self.openssl or self.busybox == "old":
            need("the bullseye tree (SFTUNNEL_TEST_BULLSEYE)", BULLSEYE)
        path = f"{tools}:{os.environ['PATH']}"
        if self.busybox:
            busybox = _foreign(tools, "busybox") if self.busybox == "old" else _found("busybox")
            applets = subprocess.run(
                [busybox, "--list"], capture_output=True, text=True, check=True
            ).stdout.split()
            for applet in applets:
                if not (tools / applet).exists():
                    _write_script(tools / applet, f'exec "{busybox}" {applet} "$@"')
            shell = [busybox, "ash"]
            path = str(tools)
        else:
            need(shell[0], shutil.which(shell[0]))
        if self.openssl:
            _foreign(tools, "openssl")
        elif self.busybox:
            (tools / "openssl").symlink_to(_found("openssl"))
        return shell, {**os.environ, "PATH": path}


def _found(program: str) -> str:
    """Return a program's path; skip if the machine has none."""
    path = shutil.which(program)
    need(program, path)
    assert path is not None
    return path


def _foreign(tools: Path, program: str) -> str:
    """Put a program of the bullseye tree among the tools, run with that tree's own libraries."""
    assert BULLSEYE is not None
    tree = Path(BULLSEYE).resolve()
    (loader,) = tree.glob("lib/*/ld-[0-9]*.so")
    libraries = ":".join(str(tree / folder / loader.parent.name) for folder in ("lib", "usr/lib"))
    (binary,) = [p for p in (tree / "usr/bin" / program, tree / "bin" / program) if p.exists()][:1]
    _write_script(tools / program, f'exec "{loader}" --library-path "{libraries}" "{binary}" "$@"')
    return str(tools / program)


def _write_script(path: Path, line: str) -> None:
    path.write_text(f"#!/bin/sh\n{line}\n")
    path.chmod(0o755)


TOOLSETS = [
    Toolset("dash", ["dash"]),
    Toolset("bash", ["bash"]),
    Toolset("bash in POSIX mode", ["bash", "--posix"]),
    Toolset("mksh", ["mksh"]),
    Toolset("yash in POSIX mode", ["yash", "-o", "posix"]),
    Toolset("busybox ash and applets", [], busybox="own"),
    Toolset("dash, OpenSSL 1.1.1", ["dash"], openssl="1.1.1"),
    Toolset("bash, OpenSSL 1.1.1", ["bash"], openssl="1.1.1"),
    Toolset("busybox ash and applets, OpenSSL 1.1.1", [], busybox="own", openssl="1.1.1"),
    Toolset("busybox 1.30 ash and applets, OpenSSL 1.1.1", [], busybox="old", openssl="1.1.1"),
]
