"""start.sh on a made-up firewall: the right bundle from a stick."""

from __future__ import annotations

import re
import shutil
import subprocess
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
from sftunnel_builder.resources import INSTALLER_FRAGMENTS, start_script
from sftunnel_builder.usb import UsbRequest, copy_kit
from signers import files
from sticks import nothing_left, on_device, start, started
from toolsets import SHELLS, Toolset

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("toolset", SHELLS, ids=lambda toolset: toolset.name)
def test_one_line_installs_from_a_read_only_noexec_stick(
    toolset: Toolset, firewall: Firewall, stick: Path, tmp_path: Path
) -> None:
    firewall.shell, firewall.environment = toolset.environment(tmp_path)
    mount_read_only(firewall, stick, "noexec")
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
        mount_read_only(firewall, place, "noexec")
    assert started(firewall, place).returncode == 0
    firewall.assert_trio(firewall.new_trio)


def test_a_kit_itself_will_do(firewall: Firewall, made: Made, tmp_path: Path) -> None:
    shutil.copytree(made.kit, tmp_path / "kit")
    assert started(firewall, tmp_path / "kit").returncode == 0
    firewall.assert_trio(firewall.new_trio)
    assert files(tmp_path / "kit") == files(made.kit), "the receipt went into the kit"
    assert list(tmp_path.glob("sftunnel-receipt-*-install.json"))


def test_an_exported_cdpath_does_not_lead_it_astray(
    firewall: Firewall, stick: Path, tmp_path: Path
) -> None:
    (tmp_path / "other/usb").mkdir(parents=True)
    firewall.environment = {**firewall.environment, "CDPATH": str(tmp_path / "other")}
    firewall.shell = ["sh", "-c", 'cd "$0" && exec "$@"', str(stick.parent), *firewall.shell]
    done = start(firewall, Path("usb"), "check", *firewall.options())
    assert done.returncode == 0, done.stderr


def test_its_output_is_that_of_the_installer(firewall: Firewall, stick: Path) -> None:
    words = ["--json", "--root", str(firewall.root), "--signer", firewall.signer]
    done = start(firewall, stick, "status", *words)
    assert done.returncode == 0
    assert re.fullmatch(r"\{.*\}\n", done.stdout)
    assert "as given with --signer" in done.stderr


def test_the_signer_of_an_earlier_install_is_trusted(firewall: Firewall, stick: Path) -> None:
    assert started(firewall, stick).returncode == 0
    done = start(firewall, stick, "status", "--root", str(firewall.root))
    assert done.returncode == 0, done.stderr
    assert "pinned by an earlier install" in done.stderr


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
    listed = start(
        firewall, stick, "--help", "--root", str(firewall.root), "--signer", firewall.signer
    )
    assert "--export-backup DIR" in listed.stdout
    nothing_left(firewall)
