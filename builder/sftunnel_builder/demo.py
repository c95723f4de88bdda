"""The whole journey on made-up appliances: from an expired CA to a mended firewall, and back.

Every line that the demo shows behind a `$` is run as it stands there, by a shell, in the demo's
directory: the same commands that an operator types.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from sftunnel_builder import screen
from sftunnel_builder.errors import BundlerError, ExitCode
from sftunnel_builder.lab.device import LabDevice
from sftunnel_builder.lab.fmc import LabFmc
from sftunnel_builder.signer import load_signer
from sftunnel_builder.words import Lang, _, spoken

FIREWALLS = (
    ("BSNS-1120-1", "10.48.67.54"),
    ("EMEA-FPR3110-08", "10.48.189.37"),
    ("Plant 4 edge", "DONTRESOLVE"),
)
TUNNEL_TIMEOUT_S = 15.0
COMMAND_TIMEOUT_S = 120.0


def run_demo(*, keep: bool) -> None:
    """Tell the story on the terminal; raises BundlerError if a step does not come out as told.

    keep leaves the directory with FMC, firewalls and kit, nothing running in it.
    """
    with _workplace(keep) as place:
        fmc, firewalls = _set_up(place)
        try:
            story = _Story(place)
            _lose_tunnels(story, fmc, firewalls)
            fingerprint = _build(story, fmc, firewalls)
            _install(story, fmc, firewalls, fingerprint)
            _account(story, fingerprint)
            _roll_back(story, firewalls[0])
        finally:
            for firewall in firewalls:
                firewall.stop_sftunnel()
            fmc.stop_server()
    _say_what_next(place if keep else None)


class _Story:
    """Shows headings, commands and what came back."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self._chapter = 0
        self._bold = ("\033[1m", "\033[0m") if sys.stdout.isatty() else ("", "")
        self._environment = {
            **os.environ,
            "PATH": f"{place}/bin:{os.environ.get('PATH', os.defpath)}",
            "HOME": str(place),
        }

    def chapter(self, title: str, text: str) -> None:
        """Begin a part of the story."""
        self._chapter += 1
        screen.result(f"\n{self._bold[0]}{self._chapter}. {title}{self._bold[1]}")
        for line in textwrap.wrap(" ".join(text.split()), 76):
            screen.result(f"   {line}")

    def type(
        self,
        command: str,
        *,
        where: str = "",
        as_root: bool = False,
        expected: Sequence[int] = (0,),
    ) -> str:
        """Show a command, run it, show and return what came back."""
        command = _in_language(command)
        screen.result(f"\n   {where}{self._bold[0]}$ {command}{self._bold[1]}")
        sys.stdout.flush()
        shell = ["unshare", "-r", "sh"] if as_root and os.getuid() != 0 else ["sh"]
        done = subprocess.run(
            [*shell, "-c", command],
            cwd=self.place,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=COMMAND_TIMEOUT_S,
            check=False,
        )
        for line in done.stdout.splitlines():
            screen.result(f"   {line}".rstrip())
        if done.returncode not in expected:
            raise BundlerError(
                _("the demo's command ended with status {status}: {command}").format(
                    status=done.returncode, command=command
                ),
                _("look at its output above; --keep leaves the directory to look at"),
                ExitCode.UNSUITABLE,
            )
        return done.stdout


@contextmanager
def _workplace(keep: bool) -> Iterator[Path]:
    """Give a temporary directory with the command `sftunnel-bundler` in its bin/."""
    if shutil.which("openssl") is None:
        raise BundlerError(_("the demo needs openssl"), _("install it"), ExitCode.UNSUITABLE)
    can_be_root = os.getuid() == 0 or (
        shutil.which("unshare") is not None
        and subprocess.run(["unshare", "-r", "true"], capture_output=True, check=False).returncode
        == 0
    )
    if not can_be_root:
        raise BundlerError(
            _("the demo's installer wants to be root, and `unshare -r` does not work here"),
            _("run the demo as root; it writes in a temporary directory only"),
            ExitCode.UNSUITABLE,
        )
    place = Path(tempfile.mkdtemp(prefix="sftunnel-demo-"))
    try:
        command = place / "bin" / "sftunnel-bundler"
        command.parent.mkdir()
        paths = os.pathsep.join(dict.fromkeys(path for path in sys.path if path))
        program = [sys.executable, "-m", "sftunnel_builder"]
        command.write_text(
            f'#!/bin/sh\nPYTHONPATH={shlex.quote(paths)} exec {shlex.join(program)} "$@"\n'
        )
        command.chmod(0o755)
        yield place
    finally:
        if not keep:
            shutil.rmtree(place, ignore_errors=True)


