"""`sftunnel-bundler expiry`: when certificates end. It answers as monitoring plugins do.

With --json:

    state          ok, warning, expired or unknown: that of the worst certificate
    days_left      of the worst certificate: whole days, rounded down, negative when it has expired
    not_after      YYYY-MM-DDTHH:MM:SSZ
    path, kind     its file, and `CA` or `certificate`
    name, uuid     whose it is
    error, hint    what could not be read and what to do; else null, as are the values above then
    now, warn_days what it was compared with
    restart_is_dangerous   whether a tunnel that drops now may not come back
    fmcs           a list of path, name, model, version, hotfix (name and version, or null),
                   run_id (of the newest generate_certs.pl run, or null) and renewal (a sentence)
    certificates   a list of all, the worst first: state to hint as above, and not_before
    notes          what was not looked at

When there is nothing to look at, the state is unknown and all but error and hint is left out.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sftunnel_builder import screen
from sftunnel_builder.errors import BundlerError
from sftunnel_builder.words import N_, _

if TYPE_CHECKING:
    from sftunnel_builder.expiring import Found
    from sftunnel_builder.expiry import Fmc, Judged


def expiry(
    path: Annotated[
        Path | None,
        typer.Argument(
            metavar="[PATH]",
            help=N_(
                "A certificate, FMC tree, snapshot, device tree, bundle or kit, or a directory "
                "of trees. [default: /]"
            ),
            readable=False,  # what cannot be read is told in our words
            show_default=False,
        ),
    ] = None,
    warn_days: Annotated[
        int, typer.Option("--warn-days", min=0, help=N_("Warn so many days ahead."))
    ] = 90,
    as_json: Annotated[bool, typer.Option("--json", help=N_("Print the result as JSON."))] = False,
) -> None:
    """Print how long certificates are valid, and exit as monitoring plugins do."""
    from sftunnel_builder.expiring import find_expiring
    from sftunnel_builder.expiry import judge_all

    now = datetime.now(UTC)
    found = find_expiring(path or Path("/"))
    judged = judge_all(found.certificates, now, warn_days)
    if as_json:
        screen.result_json(_as_json(found, judged, now, warn_days))
    else:
        _show(found, judged, now)
    raise typer.Exit(judged[0].state)


def cannot_tell(error: BundlerError) -> int:
    """Say that nothing could be looked at, and why; return the exit code.

    A monitoring system reads the first line on standard output, and takes 1 and 2 for a warning
    and an alarm: so an error of any kind, also of the command line, is told there and is 3.
    """
    from sftunnel_builder.expiry import State

    try:
        if "--json" in sys.argv:
            screen.result_json({"state": "unknown", "error": error.message, "hint": error.hint})
        else:
            screen.result(f"{State.UNKNOWN.name}: {error.message}")
        screen.flush()
        screen.hint(error.hint)
    except OSError:  # a full disk, say: then that is the error
        screen.complain(error)
    return State.UNKNOWN


def _show(found: Found, judged: Sequence[Judged], now: datetime) -> None:
    """Print the verdict, and behind it the rest for a person."""
    from sftunnel_builder.expiry import (
        DO_NOT_RESTART,
        counts,
        is_restart_dangerous,
        renewal,
        verdict,
    )

    screen.result(verdict(judged[0], now))
    if len(judged) > 1:
        screen.result(counts(judged))
    for fmc in found.fmcs:
        about = " ".join(filter(None, (fmc.model, fmc.version)))
        screen.result(f"FMC {fmc.name}: {about}" if about else _without_version(fmc))
        screen.result(f"  {renewal(fmc)}")
    if len(judged) > 1:
        screen.result()
        for line in _table(judged):
            screen.result(line)
    if is_restart_dangerous(judged):
        screen.warn(_(DO_NOT_RESTART))
    for each in judged:
        if isinstance(each.certificate.read, BundlerError):
            error = each.certificate.read
            screen.hint(f"{each.certificate.owner}: {error.hint}")
    for note in found.notes:
        screen.remark(note)


def _without_version(fmc: Fmc) -> str:
    return _("FMC {name}: says neither model nor version").format(name=fmc.name)


def _table(judged: Sequence[Judged]) -> list[str]:
    """Return a line a certificate if all lines fit into the terminal, else two."""
    head = (_("days"), _("not after (UTC)"), _("what"), _("whose"), _("file"))
    rows = [head, *(_row(each) for each in judged)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(head) - 1)]
    indent = widths[0] + 2
    longest = sum(width + 2 for width in widths) + max(len(row[-1]) for row in rows)
    is_wide = longest <= shutil.get_terminal_size().columns
    lines = []
    for days, *cells, file in rows:
        padded = [f"{cell:<{width}}" for cell, width in zip(cells, widths[1:], strict=True)]
        line = "  ".join([f"{days:>{widths[0]}}", *padded])
        if is_wide:
            lines.append(f"{line}  {file}")
        else:
            lines += [line.rstrip(), f"{'':{indent}}{file}"]
    return lines


def _row(judged: Judged) -> tuple[str, ...]:
    """Return the cells of a certificate; one that could not be read says why as its file."""
    certificate, read = judged.certificate, judged.certificate.read
    kind = _(certificate.kind)
    if isinstance(read, BundlerError):
        return ("?", _("cannot tell"), kind, certificate.owner, read.message)
    end = read.not_after_utc.replace(tzinfo=None).isoformat(" ")
    return (str(judged.days_left), end, kind, certificate.owner, certificate.path)


def _as_json(
    found: Found, judged: Sequence[Judged], now: datetime, warn_days: int
) -> dict[str, Any]:
    """Return the result for a program: see the top of this file."""
    from sftunnel_builder.expiry import is_restart_dangerous

    return {
        **_certificate_json(judged[0]),
        "now": _iso(now),
        "warn_days": warn_days,
        "restart_is_dangerous": is_restart_dangerous(judged),
        "fmcs": [_fmc_json(fmc) for fmc in found.fmcs],
        "certificates": [_certificate_json(each) for each in judged],
        "notes": list(found.notes),
    }


def _certificate_json(judged: Judged) -> dict[str, Any]:
    certificate, read = judged.certificate, judged.certificate.read
    error = read if isinstance(read, BundlerError) else None
    dates = None if isinstance(read, BundlerError) else read
    return {
        "state": judged.state.name.lower(),
        "days_left": judged.days_left,
        "not_before": _iso(dates.not_before_utc) if dates else None,
        "not_after": _iso(dates.not_after_utc) if dates else None,
        "path": certificate.path,
        "kind": certificate.kind,
        "name": certificate.owner,
        "uuid": certificate.uuid,
        "error": error.message if error else None,
        "hint": error.hint if error else None,
    }


def _fmc_json(fmc: Fmc) -> dict[str, Any]:
    from sftunnel_builder.expiry import renewal
    from sftunnel_builder.hotfixes import hotfix_for

    hotfix = hotfix_for(fmc.version)
    return {
        "path": fmc.path,
        "name": fmc.name,
        "model": fmc.model or None,
        "version": fmc.version or None,
        "hotfix": {"name": hotfix.name, "version": hotfix.version} if hotfix else None,
        "run_id": fmc.run_id,
        "renewal": renewal(fmc),
    }


def _iso(moment: datetime) -> str:
    return f"{moment.replace(tzinfo=None, microsecond=0).isoformat()}Z"
