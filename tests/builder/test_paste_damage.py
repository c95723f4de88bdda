"""What a damaged byte in the lines that are run, not checked, can do: nothing to other files."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

import pytest

from found import Record
from rehearsal import IS_LONG, need
from sftunnel_builder.paste import make_paste, read_answers

pytestmark = pytest.mark.sampled
NAME = "sftunnel-BSNS-1120-1-c8d5d5c6.tar.gz"
DATA = random.Random(3).randbytes(3000)
PASTE = make_paste(DATA, NAME, "5a" * 32, block_characters=2048)
# A third of the bytes in a long run, else a sample: every run starts a shell and some openssl.
STEP = 3 if IS_LONG else 23
OTHERS = {"notes.txt": b"1", "-x": b"2", "sftunnel-x-c8d5d5c6.tar.gz": b"3", "k.pem": b"4"}


def _damaged(at: int) -> Iterator[bytes]:
    """Return the header with a byte lost, doubled, and changed into what a shell minds."""
    header = PASTE.header
    yield header[:at] + header[at + 1 :]
    yield header[:at] + header[at : at + 1] + header[at:]
    yield header[:at] + bytes([b"*?;|& /a"[at % 8]]) + header[at + 1 :]


def _run(shell: list[str], place: Path, text: bytes) -> bytes:
    """Run a text line by line as at a prompt, and return what was said."""
    done = subprocess.run(
        shell,
        input=text,
        cwd=place,
        env={**os.environ, "HOME": "/nonexistent", "ENV": "", "PS1": "# ", "HISTFILE": ""},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        timeout=60,
        check=False,
    )
    return done.stdout


@pytest.mark.parametrize("shell", [["dash", "-i"], ["bash", "--norc", "-i"]], ids=lambda s: s[0])
def test_a_damaged_header_is_noticed_and_harms_no_other_file(
    tmp_path: Path, shell: list[str], record_property: Record
) -> None:
    need(shell[0], shutil.which(shell[0]))
    blocks = b"".join(block.text for block in PASTE.blocks)
    tried = noticed = 0
    for at in range(0, len(PASTE.header), STEP):
        for number, header in enumerate(_damaged(at)):
            place = tmp_path / f"{at}-{number}"
            place.mkdir()
            for name, content in OTHERS.items():
                (place / name).write_bytes(content)
            answers = read_answers(_run(shell, place, header + blocks + PASTE.footer))
            kept = {path.name: path.read_bytes() for path in place.iterdir() if path.is_file()}
            where = header[max(0, at - 9) : at + 9]
            assert OTHERS.items() <= kept.items(), where
            tried += 1
            if (answers.sha256, answers.command) == (PASTE.sha256, PASTE.command):
                # A change that does not matter, such as a blank.
                assert kept[NAME] == DATA, where
            else:
                noticed += 1
            shutil.rmtree(place)
    found = f"bytes damaged in the header, under {shell[0]}: {tried}, {noticed} noticed, 0 harmful"
    record_property("found", found)
    assert noticed > tried / 2


@pytest.mark.parametrize("shell", ["dash", "bash"])
def test_a_shell_that_overwrites_no_file_takes_it_a_second_time(shell: str, tmp_path: Path) -> None:
    need(shell, shutil.which(shell))
    bad = PASTE.text().replace(b"\n" + b64encode(DATA)[:9], b"\nAAAAAAAAA", 1)
    answers = read_answers(_run([shell, "-C"], tmp_path, bad + PASTE.text()))
    assert answers.sha256 == PASTE.sha256
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {NAME: DATA}
