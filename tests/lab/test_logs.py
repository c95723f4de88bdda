"""What the lab's sftunnel logs of real handshakes is understood by the diagnosis."""

from datetime import UTC, datetime

from sftunnel_builder.causes import Cause
from sftunnel_builder.diagnosis import Observer, PeerDiagnosis
from sftunnel_builder.lab import LabDevice, LabFmc
from sftunnel_builder.log_lines import parse_line


def peers(text: str) -> tuple[PeerDiagnosis, ...]:
    observer = Observer()
    for line in text.encode().splitlines():
        said = parse_line(line)
        if said:
            observer.add(said)
    return observer.diagnose().peers


def test_an_expired_ca_is_found_in_the_logs_of_both_sides(fmc: LabFmc, device: LabDevice) -> None:
    device.connect_to(fmc.uuid, "127.0.0.1", fmc.start_server())
    device.start_sftunnel()
    assert device.wait_for_log("SSL Verification status"), device.log_text()
    (peer,) = peers(device.log_text())
    assert (peer.name, peer.is_up) == ("127.0.0.1", False)
    assert [(each.cause, each.number) for each in peer.findings] == [(Cause.EXPIRED, 10)]
    fmc.stop_server()
    (peer,) = peers((fmc.root / "var/log/messages").read_text())
    assert [each.cause for each in peer.findings] == [Cause.EXPIRED]


def test_a_status_output_taken_later_shows_that_the_tunnel_is_up_again(
    fmc: LabFmc, device: LabDevice
) -> None:
    device.connect_to(fmc.uuid, "127.0.0.1", fmc.start_server())
    device.start_sftunnel()
    assert device.wait_for_log("SSL Verification status"), device.log_text()
    (peer,) = peers(device.log_text() + device.status_text())
    assert not peer.is_up
    device.stop_sftunnel()
    fmc.generate_certs(failed=[], now=datetime.now(UTC))
    fmc.restart_server()
    device.start_sftunnel()
    assert device.wait_for_tunnel(fmc.uuid), device.log_text()
    (peer,) = peers(device.log_text() + device.status_text())
    assert peer.is_up
    assert peer.findings[0].cause is Cause.EXPIRED


def test_an_fmc_that_does_not_listen_is_no_matter_of_certificates(
    fmc: LabFmc, device: LabDevice
) -> None:
    port = fmc.start_server()
    fmc.stop_server()
    device.connect_to(fmc.uuid, "127.0.0.1", port)
    device.start_sftunnel()
    assert device.wait_for_log("Connection refused"), device.log_text()
    (peer,) = peers(device.log_text())
    assert [each.cause for each in peer.findings] == [Cause.UNREACHABLE]
