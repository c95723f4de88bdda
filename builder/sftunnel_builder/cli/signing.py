"""Who signs, in which language; what `build` and `sign` share, and both say of a signed kit."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from sftunnel_builder import screen
from sftunnel_builder.errors import BundlerError, ExitCode, printable
from sftunnel_builder.home import expand_home
from sftunnel_builder.passphrases import ask_passphrase, read_passphrase_file
from sftunnel_builder.sign_command import SignCommand, load_sign_command
from sftunnel_builder.signer import DEFAULT_SIGNING_KEY, Signer, grouped, is_encrypted, load_signer
from sftunnel_builder.words import N_, Lang, _, speak

T = TypeVar("T")

SigningKey = Annotated[
    Path | None,
    typer.Option(
        "--signing-key",
        help=N_(
            "The signer's private key, from keygen; with --sign-command its public key. "
            "[default: ~/.config/sftunnel-bundler/signing-key.pem]"
        ),
    ),
]
SigningPassphraseFile = Annotated[
    Path | None,
    typer.Option("--signing-passphrase-file", help=N_("File with the signing key's passphrase.")),
]
SignCommandLine = Annotated[
    str | None,
    typer.Option(
        "--sign-command",
        metavar="<command>",
        help=N_(
            "Program that signs in place of a key at hand: it reads the bytes on standard input "
            "and writes a DER signature."
        ),
    ),
]


def _speak(lang: Lang | None) -> Lang | None:
    """Change to a language that was named."""
    if lang:
        speak(lang)
    return lang


Language = Annotated[
    Lang | None,
    typer.Option(
        "--lang",
        callback=_speak,
        is_eager=True,
        help=N_("Language of runbooks and messages. [default: as before the verb]"),
    ),
]


def choose_signer(key: Path | None, passphrase_file: Path | None, command: str | None) -> Signer:
    """Return the signer that the options name, asking for a passphrase if need be."""
    path = expand_home(key or Path(DEFAULT_SIGNING_KEY))
    if command is not None:
        if passphrase_file:
            raise BundlerError(
                _("--sign-command and --signing-passphrase-file contradict each other"),
                _("the program has the key, and asks for what it needs"),
                ExitCode.USAGE,
            )
        return load_sign_command(command, path)
    if passphrase_file:
        return load_signer(path, read_passphrase_file(passphrase_file))
    if is_encrypted(path):
        return load_signer(path, ask_passphrase(_("Passphrase of the signing key"), twice=False))
    return load_signer(path, None)


def progress_beside(signer: Signer | None, what: str) -> Callable[[Iterable[T], int], Iterable[T]]:
    """Return what shows progress; nothing does while a program may ask for a PIN."""
    if isinstance(signer, SignCommand):
        return lambda items, _total: items
    return lambda items, total: screen.progress(items, total, what)


def show_kit(kit: Path, signer: str, passphrases: Path | None) -> None:
    """Print where a signed kit is, whose it is, and where its passphrases are."""
    screen.result(screen.row(_("kit"), printable(str(kit))))
    screen.result(screen.row(_("signer"), signer))
    screen.note(screen.row(_("aloud:"), grouped(signer)))
    show_passphrases(passphrases)
    screen.note(
        _("Print the runbooks in the kit's runbooks/: they say what to type on each device.")
    )


def show_passphrases(passphrases: Path | None) -> None:
    """Print where the passphrases are, if there are any."""
    if passphrases:
        screen.result(screen.row(_("passphrases"), printable(str(passphrases))))
        screen.note(_("Take the passphrases to the devices another way than the kit."))
