"""What a run leaves for the next one to finish or undo, and what the next one must not touch."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from rehearsal import Firewall, instead_of_pmtool, put_before_path


def test_an_owed_restart_is_not_forgotten_when_the_next_commit_fails(
    firewall: Firewall, tmp_path: Path
) -> None:
    with instead_of_pmtool(firewall, "exit 1"):
        assert firewall.install().returncode == 8
    working = dict(firewall.environment)
    broken = 'case $* in *cert.pem) echo broken >&2; exit 1 ;; esac; exec /bin/mv "$@"'
    put_before_path(firewall, tmp_path / "instead", mv=broken)
    assert firewall.rollback().returncode == 6
    assert firewall.which_trio() == "new"
    firewall.environment = working
    done = firewall.run("recover", "--root", str(firewall.root), "--wait", "0")
    assert done.returncode == 0, done.stderr
    assert "sftunnel restarted" in done.stdout
    firewall.assert_trio(firewall.new_trio)


def test_the_backup_of_an_owed_restart_is_not_mistaken_for_another(firewall: Firewall) -> None:
    assert firewall.install("--no-restart").returncode == 0
    (first,) = firewall.backups()
    with instead_of_pmtool(firewall, "exit 1"):
        assert firewall.rollback().returncode == 8
    done = firewall.rollback("--backup", first)
    assert done.returncode == 0, done.stderr
    assert "sftunnel restarted" in done.stdout
    assert "already as in backup" in done.stdout
    firewall.assert_trio(firewall.old_trio)


@pytest.fixture
def half_way(firewall: Firewall) -> Firewall:
    """Give a firewall whose power was cut in the commit of an install: one file is new."""
    name = "sftunnel-cert.pem"
    assert firewall.install("--no-restart").returncode == 0
    (backup,) = firewall.backups()
    (firewall.peer_dir / name).write_bytes(firewall.old_trio[name])
    conf = (firewall.bundle / "bundle.conf").read_text()
    files = re.findall(r"(?m)^file=payload/(\S+) \S+ (\w{64}) ", conf)
    assert len(files) == 3
    new = "".join(f"new={sha256}  {file}\n" for file, sha256 in files)
    journal = f"format=1\nverb=install\nphase=commit\nbackup={backup}\n{new}"
    (firewall.state / "journal").write_text(journal)
    return firewall


def test_half_a_commit_is_undone(half_way: Firewall) -> None:
    done = half_way.run("recover", "--root", str(half_way.root))
    assert done.returncode == 0, done.stderr
    half_way.assert_trio(half_way.old_trio)


@pytest.mark.parametrize("verb", ["recover", "install", "rollback"])
def test_what_somebody_put_there_since_is_not_overwritten(half_way: Firewall, verb: str) -> None:
    file = half_way.peer_dir / "sftunnel-key.pem"
    file.write_bytes(b"another key, and it works")
    before = half_way.others(), half_way.device.trio(half_way.fmc_uuid)
    done = half_way.run(verb, *half_way.options("--no-restart"))
    assert done.returncode == 7
    assert f"'{file.resolve()}' has been changed by something else since" in done.stderr
    assert (half_way.others(), half_way.device.trio(half_way.fmc_uuid)) == before
    assert (half_way.state / "journal").exists()
    file.unlink()
    assert half_way.run("recover", "--root", str(half_way.root)).returncode == 0
    half_way.assert_trio(half_way.old_trio)


def test_it_can_be_kept_as_the_hint_says(half_way: Firewall) -> None:
    for name in half_way.old_trio:
        (half_way.peer_dir / name).write_bytes(b"something else\n")
    done = half_way.run("recover", "--root", str(half_way.root))
    assert done.returncode == 7
    (half_way.state / "journal").unlink()
    done = half_way.run("recover", "--root", str(half_way.root))
    assert done.returncode == 0, done.stderr
    assert (half_way.peer_dir / "cacert.pem").read_bytes() == b"something else\n"


def test_a_file_emptied_by_a_damaged_file_system_is_put_back(half_way: Firewall) -> None:
    (half_way.peer_dir / "cacert.pem").write_bytes(b"")
    assert half_way.run("recover", "--root", str(half_way.root)).returncode == 0
    half_way.assert_trio(half_way.old_trio)


def test_a_backup_that_is_damaged_is_not_put_back(half_way: Firewall) -> None:
    (backup,) = half_way.backups()
    conf = half_way.state / "backups" / backup / "backup.conf"
    conf.write_text(conf.read_text().replace("fmc=", "fmc= "))
    done = half_way.run("recover", "--root", str(half_way.root))
    assert done.returncode == 7
    assert "error: THE TRIO MAY BE A MIX" in done.stderr
    assert "not found" not in done.stderr


@pytest.mark.parametrize("journal", ["", "phase=commit\nbackup=0001-gone\n", "\0\n"])
def test_a_journal_that_cannot_be_used_is_told(firewall: Firewall, journal: str) -> None:
    firewall.state.mkdir(mode=0o700)
    (firewall.state / "journal").write_text(journal)
    root = ["--root", str(firewall.root)]
    done = firewall.run("status", *root)
    assert done.returncode == 0
    assert "warning: '" in done.stderr
    assert "names no usable backup" in done.stderr
    said = json.loads(firewall.run("status", "--json", *root).stdout)
    assert said["interrupted"]["phase"] == "unusable"
    done = firewall.run("recover", *root)
    assert done.returncode == 7
    assert "names no usable backup" in done.stderr
    assert firewall.which_trio() == "old"


def test_a_recover_after_a_rollback_waits_for_no_tunnel(firewall: Firewall) -> None:
    """The FMC does not take the old trio: waiting would never end well."""
    assert firewall.install("--no-restart").returncode == 0
    with instead_of_pmtool(firewall, "exit 1"):
        assert firewall.rollback().returncode == 8
    done = firewall.run("recover", "--root", str(firewall.root), timeout_s=30)
    assert done.returncode == 0, done.stderr
    assert "tunnel not looked at" in done.stdout


def test_an_export_that_is_interrupted_leaves_no_key_on_the_stick(
    firewall: Firewall, tmp_path: Path
) -> None:
    stick = tmp_path / "usb"
    stick.mkdir()
    gzip = f'{shutil.which("gzip")} "$@"; [ "$1" != -9 ] || kill -INT 0'
    put_before_path(firewall, tmp_path / "instead", gzip=gzip)
    done = firewall.install("--no-restart", "--export-backup", str(stick))
    assert done.returncode == 130
    assert list(stick.iterdir()) == []
    assert not firewall.state.exists()
