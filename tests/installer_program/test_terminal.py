"""The program with somebody at the terminal: what is asked, shown, and left after a Ctrl-C."""

from __future__ import annotations

import os
import re
import time
from pathlib import Path

import pytest

from programs import Program, nothing_left, on_device
from terminal import Terminal


def _terminal(program: Program, stick: Path, *words: str) -> Terminal:
    root = program.wall.root
    return program.on_terminal("install", stick, "--root", root, "--wait", "0", *words)


def test_fingerprint_passphrase_and_a_yes_are_asked_for(program: Program, stick: Path) -> None:
    wall = program.wall
    terminal = _terminal(program, stick)
    terminal.expect("Type at least its first 20 digits:")
    terminal.type(" ".join(wall.signer[i : i + 4] for i in range(0, 20, 4)).upper())
    terminal.expect("Passphrase of the key for BSNS-1120-1 (not shown):")
    passphrase = wall.passphrase_file.read_text().strip()
    terminal.type(passphrase)
    terminal.expect("[yes/no]")
    terminal.type("yes")
    assert terminal.end() == 0, terminal.seen
    assert "as typed" in terminal.seen
    assert passphrase not in terminal.seen
    wall.assert_trio(wall.new_trio)
    nothing_left(wall)


@pytest.mark.parametrize("typed", ["19 digits", "wrong digits"])
def test_too_few_or_wrong_digits_are_refused(program: Program, stick: Path, typed: str) -> None:
    terminal = _terminal(program, stick)
    terminal.expect("Type at least its first 20 digits:")
    terminal.type(program.wall.signer[:19] if typed == "19 digits" else "0" * 20)
    assert terminal.end() == 4
    assert ("found 19" if typed == "19 digits" else f"wanted '{'0' * 20}'") in terminal.seen
    assert not program.wall.state.exists()


@pytest.mark.parametrize("prompt", ["Type at least", "Passphrase of the key", "[yes/no]"])
def test_ctrl_c_at_a_question(program: Program, stick: Path, prompt: str) -> None:
    wall = program.wall
    before = on_device(wall)
    words = [] if prompt == "Type at least" else ["--signer", wall.signer]
    if prompt == "[yes/no]":
        words += ["--passphrase-file", str(wall.passphrase_file)]
    terminal = _terminal(program, stick, *words)
    terminal.expect(prompt)
    terminal.press_ctrl_c()
    assert terminal.end() == 130, terminal.seen
    assert "Traceback" not in terminal.seen
    assert terminal.has_echo()
    assert on_device(wall) == before
    nothing_left(wall)


def test_what_it_is_at_is_shown_while_it_lasts_and_is_gone_at_the_end(
    program: Program, stick: Path, tmp_path: Path
) -> None:
    wall = program.wall
    program.put_before_path(tmp_path / "slow", df=f'sleep 3; exec {program.tools}/df "$@"')
    terminal = program.on_terminal("check", stick, *wall.options())
    assert terminal.end() == 0, terminal.seen
    assert re.search(r"\r\.\.\. looking for what could stop the commit, [12] s", terminal.seen)
    assert "\x1b" not in terminal.seen
    assert re.search(r"\r +\rpreflight  root; ", terminal.seen)


def test_nothing_is_drawn_behind_a_question(program: Program, stick: Path) -> None:
    terminal = _terminal(program, stick, "--signer", program.wall.signer)
    terminal.expect("(not shown):")
    time.sleep(2.5)
    terminal.press_ctrl_c()
    assert terminal.end() == 130
    assert terminal.seen.partition("(not shown):")[2].strip("\r\n ^C") == ""


def test_without_a_terminal_nothing_is_drawn(program: Program, stick: Path, tmp_path: Path) -> None:
    program.put_before_path(tmp_path / "slow", df=f'sleep 3; exec {program.tools}/df "$@"')
    done = program.verb("check", stick)
    assert done.returncode == 0
    assert "..." not in done.stdout + done.stderr
    assert "\r" not in done.stdout + done.stderr


def test_a_terminal_that_goes_away_leaves_a_whole_trio(program: Program, stick: Path) -> None:
    wall = program.wall
    terminal = program.on_terminal("install", stick, *wall.options("--no-restart"))
    terminal.expect("trio ")
    terminal.hang_up()
    assert wall.which_trio() in ("old", "new")
    nothing_left(wall)
    assert not (wall.state / "journal").exists()
    assert not os.path.lexists(wall.state / "lock")
