"""An image appears under its name whole and compared, or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sftunnel_builder import image_file
from sftunnel_builder.errors import BundlerError, ExitCode
from sftunnel_builder.fat32_image import Image, make_image
from sftunnel_builder.image_file import refuse_image_place, write_image

IMAGE = Image(1 << 20, ((0, b"head"), (1 << 19, b"middle")))


def test_it_is_sparse_and_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "stick.img"
    write_image(path, IMAGE)
    facts = path.stat()
    assert (facts.st_size, facts.st_mode & 0o777) == (1 << 20, 0o600)
    assert facts.st_blocks * 512 < 1 << 16
    assert path.read_bytes() == b"head".ljust(1 << 19, b"\0") + b"middle".ljust(1 << 19, b"\0")
    assert os.listdir(tmp_path) == ["stick.img"]


def _link(path: Path) -> None:
    path.symlink_to("elsewhere")


@pytest.mark.parametrize(
    ("make", "replace", "message"),
    [
        pytest.param(Path.touch, False, "exists already", id="a file that is there"),
        pytest.param(Path.mkdir, True, "is not a plain file", id="a directory, --replace or not"),
        pytest.param(os.mkfifo, True, "is not a plain file", id="what could be a device"),
        pytest.param(_link, True, "is not a plain file", id="a link"),
        pytest.param(Path.touch, True, "is not an image of a stick", id="what is no image"),
    ],
)
def test_what_stands_there_is_not_overwritten(
    make: object, replace: bool, message: str, tmp_path: Path
) -> None:
    path = tmp_path / "stick.img"
    make(path)  # type: ignore[operator]
    with pytest.raises(BundlerError, match=message) as caught:
        refuse_image_place(path, replace=replace)
    assert caught.value.code == ExitCode.USAGE


def test_an_image_is_replaced_when_that_is_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "stick.img"
    old = make_image({"photo": b"of somebody's holidays"}, datetime(2026, 11, 24, tzinfo=UTC), 1)
    write_image(path, old)
    refuse_image_place(path, replace=True)
    write_image(path, IMAGE)
    assert path.stat().st_size == 1 << 20


def test_other_bytes_on_the_disk_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def worn_out(path: Path, regions: Iterable[tuple[int, int]]) -> list[bytes]:
        return [b"?" * size for _, size in regions]

    monkeypatch.setattr(image_file, "read_back", worn_out)
    with pytest.raises(BundlerError, match="reads back other bytes") as caught:
        write_image(tmp_path / "stick.img", IMAGE)
    assert caught.value.code == ExitCode.UNSUITABLE
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_failure_leaves_nothing_behind(
    call: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_words: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, call, full)
    with pytest.raises(BundlerError, match=r"cannot write the image '.*': no s") as caught:
        write_image(tmp_path / "stick.img", IMAGE)
    assert caught.value.code == ExitCode.UNSUITABLE
    assert os.listdir(tmp_path) == []


def test_a_directory_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(BundlerError, match="no such file or directory"):
        write_image(tmp_path / "gone" / "stick.img", IMAGE)
