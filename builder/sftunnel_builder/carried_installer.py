"""The frozen sftunnel-installer, which bundles and sticks can carry: a program for the device.

It is taken from a file as it is. Nothing here can tell whether it is the right one: who names it
vouches for it, as a signer does for all that is in a bundle.
"""

from __future__ import annotations

from pathlib import Path

from sftunnel_builder.errors import BundlerError, ExitCode, printable, reason
from sftunnel_builder.tree import open_plain_file
from sftunnel_builder.words import _

PROGRAM = "sftunnel-installer"
"""Its name in a bundle and on a stick."""
MAX_PROGRAM_BYTES = 32 * 1024 * 1024
_HEADS = (b"\x7fELF", b"#!")
"""How a program begins that Linux runs."""


def read_installer(path: Path) -> bytes:
    """Return the program in a file; raises BundlerError (USAGE) when it is none."""
    place = printable(str(path))
    hint = _("name the sftunnel-installer that make dist has built")
    try:
        with open_plain_file(path, place) as file:
            data = file.read(MAX_PROGRAM_BYTES + 1)
    except OSError as error:
        raise BundlerError(
            _("cannot read the installer '{place}': {why}").format(place=place, why=reason(error)),
            hint,
            ExitCode.USAGE,
        ) from None
    except BundlerError as error:
        raise BundlerError(error.message, hint, ExitCode.USAGE) from None
    if not data.startswith(_HEADS) or len(data) > MAX_PROGRAM_BYTES:
        raise BundlerError(
            _("'{place}' is no program for Linux of at most 32 MiB").format(place=place),
            hint,
            ExitCode.USAGE,
        )
    return data
