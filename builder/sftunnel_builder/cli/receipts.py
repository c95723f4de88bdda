"""`sftunnel-bundler receipts`: what the devices say of their runs, and how the change stands.

With --json: kit, created, signer, counts (by state), devices (a list of name, uuid, address,
bundle, bundle_sha256, fmc_uuids, state, seen, known_by, tunnel, exit, not_after, is_expiring),
refused (a list of error and hint), new_entries, notes and page (null if it was not written).
"""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sftunnel_builder import screen
from sftunnel_builder.cli.verify import read_fingerprints
from sftunnel_builder.errors import BundlerError, ExitCode, printable
from sftunnel_builder.words import N_, _

if TYPE_CHECKING:
    from sftunnel_builder.account import Account


def receipts(
    kit: Annotated[
        Path, typer.Argument(metavar="KIT", help=N_("A signed kit."), show_default=False)
    ],
    files: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[FILE]...",
            help=N_(
                "Receipts, a mounted stick, logs of a terminal, or - for standard input. "
                "[default: what the ledger beside the kit has]"
            ),
            readable=False,  # what cannot be read is told in our words
            show_default=False,
        ),
    ] = None,
    codes: Annotated[
        list[str] | None,
        typer.Option(
            "--code", help=N_("Confirmation code read out by telephone. May be repeated.")
        ),
    ] = None,
    warn_days: Annotated[
        int, typer.Option("--warn-days", min=0, help=N_("Show as expiring so many days ahead."))
    ] = 90,
    signer: Annotated[
        list[str] | None,
        typer.Option(
            "--signer", help=N_("Fingerprint of who must have signed it. May be repeated.")
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help=N_("Print the result as JSON."))] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help=N_("Print the devices as CSV."))] = False,
) -> None:
    """Take in receipts and codes, and print how the change stands."""
    from sftunnel_builder.account import AccountRequest, take_account
    from sftunnel_builder.standing import is_done

    if as_json and as_csv:
        raise BundlerError(
            _("--json and --csv contradict each other"), _("give one of them"), ExitCode.USAGE
        )
    trusted = read_fingerprints(signer)
    request = AccountRequest(
        kit=Path(os.path.realpath(kit)),
        files=tuple(files or ()),
        codes=tuple(codes or ()),
        trusted=trusted,
        warn_days=warn_days,
    )
    account = take_account(request, datetime.now(UTC))
    _show(account, as_json=as_json, as_csv=as_csv)
    if not trusted:
        screen.remark(_("the signer was not compared: give --signer, from the printed runbook"))
    if account.refused:
        raise typer.Exit(ExitCode.UNTRUSTED)
    raise typer.Exit(ExitCode.DONE if is_done(account.fleet) else ExitCode.PART_DONE)


def _show(account: Account, *, as_json: bool, as_csv: bool) -> None:
    """Print the fleet, and what was refused."""
    from sftunnel_builder import fleet_text

    if as_json:
        screen.result_json(
            {
                **fleet_text.as_json(account.fleet),
                "refused": [{"error": e.message, "hint": e.hint} for e in account.refused],
                "new_entries": account.new_entries,
                "notes": list(account.notes),
                "page": str(account.page) if account.page else None,
            }
        )
    elif as_csv:
        # The lines end in CR LF; the last one's end is printed here.
        screen.result(fleet_text.as_csv(account.fleet).removesuffix("\n"))
    else:
        for line in fleet_text.table(account.fleet):
            screen.result(line)
    if account.page:
        screen.note(_("page: {path}").format(path=printable(str(account.page))))
    for note in account.notes:
        screen.remark(note)
    for error in account.refused:
        screen.complain(error)
