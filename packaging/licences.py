"""Write the licences of everything that is in the executables, as one text.

licences.py OUT
"""

from __future__ import annotations

import sys
from pathlib import Path

from inventory import Part, parts

RULE = "=" * 78


def chapter(part: Part) -> str:
    """Return a part's name, version and licence, and the text of that."""
    if not part.texts:
        raise SystemExit(f'error: there is no text of the licence of "{part.name}"')
    texts = [path.read_text("utf-8", errors="replace").strip() for path in part.texts]
    return "\n\n".join([f"{RULE}\n{part.name} {part.version}\n{part.licence}\n{RULE}", *texts])


def main() -> None:
    """Write the file."""
    title = "The executables hold these parts, each under its own licence."
    Path(sys.argv[1]).write_text("\n\n\n".join([title, *map(chapter, parts())]) + "\n")


if __name__ == "__main__":
    main()
