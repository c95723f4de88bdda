"""What is found at a place, whole or damaged."""

from __future__ import annotations

import os
import shutil
import subprocess
import tarfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from rehearsal import Made
from sftunnel_builder.collect import render_collect_script
from sftunnel_builder.errors import BundlerError
from sftunnel_builder.expiring import Found, find_expiring
from sftunnel_builder.expiry import CA, CERTIFICATE, Dates, Expiring
from sftunnel_builder.lab.device import LabDevice
from sftunnel_builder.lab.fmc import LabFmc
from sftunnel_builder.trio import TrioFiles

from .conftest import DEVICE, FMC, TIMES


@dataclass
class Site:
    """An FMC and one device, as a copy of each lies on a jump host."""

    place: Path
    fmc: LabFmc
    device: LabDevice


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Site:
    place = tmp_path_factory.mktemp("site") / "copies"
    now = datetime.now(UTC)
    fmc = LabFmc.create(place / "fmc-lab", now=now)
    device = LabDevice.create(place / "BSNS-1120-1")
    fmc.register(device)
    fmc.generate_certs(now=now)
    for socket in place.rglob("*.sock"):
        socket.unlink()
    return Site(place, fmc, device)


@pytest.fixture
def site(original: Site, tmp_path: Path) -> Site:
    shutil.copytree(original.place, tmp_path / "copies", symlinks=True)
    place = tmp_path / "copies"
    fmc = replace(original.fmc, root=place / "fmc-lab")
    return Site(place, fmc, replace(original.device, root=place / "BSNS-1120-1"))


def _whats(found: Found) -> list[tuple[str, str, str]]:
    return [(each.kind, each.owner, Path(each.path).name) for each in found.certificates]


def _faults(found: Found) -> list[str]:
    return [each.read.message for each in found.certificates if isinstance(each.read, BundlerError)]


def test_an_fmc_tree_has_its_ca_its_own_end_and_the_devices(site: Site) -> None:
    found = find_expiring(site.fmc.root)
    fmc, device = site.fmc.uuid, site.device.uuid
    assert _whats(found) == [
        (CA, fmc, "cacert.pem"),
        (CERTIFICATE, fmc, "sftunnel-cert.pem"),
        (CERTIFICATE, device, "sftunnel-cert.pem"),
    ]
    own, pushed = found.certificates[1:]
    assert own.path.endswith("/fmc-lab/etc/sf/keys/sftunnel-cert.pem")
    assert pushed.path.endswith(f"/var/sf/peers/{device}/certs_pushed/sftunnel-cert.pem")
    assert [each.is_in_use for each in found.certificates] == [True, True, False]
    (facts,) = found.fmcs
    assert (facts.version, facts.model) == ("7.2.5", site.fmc.model)
    assert facts.run_id == int(next(site.fmc.root.glob("var/tmp/certs/*")).name)


def test_a_snapshot_says_the_same_as_its_tree(site: Site, tmp_path: Path) -> None:
    script, collected = tmp_path / "collect.sh", tmp_path / "collected.tar.gz"
    script.write_text(render_collect_script())
    subprocess.run(
        ["sh", script, "--root", site.fmc.root, collected], check=True, capture_output=True
    )
    made = tmp_path / "made.tar.gz"
    with tarfile.open(made, "w:gz") as archive:
        archive.add(site.fmc.root, ".", filter=lambda info: None if info.issym() else info)
    live = find_expiring(site.fmc.root)
    for snapshot in (collected, made):
        found = find_expiring(snapshot)
        assert _whats(found) == _whats(live)
        assert [each.read for each in found.certificates] == [e.read for e in live.certificates]
        assert (found.fmcs[0].version, found.fmcs[0].run_id) == ("7.2.5", live.fmcs[0].run_id)
        assert found.fmcs[0].path == f"{snapshot}:/"


