"""Is a file with a secret its owner's alone? Asked of the file and of the directory that names it.

1. it is a plain file
2. it belongs to who runs this, to root, or to who called sudo
3. nobody else may read or write it: mode 0600
4. nobody else may put another file in its place: neither in the directory that it was named in nor,
   if that was a link, in the one where it lies

The file is judged by what was opened, so that a link is as good as the file that it leads to.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from sftunnel_builder.errors import BundlerError, printable
from sftunnel_builder.words import _

MAX_BYTES = 1 << 16


def read_plain_file(path: Path, what: str) -> tuple[bytes, os.stat_result]:
    """Return at most 64 KiB of a file, and what the operating system says of it.

    what says which file it is in messages, such as `the signing key`. Raises OSError, or
    BundlerError if it is no plain file.
    """
    # Not blocking: a FIFO would wait for a writer.
    with open(path, "rb", opener=lambda p, flags: os.open(p, flags | os.O_NONBLOCK)) as file:
        facts = os.fstat(file.fileno())
        if not stat.S_ISREG(facts.st_mode):  # 1
            raise BundlerError(
                _("{what} '{place}' is not a plain file").format(
                    what=what, place=printable(str(path))
                ),
                _("name the file itself"),
            )
        return file.read(MAX_BYTES), facts


def refuse_shared_file(path: Path, facts: os.stat_result, what: str) -> None:
    """Raise BundlerError if a file that was read is not its owner's alone."""
    place = f"{what} '{printable(str(path))}'"
    _refuse_stranger(facts, place)  # 2
    mode = stat.S_IMODE(facts.st_mode)
    if mode & 0o077:  # 3
        raise BundlerError(
            _("{place} is open to others: wanted mode 0600, found {found:04o}").format(
                place=place, found=mode
            ),
            _("chmod 600 '{place}'; if others could have read it, make a new signer").format(
                place=printable(str(path))
            ),
        )
    refuse_shared_directory(path, what)  # 4


def refuse_shared_directory(path: Path, what: str) -> None:
    """Raise BundlerError if others could put another file in the place of this one; OSError.

    A directory of the caller's own group passes: where every user has a group of their own, new
    directories are like that.
    """
    for directory in dict.fromkeys((path.parent, Path(os.path.realpath(path)).parent)):
        facts = directory.stat()
        place = _("the directory '{place}' of {what}").format(
            place=printable(str(directory)), what=what
        )
        _refuse_stranger(facts, place)
        for_group = facts.st_mode & stat.S_IWGRP and facts.st_gid not in (0, os.getegid())
        is_shared = facts.st_mode & stat.S_IWOTH or for_group
        if is_shared and not facts.st_mode & stat.S_ISVTX:
            raise BundlerError(
                _("{place} is open to others: wanted mode 0700, found {found:04o}").format(
                    place=place, found=stat.S_IMODE(facts.st_mode)
                ),
                _("chmod go-w '{place}': others could put another key there").format(
                    place=printable(str(directory))
                ),
            )


def _refuse_stranger(facts: os.stat_result, place: str) -> None:
    """Raise BundlerError unless the owner is who runs this, root, or who called sudo."""
    owners = {0, os.geteuid()}
    caller = os.environ.get("SUDO_UID", "")
    if os.geteuid() == 0 and caller.isascii() and caller.isdigit():
        owners.add(int(caller))
    if facts.st_uid not in owners:
        raise BundlerError(
            _("{place} belongs to another user: wanted user id '{wanted}', found '{found}'").format(
                place=place, wanted=os.geteuid(), found=facts.st_uid
            ),
            _("make a signer of your own, or copy the key to a directory of your own, mode 0600"),
        )
