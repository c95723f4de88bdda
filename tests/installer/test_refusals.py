"""Which keys, trios and devices install.sh refuses: with which exit code, and nothing changed."""

from __future__ import annotations

import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID

from programs import tools_without_openssl
from refusals import assert_refused, sign_anew
from rehearsal import (
    AS_ROOT,
    Firewall,
    Made,
    make_firewall,
    make_kit,
    mount_read_only,
    need,
    put_before_path,
    snapshot,
)
from sftunnel_builder.lab.certificates import key_pem
from sftunnel_builder.lab.device import LabDevice
from sftunnel_builder.lab.fmc import LabFmc
from toolsets import Toolset
from trios import make_trio, put_into_bundle


@pytest.mark.parametrize("passphrase", ["open sesame\n", "\n", "", " $(reboot) '\n"])
def test_a_wrong_passphrase(firewall: Firewall, passphrase: str) -> None:
    firewall.passphrase_file.write_text(passphrase)
    if not passphrase:
        assert_refused(firewall, 3, "no passphrase can be read from '", *firewall.options())
        return
    assert_refused(firewall, 3, "wrong passphrase, or a damaged key", *firewall.options())


def test_a_passphrase_with_a_carriage_return_is_the_same_passphrase(firewall: Firewall) -> None:
    firewall.passphrase_file.write_text(firewall.passphrase_file.read_text().strip() + "\r\n")
    assert firewall.run("check", *firewall.options()).returncode == 0


def test_no_passphrase(firewall: Firewall) -> None:
    options = firewall.options()
    at = options.index("--passphrase-file")
    message = "the key is encrypted, and there is nobody to ask"
    assert_refused(firewall, 3, message, *options[:at], *options[at + 2 :])


def test_a_passphrase_file_that_is_not_there(firewall: Firewall) -> None:
    firewall.passphrase_file.unlink()
    assert_refused(firewall, 3, "no passphrase can be read from '", *firewall.options())


OPENSSLS = [
    pytest.param("", id="this machine's openssl"),
    pytest.param("1.1.1", id="OpenSSL 1.1.1"),
    pytest.param("3.5", id="OpenSSL 3.5"),
    pytest.param("like 1.0.2", id="the traps of OpenSSL 1.0.2"),
]


@pytest.fixture(params=OPENSSLS)
def checking(request: pytest.FixtureRequest, firewall: Firewall, tmp_path: Path) -> Firewall:
    """Give a firewall with one of several versions of openssl."""
    toolset = Toolset("sh", ["sh"], openssl=request.param)
    firewall.shell, firewall.environment = toolset.environment(tmp_path)
    return firewall


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        pytest.param({"ca_days": (-9, -1), "days": (-9, -1)}, "has expired", id="both expired"),
        pytest.param({"ca_days": (-9, -1)}, "has expired", id="the CA alone expired"),
        pytest.param({"days": (-9, -1)}, "has expired", id="the certificate alone expired"),
        pytest.param({"days": (2, 9)}, "is not valid yet", id="not valid yet"),
        pytest.param({"swap": "ca"}, "not issued by the CA", id="a CA with another key"),
        pytest.param(
            {"eku": [ExtendedKeyUsageOID.SERVER_AUTH]},
            "is not made for a TLS client",
            id="no TLS client",
        ),
        pytest.param({"swap": "key"}, "is not the certificate's", id="another key"),
    ],
)
def test_a_trio_that_does_not_hang_together(
    checking: Firewall, fault: dict[str, Any], message: str
) -> None:
    put_into_bundle(checking, make_trio(checking, **fault))
    assert_refused(checking, 3, message, *checking.options())


def test_a_damaged_key(checking: Firewall) -> None:
    trio = make_trio(checking)
    name = "sftunnel-key.pem"
    key = load_pem_private_key(trio[name], None)
    assert isinstance(key, rsa.RSAPrivateKey)
    n = key.private_numbers()
    numbers = rsa.RSAPrivateNumbers(n.p, n.q, n.d ^ 2, n.dmp1, n.dmq1, n.iqmp, n.public_numbers)
    trio[name] = key_pem(numbers.private_key(unsafe_skip_rsa_key_validation=True))
    put_into_bundle(checking, trio)
    assert_refused(checking, 3, "is damaged", *checking.options())


