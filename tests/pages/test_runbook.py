"""A device's runbook as a page, in a real browser."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from browser import Page
from fleets import SIGNER, make_facts
from rehearsal import need
from sftunnel_builder.runbook_blocks import Command
from sftunnel_builder.runbook_steps import sections

SHA256 = "a" * 64
COMMANDS = [
    block.text
    for section in sections(make_facts("BSNS-1120-1", sha256=SHA256))
    for block in section.blocks
    if isinstance(block, Command)
]


def test_each_command_can_be_copied_as_it_is(page: Page, pages: Path) -> None:
    page.open(pages / "runbook.html")
    buttons = "[...document.querySelectorAll('.copyable button')]"
    assert page.run(f"{buttons}.length") == len(COMMANDS) > 9
    page.run("document.addEventListener('copy', () => window.taken = getSelection().toString())")
    page.run("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    for number, command in enumerate(COMMANDS):
        copied = page.run(
            f"(async () => {{ {buttons}[{number}].click();"
            " await new Promise((done) => setTimeout(done, 20)); return window.taken; })()"
        )
        assert copied.strip() == command
    assert page.run(f"{buttons}[0].textContent") == "Copied"


def test_without_a_script_it_has_no_buttons_and_every_command(page: Page, pages: Path) -> None:
    page.use_script(False)
    page.open(pages / "runbook.html")
    page.use_script(True)
    assert page.run("document.querySelectorAll('button').length") == 0
    shown = page.run("[...document.querySelectorAll('pre.command')].map(e => e.textContent.trim())")
    assert shown == COMMANDS


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_its_codes_are_read_from_the_screen(
    page: Page, pages: Path, tmp_path: Path, theme: str
) -> None:
    need("zbarimg (zbar-tools)", shutil.which("zbarimg"))
    page.look(1280, 800, theme)
    page.open(pages / "runbook.html")
    (tmp_path / "screen.png").write_bytes(page.screenshot())
    read = ["zbarimg", "--quiet", "--raw", tmp_path / "screen.png"]
    done = subprocess.run(read, capture_output=True, text=True, check=True)
    assert sorted(done.stdout.split()) == sorted([SIGNER, SHA256])
