"""What the docs say of verifying by hand, with stock tools, works, and finds what was altered."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from docs.blocks import Block, blocks
from docs.samples import ROOT, YES
from docs.workplace import Site, Typed
from sftunnel_builder.signer import generate_signer, save_signer


def block(name: str) -> list[str]:
    """Return the lines of a block of docs/security.md that is to be run."""
    page = (ROOT / "docs/security.md").read_text()
    text = page.partition(f"<!-- run: {name} -->")[2].partition("```sh\n")[2].partition("```")[0]
    (found,) = [each for each in blocks() if each.page == "security.md" and each.text == text]
    assert isinstance(found, Block)
    return found.commands()


def typed(site: Site, name: str, cwd: Path, secret: str = "", **instead: str) -> Typed:
    """Type a block on a terminal, in a shell that ends at the first line that fails.

    Of a bundle it goes on: grep fails where it finds nothing, as it should.
    """
    script = "\n".join(block(name))
    for what, value in instead.items():
        script = script.replace(what, value)
    script = script.replace("/mnt/usb", str(cwd / "usb"))
    answers = [("pass phrase", secret)] if secret else []
    return site.fmc_run(f"cd {cwd} && set {'-u' if secret else '-eu'}\n{script}", answers)


@pytest.fixture
def carried(own_site: Site, tmp_path: Path) -> Path:
    """A copy of the kit, and the first device's bundle beside it."""
    shutil.copytree(own_site.place / "kit", tmp_path / "kit")
    name = f"{own_site.bundle(own_site.devices[0])}.tar.gz"
    shutil.copy(tmp_path / "kit/bundles" / name, tmp_path)
    return tmp_path


def test_a_bundle(own_site: Site, carried: Path) -> None:
    device = own_site.devices[0]
    name = own_site.bundle(device)
    secret = own_site.passphrase(device)
    done = typed(own_site, "hand_bundle", carried, secret, BUNDLE=name)
    assert done.code == 0, done.text
    lines = done.text.splitlines()
    printed = (carried / f"kit/runbooks/{name}.txt").read_text()
    assert lines[0].split()[0] in printed
    assert own_site.fingerprint() in lines[1]
    assert lines[2] == "Verified OK"
    assert done.text.count(": OK") == 8
    assert f"device_uuid={device.uuid}" in lines
    assert f"title={device.uuid}" in done.text.replace(" = ", "=")
    (plain,) = re.findall(r"(?m)^([0-9a-f]{64})  -$", done.text)
    assert re.search(rf"(?m)^file=.*sftunnel-key.pem {plain} 644 root:root$", done.text)


def test_a_file_more_in_a_bundle_is_printed(own_site: Site, carried: Path) -> None:
    name = own_site.bundle(own_site.devices[0])
    subprocess.run(["tar", "-xzf", f"{name}.tar.gz"], cwd=carried, check=True)
    (line,) = [each for each in block("hand_bundle") if each.startswith("find ")]
    clean = subprocess.run(
        ["sh", "-c", line], cwd=carried / name, capture_output=True, text=True, check=False
    )
    assert (clean.returncode, clean.stdout) == (1, "")
    (carried / name / "payload/more").touch()
    more = subprocess.run(
        ["sh", "-c", line], cwd=carried / name, capture_output=True, text=True, check=True
    )
    assert more.stdout == "payload/more\n"


@pytest.mark.parametrize(
    ("name", "altered"),
    [
        pytest.param("hand_kit", "kit/index.html", id="a page of a kit"),
        pytest.param("hand_kit", "kit/SHA256SUMS", id="the list of a kit"),
        pytest.param("hand_kit", "kit/SHA256SUMS.sig", id="its signature"),
    ],
)
def test_what_was_altered_is_found(own_site: Site, carried: Path, name: str, altered: str) -> None:
    data = bytearray((carried / altered).read_bytes())
    data[-3] ^= 1
    (carried / altered).write_bytes(data)
    assert typed(own_site, name, carried).code != 0


def test_a_kit(own_site: Site, carried: Path) -> None:
    done = typed(own_site, "hand_kit", carried)
    assert done.code == 0, done.text
    assert own_site.fingerprint() in done.text
    assert "Verified OK" in done.text
    assert done.text.count(".tar.gz: OK") == 2 * len(own_site.devices)


def test_start_sh(own_site: Site, carried: Path) -> None:
    (carried / "usb").mkdir()
    assert own_site.fmc_run(f"sftunnel-bundler usb {carried}/kit {carried}/usb").code == 0
    first, second = typed(own_site, "hand_start", carried).text.splitlines()
    assert first.split()[0] == second.split()[0]
    assert first.split()[0] in (carried / "kit/SHA256SUMS").read_text()


def test_a_confirmation_code(own_site: Site, carried: Path) -> None:
    device = own_site.devices[0]
    answers = [("(not shown)", own_site.passphrase(device)), YES]
    line = f"sh install.sh --no-restart --signer {own_site.fingerprint()}"
    installed = own_site.device_run(device, own_site.unpack(device), line, answers)
    assert installed.code == 0, installed.text
    (code,) = re.findall(r"(?m)^confirmation code: (\S+)$", installed.text)
    done = typed(own_site, "hand_code", carried, CODE=code, UUID=device.uuid)
    assert done.code == 0, done.text
    assert done.text.split()[1:] == [device.uuid, "install", "0"]
    other = typed(own_site, "hand_code", carried, CODE=code, UUID=own_site.devices[1].uuid)
    assert other.code != 0


def test_a_release(own_site: Site, tmp_path: Path) -> None:
    release = tmp_path / "dist"
    release.mkdir()
    (release / "sftunnel-bundler").write_bytes(b"what stands for a program")
    signer = generate_signer()
    save_signer(signer, tmp_path / "key.pem", None)
    sums = [sys.executable, ROOT / "packaging/sums.py", release, tmp_path / "key.pem"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run(sums, env=environment, check=True, capture_output=True)
    done = typed(own_site, "hand_release", release)
    assert done.code == 0, done.text
    assert signer.fingerprint() in done.text
    assert "Verified OK\nsftunnel-bundler: OK\n" in done.text
    (release / "sftunnel-bundler").write_bytes(b"something else")
    assert typed(own_site, "hand_release", release).code != 0