def test_a_sound_trio_made_by_the_same_means_is_not_refused(checking: Firewall) -> None:
    put_into_bundle(checking, make_trio(checking))
    done = checking.run("check", *checking.options())
    assert done.returncode == 0, done.stderr


def test_the_bundle_of_another_device(firewall: Firewall) -> None:
    ims_conf = firewall.root / "etc/sf/ims.conf"
    other = "11111111-2222-3333-4444-555555555555"
    ims_conf.write_text(f"APPLIANCE_UUID={other}\nMODEL='Cisco Firepower 1120 Threat Defense'\n")
    message = f"'; this is '{other}', Cisco Firepower 1120 Threat Defense"
    assert_refused(firewall, 5, message, *firewall.options())


def test_an_fmc_is_not_the_device(firewall: Firewall, made: Made) -> None:
    (firewall.root / "etc/sf/ims.conf").write_text(made.fmc.ims_conf())
    assert_refused(firewall, 5, "Management Center", *firewall.options())


@pytest.mark.parametrize(
    "line",
    [
        pytest.param("", id="no UUID"),
        pytest.param("APPLIANCE_UUID=", id="an empty UUID"),
        pytest.param("APPLIANCE_UUID=$(reboot)", id="something to be run"),
    ],
)
def test_an_identity_that_cannot_be_read(firewall: Firewall, line: str) -> None:
    (firewall.root / "etc/sf/ims.conf").write_text(f"SWVERSION=7.2.5\n{line}\n")
    assert_refused(firewall, 5, "holds no usable APPLIANCE_UUID", *firewall.options())


def test_the_identity_of_the_peer_does_not_count(firewall: Firewall) -> None:
    (firewall.peer_dir / "ims.conf").write_text(f"APPLIANCE_UUID={firewall.device.uuid}\n")
    (firewall.root / "etc/sf/ims.conf").unlink()
    assert_refused(firewall, 5, "cannot read '", *firewall.options())


def test_no_peer_directory(firewall: Firewall) -> None:
    firewall.peer_dir.rename(firewall.peer_dir.with_name("99999999-8888-7777-6666-555555555555"))
    assert_refused(firewall, 5, "there is no peer directory '", *firewall.options())


def test_a_peer_directory_that_is_a_link_to_that_of_another_fmc(firewall: Firewall) -> None:
    other = firewall.peer_dir.with_name("99999999-8888-7777-6666-555555555555")
    firewall.peer_dir.rename(other)
    firewall.peer_dir.symlink_to(other.name)
    assert_refused(firewall, 5, "' is a symbolic link", *firewall.options())


