import socket
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sftunnel_builder.lab import LabDevice, LabFmc
from sftunnel_builder.lab.tunnel import read_proxy_settings

UP = (
    "Peer channel Channel-A is valid type (CONTROL), using 'lo', "
    "connected to '127.0.0.1' via '127.0.0.1'"
)


def pushed_trio(fmc: LabFmc, device: LabDevice) -> tuple[bytes, bytes, bytes]:
    pushed = fmc.peer_dir(device.uuid) / "certs_pushed"
    cert = (pushed / "sftunnel-cert.pem").read_bytes()
    return fmc.ca_pem, cert, (pushed / "sftunnel-key.pem").read_bytes()


def assert_down(fmc: LabFmc, device: LabDevice, reason: str) -> None:
    assert device.wait_for_log(reason), device.log_text()
    time.sleep(0.1)  # The log line is written just before the status.
    text = device.status_text()
    assert "Registration: Completed." in text
    assert "Peer channel" not in text
    assert "Connection to peer '127.0.0.1' Attempted at " in text
    assert "Last disconnect reason : " in text
    assert not device.is_up(fmc.uuid)
    assert fmc.connected_uuids() == frozenset()


def open_files() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def clear_log(device: LabDevice) -> None:
    (device.root / "var/log/messages").write_text("")


def test_a_tunnel_is_down_on_the_old_trio_up_on_the_new_and_down_when_it_is_put_back(
    fmc: LabFmc, device: LabDevice
) -> None:
    device.connect_to(fmc.uuid, "127.0.0.1", fmc.start_server())
    device.start_sftunnel()
    assert_down(fmc, device, "sftunneld:sf_ssl [ERROR] err 10:certificate has expired")
    assert "Last disconnect reason : certificate has expired" in device.status_text()
    old = device.trio(fmc.uuid)

    fmc.generate_certs(now=datetime.now(UTC))
    fmc.restart_server()
    device.install_trio(fmc.uuid, *pushed_trio(fmc, device))
    device.run("pmtool", "restartbyid", "sftunnel")
    assert device.wait_for_tunnel(fmc.uuid), device.log_text()
    assert UP in device.status_text()
    assert "Registration: Completed." in device.status_text()
    assert fmc.connected_uuids() == {device.uuid}

    clear_log(device)
    device.install_trio(fmc.uuid, *old.values())
    device.run("pmtool", "restartbyid", "sftunnel")
    assert_down(fmc, device, "err 10:certificate has expired")


def test_new_files_count_from_the_next_restart_on(fmc: LabFmc, device: LabDevice) -> None:
    device.connect_to(fmc.uuid, "127.0.0.1", fmc.start_server())
    device.start_sftunnel()
    assert device.wait_for_log("err 10:")
    fmc.generate_certs(failed=[], now=datetime.now(UTC))
    fmc.restart_server()
    assert device.wait_for_log("the trio changed")
    assert not device.is_up(fmc.uuid)
    device.start_sftunnel()
    assert device.wait_for_tunnel(fmc.uuid), device.log_text()


@pytest.mark.parametrize(
    ("left_old", "reason"),
    [
        ("cacert.pem", "err 10:certificate has expired"),
        ("sftunnel-key.pem", "key values mismatch"),
        ("sftunnel-cert.pem", "key values mismatch"),
    ],
)
def test_a_mixed_trio_does_not_connect(
    fmc: LabFmc, device: LabDevice, left_old: str, reason: str
) -> None:
    old = device.trio(fmc.uuid)[left_old]
    fmc.generate_certs(failed=[], now=datetime.now(UTC))
    (device.peer_dir(fmc.uuid) / left_old).write_bytes(old)
    device.connect_to(fmc.uuid, "127.0.0.1", fmc.start_server())
    device.start_sftunnel()
    assert_down(fmc, device, reason)


