"""`sftunnel-bundler keygen`: make a signer."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sftunnel_builder import screen
from sftunnel_builder.errors import BundlerError, ExitCode, printable
from sftunnel_builder.home import expand_home
from sftunnel_builder.passphrases import ask_passphrase, read_passphrase_file
from sftunnel_builder.signer import (
    DEFAULT_SIGNING_KEY,
    generate_signer,
    grouped,
    refuse_existing_signer,
    save_signer,
)
from sftunnel_builder.words import N_, _


def keygen(
    out: Annotated[
        Path, typer.Option("--out", help=N_("Where to write the private key; never replaced."))
    ] = Path(DEFAULT_SIGNING_KEY),
    passphrase_file: Annotated[
        Path | None,
        typer.Option(
            "--passphrase-file", help=N_("File whose first line is the key's passphrase.")
        ),
    ] = None,
    no_passphrase: Annotated[
        bool, typer.Option("--no-passphrase", help=N_("Leave the key unencrypted on disk."))
    ] = False,
) -> None:
    """Make a signer, and print its fingerprint."""
    if passphrase_file and no_passphrase:
        raise BundlerError(
            _("--passphrase-file and --no-passphrase contradict each other"),
            _("give one of them"),
            ExitCode.USAGE,
        )
    path = expand_home(out)
    refuse_existing_signer(path)  # before a passphrase is typed in vain
    passphrase = None
    if passphrase_file:
        passphrase = read_passphrase_file(passphrase_file)
    elif not no_passphrase:
        passphrase = ask_passphrase(_("Passphrase for the new signing key"), twice=True)
    signer = generate_signer()
    save_signer(signer, path, passphrase)
    screen.result(screen.row(_("signing key"), printable(str(path)), 13))
    screen.result(screen.row(_("fingerprint"), signer.fingerprint(), 13))
    screen.note(screen.row(_("aloud:"), grouped(signer.fingerprint()), 13))
    screen.note(
        _(
            "Keep the key where the kits are built. The fingerprint is no secret: every runbook\n"
            "prints it, and the installer on the device asks for it."
        )
    )
