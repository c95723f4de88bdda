"""What stands on a medium, as far as the system lets one see past its own memory of it."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

CAN_DROP_CACHE = hasattr(os, "posix_fadvise")


def read_back(path: Path, regions: Iterable[tuple[int, int]]) -> list[bytes]:
    """Return regions of a file, of which offset and most bytes are given.

    The system is asked to forget what it keeps of the file first. It must have been flushed.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    with open(descriptor, "rb") as file:
        if CAN_DROP_CACHE:
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        found = []
        for offset, size in regions:
            file.seek(offset)
            found.append(file.read(size))
        return found
