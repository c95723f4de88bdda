"""Which files a log is in, in what order they were written, and the lines of it that matter.

A rotated set (`messages`, `messages.1`, `messages.2.gz`) is read oldest first. Nothing of a file is
held but a chunk of it and the rest of a line, however large it is and however long its lines are.
"""

from __future__ import annotations

import gzip
import os
import re
import stat
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from sftunnel_builder.captured import without_escapes
from sftunnel_builder.errors import BundlerError, printable, reason
from sftunnel_builder.log_lines import NEEDLES
from sftunnel_builder.words import _

CHUNK_BYTES = 256 * 1024
MAX_LINE_BYTES = 8192
"""What a line holds beyond this is not looked at; syslog cuts lines at this length, too."""
STANDARD_INPUT = Path("-")

_ROTATED = re.compile(r"(.+?)(?:\.(\d{1,6})|-(\d{8}))?(?:\.gz)?")
_GZIP_MAGIC = b"\x1f\x8b"


@dataclass(frozen=True)
class LogFile:
    """A file to be read, or standard input."""

    path: Path
    size: int | None
    """In bytes as it lies there; None where that cannot be told."""

    def name(self) -> str:
        """Return what to call it in messages."""
        return _("standard input") if self.path == STANDARD_INPUT else printable(str(self.path))


@dataclass
class Tally:
    """How much of a file was read."""

    lines: int = 0
    plain_bytes: int = 0
    """After decompression."""
    is_cut_off: bool = False
    """A compressed file that ends too early: what there was of it was read."""


def find_log_files(named: Iterable[Path]) -> tuple[list[LogFile], list[BundlerError]]:
    """Return the files to read, each once, oldest of a rotated set first, and what is unusable.

    A directory stands for the files `messages*` in it. Otherwise the order is as named.
    """
    found: list[LogFile] = []
    problems: list[BundlerError] = []
    seen: set[tuple[int, int]] = set()
    for path in named:
        try:
            for each in _files_of(path):
                info = os.fstat(0) if each == STANDARD_INPUT else each.stat()
                if (info.st_dev, info.st_ino) not in seen:
                    seen.add((info.st_dev, info.st_ino))
                    size = info.st_size if stat.S_ISREG(info.st_mode) else None
                    found.append(LogFile(each, size))
        except OSError as error:
            problems.append(_cannot_read(printable(str(path)), error))
        except BundlerError as error:
            problems.append(error)
    return _oldest_first(found), problems


def _files_of(path: Path) -> list[Path]:
    """Return the files that an argument stands for; raises BundlerError and OSError."""
    if path == STANDARD_INPUT or not path.is_dir():
        return [path]
    found = sorted(each for each in path.iterdir() if each.name.startswith("messages"))
    # A pipe of that name would never end.
    found = [each for each in found if each.is_file()]
    if not found:
        raise BundlerError(
            _("there is no file 'messages*' in '{place}'").format(place=printable(str(path))),
            _("name the log: /var/log/messages on an FMC, /ngfw/var/log/messages on a device"),
        )
    return found


def _oldest_first(files: list[LogFile]) -> list[LogFile]:
    """Order each rotated set by age, in the place where the first of it was named."""
    sets: dict[tuple[Path, str], list[tuple[tuple[int, int], LogFile]]] = {}
    for file in files:
        parts = _ROTATED.fullmatch(file.path.name)
        stem, number, date = parts.groups() if parts else (file.path.name, None, None)
        # The live file is the newest; of numbers the lowest is, of dates the highest.
        age = (0, int(date)) if date else (1, -int(number or 0))
        sets.setdefault((file.path.parent, stem), []).append((age, file))
    return [file for each in sets.values() for _, file in sorted(each, key=lambda pair: pair[0])]


