"""Pack a tree behind launcher.sh: one file that is a shell script and an archive.

    pack.py LAUNCHER TREE OUT

The same tree gives the same bytes: names in order, owner root, SOURCE_DATE_EPOCH as every time. Run
by the built Python, so that the zlib that compresses is the same on every machine.
"""

from __future__ import annotations

import gzip
import io
import os
import re
import sys
import tarfile
from pathlib import Path

import sftunnel_builder

OTHER_WAY = {
    "sftunnel-bundler": "install the wheel on a machine with Python 3.11 or newer and build there",
    "sftunnel-installer": "install without it, with a POSIX shell and openssl alone: "
    "unpack the bundle, then sh install.sh",
}
"""What to do where an executable does not run."""

DIGITS = 9
"""How many digits a number in the launcher has, so that it does not move what follows."""


def archive(tree: Path, time_s: int) -> bytes:
    """Return all below a directory as a .tar.gz without names, owners or times of this machine."""
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for path in sorted(tree.rglob("*")):
            entry = tar.gettarinfo(path, path.relative_to(tree).as_posix())
            entry.uid = entry.gid = 0
            entry.uname = entry.gname = "root"
            entry.mtime = time_s
            entry.mode = 0o700 if entry.isdir() or entry.mode & 0o100 else 0o600
            if entry.isreg():
                with path.open("rb") as content:
                    tar.addfile(entry, content)
            else:
                tar.addfile(entry)
    return gzip.compress(plain.getvalue(), compresslevel=9, mtime=0)


def launcher(script: str, command: str, facts: dict[str, str]) -> str:
    """Fill in the launcher's @NAMES@; raises KeyError for one that is not known."""
    facts = {**facts, "COMMAND": command, "OTHER_WAY": OTHER_WAY[command]}
    return re.sub(r"@([A-Z_]+)@", lambda found: facts[found[1]], script)


def pack(script: str, tree: Path, facts: dict[str, str], time_s: int) -> bytes:
    """Return the whole executable."""
    payload = archive(tree, time_s)
    kib = sum(path.stat().st_size for path in tree.rglob("*") if path.is_file()) // 1024
    numbers = {"PAYLOAD_AT": 0, "FILE_BYTES": 0, "UNPACKED_KIB": kib}

    def head() -> bytes:
        # Blanks and not zeros: a shell may take 010 for eight.
        digits = {name: f"'{number}'".ljust(DIGITS + 2) for name, number in numbers.items()}
        return launcher(script, tree.name, {**facts, **digits}).encode()

    numbers["PAYLOAD_AT"] = len(head()) + 1
    numbers["FILE_BYTES"] = len(head()) + len(payload)
    return head() + payload


def main() -> None:
    """Write the executable, mode 0755."""
    script, tree, out = map(Path, sys.argv[1:])
    facts = {
        "VERSION": sftunnel_builder.__version__,
        "GLIBC": os.environ["GLIBC"],
    }
    time_s = int(os.environ["SOURCE_DATE_EPOCH"])
    out.write_bytes(pack(script.read_text(), tree, facts, time_s))
    out.chmod(0o755)


if __name__ == "__main__":
    main()
