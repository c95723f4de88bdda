import os
import shutil
import signal
import stat
import subprocess
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sftunnel_builder.lab import LabDevice, LabFmc

PEER_FILES = [
    "LIGHT_REGISTRATION",
    "LIGHT_UNREGISTRATION",
    "LL-caCert.pem",
    "LL-cert.pem",
    "LL-key.pem",
    "cacert.pem",
    "ims.conf",
    "peer_flags.json",
    "proxy_config",
    "sfiproxy.conf.json",
    "sftunnel-cert.pem",
    "sftunnel-heartbeat",
    "sftunnel-key.pem",
    "sftunnel-rpc.sock",
    "sftunnel.json",
    "sw_version",
    "sync2",
]


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[LabDevice]:
    """Make a device without a manager, for what needs no certificate."""
    made = LabDevice.create(tmp_path / "the lonely ftd")
    yield made
    made.stop_sftunnel()


def daemon_pid(device: LabDevice) -> int:
    """Read the pid out of `pmtool status`, 0 if sftunnel does not run."""
    status = device.run("pmtool", "status").stdout
    line = next(line for line in status.splitlines() if line.startswith("sftunnel "))
    *_, last = line.split()
    return int(last) if last.isdigit() else 0


def processes_of(root: Path) -> list[str]:
    """List the command lines that name this tree, zombies and this process aside."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = entry.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if str(root) in line and entry.parent.name != str(os.getpid()):
            found.append(line)
    return found


def within(seconds: float, is_so: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def test_a_peer_directory_lists_as_in_the_field(fmc: LabFmc, device: LabDevice) -> None:
    directory = device.peer_dir(fmc.uuid)
    assert sorted(path.name for path in directory.iterdir()) == sorted(PEER_FILES)
    assert stat.S_IMODE(directory.stat().st_mode) == 0o755
    for path in directory.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == (0o755 if path.is_dir() else 0o644), path
    assert (directory / "sftunnel-rpc.sock").is_socket()


def test_var_sf_is_a_relative_link_into_ngfw(device: LabDevice) -> None:
    assert (device.root / "var/sf").readlink() == Path("../ngfw/var/sf")
    assert (device.root / "ngfw/var/sf/peers").samefile(device.root / "var/sf/peers")


@pytest.mark.parametrize(("quote_uuid", "mark"), [(False, ""), (True, '"')])
def test_ims_conf_can_quote_the_uuid_or_not(tmp_path: Path, quote_uuid: bool, mark: str) -> None:
    device = LabDevice.create(tmp_path, quote_uuid=quote_uuid)
    conf = (tmp_path / "etc/sf/ims.conf").read_text()
    assert f"APPLIANCE_UUID={mark}{device.uuid}{mark}\n" in conf
    assert "Threat Defense" in conf


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["restart"],
        ["status", "sftunnel"],
        ["restartbyid"],
        ["restartbyid", "adi"],
        ["restartbyid", "sftunnel", "now"],
        ["restartbyid sftunnel"],
    ],
)
def test_pmtool_refuses_what_it_does_not_know(alone: LabDevice, words: list[str]) -> None:
    done = alone.run("pmtool", *words)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("pmtool: this stand-in does not know")
    assert daemon_pid(alone) == 0


def test_a_restart_prints_nothing_and_brings_a_new_pid(alone: LabDevice) -> None:
    alone.start_sftunnel()
    old = daemon_pid(alone)
    done = alone.run("pmtool", "restartbyid", "sftunnel")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert daemon_pid(alone) not in (0, old)
    assert not any(f"/proc/{old}/" in str(path) for path in Path("/proc").glob(f"{old}/exe"))


def test_status_tells_running_from_down_and_disabled(alone: LabDevice) -> None:
    assert "sftunnel (normal) - Down\n" in alone.run("pmtool", "status").stdout
    alone.start_sftunnel()
    assert (
        f"sftunnel (normal) - Running {daemon_pid(alone)}\n" in alone.run("pmtool", "status").stdout
    )
    alone.stop_sftunnel()
    assert "sftunnel (normal) - User Disabled\n" in alone.run("pmtool", "status").stdout


def test_pmtool_works_through_path_and_through_ngfw(alone: LabDevice) -> None:
    for directory in ("usr/local/sf/bin", "ngfw/usr/local/sf/bin"):
        path = f"{alone.root / directory}:{os.environ['PATH']}"
        done = subprocess.run(
            ["sh", "-c", "pmtool restartbyid sftunnel && sh pmtool status"],
            env={**os.environ, "PATH": path},
            cwd=alone.root / directory,
            capture_output=True,
            text=True,
            check=True,
        )
        assert f"Running {daemon_pid(alone)}" in done.stdout


def test_stopping_leaves_no_process_behind(fmc: LabFmc, device: LabDevice) -> None:
    device.connect_to(fmc.uuid, "127.0.0.1", fmc.start_server())
    device.start_sftunnel()
    assert device.wait_for_log("err 10:certificate has expired")
    assert processes_of(device.root)
    device.stop_sftunnel()
    device.stop_sftunnel()
    assert processes_of(device.root) == []


def test_sftunnel_ends_by_itself_when_its_tree_is_gone(tmp_path: Path) -> None:
    device = LabDevice.create(tmp_path / "short lived")
    device.start_sftunnel()
    assert processes_of(device.root)
    shutil.rmtree(device.root)
    assert within(5, lambda: processes_of(device.root) == [])


def test_a_restart_works_where_the_caller_ignores_term(alone: LabDevice) -> None:
    pmtool = alone.root / "usr/local/sf/bin/pmtool"
    for _ in range(2):
        deaf = ["sh", "-c", 'trap "" TERM INT HUP; exec "$0" restartbyid sftunnel', str(pmtool)]
        subprocess.run(deaf, check=True, timeout=20)
    assert daemon_pid(alone)
    alone.stop_sftunnel()
    assert processes_of(alone.root) == []


def test_a_restart_mends_a_killed_sftunnel(alone: LabDevice) -> None:
    alone.start_sftunnel()
    os.kill(daemon_pid(alone), signal.SIGKILL)
    assert within(5, lambda: daemon_pid(alone) == 0)
    assert "RPC status :Failed" in alone.status_text()
    alone.start_sftunnel()
    assert daemon_pid(alone)


def test_a_copied_tree_has_a_sftunnel_of_its_own(alone: LabDevice, tmp_path: Path) -> None:
    alone.start_sftunnel()
    pid = daemon_pid(alone)
    copy = tmp_path / "copy"
    shutil.copytree(
        alone.root, copy, symlinks=True, ignore=shutil.ignore_patterns("*.sock", "*.in")
    )
    pmtool = str(copy / "usr/local/sf/bin/pmtool")
    try:
        done = subprocess.run([pmtool, "status"], capture_output=True, text=True, check=True)
        assert "sftunnel (normal) - Down\n" in done.stdout
        subprocess.run([pmtool, "restartbyid", "sftunnel"], check=True)
        assert daemon_pid(alone) == pid
    finally:
        subprocess.run([pmtool, "disablebyid", "sftunnel"], check=True)
    assert processes_of(copy) == []


def test_commands_and_registration_survive_a_strict_umask(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        fmc = LabFmc.create(tmp_path / "fmc", now=datetime.now(UTC))
        device = LabDevice.create(tmp_path / "ftd")
        fmc.register(device)
    finally:
        os.umask(before)
    files = [path for path in device.root.rglob("*") if not path.is_symlink()]
    assert len(files) > 20
    for path in files:
        runs = path.is_dir() or path.name in ("pmtool", "sftunneld", "sftunnel_status.pl")
        assert stat.S_IMODE(path.stat().st_mode) == (0o755 if runs else 0o644), path
