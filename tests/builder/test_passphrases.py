"""Passphrases that can be read aloud, and files that people write."""

from __future__ import annotations

import math
import re
from pathlib import Path

import pytest

from sftunnel_builder.errors import BundlerError
from sftunnel_builder.passphrases import (
    ALPHABET,
    draw_passphrase,
    read_passphrase_file,
    render_passphrases,
)


def test_a_drawn_passphrase_has_80_bits_and_nothing_to_confuse() -> None:
    drawn = [draw_passphrase() for _ in range(500)]
    assert len(set(drawn)) == 500
    assert len(set(ALPHABET)) == len(ALPHABET)
    assert not set("iIlLoO01|") & set(ALPHABET)
    assert not any(letter.isupper() for letter in ALPHABET)
    for passphrase in drawn:
        assert re.fullmatch(rf"([{ALPHABET}]{{4}}-){{4}}[{ALPHABET}]{{4}}", passphrase)
    assert 20 * math.log2(len(ALPHABET)) >= 80
    assert set("".join(drawn)) == set(ALPHABET) | {"-"}


@pytest.mark.parametrize(
    ("content", "wanted"),
    [
        pytest.param(b"secret\n", "secret", id="a line"),
        pytest.param(b"secret", "secret", id="no line end"),
        pytest.param(b"secret\r\n", "secret", id="a carriage return"),
        pytest.param(b"two words \nanother line\n", "two words ", id="blanks count"),
        pytest.param("grün\n".encode(), "grün", id="letters that are not ASCII"),
    ],
)
def test_the_first_line_is_the_passphrase(tmp_path: Path, content: bytes, wanted: str) -> None:
    path = tmp_path / "passphrase"
    path.write_bytes(content)
    assert read_passphrase_file(path) == wanted


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"\nsecret\n", "is empty"),
        (b"secret\xff\n", "is not UTF-8 text"),
        (None, "cannot read the passphrase file"),
    ],
)
def test_a_file_without_one_is_refused(tmp_path: Path, content: bytes | None, message: str) -> None:
    path = tmp_path / "passphrase"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(BundlerError, match=message) as caught:
        read_passphrase_file(path)
    assert "secret" not in caught.value.message + caught.value.hint


def test_the_file_beside_the_kit_says_whose_each_is() -> None:
    text = render_passphrases("kit", [("u-1", "aaaa-bbbb", "Plant 4 edge")]).decode()
    assert [line for line in text.splitlines() if not line.startswith("#")] == [
        "u-1  aaaa-bbbb  Plant 4 edge"
    ]
