import os
import stat
import subprocess
from datetime import UTC, datetime
from pathlib import Path

from sftunnel_builder.lab import LabDevice, LabFmc

FMC_UUID = "cdb123c8-4347-11ef-aca1-f3aa241412a1"
NOW = datetime(2024, 10, 14, 14, 30, tzinfo=UTC)
RUN = 1728915794

FAILED_PUSH = """\
c8d5d5c6-87c9-11ef-a993-b9831565bc4e BSNS-1120-1 10.48.67.54 /etc/sf/ca_root/cacert.pem \
/var/sf/peers/cdb123c8-4347-11ef-aca1-f3aa241412a1/cacert.pem
c8d5d5c6-87c9-11ef-a993-b9831565bc4e BSNS-1120-1 10.48.67.54 \
/var/sf/peers/c8d5d5c6-87c9-11ef-a993-b9831565bc4e/certs_pushed//sftunnel-key.pem \
/var/sf/peers/cdb123c8-4347-11ef-aca1-f3aa241412a1/sftunnel-key.pem
c8d5d5c6-87c9-11ef-a993-b9831565bc4e BSNS-1120-1 10.48.67.54 \
/var/sf/peers/c8d5d5c6-87c9-11ef-a993-b9831565bc4e/certs_pushed//sftunnel-cert.pem \
/var/sf/peers/cdb123c8-4347-11ef-aca1-f3aa241412a1/sftunnel-cert.pem
"""

SCREEN = """\
setting log file to /var/log/sf/sfca_generation.log

You are about to generate new certificates for FMC and devices.
After successful cert generation, device specific certs will be pushed automatically
If the connection between FMC and a device is down, user needs to copy the certificates onto the \
device manually
For more details on disconnected devices, use sftunnel_status.pl
Do you want to continue? [yes/no]:yes

Current ca_root expires in -20 days - at Sep 24 14:30:00 2024 GMT
Do you want to continue? [yes/no]:yes

Failed to push to BSNS-1120-1 = /var/sf/peers/cdb123c8-4347-11ef-aca1-f3aa241412a1/cacert.pem
Failed to push to BSNS-1120-1 = /var/sf/peers/cdb123c8-4347-11ef-aca1-f3aa241412a1/sftunnel-key.pem
Failed to push to BSNS-1120-1 = /var/sf/peers/cdb123c8-4347-11ef-aca1-f3aa241412a1/sftunnel-cert.pem

Some files were failed to be pushed to remote peers. For more details check \
/var/tmp/certs/1728915794/FAILED_PUSH

Scalars leaked: 1
"""


def make_pair(top: Path) -> tuple[LabFmc, LabDevice, LabDevice]:
    fmc = LabFmc.create(top / "fmc", uuid=FMC_UUID, now=NOW)
    lost = LabDevice.create(top / "lost", uuid="c8d5d5c6-87c9-11ef-a993-b9831565bc4e")
    near = LabDevice.create(top / "near", name="EMEA-FPR3110-08", address="10.48.189.37")
    fmc.register(lost)
    fmc.register(near)
    return fmc, lost, near