def _set_up(place: Path) -> tuple[LabFmc, list[LabDevice]]:
    """Make one FMC whose CA has expired, and the firewalls that it manages."""
    fmc = LabFmc.create(place / "fmc", name="fmc-lab", now=datetime.now(UTC))
    firewalls = [
        LabDevice.create(place / name.replace(" ", "_"), name=name, address=address)
        for name, address in FIREWALLS
    ]
    port = fmc.start_server()
    for firewall in firewalls:
        fmc.register(firewall)
        firewall.connect_to(fmc.uuid, "127.0.0.1", port)
    return fmc, firewalls


def _lose_tunnels(story: _Story, fmc: LabFmc, firewalls: Sequence[LabDevice]) -> None:
    """Chapter 1."""
    names = ", ".join(firewall.name for firewall in firewalls)
    story.chapter(
        _("The FMC's internal CA has expired, and the firewalls are lost"),
        _(
            "A made-up FMC manages {names}. Its CA has lived its ten years. Nothing breaks until a "
            "tunnel drops; then TLS refuses the certificates on both sides, and no tunnel comes "
            "back."
        ).format(names=names),
    )
    story.type(
        "openssl x509 -noout -subject -dates -in fmc/etc/sf/ca_root/cacert.pem", where="fmc "
    )
    for firewall in firewalls:
        firewall.start_sftunnel()
    for firewall in firewalls:
        if not firewall.wait_for_log("certificate has expired", TUNNEL_TIMEOUT_S):
            raise _unexpected(_("'{name}' did not lose its tunnel").format(name=firewall.name))
    where = f"{firewalls[0].name} "
    home = firewalls[0].root.name
    story.type(f"sh {home}/usr/local/sf/bin/sftunnel_status.pl", where=where)
    story.type(f"grep -m 1 'err 10' {home}/var/log/messages", where=where)


def _build(story: _Story, fmc: LabFmc, firewalls: Sequence[LabDevice]) -> str:
    """Chapters 2 to 4; returns the signer's fingerprint."""
    story.chapter(
        _("generate_certs.pl makes new certificates, and cannot push them"),
        _(
            "On the FMC, Cisco's hotfix makes a new CA and new device certificates. It pushes them "
            "over tunnels that are up: here, none is. What is left is a list, FAILED_PUSH."
        ),
    )
    said = fmc.generate_certs(now=datetime.now(UTC))
    fmc.restart_server()
    screen.result(f"\n   fmc # generate_certs.pl\n{textwrap.indent(said.strip(), '   ')}")
    story.type("head -n 3 fmc/var/tmp/certs/*/FAILED_PUSH", where="fmc ")
    story.chapter(
        _("A kit: one signed bundle for each firewall in FAILED_PUSH"),
        _(
            "On the FMC or on a jump host. Everything is checked before it is packed; the private "
            "keys travel encrypted, and their passphrases another way than the kit."
        ),
    )
    story.type("sftunnel-bundler keygen --out signing-key.pem --no-passphrase")
    story.type("sftunnel-bundler build --fmc-tree fmc --signing-key signing-key.pem --out kit")
    signer = load_signer(Path(f"{story.place}/signing-key.pem"), None)
    fingerprint = signer.fingerprint()
    story.chapter(
        _("What the kit is worth can be checked with stock tools"),
        _(
            "Nothing of this product is needed to verify a bundle. The installer on the firewall "
            "does the same, and asks for the signer's fingerprint, which comes from the printed "
            "runbook."
        ),
    )
    bundle = f"sftunnel-BSNS-1120-1-{firewalls[0].uuid[:8]}"
    story.type(
        f"tar -xzf kit/bundles/{bundle}.tar.gz && cd {bundle} && sha256sum -c SHA256SUMS && "
        "openssl dgst -sha256 -verify signer.pem -signature SHA256SUMS.sig SHA256SUMS"
    )
    return fingerprint


