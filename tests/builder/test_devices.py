"""Which devices get a bundle, and which do not, and why."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sftunnel_builder.build import BuildReport, BuildRequest, build_kit
from sftunnel_builder.bundle import check_payload, open_bundle
from sftunnel_builder.choose import LeftOut, Wanted, choose_devices
from sftunnel_builder.errors import BundlerError, ExitCode
from sftunnel_builder.lab import LabDevice, LabFmc
from sftunnel_builder.signer import generate_signer

pytestmark = pytest.mark.usefixtures("keys_made_once")
NOW = datetime.now(UTC).replace(microsecond=0)


def _device(place: Path, name: str, address: str = "10.1.2.3") -> LabDevice:
    return LabDevice.create(place / f"ftd-{len(list(place.iterdir()))}", name=name, address=address)


def _fmc(place: Path, *devices: LabDevice, now: datetime = NOW) -> LabFmc:
    fmc = LabFmc.create(place / f"fmc-{len(list(place.iterdir()))}", now=now)
    for device in devices:
        fmc.register(device)
    fmc.generate_certs(now=now)
    return fmc


def _failed_push(fmc: LabFmc) -> Path:
    (path,) = fmc.root.glob("var/tmp/certs/*/FAILED_PUSH")
    return path


def _request(
    place: Path, *fmcs: LabFmc, failed_push: Path | None = None, only: tuple[str, ...] = ()
) -> BuildRequest:
    trees = tuple(fmc.root for fmc in fmcs)
    signer = generate_signer()
    wanted = Wanted(trees, failed_push, only=only)
    return BuildRequest(wanted, place / "kit", signer, NOW, plain_keys=True, jobs=1)


def _build(request: BuildRequest) -> BuildReport:
    return build_kit(request, lambda items, _total: items)


def test_only_one_of_two_devices_with_the_same_name(tmp_path: Path) -> None:
    one, other = _device(tmp_path, "branch"), _device(tmp_path, "branch")
    choice = choose_devices(Wanted((_fmc(tmp_path, one, other).root,), only=(one.uuid,)))
    assert [device.uuid for device in choice.devices] == [one.uuid]
    assert choice.refused == []
    assert choice.left_out == [LeftOut("branch", other.uuid, "not named with --only")]


def test_only_what_is_not_there_is_a_wrong_command_line(tmp_path: Path) -> None:
    fmc = _fmc(tmp_path, _device(tmp_path, "branch"))
    with pytest.raises(BundlerError, match="--only 'brunch' fits no device") as caught:
        choose_devices(Wanted((fmc.root,), only=("branch", "brunch")))
    assert caught.value.code == ExitCode.USAGE


@pytest.mark.parametrize("is_one_file", [False, True], ids=["each its own file", "one file"])
def test_a_device_of_two_managers_gets_both_trios(tmp_path: Path, is_one_file: bool) -> None:
    device = _device(tmp_path, "branch")
    first, second = _fmc(tmp_path, device), _fmc(tmp_path, device)
    named = None
    if is_one_file:
        named = tmp_path / "FAILED_PUSH"
        named.write_bytes(_failed_push(first).read_bytes() + _failed_push(second).read_bytes())
    report = _build(_request(tmp_path, first, second, failed_push=named))
    assert (report.exit_code, report.refused) == (ExitCode.DONE, ())
    (built,) = report.built
    opened = open_bundle((tmp_path / "kit" / built.bundle).read_bytes())
    assert [trio.fmc_uuid for trio in opened.conf.trios] == [first.uuid, second.uuid]
    assert opened.members["bundle.conf"].count(b"\nfmc=") == 2
    assert opened.members["bundle.conf"].count(b"\nfile=") == 6
    assert check_payload(opened, None, NOW) == []


def test_a_device_that_one_manager_reached_gets_the_other_ones_trio(tmp_path: Path) -> None:
    device, other = _device(tmp_path, "branch"), _device(tmp_path, "other")
    first = _fmc(tmp_path, device, other)
    second = _fmc(tmp_path, other)
    report = _build(_request(tmp_path, first, second))
    managers = {built.name: built.fmc_uuids for built in report.built}
    assert managers == {"branch": (first.uuid,), "other": (first.uuid, second.uuid)}


def test_the_newest_failed_push_of_an_older_run_than_the_ca_is_refused(tmp_path: Path) -> None:
    device = _device(tmp_path, "branch")
    fmc = _fmc(tmp_path, device, now=NOW - timedelta(days=1))
    fmc.generate_certs(now=NOW, failed=[])
    with pytest.raises(BundlerError, match="FAILED_PUSH is of run") as caught:
        choose_devices(Wanted((fmc.root,)))
    assert caught.value.code == ExitCode.REFUSED


def _lose(name: str) -> Callable[[str], str]:
    return lambda text: "".join(
        line for line in text.splitlines(True) if not line.endswith(f"{name}\n")
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param(
            _lose("sftunnel-cert.pem"), "incomplete; missing: sftunnel-cert.pem", id="two records"
        ),
        pytest.param(
            lambda text: text.replace("/var/sf/peers/", "/etc/", 1),
            "line 1: the destination is not a file of a trio: '/etc/",
            id="one destination elsewhere",
        ),
        pytest.param(
            lambda text: text.replace("/cacert.pem\n", "/passwd\n", 1),
            "line 1: the destination is cut off or no file of a trio: '/var/sf/peers/",
            id="one destination with another name",
        ),
        pytest.param(
            lambda text: text.replace("/etc/sf/ca_root/cacert.pem", "/etc/../cacert.pem", 1),
            "line 1: wanted source '/etc/sf/ca_root/cacert.pem', found '/etc/../cacert.pem'",
            id="a detour in a source",
        ),
    ],
)
def test_a_device_with_a_bad_record_is_refused_for_that(
    tmp_path: Path, change: Callable[[str], str], message: str
) -> None:
    bad, good = _device(tmp_path, "bad"), _device(tmp_path, "good")
    fmc = _fmc(tmp_path, bad, good)
    path = _failed_push(fmc)
    lines = path.read_text().splitlines(True)
    path.write_text(change("".join(lines[:3])) + "".join(lines[3:]))
    choice = choose_devices(Wanted((fmc.root,)))
    devices, refused = choice.devices, choice.refused
    assert [device.name for device in devices] == ["good"]
    (refusal,) = refused
    assert (refusal.name, refusal.uuid) == ("bad", bad.uuid)
    assert message in refusal.message


@pytest.mark.parametrize(
    "text",
    ["", "\n\n", "Oct 14 12:00:00 fmc SF-IMS[1]: text\n" * 1000, "\0" * 100],
    ids=["empty", "empty lines", "a log", "zeros"],
)
def test_a_file_that_is_no_failed_push_is_one_error(tmp_path: Path, text: str) -> None:
    fmc = _fmc(tmp_path, _device(tmp_path, "branch"))
    wrong = tmp_path / "messages"
    wrong.write_text(text)
    with pytest.raises(BundlerError, match="messages' lists no device") as caught:
        choose_devices(Wanted((fmc.root,), wrong))
    assert caught.value.code == ExitCode.REFUSED
    assert len(caught.value.message) < 500