def test_what_sftunnel_conf_names_may_be_another_file_or_none(site: Site, tmp_path: Path) -> None:
    conf = site.fmc.root / "etc/sf/sftunnel.conf"
    conf.write_text("proxy_cert /etc/sf/own.pem;\nproxy_cacert /etc/sf/other-ca.pem;\n")
    shutil.copy(site.fmc.root / "etc/sf/ca_root/cacert.pem", site.fmc.root / "etc/sf/other-ca.pem")
    found = find_expiring(site.fmc.root)
    assert [Path(each.path).name for each in found.certificates][:3] == [
        *("cacert.pem", "other-ca.pem", "own.pem"),
    ]
    assert _faults(found) == [
        f"cannot read '{site.fmc.root}/etc/sf/own.pem': no such file or directory"
    ]
    with tarfile.open(tmp_path / "fmc.tar.gz", "w:gz") as archive:
        for name in ("etc/sf/sftunnel.conf", "etc/sf/ca_root/cacert.pem"):
            archive.add(site.fmc.root / name, name)
    found = find_expiring(tmp_path / "fmc.tar.gz")
    assert (_faults(found), len(found.certificates), len(found.notes)) == ([], 1, 2)
    assert found.notes[1].endswith("/etc/sf/own.pem' was not looked at: it is not in the snapshot")
    conf.unlink()
    assert [each.kind for each in find_expiring(site.fmc.root).certificates] == [CA, CERTIFICATE]


def test_an_fmc_is_told_from_a_device_by_its_model(site: Site) -> None:
    ca_root = site.device.root / "etc/sf/ca_root"
    shutil.copytree(site.fmc.root / "etc/sf/ca_root", ca_root)
    assert not find_expiring(site.device.root).fmcs
    (site.device.root / "etc/sf/ims.conf").write_text(f"APPLIANCE_UUID={site.device.uuid}\n")
    assert find_expiring(site.device.root).fmcs
    (site.fmc.root / "etc/sf/ca_root/cacert.pem").unlink()
    with pytest.raises(BundlerError, match="is not an FMC tree: it has no"):
        find_expiring(site.fmc.root)


@pytest.mark.parametrize("spelling", ["as it is", "only below /ngfw"])
def test_a_device_tree_has_a_ca_and_a_certificate_for_each_fmc(site: Site, spelling: str) -> None:
    if spelling == "only below /ngfw":
        (site.device.root / "var/sf").unlink()
    peers = site.device.root / "ngfw/var/sf/peers"
    second = site.fmc.uuid.translate(str.maketrans("0123456789abcdef", "123456789abcdef0"))
    shutil.copytree(peers / site.fmc.uuid, peers / second)
    (peers / DEVICE).mkdir()
    found = find_expiring(site.device.root)
    trio = [(CA, "cacert.pem"), (CERTIFICATE, "sftunnel-cert.pem")]
    assert _whats(found) == [(kind, site.device.uuid, name) for kind, name in trio * 2]
    assert all(each.uuid == site.device.uuid for each in found.certificates)
    (peers / second / "cacert.pem").unlink()
    (fault,) = _faults(find_expiring(site.device.root))
    assert "no such file or directory" in fault
    shutil.rmtree(peers)
    peers.mkdir()
    with pytest.raises(BundlerError, match="has no certificate in its peer directories"):
        find_expiring(site.device.root)


def test_in_a_directory_of_many_the_names_are_those_of_the_directories(site: Site) -> None:
    (site.place / ".snapshots").mkdir()
    (site.place / "notes.txt").write_text("not looked at")
    found = find_expiring(site.place)
    owners = [each.owner for each in found.certificates]
    assert owners == ["BSNS-1120-1"] * 2 + ["fmc-lab"] * 2 + [site.device.uuid]
    assert len(found.fmcs) == 1


def _instead_of_certificate(make: Callable[[Path], object]) -> Callable[[Path], None]:
    def damage(root: Path) -> None:
        (cert,) = root.glob("ngfw/var/sf/peers/*/sftunnel-cert.pem")
        cert.unlink()
        make(cert)

    return damage


@pytest.mark.parametrize(
    ("damage", "fault"),
    [
        pytest.param(shutil.rmtree, "", id="one that is gone"),
        pytest.param(
            lambda root: (shutil.rmtree(root), root.mkdir()),
            "is neither an FMC tree, a device tree nor a kit",
            id="an empty directory",
        ),
        pytest.param(
            lambda root: (root / "etc/sf/ims.conf").write_text("nothing\n"),
            "holds no usable APPLIANCE_UUID",
            id="no identity",
        ),
        pytest.param(_instead_of_certificate(Path.touch), "is empty", id="an empty certificate"),
        pytest.param(
            _instead_of_certificate(os.mkfifo),
            "is not a file",
            id="a pipe, which is not waited for",
        ),
        pytest.param(
            _instead_of_certificate(Path.mkdir), "is not a file", id="a directory for a certificate"
        ),
        pytest.param(
            _instead_of_certificate(lambda path: path.symlink_to(path.name)),
            "too many levels of symbolic links",
            id="a link to itself",
        ),
        pytest.param(
            lambda root: (shutil.rmtree(root), root.with_name("x.tar.gz").write_bytes(b"\x1f\x8b")),
            "is damaged",
            id="half a snapshot",
        ),
        pytest.param(
            lambda root: (shutil.rmtree(root), os.mkfifo(root.with_name("x.tar.gz"))),
            "is not a file",
            id="a pipe for a snapshot",
        ),
    ],
)
def test_a_damaged_one_among_many_is_told_beside_the_others(
    site: Site, damage: Callable[[Path], object], fault: str
) -> None:
    damage(site.device.root)
    found = find_expiring(site.place)
    assert [fault in each for each in _faults(found)] == [True] * bool(fault)
    assert sum(isinstance(each.read, Dates) for each in found.certificates) >= 3