def test_a_device_with_the_right_ca_and_an_unknown_pair_is_not_let_in(
    fmc: LabFmc, device: LabDevice, tmp_path: Path
) -> None:
    stranger = LabFmc.create(tmp_path / "stranger", uuid=fmc.uuid, now=datetime.now(UTC))
    stranger.register(device)
    for one in (fmc, stranger):
        one.generate_certs(now=datetime.now(UTC))
    _, cert, key = pushed_trio(stranger, device)
    device.install_trio(fmc.uuid, fmc.ca_pem, cert, key)
    device.connect_to(fmc.uuid, "127.0.0.1", fmc.start_server())
    device.start_sftunnel()
    assert_down(fmc, device, "alert decrypt error")
    assert "establishSSLConnection" in (fmc.root / "var/log/messages").read_text()


def test_a_tunnel_comes_back_when_the_fmc_restarts_and_goes_when_it_stops(
    fmc: LabFmc, device: LabDevice
) -> None:
    fmc.generate_certs(failed=[], now=datetime.now(UTC))
    port = fmc.start_server()
    device.connect_to(fmc.uuid, "127.0.0.1", port)
    device.start_sftunnel()
    assert device.wait_for_tunnel(fmc.uuid), device.log_text()
    fmc.restart_server()
    assert fmc.port == port
    assert device.wait_for_log("Both control and event channel connections")
    assert device.wait_for_tunnel(fmc.uuid), device.log_text()
    fmc.stop_server()
    assert device.wait_for_log("Connection refused")
    assert not device.is_up(fmc.uuid)


def test_the_tunnels_of_an_ha_pair_are_told_apart_by_uuid_and_by_address(
    fmc: LabFmc, device: LabDevice, tmp_path: Path
) -> None:
    secondary = LabFmc.create(tmp_path / "secondary", now=datetime.now(UTC))
    secondary.register(device)
    fmc.generate_certs(failed=[], now=datetime.now(UTC))
    try:
        device.connect_to(fmc.uuid, "127.0.0.1", fmc.start_server())
        device.connect_to(secondary.uuid, "127.0.0.2", secondary.start_server("127.0.0.2"))
        device.start_sftunnel()
        assert device.wait_for_tunnel(fmc.uuid), device.log_text()
        assert device.wait_for_log("err 10:")
        assert not device.is_up(secondary.uuid)
        assert "Peer channel" in device.run("sftunnel_status.pl", "127.0.0.1").stdout
        assert "Attempted at" in device.run("sftunnel_status.pl", "127.0.0.2").stdout
        assert "Peer channel" not in device.run("sftunnel_status.pl", "127.0.0.2").stdout
    finally:
        device.stop_sftunnel()
        secondary.stop_server()


def test_only_loopback_addresses_are_connected_to(fmc: LabFmc, device: LabDevice) -> None:
    device.connect_to(fmc.uuid, "192.0.2.1", 8305)
    device.start_sftunnel()
    time.sleep(0.3)
    assert "Initiating" not in device.log_text()


def test_the_server_survives_garbage_and_stops_beside_a_silent_client(fmc: LabFmc) -> None:
    threads = threading.active_count()
    files = open_files()
    port = fmc.start_server()
    for _ in range(3):
        with socket.create_connection(("127.0.0.1", port)) as rude:
            rude.sendall(b"GET / HTTP/1.0\r\n\r\n")
    with socket.create_connection(("127.0.0.1", port)):
        time.sleep(0.1)
        started = time.monotonic()
        fmc.stop_server()
        assert time.monotonic() - started < 2
    fmc.stop_server()
    assert threading.active_count() == threads
    assert open_files() == files
    assert fmc.start_server() > 0


def test_proxy_settings_are_read_past_the_notes_behind_them() -> None:
    conf = "proxys1 {\n  proxy_cert /a/b.pem;   ---> note; here\n  proxy_cipher 1;\n};\n"
    assert read_proxy_settings(conf) == {"proxy_cert": "/a/b.pem", "proxy_cipher": "1"}