def ends(certificate: Path) -> str:
    command = ["openssl", "x509", "-noout", "-enddate", "-in", str(certificate)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_new_fmc_has_a_ca_that_ended_twenty_days_ago_and_a_pair_signed_by_it(
    tmp_path: Path,
) -> None:
    LabFmc.create(tmp_path, uuid=FMC_UUID, now=NOW)
    sf = tmp_path / "etc/sf"
    assert ends(sf / "ca_root/cacert.pem") == "notAfter=Sep 24 14:30:00 2024 GMT"
    assert ends(sf / "keys/sftunnel-cert.pem") == "notAfter=Sep 24 14:30:00 2024 GMT"
    assert "proxy_cacert /etc/sf/ca_root/cacert.pem;" in (sf / "sftunnel.conf").read_text()
    assert f"APPLIANCE_UUID={FMC_UUID}\n" in (sf / "ims.conf").read_text()
    assert "Management Center" in (sf / "ims.conf").read_text()


def test_an_fmc_that_has_not_expired_yet_has_sixty_days_left(tmp_path: Path) -> None:
    LabFmc.create(tmp_path, now=NOW, expired=False)
    assert ends(tmp_path / "etc/sf/ca_root/cacert.pem") == "notAfter=Dec 13 14:30:00 2024 GMT"


def test_registering_gives_both_sides_a_peer_directory_with_the_same_trio(tmp_path: Path) -> None:
    fmc, lost, _ = make_pair(tmp_path)
    assert lost.trio(fmc.uuid) == fmc.trio(lost.uuid)
    assert lost.trio(fmc.uuid)["cacert.pem"] == fmc.ca_pem
    assert f"APPLIANCE_UUID={fmc.uuid}\n" in (lost.peer_dir(fmc.uuid) / "ims.conf").read_text()
    assert f"APPLIANCE_UUID={lost.uuid}\n" in (fmc.peer_dir(lost.uuid) / "ims.conf").read_text()
    assert not (fmc.peer_dir(lost.uuid) / "certs_pushed").exists()


def test_generate_certs_shows_and_writes_what_the_tech_note_documents(tmp_path: Path) -> None:
    fmc, lost, _ = make_pair(tmp_path)
    screen = fmc.generate_certs(run_id=RUN, failed=[lost], now=NOW)
    assert screen == SCREEN
    assert (fmc.root / f"var/tmp/certs/{RUN}/FAILED_PUSH").read_text() == FAILED_PUSH
    assert "FAILED_PUSH" in (fmc.root / "var/log/sf/sfca_generation.log").read_text()


def test_generate_certs_makes_a_new_ca_fourteen_seconds_after_the_run(tmp_path: Path) -> None:
    fmc, _, _ = make_pair(tmp_path)
    before = fmc.ca_pem
    fmc.generate_certs(run_id=RUN, now=NOW)
    assert (fmc.root / "etc/sf/ca_root/cacert.pem").read_bytes() == fmc.ca_pem != before
    for name in ("ca_root/cacert.pem", "keys/sftunnel-cert.pem"):
        assert ends(fmc.root / "etc/sf" / name) == "notAfter=Oct 12 14:23:28 2034 GMT"


def test_generate_certs_pushes_to_the_devices_in_reach_only(tmp_path: Path) -> None:
    fmc, lost, near = make_pair(tmp_path)
    old = lost.trio(fmc.uuid)
    fmc.generate_certs(run_id=RUN, failed=[lost], now=NOW)
    assert lost.trio(fmc.uuid) == old
    assert near.trio(fmc.uuid)["cacert.pem"] == fmc.ca_pem
    for device in (lost, near):
        pushed = fmc.peer_dir(device.uuid) / "certs_pushed"
        assert sorted(path.name for path in pushed.iterdir()) == [
            "sftunnel-cert.pem",
            "sftunnel-key.pem",
        ]
        assert {mode(path) for path in pushed.iterdir()} == {0o644}
        check = ["openssl", "verify", "-attime", str(RUN + 60), "-CAfile"]
        files = [str(fmc.root / "etc/sf/ca_root/cacert.pem"), str(pushed / "sftunnel-cert.pem")]
        assert subprocess.run([*check, *files], capture_output=True, check=False).returncode == 0


def test_when_every_push_succeeds_there_is_no_failed_push(tmp_path: Path) -> None:
    fmc, _, _ = make_pair(tmp_path)
    screen = fmc.generate_certs(run_id=RUN, failed=[], now=NOW)
    assert "Failed to push" not in screen
    assert "Some files" not in screen
    assert list((fmc.root / f"var/tmp/certs/{RUN}").iterdir()) == []


def test_when_every_push_fails_each_device_has_three_lines(tmp_path: Path) -> None:
    fmc, lost, near = make_pair(tmp_path)
    fmc.generate_certs(run_id=RUN, now=NOW)
    lines = (fmc.root / f"var/tmp/certs/{RUN}/FAILED_PUSH").read_text().splitlines()
    assert [line.split()[0] for line in lines] == [lost.uuid] * 3 + [near.uuid] * 3


def test_a_device_of_an_ha_pair_has_two_peer_directories_and_two_cas(tmp_path: Path) -> None:
    primary = LabFmc.create(tmp_path / "primary", now=NOW)
    secondary = LabFmc.create(tmp_path / "secondary", name="fmc-lab-2", now=NOW)
    device = LabDevice.create(tmp_path / "ftd")
    primary.register(device)
    secondary.register(device)
    primary.register(secondary)
    assert device.trio(primary.uuid)["cacert.pem"] == primary.ca_pem
    assert device.trio(secondary.uuid)["cacert.pem"] == secondary.ca_pem != primary.ca_pem
    primary.generate_certs(run_id=RUN, now=NOW)
    failed_push = (primary.root / f"var/tmp/certs/{RUN}/FAILED_PUSH").read_text()
    assert f"{secondary.uuid} fmc-lab-2 10.48.79.232 /etc/sf/ca_root/cacert.pem" in failed_push


def test_modes_are_those_of_the_field_under_any_umask(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        fmc, _, _ = make_pair(tmp_path / "new")
        fmc.generate_certs(run_id=RUN, now=NOW)
    finally:
        os.umask(before)
    private = fmc.root / "etc/sf/ca_root/private/cakey.pem"
    paths = [path for path in fmc.root.rglob("*") if path != private]
    assert len(paths) > 40
    assert {mode(path) for path in paths if path.is_dir()} == {0o755}
    assert {mode(path) for path in paths if not path.is_dir()} == {0o644}
    assert mode(private) == 0o600
