"""Which files are read, in what order, and that no line of them is lost or held."""

from __future__ import annotations

import gzip
import os
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from log_text import EXPIRED, log
from sftunnel_builder.errors import BundlerError
from sftunnel_builder.log_files import (
    CHUNK_BYTES,
    MAX_LINE_BYTES,
    LogFile,
    Tally,
    _noteworthy,
    find_log_files,
    read_lines,
)

LINE = log(EXPIRED).encode()
NOISE = b"Nov 24 10:11:12 fmc-1 SF-IMS[9]: [9] SFDataCorrelator:x [INFO] nothing\n"


def _read(path: Path) -> tuple[list[bytes], Tally, int]:
    """Return a file's lines of sftunnel, the tally, and how many bytes the bar was told."""
    told: list[int] = []
    tally = Tally()
    lines = list(read_lines(LogFile(path, None), tally, told.append))
    return lines, tally, sum(told)


@pytest.mark.parametrize(
    ("named", "wanted"),
    [
        pytest.param(
            ["messages", "messages.1", "messages.2.gz", "messages.10.gz"],
            ["messages.10.gz", "messages.2.gz", "messages.1", "messages"],
            id="a rotated set: the oldest first, by number",
        ),
        pytest.param(
            ["messages", "messages-20261101.gz", "messages-20261108"],
            ["messages-20261101.gz", "messages-20261108", "messages"],
            id="a set rotated by date",
        ),
        pytest.param(["b.log", "a.log"], ["b.log", "a.log"], id="others as named"),
        pytest.param(
            ["b.log", "messages.1", "a.log", "messages.2"],
            ["b.log", "messages.2", "messages.1", "a.log"],
            id="a set stands where its first file is named",
        ),
        pytest.param(["a.log", "a.log"], ["a.log"], id="a file named twice is read once"),
    ],
)
def test_in_what_order_files_are_read(tmp_path: Path, named: list[str], wanted: list[str]) -> None:
    for name in named:
        (tmp_path / name).write_bytes(LINE)
    found, problems = find_log_files(tmp_path / name for name in named)
    assert [file.path.name for file in found] == wanted
    assert problems == []
    assert {file.size for file in found} == {len(LINE)}


def test_a_directory_stands_for_its_messages(tmp_path: Path) -> None:
    for name in ("messages", "messages.1", "messages.2.gz", "secure", "dmesg"):
        (tmp_path / name).write_bytes(LINE)
    (tmp_path / "messages.d").mkdir()
    os.mkfifo(tmp_path / "messages.fifo")
    found, problems = find_log_files([tmp_path, tmp_path / "messages"])
    assert [file.path.name for file in found] == ["messages.2.gz", "messages.1", "messages"]
    assert problems == []


@pytest.mark.parametrize(
    ("name", "message"),
    [
        pytest.param("nowhere", "cannot read the log", id="a file that is not there"),
        pytest.param("empty", "there is no file 'messages*' in", id="a directory without a log"),
        pytest.param("\x1b[31m\u202e", "?[31m?", id="a name that a terminal would obey"),
    ],
)
def test_what_cannot_be_found_is_said_and_the_others_stay(
    tmp_path: Path, name: str, message: str
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "good").write_bytes(LINE)
    found, (problem,) = find_log_files([tmp_path / name, tmp_path / "good"])
    assert [file.path.name for file in found] == ["good"]
    assert message in problem.message


