"""When files got their names in a directory: told by the kernel, which slows nobody down."""

from __future__ import annotations

import ctypes
import os
import struct
import threading
import time
from pathlib import Path

_IN_MOVED_TO = 0x80
_EVENT = struct.Struct("iIII")
"""inotify(7): watch, mask, cookie, and the length of the name behind it."""


class Renames:
    """Watches a directory from its making on, in a thread of its own."""

    def __init__(self, directory: Path) -> None:
        """Begin to watch."""
        libc = ctypes.CDLL(None, use_errno=True)
        self._watch = libc.inotify_init1(os.O_CLOEXEC)
        if (
            self._watch < 0
            or libc.inotify_add_watch(self._watch, bytes(directory), _IN_MOVED_TO) < 0
        ):
            raise OSError(ctypes.get_errno(), "inotify", str(directory))
        self._seen: list[tuple[str, float]] = []
        self._directory = directory
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def stop(self) -> list[tuple[str, float]]:
        """Return the names that files got and when, in seconds of time.perf_counter."""
        end = ".end of the watch"
        (self._directory / f"{end}.new").touch()
        (self._directory / f"{end}.new").rename(self._directory / end)
        self._thread.join(timeout=10)
        (self._directory / end).unlink()
        os.close(self._watch)
        return [(name, at) for name, at in self._seen if name != end]

    def _read(self) -> None:
        """Note each event as it comes, up to the one by which `stop` ends the watch."""
        while not self._seen or not self._seen[-1][0].startswith(".end"):
            data = os.read(self._watch, 65536)
            now = time.perf_counter()
            while data:
                *_, length = _EVENT.unpack_from(data)
                name = data[_EVENT.size : _EVENT.size + length].rstrip(b"\0").decode()
                self._seen.append((name, now))
                data = data[_EVENT.size + length :]