def read_lines(file: LogFile, tally: Tally, advance: Callable[[int], None]) -> Iterator[bytes]:
    """Yield the lines of a file that may be of sftunnel, cut to MAX_LINE_BYTES.

    The file may be compressed with gzip, whatever its name. advance is told how many bytes of the
    file as it lies there were read. Raises BundlerError if it cannot be read (to its end).
    """
    try:
        where = 0 if file.path == STANDARD_INPUT else file.path
        with open(where, "rb", buffering=0, closefd=where != 0) as raw:
            yield from _noteworthy(_chunks(raw, tally, advance), tally)
    except (OSError, zlib.error) as error:
        if not tally.plain_bytes and isinstance(error, OSError) and error.errno is not None:
            raise _cannot_read(file.name(), error) from None
        why = reason(error) if isinstance(error, OSError) and error.errno else _("damaged")
        raise BundlerError(
            _("'{name}' could be read to line {line} only: {why}").format(
                name=file.name(), line=tally.lines, why=why
            ),
            _("copy it again; what was read until there is in the result"),
        ) from None


def _cannot_read(name: str, error: OSError) -> BundlerError:
    return BundlerError(
        _("cannot read the log '{name}': {why}").format(name=name, why=reason(error)),
        _("check its name; on an FMC or a device read it as root"),
    )


class _Counted:
    """A file that tells how many bytes were read of it; its first bytes can be looked at."""

    def __init__(self, raw: BinaryIO, advance: Callable[[int], None]) -> None:
        self._raw = raw
        self._advance = advance
        self._ahead = b""

    def peek(self) -> bytes:
        """Return the first two bytes, or fewer if there are no more."""
        while len(self._ahead) < len(_GZIP_MAGIC):
            more = self.read(len(_GZIP_MAGIC) - len(self._ahead), is_ahead=True)
            if not more:
                break
            self._ahead += more
        return self._ahead

    def read(self, size: int = -1, *, is_ahead: bool = False) -> bytes:
        """Return up to size bytes, none at the end."""
        if self._ahead and not is_ahead:
            data, self._ahead = self._ahead, b""
            return data
        data = self._raw.read(size) or b""
        self._advance(len(data))
        return data


def _chunks(raw: BinaryIO, tally: Tally, advance: Callable[[int], None]) -> Iterator[bytes]:
    """Yield a file's contents piece by piece, decompressed."""
    counted = _Counted(raw, advance)
    if counted.peek() == _GZIP_MAGIC:
        unpacked = gzip.GzipFile(fileobj=counted)  # type: ignore[call-overload]
        # One piece at a time: what came before a damaged place is not lost.
        read = unpacked.read1
    else:
        read = counted.read
    try:
        while chunk := read(CHUNK_BYTES):
            tally.plain_bytes += len(chunk)
            yield chunk
    except EOFError:
        tally.is_cut_off = True


def _noteworthy(chunks: Iterable[bytes], tally: Tally) -> Iterator[bytes]:
    """Yield the lines with a needle in them, and count all lines.

    NULs, which a crash leaves in logs by the megabyte, are passed over. A carriage return ends a
    line, with or without a line feed behind it.
    """
    rest, is_in_long_line, ended_in_cr = b"", False, False
    for chunk in chunks:
        data = chunk.replace(b"\0", b"") if b"\0" in chunk else chunk
        if ended_in_cr and data.startswith(b"\n"):
            data = data[1:]
        ended_in_cr = data.endswith(b"\r")
        if b"\r" in data:
            data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        if is_in_long_line:
            end = data.find(b"\n")
            if end < 0:
                continue
            data, is_in_long_line = data[end:], False
        data = rest + data
        end = data.rfind(b"\n") + 1
        whole, rest = data[:end], data[end:]
        if len(rest) > MAX_LINE_BYTES:
            rest, is_in_long_line = rest[:MAX_LINE_BYTES], True
        tally.lines += whole.count(b"\n")
        yield from _with_needles(whole)
    if rest:
        tally.lines += 1
        yield from _with_needles(rest)


def _with_needles(lines: bytes) -> Iterator[bytes]:
    """Yield those of several whole lines that hold a needle, without escape sequences."""
    if b"\x1b" in lines or b"\x07" in lines:
        lines = without_escapes(lines)
    # One search for each that is there is several times as fast as one for all of them.
    present = [re.escape(needle) for needle in NEEDLES if needle in lines]
    end = 0
    for needle in re.finditer(b"|".join(present), lines) if present else ():
        if needle.start() >= end:
            start = lines.rfind(b"\n", 0, needle.start()) + 1
            end = lines.find(b"\n", needle.end())
            end = len(lines) if end < 0 else end
            yield lines[start : min(end, start + MAX_LINE_BYTES)]
