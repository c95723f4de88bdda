"""`sftunnel-bundler console script`: a bundle as a text for pasting into a terminal program."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sftunnel_builder import screen
from sftunnel_builder.cli.console.whole import BundleArgument, SignerOption, read_whole_bundle
from sftunnel_builder.errors import BundlerError, ExitCode, printable, reason
from sftunnel_builder.port import BITS_A_BYTE
from sftunnel_builder.words import N_, _, ngettext

if TYPE_CHECKING:
    from sftunnel_builder.paste import Paste

_HOW_TO = N_(r"""
Paste all of it on the device, as root at the prompt that ends in #, in a new
directory. Each block is answered:
    ok N                   it has arrived
    paste block N again    from the ':' above its line 'b<<\: N' to the ':' below
When no block is asked for any more, type e: it puts the bundle together, prints
its SHA-256 and the command that starts the installer, or says what is missing.
In a new session, first paste the lines above block 1 again. At a > that does not
go away: Ctrl-C, then e.""")


def script(
    bundle: BundleArgument,
    out: Annotated[
        Path | None,
        typer.Option("--out", help=N_("A new file for the text.  [default: standard output]")),
    ] = None,
    signer: SignerOption = None,
) -> None:
    """Print a text that brings a bundle to a device when it is pasted there."""
    from sftunnel_builder.paste import make_paste

    data, opened = read_whole_bundle(bundle, signer)
    paste = make_paste(data, f"{opened.top}.tar.gz", opened.signer)
    if out:
        _write(out, paste.text())
    else:
        screen.result(paste.text().decode().removesuffix("\n"))
        screen.flush()
    screen.note(describe_cost(len(paste.text()), paste))
    screen.note(_("SHA-256 of the bundle: {sha256}").format(sha256=paste.sha256))
    screen.note(_(_HOW_TO))


def describe_cost(size: int, paste: Paste) -> str:
    """Say what it takes to send so many bytes, those of a paste."""
    seconds = {baud: size * BITS_A_BYTE / baud for baud in (9600, 115200)}
    return ngettext(
        "{bytes:,} bytes in {n} block: {slow:.0f} s at 9600 baud, {fast:.0f} s at 115200",
        "{bytes:,} bytes in {n} blocks: {slow:.0f} s at 9600 baud, {fast:.0f} s at 115200",
        len(paste.blocks),
    ).format(bytes=size, n=len(paste.blocks), slow=seconds[9600], fast=seconds[115200])


def _write(path: Path, text: bytes) -> None:
    """Write a new file, 0600; raises BundlerError."""
    from sftunnel_builder.on_disk import write_private

    try:
        write_private(path, text)
    except FileExistsError:
        raise BundlerError(
            _("'{path}' exists already").format(path=printable(str(path))),
            _("choose another name with --out, or remove it"),
            ExitCode.USAGE,
        ) from None
    except OSError as error:
        raise BundlerError(
            _("cannot write '{path}': {why}").format(path=printable(str(path)), why=reason(error)),
            _("choose another place with --out"),
            ExitCode.UNSUITABLE,
        ) from None
