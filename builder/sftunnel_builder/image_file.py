"""Writing an image to a file: it appears under its name whole and compared, or not at all."""

from __future__ import annotations

import os
import stat
import tempfile
from contextlib import suppress
from pathlib import Path

from sftunnel_builder.errors import BundlerError, ExitCode, printable, reason
from sftunnel_builder.fat32_image import SECTOR, Image
from sftunnel_builder.on_disk import flush_directory
from sftunnel_builder.read_back import read_back
from sftunnel_builder.words import _


def refuse_image_place(path: Path, *, replace: bool) -> None:
    """Raise BundlerError if no image may be written under that name."""
    place = printable(str(path))
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    except OSError as error:
        raise _cannot_write(path, error) from None
    if not stat.S_ISREG(mode):
        raise BundlerError(
            _("'{place}' is not a plain file, so no image is written there").format(place=place),
            _("name a new file for the image; what writes it to a stick is dd, or the like"),
            ExitCode.USAGE,
        )
    if not replace:
        raise BundlerError(
            _("'{place}' exists already").format(place=place),
            _("name another file, or give --replace"),
            ExitCode.USAGE,
        )
    if not _is_image(path):
        raise BundlerError(
            _("'{place}' is not an image of a stick, so --replace leaves it alone").format(
                place=place
            ),
            _("name another file"),
            ExitCode.USAGE,
        )


def _is_image(path: Path) -> bool:
    """Tell if a file begins as an image of FAT32 does."""
    try:
        (sector,) = read_back(path, [(0, SECTOR)])
    except OSError as error:
        raise _cannot_write(path, error) from None
    return sector[82:90] == b"FAT32   " and sector[510:] == b"\x55\xaa"


def write_image(path: Path, image: Image) -> None:
    """Write an image, 0600 and sparse, flush it, read it back, and give it its name.

    Raises BundlerError (UNSUITABLE), and leaves what was there before.
    """
    try:
        descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.new-", dir=path.parent)
    except OSError as error:
        raise _cannot_write(path, error) from None
    new = Path(name)
    try:
        with open(descriptor, "wb") as file:
            file.truncate(image.size_bytes)
            for offset, content in image.regions:
                file.seek(offset)
                file.write(content)
            file.flush()
            os.fsync(descriptor)
        places = ((offset, len(content)) for offset, content in image.regions)
        if read_back(new, places) != [content for _, content in image.regions]:
            raise BundlerError(
                _("'{place}' reads back other bytes than were written").format(
                    place=printable(str(path))
                ),
                _("write it to another disk"),
                ExitCode.UNSUITABLE,
            )
        os.replace(new, path)
        flush_directory(path.parent)
    except OSError as error:
        raise _cannot_write(path, error) from None
    finally:
        with suppress(OSError):
            new.unlink()


def _cannot_write(path: Path, error: OSError) -> BundlerError:
    return BundlerError(
        _("cannot write the image '{place}': {why}").format(
            place=printable(str(path)), why=reason(error)
        ),
        _("look at the free space and the permissions there; nothing was left behind"),
        ExitCode.UNSUITABLE,
    )
