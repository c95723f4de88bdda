"""Lines in order, of which only the last few are held: the others wait on the disk."""

from __future__ import annotations

import heapq
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO

MAX_HELD = 4096


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
        if len(self._held) > MAX_HELD:
            file = tempfile.TemporaryFile(dir=self._directory)  # noqa: SIM115  closed by `close`
            self._parts.append(file)
            file.writelines(sorted(self._held))
            self._held.clear()

    def __iter__(self) -> Iterator[bytes]:
        """Yield all that were added so far. Raises OSError."""
        for part in self._parts:
            part.seek(0)
        return heapq.merge(*self._parts, sorted(self._held))

    def close(self) -> None:
        """Let go of the files."""
        for part in self._parts:
            part.close()
