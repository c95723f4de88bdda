"""The verbs, from check to recover, on a device without openssl."""

from __future__ import annotations

import hashlib
import signal
import subprocess
from pathlib import Path

import pytest

from programs import Program, nothing_left, on_device
from rehearsal import Made, mount_read_only
from sftunnel_builder.bundle import open_bundle
from sftunnel_builder.receipt import expected_of, parse_receipt, verify_receipt
from sftunnel_builder.trio import TRIO_NAMES


def test_the_device_has_no_openssl(program: Program) -> None:
    shell = ["/bin/sh", "-c", "openssl version"]
    done = subprocess.run(shell, env=program.environment(), capture_output=True, check=False)
    assert done.returncode == 127


def test_a_check_changes_nothing_and_leaves_nothing(program: Program, stick: Path) -> None:
    before = on_device(program.wall)
    done = program.verb("check", stick)
    assert done.returncode == 0, done.stderr
    assert "ready to install on" in done.stdout
    assert on_device(program.wall) == before
    nothing_left(program.wall)


def test_install_again_and_rollback(program: Program, stick: Path) -> None:
    wall = program.wall
    done = program.verb("install", stick)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "\nRSA key ok" not in done.stdout
    assert "RSA key ok, says openssl rsa -check" in done.stdout
    wall.assert_trio(wall.new_trio)
    assert (wall.state / "signers" / wall.signer).is_file()
    again = program.run("install", stick, "--root", wall.root, "--yes", "--no-restart")
    assert again.returncode == 0, again.stderr
    assert "by the install of bundle" in again.stderr
    assert "already installed" in again.stdout
    back = program.verb("rollback")
    assert back.returncode == 0, back.stderr
    wall.assert_trio(wall.old_trio)
    nothing_left(wall)


def test_the_receipt_holds_and_lies_where_the_bundle_came_from(
    program: Program, made: Made, stick: Path
) -> None:
    assert program.verb("install", stick).returncode == 0
    (receipt,) = stick.glob("sftunnel-receipt-*-install.json")
    place = str(made.bundle(program.wall.device))
    opened = open_bundle(Path(place).read_bytes())
    parsed = parse_receipt(receipt.read_bytes())
    verify_receipt(parsed, {program.wall.device.uuid: expected_of(opened, place)})
    assert parsed.verb == "install"
    trio = program.wall.new_trio
    lines = "".join(
        f"{hashlib.sha256(trio[name]).hexdigest()}  {program.wall.fmc_uuid}/{name}\n"
        for name in TRIO_NAMES
    )
    assert parsed.after == hashlib.sha256(lines.encode()).hexdigest()


def test_a_device_without_sha256sum_gives_the_same_receipt(
    program: Program, made: Made, stick: Path
) -> None:
    (program.tools / "sha256sum").rename(program.tools / "sha256sum.away")
    try:
        test_the_receipt_holds_and_lies_where_the_bundle_came_from(program, made, stick)
    finally:
        (program.tools / "sha256sum.away").rename(program.tools / "sha256sum")


@pytest.mark.parametrize("named", ["the bundle", "its directory", "the bundle through a link"])
def test_a_bundle_in_a_kit_leaves_the_kit_as_it_was(
    program: Program, stick: Path, tmp_path: Path, named: str
) -> None:
    kit = stick / "sftunnel"
    before = sorted(kit.rglob("*"))
    (tmp_path / "link").symlink_to(kit / "bundles")
    bundle = f"{program.wall.bundle.name}.tar.gz"
    places = {
        "the bundle": kit / "bundles" / bundle,
        "its directory": Path("."),
        "the bundle through a link": tmp_path / "link" / bundle,
    }
    done = program.verb("install", places[named], cwd=kit / "bundles")
    assert done.returncode == 0, done.stderr
    assert sorted(kit.rglob("*")) == before
    assert len(list(stick.glob("sftunnel-receipt-*-install.json"))) == 1


