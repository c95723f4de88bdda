"""Which stick is taken, which kit, and what the image of one is."""

from __future__ import annotations

from dataclasses import replace as changed
from pathlib import Path

import pytest

from rehearsal import Made
from sftunnel_builder import usb
from sftunnel_builder.errors import BundlerError, ExitCode
from sftunnel_builder.open_kit import open_kit
from sftunnel_builder.stick import Found, Held, Watch
from sftunnel_builder.usb import (
    UsbReport,
    UsbRequest,
    copy_kit,
    notes_on,
    refuse_full,
    refuse_stick,
)
from signers import files

GOOD = Found(
    held=Held.NONE,
    stranger=None,
    mac_files=(),
    cluster_bytes=4096,
    total_bytes=4 << 30,
    is_read_only=False,
    is_mount_point=True,
)
STICK = Path("/media/usb")
WANTED = 1 << 20


def copy(
    kit: Path, place: Path, *, trusted: tuple[str, ...] = (), image: bool = False
) -> UsbReport:
    def watch(_what: str) -> Watch:
        return lambda names, _total: names

    return copy_kit(UsbRequest(kit, place, image, False, set(trusted)), watch)


@pytest.mark.parametrize(
    ("facts", "message", "code"),
    [
        pytest.param(
            {"is_read_only": True}, "is read-only", ExitCode.UNSUITABLE, id="a read-only one"
        ),
        pytest.param(
            {"total_bytes": WANTED - 1},
            "too small: wanted 1,048,576 bytes, found 1,048,575",
            ExitCode.UNSUITABLE,
            id="one that is a byte too small",
        ),
        pytest.param(
            {"held": Held.OTHER}, "holds another kit", ExitCode.USAGE, id="one with another kit"
        ),
        pytest.param(
            {"stranger": "start.sh"},
            "'start.sh' on the stick '/media/usb' is not of this program",
            ExitCode.UNSUITABLE,
            id="one where somebody else's file is in the way",
        ),
    ],
)
def test_a_stick_is_refused(facts: dict[str, object], message: str, code: ExitCode) -> None:
    found = changed(GOOD, **facts)  # type: ignore[arg-type]
    with pytest.raises(BundlerError) as caught:
        refuse_stick(found, WANTED, STICK, replace=False)
    assert message in caught.value.message
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("facts", "replace"),
    [
        pytest.param({}, False, id="an empty one"),
        pytest.param({"held": Held.DAMAGED}, False, id="one with the same kit, damaged"),
        pytest.param({"held": Held.OTHER}, True, id="one with another kit that is replaced"),
        pytest.param({"total_bytes": WANTED}, False, id="one that is just large enough"),
        pytest.param({"mac_files": ("._start.sh",)}, False, id="one that a Mac has seen"),
    ],
)
def test_a_stick_is_taken(facts: dict[str, object], replace: bool) -> None:
    refuse_stick(changed(GOOD, **facts), WANTED, STICK, replace=replace)  # type: ignore[arg-type]


def test_a_full_stick_is_refused() -> None:
    refuse_full(WANTED, WANTED, STICK)
    with pytest.raises(
        BundlerError, match="too full: wanted 1,048,576 bytes free, found 1,048,575"
    ):
        refuse_full(WANTED, WANTED - 1, STICK)


def _others_start(place: Path) -> str:
    (place / "start.sh").write_text("#!/bin/sh\nreboot\n")
    return "start.sh"


def _others_directory(place: Path) -> str:
    (place / "sftunnel").mkdir()
    (place / "sftunnel/notes.txt").touch()
    return "sftunnel/notes.txt"


def _link(place: Path) -> str:
    (place / "elsewhere").mkdir()
    (place / "sftunnel.new").symlink_to("elsewhere")
    return "sftunnel.new"


@pytest.mark.parametrize(
    "put",
    [
        pytest.param(_others_start, id="a start.sh of somebody else"),
        pytest.param(_others_directory, id="a directory of somebody else"),
        pytest.param(_link, id="a link where we would write"),
    ],
)
def test_what_is_not_ours_is_left_alone(put: object, made: Made, tmp_path: Path) -> None:
    name = put(tmp_path)  # type: ignore[operator]
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(BundlerError, match=f"'{name}' on the stick '.*' is not of this program"):
        copy(made.kit, tmp_path)
    assert sorted(tmp_path.rglob("*")) == before


def test_a_kit_of_another_signer_is_refused(made: Made, tmp_path: Path) -> None:
    with pytest.raises(BundlerError, match="the kit is signed by another key") as caught:
        copy(made.kit, tmp_path, trusted=("0" * 64,))
    assert caught.value.code == ExitCode.UNTRUSTED
    assert list(tmp_path.iterdir()) == []
    assert copy(made.kit, tmp_path, trusted=("0" * 64, made.report.signer)).bundles == 2


@pytest.mark.parametrize(("place", "image"), [(".", False), ("bundles", False), ("x.img", True)])
def test_nothing_is_written_into_the_kit_itself(
    place: str, image: bool, made: Made, tmp_path: Path
) -> None:
    before = files(made.kit)
    (tmp_path / "link").symlink_to(made.kit)
    with pytest.raises(BundlerError, match="is in the kit") as caught:
        copy(made.kit, tmp_path / "link" / place, image=image)
    assert caught.value.code == ExitCode.USAGE
    assert files(made.kit) == before


def test_an_image_is_always_the_same_and_holds_no_passphrase(made: Made, tmp_path: Path) -> None:
    for name in ("1.img", "2.img"):
        report = copy(made.kit, tmp_path / name, image=True)
    first = (tmp_path / "1.img").read_bytes()
    assert first == (tmp_path / "2.img").read_bytes()
    assert all(content in first for content in open_kit(made.kit).files.values())
    assert not any(made.passphrase(device).encode() in first for device in made.devices)
    assert (report.is_image, report.bundles, report.signer) == (True, 2, made.report.signer)


def test_a_stick_that_is_larger_than_appliances_take_is_noted() -> None:
    assert list(notes_on(GOOD)) == []
    (note,) = notes_on(changed(GOOD, total_bytes=32 << 30))
    assert "at most 8 GB" in note
    (note,) = notes_on(changed(GOOD, total_bytes=32 << 30, is_mount_point=False))
    assert "no file system is mounted" in note


def test_a_system_that_keeps_its_cache_is_noted(
    made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(usb, "CAN_DROP_CACHE", False)
    assert any("does not let a program drop its cache" in n for n in copy(made.kit, tmp_path).notes)
