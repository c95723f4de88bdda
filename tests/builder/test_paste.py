"""The text for pasting: how much it is, of what it consists, and how answers are read."""

from __future__ import annotations

import random
import re
from base64 import b64decode

import pytest

from sftunnel_builder.paste import Answers, Paste, make_paste, read_answers

NAME = "sftunnel-BSNS-1120-1-c8d5d5c6.tar.gz"
LONGEST_NAME = f"sftunnel-{'X' * 32}-c8d5d5c6.tar.gz"
SIGNER = "5a" * 32


def _paste(size: int, name: str = NAME, **sizes: int) -> Paste:
    return make_paste(random.Random(size).randbytes(size), name, SIGNER, **sizes)


def _data(paste: Paste) -> list[list[bytes]]:
    """Return the lines of base64 of each block, its own lines checked."""
    found = []
    for block in paste.blocks:
        first, start, *lines, last = block.text.splitlines()
        assert (first, last) == (b":", b":")
        width = len(str(len(paste.blocks)))
        assert re.fullmatch(rb"b<<\\: %0*d [0-9a-f]{6}" % (width, block.number), start)
        found.append(lines)
    return found


def test_a_bundle_of_16_kib_takes_23_seconds_at_9600_baud() -> None:
    size = len(_paste(16_384, LONGEST_NAME).text())
    assert size <= 22_500
    assert size * 10 / 9600 < 23.5


@pytest.mark.parametrize("size", [1, 47, 3599, 3600, 3601, 3648, 16_384, 28_123, 400_000])
def test_the_blocks_hold_the_bundle(size: int) -> None:
    data = b"".join(b"".join(lines) for lines in _data(_paste(size)))
    assert b64decode(data) == random.Random(size).randbytes(size)


@pytest.mark.parametrize("size", [3599, 3600, 3601, 3648, 7201, 7244, 16_384, 28_123])
@pytest.mark.parametrize("columns", [64, 512, 960])
def test_no_line_is_too_long_for_busybox_or_as_short_as_a_command(size: int, columns: int) -> None:
    for lines in _data(_paste(size, columns=columns)):
        assert all(len(line) < 1024 for line in lines)
        # What is left over is behind the last full group of 64 that `fold` makes.
        assert all(len(line) % 64 == 0 for line in lines[:-1])
        assert len(lines) == 1 or all(len(line) >= 64 for line in lines)


def test_numbers_are_equally_wide_so_that_they_sort() -> None:
    paste = _paste(16_384, block_characters=960, columns=64)
    assert len(paste.blocks) == 23
    assert paste.blocks[6].text.startswith(b":\nb<<\\: 07 ")
    assert b"seq -w 23" in paste.header


def test_nothing_in_it_means_anything_to_a_terminal_or_an_editor_of_lines() -> None:
    text = _paste(28_123).text()
    assert set(text) <= set(range(0x20, 0x7F)) | {0x0A}
    assert not set(text) & set(b"~!\t")
    assert text.endswith(b":\ne\n")


def test_the_same_bundle_is_always_the_same_text() -> None:
    assert _paste(5000) == _paste(5000)
    # Parts of another bundle of that name, or of other blocks, must not be taken for these.
    other = make_paste(b"x" * 5000, NAME, SIGNER)
    assert other.header.splitlines()[1] != _paste(5000).header.splitlines()[1]


PASTE = _paste(16_384)
SHA256 = PASTE.sha256.encode()
COMMAND = PASTE.command.encode()


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        (b"ok 3\r\n", ((3, True),)),
        (b"paste block 03 again\r\n", ((3, False),)),
        (b"\r\nok 1\r\n\r\npaste block 2 again\r\n\r\nok 3", ((1, True), (2, False), (3, True))),
        (b"> > > > ok 3\r\n", ((3, True),)),
        (b"root@ftd:~# ok 3\r\n", ((3, True),)),
        (b"\x1b[?2004l\r\x1b[?2004l\rok 3\r\n", ((3, True),)),
        (b"\x07ok\x1b[18t 3\x00\r\n", ((3, True),)),
        (b"\xff\xfe\r\nok 3\r\n", ((3, True),)),
        (b"Nov 24 16:20:00 ftd kernel: eth0 up\r\nok 3\r\n", ((3, True),)),
        (b"ok 3Nov 24 16:20:00 ftd kernel: eth0 up\r\n", ()),
        (b"ok 12026-11-24 eth0 up\r\n", ()),
        (b"o[ 12.5] eth0 up\r\nk 3\r\n", ()),
        (b"disk check ok 3\r\n", ()),
        (PASTE.text(), ()),
        (PASTE.text().replace(b"\n", b"\r\n> "), ()),
    ],
    ids=[
        "an answer",
        "an answer with a longer number",
        "several",
        "behind prompts, as without echo",
        "behind a prompt",
        "behind the ends of bracketed paste",
        "with BEL, NUL and an escape sequence in it",
        "behind what is no UTF-8",
        "behind a log line",
        "a log line on its heels",
        "a log line on its heels that begins with digits",
        "a log line in it",
        "another program's words",
        "the echo of the text",
        "the echo with prompts",
    ],
)
def test_answers_of_blocks_are_found(said: bytes, wanted: object) -> None:
    assert read_answers(said) == Answers(wanted, None, None, False)  # type: ignore[arg-type]


def test_the_end_is_found() -> None:
    said = b"\r\nok 5\r\n# :\r\n# e\r\n" + SHA256 + b" *stdin\r\n" + COMMAND + b"\r\n# "
    assert read_answers(said) == Answers(((5, True),), PASTE.sha256, PASTE.command, False)


def test_what_is_missing_at_the_end_is_found() -> None:
    said = (
        b"# e\r\ncat: sftunnel-x-3: No such file or directory\r\n\r\npaste block 3 again\r\n"
        + NAME.encode()
        + b" is not whole\r\n# "
    )
    assert read_answers(said) == Answers(((3, False),), None, None, True)
