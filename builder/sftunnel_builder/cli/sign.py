"""`sftunnel-bundler sign`: sign a kit apart from building it, or by another signer."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sftunnel_builder import screen
from sftunnel_builder.carried_installer import read_installer
from sftunnel_builder.cli.signing import (
    Language,
    SignCommandLine,
    SigningKey,
    SigningPassphraseFile,
    choose_signer,
    progress_beside,
    show_kit,
)
from sftunnel_builder.cli.verify import read_fingerprints
from sftunnel_builder.words import N_, _, spoken

if TYPE_CHECKING:
    from sftunnel_builder.sign import SignReport


def sign(
    kit: Annotated[
        Path, typer.Argument(metavar="KIT", help=N_("The kit, signed or not."), show_default=False)
    ],
    signing_key: SigningKey = None,
    signing_passphrase_file: SigningPassphraseFile = None,
    sign_command: SignCommandLine = None,
    signer: Annotated[
        list[str] | None,
        typer.Option(
            "--signer",
            help=N_("Fingerprint of who must have signed the kit before. May be repeated."),
        ),
    ] = None,
    with_installer: Annotated[
        Path | None,
        typer.Option(
            "--with-installer", help=N_("The sftunnel-installer that bundles may have in them.")
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", help=N_("The signed kit to write. [default: in place of KIT]")),
    ] = None,
    lang: Language = None,
    as_json: Annotated[bool, typer.Option("--json", help=N_("Print the result as JSON."))] = False,
) -> None:
    """Sign a kit that was built unsigned, or by another."""
    from sftunnel_builder.sign import SignRequest, sign_kit

    trusted = read_fingerprints(signer)
    place = Path(os.path.realpath(kit))
    request = SignRequest(
        kit=place,
        out=Path(os.path.abspath(out)) if out else place,
        signer=choose_signer(signing_key, signing_passphrase_file, sign_command),
        trusted=trusted,
        now=datetime.now(UTC),
        lang=lang or spoken(),
        installer=read_installer(with_installer) if with_installer else None,
    )
    report = sign_kit(request, progress_beside(request.signer, _("Signing")))
    if as_json:
        screen.result_json(_as_json(report))
    else:
        _show(report)
    if report.signer_before and not trusted:
        screen.remark(_("the signer before was not compared: --signer says who it must be"))
    if report.has_locked_keys:
        screen.remark(_("encrypted keys were not opened: verify --passphrase-file checks them"))


def _show(report: SignReport) -> None:
    """Print the report for a person."""
    width = max(len(device.name) for device in report.signed)
    for device in report.signed:
        screen.result(screen.row(_("signed"), f"{device.name:<{width}}  {device.bundle}", 8))
        for warning in device.warnings:
            screen.warn(f"{device.name}: {warning}")
    screen.result()
    if report.signer_before:
        before = _("signed by {signer}").format(signer=report.signer_before)
        screen.result(screen.row(_("before"), before))
    else:
        before = _("not signed; SHA256SUMS {sha256}").format(sha256=report.sums_sha256_before)
        screen.result(screen.row(_("before"), before))
        screen.note(
            _("Compare that with what build --unsigned printed: nothing else says who built it.")
        )
    show_kit(report.kit, report.signer, report.passphrases)


def _as_json(report: SignReport) -> dict[str, Any]:
    """Return the report for a program."""
    return {
        "kit": str(report.kit),
        "signer": report.signer,
        "signer_before": report.signer_before,
        "sums_sha256_before": report.sums_sha256_before,
        "passphrases": str(report.passphrases) if report.passphrases else None,
        "signed": [
            {
                "name": d.name,
                "uuid": d.uuid,
                "bundle": d.bundle,
                "bundle_id": d.bundle_id,
                "sha256": d.sha256,
                "warnings": list(d.warnings),
            }
            for d in report.signed
        ],
    }
