"""`sftunnel-bundler build`: FMC trees in, kit out."""

from __future__ import annotations

import os
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
    show_passphrases,
)
from sftunnel_builder.errors import BundlerError, ExitCode, printable
from sftunnel_builder.passphrases import read_passphrase_file
from sftunnel_builder.words import N_, _, spoken

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sftunnel_builder.build import BuildReport

MAX_NAMES = 10
"""Of devices left out, on a screen; --json has all."""


def build(
    fmc_tree: Annotated[
        list[Path] | None,
        typer.Option(
            "--fmc-tree",
            help=N_(
                "Directory that looks like an FMC's /, or a snapshot; twice for an HA pair, "
                "primary first. [default: /]"
            ),
        ),
    ] = None,
    failed_push: Annotated[
        Path | None,
        typer.Option(
            "--failed-push",
            help=N_(
                "The FAILED_PUSH to use, or what generate_certs.pl showed. "
                "[default: the tree's newest]"
            ),
        ),
    ] = None,
    all_devices: Annotated[
        bool,
        typer.Option(
            "--all-devices", help=N_("Every device with new certificates, not only the failed.")
        ),
    ] = False,
    only: Annotated[
        list[str] | None,
        typer.Option(
            "--only", help=N_("Only this device: name, UUID or address. May be repeated.")
        ),
    ] = None,
    devices: Annotated[
        Path | None,
        typer.Option("--devices", help=N_("Only the devices in this devices.csv: name,address.")),
    ] = None,
    out: Annotated[Path, typer.Option("--out", help=N_("The kit to write."))] = Path(
        "sftunnel-kit"
    ),
    replace: Annotated[
        bool, typer.Option("--replace", help=N_("Replace the kit that stands there."))
    ] = False,
    signing_key: SigningKey = None,
    signing_passphrase_file: SigningPassphraseFile = None,
    sign_command: SignCommandLine = None,
    unsigned: Annotated[
        bool, typer.Option("--unsigned", help=N_("Sign nothing: sign the kit later, with sign."))
    ] = False,
    key_passphrase_file: Annotated[
        Path | None,
        typer.Option(
            "--key-passphrase-file",
            help=N_("One passphrase for all device keys. [default: a random one for each]"),
        ),
    ] = None,
    plain_keys: Annotated[
        bool,
        typer.Option("--plain-keys", help=N_("Leave the device keys unencrypted in the bundles.")),
    ] = False,
    with_installer: Annotated[
        Path | None,
        typer.Option(
            "--with-installer", help=N_("The frozen sftunnel-installer to put into each bundle.")
        ),
    ] = None,
    jobs: Annotated[
        int | None,
        typer.Option("--jobs", min=1, help=N_("Processes to use. [default: one a core]")),
    ] = None,
    lang: Language = None,
    as_json: Annotated[bool, typer.Option("--json", help=N_("Print the result as JSON."))] = False,
) -> None:
    """Build a kit: one signed bundle a device."""
    from sftunnel_builder.build import BuildRequest, build_kit, build_time
    from sftunnel_builder.choose import Wanted
    from sftunnel_builder.fmc_tree import refuse_missing_tree
    from sftunnel_builder.kit import refuse_existing

    if plain_keys and key_passphrase_file:
        raise BundlerError(
            _("--plain-keys and --key-passphrase-file contradict each other"),
            _("give one of them"),
            ExitCode.USAGE,
        )
    if all_devices and failed_push:
        raise BundlerError(
            _("--all-devices and --failed-push contradict each other"),
            _("give one of them"),
            ExitCode.USAGE,
        )
    if unsigned:
        _refuse_signer(signing_key, signing_passphrase_file, sign_command)
    out = Path(os.path.abspath(out))
    trees = tuple(fmc_tree or [Path("/")])
    # Before a passphrase is typed in vain.
    refuse_existing(out, replace=replace)
    for path in trees:
        refuse_missing_tree(path)
    request = BuildRequest(
        wanted=Wanted(
            fmc_trees=trees,
            failed_push=failed_push,
            all_devices=all_devices,
            only=tuple(only or ()),
            devices_csv=devices,
        ),
        out=out,
        signer=None
        if unsigned
        else choose_signer(signing_key, signing_passphrase_file, sign_command),
        created=build_time(),
        replace=replace,
        plain_keys=plain_keys,
        passphrase=read_passphrase_file(key_passphrase_file) if key_passphrase_file else None,
        jobs=jobs or os.cpu_count() or 1,
        lang=lang or spoken(),
        installer=read_installer(with_installer) if with_installer else None,
    )
    report = build_kit(request, progress_beside(request.signer, _("Building")))
    if as_json:
        screen.result_json(_as_json(report))
    else:
        _show(report)
    raise typer.Exit(report.exit_code)


