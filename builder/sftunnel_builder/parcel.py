"""What is sent over a console: a bundle, parted for that, and where it is to arrive."""

from __future__ import annotations

import re
from dataclasses import dataclass

from sftunnel_builder.errors import BundlerError, ExitCode, printable
from sftunnel_builder.paste import Paste, make_paste
from sftunnel_builder.words import _

BLOCK_CHARACTERS = 640
"""Of base64 in a block: smaller ones than a person would paste, as each may be lost on its own."""


@dataclass(frozen=True)
class Parcel:
    """What is to arrive, and under which name."""

    file_name: str
    directory: str
    """Where on the device: an absolute path of letters that no shell expands."""
    paste: Paste

    @property
    def bytes_needed(self) -> int:
        """Return how many bytes go over a line that damages nothing."""
        return len(self.paste.text())


def make_parcel(data: bytes, file_name: str, signer: str, directory: str) -> Parcel:
    """Return a bundle, the bytes of its file, made ready for the line.

    Raises BundlerError (USAGE) if a shell would read something else into the directory's name.
    """
    if not re.fullmatch(r"(?:/[A-Za-z0-9][A-Za-z0-9._-]*)+", directory):
        raise BundlerError(
            _(
                "--dir wants an absolute path of letters, digits, '.', '_', '-', found '{found}'"
            ).format(found=printable(directory)),
            _("name a directory such as /var/tmp/renewal"),
            ExitCode.USAGE,
        )
    paste = make_paste(data, file_name, signer, BLOCK_CHARACTERS, BLOCK_CHARACTERS)
    return Parcel(file_name, directory, paste)
