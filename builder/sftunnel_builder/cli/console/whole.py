"""Which bundle goes to the console: one that holds, as a damaged one would be found too late."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sftunnel_builder import screen
from sftunnel_builder.cli.verify import read_bundle, read_fingerprints
from sftunnel_builder.errors import BundlerError, printable
from sftunnel_builder.words import N_, _

if TYPE_CHECKING:
    from sftunnel_builder.bundle import OpenedBundle

BundleArgument = Annotated[
    Path, typer.Argument(metavar="BUNDLE", help=N_("A bundle, .tar.gz."), show_default=False)
]
SignerOption = Annotated[
    list[str] | None,
    typer.Option("--signer", help=N_("Fingerprint to trust, 64 hex digits. May be repeated.")),
]


def read_whole_bundle(path: Path, signer: list[str] | None) -> tuple[bytes, OpenedBundle]:
    """Return a bundle's bytes and contents, verified as `verify` does.

    signer are the fingerprints to trust, none for any. Raises BundlerError.
    """
    from sftunnel_builder.bundle import check_payload, check_trust, open_bundle

    place = printable(str(path))
    trusted = read_fingerprints(signer)
    data = read_bundle(path)
    try:
        opened = open_bundle(data)
        if trusted:
            check_trust(opened, trusted)
        warnings = check_payload(opened, None, datetime.now(UTC))
    except BundlerError as error:
        raise error.about(place) from None
    if not trusted:
        screen.remark(
            _(
                "{bundle}: the signer was not compared: give --signer, from the printed runbook"
            ).format(bundle=place)
        )
    for warning in warnings:
        screen.warn(f"{place}: {warning}")
    if not opened.is_key_encrypted():
        screen.warn(
            _(
                "{bundle}: the key in it is not encrypted: whoever sees or records the "
                "console line has it"
            ).format(bundle=place)
        )
    return data, opened
