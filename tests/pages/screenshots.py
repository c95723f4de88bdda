"""Pictures of every page, for people to look at: `make screenshots` writes them into a directory.

Each page as a telephone and a desktop show it, light and dark, and printed on A4 and Letter.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from browser import A4, LETTER, Page, browse
from fleets import make_fleet, make_runbook
from sftunnel_builder.page import render_index
from sftunnel_builder.words import Lang

SCREENS = {"phone": (360, 740), "desktop": (1280, 800)}
PAPERS = {"a4": A4, "letter": LETTER}
DOTS_PER_INCH = 90


def make_pages(place: Path) -> list[Path]:
    """Write the pages to show, and return them."""
    pending, half = make_fleet(12), make_fleet(12, is_half_done=True)
    spanish = make_fleet(12, is_half_done=True, lang="es")
    pages = {
        "index-pending": render_index(pending, None, "runbooks/"),
        "index-half-done": render_index(half, half.created, "../kit/runbooks/"),
        "index-spanish": render_index(spanish, half.created, "../kit/runbooks/"),
        "runbook": make_runbook(Lang.EN),
        "runbook-spanish": make_runbook(Lang.ES),
    }
    for name, page in pages.items():
        (place / f"{name}.html").write_bytes(page)
    return [place / f"{name}.html" for name in pages]


def shoot(tab: Page, page: Path, out: Path) -> None:
    """Take all the pictures of one page."""
    for screen, (width, height) in SCREENS.items():
        for theme in ("light", "dark"):
            tab.look(width, height, theme)
            tab.open(page)
            (out / f"{page.stem}-{screen}-{theme}.png").write_bytes(tab.screenshot())
    for paper, size in PAPERS.items():
        pdf = out / f"{page.stem}-{paper}.pdf"
        pdf.write_bytes(tab.pdf(size))
        command = ["pdftoppm", "-png", "-r", str(DOTS_PER_INCH), pdf, pdf.with_suffix("")]
        subprocess.run(command, check=True)


def main(out: Path) -> None:
    """Write all pictures anew."""
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as profile, browse(Path(profile)) as tab:
        for page in make_pages(out):
            shoot(tab, page, out)
    sys.stdout.write("".join(f"{path}\n" for path in sorted(out.glob("*.png"))))


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
