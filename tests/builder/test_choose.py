"""Which devices get a bundle: lists, runs, HA pairs, and what is said of the others."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sftunnel_builder.choose import Choice, Wanted, choose_devices
from sftunnel_builder.errors import BundlerError
from sftunnel_builder.lab import LabDevice, LabFmc

pytestmark = pytest.mark.usefixtures("keys_made_once")
NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
NAMES = (("edge", "10.0.0.1"), ("branch", "10.0.0.2"), ("plant", "DONTRESOLVE"))


@pytest.fixture
def fmc(tmp_path: Path) -> LabFmc:
    """Give an FMC that could push to none of three devices."""
    made = LabFmc.create(tmp_path / "fmc", now=NOW)
    for name, address in NAMES:
        made.register(LabDevice.create(tmp_path / name, name=name, address=address))
    made.generate_certs(now=NOW)
    return made


def _names(choice: Choice) -> list[str]:
    return [device.name for device in choice.devices]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        pytest.param("edge,10.0.0.1,admin,s3cret\n", ["edge"], id="name and address"),
        pytest.param("EDGE-1,10.0.0.1,admin,s3cret\n", ["edge"], id="only the address is known"),
        pytest.param("edge,192.0.2.7,admin,s3cret\n", ["edge"], id="only the name is known"),
        pytest.param("plant\n", ["plant"], id="a device without an address"),
        pytest.param("edge,10.0.0.1\nedge,10.0.0.1\n", ["edge"], id="twice"),
        pytest.param("branch,,a,b\nedge,,a,b\n", ["edge", "branch"], id="in FAILED_PUSH's order"),
        pytest.param("nobody,10.9.9.9\nedge,\n", ["edge"], id="one is not known"),
    ],
)
def test_a_devices_csv_names_devices(
    fmc: LabFmc, tmp_path: Path, text: str, names: list[str]
) -> None:
    listed = tmp_path / "devices.csv"
    listed.write_text(text)
    choice = choose_devices(Wanted((fmc.root,), devices_csv=listed))
    assert _names(choice) == names
    left = {d.name for d in choice.left_out}
    assert left == {name for name, _ in NAMES} - set(names) | (
        {"line 1"} if "nobody" in text else set()
    )
    assert "s3cret" not in repr(choice)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param(
            "# head\nedge,10.0.0.2,admin,s3cret\n",
            "line 2: the name is one device's, the address another's",
            id="name and address of two devices",
        ),
        pytest.param(
            "EDGE,10.0.0.2,admin,s3cret\n",
            "line 1: the name is one device's, the address another's",
            id="a name in another case, and the address of another device",
        ),
        pytest.param("nobody,10.9.9.9,admin,s3cret\n", "names none of the devices", id="nobody"),
        pytest.param("\n# s3cret\n", "names no device", id="nothing in it"),
        pytest.param('edge,"10.0.0.1,a,s3cret\n', "line 1: a quote in it is not", id="open quote"),
    ],
)
def test_a_devices_csv_that_is_not_clear_stops_everything(
    fmc: LabFmc, tmp_path: Path, text: str, message: str
) -> None:
    listed = tmp_path / "devices.csv"
    listed.write_text(text)
    with pytest.raises(BundlerError) as caught:
        choose_devices(Wanted((fmc.root,), devices_csv=listed))
    assert message in caught.value.message
    assert "s3cret" not in caught.value.message + caught.value.hint


def test_a_line_that_fits_two_devices_is_not_guessed_at(fmc: LabFmc, tmp_path: Path) -> None:
    fmc.register(LabDevice.create(tmp_path / "twin", name="edge", address="10.0.0.9"))
    fmc.generate_certs(now=NOW + timedelta(hours=1))
    listed = tmp_path / "devices.csv"
    listed.write_text("edge\n")
    with pytest.raises(BundlerError, match="line 1: fits several devices"):
        choose_devices(Wanted((fmc.root,), devices_csv=listed))
    listed.write_text("edge,10.0.0.9\n")
    (chosen,) = choose_devices(Wanted((fmc.root,), devices_csv=listed)).devices
    assert chosen.address == "10.0.0.9"


@pytest.mark.parametrize(
    "line",
    ["branch 10.0.0.2 admin s3cret", "branch|10.0.0.2|a|s3cret", "s3cret,branch-9,10.0.0.99"],
)
def test_nothing_of_a_line_that_is_not_understood_is_shown(
    fmc: LabFmc, tmp_path: Path, line: str
) -> None:
    listed = tmp_path / "devices.csv"
    listed.write_text(f"edge,10.0.0.1,admin,pw\n{line}\n")
    choice = choose_devices(Wanted((fmc.root,), devices_csv=listed))
    assert _names(choice) == ["edge"]
    assert "line 2" in {left.name for left in choice.left_out}
    assert "s3cret" not in repr(choice)


def test_a_list_of_an_older_run_is_known_under_another_name(fmc: LabFmc, tmp_path: Path) -> None:
    (older,) = (fmc.root / "var/tmp/certs").glob("*/FAILED_PUSH")
    copy = tmp_path / "list.txt"
    copy.write_bytes(older.read_bytes())
    assert _names(choose_devices(Wanted((fmc.root,), copy))) == [name for name, _ in NAMES]
    fmc.generate_certs(now=NOW + timedelta(hours=1))
    with pytest.raises(BundlerError, match=f"FAILED_PUSH is of run '{older.parent.name}'"):
        choose_devices(Wanted((fmc.root,), copy))


def test_a_word_that_fits_two_devices_is_not_guessed_at(fmc: LabFmc, tmp_path: Path) -> None:
    twin = LabDevice.create(tmp_path / "twin", name="edge", address="10.0.0.9")
    fmc.register(twin)
    fmc.generate_certs(now=NOW + timedelta(hours=1))
    with pytest.raises(BundlerError, match="--only 'edge' fits several devices: ") as caught:
        choose_devices(Wanted((fmc.root,), only=("edge",)))
    assert twin.uuid in caught.value.message
    (chosen,) = choose_devices(Wanted((fmc.root,), only=(twin.uuid,))).devices
    assert chosen.uuid == twin.uuid


def test_an_empty_word_means_no_device(fmc: LabFmc) -> None:
    with pytest.raises(BundlerError, match="--only '' fits no device"):
        choose_devices(Wanted((fmc.root,), only=("",)))


@pytest.mark.parametrize("what", ["the screen", "the log"])
def test_what_generate_certs_showed_names_the_run(fmc: LabFmc, tmp_path: Path, what: str) -> None:
    shown = tmp_path / "shown.txt"
    text = fmc.generate_certs(now=NOW + timedelta(hours=1), failed=fmc.devices[:1])
    if what == "the log":
        text = (fmc.root / "var/log/sf/sfca_generation.log").read_text()
    shown.write_text(text)
    choice = choose_devices(Wanted((fmc.root,), shown))
    assert _names(choice) == ["edge"]
    first, second = int(NOW.timestamp()) - 60, int(NOW.timestamp()) + 3540
    assert choice.devices[0].managers[0].run_id == second
    assert choice.notes == [f"run '{second}' is used; older, left out: {first}"]
    assert {d.why for d in choice.left_out} == {
        "not in FAILED_PUSH; --all-devices builds for these, too"
    }
    for path in (fmc.root / "var/tmp/certs").glob("*/FAILED_PUSH"):
        path.unlink()
    with pytest.raises(BundlerError, match=f"names run '{second}', and no tree has its"):
        choose_devices(Wanted((fmc.root,), shown))


def test_a_run_whose_directory_is_gone_is_known_from_the_log(fmc: LabFmc) -> None:
    older = next((fmc.root / "var/tmp/certs").iterdir()) / "FAILED_PUSH"
    fmc.generate_certs(now=NOW + timedelta(hours=1))
    newer = max((fmc.root / "var/tmp/certs").iterdir())
    (newer / "FAILED_PUSH").unlink()
    newer.rmdir()
    with pytest.raises(BundlerError, match=f"was made by run '{newer.name}'"):
        choose_devices(Wanted((fmc.root,), older))


def test_all_devices_have_the_names_that_failed_push_knows(fmc: LabFmc, tmp_path: Path) -> None:
    late = LabDevice.create(tmp_path / "late", name="late", address="10.0.0.4")
    fmc.register(late)
    fmc.generate_certs(now=NOW + timedelta(hours=1), failed=[])
    choice = choose_devices(Wanted((fmc.root,), all_devices=True))
    assert {(d.name, d.address) for d in choice.devices} == {
        ("edge", "10.0.0.1"),
        ("branch", "10.0.0.2"),
        ("plant", ""),
        (late.uuid, ""),
    }


def test_the_other_fmc_of_a_pair_is_a_device_too(tmp_path: Path) -> None:
    primary = LabFmc.create(tmp_path / "primary", name="fmc-1", now=NOW)
    secondary = LabFmc.create(tmp_path / "secondary", name="fmc-2", address="10.48.79.233", now=NOW)
    device = LabDevice.create(tmp_path / "edge", name="edge", address="10.0.0.1")
    primary.register(device)
    primary.register(secondary)
    secondary.register(device)
    for one in (primary, secondary):
        one.generate_certs(now=NOW)
    choice = choose_devices(Wanted((primary.root, secondary.root)))
    managers = {d.name: [m.uuid for m in d.managers] for d in choice.devices}
    assert managers == {"edge": [primary.uuid, secondary.uuid], "fmc-2": [primary.uuid]}
    swapped = choose_devices(Wanted((secondary.root, primary.root)))
    assert [m.uuid for m in swapped.devices[0].managers] == [secondary.uuid, primary.uuid]
    for both in (choice, swapped):
        assert both.notes == ["'fmc-2' is an FMC: its bundle is to be installed there"]


def test_one_fmc_of_a_pair_may_have_pushed_everything(tmp_path: Path) -> None:
    primary = LabFmc.create(tmp_path / "primary", now=NOW)
    secondary = LabFmc.create(tmp_path / "secondary", now=NOW)
    device = LabDevice.create(tmp_path / "edge", name="edge", address="10.0.0.1")
    for one in (primary, secondary):
        one.register(device)
        one.generate_certs(now=NOW, failed=[device] if one is secondary else [])
    (chosen,) = choose_devices(Wanted((primary.root, secondary.root))).devices
    assert [m.uuid for m in chosen.managers] == [secondary.uuid]


def test_two_trees_of_one_fmc_are_refused(fmc: LabFmc) -> None:
    with pytest.raises(BundlerError, match="are of the same FMC"):
        choose_devices(Wanted((fmc.root, fmc.root)))


def test_notes_can_be_printed(fmc: LabFmc) -> None:
    assert json.dumps(choose_devices(Wanted((fmc.root,))).notes) == "[]"