def test_a_name_that_a_terminal_would_obey_is_shown_harmless(site: Site) -> None:
    site.device.root.rename(site.place / "\x1b]0;x\x07\udcff\u202e")
    found = find_expiring(site.place)
    assert found.certificates[0].owner == "?]0;x???"
    assert all(each.path.isprintable() for each in found.certificates)


def test_a_kit_has_every_bundles_trios(made: Made, tmp_path: Path) -> None:
    found = find_expiring(made.kit)
    first, second = (device.name for device in made.devices)
    assert [each.owner for each in found.certificates] == [first] * 2 + [second] * 2
    assert not any(each.is_in_use for each in found.certificates)
    one = find_expiring(made.bundle(made.devices[0]))
    assert one.certificates == found.certificates[:2]
    shutil.copytree(made.kit, tmp_path / "kit")
    bundle = tmp_path / "kit" / made.bundle(made.devices[0]).relative_to(made.kit)
    bundle.write_bytes(bundle.read_bytes()[:-9])
    found = find_expiring(tmp_path / "kit")
    assert "the bundle is damaged" in _faults(found)[0]
    assert found.certificates[0].owner == bundle.name
    with pytest.raises(BundlerError, match="the bundle is damaged"):
        find_expiring(bundle)


def test_every_certificate_of_a_file_counts(
    make_trio: Callable[..., TrioFiles], tmp_path: Path
) -> None:
    soon = (TIMES[0], TIMES[0] + timedelta(days=9))
    files = make_trio(ca={"times": soon})
    path = tmp_path / "chain.pem"
    path.write_bytes(files.key + files.cert + b"# the CA\n" + files.cacert)
    found = find_expiring(path)
    assert found.certificates == (
        Expiring(CERTIFICATE, DEVICE, DEVICE, str(path), Dates(*TIMES)),
        Expiring(CA, FMC, FMC, str(path), Dates(*soon)),
    )


@pytest.mark.parametrize(
    ("make", "message"),
    [
        pytest.param(lambda path: None, "there is no", id="nothing"),
        pytest.param(os.mkfifo, "is not a file", id="a pipe"),
        pytest.param(lambda path: path.symlink_to(path), "symbolic links", id="a link to itself"),
        pytest.param(lambda path: path.mkdir(), "holds nothing that can expire", id="empty"),
        pytest.param(lambda path: path.write_bytes(b""), "is empty", id="an empty file"),
        pytest.param(
            lambda path: path.write_bytes(b"\x1f\x8b\x08"), "is damaged", id="half a snapshot"
        ),
        pytest.param(
            lambda path: path.write_bytes(b"-----BEGIN PKCS7-----\nAAAA\n-----END PKCS7-----\n"),
            "wanted one PEM block 'CERTIFICATE', found 'PKCS7'",
            id="another form",
        ),
    ],
)
def test_where_there_is_nothing_to_tell_it_says_why(
    tmp_path: Path, make: Callable[[Path], object], message: str
) -> None:
    make(tmp_path / "x")
    with pytest.raises(BundlerError, match=message):
        find_expiring(tmp_path / "x")


def test_a_thousand_devices_are_read_in_seconds(site: Site) -> None:
    peers = "ngfw/var/sf/peers"
    for number in range(1000):
        root = site.place / f"fw{number:04}"
        (root / "etc/sf").mkdir(parents=True)
        os.link(site.device.root / "etc/sf/ims.conf", root / "etc/sf/ims.conf")
        peer = root / peers / site.fmc.uuid
        peer.mkdir(parents=True)
        for name in ("cacert.pem", "sftunnel-cert.pem"):
            os.link(site.device.root / peers / site.fmc.uuid / name, peer / name)
    began = time.process_time()
    found = find_expiring(site.place)
    assert len(found.certificates) == 2005
    assert time.process_time() - began < 20
