"""`sftunnel-bundler verify`: whether a bundle holds, by this product's own crypto."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from sftunnel_builder import screen
from sftunnel_builder.errors import BundlerError, ExitCode, printable, reason
from sftunnel_builder.passphrases import read_passphrase_file
from sftunnel_builder.words import N_, _


def verify(
    bundles: Annotated[
        list[Path],
        typer.Argument(metavar="BUNDLE...", help=N_("Bundles, .tar.gz."), show_default=False),
    ],
    signer: Annotated[
        list[str] | None,
        typer.Option("--signer", help=N_("Fingerprint to trust, 64 hex digits. May be repeated.")),
    ] = None,
    passphrase_file: Annotated[
        Path | None,
        typer.Option(
            "--passphrase-file", help=N_("File with the key's passphrase: checks the key, too.")
        ),
    ] = None,
) -> None:
    """Verify bundles: form, signature, checksums, trio."""
    from sftunnel_builder.bundle import check_payload, check_trust, open_bundle

    trusted = read_fingerprints(signer)
    passphrase = read_passphrase_file(passphrase_file) if passphrase_file else None
    worst = ExitCode.DONE
    any_locked = False
    good, bad = _("good"), _("bad")
    width = max(len(good), len(bad)) + 1
    for path in bundles:
        place = printable(str(path))
        try:
            opened = open_bundle(read_bundle(path))
            if trusted:
                check_trust(opened, trusted)
            warnings = check_payload(opened, passphrase, datetime.now(UTC))
        except BundlerError as error:
            screen.result(screen.row(bad, place, width))
            screen.complain(error)
            worst = max(worst, error.code)
            continue
        signed = _("{bundle}  signer {signer}").format(bundle=place, signer=opened.signer)
        screen.result(screen.row(good, signed, width))
        any_locked = any_locked or (passphrase is None and opened.is_key_encrypted())
        for warning in warnings:
            screen.warn(f"{place}: {warning}")
    if any_locked:
        screen.remark(_("encrypted keys were not opened: --passphrase-file checks them, too"))
    if not trusted:
        screen.remark(_("the signer was not compared: give --signer, from the printed runbook"))
    raise typer.Exit(worst)


def read_bundle(path: Path) -> bytes:
    """Return the bytes of a bundle file; raises BundlerError."""
    from sftunnel_builder.archive import MAX_ARCHIVE_BYTES

    try:
        with path.open("rb") as file:
            return file.read(MAX_ARCHIVE_BYTES + 1)
    except OSError as error:
        raise BundlerError(
            _("cannot read '{path}': {why}").format(path=printable(str(path)), why=reason(error)),
            _("name a bundle: a .tar.gz in the kit's bundles/"),
        ) from None


def read_fingerprints(texts: list[str] | None) -> set[str]:
    """Return the fingerprints given with --signer; raises BundlerError."""
    return {_fingerprint(text) for text in texts or []}


def _fingerprint(text: str) -> str:
    """Return a fingerprint as typed, blanks, colons and case aside; raises BundlerError."""
    digits = re.sub(r"[\s:]", "", text).lower()
    if not re.fullmatch("[0-9a-f]{64}", digits):
        raise BundlerError(
            _("--signer wants the 64 hex digits of a fingerprint, found '{found}'").format(
                found=printable(text)
            ),
            _("copy it from the printed runbook"),
            ExitCode.USAGE,
        )
    return digits
