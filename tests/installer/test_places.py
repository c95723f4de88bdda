"""Where install.sh finds things: links of a device and of a copy, odd names, a stick pulled out."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from rehearsal import AS_ROOT, Firewall, make_firewall, make_kit, put_before_path
from sftunnel_builder.lab.device import LabDevice
from sftunnel_builder.lab.fmc import LabFmc


@pytest.mark.parametrize("target", ["/ngfw/etc/sf/ims.conf", "../../ngfw/etc/sf/ims.conf"])
def test_a_linked_identity_is_that_of_the_copy(firewall: Firewall, target: str) -> None:
    ims_conf = firewall.root / "etc/sf/ims.conf"
    moved = firewall.root / "ngfw/etc/sf/ims.conf"
    moved.parent.mkdir(parents=True, exist_ok=True)
    ims_conf.rename(moved)
    ims_conf.symlink_to(target)
    done = firewall.run("check", *firewall.options())
    assert done.returncode == 0, done.stderr


def test_links_all_along_the_way_are_followed_within_the_copy(firewall: Firewall) -> None:
    """As on hardware where /var itself leads into /ngfw."""
    shutil.rmtree(firewall.root / "var")
    (firewall.root / "var").symlink_to("/ngfw/var/./../var//")
    done = firewall.install("--no-restart")
    assert done.returncode == 0, done.stderr
    assert str(firewall.root / "ngfw/var/sf/sftunnel-bundler/backups") in done.stdout
    # The lab's own commands would go where the link leads on this machine.
    (firewall.root / "var").unlink()
    (firewall.root / "var").symlink_to("ngfw/var")


def test_links_in_a_circle_are_refused(firewall: Firewall) -> None:
    (firewall.root / "var/sf").unlink()
    (firewall.root / "ngfw/var/sf").rename(firewall.root / "ngfw/var/moved")
    (firewall.root / "ngfw/var/sf").symlink_to("/var/sf")
    (firewall.root / "var/sf").symlink_to("/ngfw/var/sf")
    done = firewall.install("--no-restart")
    assert done.returncode == 5
    assert "error: there is no directory '" in done.stderr


@pytest.mark.parametrize("name", ["it's here", 'a "b" $(reboot) `c`', "-n", "ünï"])
def test_the_commands_that_it_prints_work_whatever_the_root_is_called(
    firewall: Firewall, tmp_path: Path, name: str
) -> None:
    root = firewall.root.rename(tmp_path / name)
    firewall.device = replace(firewall.device, root=root)
    done = firewall.install("--no-restart")
    assert done.returncode == 0, done.stderr
    (undo,) = re.findall(r"; to undo: (.*)\n", done.stdout)
    assert undo.endswith(" --no-restart"), "it would look for the copy's pmtool"
    command = [*AS_ROOT, "sh", "-c", f"{undo} --yes"]
    undone = subprocess.run(command, capture_output=True, text=True, check=False)
    assert undone.returncode == 0, undone.stderr
    firewall.assert_trio(firewall.old_trio)


@pytest.mark.parametrize("shell", ["dash", "bash", "busybox ash"])
def test_a_stick_that_is_pulled_out_after_the_copy_is_not_missed(
    firewall: Firewall, tmp_path: Path, shell: str
) -> None:
    """The script itself, too, is read from it; dash reads 8 KiB at a time."""
    firewall.shell = shell.split()
    pulled = tmp_path / "pulled"
    real = shutil.which("openssl")
    script = f'[ -e "{pulled}" ] || mv "{firewall.bundle.parent}" "{pulled}"\nexec {real} "$@"'
    put_before_path(firewall, tmp_path / "instead", openssl=script)
    done = firewall.install("--no-restart")
    assert done.returncode == 0, done.stderr
    assert pulled.exists()
    firewall.assert_trio(firewall.new_trio)
    (backup,) = firewall.backups()
    script = firewall.state / "backups" / backup / "rollback.sh"
    options = ["--root", str(firewall.root), "--yes", "--no-restart"]
    assert firewall.run(*options, script=script).returncode == 0
    firewall.assert_trio(firewall.old_trio)


def test_the_other_name_of_a_hard_linked_file_keeps_the_old_content(
    firewall: Firewall, tmp_path: Path
) -> None:
    other = tmp_path / "other name"
    other.hardlink_to(firewall.peer_dir / "cacert.pem")
    done = firewall.install("--no-restart")
    assert done.returncode == 0, done.stderr
    assert f"warning: '{firewall.fmc_uuid}/cacert.pem' in '" in done.stderr
    assert "has another name, a hard link" in done.stderr
    assert other.read_bytes() == firewall.old_trio["cacert.pem"]
    firewall.assert_trio(firewall.new_trio)


def test_an_fmc_gets_the_bundle_that_is_for_it(tmp_path: Path) -> None:
    """The other FMC of an HA pair stands in FAILED_PUSH as devices do."""
    now = datetime.now(UTC)
    fmc = LabFmc.create(tmp_path / "fmc", now=now)
    peer = LabDevice.create(
        tmp_path / "peer", name="fmc-b", model="Cisco Secure Firewall Management Center for VMware"
    )
    fmc.register(peer)
    fmc.generate_certs(now=now)
    (tmp_path / "rehearsal").mkdir()
    firewall = make_firewall(make_kit(tmp_path, [fmc], [peer], now), tmp_path / "rehearsal")
    done = firewall.install("--no-restart")
    assert done.returncode == 0, done.stderr
    assert "it is fmc-b, as wanted" in done.stdout
    firewall.assert_trio(firewall.new_trio)
