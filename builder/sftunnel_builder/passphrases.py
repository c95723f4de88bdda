"""Passphrases: drawn for devices, read from files. They are kept beside the kit, never in it."""

from __future__ import annotations

import getpass
import secrets
import sys
from collections.abc import Iterable
from pathlib import Path

from sftunnel_builder.errors import BundlerError, ExitCode, printable, reason
from sftunnel_builder.words import _

ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
"""Characters that nobody confuses on paper or on the telephone: no i, l, o, 0, 1."""
MAX_BYTES = 512
"""Half of what every openssl reads from its standard input."""
GROUPS, GROUP_LENGTH = 5, 4
"""Twenty characters of 31: 99 bits."""


def draw_passphrase() -> str:
    """Return a new device passphrase, such as `k7md-2xqa-9fhw-pz4c-bt6n`."""
    letters = [secrets.choice(ALPHABET) for _ in range(GROUPS * GROUP_LENGTH)]
    groups = (letters[i : i + GROUP_LENGTH] for i in range(0, len(letters), GROUP_LENGTH))
    return "-".join("".join(group) for group in groups)


def read_passphrase_file(path: Path) -> str:
    """Return the first line of a file, without its line end; raises BundlerError."""
    place = printable(str(path))
    try:
        with path.open("rb") as file:
            line = file.readline(4096).rstrip(b"\r\n")
        passphrase = line.decode()
        if len(line) > MAX_BYTES:
            raise BundlerError(
                _("the first line of the passphrase file '{place}' has over {limit} bytes").format(
                    place=place, limit=MAX_BYTES
                ),
                _("choose a shorter passphrase: openssl on the device would cut it off"),
            )
    except OSError as error:
        raise BundlerError(
            _("cannot read the passphrase file '{place}': {why}").format(
                place=place, why=reason(error)
            ),
            _("check its name"),
        ) from None
    except UnicodeDecodeError:
        raise BundlerError(
            _("the passphrase file '{place}' is not UTF-8 text").format(place=place),
            _("write it with a text editor"),
        ) from None
    if not passphrase:
        raise BundlerError(
            _("the first line of the passphrase file '{place}' is empty").format(place=place),
            _("put the passphrase on its first line"),
        )
    return passphrase


def ask_passphrase(question: str, *, twice: bool) -> str:
    """Ask for a passphrase on the terminal, not echoed; raises BundlerError without a terminal."""
    if not sys.stdin.isatty():
        raise BundlerError(
            _("a passphrase is needed, and there is no terminal to ask for it on"),
            _("give it in a file: see the options of this command with --help"),
            ExitCode.USAGE,
        )
    passphrase = getpass.getpass(f"{question}: ")
    if not passphrase:
        raise BundlerError(
            _("an empty passphrase was typed"), _("type at least one character"), ExitCode.USAGE
        )
    if twice and getpass.getpass(_("The same again: ")) != passphrase:
        raise BundlerError(_("the two passphrases differ"), _("start again"), ExitCode.USAGE)
    return passphrase


def render_passphrases(kit_name: str, rows: Iterable[tuple[str, str, str]]) -> bytes:
    """Return the text of the file beside the kit: `UUID  PASSPHRASE  NAME`, a line a device."""
    head = (
        f"# Passphrases of the private keys in kit '{kit_name}', a device a line:\n"
        "# UUID  PASSPHRASE  NAME\n"
        "# Take them to the devices another way than the kit. On the device, type the passphrase\n"
        "# when install.sh asks, or put it alone in a file for --passphrase-file.\n"
    )
    return (head + "".join(f"{uuid}  {word}  {name}\n" for uuid, word, name in rows)).encode()
