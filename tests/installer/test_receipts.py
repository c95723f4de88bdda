"""A receipt of every verb and end: its form, whose key signed it, and its confirmation code."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from rehearsal import IS_LONG, Firewall, Made, instead_of_pmtool, put_before_path
from sftunnel_builder.codes import Run, find_run, read_codes
from sftunnel_builder.trio import TRIO_NAMES
from toolsets import OPENSSLS, SHELLS, Toolset

KEYS = {
    *("after", "backup", "before", "bundle", "device", "ended", "exit", "format", "installer"),
    *("pid_after", "pid_before", "started", "tunnel", "verb"),
}
BLOCK = re.compile(
    r"-----BEGIN SFTUNNEL RECEIPT-----\n((?:.{1,64}\n)+)-----END SFTUNNEL RECEIPT-----\n"
    r"confirmation code: ([a-hjkmnp-z2-9]{12})\n"
)
GONE = "warning: the new key is not on this device any more: there is no receipt of this "


@dataclass(frozen=True)
class Office:
    """Where receipts come back to: it has the kit, and of the device only that."""

    kit: Path
    firewall: Firewall

    def accept(self, done: subprocess.CompletedProcess[str], verb: str) -> dict[str, Any]:
        """Return what the last receipt of a run says, after every check of it and its code."""
        block, code = BLOCK.findall(done.stdout)[-1]
        line, _, signature = block.replace("\n", "").rpartition(".")
        said: dict[str, Any] = json.loads(line)
        path = self.firewall.state / f"receipts/{said['backup']}-{verb}.json"
        assert path.read_text() == f"{line}\n{signature}\n"
        assert line == json.dumps(said, separators=(",", ":"), sort_keys=True)
        assert " " not in line
        assert set(said) == KEYS
        assert (said["verb"], said["exit"], said["format"]) == (verb, done.returncode, 1)
        assert said["device"] == self.firewall.device.uuid
        assert verify(path, self.firewall.bundle) == "Verified OK\n"
        runs = read_codes((self.kit / "codes").read_bytes())
        told = "install" if verb == "activate" else verb
        assert find_run(runs, code) == Run(said["device"], told, done.returncode)
        logs = "".join(log.read_text() for log in self.firewall.state.glob("logs/*"))
        # A recover that could undo nothing keeps no log.
        assert f"confirmation code: {code}\n" in logs or (verb, said["exit"]) == ("recover", 7)
        assert said["after"] == self.trio_hash()
        return said

    def trio_hash(self, trio: dict[str, bytes] | None = None) -> str:
        """Return the SHA-256 of the lines of a trio, of that which is there."""
        files = self.firewall.device.trio(self.firewall.fmc_uuid) if trio is None else trio
        lines = "".join(
            f"{hashlib.sha256(files[name]).hexdigest()}  {self.firewall.fmc_uuid}/{name}\n"
            for name in TRIO_NAMES
            if name in files
        )
        return hashlib.sha256(lines.encode()).hexdigest()


def verify(receipt: Path, bundle: Path) -> str:
    """Return what openssl says of a receipt, asked with the certificate in an unpacked bundle."""
    script = (
        'head -n 1 "$1" >line && tail -n 1 "$1" | openssl base64 -d -A >line.sig &&'
        'openssl x509 -noout -pubkey -in "$2"/payload/*/sftunnel-cert.pem >device.pub &&'
        "openssl dgst -sha256 -verify device.pub -signature line.sig line"
    )
    place = bundle.parent
    words = ["sh", "-c", script, "sh", str(receipt), str(bundle)]
    return subprocess.run(words, cwd=place, capture_output=True, text=True, check=True).stdout


@pytest.fixture
def office(made: Made, firewall: Firewall) -> Office:
    return Office(made.kit, firewall)


_ALL = [*SHELLS, *(Toolset(f"openssl {name}", ["dash"], openssl=name) for name in OPENSSLS)]
TOOLSETS = [one for one in _ALL if IS_LONG or one.name in ("dash", "bash", "busybox ash")]


@pytest.mark.sampled
@pytest.mark.parametrize("toolset", TOOLSETS, ids=lambda toolset: toolset.name)
def test_there_and_back_and_there_again(
    office: Office, firewall: Firewall, tmp_path: Path, toolset: Toolset
) -> None:
    """The new key lies in the peer directory, then in a backup, then in the peer directory."""
    firewall.shell, firewall.environment = toolset.environment(tmp_path)
    old, new = office.trio_hash(firewall.old_trio), office.trio_hash(firewall.new_trio)
    done = firewall.install()
    said = office.accept(done, "install")
    assert (done.returncode, said["before"], said["after"]) == (0, old, new)
    assert said["tunnel"] == "not-looked-at"
    assert said["pid_after"] != said["pid_before"]
    bundle = said["bundle"]
    said = office.accept(firewall.rollback("--no-restart"), "rollback")
    assert (said["before"], said["after"], said["bundle"]) == (new, old, bundle)
    again = firewall.rollback("--no-restart", "--backup", said["backup"])
    said = office.accept(again, "rollback")
    assert (said["before"], said["after"], said["bundle"]) == (old, new, bundle)
    firewall.assert_trio(firewall.new_trio)


def test_activate_has_the_code_of_install(office: Office, firewall: Firewall) -> None:
    staged = firewall.install("--no-restart", "--stage-only")
    assert staged.returncode == 0
    assert "RECEIPT" not in staged.stdout
    done = firewall.run("activate", "--root", str(firewall.root), "--yes", "--no-restart")
    office.accept(done, "activate")


def test_what_changes_nothing_leaves_no_receipt(firewall: Firewall) -> None:
    assert firewall.install("--no-restart").returncode == 0
    root = ("--root", str(firewall.root))
    for words in (["check", *firewall.options()], ["status", *root], ["recover", *root]):
        done = firewall.run(*words)
        assert done.returncode == 0
        assert "RECEIPT" not in done.stdout
    assert "RECEIPT" not in firewall.install().stdout
    assert len(list((firewall.state / "receipts").iterdir())) == 1


def test_a_restart_that_failed_and_was_finished_later(office: Office, firewall: Firewall) -> None:
    with instead_of_pmtool(firewall, "exit 1"):
        assert office.accept(firewall.install(), "install")["exit"] == 8
        recover = ("recover", "--root", str(firewall.root), "--wait", "0")
        assert office.accept(firewall.run(*recover), "recover")["exit"] == 8
    said = office.accept(firewall.run(*recover), "recover")
    assert (said["exit"], said["before"]) == (0, said["after"])
    firewall.assert_trio(firewall.new_trio)


def test_a_restart_owed_by_a_rollback(office: Office, firewall: Firewall) -> None:
    assert firewall.install("--no-restart").returncode == 0
    with instead_of_pmtool(firewall, "exit 1"):
        assert office.accept(firewall.rollback(), "rollback")["exit"] == 8
    done = firewall.run("recover", "--root", str(firewall.root))
    assert office.accept(done, "recover")["exit"] == 0


def test_a_signal_after_the_commit(office: Office, firewall: Firewall) -> None:
    """At the restart, which is a group of its own: the whole session is interrupted."""
    with instead_of_pmtool(firewall, "[ $1 = status ] || kill -INT -$(ps -o sid= $$ | tr -d ' ')"):
        done = firewall.install()
    assert office.accept(done, "install")["exit"] == 8


def breaking_mv(firewall: Firewall, place: Path, name: str, deed: str) -> None:
    """Let a rename to this file of the trio end otherwise."""
    script = f'case $* in */{name}) {deed} ;; esac; exec {shutil.which("mv")} "$@"'
    put_before_path(firewall, place, mv=script)


@pytest.mark.parametrize("name", TRIO_NAMES)
def test_a_commit_that_failed_and_was_put_back(
    office: Office, firewall: Firewall, tmp_path: Path, name: str
) -> None:
    once = f'[ -e "{tmp_path}/once" ] || {{ touch "{tmp_path}/once"; exit 1; }}'
    breaking_mv(firewall, tmp_path / "instead", name, once)
    done = firewall.install("--no-restart")
    said = office.accept(done, "install")
    assert (done.returncode, said["before"]) == (6, said["after"])
    firewall.assert_trio(firewall.old_trio)


def test_a_mix_that_could_not_be_put_back(
    office: Office, firewall: Firewall, tmp_path: Path
) -> None:
    breaking_mv(firewall, tmp_path / "instead", "sftunnel-cert.pem", "exit 1")
    assert firewall.install("--no-restart").returncode == 6
    cp = f'case $* in *backups*) exit 1 ;; esac; exec {shutil.which("cp")} "$@"'
    put_before_path(firewall, tmp_path / "worse", cp=cp)
    done = firewall.install("--no-restart")
    said = office.accept(done, "install")
    assert done.returncode == 7
    assert said["before"] == office.trio_hash(firewall.old_trio) != said["after"]
    assert "THE TRIO MAY BE A MIX" in done.stderr
    done = firewall.run("recover", "--root", str(firewall.root))
    assert office.accept(done, "recover")["exit"] == 7


@pytest.mark.parametrize("name", TRIO_NAMES)
@pytest.mark.parametrize("verb", ["install", "rollback"])
def test_a_run_that_was_cut_off_and_undone(
    office: Office, firewall: Firewall, tmp_path: Path, verb: str, name: str
) -> None:
    """Whether the new key waited beside the old one, or had its place already."""
    if verb == "rollback":
        assert firewall.install("--no-restart").returncode == 0
    before = office.trio_hash()
    environment = dict(firewall.environment)
    breaking_mv(firewall, tmp_path / "instead", name, "kill -KILL 0")
    killed = firewall.run(verb, *firewall.options("--no-restart"))
    assert killed.returncode == -9
    cut = office.trio_hash()
    firewall.environment = environment
    said = office.accept(firewall.run("recover", "--root", str(firewall.root)), "recover")
    assert (said["exit"], said["before"], said["after"]) == (0, cut, before)
    firewall.assert_nothing_left()


def test_an_install_after_a_cut_leaves_both(
    office: Office, firewall: Firewall, tmp_path: Path
) -> None:
    environment = dict(firewall.environment)
    breaking_mv(firewall, tmp_path / "instead", "sftunnel-key.pem", "kill -KILL 0")
    assert firewall.install("--no-restart").returncode == -9
    firewall.environment = environment
    done = firewall.install("--no-restart")
    assert len(BLOCK.findall(done.stdout)) == 2
    office.accept(done, "install")
    assert len(list(firewall.state.glob("receipts/*-recover.json"))) == 1


def test_two_installs_are_rolled_back_by_the_key_of_the_bundle_that_is_named(
    office: Office, firewall: Firewall
) -> None:
    """The older backup is of the same bundle; its key lies in a later backup only."""
    for _ in range(2):
        assert firewall.install("--no-restart").returncode == 0
        assert firewall.rollback("--no-restart").returncode == 0
    (firewall.peer_dir / "sftunnel-key.pem").write_bytes(b"somebody else's\n")
    done = firewall.rollback("--no-restart", "--backup", firewall.backups()[0])
    office.accept(done, "rollback")


def test_where_the_new_key_is_gone_there_is_no_receipt(firewall: Firewall) -> None:
    assert firewall.install("--no-restart").returncode == 0
    (firewall.peer_dir / "sftunnel-key.pem").unlink()
    done = firewall.rollback("--no-restart")
    assert done.returncode == 0, done.stderr
    assert f"{GONE}rollback\n" in done.stderr
    assert "RECEIPT" not in done.stdout
    assert len(list((firewall.state / "receipts").iterdir())) == 1


@pytest.fixture(params=["a file", "a link to nowhere"])
def unwritable(request: pytest.FixtureRequest, firewall: Firewall) -> Firewall:
    """Give a firewall on which no receipt can be kept: this stands where they would lie."""
    assert firewall.install("--no-restart").returncode == 0
    shutil.rmtree(firewall.state / "receipts")
    if request.param == "a file":
        (firewall.state / "receipts").touch()
    else:
        (firewall.state / "receipts").symlink_to("nowhere")
    return firewall


def test_a_receipt_that_cannot_be_written_is_said_and_no_failure(unwritable: Firewall) -> None:
    done = unwritable.rollback("--no-restart")
    assert done.returncode == 0, done.stderr
    assert "warning: no receipt could be written" in done.stderr
    assert "RECEIPT" not in done.stdout
    unwritable.assert_trio(unwritable.old_trio)


def test_a_receipt_that_cannot_be_copied_is_said_and_no_failure(firewall: Firewall) -> None:
    done = firewall.install("--receipt-dir", "/nonexistent")
    assert done.returncode == 0
    assert "warning: the receipt could not be copied to '/nonexistent/" in done.stderr
    firewall.assert_trio(firewall.new_trio)
    assert len(list((firewall.state / "receipts").iterdir())) == 1


def test_a_receipt_that_is_gone_before_it_is_copied_is_said_and_no_failure(
    firewall: Firewall, tmp_path: Path
) -> None:
    sync = f'case $* in receipts) rm receipts/*.json ;; esac; exec {shutil.which("sync")} "$@"'
    put_before_path(firewall, tmp_path / "instead", sync=sync)
    done = firewall.install("--no-restart")
    assert done.returncode == 0, done.stderr
    assert "warning: the receipt could not be copied to '" in done.stderr
    assert not list(firewall.bundle.parent.glob("sftunnel-receipt-*"))
    firewall.assert_trio(firewall.new_trio)


def test_a_key_that_is_gone_before_it_is_read_is_said_and_no_failure(
    firewall: Firewall, tmp_path: Path
) -> None:
    assert firewall.install("--no-restart").returncode == 0
    key = f"{firewall.state}/backups/0002-*/*/sftunnel-key.pem"
    real = shutil.which("sha256sum")
    key = key.replace(" ", "\\ ")
    script = f'{real} "$@"; status=$?; case $* in */backups/*) rm -f {key} ;; esac; exit "$status"'
    put_before_path(firewall, tmp_path / "instead", sha256sum=script)
    done = firewall.rollback("--no-restart")
    assert done.returncode == 0, done.stderr
    assert f"{GONE}rollback\n" in done.stderr
    firewall.assert_trio(firewall.old_trio)


def test_where_its_copy_goes(firewall: Firewall, tmp_path: Path) -> None:
    """Beside the bundle, if nothing else is said."""
    assert firewall.install("--no-restart").returncode == 0
    (copy,) = firewall.bundle.parent.glob("sftunnel-receipt-*-install.json")
    assert firewall.rollback("--no-restart", "--receipt-dir", str(tmp_path)).returncode == 0
    (other,) = tmp_path.glob("sftunnel-receipt-*-rollback.json")
    assert list(firewall.bundle.parent.glob("sftunnel-receipt-*")) == [copy]
    kept = sorted((firewall.state / "receipts").iterdir())
    assert [path.read_bytes() for path in kept] == [copy.read_bytes(), other.read_bytes()]
    for path in (copy, other):
        key, passphrase = firewall.new_trio["sftunnel-key.pem"], firewall.passphrase_file
        assert key.splitlines()[2] not in path.read_bytes()
        assert passphrase.read_bytes().strip() not in path.read_bytes()


def test_a_neighbour_of_the_state_directory_gets_a_copy_and_that_itself_none(
    firewall: Firewall,
) -> None:
    beside = firewall.state.with_name(f"{firewall.state.name}-kit")
    shutil.copytree(firewall.bundle, beside / "bundle")
    script = beside / "bundle/install.sh"
    assert firewall.run(*firewall.options("--no-restart"), script=script).returncode == 0
    assert len(list(beside.glob("sftunnel-receipt-*-install.json"))) == 1
    (undo,) = firewall.state.glob("backups/*/rollback.sh")
    assert firewall.run("--root", str(firewall.root), "--yes", script=undo).returncode == 0
    assert list(firewall.state.glob("**/sftunnel-receipt-*")) == []


@pytest.mark.parametrize("kind", ["link", "pipe", "directory"])
@pytest.mark.parametrize("toolset", SHELLS, ids=lambda toolset: toolset.name)
def test_the_copy_follows_no_link_and_waits_for_no_pipe(
    office: Office, firewall: Firewall, tmp_path: Path, kind: str, toolset: Toolset
) -> None:
    """Beside a bundle in /tmp anybody could have put one there, as the name can be guessed."""
    firewall.shell, firewall.environment = toolset.environment(tmp_path)
    (tmp_path / "precious").write_text("kept\n")
    copies = tmp_path / "copies"
    copies.mkdir()
    start = datetime.now(UTC)
    for second in range(120):
        backup = f"0001-{start + timedelta(seconds=second):%Y%m%dT%H%M%SZ}"
        place = copies / f"sftunnel-receipt-{firewall.device.uuid[:8]}-{backup}-install.json"
        if kind == "link":
            place.symlink_to(tmp_path / "precious")
        elif kind == "pipe":
            os.mkfifo(place)
        else:
            place.mkdir()
    done = firewall.install("--no-restart", "--receipt-dir", str(copies))
    said = office.accept(done, "install")
    assert done.returncode == 0
    assert (tmp_path / "precious").read_text() == "kept\n"
    (copy,) = copies.glob(f"*-{said['backup']}-install.json")
    original = firewall.state / f"receipts/{said['backup']}-install.json"
    if kind == "directory":
        assert "the receipt could not be copied to" in done.stderr
    else:
        assert not copy.is_symlink()
        assert copy.read_bytes() == original.read_bytes()


def test_a_copy_that_did_not_get_whole_is_not_left(firewall: Firewall, tmp_path: Path) -> None:
    """On a stick that is full; `receipts` would refuse it."""
    real = shutil.which("sync")
    sync = f'case $1 in */sftunnel-receipt-*) exit 1 ;; esac; exec {real} "$@"'
    put_before_path(firewall, tmp_path / "instead", sync=sync)
    done = firewall.install("--no-restart")
    assert done.returncode == 0
    assert "the receipt could not be copied to" in done.stderr
    assert list(tmp_path.glob("**/sftunnel-receipt-*")) == []