def _install(story: _Story, fmc: LabFmc, firewalls: Sequence[LabDevice], fingerprint: str) -> None:
    """Chapter 5."""
    story.chapter(
        _("On each firewall: one command"),
        _(
            "The bundle came on a stick. --root stands for the firewall's own /; the passphrase, "
            "which the operator would type, comes from a file here."
        ),
    )
    passphrases = {}
    for line in Path(f"{story.place}/kit-passphrases.txt").read_text().splitlines():
        uuid, _mark, rest = line.partition("  ")
        passphrases[uuid] = rest.partition("  ")[0]
    for firewall in firewalls:
        home = firewall.root.name
        secret = Path(f"{story.place}/{home}-passphrase.txt")
        secret.touch(0o600)
        secret.write_text(f"{passphrases[firewall.uuid]}\n")
        bundle = f"sftunnel-{home}-{firewall.uuid[:8]}"
        where = f"{firewall.name} "
        if firewall is not firewalls[0]:
            story.type(f"tar -xzf kit/bundles/{bundle}.tar.gz", where=where)
        story.type(
            f"sh {bundle}/install.sh --root {home} --yes --wait 20 \\\n"
            f"       --passphrase-file {secret.name} \\\n       --signer {fingerprint}",
            where=where,
            as_root=True,
        )
    lost = [f.name for f in firewalls if f.uuid not in fmc.connected_uuids()]
    if lost:
        raise _unexpected(_("the FMC does not see '{lost}'").format(lost=", ".join(lost)))
    count = len(firewalls)
    seen = _("The FMC sees {count} of {count} firewalls, over mutual TLS with the new files.")
    screen.result(f"\n   {seen.format(count=count)}")


def _account(story: _Story, fingerprint: str) -> None:
    """Chapter 6."""
    story.chapter(
        _("What came back: receipts"),
        _(
            "Each install has written a receipt beside the bundle, signed with the firewall's new "
            "key. The kit tells whose they are. A code read out by telephone does, where nothing "
            "can be carried back: receipts --code."
        ),
    )
    story.type(f"sftunnel-bundler receipts kit sftunnel-receipt-* --signer {fingerprint}")


def _roll_back(story: _Story, firewall: LabDevice) -> None:
    """Chapter 7."""
    story.chapter(
        _("And back: one command"),
        _(
            "The backup lies on the firewall, with all that putting it back needs. The old "
            "certificates are as expired as before, so that the tunnel goes down again: rollback "
            "restores files."
        ),
    )
    home = firewall.root.name
    where = f"{firewall.name} "
    failures = firewall.log_text().count("err 10")
    story.type(
        f"sh {home}/var/sf/sftunnel-bundler/backups/0001-*/rollback.sh --root {home} --yes",
        where=where,
        as_root=True,
    )
    deadline = time.monotonic() + TUNNEL_TIMEOUT_S
    while firewall.log_text().count("err 10") == failures:
        if time.monotonic() > deadline:
            raise _unexpected(_("the old certificates were not refused after the rollback"))
        time.sleep(0.1)
    story.type(f"sh {home}/usr/local/sf/bin/sftunnel_status.pl", where=where)


def _say_what_next(place: Path | None) -> None:
    """End with what to type for real."""
    screen.result()
    screen.result(_("That was made up. For real, on the FMC or a jump host:"))
    screen.result(f"   {_in_language('sftunnel-bundler keygen')}")
    where = _("(on a jump host: --fmc-tree SNAPSHOT)")
    screen.result(f"   {_in_language('sftunnel-bundler build --out kit')}      {where}")
    where = _("(DIR: where a stick is mounted)")
    screen.result(f"   {_in_language('sftunnel-bundler usb kit DIR')}          {where}")
    screen.result(
        _("then print the runbooks in kit/runbooks/, and carry the stick to the firewalls.")
    )
    if place:
        screen.result(_("The made-up appliances and the kit are in {place}").format(place=place))
        screen.result(_("What to try on them: docs/operations.md, A rehearsal on a copy."))
    else:
        screen.result(
            _(
                "With --keep (make demo ARGS=--keep) the made-up appliances and the kit stay: "
                "what to\ntry on them is in docs/operations.md, A rehearsal on a copy."
            )
        )


def _in_language(command: str) -> str:
    """Return a command of ours such that it speaks the language that the demo does."""
    ours = "sftunnel-bundler "
    if spoken() is Lang.EN or not command.startswith(ours):
        return command
    return f"{ours}--lang {spoken()} {command.removeprefix(ours)}"


def _unexpected(what: str) -> BundlerError:
    return BundlerError(
        _("the demo did not come out as told: {what}").format(what=what),
        _("please report this with all that is on the screen"),
        ExitCode.BUG,
    )
