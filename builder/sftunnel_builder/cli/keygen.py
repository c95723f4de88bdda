"""`sftunnel-bundler keygen`: make a signer."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sftunnel_builder import screen
from sftunnel_builder.errors import BundlerError, ExitCode, printable
from sftunnel_builder.passphrases import ask_passphrase, read_passphrase_file
from sftunnel_builder.signer import DEFAULT_SIGNING_KEY, generate_signer, grouped, save_signer


def keygen(
    out: Annotated[
        Path, typer.Option("--out", help="Where to write the private key; never replaced.")
    ] = Path(DEFAULT_SIGNING_KEY),
    passphrase_file: Annotated[
        Path | None,
        typer.Option("--passphrase-file", help="File whose first line is the key's passphrase."),
    ] = None,
    no_passphrase: Annotated[
        bool, typer.Option("--no-passphrase", help="Leave the key unencrypted on disk.")
    ] = False,
) -> None:
    """Make a signer, and print its fingerprint."""
    if passphrase_file and no_passphrase:
        raise BundlerError(
            "--passphrase-file and --no-passphrase contradict each other",
            "give one of them",
            ExitCode.USAGE,
        )
    path = out.expanduser()
    passphrase = None
    if passphrase_file:
        passphrase = read_passphrase_file(passphrase_file)
    elif not no_passphrase:
        passphrase = ask_passphrase("Passphrase for the new signing key", twice=True)
    signer = generate_signer()
    save_signer(signer, path, passphrase)
    screen.result(f"signing key   {printable(str(path))}")
    screen.result(f"fingerprint   {signer.fingerprint()}")
    screen.note(f"aloud:        {grouped(signer.fingerprint())}")
    screen.note(
        "Keep the key where the kits are built. The fingerprint is no secret: every runbook"
    )
    screen.note("prints it, and the installer on the device asks for it.")
