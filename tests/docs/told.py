"""Lines that the docs tell people to type, and show no output of; what each needs to be there."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from docs.samples import YES
from docs.workplace import Site
from log_text import EXPIRED, log
from rehearsal import AS_ROOT
from sftunnel_builder.child import STARTED_AS
from sftunnel_builder.lab.fmc import LabFmc

SECOND_FMC = "0d2c9b7e-87cb-11ef-9f31-c0ffee2f4b6c"


@dataclass(frozen=True)
class Told:
    """A line of a page: where it is typed, in a new directory with a copy of the kit."""

    line: str
    at: str = "fmc"
    before: Callable[[Site, Path], None] = lambda _site, _place: None
    asks: str = ""
    """What is asked: `signing` passphrase, the device `key`'s, `key and yes`."""
    code: int = 0


# --- what is there before a line is typed --------------------------------------------------------


def _logs(_site: Site, place: Path) -> None:
    for name in ("messages", "messages.1", "captured-session.txt", "log/messages"):
        (place / name).parent.mkdir(exist_ok=True)
        (place / name).write_text(log(EXPIRED))
    subprocess.run(["gzip", "-k", "messages"], cwd=place, check=True)
    (place / "messages.gz").rename(place / "messages.2.gz")


def _bundles(site: Site, place: Path) -> None:
    for name in ("BUNDLE", "OLD", "NEW"):
        shutil.copy(
            site.place / f"kit/bundles/{site.bundle(site.devices[0])}.tar.gz",
            place / f"{name}.tar.gz",
        )


def _hsm(_site: Site, place: Path) -> None:
    script = (
        "openssl ecparam -name prime256v1 -genkey -noout -out hsm.pem\n"
        "openssl pkey -in hsm.pem -pubout -out signer.pub\n"
        "printf '#!/bin/sh\\nexec openssl dgst -sha256 -sign hsm.pem\\n' > ask-the-hsm\n"
        "chmod +x ask-the-hsm\nrm -r kit kit-passphrases.txt\n"
    )
    subprocess.run(["sh", "-euc", script], cwd=place, check=True, capture_output=True)


def _two_snapshots(site: Site, place: Path) -> None:
    second = LabFmc.create(place / "second", uuid=SECOND_FMC, now=datetime.now(UTC))
    for device in site.devices:
        second.register(device)
    second.generate_certs(now=datetime.now(UTC))
    collect = site.fmc_run(f"sftunnel-bundler collect > {place}/collect.sh")
    assert collect.code == 0
    for root, name in ((site.place / "fmc", "primary"), (place / "second", "secondary")):
        line = f"sh collect.sh --root {shlex.quote(str(root))} {name}.tar.gz"
        subprocess.run([*AS_ROOT, "sh", "-c", line], cwd=place, check=True, capture_output=True)
    shutil.rmtree(place / "kit")
    (place / "kit-passphrases.txt").unlink()


def _stick(site: Site, place: Path) -> None:
    shutil.rmtree(site.place / "usb", ignore_errors=True)
    (site.place / "usb").mkdir()
    done = site.fmc_run(f"sftunnel-bundler usb {place}/kit {site.place}/usb")
    assert done.code == 0, done.text
    program = shlex.join([sys.executable, "-m", "sftunnel_installer"])
    script = f'export {STARTED_AS}=$0\nexec {program} "$@"\n'
    (site.place / "usb/sftunnel-installer").write_text(script)


def _copy_of_device(site: Site, place: Path) -> None:
    _bundles(site, place)
    device, copy = site.devices[0], place / "COPY-OF-DEVICE"
    subprocess.run(["cp", "-a", device.root, copy], check=True)
    # Another line may have installed what the bundle brings.
    peer = device.peer_dir(site.fmc.uuid).relative_to(device.root)
    (copy / peer / "cacert.pem").write_bytes(b"something old")


def _a_backup(site: Site, place: Path) -> None:
    _stick(site, place)
    line = f"sh install.sh --signer {site.fingerprint()} --no-restart"
    device = site.devices[0]
    (device.peer_dir(site.fmc.uuid) / "cacert.pem").write_bytes(b"something old")
    answers = [("(not shown)", site.passphrase(device)), YES]
    done = site.device_run(device, site.unpack(device), line, answers)
    assert done.code == 0, done.text


TOLD = [
    Told("sftunnel-bundler usb kit /media/usb"),
    Told("sftunnel-bundler usb --signer FINGERPRINT kit /media/usb"),
    Told("sha256sum /mnt/usb/start.sh", "device", _stick),
    Told("sh /mnt/usb/sftunnel-installer check --signer FINGERPRINT", "device", _stick, "key"),
    Told("sh /mnt/usb/sftunnel-installer --signer FINGERPRINT", "device", _stick, "key and yes"),
    Told(
        "sftunnel-bundler console script BUNDLE.tar.gz --signer FINGERPRINT --out paste.txt",
        before=_bundles,
    ),
    Told("sftunnel-bundler diagnose messages messages.1 messages.2.gz", before=_logs),
    Told("sftunnel-bundler diagnose /var/log", before=_logs),
    Told("sftunnel-bundler diagnose - <captured-session.txt", before=_logs),
    Told("sftunnel-bundler diff COPY-OF-DEVICE BUNDLE.tar.gz", before=_copy_of_device),
    Told("sftunnel-bundler diff --json OLD.tar.gz NEW.tar.gz", before=_bundles),
    Told(
        "sftunnel-bundler build --out kit --signing-key signer.pub --sign-command './ask-the-hsm'",
        before=_hsm,
    ),
    Told(
        "sftunnel-bundler build --fmc-tree primary.tar.gz --fmc-tree secondary.tar.gz --out kit",
        before=_two_snapshots,
        asks="signing",
    ),
    Told("mkdir -m 700 /var/tmp/renewal && cd /var/tmp/renewal", "device"),
    Told(
        "unshare -r sh install.sh --root COPY --no-restart --signer FINGERPRINT",
        "bundle",
        _copy_of_device,
        "key and yes",
    ),
    Told("sh install.sh recover --export-backup /mnt/usb", "bundle", _a_backup),
    Told("openssl pkey -in payload/<FMC UUID>/sftunnel-key.pem", "bundle", asks="pass phrase"),
]