def test_one_of_two_peer_directories_missing(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    fmcs = [LabFmc.create(tmp_path / name, name=name, now=now) for name in ("primary", "secondary")]
    device = LabDevice.create(tmp_path / "device", name="both")
    for fmc in fmcs:
        fmc.register(device)
        fmc.generate_certs(now=now)
    (tmp_path / "rehearsal").mkdir()
    firewall = make_firewall(make_kit(tmp_path, fmcs, [device], now), tmp_path / "rehearsal")
    gone = firewall.device.peer_dir(fmcs[1].uuid)
    shutil.rmtree(gone)
    message = f"there is no peer directory '{gone.resolve()}'"
    assert_refused(firewall, 5, message, *firewall.options())


@pytest.mark.parametrize(
    ("command", "message"),
    [
        pytest.param(
            {"df": "echo header; echo '/dev/sda1 100000 99900 100 100% /ngfw'"},
            "KiB, found 100",
            id="no space",
        ),
        pytest.param(
            {"lsattr": 'for f; do echo "----i---------e------- $f"; done'},
            "immutable or append-only, in '",
            id="an immutable file",
        ),
        pytest.param({"id": "echo 1000"}, "this must run as root", id="not root"),
        pytest.param({"ln": "exit 1"}, "cannot take the lock in '", id="a lock that fails"),
        pytest.param({"cp": "echo no; exit 1"}, "cannot copy the bundle to '", id="no copy"),
    ],
)
def test_a_device_that_does_not_suit(
    firewall: Firewall, tmp_path: Path, command: dict[str, str], message: str
) -> None:
    put_before_path(firewall, tmp_path / "instead", **command)
    assert_refused(firewall, 5, message, *firewall.options())


def test_a_bundle_that_is_too_large_for_the_disk_is_not_even_copied(
    firewall: Firewall, tmp_path: Path
) -> None:
    runbook = firewall.bundle / "RUNBOOK.txt"
    runbook.write_bytes(runbook.read_bytes() + b"x" * 2_000_000)
    sign_anew(firewall)
    df = "echo header; echo '/dev/sda1 100000 97000 3000 97% /ngfw'"
    put_before_path(firewall, tmp_path / "instead", df=df, cp="echo copied >&2; exit 1")
    assert_refused(firewall, 5, "KiB, found 3000", *firewall.options())


def test_a_stick_that_shows_other_files_while_it_is_copied(
    firewall: Firewall, tmp_path: Path
) -> None:
    cp = f'{shutil.which("cp")} "$@"; for to; do :; done; echo a=b >"$to/more.conf"'
    put_before_path(firewall, tmp_path / "instead", cp=cp)
    assert_refused(firewall, 4, "does not list: 'more.conf'", *firewall.options())


def test_a_device_without_openssl(firewall: Firewall, tmp_path: Path) -> None:
    toolset = Toolset("busybox", [], busybox="own")
    firewall.shell, firewall.environment = toolset.environment(tmp_path)
    (tmp_path / "tools/openssl").unlink()
    assert_refused(firewall, 5, "openssl is missing on this device", *firewall.options())


def test_a_file_system_mounted_read_only(firewall: Firewall) -> None:
    mount_read_only(firewall, firewall.root)
    message = "Read-only file system"
    assert_refused(firewall, 5, message, *firewall.options())


def test_activate_with_nothing_staged(firewall: Firewall) -> None:
    message = "nothing is staged on this device"
    assert_refused(firewall, 5, message, *firewall.options(), verb="activate")


def test_activate_with_a_damaged_staged_file(firewall: Firewall) -> None:
    assert firewall.install("--stage-only").returncode == 0
    staged = firewall.state / "staged" / firewall.fmc_uuid / "cacert.pem"
    staged.write_bytes(staged.read_bytes()[:-1])
    done = firewall.run("activate", *firewall.options())
    assert done.returncode == 3
    assert "error: what was staged is damaged: a file is not what was staged" in done.stderr
    firewall.assert_trio(firewall.old_trio)


def test_activate_without_openssl(firewall: Firewall, tmp_path: Path) -> None:
    assert firewall.install("--stage-only").returncode == 0
    firewall.environment["PATH"] = str(tools_without_openssl(tmp_path / "bin"))
    done = firewall.run("activate", *firewall.options())
    assert (done.returncode, done.stderr.splitlines()[0]) == (
        *(5, "error: openssl is missing on this device"),
    )
    firewall.assert_trio(firewall.old_trio)


def test_activate_with_an_older_run_staged(firewall: Firewall) -> None:
    assert firewall.install("--stage-only").returncode == 0
    (firewall.state / "runs").write_text(f"{firewall.fmc_uuid} 4000000000\n")
    done = firewall.run("activate", *firewall.options())
    assert done.returncode == 3
    assert "this device has had run '4000000000'" in done.stderr
    firewall.assert_trio(firewall.old_trio)
    done = firewall.run("activate", *firewall.options("--allow-older"))
    assert done.returncode == 0, done.stderr
    firewall.assert_trio(firewall.new_trio)


def test_no_pmtool(firewall: Firewall) -> None:
    pmtool = firewall.root / "usr/local/sf/bin/pmtool"
    pmtool.chmod(0o644)
    assert_refused(firewall, 5, "pmtool was not found", *firewall.options())


@pytest.mark.parametrize("what", ["directory", "link"])
def test_a_target_that_is_no_plain_file(firewall: Firewall, what: str) -> None:
    target = firewall.peer_dir / "cacert.pem"
    target.rename(target.with_name("moved"))
    target.mkdir() if what == "directory" else target.symlink_to("moved")
    assert_refused(firewall, 5, "cacert.pem' is not a plain file", *firewall.options())


@pytest.mark.parametrize("place", ["var/sf", "ngfw/var/sf/peers"])
@pytest.mark.parametrize("link", ["absolute", "../../../../.."])
def test_a_link_that_leads_out_of_the_root_means_a_place_below_it(
    firewall: Firewall, tmp_path: Path, place: str, link: str
) -> None:
    """So that what is outside, on an appliance the live tree, is never what gets changed."""
    subprocess.run(["cp", "-a", str(firewall.root), str(tmp_path / "outside")], check=True)
    outside = snapshot(tmp_path / "outside")
    linked = firewall.root / place
    if linked.is_symlink():
        linked.unlink()
    else:
        linked.rename(tmp_path / "moved")
    target = tmp_path / "outside" / place
    linked.symlink_to(target if link == "absolute" else f"{link}{target}")
    if place == "var/sf":
        # /ngfw/var/sf is still there, and is the same on a device.
        assert firewall.install("--no-restart").returncode == 0
    else:
        assert_refused(firewall, 5, "there is no directory '", *firewall.options())
    assert snapshot(tmp_path / "outside") == outside


def test_a_user_who_is_not_root(firewall: Firewall) -> None:
    need("setpriv", subprocess.run(["which", "setpriv"], capture_output=True, check=False).stdout)
    nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] if not AS_ROOT else []
    done = subprocess.run(
        [*nobody, "sh", "-s", "--", "check", *firewall.options()],
        input=(firewall.bundle / "install.sh").read_text(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 5
    assert "error: this must run as root" in done.stderr


@pytest.mark.parametrize(
    "more", ["\n", "", "\n{fmc} 1\n", "\n{fmc} 4x\n"], ids=["whole", "no end", "twice", "odd"]
)
def test_an_older_run_than_the_device_has_had(firewall: Firewall, more: str) -> None:
    assert firewall.install("--no-restart").returncode == 0
    runs = f"{firewall.fmc_uuid} 4000000000{more}".format(fmc=firewall.fmc_uuid)
    (firewall.state / "runs").write_text(runs)
    assert firewall.rollback("--no-restart").returncode == 0
    done = firewall.install("--no-restart")
    assert done.returncode == 3
    assert "this device has had run '4000000000'" in done.stderr
    firewall.assert_trio(firewall.old_trio)
    done = firewall.install("--no-restart", "--allow-older")
    assert done.returncode == 0, done.stderr
    firewall.assert_trio(firewall.new_trio)
    assert (firewall.state / "runs").read_text() == f"{firewall.fmc_uuid} 4000000000\n"


def test_a_rollback_with_nothing_to_roll_back_to(firewall: Firewall) -> None:
    message = "there is no backup in '"
    assert_refused(firewall, 5, message, "--root", str(firewall.root), verb="rollback")


def test_a_backup_that_is_not_there(firewall: Firewall) -> None:
    assert firewall.install("--no-restart").returncode == 0
    for name in ("0099-nothing", "../../../peers"):
        done = firewall.rollback("--backup", name)
        assert done.returncode == 2
        assert f"'{name}'" in done.stderr


def test_a_damaged_backup(firewall: Firewall) -> None:
    assert firewall.install("--no-restart").returncode == 0
    (backup,) = firewall.backups()
    saved = firewall.state / "backups" / backup / firewall.fmc_uuid / "sftunnel-key.pem"
    saved.write_bytes(saved.read_bytes()[:-1])
    done = firewall.rollback()
    assert done.returncode == 3
    assert f"backup '{backup}' is damaged" in done.stderr
    firewall.assert_trio(firewall.new_trio)


def test_a_clock_that_is_behind_is_named(firewall: Firewall) -> None:
    conf = firewall.bundle / "bundle.conf"
    lines = conf.read_text().splitlines()
    later = (datetime.now(UTC) + timedelta(days=400)).strftime("created=%Y-%m-%dT%H:%M:%SZ")
    conf.write_text("\n".join(later if x.startswith("created=") else x for x in lines) + "\n")
    sign_anew(firewall)
    done = firewall.run("check", *firewall.options())
    assert done.returncode == 0, done.stderr
    assert "warning: this device's clock is wrong" in done.stderr


def test_a_directory_that_only_looks_like_a_backup_is_passed_over(firewall: Firewall) -> None:
    (firewall.state / "backups/0001.bak").mkdir(parents=True, mode=0o700)
    assert firewall.install("--no-restart").returncode == 0
    done = firewall.rollback("--no-restart")
    assert done.returncode == 0, done.stderr
    firewall.assert_trio(firewall.old_trio)
