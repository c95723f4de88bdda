"""An image is a FAT32 file system, by the judgement of those who read FAT32 for a living."""

from __future__ import annotations

import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from rehearsal import need
from sftunnel_builder.fat32 import needed_clusters
from sftunnel_builder.fat32_image import MIN_CLUSTERS, SPARE_CLUSTERS, Image, make_image
from signers import files as files_in

WHEN = datetime(2026, 11, 23, 12, 34, 56, tzinfo=UTC)
ID = 0x1234ABCD


def save(image: Image, path: Path) -> Path:
    with path.open("wb") as file:
        file.truncate(image.size_bytes)
        for offset, content in image.regions:
            file.seek(offset)
            file.write(content)
    return path


def tool(*words: str | Path) -> str:
    need(str(words[0]), shutil.which(str(words[0])))
    done = subprocess.run(list(map(str, words)), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


CONTENTS = [
    pytest.param({"start.sh": b"#!/bin/sh\n"}, id="one file"),
    pytest.param({"a": b"", "d/e/f": b""}, id="empty files, nested directories"),
    pytest.param({"a": bytes(512), "b": b"x" * 513, "c": b"y"}, id="at the edge of a cluster"),
    pytest.param(
        {f"d/sftunnel-Plant_{n:03}-5e1f7b40.tar.gz": bytes([n]) * n * 50 for n in range(200)},
        id="a directory over many clusters, short names with numbers",
    ),
    pytest.param({"d/" + "x" * n: b"x" for n in (12, 13, 14, 26, 64)}, id="names of any length"),
    pytest.param({"big": bytes(range(256)) * 140_000}, id="more than the smallest image holds"),
]


@pytest.mark.parametrize("files", CONTENTS)
def test_it_is_sound_and_holds_the_files(files: dict[str, bytes], tmp_path: Path) -> None:
    image = make_image(files, WHEN, ID)
    path = save(image, tmp_path / "stick.img")
    said = tool("fsck.fat", "-n", "-v", path)
    assert "FATs, 32 bit entries" in said
    assert f"{needed_clusters(files, 512)}/" in said
    (tmp_path / "out").mkdir()
    tool("mcopy", "-s", "-n", "-i", path, "::*", tmp_path / "out")
    assert files_in(tmp_path / "out") == files


def test_it_has_a_label_a_number_a_time_and_room() -> None:
    image = make_image({"start.sh": b"x"}, WHEN, ID)
    assert image.size_bytes > MIN_CLUSTERS * 512
    boot = dict(image.regions)[0]
    assert (boot[510:], boot[71:82], boot[82:90]) == (b"\x55\xaa", b"SFTUNNEL   ", b"FAT32   ")
    assert int.from_bytes(boot[67:71], "little") == ID
    large = {"big": bytes(512 * MIN_CLUSTERS)}
    assert make_image(large, WHEN, ID).size_bytes > (MIN_CLUSTERS + SPARE_CLUSTERS) * 512


def test_it_is_listed_with_its_names_and_time(tmp_path: Path) -> None:
    path = save(
        make_image({"start.sh": b"x", "sftunnel/SHA256SUMS": b"y"}, WHEN, ID), tmp_path / "i"
    )
    said = tool("mdir", "-/", "-i", path, "::")
    assert "Serial Number is 1234-ABCD" in said
    assert "START    SH          1 2026-11-23  12:34  start.sh" in said
    assert "SHA256~1             1 2026-11-23  12:34  SHA256SUMS" in said


def test_the_same_input_gives_the_same_bytes() -> None:
    files = {"b": b"1", "a/c": b"2"}
    again = dict(reversed(files.items()))
    assert make_image(files, WHEN, ID) == make_image(again, WHEN, ID)


def test_a_time_before_1980_does_not_break_it(tmp_path: Path) -> None:
    path = save(make_image({"a": b"x"}, datetime(1970, 1, 1, tzinfo=UTC), ID), tmp_path / "i")
    tool("fsck.fat", "-n", path)
