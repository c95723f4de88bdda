"""The frozen sftunnel-installer in bundles and on sticks, where it is asked for."""

from __future__ import annotations

import io
import os
import tarfile
from datetime import UTC, datetime
from pathlib import Path

import pytest

from rehearsal import Firewall, Made, make_firewall
from sftunnel_builder.archive import unpack
from sftunnel_builder.build import BuildRequest, build_kit
from sftunnel_builder.bundle import open_bundle
from sftunnel_builder.carried_installer import MAX_PROGRAM_BYTES, PROGRAM, read_installer
from sftunnel_builder.choose import Wanted
from sftunnel_builder.errors import BundlerError, ExitCode
from sftunnel_builder.sign import SignRequest, sign_kit
from sftunnel_builder.signer import load_signer
from sftunnel_builder.usb import UsbReport, UsbRequest, copy_kit
from signers import files

WATCH = lambda items, _total: items  # noqa: E731
STAND_IN = b"#!/bin/sh\necho a stand-in\n"


def _build(
    made: Made, place: Path, program: bytes | None = STAND_IN, *, is_signed: bool = True
) -> Made:
    """Build a kit of the made-up fleet, with a program in each bundle."""
    signer = load_signer(made.signing_key, None) if is_signed else None
    wanted = Wanted((made.fmc.root,))
    created = datetime.now(UTC).replace(microsecond=0)
    request = BuildRequest(wanted, place, signer, created, plain_keys=True, installer=program)
    report = build_kit(request, WATCH)
    return Made(made.fmc, made.devices, made.signing_key, report, made.new_trios)


@pytest.fixture
def carrying(made: Made, tmp_path: Path) -> Made:
    """A kit whose bundles have a program."""
    return _build(made, tmp_path / "carrying")


def _usb(made: Made, place: Path, program: bytes | None = None, **more: bool) -> UsbReport:
    place.mkdir(exist_ok=True)
    request = UsbRequest(made.kit, place, False, more.get("replace", False), set(), program)
    return copy_kit(request, lambda _what: WATCH)


def test_it_stands_behind_install_sh_and_can_be_executed(carrying: Made) -> None:
    data = carrying.bundle(carrying.devices[0]).read_bytes()
    assert list(unpack(data).members)[:3] == ["install.sh", PROGRAM, "bundle.conf"]
    assert unpack(data).members[PROGRAM] == STAND_IN
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        modes = {Path(each.name).name: each.mode for each in archive}
    assert modes[PROGRAM] == modes["install.sh"] == 0o755
    sums = open_bundle(data).members["SHA256SUMS"].decode()
    assert f"  {PROGRAM}\n" in sums


def test_without_it_a_bundle_is_as_it_was(made: Made, carrying: Made) -> None:
    device = made.devices[0]
    plain, other = (open_bundle(each.bundle(device).read_bytes()) for each in (made, carrying))
    assert PROGRAM not in plain.members
    assert set(other.members) - set(plain.members) == {PROGRAM}
    assert other.members["install.sh"] == plain.members["install.sh"]


def test_install_sh_takes_such_a_bundle(carrying: Made, tmp_path: Path) -> None:
    (tmp_path / "wall").mkdir()
    wall = make_firewall(carrying, tmp_path / "wall")
    assert (wall.bundle / PROGRAM).is_file()
    assert os.access(wall.bundle / PROGRAM, os.X_OK)
    done = wall.install("--no-restart")
    assert done.returncode == 0, done.stderr
    wall.assert_trio(wall.new_trio)


def test_install_sh_refuses_another_program_in_it(carrying: Made, tmp_path: Path) -> None:
    (tmp_path / "wall").mkdir()
    wall: Firewall = make_firewall(carrying, tmp_path / "wall")
    (wall.bundle / PROGRAM).write_bytes(STAND_IN + b"#")
    done = wall.install("--no-restart")
    assert done.returncode == 4
    assert f"its checksum is not the signed one: '{PROGRAM}'" in done.stderr


def test_usb_puts_that_of_the_bundles_beside_start_sh(carrying: Made, tmp_path: Path) -> None:
    report = _usb(carrying, tmp_path / "usb")
    assert (tmp_path / "usb" / PROGRAM).read_bytes() == STAND_IN
    assert report.installer_sha256 is not None
    assert _usb(carrying, tmp_path / "usb").was_there


def test_usb_puts_one_that_is_named(made: Made, tmp_path: Path) -> None:
    stick = tmp_path / "usb"
    _usb(made, stick, STAND_IN)
    assert (stick / PROGRAM).read_bytes() == STAND_IN
    assert files(stick / "sftunnel") == files(made.kit)
    assert not _usb(made, stick, STAND_IN + b"#").was_there
    assert (stick / PROGRAM).read_bytes() == STAND_IN + b"#"
    assert {path.name for path in stick.iterdir()} == {"sftunnel", "start.sh", PROGRAM}


def test_usb_without_one_leaves_none_of_another_kit(made: Made, tmp_path: Path) -> None:
    _usb(made, tmp_path / "usb", STAND_IN)
    report = _usb(made, tmp_path / "usb")
    assert not report.was_there
    assert report.installer_sha256 is None
    assert not (tmp_path / "usb" / PROGRAM).exists()


def test_usb_leaves_alone_what_cannot_be_one(made: Made, tmp_path: Path) -> None:
    (tmp_path / "usb" / PROGRAM).mkdir(parents=True)
    with pytest.raises(BundlerError, match="is not of this program"):
        _usb(made, tmp_path / "usb")


def test_an_image_has_it_too(made: Made, tmp_path: Path) -> None:
    image = tmp_path / "stick.img"
    request = UsbRequest(made.kit, image, True, False, set(), STAND_IN)
    copy_kit(request, lambda _what: WATCH)
    assert STAND_IN in image.read_bytes()


def test_only_one_that_was_named_is_signed(made: Made, tmp_path: Path) -> None:
    unsigned = _build(made, tmp_path / "unsigned", is_signed=False)
    signer = load_signer(made.signing_key, None)

    def sign(program: bytes | None) -> None:
        now, out = datetime.now(UTC), tmp_path / "signed"
        sign_kit(SignRequest(unsigned.kit, out, signer, set(), now, program), WATCH)

    for program in (None, STAND_IN + b"#"):
        with pytest.raises(BundlerError, match="its sftunnel-installer is not one that was named"):
            sign(program)
        assert not (tmp_path / "signed").exists()
    sign(STAND_IN)
    (bundle, _) = sorted((tmp_path / "signed/bundles").glob("*.tar.gz"))
    assert open_bundle(bundle.read_bytes()).members[PROGRAM] == STAND_IN


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(b"\x7fELF and more", None, id="an executable"),
        pytest.param(STAND_IN, None, id="a script"),
        pytest.param(b"", "is no program for Linux", id="an empty file"),
        pytest.param(b"MZ", "is no program for Linux", id="a program for Windows"),
        pytest.param(
            b"#!" + bytes(MAX_PROGRAM_BYTES), "of at most 32 MiB", id="a program that is too big"
        ),
    ],
)
def test_a_file_that_is_named(tmp_path: Path, content: bytes, message: str | None) -> None:
    path = tmp_path / "program"
    path.write_bytes(content)
    if message is None:
        assert read_installer(path) == content
        return
    with pytest.raises(BundlerError, match=message) as refused:
        read_installer(path)
    assert refused.value.code == ExitCode.USAGE


def test_a_file_that_is_missing(tmp_path: Path) -> None:
    with pytest.raises(BundlerError, match="cannot read the installer") as refused:
        read_installer(tmp_path / "none")
    assert refused.value.code == ExitCode.USAGE
