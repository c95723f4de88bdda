"""Writing so that a power cut does not take it away again."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path


def write_private(path: Path, content: bytes) -> None:
    """Write a new file, 0600, flushed to disk."""
    write_pieces(path, [content])


def write_pieces(path: str | Path, pieces: Iterable[bytes]) -> None:
    """Write a new file as `write_private` does, from pieces that are not all held at once."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with open(descriptor, "wb") as file:
        file.writelines(pieces)
        file.flush()
        os.fsync(descriptor)


def flush_directory(path: Path) -> None:
    """Flush the names in a directory to disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
