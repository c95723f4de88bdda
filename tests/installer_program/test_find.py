"""Which bundle is taken, from whatever the operator names."""

from __future__ import annotations

import os
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from programs import FROZEN, Program
from rehearsal import Made, make_firewall, make_kit
from sftunnel_builder.lab.device import LabDevice


@pytest.fixture
def bundle(program: Program, made: Made) -> Path:
    """The bundle of the program's firewall."""
    return made.bundle(program.wall.device)


def _takes(program: Program, wanted: Path, *place: Path, cwd: Path | None = None) -> None:
    done = program.verb("check", *place, cwd=cwd)
    assert done.returncode == 0, done.stderr
    assert f"bundle     {wanted}: whole" in done.stderr


def test_a_file(program: Program, bundle: Path, tmp_path: Path) -> None:
    renamed = tmp_path / "renamed by somebody"
    shutil.copy(bundle, renamed)
    _takes(program, renamed, renamed)


def test_an_unpacked_bundle(program: Program) -> None:
    _takes(program, program.wall.bundle, program.wall.bundle)


def test_a_kit(program: Program, made: Made, bundle: Path) -> None:
    _takes(program, bundle, made.kit)


def test_a_stick(program: Program, bundle: Path, stick: Path) -> None:
    _takes(program, stick / "sftunnel/bundles" / bundle.name, stick)


def test_a_stick_that_was_pulled_out_while_its_kit_was_replaced(
    program: Program, bundle: Path, stick: Path
) -> None:
    (stick / "sftunnel").rename(stick / "sftunnel.old")
    (stick / "sftunnel.new").mkdir()
    _takes(program, stick / "sftunnel.old/bundles" / bundle.name, stick)


def test_a_directory_of_bundles(program: Program, made: Made, bundle: Path, tmp_path: Path) -> None:
    shutil.copytree(bundle.parent, tmp_path / "bundles")
    _takes(program, tmp_path / "bundles" / bundle.name, tmp_path / "bundles")


def test_nothing_named_the_current_directory_is_looked_through(
    program: Program, bundle: Path, stick: Path
) -> None:
    _takes(program, stick / "sftunnel/bundles" / bundle.name, cwd=stick)
    _takes(program, program.wall.bundle, cwd=program.wall.bundle)


def test_nothing_named_the_directory_of_the_program_is_looked_through(
    program: Program, bundle: Path, stick: Path, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    environment = program.environment()
    if program.command == [str(FROZEN)]:
        shutil.copy(FROZEN, stick)
        program.command = [str(stick / FROZEN.name)]
    else:
        environment["SFTUNNEL_STARTED_AS"] = str(stick / FROZEN.name)
    words = ["check", *program.wall.options()]
    done = program.run(*words, cwd=tmp_path / "empty", environment=environment)
    assert done.returncode == 0, done.stderr
    assert f"bundle     {stick}/sftunnel/bundles/{bundle.name}: whole" in done.stderr


def test_nothing_named_and_nothing_there(program: Program, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    done = program.verb("install", cwd=tmp_path / "empty")
    assert done.returncode == 2
    assert "there is no bundle for this device in" in done.stderr
    assert not program.wall.state.exists()


def test_of_several_the_one_that_was_made_last(
    program: Program, made: Made, bundle: Path, tmp_path: Path
) -> None:
    later = make_kit(tmp_path, [made.fmc], made.devices, datetime.now(UTC) + timedelta(minutes=1))
    both = tmp_path / "both"
    both.mkdir()
    newest = both / f"sftunnel-a-{program.wall.device.uuid[:8]}.tar.gz"
    shutil.copy(later.bundle(program.wall.device), newest)
    shutil.copy(bundle, both)
    _takes(program, both / bundle.name, both)
    passphrase = program.wall.passphrase_file.read_text()
    program.wall.passphrase_file.write_text(later.passphrase(program.wall.device))
    words = ["--signer", later.report.signer]
    done = program.verb("check", both, *words)
    assert done.returncode == 0, done.stderr
    assert "2 bundles for this device" in done.stderr
    assert f"bundle     {newest}: whole" in done.stderr
    program.wall.passphrase_file.write_text(passphrase)


def test_what_is_not_whole_or_not_trusted_stands_in_nobodys_way(
    program: Program, bundle: Path, tmp_path: Path
) -> None:
    place, tail = tmp_path / "place", f"{program.wall.device.uuid[:8]}.tar.gz"
    place.mkdir()
    shutil.copy(bundle, place)
    (place / f"sftunnel-0cut-{tail}").write_bytes(bundle.read_bytes()[:-9])
    os.mkfifo(place / f"sftunnel-0pipe-{tail}")
    (place / f"sftunnel-0link-{tail}").symlink_to("nowhere")
    (place / f"sftunnel-0directory-{tail}").mkdir()
    done = program.verb("check", place)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("passed by  ") == 4
    (place / bundle.name).unlink()
    assert program.verb("check", place).returncode == 4


def test_a_current_directory_that_is_gone(program: Program, tmp_path: Path) -> None:
    (tmp_path / "gone").mkdir()
    away = f'cd "{tmp_path}/gone" && rmdir ../gone && exec "$0" "$@"'
    program.command = ["sh", "-c", away, *program.command]
    done = program.verb("check")
    assert done.returncode == 5
    assert "error: the current directory is gone" in done.stderr


def test_a_name_that_begins_alike_is_another_device(
    program: Program, made: Made, stick: Path, tmp_path: Path
) -> None:
    uuid = program.wall.device.uuid
    for path in program.wall.root.rglob("ims.conf"):
        text = path.read_text().replace(uuid, f"{uuid[:8]}-0000-0000-0000-000000000000")
        path.write_text(text)
    program.wall.remember_others()
    program.refused(5, "the kit has no bundle for this device", stick)
    program.refused(5, "has no bundle for this device", stick / "sftunnel/bundles")


def test_a_device_that_is_not_in_the_kit(program: Program, stick: Path, tmp_path: Path) -> None:
    stranger = LabDevice.create(tmp_path / "stranger", name="other", address="10.0.0.1")
    words = [*("--root", stranger.root), "--yes", *("--signer", program.wall.signer)]
    done = program.run("install", stick, *words)
    assert done.returncode == 5
    assert f"the kit has no bundle for this device, '{stranger.uuid}'" in done.stderr


def test_the_second_device_finds_its_own(
    program: Program, made: Made, stick: Path, tmp_path: Path
) -> None:
    (tmp_path / "two").mkdir()
    program.wall = make_firewall(made, tmp_path / "two", 1)
    assert program.verb("install", stick).returncode == 0
    program.wall.assert_trio(program.wall.new_trio)


def test_a_pipe_in_place_of_a_bundle_is_not_waited_for(program: Program, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "sftunnel.tar.gz")
    program.refused(4, "sftunnel.tar.gz' is not a file", tmp_path / "sftunnel.tar.gz")


@pytest.mark.parametrize("name", ["SHA256SUMS", "SHA256SUMS.sig", "signer.pem"])
def test_a_kit_that_is_not_whole_is_refused_and_no_older_one_taken(
    program: Program, stick: Path, name: str
) -> None:
    shutil.copytree(stick / "sftunnel", stick / "sftunnel.old")
    (stick / "sftunnel" / name).unlink()
    program.refused(4, f"there is no whole kit in '{stick}/sftunnel': '{name}': no such", stick)


def test_words_that_are_not_understood(program: Program) -> None:
    program.refused(2, "unknown word ''", "")
    program.refused(2, "unknown word '--yes=1'", "--yes=1")
    program.refused(2, "option '--signer' needs a value", "--signer")
