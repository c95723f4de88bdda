"""Receipts are found in files, on sticks and in terminals' logs, and nothing takes for ever."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from receipts import on_screen
from sftunnel_builder.errors import BundlerError
from sftunnel_builder.receipt_search import MAX_BYTES, MAX_RECEIPTS, find_receipts

RECEIPT = b'{"after":"' + b"0123456789abcdef" * 30 + b'"}\n' + b"QUJD" * 86 + b"\n"


def readings(path: Path, content: bytes) -> list[bytes]:
    path.write_bytes(content)
    found = []
    for each in find_receipts([path]):
        assert not isinstance(each, BundlerError), each.message
        found.append(each.readings[-1])
    return found


def errors(*paths: Path) -> list[str]:
    return [each.message for each in find_receipts(paths) if isinstance(each, BundlerError)]


BLOCK = on_screen(RECEIPT)
LOGS = [
    pytest.param(BLOCK, id="as it was shown"),
    pytest.param(BLOCK.replace(b"\n", b"\r\n"), id="CR LF"),
    pytest.param(BLOCK.replace(b"\n", b"\r"), id="CR alone"),
    pytest.param(b"root@fw:~# " + BLOCK + b"root@fw:~# exit", id="prompts around"),
    pytest.param(b"-----BEGIN " + BLOCK, id="dashes before"),
    pytest.param(b"\x1b]0;fw\x07\x1b[1;32m" + BLOCK.replace(b"\n", b"\x1b[K\r\n"), id="colours"),
    pytest.param(BLOCK.replace(b"a", b"a\x07"), id="bells"),
    pytest.param(BLOCK.replace(b"3", b"3\0\0"), id="NULs"),
    pytest.param(BLOCK.replace(b"4", b"4 \x08"), id="a blank and a backspace at every wrap"),
    pytest.param(BLOCK.replace(b"5", b"x\x085"), id="what was typed was taken back"),
    pytest.param(BLOCK.decode().encode("utf-16"), id="UTF-16, as PowerShell writes"),
]


@pytest.mark.parametrize("content", LOGS)
def test_a_block_is_found_in_a_log(content: bytes, tmp_path: Path) -> None:
    assert readings(tmp_path / "log", content) == [RECEIPT]


@pytest.mark.parametrize("width", [1, 2, 7, 20, 31, 33, 79, 80, 132, 5000])
def test_a_block_is_found_wrapped_at_any_width(width: int, tmp_path: Path) -> None:
    flat = BLOCK.replace(b"\n", b"\r\n")
    wrapped = b"\r\n".join(flat[at : at + width] for at in range(0, len(flat), width))
    assert readings(tmp_path / "log", wrapped) == [RECEIPT]


def test_a_block_is_found_across_the_pieces_in_which_a_log_is_read(tmp_path: Path) -> None:
    for before in range(256 * 1024 - len(BLOCK) - 2, 256 * 1024 + 2, 97):
        assert readings(tmp_path / "log", b"x" * before + BLOCK) == [RECEIPT]


def test_a_title_is_taken_out_wherever_a_log_is_read_in_pieces(tmp_path: Path) -> None:
    titled = BLOCK.replace(b"\n", b"\n\x1b]0;fw\x1b\\")
    for before in range(256 * 1024 - len(titled) - 2, 256 * 1024 + 2, 37):
        assert readings(tmp_path / "log", b"x" * before + titled) == [RECEIPT]


@pytest.mark.parametrize("cut", range(1, len(b"-----BEGIN SFTUNNEL RECEIPT-----")))
def test_a_mark_that_is_cut_off_hides_no_block_behind_it(cut: int, tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(BLOCK[:cut] + b"\r\n" + BLOCK)
    good = next(iter(find_receipts([log])))
    assert not isinstance(good, BundlerError)
    assert good.readings == (RECEIPT,)


def test_several_are_found_in_one_file_and_one_log(tmp_path: Path) -> None:
    assert readings(tmp_path / "all.json", RECEIPT * 3) == [RECEIPT] * 3
    assert readings(tmp_path / "log", BLOCK + b"# ls\n" + BLOCK) == [RECEIPT] * 2


def test_a_file_whose_lines_end_in_cr_lf_is_read(tmp_path: Path) -> None:
    other = RECEIPT.replace(b"\n", b"\r\n")
    assert readings(tmp_path / "one.json", other) == [RECEIPT]
    (found,) = find_receipts([tmp_path / "one.json"])
    assert not isinstance(found, BundlerError)
    assert found.readings == (other, RECEIPT)


def test_one_that_is_cut_off_does_not_hide_those_behind_it(tmp_path: Path) -> None:
    half = RECEIPT.split(b"\n")[0] + b"\n"
    assert readings(tmp_path / "all.json", half + RECEIPT + half) == [half, RECEIPT, half]


def test_a_stick_gives_the_receipts_at_its_top(tmp_path: Path) -> None:
    (tmp_path / "photo.jpg").write_bytes(b"\xff\xd8")
    for number in (2, 1):
        (tmp_path / f"sftunnel-receipt-{number}.json").write_bytes(RECEIPT)
    found = list(find_receipts([tmp_path]))
    assert [each.place.rpartition("-")[2] for each in found if not isinstance(each, BundlerError)]
    assert len(found) == 2


def test_a_block_that_is_cut_off_is_said_to_be_and_the_whole_one_is_found(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(BLOCK[:300] + b"\n" + BLOCK)
    (good, error) = find_receipts([log])
    assert not isinstance(good, BundlerError)
    assert good.readings == (RECEIPT,)
    assert isinstance(error, BundlerError)
    assert error.message == f"'{log}': 1 receipt begins there and does not end"


def test_what_holds_none_is_named(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(b"nothing")
    os.mkfifo(tmp_path / "pipe")
    assert errors(tmp_path / "log", tmp_path / "pipe", tmp_path / "gone", tmp_path) == [
        f"there is no receipt in '{tmp_path}/log'",
        f"'{tmp_path}/pipe' is not a file",
        f"cannot read '{tmp_path}/gone': no such file or directory",
        f"there is no 'sftunnel-receipt-*.json' in '{tmp_path}'",
    ]


def test_what_is_hostile_is_refused_soon(tmp_path: Path) -> None:
    log = tmp_path / "log"
    start = time.monotonic()
    log.write_bytes(b"-----BEGIN SFTUNNEL RECEIPT-----\n" * 1_000_000)
    assert errors(log) == [f"'{log}': 1000000 receipts begin there and do not end"]
    log.write_bytes(b"-----BEGIN SFTUNNEL RECEIPT----------END SFTUNNEL RECEIPT-----" * 100_000)
    assert errors(log) == [f"'{log}' holds over {MAX_RECEIPTS:,} receipts"]
    for content in (b"{" * 5_000_000, b"{" + b"\n" * 5_000_000, b"\x1b" * 5_000_000):
        log.write_bytes(content)
        list(find_receipts([log]))
    with log.open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    assert errors(log) == [f"'{log}' has over 256 MiB"]
    assert time.monotonic() - start < 20
