"""The page of a change as it stands now, beside the kit: the one in the kit is signed and stays."""

from __future__ import annotations

import os
import re
from datetime import datetime
from pathlib import Path

from sftunnel_builder.errors import BundlerError, ExitCode, printable, reason
from sftunnel_builder.fleet import Fleet
from sftunnel_builder.kit import INDEX
from sftunnel_builder.on_disk import flush_directory, write_private
from sftunnel_builder.page import render_index
from sftunnel_builder.words import Lang, _

_LANG = re.compile(rb'<html lang="([a-z]{2})"')


def language_of(page: bytes) -> Lang:
    """Return the language of a kit's page; English if it says none that is known here."""
    found = _LANG.search(page)
    wanted = found[1].decode() if found else ""
    return Lang(wanted) if wanted in set(Lang) else Lang.EN


def write_progress_page(directory: Path, fleet: Fleet, now: datetime) -> Path:
    """Write index.html into the directory of the ledger, whole or not at all; return its path.

    Raises BundlerError if it cannot be written.
    """
    path = directory / INDEX
    beside = directory / f".{INDEX}.{os.getpid()}"
    page = render_index(fleet, now, f"../{fleet.kit_name}/runbooks/")
    try:
        beside.unlink(missing_ok=True)
        write_private(beside, page)
        os.replace(beside, path)
        flush_directory(directory)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise BundlerError(
            _("cannot write '{place}': {why}").format(
                place=printable(str(path)), why=reason(error)
            ),
            _("the ledger beside it has what was verified; make it writable, and run this again"),
            ExitCode.UNSUITABLE,
        ) from None
    return path
