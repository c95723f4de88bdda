"""Where the commands of the docs are typed: an FMC, its firewalls, terminals, a reader's places."""

from __future__ import annotations

import os
import re
import select
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from rehearsal import AS_ROOT
from sftunnel_builder.lab.device import LabDevice
from sftunnel_builder.lab.fmc import LabFmc

FMC_UUID = "cdb123c8-4347-11ef-aca1-f3aa241412a1"
DEVICES = (
    ("BSNS-1120-1", "c8d5d5c6-87c9-11ef-a993-b9831565bc4e", "10.48.67.54"),
    ("Plant 4 edge", "5e1f7b40-87cb-11ef-8d0e-aa0d2f4b6c11", "DONTRESOLVE"),
)
TIMEOUT_S = 60.0


def program(*words: str) -> list[str]:
    """Return a command line that is `sftunnel-bundler` in its help texts, too."""
    start = "import sys; sys.argv[0] = 'sftunnel-bundler'; from sftunnel_builder.cli import main; "
    return [sys.executable, "-c", f"{start}main()", *words]


def environment(home: Path) -> dict[str, str]:
    """Return the environment of a run: this package, a known width, a home of its own."""
    return {
        "PATH": f"{home}/bin:{os.environ.get('PATH', os.defpath)}",
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        "HOME": str(home),
        "COLUMNS": "80",
        "LANG": "C.UTF-8",
        "TERM": "dumb",
    }


@dataclass
class Typed:
    """What a run on a terminal showed, and how it ended."""

    text: str
    code: int


def at_terminal(
    command: Sequence[str], *, cwd: Path, home: Path, answers: Sequence[tuple[str, str]] = ()
) -> Typed:
    """Run a command on a terminal of its own; answers are what to type at which question."""
    master, slave = os.openpty()
    process = subprocess.Popen(
        ["setsid", "--ctty", "--wait", *command],
        stdin=slave,
        stdout=slave,
        stderr=slave,
        cwd=cwd,
        env=environment(home),
    )
    os.close(slave)
    seen, answered = b"", 0
    left = list(answers)
    try:
        while select.select([master], [], [], TIMEOUT_S)[0]:
            try:
                chunk = os.read(master, 65536)
            except OSError:
                break
            if not chunk:
                break
            seen += chunk
            if left and left[0][0].encode() in seen[answered:]:
                answered = len(seen)
                os.write(master, left.pop(0)[1].encode() + b"\n")
        code = process.wait(TIMEOUT_S)
    finally:
        process.kill()
        os.close(master)
    assert not left, f"never asked: {left}\n{seen.decode()}"
    return Typed(seen.decode().replace("\r\n", "\n"), code)


