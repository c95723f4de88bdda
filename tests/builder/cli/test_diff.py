"""`sftunnel-bundler diff` on bundles that were built and on trees of made-up firewalls."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from rehearsal import Firewall, Made, make_kit
from sftunnel_builder.cli import app
from sftunnel_builder.comparison_text import COLUMNS
from sftunnel_builder.errors import BundlerError
from sftunnel_builder.lab.device import LabDevice
from sftunnel_builder.lab.fmc import LabFmc

COMMAND = get_command(app)


@dataclass
class Site:
    """A firewall of an HA pair of FMCs: bundles of two runs on the first, and one of both FMCs."""

    place: Path
    device: LabDevice
    older: Made
    newer: Made
    both: Made

    def bundle(self, made: Made) -> str:
        return str(made.bundle(self.device))


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Site:
    place = tmp_path_factory.mktemp("pair")
    now = datetime.now(UTC)
    fmcs = [LabFmc.create(place / f"fmc{n}", now=now) for n in (1, 2)]
    device = LabDevice.create(place / "ftd", name="Plant 4 edge", address="10.48.67.54")
    for fmc in fmcs:
        fmc.register(device)
    kits = []
    for days, which in ((3, fmcs[:1]), (1, fmcs[:1]), (0, fmcs)):
        kit = place / f"run{days}"
        kit.mkdir()
        for fmc in which if days else fmcs[1:]:
            fmc.generate_certs(now=now - timedelta(days=days))
        kits.append(make_kit(kit, which, [device], now, plain_keys=days == 1))
    return Site(place, device, *kits)


@pytest.fixture
def told(capsys: pytest.CaptureFixture[str]) -> Any:
    """Give a function that runs the command in this process and returns its output."""

    def run(*words: str) -> str:
        assert not COMMAND(["diff", *words], standalone_mode=False)
        said = capsys.readouterr()
        assert said.err == ""
        lines = said.out.splitlines()
        assert all(line.isprintable() for line in lines)
        assert "--json" in words or max(map(len, lines)) <= COLUMNS
        return said.out

    return run


def test_what_would_change_on_a_device_is_what_the_installer_changes(
    firewall: Firewall, made: Made, told: Any
) -> None:
    bundle = str(made.bundle(firewall.device))
    words = [str(firewall.root), bundle, "--json"]
    before = json.loads(told(*words))
    assert before["install"]["outcome"] == "replace"
    assert not before["install"]["signer_pinned"]
    dates = before["fmcs"][0]["files"][0]["facts"]["not_after"]
    assert (dates["same"], dates["days"]) == (False, 3669)
    assert firewall.install("--no-restart").returncode == 0
    after = json.loads(told(*words))
    files = after["fmcs"][0]["files"]
    assert [file["facts"]["sha256"]["same"] for file in files] == [True] * 3
    if os.getuid() == 0:
        assert (after["differs"], after["install"]["outcome"]) == (False, "nothing")
        assert after["install"]["signer_pinned"]
        assert told(*words[:2]).endswith("already installed: nothing to do\n")


def test_an_older_bundle_and_a_newer_one(pair: Site, told: Any) -> None:
    older, newer = pair.bundle(pair.older), pair.bundle(pair.newer)
    text = told(newer, older)
    assert "OLDER: install.sh refuses it without --allow-older" in text
    assert "2 days EARLIER" in text
    assert "+ belongs to      not looked at: it is encrypted" in text
    assert "- in the bundle   NOT ENCRYPTED" in text
    assert text.endswith("\nthey differ\n")
    said = json.loads(told(older, newer, "--json"))
    facts = said["fmcs"][0]["files"][0]["facts"]
    assert (facts["serial"]["to"], facts["serial"]["same"]) == ("00", True)
    assert (facts["subject"]["same"], facts["public_key"]["same"]) == (True, False)
    assert facts["not_before"]["days"] == facts["not_after"]["days"] == 2
    assert said["install"] is None


def test_with_its_passphrase_a_key_is_looked_at(pair: Site, told: Any, tmp_path: Path) -> None:
    file = tmp_path / "passphrase"
    file.write_text(pair.older.passphrase(pair.device))
    bundle = pair.bundle(pair.older)
    text = told(bundle, bundle, "--passphrase-file", str(file))
    assert "    belongs to      the certificate beside it\n" in text
    file.write_text("another")
    with pytest.raises(BundlerError, match="does not open: wrong passphrase") as caught:
        COMMAND(["diff", bundle, bundle, "--passphrase-file", str(file)], standalone_mode=False)
    assert caught.value.code == 3


def test_a_second_fmc(pair: Site, told: Any) -> None:
    second = pair.both.report.built[0]
    assert second.uuid == pair.device.uuid
    text = told(pair.bundle(pair.newer), pair.bundle(pair.both))
    assert text.count(": only in the second bundle\n") == 4
    text = told(str(pair.device.root), pair.bundle(pair.newer))
    assert text.count(": only in the device tree\n") == 4


def test_another_device_is_said_first(pair: Site, made: Made, told: Any) -> None:
    other = str(made.bundle(made.devices[0]))
    for left in (str(pair.device.root), pair.bundle(pair.newer)):
        assert told(left, other).startswith("ANOTHER DEVICE: ")
        assert not json.loads(told(left, other, "--json"))["same_device"]
    said = json.loads(told(str(pair.device.root), other, "--json"))
    (only,) = said["install"]["objections"]
    assert (only["exit"], only["message"][:12]) == (5, "wrong device")


def test_the_order_is_from_left_to_right(pair: Site, told: Any) -> None:
    tree, bundle = str(pair.device.root), pair.bundle(pair.newer)
    there, back = (json.loads(told(*words, "--json")) for words in ((tree, bundle), (bundle, tree)))
    assert (there["from"], there["to"]) == (back["to"], back["from"])
    assert there["install"] == back["install"]
    assert told(bundle, tree).split()[:2] == ["from", "bundle"]


def _pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _huge(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(65 * 1024 * 1024)


def _link_out(path: Path) -> None:
    path.unlink()
    path.symlink_to("/etc/passwd")


def _directory(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (_pipe, "what is there special file"),
        (_huge, "is over 64 MiB"),
        (_link_out, "what is there symbolic link"),
        (_directory, "what is there directory"),
        (lambda path: path.write_bytes(b""), "is empty"),
        (lambda path: path.write_bytes(b"\x1b[2Jno PEM"), "wanted one PEM block"),
        (lambda path: path.chmod(0o600), "- mode 600"),
        (lambda path: path.unlink(), "only in the bundle"),
    ],
    ids=[
        "a pipe",
        "a huge file",
        "a link that leads out",
        "a directory",
        "an empty file",
        "escape sequences",
        "a mode",
        "a file that is missing",
    ],
)
@pytest.mark.parametrize("name", ["cacert.pem", "sftunnel-key.pem"])
def test_what_is_wrong_on_a_device_is_a_row(
    firewall: Firewall, made: Made, told: Any, spoil: Any, said: str, name: str
) -> None:
    spoil(firewall.peer_dir / name)
    text = told(str(firewall.root), str(made.bundle(firewall.device)))
    assert said in " ".join(text.split())
    assert "root:x:0" not in text


def test_no_key_is_in_what_is_said(firewall: Firewall, made: Made, told: Any) -> None:
    key = firewall.peer_dir / "sftunnel-key.pem"
    secret = key.read_text().splitlines()
    key.write_text("\n".join([*secret[:9], "!!!" + secret[9], *secret[10:]]))
    words = [str(firewall.root), str(made.bundle(firewall.device))]
    text = told(*words) + told(*words, "--json")
    assert "not a private key" in text
    assert not any(line in text for line in secret[1:-1])


@pytest.mark.parametrize(
    ("code", "what"),
    [
        pytest.param(4, "damaged", id="a damaged bundle"),
        pytest.param(3, "missing", id="no such file"),
        pytest.param(3, "empty directory", id="a directory that is no device's"),
        pytest.param(2, "", id="one side only"),
    ],
)
def test_an_input_that_cannot_be_compared(made: Made, tmp_path: Path, code: int, what: str) -> None:
    good = made.bundle(made.devices[0])
    other = tmp_path / "\x1b[2Jother"
    if what == "damaged":
        data = bytearray(good.read_bytes())
        data[len(data) // 2] ^= 1
        other.write_bytes(data)
    elif what == "empty directory":
        other.mkdir()
    words = [str(good), str(other)][: 2 if what else 1]
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "sftunnel_builder", "diff", *words],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (code, "")
    error, hint = done.stderr.splitlines()
    assert (error[:7], hint[:6]) == ("error: ", "hint: ")
    assert "\x1b" not in done.stderr
    assert not what or "?[2Jother'" in error
