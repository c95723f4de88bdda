"""Lines in order, of which only the last few are held: the others wait on the disk."""

from __future__ import annotations

import heapq
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO

MAX_HELD = 4096
MAX_PARTS = 32


class SortedLines:
    """Lines that are added in any order, and come back sorted by their bytes, with their ends."""

    def __init__(self, directory: Path) -> None:
        """Begin with none; directory is where they may wait, in files that have no name there."""
        self._directory = directory
        self._held: list[bytes] = []
        self._parts: list[IO[bytes]] = []

    def add(self, lines: Iterable[bytes]) -> None:
        """Add some, each with its line end. Raises OSError."""
        self._held += lines
        if len(self._held) <= MAX_HELD:
            return
        self._set_aside(sorted(self._held))
        self._held.clear()
        if len(self._parts) > MAX_PARTS:
            # So that no fleet is too large for the number of open files.
            joined = len(self._parts)
            self._set_aside(iter(self))
            _close(self._parts[:joined])
            del self._parts[:joined]

    def _set_aside(self, lines: Iterable[bytes]) -> None:
        part = tempfile.TemporaryFile(dir=self._directory)  # noqa: SIM115  closed by `close`
        self._parts.append(part)
        part.writelines(lines)

    def __iter__(self) -> Iterator[bytes]:
        """Yield all that were added so far. Raises OSError."""
        for part in self._parts:
            part.seek(0)
        return heapq.merge(*self._parts, sorted(self._held))

    def close(self) -> None:
        """Let go of the files."""
        _close(self._parts)


def _close(parts: Iterable[IO[bytes]]) -> None:
    for part in parts:
        # What could not be written any more is not wanted any more.
        with suppress(OSError):
            part.close()
