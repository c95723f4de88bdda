"""Backups: how many are kept, that none is overwritten, and that one can leave the device."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest

from rehearsal import Firewall, Made, make_firewall, mount_read_only, put_before_path, snapshot
from sftunnel_builder.trio import TRIO_NAMES


def _there_and_back(firewall: Firewall, times: int, *more: str) -> None:
    """Install and roll back so many times; each makes a backup."""
    for _ in range(times):
        for verb in ("install", "rollback"):
            options = firewall.options("--no-restart", *more)
            done = firewall.run(verb, *options)
            assert done.returncode == 0, done.stderr


def test_five_are_kept_and_numbers_are_not_used_again(firewall: Firewall) -> None:
    _there_and_back(firewall, 4)
    assert [name[:4] for name in firewall.backups()] == ["0004", "0005", "0006", "0007", "0008"]
    firewall.assert_trio(firewall.old_trio)


@pytest.mark.parametrize(
    ("keep", "left"), [("1", ["0003", "0006"]), ("3", ["0003", "0004", "0005", "0006"])]
)
def test_the_one_that_rollback_would_take_is_always_kept(
    firewall: Firewall, keep: str, left: list[str]
) -> None:
    _there_and_back(firewall, 1)
    assert firewall.install("--no-restart").returncode == 0
    first, second, newest = firewall.backups()
    for backup in (first, second):
        done = firewall.rollback("--no-restart", "--backup", backup, "--keep", "9")
        assert done.returncode == 0, done.stderr
    firewall.assert_trio(firewall.new_trio)
    done = firewall.rollback("--no-restart", "--keep", keep)
    assert done.returncode == 0, done.stderr
    assert f"backup     {newest} is as it was made" in done.stdout
    assert [name[:4] for name in firewall.backups()] == left


def test_what_is_no_backup_is_neither_counted_nor_removed(firewall: Firewall) -> None:
    junk = firewall.state / "backups/0000-notes"
    junk.mkdir(parents=True, mode=0o700)
    _there_and_back(firewall, 2, "--keep", "4")
    assert len(firewall.backups()) == 5
    assert junk.is_dir()


def test_when_the_numbers_are_used_up_nothing_is_installed(firewall: Firewall) -> None:
    (firewall.state / "backups/9999-20261124T000000Z").mkdir(parents=True, mode=0o700)
    done = firewall.install("--no-restart")
    assert done.returncode == 5
    assert "error: there is no number left for a backup in '" in done.stderr
    firewall.assert_trio(firewall.old_trio)


def test_no_backup_is_ever_changed(firewall: Firewall) -> None:
    assert firewall.install("--no-restart").returncode == 0
    (first,) = firewall.backups()
    before = snapshot(firewall.state / "backups" / first)
    _there_and_back(firewall, 1, "--allow-older")
    assert firewall.rollback("--no-restart", "--backup", first).returncode == 0
    assert snapshot(firewall.state / "backups" / first) == before


def test_owner_mode_and_times_come_back(firewall: Firewall) -> None:
    path = firewall.peer_dir / "cacert.pem"
    path.chmod(0o440)
    facts = firewall.trio_facts()
    _there_and_back(firewall, 2)
    assert firewall.trio_facts() == facts


@pytest.mark.parametrize("value", ["0", "05", "100", "five", "-1"])
def test_a_number_of_backups_that_is_none(firewall: Firewall, value: str) -> None:
    done = firewall.install(f"--keep={value}")
    assert done.returncode == 2
    assert f"error: --keep wants a whole number from 1 to 99, found '{value}'" in done.stderr


def test_any_flipped_byte_of_a_backup_is_found(firewall: Firewall) -> None:
    assert firewall.install("--no-restart").returncode == 0
    (name,) = firewall.backups()
    folder = firewall.state / "backups" / name
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert len(files) == len(TRIO_NAMES) + 3
    for path in files:
        whole = path.read_bytes()
        for at in (0, len(whole) // 2, len(whole) - 1):
            path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
            done = firewall.rollback("--no-restart")
            assert done.returncode == 3, (path.name, at, done.stderr)
            assert f"backup '{name}' is damaged" in done.stderr
        path.write_bytes(whole)
    firewall.assert_trio(firewall.new_trio)
    assert firewall.rollback("--no-restart").returncode == 0


def test_it_can_be_checked_with_stock_tools(firewall: Firewall) -> None:
    assert firewall.install("--no-restart").returncode == 0
    (name,) = firewall.backups()
    folder = firewall.state / "backups" / name
    subprocess.run(["sha256sum", "-c", "SHA256SUMS"], cwd=folder, check=True, capture_output=True)
    script = hashlib.sha256((folder / "rollback.sh").read_bytes()).hexdigest()
    assert script == hashlib.sha256((firewall.bundle / "install.sh").read_bytes()).hexdigest()


# --- exported --------------------------------------------------------------------------------


@pytest.fixture
def stick(tmp_path: Path) -> Path:
    """A place to export to, with a blank in its name."""
    folder = tmp_path / "a stick"
    folder.mkdir()
    return folder


def _exported(stick: Path) -> Path:
    """Unpack the one exported backup as a stick would hold it: without owners and modes."""
    (archive,) = stick.glob("sftunnel-backup-*.tar.gz")
    assert archive.stat().st_mode & 0o777 == 0o600
    with tarfile.open(archive) as tar:
        (top,) = {member.name.split("/")[0] for member in tar}
    assert archive.name == f"{top}.tar.gz"
    subprocess.run(["tar", "-xzf", archive, "-C", stick], check=True)
    for path in (stick / top).rglob("*"):
        path.chmod(0o777)
    return stick / top


@pytest.mark.parametrize("when", ["at the install", "later"])
def test_an_exported_backup_restores_a_device_that_lost_its_own(
    firewall: Firewall, stick: Path, when: str
) -> None:
    export = ["--export-backup", str(stick)]
    done = firewall.install("--no-restart", *(export if when == "at the install" else []))
    assert done.returncode == 0, done.stderr
    if when == "later":
        done = firewall.run("recover", "--root", str(firewall.root), *export)
        assert done.returncode == 0, done.stderr
    assert "it holds a private key" in done.stdout
    folder = _exported(stick)
    shutil.rmtree(firewall.state)
    mount_read_only(firewall, stick)
    options = ["--root", str(firewall.root), "--yes", "--no-restart"]
    modes = firewall.root.parent / "modes"
    look = f'case $2 in */.sftunnel-bundler/*) stat -c %a "${{2%/*}}" >>"{modes}" ;; esac'
    put_before_path(firewall, stick.parent / "bin", mv=f'{look}; exec {shutil.which("mv")} "$@"')
    done = firewall.run(*options, script=folder / "rollback.sh")
    assert done.returncode == 0, done.stderr
    assert set(modes.read_text().split()) == {"700"}, "nobody else reaches what is to land"
    firewall.assert_trio(firewall.old_trio)
    firewall.shell = ["sh"]
    done = firewall.rollback("--no-restart", "--backup", firewall.backups()[0])
    assert done.returncode == 0, "a rollback from a stick can be undone, too"
    firewall.assert_trio(firewall.new_trio)


def test_a_rollback_exports_what_it_replaces(firewall: Firewall, stick: Path) -> None:
    assert firewall.install("--no-restart").returncode == 0
    done = firewall.rollback("--no-restart", "--export-backup", str(stick))
    assert done.returncode == 0, done.stderr
    saved = _exported(stick) / firewall.fmc_uuid / "cacert.pem"
    assert saved.read_bytes() == firewall.new_trio["cacert.pem"]


def test_an_exported_backup_of_another_device_is_refused(
    firewall: Firewall, made: Made, tmp_path: Path, stick: Path
) -> None:
    (tmp_path / "other").mkdir()
    other = make_firewall(made, tmp_path / "other", 1)
    done = other.install("--no-restart", "--export-backup", str(stick))
    assert done.returncode == 0, done.stderr
    script = _exported(stick) / "rollback.sh"
    done = firewall.run("--root", str(firewall.root), "--yes", "--no-restart", script=script)
    assert done.returncode == 5
    assert "error: wrong device: " in done.stderr
    firewall.assert_trio(firewall.old_trio)
    assert not firewall.state.exists()


def test_a_damaged_exported_backup_is_refused(firewall: Firewall, stick: Path) -> None:
    assert firewall.install("--no-restart", "--export-backup", str(stick)).returncode == 0
    folder = _exported(stick)
    key = folder / firewall.fmc_uuid / "sftunnel-key.pem"
    key.write_bytes(key.read_bytes()[:-1])
    options = ["--root", str(firewall.root), "--yes", "--no-restart"]
    done = firewall.run(*options, script=folder / "rollback.sh")
    assert done.returncode == 3
    assert "is damaged: a file is not what was saved" in done.stderr
    firewall.assert_trio(firewall.new_trio)


@pytest.mark.parametrize(
    ("command", "script", "reason"),
    [
        pytest.param("gzip", "exit 1", "tar: ", id="an archive cut short"),
        pytest.param(
            "gzip",
            'case $1 in -dc) {real} "$@" | sed s/-----BEGIN/-----BEGUN/ ;; *) {real} "$@" ;; esac',
            "it reads back changed",
            id="a stick that changes what it holds",
        ),
        pytest.param("tar", "echo broken >&2; exit 1", "broken", id="no tar"),
        pytest.param(
            "mv",
            'case $* in *.part\\ *) echo full >&2; exit 1 ;; esac; exec {real} "$@"',
            "full",
            id="a full stick",
        ),
    ],
)
def test_an_export_that_fails_stops_the_install_before_any_change(
    firewall: Firewall, tmp_path: Path, stick: Path, command: str, script: str, reason: str
) -> None:
    script = script.replace("{real}", shutil.which(command) or "")
    put_before_path(firewall, tmp_path / "instead", **{command: script})
    done = firewall.install("--no-restart", "--export-backup", str(stick))
    assert done.returncode == 5, done.stderr
    assert "error: cannot export the backup to '" in done.stderr
    assert reason in done.stderr
    assert list(stick.iterdir()) == []
    firewall.assert_trio(firewall.old_trio)
    assert not firewall.state.exists()


def test_an_export_overwrites_nothing(firewall: Firewall, stick: Path) -> None:
    assert firewall.install("--no-restart", "--export-backup", str(stick)).returncode == 0
    (before,) = (path.read_bytes() for path in stick.iterdir())
    done = firewall.run("recover", "--root", str(firewall.root), "--export-backup", str(stick))
    assert done.returncode == 5
    assert ".tar.gz' is already there" in done.stderr
    assert [path.read_bytes() for path in stick.iterdir()] == [before]


def test_there_must_be_a_directory_to_export_to(firewall: Firewall) -> None:
    done = firewall.install("--export-backup", "/nonexistent")
    assert done.returncode == 2
    assert "error: --export-backup '/nonexistent' is not a directory" in done.stderr


@pytest.mark.parametrize("arguments", [["status"], ["check"], ["install", "--stage-only"]])
def test_only_verbs_that_make_or_have_a_backup_export_it(
    firewall: Firewall, stick: Path, arguments: list[str]
) -> None:
    done = firewall.run(*arguments, *firewall.options("--export-backup", str(stick)))
    assert done.returncode == 2
    assert "error: --export-backup does not go with '" in done.stderr