def test_a_receipt_goes_where_it_is_told(program: Program, stick: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    assert program.verb("install", stick, "--receipt-dir", elsewhere).returncode == 0
    assert len(list(elsewhere.iterdir())) == 1
    assert not list(stick.glob("sftunnel-receipt-*"))


def test_a_read_only_stick(program: Program, stick: Path) -> None:
    probe = program.wall
    probe.shell = []
    mount_read_only(probe, stick, "noexec")
    program.command = [*probe.shell, *program.command]
    done = program.verb("install", stick)
    assert done.returncode == 0, done.stderr
    assert "could not be copied" not in done.stderr
    probe.assert_trio(probe.new_trio)
    nothing_left(probe)


def test_stage_now_and_activate_later(program: Program, stick: Path) -> None:
    wall = program.wall
    assert program.verb("install", stick, "--stage-only").returncode == 0
    wall.assert_trio(wall.old_trio)
    done = program.verb("activate")
    assert done.returncode == 0, done.stderr
    wall.assert_trio(wall.new_trio)
    assert not (wall.state / "staged").exists()


@pytest.mark.slow
@pytest.mark.parametrize("verb", ["recover", "install", "rollback"])
def test_a_run_that_was_killed_between_two_renames(
    program: Program, stick: Path, tmp_path: Path, verb: str
) -> None:
    wall = program.wall
    assert program.verb("install", stick).returncode == 0
    assert program.verb("rollback").returncode == 0
    mv = f'case $* in */sftunnel-cert.pem) kill -KILL 0 ;; esac; exec {program.tools}/mv "$@"'
    program.put_before_path(tmp_path / "kill", mv=mv)
    assert program.verb("install", stick).returncode == -signal.SIGKILL
    assert wall.device.trio(wall.fmc_uuid) not in (wall.old_trio, wall.new_trio)
    program.before_path.clear()
    status = program.verb("status")
    assert "an earlier install was interrupted" in status.stderr
    done = program.verb(verb, *([stick] if verb == "install" else []))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "was undone: the whole old trio is back" in done.stdout
    wall.assert_trio(wall.new_trio if verb == "install" else wall.old_trio)
    nothing_left(wall)


def test_status_is_what_install_sh_says_by_the_device_s_own_openssl(
    program: Program, stick: Path
) -> None:
    wall = program.wall
    assert program.verb("install", stick).returncode == 0
    mine = program.run("status", "--root", wall.root)
    theirs = wall.run("status", "--root", str(wall.root))
    assert mine.returncode == theirs.returncode == 0
    assert mine.stdout == theirs.stdout
    assert "EXPIRED" not in mine.stdout


def test_the_backup_rolls_back_without_the_program(program: Program, stick: Path) -> None:
    wall = program.wall
    assert program.verb("install", stick).returncode == 0
    script = wall.state / "backups" / wall.backups()[0] / "rollback.sh"
    wall.environment = program.environment()
    done = wall.run("--root", str(wall.root), "--yes", "--no-restart", script=script)
    assert done.returncode == 0, done.stderr
    wall.assert_trio(wall.old_trio)


def test_a_broken_openssl_is_never_asked(program: Program, stick: Path, tmp_path: Path) -> None:
    asked = tmp_path / "asked"
    program.put_before_path(tmp_path / "broken", openssl=f'echo "$@" >>"{asked}"; exit 1')
    done = program.verb("install", stick)
    assert done.returncode == 0, done.stderr
    assert not asked.exists()
    program.wall.assert_trio(program.wall.new_trio)


def test_without_home_terminal_and_locale(program: Program, stick: Path) -> None:
    kept = ("PATH", "PYTHONPATH")
    environment = {name: program.environment()[name] for name in kept}
    words = program.wall.options("--no-restart")
    done = program.run("install", stick, *words, environment=environment)
    assert done.returncode == 0, done.stderr
    program.wall.assert_trio(program.wall.new_trio)


def test_the_child_has_the_environment_that_the_caller_had(
    program: Program, stick: Path, tmp_path: Path
) -> None:
    seen = tmp_path / "seen"
    script = f'env >"{seen}"; exec {program.tools}/df "$@"'
    program.put_before_path(tmp_path / "look", df=script)
    environment = {**program.environment(), "LD_LIBRARY_PATH": "/nonexistent/lib"}
    done = program.run("check", stick, *program.wall.options(), environment=environment)
    assert done.returncode == 0, done.stderr
    lines = seen.read_text().splitlines()
    assert "LD_LIBRARY_PATH=/nonexistent/lib" in lines
    assert not [line for line in lines if line.startswith(("_PYI_", "LD_LIBRARY_PATH_ORIG"))]


def test_the_passphrase_and_the_key_are_in_no_command_line_and_no_environment(
    program: Program, stick: Path, tmp_path: Path
) -> None:
    seen = tmp_path / "seen"
    spy = f"cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ >>'{seen}' 2>/dev/null"
    script = f'{spy}; exec {program.tools}/sha256sum "$@"'
    program.put_before_path(tmp_path / "spy", sha256sum=script)
    wall = program.wall
    assert program.verb("install", stick).returncode == 0
    found = seen.read_bytes()
    assert b"--passphrase-file" in found
    assert wall.passphrase_file.read_text().strip().encode() not in found
    assert wall.new_trio["sftunnel-key.pem"].splitlines()[2] not in found
