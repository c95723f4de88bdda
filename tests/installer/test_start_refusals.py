"""What start.sh refuses: a stick with a fault, a stranger's, one for other devices."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from rehearsal import (
    Firewall,
    Made,
)
from sftunnel_builder.bundle import checksum_list
from sftunnel_builder.signer import KeySigner, generate_signer, load_signer
from signers import files
from sticks import TMP, on_device, refused, start, started, write_stick

ROOT = Path(__file__).resolve().parents[2]


def _resign(stick: Path, signer: KeySigner) -> None:
    """Sign what lies on the stick now."""
    kit = stick / "sftunnel"
    (kit / "signer.pem").write_bytes(signer.public_pem())
    content = files(kit)
    del content["SHA256SUMS"], content["SHA256SUMS.sig"]
    sums = checksum_list(dict(sorted(content.items())))
    (kit / "SHA256SUMS").write_bytes(sums)
    (kit / "SHA256SUMS.sig").write_bytes(signer.sign(sums))


def _packed(stick: Path) -> Path:
    return next(stick.glob("sftunnel/bundles/sftunnel-BSNS*.tar.gz"))


def _flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


TAMPERED: list[tuple[str, Callable[[Path], object], int, str]] = [
    ("a bundle with one flipped bit", lambda s: _flip(_packed(s)), 4, "is damaged: its SHA-256"),
    ("a bundle that is gone", lambda s: _packed(s).unlink(), 5, "cannot copy 'sftunnel-BSNS-1120"),
    ("a changed list", lambda s: _flip(s / "sftunnel/SHA256SUMS"), 4, "signature of the kit does"),
    ("no signature", lambda s: (s / "sftunnel/SHA256SUMS.sig").unlink(), 4, "no whole kit in"),
    ("no signer", lambda s: (s / "sftunnel/signer.pem").unlink(), 4, "there is no whole kit in"),
    ("an empty signer", lambda s: (s / "sftunnel/signer.pem").write_text(""), 4, "does not fit"),
    ("no kit", lambda s: shutil.rmtree(s / "sftunnel"), 4, "there is no whole kit in"),
    ("another signer", lambda s: _resign(s, generate_signer()), 4, "is signed by another key: wan"),
]


@pytest.mark.parametrize(
    ("tamper", "code", "message"), [pytest.param(*row[1:], id=row[0]) for row in TAMPERED]
)
def test_a_stick_with_a_fault_is_refused(
    tamper: Callable[[Path], object], code: int, message: str, firewall: Firewall, stick: Path
) -> None:
    tamper(stick)
    assert message in refused(firewall, stick, code)


@pytest.mark.parametrize("verb", ["check", "status", "install"])
def test_what_a_stranger_signed_is_not_run(
    verb: str, firewall: Firewall, made: Made, stick: Path, tmp_path: Path
) -> None:
    assert started(firewall, write_stick(made, tmp_path / "of-us")).returncode == 0
    _resign(stick, generate_signer())
    done = start(firewall, stick, verb, "--root", str(firewall.root), "--yes")
    assert (done.returncode, done.stdout) == (4, "")
    assert "nothing says that the signer '" in done.stderr


def test_what_was_put_aside_does_not_stand_in_for_a_damaged_kit(
    firewall: Firewall, stick: Path
) -> None:
    shutil.copytree(stick / "sftunnel", stick / "sftunnel.old")
    (stick / "sftunnel/SHA256SUMS.sig").unlink()
    assert "there is no whole kit in" in refused(firewall, stick, 4)
    shutil.rmtree(stick / "sftunnel")
    assert started(firewall, stick).returncode == 0


def test_of_tmp_only_its_own_leavings_go(firewall: Firewall, stick: Path) -> None:
    place, file = TMP / "sftunnel-start.notes", TMP / "sftunnel-start.4194999"
    try:
        place.mkdir(exist_ok=True)
        file.write_text("of somebody else")
        assert start(firewall, stick, "check", *firewall.options()).returncode == 0
        assert place.exists()
        assert file.exists()
    finally:
        file.unlink(missing_ok=True)
        shutil.rmtree(place, ignore_errors=True)


def test_a_kit_without_a_bundle_for_this_device(
    firewall: Firewall, made: Made, stick: Path
) -> None:
    _packed(stick).unlink()
    _resign(stick, load_signer(made.signing_key, None))
    said = refused(firewall, stick, 5)
    assert said == f"error: the kit has no bundle for this device, '{firewall.device.uuid}'"


def test_a_bundle_of_another_device_with_the_same_first_digits(
    firewall: Firewall, made: Made, stick: Path
) -> None:
    right = _packed(stick)
    other = next(stick.glob("sftunnel/bundles/sftunnel-Plant*.tar.gz"))
    top = other.name.removesuffix(".tar.gz")
    twin = f"sftunnel-A_twin-{firewall.device.uuid[:8]}"
    place = stick / "repack"
    place.mkdir()
    subprocess.run(["tar", "-xzf", other, "-C", place], check=True)
    (place / top).rename(place / twin)
    packed = right.with_name(f"{twin}.tar.gz")
    subprocess.run(["tar", "-czf", packed, "-C", place, twin], check=True)
    shutil.rmtree(place)
    signer = load_signer(made.signing_key, None)
    _resign(stick, signer)
    assert packed.name < right.name
    assert start(firewall, stick, "check", *firewall.options()).returncode == 0
    right.unlink()
    _resign(stick, signer)
    assert "has no bundle for this device" in refused(firewall, stick, 5)


@pytest.mark.parametrize(
    ("line", "suits"),
    [
        pytest.param('APPLIANCE_UUID="{}"', True, id="in double quotes"),
        pytest.param("  APPLIANCE_UUID = '{}' \r", True, id="blanks, quotes and CR LF"),
        pytest.param("APPLIANCE_UUID=0\nAPPLIANCE_UUID={}", True, id="twice, the last counts"),
        pytest.param("APPLIANCE_UUID={}\n#", True, id="no line feed at the end"),
        pytest.param("XAPPLIANCE_UUID={}", False, id="another key"),
        pytest.param("APPLIANCE_UUID=", False, id="empty"),
        pytest.param("APPLIANCE_UUID=$(touch /tmp/pwned)", False, id="a command"),
        pytest.param("APPLIANCE_UUID=../../../../../../../../../../etc/x", False, id="a path"),
        pytest.param("APPLIANCE_UUID=\x1b[2J{}", False, id="an escape sequence"),
    ],
)
def test_what_ims_conf_says(line: str, suits: bool, firewall: Firewall, stick: Path) -> None:
    conf = firewall.root / "etc/sf/ims.conf"
    conf.write_bytes(line.format(firewall.device.uuid.upper()).encode())
    if suits:
        assert start(firewall, stick, "check", *firewall.options()).returncode == 0
    else:
        assert "holds no usable APPLIANCE_UUID" in refused(firewall, stick, 5)
    assert not (TMP / "pwned").exists()


def test_links_in_a_copied_tree_do_not_lead_out_of_it(
    firewall: Firewall, stick: Path, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    shutil.copytree(firewall.root / "etc/sf", outside)
    shutil.rmtree(firewall.root / "etc/sf")
    (firewall.root / "etc/sf").symlink_to(outside)
    assert "there is no directory '" in refused(firewall, stick, 5)


def test_a_state_directory_that_is_a_link_is_refused(firewall: Firewall, stick: Path) -> None:
    firewall.state.symlink_to(stick)
    assert "sftunnel-bundler' is a symbolic link" in refused(firewall, stick, 5)


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        pytest.param(["--signer"], 2, "option '--signer' needs a value", id="no value"),
        pytest.param(
            ["--signer", "12 zz"], 2, "--signer wants 64 hex digits, found '12 zz'", id="no hex"
        ),
        pytest.param(["--root", "/nowhere"], 2, "'/nowhere' is not a directory", id="no such root"),
        pytest.param(["--root", ROOT], 5, "there is no directory", id="no device there"),
    ],
)
def test_a_wrong_command_line(
    words: list[str], code: int, message: str, firewall: Firewall, stick: Path
) -> None:
    assert message in refused(firewall, stick, code, *map(str, words))


def test_what_the_installer_refuses_leaves_nothing_behind(firewall: Firewall, stick: Path) -> None:
    before = on_device(firewall)
    done = started(firewall, stick, "--bogus")
    assert (done.returncode, "unknown word '--bogus'" in done.stderr) == (2, True)
    assert on_device(firewall) == before
