"""The shells, tool sets and OpenSSL versions that the installer is tried with."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rehearsal import need

_MADE_HERE = Path(__file__).resolve().parents[1] / ".cache/bullseye"
BULLSEYE = os.environ.get("SFTUNNEL_TEST_BULLSEYE", str(_MADE_HERE) if _MADE_HERE.is_dir() else "")
"""A tree that .ci/openssl-1.1.1 made: Debian bullseye, with OpenSSL 1.1.1 and busybox 1.30."""


LIKE_1_0_2 = """\
case " $* " in
*' -ext '* | *' -rawin '* | *' -pbkdf2 '* | *' -no_check_time '* | *' pkey '*' -check '*)
    echo 'unknown option' >&2 && exit 1 ;;
esac
case $1 in
verify)
    said=$("{real}" "$@" 2>&1) && echo "$said" && exit 0
    for name; do :; done
    printf '%s: %s\\nOK\\n' "$name" "$(echo "$said" | grep -v 'verification failed')" ;;
dgst | enc | base64 | pkey | rsa | s_client | x509) exec "{real}" "$@" ;;
*) echo "openssl:Error: '$1' is an invalid command." >&2 ;;
esac
exit 0"""
"""OpenSSL 1.0.2 ends a verification that failed with `OK` and exit status 0, and an unknown command
with 0 too; it lacks many an option. The version itself is no longer to be had as a package."""


@dataclass(frozen=True)
class Toolset:
    """What a device could have: a shell, its tools, an openssl."""

    name: str
    shell: Sequence[str]
    busybox: str = ""
    """`own`, `old`: only the applets of the machine's busybox, of bullseye's; else coreutils."""
    openssl: str = ""
    """`1.1.1`: bullseye's; `like 1.0.2`: the machine's, with that version's traps; else its own."""

    def environment(self, place: Path) -> tuple[list[str], dict[str, str]]:
        """Return the shell's command line and the environment; skip if they are not to be had."""
        tools = place / "tools"
        tools.mkdir()
        shell = list(self.shell)
        if self.openssl == "1.1.1" or self.busybox == "old":
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
        if self.openssl == "1.1.1":
            _foreign(tools, "openssl")
        elif self.openssl:
            _write_script(tools / "openssl", LIKE_1_0_2.format(real=_found("openssl")))
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
    tree = Path(BULLSEYE).resolve()
    (loader,) = tree.glob("lib/*/ld-[0-9]*.so")
    libraries = ":".join(str(tree / folder / loader.parent.name) for folder in ("lib", "usr/lib"))
    (binary,) = [p for p in (tree / "usr/bin" / program, tree / "bin" / program) if p.exists()][:1]
    _write_script(tools / program, f'exec "{loader}" --library-path "{libraries}" "{binary}" "$@"')
    return str(tools / program)


def _write_script(path: Path, script: str) -> None:
    path.write_text(f"#!/bin/sh\n{script}\n")
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
    Toolset("bash, the traps of OpenSSL 1.0.2", ["bash"], openssl="like 1.0.2"),
    Toolset("busybox ash and applets, OpenSSL 1.1.1", [], busybox="own", openssl="1.1.1"),
    Toolset("busybox 1.30 ash and applets, OpenSSL 1.1.1", [], busybox="old", openssl="1.1.1"),
]
