"""`sftunnel-bundler diff`: what would change, from one bundle to another, or on a device."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sftunnel_builder import screen
from sftunnel_builder.cli.verify import read_bundle
from sftunnel_builder.errors import BundlerError, ExitCode, printable
from sftunnel_builder.passphrases import read_passphrase_file
from sftunnel_builder.words import N_

if TYPE_CHECKING:
    from sftunnel_builder.bundle import OpenedBundle
    from sftunnel_builder.comparison import Comparison, Fact, Value
    from sftunnel_builder.forecast import Forecast
    from sftunnel_builder.holding import Holding


def diff(
    before: Annotated[
        Path,
        typer.Argument(
            metavar="A", help=N_("A bundle, or a directory that looks like a device's /.")
        ),
    ],
    after: Annotated[Path, typer.Argument(metavar="B", help=N_("Another."))],
    passphrase_file: Annotated[
        list[Path] | None,
        typer.Option(
            "--passphrase-file",
            help=N_("File with a key's passphrase: opens encrypted keys. May be repeated."),
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help=N_("Print the result as JSON."))] = False,
) -> None:
    """Print what would change from one side to the other."""
    from sftunnel_builder.comparison import compare
    from sftunnel_builder.comparison_text import render

    now = datetime.now(UTC)
    passphrases = [read_passphrase_file(path) for path in passphrase_file or []]
    (left, opened_left), (right, opened_right) = (_open(p, passphrases) for p in (before, after))
    comparison = compare(left, right)
    forecast = _foretell(left, right, opened_left or opened_right, now)
    if as_json:
        screen.result_json(_as_json(comparison, forecast))
        return
    for line in render(comparison, forecast, now):
        screen.result(line)


def _open(path: Path, passphrases: list[str]) -> tuple[Holding, OpenedBundle | None]:
    """Read one side: a directory is a device tree, anything else a bundle. Raises BundlerError."""
    from sftunnel_builder.bundle import open_bundle
    from sftunnel_builder.device_tree import open_device_tree
    from sftunnel_builder.holding import hold_bundle, hold_device

    place = printable(str(path))
    if path.is_dir():
        return hold_device(open_device_tree(path), place), None
    try:
        opened = open_bundle(read_bundle(path))
    except BundlerError as error:
        if error.code is not ExitCode.UNTRUSTED:
            raise
        # Which of the two it is must be said.
        message = f"'{place}': {error.message}"
        raise BundlerError(message, error.hint, ExitCode.UNTRUSTED) from None
    return hold_bundle(opened, place, passphrases), opened


def _foretell(
    left: Holding, right: Holding, opened: OpenedBundle | None, now: datetime
) -> Forecast | None:
    """Return what install.sh would do, if one side is a bundle and the other a device tree."""
    from sftunnel_builder.bundle import check_payload
    from sftunnel_builder.forecast import foretell
    from sftunnel_builder.holding import BUNDLE

    if left.kind == right.kind or opened is None:
        return None
    fault = None
    try:
        check_payload(opened, None, now)
    except BundlerError as error:
        fault = error.message
    bundle, device = (left, right) if left.kind == BUNDLE else (right, left)
    return foretell(device, bundle, fault)


def _as_json(comparison: Comparison, forecast: Forecast | None) -> dict[str, Any]:
    """Return the result for programs.

    `format`, 1; `from` and `to`, each with `kind`, `place`, `device_uuid` and `device_name`;
    `same_device`; `differs`; `facts`; `fmcs`, each with `uuid`, `status`, `facts` and `files`, each
    of these with `name`, `status`, `same` and `facts`; `install`, null unless a bundle meets a
    device tree. A fact is an object by its name, see `_facts`; a status is one of `Status`.
    """
    return {
        "format": 1,
        "from": _side(comparison.before),
        "to": _side(comparison.after),
        "same_device": comparison.is_same_device,
        "differs": comparison.differs,
        "facts": _facts(comparison.facts),
        "fmcs": [
            {
                "uuid": fmc.uuid,
                "status": fmc.status,
                "facts": _facts(fmc.facts),
                "files": [
                    {
                        "name": f.name,
                        "status": f.status,
                        "same": f.is_same,
                        "facts": _facts(f.facts),
                    }
                    for f in fmc.files
                ],
            }
            for fmc in comparison.fmcs
        ],
        "install": forecast and _install(forecast),
    }


def _side(side: Holding) -> dict[str, str]:
    return {
        "kind": side.kind,
        "place": side.place,
        "device_uuid": side.device_uuid,
        "device_name": side.device_name,
    }


def _facts(facts: tuple[Fact, ...]) -> dict[str, Any]:
    """Return facts by name: `from`, `to` and `same`; null where a side says nothing.

    Two times, UTC, also have the `days` from one to the other.
    """

    def plain(value: Value) -> Any:
        return f"{value:%Y-%m-%dT%H:%M:%SZ}" if isinstance(value, datetime) else value

    found: dict[str, Any] = {}
    for fact in facts:
        found[fact.name] = {
            "from": plain(fact.before),
            "to": plain(fact.after),
            "same": fact.is_same,
        }
        if isinstance(fact.before, datetime) and isinstance(fact.after, datetime):
            found[fact.name]["days"] = (fact.after - fact.before).days
    return found


def _install(forecast: Forecast) -> dict[str, Any]:
    return {
        "outcome": forecast.outcome,
        "files": list(forecast.targets),
        "signer_pinned": forecast.is_signer_pinned,
        "interrupted": forecast.is_interrupted,
        "objections": [
            {"message": each.message, "exit": int(each.exit_code), "unless": each.unless}
            for each in forecast.objections
        ],
    }
