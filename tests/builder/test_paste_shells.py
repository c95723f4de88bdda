"""A bundle pasted into the shells that a device could have: whole, or the bad block is named."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from pasting import Terminal
from sftunnel_builder.paste import make_paste
from toolsets import SHELLS, Toolset

NAME = "sftunnel-BSNS-1120-1-c8d5d5c6.tar.gz"
SIGNER = "5a" * 32
DATA = random.Random(1).randbytes(16384)
PASTE = make_paste(DATA, NAME, SIGNER)
ALL_OK = tuple((block.number, True) for block in PASTE.blocks)
BAD = 3
LINED = [toolset for toolset in SHELLS if not toolset.name.startswith("yash")]


class Device:
    """A directory on a device, and the shell there."""

    def __init__(self, toolset: Toolset, place: Path) -> None:
        self.shell, self.environment = toolset.environment(place)
        self.is_busybox = "busybox" in toolset.name
        self.directory = place / "renewal"
        self.directory.mkdir()

    def log_in(self, *, echo: bool = True, **environment: str) -> Terminal:
        return Terminal(self.shell, {**self.environment, **environment}, self.directory, echo=echo)

    def files(self) -> dict[str, bytes]:
        kept = {path.name: path for path in self.directory.iterdir()}
        return {name: path.read_bytes() for name, path in kept.items() if name[0] != "."}


@pytest.fixture(params=LINED, ids=lambda s: s.name)
def device(request: pytest.FixtureRequest, tmp_path: Path) -> Device:
    return Device(request.param, tmp_path)


def as_typed(text: bytes, line_end: bytes = b"\r") -> bytes:
    """Return text as a terminal program sends it."""
    return text.replace(b"\n", line_end)


def assert_whole(device: Device, terminal: Terminal) -> None:
    """State what must be when all has arrived."""
    answers = terminal.answers()
    said = (answers.sha256, answers.command, answers.not_whole)
    assert said == (PASTE.sha256, PASTE.command, False)
    assert device.files() == {NAME: DATA}
    assert (device.directory / NAME).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("echo", [True, False], ids=["echo", "no echo"])
@pytest.mark.parametrize("line_end", [b"\r", b"\n", b"\r\n"], ids=["CR", "LF", "CR LF"])
def test_all_at_once_arrives_whole(device: Device, line_end: bytes, echo: bool) -> None:
    with device.log_in(echo=echo) as terminal:
        terminal.paste(as_typed(PASTE.text(), line_end))
        assert terminal.answers().blocks == ALL_OK
        assert_whole(device, terminal)


@pytest.mark.parametrize("words", [[], ["--posix"]], ids=["bash", "bash --posix"])
def test_bracketed_by_the_terminal_program_too(tmp_path: Path, words: list[str]) -> None:
    device = Device(Toolset("bash", ["bash", *words]), tmp_path)
    with device.log_in() as terminal:
        terminal.paste(b"bind 'set enable-bracketed-paste on'\r")
        terminal.listen_until(lambda: b"\x1b[?2004h" in terminal.said)
        terminal.paste(b"\x1b[200~" + as_typed(PASTE.text()) + b"\x1b[201~\r")
        assert terminal.answers().blocks == ALL_OK
        assert_whole(device, terminal)


def test_a_terminal_that_can_do_nothing_is_enough(device: Device) -> None:
    with device.log_in(TERM="dumb") as terminal:
        terminal.paste(as_typed(PASTE.text()))
        assert terminal.answers().sha256 == PASTE.sha256


def _block(damage: Callable[[list[bytes]], list[bytes]]) -> bytes:
    """Return the whole text with one block damaged: a function of its lines."""
    blocks = {block.number: block.text for block in PASTE.blocks}
    lines = damage(blocks[BAD].splitlines())
    blocks[BAD] = b"\n".join(lines) + b"\n"
    return b"".join((PASTE.header, *blocks.values(), PASTE.footer))


def _changed(line: bytes) -> bytes:
    return line[:100] + (b"B" if line[100:101] == b"A" else b"A") + line[101:]


LOG = b"Nov 24 16:20:00 ftd SF-IMS[15680]: [15680] sftunneld:sf_ssl [ERROR] err 10:$(x) `y` 'z"

DAMAGES: dict[str, Callable[[list[bytes]], list[bytes]]] = {
    "a letter changed": lambda lines: [*lines[:3], _changed(lines[3]), *lines[4:]],
    "a letter lost": lambda lines: [*lines[:3], lines[3][1:], *lines[4:]],
    "a letter doubled": lambda lines: [*lines[:3], lines[3][:1] + lines[3], *lines[4:]],
    "a line lost": lambda lines: [*lines[:3], *lines[4:]],
    "the start lost": lambda lines: [lines[0], *lines[2:]],
    "the start's first letter lost": lambda lines: [lines[0], lines[1][1:], *lines[2:]],
    "the start's second < lost": lambda lines: [
        lines[0],
        lines[1].replace(b"<<", b"<"),
        *lines[2:],
    ],
    "the check changed": lambda lines: [lines[0], lines[1][:-1] + b"x", *lines[2:]],
    "the first mark lost": lambda lines: [lines[0] + lines[1], *lines[2:]],
    "a log message breaking in": lambda lines: [*lines[:3], lines[3] + LOG, *lines[4:]],
    "a log message as a line": lambda lines: [*lines[:3], LOG, *lines[3:]],
    "backquotes in it": lambda lines: [*lines[:3], lines[3] + b"`$((`", *lines[4:]],
    "all of it lost": lambda _lines: [b":"],
}


def test_a_lost_end_mark_is_made_good_by_the_next_block(device: Device) -> None:
    with device.log_in() as terminal:
        terminal.paste(as_typed(_block(lambda lines: lines[:-1])))
        assert terminal.answers().blocks == ALL_OK
        assert_whole(device, terminal)


@pytest.mark.parametrize("damage", DAMAGES)
def test_exactly_a_damaged_block_is_asked_for_again(device: Device, damage: str) -> None:
    with device.log_in() as terminal:
        terminal.paste(as_typed(_block(DAMAGES[damage])))
        asked = _asked(terminal)
        # On a busy machine busybox loses bytes behind a command that it does not find.
        assert asked in [{BAD}, {BAD, BAD + 1}] if device.is_busybox else asked == {BAD}
        assert NAME not in device.files()
        _finish(terminal, asked)
        assert terminal.answers().blocks == tuple((number, True) for number in sorted(asked))
        assert_whole(device, terminal)


def _finish(terminal: Terminal, asked: set[int]) -> None:
    """Paste the blocks that were asked for, as a person would, and the end."""
    again = b"".join(block.text for block in PASTE.blocks if block.number in asked)
    terminal.paste(as_typed(again + PASTE.footer))


def _asked(terminal: Terminal) -> set[int]:
    """Return the blocks that the device asks for at the end."""
    answers = terminal.answers()
    assert (answers.sha256, answers.command, answers.not_whole) == (None, None, True)
    return {number for number, is_ok in answers.blocks if not is_ok}


@pytest.mark.slow
@pytest.mark.parametrize("stray", [b"'", b"`", b"<<X "])
@pytest.mark.parametrize("toolset", [s for s in LINED if s.busybox != "old"], ids=lambda s: s.name)
def test_ctrl_c_leads_out_of_what_a_stray_byte_began(
    tmp_path: Path, toolset: Toolset, stray: bytes
) -> None:
    # Busybox 1.30 stays there: for it, as for any lost session, there is the next test.
    device = Device(toolset, tmp_path)
    lines = PASTE.blocks[BAD - 1].text.splitlines(keepends=True)
    damaged = b"".join([lines[0], stray, *lines[1:]])
    before = b"".join(block.text for block in PASTE.blocks[: BAD - 1])
    after = b"".join(block.text for block in PASTE.blocks[BAD:])
    with device.log_in() as terminal:
        terminal.paste(as_typed(PASTE.header + before + damaged + after + PASTE.footer))
        terminal.listen_until_silence()
        terminal.paste(b"\x03")
        terminal.listen_until_silence()
        terminal.paste(as_typed(PASTE.footer))
        asked = _asked(terminal)
        assert BAD in asked
        assert not asked & {block.number for block in PASTE.blocks[: BAD - 1]}
        _finish(terminal, asked)
        assert_whole(device, terminal)


def test_a_new_session_goes_on_where_the_old_one_broke_off(device: Device) -> None:
    with device.log_in() as terminal:
        cut = PASTE.text()[: PASTE.text().index(PASTE.blocks[BAD].text) + 1000]
        terminal.paste(as_typed(cut))
        terminal.listen_until(lambda: re.search(rb"^ok 3\r?$", terminal.said, re.M) is not None)
    with device.log_in() as terminal:
        terminal.paste(as_typed(PASTE.header + PASTE.footer))
        asked = _asked(terminal)
        assert asked == {block.number for block in PASTE.blocks[BAD:]}
        _finish(terminal, asked)
        assert_whole(device, terminal)


def test_asked_again_it_says_again_that_all_is_there(device: Device) -> None:
    with device.log_in() as terminal:
        terminal.paste(as_typed(PASTE.text()))
        assert_whole(device, terminal)
        terminal.paste(as_typed(PASTE.footer))
        assert terminal.answers().blocks == ()
        assert_whole(device, terminal)


def test_another_file_of_that_name_stays(device: Device) -> None:
    (device.directory / NAME).write_bytes(b"mine")
    with device.log_in() as terminal:
        terminal.paste(as_typed(PASTE.text()))
        assert _asked(terminal) == set()
        assert device.files()[NAME] == b"mine"
        (device.directory / NAME).unlink()
        _finish(terminal, set())
        assert_whole(device, terminal)


def test_parts_of_another_bundle_of_that_name_do_no_harm(device: Device) -> None:
    older = make_paste(DATA[::-1], NAME, SIGNER)
    with device.log_in() as terminal:
        terminal.paste(as_typed(older.header + older.blocks[0].text))
        terminal.listen_until(lambda: re.search(rb"^ok 1\r?$", terminal.said, re.M) is not None)
        terminal.paste(as_typed(PASTE.text()))
        assert terminal.answers().command == PASTE.command
        assert device.files()[NAME] == DATA


def test_a_directory_that_takes_no_files_is_told(device: Device) -> None:
    device.directory = Path("/proc")
    with device.log_in() as terminal:
        terminal.paste(as_typed(PASTE.text()))
        assert _asked(terminal) == {block.number for block in PASTE.blocks}
        assert re.search(rb"create|ermission denied|No such file", terminal.said)


def test_a_shell_that_asks_before_it_removes_is_not_asked(tmp_path: Path) -> None:
    device = Device(Toolset("bash", ["bash"]), tmp_path)
    with device.log_in() as terminal:
        terminal.paste(b"alias rm='rm -i' mv='mv -i' cp='cp -i'\r")
        terminal.paste(as_typed(PASTE.header + PASTE.blocks[0].text + PASTE.text()))
        assert_whole(device, terminal)
