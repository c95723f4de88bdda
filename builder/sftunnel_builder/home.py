"""Where `~` in the name of a file is."""

from __future__ import annotations

from pathlib import Path

from sftunnel_builder.errors import BundlerError, ExitCode, printable
from sftunnel_builder.words import _


def expand_home(path: Path) -> Path:
    """Return a path without the `~` that it may begin with; raises BundlerError (USAGE).

    A shell leaves the `~` of somebody it does not know as it is, and a service may have no home.
    """
    try:
        return path.expanduser()
    except RuntimeError:
        raise BundlerError(
            _("the home directory in '{path}' is not known").format(path=printable(str(path))),
            _("name the file with its whole path, or set HOME"),
            ExitCode.USAGE,
        ) from None
