"""What install.sh does on a made-up firewall when all goes well."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from rehearsal import (
    Firewall,
    Made,
    make_firewall,
    make_kit,
    mount_read_only,
    need,
    put_before_path,
    snapshot,
)
from sftunnel_builder.bundle_conf import parse_bundle_conf
from sftunnel_builder.codes import CODES, Run, find_run, read_codes
from sftunnel_builder.lab.device import LabDevice
from sftunnel_builder.lab.fmc import LabFmc
from sftunnel_builder.trio import TRIO_NAMES
from toolsets import SHELLS, Toolset


@pytest.fixture
def serving(made: Made) -> Iterator[LabFmc]:
    """Give the FMC with its end of the tunnel served."""
    made.fmc.start_server()
    yield made.fmc
    made.fmc.stop_server()


def test_the_tunnel_comes_up_with_the_new_trio_only(firewall: Firewall, serving: LabFmc) -> None:
    device = firewall.device
    device.connect_to(serving.uuid, "127.0.0.1", serving.port)
    device.start_sftunnel()
    assert device.wait_for_log("err 10:certificate has expired")
    assert not device.is_up(serving.uuid)

    installed = firewall.install("--wait", "20")
    assert installed.returncode == 0, installed.stderr
    assert "tunnel up, connected to 127.0.0.1" in installed.stdout
    assert device.uuid in serving.connected_uuids()

    failures = device.log_text().count("err 10")
    rolled_back = firewall.rollback()
    assert rolled_back.returncode == 0, rolled_back.stderr
    assert "will not accept" in rolled_back.stdout
    firewall.assert_trio(firewall.old_trio)
    for _ in range(100):
        if device.log_text().count("err 10") > failures:
            break
        subprocess.run(["sleep", "0.1"], check=True)
    assert device.log_text().count("err 10") > failures
    assert not device.is_up(serving.uuid)


def test_a_tunnel_that_stays_down_leaves_the_new_trio_and_says_how_to_undo(
    firewall: Firewall,
) -> None:
    done = firewall.install("--wait", "1")
    assert done.returncode == 8
    assert (
        "error: the new trio is in place, but the tunnel did not come up within 1 s" in done.stderr
    )
    assert "rollback.sh" in done.stderr
    assert (firewall.peer_dir / "cacert.pem").read_bytes() == firewall.new_trio["cacert.pem"]
    assert (
        "sftunnel was not seen to come up"
        in firewall.run("status", "--root", str(firewall.root)).stderr
    )


def test_the_new_files_are_644_whatever_the_old_ones_and_the_umask_were(
    firewall: Firewall,
) -> None:
    for name in TRIO_NAMES:
        (firewall.peer_dir / name).chmod(0o600)
    old_facts = firewall.trio_facts()
    umask = os.umask(0o077)
    try:
        done = firewall.install()
    finally:
        os.umask(umask)
    assert done.returncode == 0, done.stderr
    firewall.assert_trio(firewall.new_trio)
    assert firewall.rollback().returncode == 0
    assert firewall.trio_facts() == old_facts


def test_a_first_install_with_no_trio_is_rolled_back_to_nothing(firewall: Firewall) -> None:
    for name in TRIO_NAMES:
        (firewall.peer_dir / name).unlink()
    done = firewall.install()
    assert done.returncode == 0, done.stderr
    firewall.assert_trio(firewall.new_trio)
    done = firewall.rollback()
    assert done.returncode == 0, done.stderr
    assert not [name for name in TRIO_NAMES if (firewall.peer_dir / name).exists()]
    firewall.assert_nothing_left()


def test_a_rollback_can_be_rolled_back_by_its_own_script(firewall: Firewall) -> None:
    assert firewall.install().returncode == 0
    assert firewall.rollback().returncode == 0
    script = firewall.state / "backups" / firewall.backups()[-1] / "rollback.sh"
    done = firewall.run("--root", str(firewall.root), "--yes", script=script)
    assert done.returncode == 0, done.stderr
    firewall.assert_trio(firewall.new_trio)


def test_a_backup_can_be_named(firewall: Firewall) -> None:
    assert firewall.install().returncode == 0
    assert firewall.rollback().returncode == 0
    done = firewall.rollback("--backup", firewall.backups()[1])
    assert done.returncode == 0, done.stderr
    firewall.assert_trio(firewall.new_trio)


def test_the_signer_is_pinned_by_the_first_install(firewall: Firewall) -> None:
    assert firewall.install().returncode == 0
    assert firewall.rollback().returncode == 0
    options = firewall.options()
    at = options.index("--signer")
    done = firewall.run("install", *options[:at], *options[at + 2 :])
    assert done.returncode == 0, done.stderr
    assert re.search(r"pinned 20\d\d-\S+Z by the install of bundle [0-9a-f]{16}\n", done.stdout)


@pytest.mark.parametrize(
    "how",
    [
        pytest.param(lambda fpr: fpr.upper(), id="in capitals"),
        pytest.param(
            lambda fpr: ":".join(fpr[i : i + 2] for i in range(0, 64, 2)), id="with colons"
        ),
        pytest.param(lambda fpr: f" {fpr[:32]} {fpr[32:]} ", id="with blanks"),
    ],
)
def test_a_fingerprint_may_be_written_in_any_usual_way(firewall: Firewall, how: object) -> None:
    assert callable(how)
    firewall.signer = how(firewall.signer)
    assert firewall.run("check", *firewall.options()).returncode == 0


def test_no_restart_leaves_sftunnel_alone(firewall: Firewall) -> None:
    firewall.device.start_sftunnel()
    before = firewall.device.run("pmtool", "status").stdout
    done = firewall.install("--no-restart")
    assert done.returncode == 0, done.stderr
    assert firewall.device.run("pmtool", "status").stdout == before
    firewall.assert_trio(firewall.new_trio)


def test_an_absolute_link_to_ngfw_means_the_copy(firewall: Firewall) -> None:
    link = firewall.root / "var/sf"
    link.unlink()
    link.symlink_to("/ngfw/var/sf")
    done = firewall.install()
    assert done.returncode == 0, done.stderr
    path = firewall.root / "ngfw/var/sf/peers" / firewall.fmc_uuid / "cacert.pem"
    assert path.read_bytes() == firewall.new_trio["cacert.pem"]


def test_nothing_is_written_but_on_the_device_and_the_receipt(
    firewall: Firewall, tmp_path: Path
) -> None:
    """The bundle lies in a path with blanks, on a medium mounted read-only."""
    media = firewall.bundle.parent.rename(tmp_path / "a stick of ours")
    firewall.bundle = media / firewall.bundle.name
    mount_read_only(firewall, media, "noexec")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    for name in ("HOME", "TMPDIR"):
        firewall.environment[name] = str(elsewhere)
    receipts = tmp_path / "receipts"
    receipts.mkdir()
    before = snapshot(media)
    done = firewall.install("--receipt-dir", str(receipts))
    assert done.returncode == 0, done.stderr
    firewall.assert_trio(firewall.new_trio)
    assert snapshot(media) == before
    assert not list(elsewhere.iterdir())
    assert len(list(receipts.iterdir())) == 1


@pytest.mark.parametrize("verb", ["check", "status"])
def test_check_and_status_open_nothing_for_writing(
    firewall: Firewall, tmp_path: Path, verb: str
) -> None:
    need("strace", shutil.which("strace"))
    trace = tmp_path / "trace"
    calls = "trace=file,ftruncate"
    firewall.shell = ["strace", "-f", "-e", calls, "-o", str(trace), *firewall.shell]
    done = firewall.run(verb, *firewall.options())
    assert done.returncode == 0, done.stderr
    changing = re.compile(
        r"O_WRONLY|O_RDWR|O_CREAT|O_TRUNC|"
        r" (mkdir|rename|unlink|rmdir|link|symlink|chmod|fchmod|chown|lchown|mknod|truncate"
        r"|ftruncate|utime|setxattr)\w*\("
    )
    lines = trace.read_text().splitlines()
    assert len(lines) > 100
    # openssl looks whether there is a terminal.
    assert [x for x in lines if changing.search(x) and '"/dev/' not in x] == []


def test_it_runs_from_inside_the_bundle(
    firewall: Firewall, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(firewall.bundle)
    done = firewall.run("install", *firewall.options(), script=Path("install.sh"))
    assert done.returncode == 0, done.stderr
    firewall.assert_trio(firewall.new_trio)


def test_no_verb_means_install_and_the_root_may_be_relative(
    firewall: Firewall, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    options = [firewall.root.name if x == str(firewall.root) else x for x in firewall.options()]
    done = firewall.run(*options, script=firewall.bundle.relative_to(tmp_path) / "install.sh")
    assert done.returncode == 0, done.stderr
    firewall.assert_trio(firewall.new_trio)


def test_a_tool_that_warns_of_something_else_makes_no_key_a_wrong_one(
    firewall: Firewall, tmp_path: Path
) -> None:
    # As openssl does without its openssl.cnf, and the loader of libraries of another version.
    script = f'echo "WARNING: no version information" >&2; exec {shutil.which("sha256sum")} "$@"'
    put_before_path(firewall, tmp_path / "instead", sha256sum=script)
    done = firewall.install("--no-restart")
    assert done.returncode == 0, done.stderr
    firewall.assert_trio(firewall.new_trio)


@pytest.mark.parametrize("toolset", SHELLS, ids=lambda toolset: toolset.name)
def test_a_closed_standard_error_keeps_it_from_nothing(
    firewall: Firewall, tmp_path: Path, toolset: Toolset
) -> None:
    shell, firewall.environment = toolset.environment(tmp_path)
    firewall.shell = [*(shutil.which("sh") or "", "-c", 'exec "$@" 2>&-', "sh"), *shell]
    done = firewall.install("--no-restart")
    assert done.returncode == 0, done.stdout
    firewall.assert_trio(firewall.new_trio)


def test_a_second_manager_is_left_alone_and_told_of(firewall: Firewall, serving: LabFmc) -> None:
    other = firewall.device.peer_dir("99999999-8888-7777-6666-555555555555")
    shutil.copytree(firewall.peer_dir, other, ignore=shutil.ignore_patterns("*.sock"))
    firewall.remember_others()
    firewall.device.connect_to(serving.uuid, "127.0.0.1", serving.port)
    done = firewall.install("--wait", "20")
    assert done.returncode == 0, done.stderr
    assert "warning: this device has 2 managers and 1 tunnels" in done.stderr
    firewall.assert_trio(firewall.new_trio)


def test_a_second_run_is_installed_and_then_the_first_is_refused(tmp_path: Path) -> None:
    """With a try in between that came to nothing, which a rollback must not take for the last."""
    now = datetime.now(UTC)
    fmc = LabFmc.create(tmp_path / "fmc", now=now)
    device = LabDevice.create(tmp_path / "device")
    fmc.register(device)
    fmc.generate_certs(now=now - timedelta(hours=1))
    walls = []
    for run in ("first", "second"):
        place = tmp_path / run
        (place / "rehearsal").mkdir(parents=True)
        walls.append(make_firewall(make_kit(place, [fmc], [device], now), place / "rehearsal"))
        fmc.generate_certs(now=now)
    first, second = walls
    second.device = first.device
    assert first.install("--no-restart").returncode == 0

    put_before_path(
        second, tmp_path / "broken", cp=f"case $* in *.sftunnel-bundler) exit 1 ;; esac; {_REAL_CP}"
    )
    assert second.install("--no-restart").returncode == 5
    second.assert_trio(first.new_trio)
    assert first.rollback("--no-restart").returncode == 0
    first.assert_trio(first.old_trio)

    second.environment = first.environment
    assert second.install("--no-restart").returncode == 0
    second.assert_trio(second.new_trio)
    refused = first.install("--no-restart")
    assert refused.returncode == 3
    assert "the FMC no longer accepts the older trio" in refused.stderr
    second.assert_trio(second.new_trio)


_REAL_CP = f'exec {shutil.which("cp")} "$@"'


@pytest.mark.parametrize(
    "line",
    [
        pytest.param('APPLIANCE_UUID="{}"', id="in double quotes"),
        pytest.param("APPLIANCE_UUID='{}'", id="in single quotes"),
        pytest.param(" APPLIANCE_UUID = {} ", id="with blanks"),
        pytest.param("APPLIANCE_UUID={}\r", id="with a carriage return"),
        pytest.param('APPLIANCE_UUID="{}"\r', id="in quotes with a carriage return"),
    ],
)
def test_the_identity_is_read_however_it_is_written(firewall: Firewall, line: str) -> None:
    (firewall.root / "etc/sf/ims.conf").write_text(
        f'SWVERSION=7.2.5\n{line.format(firewall.device.uuid.upper())}\nMODEL="Threat Defense"'
    )
    done = firewall.run("check", *firewall.options())
    assert done.returncode == 0, done.stderr


def test_a_device_of_an_ha_pair_gets_both_trios_in_one_transaction(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    fmcs = [LabFmc.create(tmp_path / name, name=name, now=now) for name in ("primary", "secondary")]
    device = LabDevice.create(tmp_path / "device", name="both")
    for fmc in fmcs:
        fmc.register(device)
        fmc.generate_certs(now=now)
    made = make_kit(tmp_path, fmcs, [device], now)
    (tmp_path / "rehearsal").mkdir()
    firewall = make_firewall(made, tmp_path / "rehearsal")
    try:
        done = firewall.install()
        assert done.returncode == 0, done.stderr
        for fmc in fmcs:
            pushed = fmc.peer_dir(device.uuid) / "certs_pushed"
            landed = firewall.device.trio(fmc.uuid)
            assert landed["cacert.pem"] == fmc.ca_pem
            assert landed["sftunnel-key.pem"] == (pushed / "sftunnel-key.pem").read_bytes()
        first, *_ = parse_bundle_conf((firewall.bundle / "bundle.conf").read_bytes()).trios
        assert first.fmc_uuid == fmcs[0].uuid
        back = firewall.rollback()
        assert back.returncode == 0
        for fmc in fmcs:
            assert firewall.device.trio(fmc.uuid) == device.trio(fmc.uuid)
        runs = read_codes((made.kit / CODES).read_bytes())
        for run, verb in ((done, "install"), (back, "rollback")):
            _, _, code = run.stdout.partition("confirmation code: ")
            assert find_run(runs, code[:12]) == Run(device.uuid, verb, 0)
    finally:
        firewall.device.stop_sftunnel()


def test_a_plain_key_needs_no_passphrase(made: Made, tmp_path: Path) -> None:
    plain = make_kit(tmp_path, [made.fmc], made.devices, datetime.now(UTC), plain_keys=True)
    (tmp_path / "rehearsal").mkdir()
    firewall = make_firewall(plain, tmp_path / "rehearsal")
    try:
        done = firewall.run(
            "install",
            "--root",
            str(firewall.root),
            "--yes",
            "--wait=0",
            f"--signer={firewall.signer}",
        )
        assert done.returncode == 0, done.stderr
        firewall.assert_trio(firewall.new_trio)
    finally:
        firewall.device.stop_sftunnel()
