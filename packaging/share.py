"""Write packaging/share: manual pages and completion, as they go into a wheel's share/.

They are committed, because whoever builds a wheel has hatchling only, and not what the commands
need to be loaded; a test compares them with what the commands say of themselves. A page that says
the same as before keeps its date, so that the same sources give the same bytes; a new one has the
day of SOURCE_DATE_EPOCH, else today.
"""

from __future__ import annotations

import os
import re
from datetime import UTC, datetime
from pathlib import Path

import typer

from man_pages import pages
from sftunnel_builder.cli import app
from sftunnel_builder.cli.commands import Command, program
from sftunnel_builder.cli.completion import SHELLS, completion_script

SHARE = Path(__file__).resolve().parent / "share"


def top() -> Command:
    """Return the program, whose verbs and options are told of."""
    return program(typer.main.get_command(app), "sftunnel-bundler")


def shared(date: str) -> dict[str, str]:
    """Return the text of every file by its path below share/; date is YYYY-MM-DD."""
    manual = {f"man/man1/{name}": page for name, page in pages(top(), date).items()}
    return manual | {each.shared: completion_script(name, top()) for name, each in SHELLS.items()}


def undated(text: str) -> str:
    """Return a manual page without its date, and anything else as it is."""
    return re.sub(r'\A(\.TH \S+ 1 )"[^"]*"', r'\1""', text)


def main() -> None:
    """Write the files that have changed, and remove those that are no longer made."""
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    when = datetime.fromtimestamp(int(epoch), UTC) if epoch else datetime.now(UTC)
    files = {SHARE / path: text for path, text in shared(when.strftime("%Y-%m-%d")).items()}
    for path in SHARE.rglob("*"):
        if path.is_file() and path not in files:
            path.unlink()
    for path, text in files.items():
        if not path.exists() or undated(path.read_text("utf-8")) != undated(text):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")


if __name__ == "__main__":
    main()
