"""start.sh on a made-up firewall: the right bundle from a stick, or a refusal without a change."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from rehearsal import (
    Firewall,
    Made,
    make_firewall,
    mount_read_only,
    need,
    snapshot,
)
from sftunnel_builder.bundle import checksum_list
from sftunnel_builder.resources import INSTALLER_FRAGMENTS, start_script
from sftunnel_builder.signer import KeySigner, generate_signer, load_signer
from sftunnel_builder.usb import UsbRequest, copy_kit
from signers import files
from sticks import TMP, nothing_left, on_device, refused, start, started, write_stick
from toolsets import SHELLS, Toolset

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def stick(made: Made, tmp_path: Path) -> Path:
    """A stick that usb has written."""
    return write_stick(made, tmp_path / "usb")


@pytest.mark.parametrize("toolset", SHELLS, ids=lambda toolset: toolset.name)
def test_one_line_installs_from_a_read_only_stick(
    toolset: Toolset, firewall: Firewall, stick: Path, tmp_path: Path
) -> None:
    firewall.shell, firewall.environment = toolset.environment(tmp_path)
    mount_read_only(firewall, stick)
    before = snapshot(firewall.root)
    checked = start(firewall, stick, "check", *firewall.options())
    assert checked.returncode == 0, checked.stderr
    assert "ready to install" in checked.stdout
    assert snapshot(firewall.root) == before
    nothing_left(firewall)
    done = started(firewall, stick)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"its bundle is {firewall.bundle.name}.tar.gz" in done.stderr
    assert "as given with --signer" in done.stderr
    assert "receipt could not" not in done.stderr
    firewall.assert_trio(firewall.new_trio)
    nothing_left(firewall)


def test_the_second_device_finds_its_own(made: Made, stick: Path, tmp_path: Path) -> None:
    (tmp_path / "two").mkdir()
    wall = make_firewall(made, tmp_path / "two", 1)
    assert started(wall, stick).returncode == 0
    wall.assert_trio(wall.new_trio)


def test_the_receipt_reaches_the_stick_and_the_kit_stays_as_it_is(
    firewall: Firewall, made: Made, stick: Path, tmp_path: Path
) -> None:
    assert started(firewall, stick).returncode == 0
    (receipt,) = stick.glob("sftunnel-receipt-*-install.json")
    assert files(stick / "sftunnel") == files(made.kit)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    words = ["rollback", "--root", str(firewall.root), "--yes", "--no-restart"]
    assert start(firewall, stick, *words, f"--receipt-dir={elsewhere}").returncode == 0
    assert len(list(elsewhere.iterdir())) == 1
    assert list(stick.glob("sftunnel-receipt-*")) == [receipt]
    firewall.assert_trio(firewall.old_trio)


def test_it_runs_from_an_image(firewall: Firewall, made: Made, tmp_path: Path) -> None:
    image, place = tmp_path / "stick.img", tmp_path / "usb"
    request = UsbRequest(made.kit, image, True, False, set())
    copy_kit(request, lambda _what: lambda names, _total: names)
    place.mkdir()
    loop = ["sh", "-c", 'mount -o loop,ro,noexec "$0" "$1"', str(image), str(place)]
    if subprocess.run(["unshare", "-m", *loop], capture_output=True, check=False).returncode == 0:
        shell = 'mount -o loop,ro,noexec "$0" "$1" && shift && exec "$@"'
        firewall.shell = ["unshare", "-m", "sh", "-c", shell, str(image), str(place), "sh"]
    else:
        need("mcopy", shutil.which("mcopy"))
        subprocess.run(["mcopy", "-s", "-n", "-i", image, "::*", place], check=True)
        assert files(place / "sftunnel") == files(made.kit)
        mount_read_only(firewall, place)
    assert started(firewall, place).returncode == 0
    firewall.assert_trio(firewall.new_trio)


def test_a_kit_itself_will_do(firewall: Firewall, made: Made, tmp_path: Path) -> None:
    shutil.copytree(made.kit, tmp_path / "kit")
    assert started(firewall, tmp_path / "kit").returncode == 0
    firewall.assert_trio(firewall.new_trio)


def test_its_output_is_that_of_the_installer(firewall: Firewall, stick: Path) -> None:
    done = start(firewall, stick, "status", "--json", "--root", str(firewall.root))
    assert done.returncode == 0
    assert re.fullmatch(r"\{.*\}\n", done.stdout)
    assert "nobody has vouched for" in done.stderr


# --- refusals --------------------------------------------------------------------------------


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
        pytest.param(["--signer", "12 zz"], 2, "64 hex digits of a fingerprint", id="no hex"),
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


# --- the script itself -----------------------------------------------------------------------


def test_it_knows_which_options_of_the_installer_have_values() -> None:
    def options(text: str) -> set[str]:
        (line,) = re.findall(r"^ +(--signer \| --root \| .*)\)$", text, re.MULTILINE)
        return set(line.split(" | "))

    fragment = (ROOT / "installer/options.sh").read_text()
    assert options(start_script().decode()) == options(fragment)
    assert "start.sh" not in INSTALLER_FRAGMENTS


def test_cut_short_it_runs_nothing(firewall: Firewall, stick: Path) -> None:
    script = start_script()
    before = on_device(firewall)
    for end in range(0, len(script) - len(b'main "$@"\n'), 97):
        (stick / "start.sh").write_bytes(script[:end])
        started(firewall, stick)
        assert on_device(firewall) == before, f"cut at {end}"


def test_help_needs_no_device(firewall: Firewall, stick: Path) -> None:
    done = start(firewall, stick, "--help")
    assert done.returncode == 0
    assert done.stdout.startswith("usage: sh start.sh --signer FPR")
