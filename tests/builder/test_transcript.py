"""A transcript holds what the console printed, and no secret."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sftunnel_builder.errors import BundlerError, ExitCode
from sftunnel_builder.transcript import Transcript

SECRET = b"s3cret-s3cret"


def test_what_is_printed_stands_there_byte_for_byte(tmp_path: Path) -> None:
    path = tmp_path / "transcript"
    transcript = Transcript(path)
    transcript.write(b"\x1b[18tone\r\n")
    transcript.write(b"\xff two")
    transcript.close()
    assert path.read_bytes() == b"\x1b[18tone\r\n\xff two"
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("size", range(1, len(SECRET) + 3))
def test_a_secret_that_is_echoed_in_pieces_is_hidden(tmp_path: Path, size: int) -> None:
    path = tmp_path / "transcript"
    transcript = Transcript(path)
    transcript.hide(SECRET)
    transcript.hide(b"other")
    text = b"a s3cret " + SECRET + b" and s3cret-s3c, the other\r\n" + SECRET
    for at in range(0, len(text), size):
        transcript.write(text[at : at + size])
    transcript.close()
    assert path.read_bytes() == b"a s3cret [hidden] and s3cret-s3c, the [hidden]\r\n[hidden]"


def test_no_file_is_written_over(tmp_path: Path) -> None:
    path = tmp_path / "transcript"
    path.write_text("mine")
    with pytest.raises(BundlerError, match="is there already") as caught:
        Transcript(path)
    assert caught.value.code is ExitCode.USAGE
    path.unlink()
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(BundlerError, match="is there already"):
        Transcript(path)
    with pytest.raises(BundlerError, match="no such file or directory"):
        Transcript(tmp_path / "missing" / "transcript")


def test_a_full_disk_does_not_stop_the_work(tmp_path: Path) -> None:
    transcript = Transcript(tmp_path / "transcript")
    with open("/dev/full", "wb", buffering=0) as full:
        os.dup2(full.fileno(), transcript._file.fileno())
    transcript.write(b"one")
    transcript.write(b"two")
    transcript.close()
    assert "is not whole: no space left on device" in transcript.failure
