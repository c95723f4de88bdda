"""What a terminal leaves in a copied text is taken away, and nothing else."""

from __future__ import annotations

import time

import pytest

from sftunnel_builder.captured import without_escapes


@pytest.mark.parametrize(
    ("data", "wanted"),
    [
        pytest.param(b"\x1b[18tplain", b"plain", id="a question about the window's size"),
        pytest.param(
            b"a\x1b[01;31m\x1b[Kred\x1b[m\x1b[Kb", b"aredb", id="a match coloured by grep"
        ),
        pytest.param(b"\x1b]0;root@fmc\x07text", b"text", id="a title that ends with a bell"),
        pytest.param(
            b"\x1b]0;root@fmc\x1b\\text", b"text", id="a title that ends as the norm has it"
        ),
        pytest.param(b"\x1b(B\x1b)0text", b"text", id="a choice of character sets"),
        pytest.param(b"ding\x07 dong", b"ding dong", id="a bell"),
        pytest.param(
            b"\x1b]0;open\nline", b"0;open\nline", id="a title without an end, within its line"
        ),
        pytest.param(
            b"a\x1b\nb", b"a\x1b\nb", id="an escape at the end of a line keeps the line end"
        ),
        pytest.param(b"\xff\xfe caf\xe9", b"\xff\xfe caf\xe9", id="bytes that are no UTF-8"),
    ],
)
def test_escape_sequences_go_and_the_rest_stays(data: bytes, wanted: bytes) -> None:
    assert without_escapes(data) == wanted


def test_a_megabyte_of_unfinished_sequences_takes_no_time() -> None:
    start = time.process_time()
    without_escapes(b"\x1b]" * 500_000)
    without_escapes(b"\x1b[" + b"0;" * 500_000)
    assert time.process_time() - start < 5
