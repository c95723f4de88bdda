"""Print the highest glibc symbol that each ELF file below a directory needs.

    glibc_floor.py FLOOR DIRECTORY

Ends with status 1 if one needs more than FLOOR, or if there is no ELF file at all.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

Version = tuple[int, ...]


def version(text: str) -> Version:
    """Return "2.17" as numbers."""
    return tuple(map(int, text.split(".")))


def needed(path: Path) -> str:
    """Return the highest GLIBC_x.y among the symbols that an ELF file takes from elsewhere."""
    symbols = subprocess.run(
        ["objdump", "-T", path], capture_output=True, text=True, check=True
    ).stdout
    found = {
        asked[1]
        for line in symbols.splitlines()
        if "*UND*" in line and (asked := re.search(r"\bGLIBC_([0-9.]+)", line))
    }
    return max(found, key=version, default="none")


def elf_files(directory: Path) -> list[Path]:
    """List the ELF files below a directory."""
    files = [path for path in sorted(directory.rglob("*")) if path.is_file()]
    return [path for path in files if path.open("rb").read(4) == b"\x7fELF"]


def main() -> None:
    """Print a line a file; judge."""
    floor, directory = sys.argv[1], Path(sys.argv[2])
    files = elf_files(directory)
    if not files:
        sys.exit(f'error: no ELF file in "{directory}"')
    too_new = 0
    for path in files:
        highest = needed(path)
        too_new += highest != "none" and version(highest) > version(floor)
        print(f"glibc {highest:<6} {path.relative_to(directory)}")
    if too_new:
        sys.exit(f'error: {too_new} files in "{directory}" need more than glibc {floor}')


if __name__ == "__main__":
    main()