@dataclass
class Site:
    """One FMC with two firewalls that it has lost, and a place to carry bundles through."""

    place: Path
    fmc: LabFmc
    devices: list[LabDevice]
    samples: dict[str, str] = field(default_factory=dict)
    typed: list[str] = field(default_factory=list)
    """Every line that was typed so far."""

    @classmethod
    def create(cls, place: Path) -> Site:
        """Make it, with new certificates on the FMC and none pushed; sftunnel runs everywhere."""
        now = datetime.now(UTC)
        (place / "bin").mkdir(parents=True)
        command = place / "bin" / "sftunnel-bundler"
        # The FMC's own tree is the default, /.
        command.write_text(
            "#!/bin/sh\nverb=$1\nshift\n"
            'case "$verb $*" in *--fmc-tree*) ;; build*) '
            f'set -- --fmc-tree {shlex.quote(str(place / "fmc"))} "$@" ;; esac\n'
            f"[ $verb$# != expiry0 ] || set -- {shlex.quote(str(place / 'fmc'))}\n"
            f'exec {shlex.join(program())} $verb "$@"\n'
        )
        ssh = place / "bin" / "ssh"
        # The one use that the docs make of it: ssh fmc 'sudo sh -s', with a script on its input.
        ssh.write_text(
            "#!/bin/sh\n[ \"$*\" = 'fmc sudo sh -s' ] || exit 255\n"
            f"exec {shlex.join(AS_ROOT)} sh -s -- --root {shlex.quote(str(place / 'fmc'))}\n"
        )
        for path in (command, ssh):
            path.chmod(0o755)
        (place / "stick").mkdir()
        fmc = LabFmc.create(place / "fmc", uuid=FMC_UUID, now=now)
        devices = [
            LabDevice.create(place / uuid, uuid=uuid, name=name, address=address)
            for name, uuid, address in DEVICES
        ]
        port = fmc.start_server()
        for device in devices:
            fmc.register(device)
            device.connect_to(fmc.uuid, "127.0.0.1", port)
            device.start_sftunnel()
        fmc.generate_certs(now=now)
        fmc.restart_server()
        return cls(place, fmc, devices)

    def close(self) -> None:
        """Stop all that runs."""
        for device in self.devices:
            device.stop_sftunnel()
        self.fmc.stop_server()

    def fmc_run(self, command: str, answers: Sequence[tuple[str, str]] = ()) -> Typed:
        """Run a line of the docs where the kit is built."""
        self.typed.append(command)
        words = ["sh", "-c", command]
        return at_terminal(words, cwd=self.place, home=self.place, answers=answers)

    def device_run(
        self, device: LabDevice, cwd: Path, command: str, answers: Sequence[tuple[str, str]] = ()
    ) -> Typed:
        """Run a line of the docs on a device: --root stands for its `/`."""
        self.typed.append(command)
        root = shlex.quote(str(device.root))
        command = re.sub(
            r"\b(sh \S*(?:(?:install|rollback|start)\.sh|sftunnel-installer)'?)",
            rf"\1 --root {root}",
            command,
        )
        command = command.replace("/ngfw/var/sf/", f"{device.root}/ngfw/var/sf/")
        command = command.replace("/var/tmp/renewal", str(self.place / "stick"))  # noqa: S108
        command = command.replace("/mnt/usb", str(self.place / "usb"))
        words = [*AS_ROOT, "sh", "-c", command]
        return at_terminal(words, cwd=cwd, home=self.place, answers=answers)

    def as_told(self, text: str) -> str:
        """Return output with the places that a reader has."""
        for device in self.devices:
            text = text.replace(f" --root '{device.root}'", "").replace(str(device.root), "")
        text = text.replace(str(self.place / "stick"), "/var/tmp/renewal")  # noqa: S108
        text = text.replace(str(self.place / "usb"), "/mnt/usb")
        text = text.replace(str(self.place / "media"), "/media")
        text = text.replace(str(self.place / "fmc"), "").replace(str(self.place), "/srv/renewal")
        return text.replace("127.0.0.1", self.fmc.address)

    def as_printed(self) -> set[str]:
        """Return all that was typed, with what a page says in place of what differs."""
        text = "\n".join(self.typed).replace(self.fingerprint(), "FINGERPRINT")
        text = re.sub(r"--code \S+", "--code k7mqx2hf9tpa", text)
        for device in self.devices:
            text = text.replace(self.bundle(device), "BUNDLE")
            text = text.replace(f" {device.root.name} ", " / ")
        return set(self.as_told(text).replace(f"{self.place}/", "").splitlines())

    def bundle(self, device: LabDevice) -> str:
        """Return the name of a device's bundle, without .tar.gz."""
        return f"sftunnel-{re.sub('[^A-Za-z0-9._-]', '_', device.name)}-{device.uuid[:8]}"

    def unpack(self, device: LabDevice) -> Path:
        """Carry a device's bundle and unpack it."""
        stick, name = self.place / "stick", self.bundle(device)
        shutil.copy(self.place / f"kit/bundles/{name}.tar.gz", stick)
        subprocess.run(["tar", "-xzf", f"{name}.tar.gz"], cwd=stick, check=True)
        return stick / name

    def passphrase(self, device: LabDevice) -> str:
        """Return the passphrase of a device's key."""
        text = (self.place / "kit-passphrases.txt").read_text()
        found = re.search(rf"^{device.uuid}  (\S+)  ", text, re.MULTILINE)
        assert found, text
        return found[1]

    def fingerprint(self) -> str:
        """Return the signer's fingerprint, from the runbook of the first device."""
        text = (self.place / f"kit/runbooks/{self.bundle(self.devices[0])}.txt").read_text()
        found = re.search(r"^ +([0-9a-f]{64})$", text.partition("check --signer")[2], re.MULTILINE)
        assert found, text
        return found[1]
