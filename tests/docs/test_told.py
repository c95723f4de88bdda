"""What the docs tell people to type, and show no output of, works as it stands there, too."""

from __future__ import annotations

import shlex
import shutil
from pathlib import Path

import pytest

from docs.blocks import blocks
from docs.samples import SECRET, YES
from docs.told import TOLD, Told
from docs.workplace import Site


@pytest.fixture
def place(own_site: Site, tmp_path: Path) -> Path:
    """A new directory with a copy of the kit, and the signer's key where it is looked for."""
    site = own_site
    shutil.copytree(site.place / "kit", tmp_path / "kit")
    shutil.copy(site.place / "kit-passphrases.txt", tmp_path)
    home = site.place / ".config/sftunnel-bundler"
    home.mkdir(parents=True, exist_ok=True)
    shutil.copy(site.place / "other-key.pem", home / "signing-key.pem")
    return tmp_path


@pytest.mark.parametrize("told", TOLD, ids=lambda told: told.line)
def test_a_line_works_as_it_stands(own_site: Site, place: Path, told: Told) -> None:
    site = own_site
    device = site.devices[0]
    secret = site.passphrase(device)
    answers = {
        "": [],
        "signing": [("signing key", SECRET)],
        "key": [("(not shown)", secret)],
        "key and yes": [("(not shown)", secret), YES],
        "pass phrase": [("pass phrase", secret)],
    }[told.asks]
    told.before(site, place)
    line = told.line.replace("FINGERPRINT", site.fingerprint())
    line = line.replace("<FMC UUID>", site.fmc.uuid)
    (place / "media/usb").mkdir(parents=True)
    line = line.replace("/media/usb", str(place / "media/usb"))
    line = line.replace("/var/log", str(place / "log"))
    line = line.replace("/var/tmp/renewal", str(place / "renewal"))  # noqa: S108
    if told.at == "fmc":
        done = site.fmc_run(f"cd {shlex.quote(str(place))} && {line}", answers)
    elif " --root COPY " in line:
        line = line.replace(" COPY ", f" {shlex.quote(str(place / 'COPY-OF-DEVICE'))} ")
        done = site.fmc_run(f"cd {shlex.quote(str(site.unpack(device)))} && {line}", answers)
    else:
        cwd = place if told.at == "device" else site.unpack(device)
        done = site.device_run(device, cwd, line, answers)
    assert done.code == told.code, done.text


def test_every_line_that_is_told_stands_on_a_page() -> None:
    lines = {line for block in blocks() for line in block.commands()}
    assert {told.line for told in TOLD} - lines == set()