def _refuse_signer(key: Path | None, passphrase_file: Path | None, command: str | None) -> None:
    """Raise BundlerError if an option says who signs, where nobody does."""
    options = {
        "--signing-key": key,
        "--signing-passphrase-file": passphrase_file,
        "--sign-command": command,
    }
    for option, value in options.items():
        if value is not None:
            raise BundlerError(
                _("--unsigned and {option} contradict each other").format(option=option),
                _("give one of them"),
                ExitCode.USAGE,
            )


def _show(report: BuildReport) -> None:
    """Print the report for a person."""
    names = [d.name for d in report.built] + [r.name for r in report.refused]
    width = max(map(len, names), default=0)
    built, refused = _("built"), _("refused")
    state_width = max(len(built), len(refused)) + 1
    for device in report.built:
        name = f"{device.name:<{width}}  {device.bundle}"
        screen.result(screen.row(built, name, state_width))
        for warning in device.warnings:
            screen.warn(f"{device.name}: {warning}")
    for refusal in report.refused:
        name = f"{refusal.name:<{width}}  {refusal.message}"
        screen.result(screen.row(refused, name, state_width))
        screen.hint(f"{refusal.name}: {refusal.hint}")
    for text in [*_left_out(report), *report.notes]:
        screen.note(text)
    screen.result()
    if report.kit is None:
        screen.result(_("nothing was built: no kit was written"))
        return
    if report.signer is not None:
        show_kit(report.kit, report.signer, report.passphrases)
        return
    unsigned = _("{kit}, not signed yet").format(kit=printable(str(report.kit)))
    screen.result(screen.row(_("kit"), unsigned))
    screen.result(screen.row("SHA256SUMS", str(report.sums_sha256)))
    show_passphrases(report.passphrases)
    screen.note(
        _(
            "Take the kit to the signer, and the line SHA256SUMS another way. There, type:\n"
            "sftunnel-bundler sign KIT. It makes the bundles to carry, and the runbooks."
        )
    )


def _left_out(report: BuildReport) -> Iterator[str]:
    """Yield a line for each reason for which devices get no bundle."""
    for why in dict.fromkeys(device.why for device in report.left_out):
        names = [device.name for device in report.left_out if device.why == why]
        shown = ", ".join(names[:MAX_NAMES])
        if len(names) > MAX_NAMES:
            shown = _("{names} and {n} more").format(names=shown, n=len(names) - MAX_NAMES)
        yield _("left out ({why}): {names}").format(why=why, names=shown)


def _as_json(report: BuildReport) -> dict[str, Any]:
    """Return the report for a program."""
    return {
        "kit": str(report.kit) if report.kit else None,
        "signer": report.signer,
        "sums_sha256": report.sums_sha256,
        "created": report.created.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "passphrases": str(report.passphrases) if report.passphrases else None,
        "built": [
            {
                "name": d.name,
                "uuid": d.uuid,
                "address": d.address,
                "fmcs": list(d.fmc_uuids),
                "bundle": d.bundle,
                "bundle_id": d.bundle_id,
                "sha256": d.sha256,
                "warnings": list(d.warnings),
            }
            for d in report.built
        ],
        "refused": [
            {"name": r.name, "uuid": r.uuid, "error": r.message, "hint": r.hint}
            for r in report.refused
        ],
        "left_out": [{"name": d.name, "uuid": d.uuid, "why": d.why} for d in report.left_out],
        "notes": list(report.notes),
    }