@pytest.mark.parametrize(
    ("data", "count"),
    [
        pytest.param(LINE + NOISE + LINE, 3, id="plain"),
        pytest.param(LINE + NOISE + LINE.rstrip(), 3, id="no last line end"),
        pytest.param((LINE + NOISE + LINE).replace(b"\n", b"\r\n"), 3, id="CR LF"),
        pytest.param((LINE + NOISE + LINE).replace(b"\n", b"\r"), 3, id="CR alone"),
        pytest.param(b"\0" * 3_000_000 + LINE + b"\0" * 9 + LINE, 2, id="NULs that a crash left"),
        pytest.param((LINE + LINE).replace(b"tunnel", b"\x1b[1mtunnel\x1b[m"), 2, id="colours"),
        pytest.param(b"\xff\xfe" + (LINE + LINE).decode().encode("utf-16-le"), 2, id="UTF-16"),
        pytest.param(LINE + b"\xff\xe9 \x80\n" + LINE, 3, id="bytes that are no UTF-8"),
        pytest.param(LINE + b"x" * 9_000_000 + b"\n" + LINE, 3, id="a line of 9 MB in between"),
        pytest.param(LINE + LINE + b"x" * 9_000_000, 3, id="a line of 9 MB that never ends"),
    ],
)
@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["as it is", "compressed"])
def test_no_line_is_lost(
    tmp_path: Path, data: bytes, count: int, pack: Callable[[bytes], bytes]
) -> None:
    packed = pack(data)
    (tmp_path / "log").write_bytes(packed)
    lines, tally, told = _read(tmp_path / "log")
    assert [line.removeprefix(b"\xff\xfe") for line in lines] == [LINE.rstrip()] * 2
    assert tally == Tally(count, len(data))
    assert told == len(packed)


@pytest.mark.parametrize("size", [1, 2, 3, 7, len(LINE), len(LINE) + 1, CHUNK_BYTES])
def test_pieces_of_any_size_read_the_same(size: int) -> None:
    text = (LINE + b"\r\n\0\x1b[1m" + LINE + b"y" * 20_000 + b"\r\n" + LINE) * 3
    whole, tally = list(_noteworthy([text], Tally())), Tally()
    pieces = (text[at : at + size] for at in range(0, len(text), size))
    assert list(_noteworthy(pieces, tally)) == whole
    assert len(whole) == 9
    assert tally.lines == 3 * 5


def test_a_long_line_is_cut() -> None:
    (line,) = _noteworthy([LINE.rstrip() + b"z" * 100_000 + b"\n"], Tally())
    assert len(line) == MAX_LINE_BYTES


def test_a_file_compressed_in_parts_is_read_to_its_end(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(gzip.compress(LINE) + gzip.compress(NOISE + LINE) + b"\0" * 99)
    lines, tally, _ = _read(tmp_path / "log")
    assert (len(lines), tally.lines, tally.is_cut_off) == (2, 3, False)


def test_a_compressed_file_that_is_cut_off_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    packed = gzip.compress(os.urandom(50_000) + b"\n" + LINE * 1000 + os.urandom(50_000))
    (tmp_path / "log").write_bytes(packed[:-10_000])
    lines, tally, _ = _read(tmp_path / "log")
    assert (len(lines), tally.is_cut_off) == (1000, True)


@pytest.mark.parametrize(
    ("damage", "count"),
    [
        pytest.param(slice(-8, -4), 1000, id="another checksum"),
        pytest.param(slice(-20_000, -10_000), 1000, id="other bytes in it"),
        pytest.param(slice(2, 4), 0, id="another head"),
    ],
)
def test_a_damaged_file_is_named_with_the_line_to_which_it_was_read(
    tmp_path: Path, damage: slice, count: int
) -> None:
    packed = bytearray(gzip.compress((NOISE + LINE) * 1000 + os.urandom(900_000).hex().encode()))
    packed[damage] = b"\xff" * len(packed[damage])
    (tmp_path / "messages.1.gz").write_bytes(packed)
    tally, lines = Tally(), list[bytes]()
    file = LogFile(tmp_path / "messages.1.gz", None)
    with pytest.raises(BundlerError, match=r"1.gz' could be read to line \d+ only: damaged"):
        lines.extend(read_lines(file, tally, lambda _: None))
    assert len(lines) >= count
    assert tally.lines >= 2 * count


def test_an_endless_log_is_read_in_constant_memory() -> None:
    # The block is made once, so that what is measured is what reading holds.
    block = NOISE * 2000 + b"\0" * 9999 + LINE * 20
    tally, count = Tally(), 0
    tracemalloc.start()
    try:
        for _ in _noteworthy((block for _ in range(200)), tally):
            count += 1
        for _ in _noteworthy((b"x" * CHUNK_BYTES for _ in range(400)), tally):
            count += 1
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert count == 200 * 20
    assert peak < 8 * len(block)
