"""A runbook's commands, typed as printed, and the screen that it promises for each of them."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from docs.samples import YES
from docs.workplace import Site, Typed
from line_model import PASSWORD, LineModel
from rehearsal import need
from sftunnel_builder.lab.device import LabDevice
from sftunnel_builder.open_kit import open_kit
from sftunnel_builder.runbook_blocks import Command, Output, Section
from sftunnel_builder.runbook_facts import facts_of
from sftunnel_builder.runbook_outputs import VARIES
from sftunnel_builder.runbook_steps import sections
from sftunnel_builder.words import Lang, speaking

NOT_RUN = {
    ("before", "sftunnel_status.pl"): "the made-up FMC has no status script",
    ("root", "> expert"): "no FXOS and no login here; only its prompts are shown",
}
"""What stands in a runbook and cannot be tried here, by section and first line."""


class Walk:
    """Somebody with a runbook at a device: where they are, and what the screen showed."""

    def __init__(self, site: Site, device: LabDevice) -> None:
        self.site, self.device = site, device
        self.place = site.place
        self.verified = ""
        """What `check` said before its last line."""
        self.last = Typed("", 0)

    def type(self, command: str) -> None:
        """Type a command where the runbook says, with the answers that it says."""
        site, words = self.site, command.split()
        if words[:3] == ["sftunnel-bundler", "console", "send"]:
            self.last = self._send(command)
        elif words[0] == "sftunnel-bundler":
            self.last = site.fmc_run(f"cd kit\n{command}")
            shutil.rmtree(site.place / "stick")
        elif words[0] == "sftunnel_status.pl":
            # On an appliance it is on the PATH of root.
            status = self.device.root / "usr/local/sf/bin/sftunnel_status.pl"
            self.last = site.device_run(self.device, self.place, f"sh {status}")
        else:
            # An absolute link of a copied tree would lead out of it.
            inside = command.replace(" /var/sf/", " /ngfw/var/sf/")
            self.last = site.device_run(self.device, self.place, inside, self._answers(words))
        assert self.last.code == 0, f"{command}\n{self.last.text}"
        self.last.text = site.as_told(self.last.text)
        if found := re.search(r"(?:^|&& )cd (\S+)\Z", command, re.MULTILINE):
            there = {"/var/tmp/renewal": site.place / "stick"}  # noqa: S108
            self.place = there.get(found[1], self.place / found[1])
            if found[1] in there:
                self._paste()

    def _answers(self, words: list[str]) -> list[tuple[str, str]]:
        if words[0] != "sh":
            return []
        secret = ("(not shown)", self.site.passphrase(self.device))
        return {"check": [secret], "rollback": [YES]}.get(words[2], [secret, YES])

    def _send(self, command: str) -> Typed:
        """Send from the login prompt on; a model of a line is the port, and the place another."""
        line = self.place / "line"
        line.mkdir()
        with LineModel(["bash", "--norc"], line, begins="login") as model:
            typed = command.replace("/dev/ttyUSB0", f"{model.port} --baud {model.baud}")
            asked = [("'admin': ", PASSWORD), ("'sudo su': ", PASSWORD)]
            return self.site.fmc_run(f"cd kit\n{typed} --dir {line}/renewal", asked)

    def _paste(self) -> None:
        """Paste the text into a shell, whose last answers are the SHA-256 and a command."""
        pasted = (self.site.place / "paste.txt").read_text()
        said = subprocess.run(
            ["sh"], input=pasted, cwd=self.place, capture_output=True, text=True, check=True
        )
        *_, digest, command = said.stdout.splitlines()
        bundle = f"{self.site.bundle(self.device)}.tar.gz"
        assert digest.split()[0] in (self.site.place / f"kit/bundles/{bundle}.sha256").read_text()
        assert command.startswith(f"tar -xzf {bundle} && sh ")

    def compare(self, printed: str) -> None:
        """Compare what is printed in the runbook with the screen, line by line."""
        shown = self.last.text
        lines = [
            r".*(?:\n.*)*" if line == VARIES else re.escape(line).replace(r"\.\.\.", ".*")
            for line in printed.splitlines()
        ]
        if printed.startswith("Install on "):
            # What comes before is what the check has said.
            shown, question, rest = shown.partition("Install on ")
            assert _without_clock(shown) == self.verified
            shown = question + rest
        elif printed.startswith("Put backup "):
            shown = "".join(shown.partition("Put backup ")[1:])
        elif printed.splitlines()[-1].startswith("ready to install on "):
            self.verified = _without_clock(shown.rpartition("ready to install on ")[0])
        wanted = "\n".join(lines)
        if len(lines) == 1:
            found = re.search(wanted, shown)
        else:
            found = re.fullmatch(wanted, "\n".join(map(str.rstrip, shown.splitlines())))
        assert found, f"printed:\n{printed}\nshown:\n{shown}"


def _without_clock(text: str) -> str:
    return re.sub(
        r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ|\d+ KiB free|/tmp/sftunnel-start\.\d+", "", text
    )


@pytest.fixture(scope="module", params=[Lang.EN, pytest.param(Lang.ES, marks=pytest.mark.slow)])
def site(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    """An FMC, two firewalls that it lost, their kit in one language, and a stick with it."""
    need("setsid", shutil.which("setsid"))
    site = Site.create(tmp_path_factory.mktemp("runbook") / "site")
    try:
        for command in (
            "sftunnel-bundler keygen --no-passphrase --out signing-key.pem",
            "sftunnel-bundler build --signing-key signing-key.pem --out kit "
            f"--lang {request.param}",
            "mkdir usb && sftunnel-bundler usb kit usb",
        ):
            done = site.fmc_run(command)
            assert done.code == 0, done.text
        yield site
    finally:
        site.close()


def runbook(site: Site, device: LabDevice) -> tuple[Section, ...]:
    """Return a device's runbook in the kit's language, which the kit has as text and page."""
    kit = open_kit(site.place / "kit")
    name = f"bundles/{site.bundle(device)}.tar.gz"
    digest = (site.place / "kit" / f"{name}.sha256").read_text().split()[0]
    page = kit.files[f"runbooks/{site.bundle(device)}.html"]
    lang = Lang(page.partition(b'<html lang="')[2][:2].decode())
    with speaking(lang):
        found = sections(facts_of(kit.bundles[name], kit.signer or "", digest))
    text = kit.files[f"runbooks/{site.bundle(device)}.txt"].decode()
    for section in found:
        assert section.title in text
        for block in section.blocks:
            if isinstance(block, Command | Output):
                assert all(f"   {line}\n" in text for line in block.text.splitlines()), block
    return found


def follow(walk: Walk, section: Section) -> int:
    """Do what a section says; return how many commands that were."""
    typed = 0
    for block in section.blocks:
        if not isinstance(block, Command | Output):
            continue
        if (section.name, block.text.splitlines()[0]) in NOT_RUN:
            continue
        if isinstance(block, Command):
            walk.type(block.text)
            typed += 1
        else:
            walk.compare(block.text)
    return typed


@pytest.mark.parametrize(("number", "way"), [(0, "stick"), (1, "console")])
def test_what_a_runbook_prints_is_what_happens(site: Site, number: int, way: str) -> None:
    device = site.devices[number]
    walk = Walk(site, device)
    other = {"stick": "console", "console": "stick"}[way]
    old = device.trio(site.fmc.uuid)
    typed = 0
    for section in runbook(site, device):
        if section.name == other:
            continue
        if section.name == "rollback":
            section = _one_rollback(section, way)
        typed += follow(walk, section)
    assert typed == {"stick": 6, "console": 10}[way]
    assert device.trio(site.fmc.uuid) == old
    assert (Path(walk.place) / "install.sh").exists() == (way == "console")


def _one_rollback(section: Section, way: str) -> Section:
    """Return the rollback by what was carried this way."""
    by_stick, by_bundle = (block for block in section.blocks if isinstance(block, Command))
    (screen,) = (block for block in section.blocks if isinstance(block, Output))
    taken = by_stick if way == "stick" else by_bundle
    return Section(section.name, section.title, (taken, screen))


def test_what_is_not_run_stands_in_a_runbook(site: Site) -> None:
    firsts = {
        (section.name, block.text.splitlines()[0])
        for section in runbook(site, site.devices[0])
        for block in section.blocks
        if isinstance(block, Command | Output)
    }
    assert set(NOT_RUN) <= firsts
