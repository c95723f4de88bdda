"""Records of FAILED_PUSH that are doubled, out of order, or lead elsewhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from sftunnel_builder.devices import Manager, devices_of_failed_push
from sftunnel_builder.failed_push import parse_failed_push
from sftunnel_builder.fmc_tree import FmcTree
from sftunnel_builder.tree import DirectoryTree

from .conftest import DEVICE, FMC

OTHER = "6bf1143a-8a2e-11ef-92d8-fd927e807d77"
PEERS = "/var/sf/peers"


def _records(uuid: str = DEVICE, middle: str = "edge 10.1.2.3") -> list[str]:
    pushed = f"{PEERS}/{uuid}/certs_pushed/"
    sources = ("/etc/sf/ca_root/cacert.pem", f"{pushed}/sftunnel-key.pem")
    return [
        f"{uuid} {middle} {source} {PEERS}/{FMC}/{source.rpartition('/')[2]}"
        for source in (*sources, f"{pushed}/sftunnel-cert.pem")
    ]


def _chosen(text: str) -> tuple[list[tuple[str, str, str]], list[str]]:
    """Return uuid, name and address of each device, and the messages of the refusals."""
    manager = Manager(FmcTree(DirectoryTree(Path("/fmc"))), FMC, 1728915794)
    pushed = parse_failed_push(text.encode())
    devices, refusals = devices_of_failed_push(pushed, "FAILED_PUSH", [manager])
    chosen = [(device.uuid, device.name, device.address) for device in devices]
    return chosen, [refusal.message for refusal in refusals]


EDGE, PLANT = (DEVICE, "edge", "10.1.2.3"), (OTHER, "Plant 4", "")
TWO = [*_records(), *_records(OTHER, "Plant 4 DONTRESOLVE")]


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param(TWO, id="as it is written"),
        pytest.param(TWO * 2, id="doubled"),
        pytest.param([line for line in TWO for _ in range(2)], id="each line doubled"),
        pytest.param([TWO[i] for i in (2, 5, 1, 4, 0, 3)], id="backwards and mixed"),
        pytest.param([f"{line}\r" for line in TWO], id="CR LF"),
        pytest.param([f"  {line}  \t" for line in TWO], id="blanks around"),
        pytest.param([line.replace(DEVICE, DEVICE.upper(), 1) for line in TWO], id="capitals"),
        pytest.param(
            [line.replace(f" {PEERS}/{FMC}", f" /ngfw{PEERS}/{FMC}") for line in TWO], id="ngfw"
        ),
        pytest.param([TWO[0], "", "-- ", "# a remark", *TWO[1:]], id="other lines between"),
        pytest.param([*TWO, TWO[0].replace("edge", "renamed")], id="another name later"),
    ],
)
def test_what_does_no_harm_changes_nothing(lines: list[str]) -> None:
    chosen, _ = _chosen("\n".join(lines))
    assert sorted(chosen) == sorted([EDGE, PLANT])


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        pytest.param(f"{PEERS}/{FMC}", f"{PEERS}/{DEVICE}", "wanted FMC", id="device for FMC"),
        pytest.param(f"{DEVICE} edge", f"{FMC} edge", "wanted source", id="FMC for device"),
        pytest.param(f"{DEVICE} edge", f"{OTHER} edge", "wanted source", id="another device"),
        pytest.param(
            f"{PEERS}/{DEVICE}/certs", f"{PEERS}/{OTHER}/certs", "wanted source", id="its files"
        ),
        pytest.param(f"{FMC}/", f"{FMC}/../../etc/", "not a file of a trio", id="a way out"),
        pytest.param(f" {PEERS}/{FMC}/", " /etc/", "not a file of a trio", id="another root"),
        pytest.param(f" {PEERS}/{FMC}/", f" /tmp{PEERS}/{FMC}/", "a trio", id="below another root"),
        pytest.param(f"{FMC}/", f"{FMC}/x/", "not a file of a trio", id="a directory more"),
        pytest.param(f" {PEERS}/{FMC}", f" /{PEERS}/{FMC}", "a trio", id="two slashes before it"),
        pytest.param("certs_pushed", "certs_pushed/..", "wanted source", id="a detour"),
        pytest.param("certs_pushed", "certs_push", "wanted source", id="as the prose has it"),
        pytest.param("/etc/sf/ca_root/", "/etc/shadow/", "wanted source", id="another source"),
        pytest.param(f"{FMC}/sftunnel-key", f"{FMC}/sftunnel-cert", "source", id="names swapped"),
        pytest.param(f"{FMC}/sftunnel-key.pem", f"{FMC}/shadow", "a trio", id="another name"),
        pytest.param(f"{FMC}/cacert.pem", f"{FMC}/cacert.pem;id", "a trio", id="a command behind"),
        pytest.param(
            f"{FMC}/cacert.pem", f"{FMC}/$(id)/cacert.pem", "a trio", id="a command in it"
        ),
    ],
)
def test_what_leads_elsewhere_is_refused_by_its_line(old: str, new: str, message: str) -> None:
    text = "\n".join(_records())
    assert old in text
    chosen, refused = _chosen("\n".join([text.replace(old, new), *TWO[3:]]))
    assert [device for device in chosen if device[0] != OTHER] == []
    assert any(message in text and "FAILED_PUSH line " in text for text in refused), refused


@pytest.mark.parametrize("text", ["", "\n\n", "\r\n" * 9, "\0" * 99, DEVICE, f"{DEVICE} "])
def test_what_lists_nothing_gives_no_device(text: str) -> None:
    assert _chosen(text)[0] == []
