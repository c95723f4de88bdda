"""Where the receipts are in what was handed in: files, a stick, a log of a terminal.

What begins with `{` is a file of receipts, one or several, as they are byte for byte. All else is
taken for a terminal's log, where receipts stand between their marks. Nothing in them needs a blank:
so all white space and every control character that came in between is passed over, also in the
marks. Memory is bounded by a chunk, and time by the size of what is read.
"""

from __future__ import annotations

import errno
import os
import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from sftunnel_builder.captured import without_escapes
from sftunnel_builder.errors import BundlerError, ExitCode, printable, reason
from sftunnel_builder.receipt import MAX_RECEIPT_BYTES
from sftunnel_builder.tree import open_plain_file
from sftunnel_builder.words import _, ngettext

STANDARD_INPUT = Path("-")
MAX_BYTES = 256 * 1024 * 1024
"""Of a file, or of standard input."""
MAX_RECEIPTS = 10_000
"""In a file, and receipt files in a directory."""
CHUNK_BYTES = 256 * 1024
_BEGIN = b"-BEGINSFTUNNELRECEIPT-"
_END = b"-ENDSFTUNNELRECEIPT-"
"""With one dash of five, so that a mark whose end is cut off takes none away from the next."""
_MARK = re.compile(b"%s|%s" % (_BEGIN, _END))
_BACKSPACE = b"\x08"
_PASSED_OVER = bytes({*range(33), 127} - {0x08, 0x1B})
"""White space and control characters; what needs what is before it is dealt with apart."""
_MAX_ESCAPE = 4096
_PREFIX, _SUFFIX = "sftunnel-receipt-", ".json"


@dataclass(frozen=True)
class Candidate:
    """What may be a receipt, not read yet."""

    place: str
    """What to call it in messages, printable."""
    readings: tuple[bytes, ...]
    """The two lines, as they can be read: a backspace takes a character away, or is noise; a line
    ends in CR LF."""


def find_receipts(named: Iterable[Path]) -> Iterator[Candidate | BundlerError]:
    """Yield what may be receipts in files, directories and standard input, in the order named.

    What cannot be read, holds none, or holds one that is cut off, is an error among them.
    """
    for path in named:
        try:
            if path != STANDARD_INPUT and path.is_dir():
                for each in _in_directory(path):
                    yield from _in_file(each)
            else:
                yield from _in_file(path)
        except BundlerError as error:
            yield error
        except OSError as error:
            yield BundlerError(
                _("cannot read '{place}': {why}").format(
                    place=printable(str(path)), why=reason(error)
                ),
                _("name receipt files, a stick, a terminal's log, or - for standard input"),
                ExitCode.UNTRUSTED,
            )


def _in_directory(path: Path) -> list[Path]:
    """Return the receipt files at the top of a directory, sorted; raises BundlerError."""
    with os.scandir(path) as entries:
        names = (e.name for e in entries if e.name.startswith(_PREFIX) and e.name.endswith(_SUFFIX))
        found = sorted(islice(names, MAX_RECEIPTS + 1))
    if not found:
        raise BundlerError(
            _("there is no '{prefix}*{suffix}' in '{place}'").format(
                prefix=_PREFIX, suffix=_SUFFIX, place=printable(str(path))
            ),
            _("name the top of the stick, where install.sh puts receipts, or the receipts' files"),
            ExitCode.UNTRUSTED,
        )
    if len(found) > MAX_RECEIPTS:
        raise _too_many(printable(str(path)))
    return [path / name for name in found]


def _in_file(path: Path) -> Iterator[Candidate | BundlerError]:
    """Yield what may be receipts in one file; raises BundlerError and OSError."""
    place = _("standard input") if path == STANDARD_INPUT else printable(str(path))
    with _opened(path, place) as file:
        chunks = _chunks(file, place)
        first = next(chunks, b"")
        found = _joined(first, chunks)
        search = _pairs if first.lstrip().startswith(b"{") else _blocks
        is_empty = True
        for number, each in enumerate(search(found, place), 1):
            if number > MAX_RECEIPTS:
                raise _too_many(place)
            is_empty = False
            yield each
    if is_empty:
        raise BundlerError(
            _("there is no receipt in '{place}'").format(place=place),
            _("a log must show all of it, from BEGIN SFTUNNEL RECEIPT to END SFTUNNEL RECEIPT"),
            ExitCode.UNTRUSTED,
        )


@contextmanager
def _opened(path: Path, place: str) -> Iterator[BinaryIO]:
    """Give a plain file, or standard input, whatever that is."""
    if path == STANDARD_INPUT:
        if sys.stdin is None:  # closed by whoever started this
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        yield sys.stdin.buffer
        return
    with open_plain_file(path, place) as file:
        if os.fstat(file.fileno()).st_size > MAX_BYTES:
            raise _too_big(place)
        yield file


def _chunks(file: BinaryIO, place: str) -> Iterator[bytes]:
    total = 0
    while chunk := file.read(CHUNK_BYTES):
        total += len(chunk)
        if total > MAX_BYTES:
            raise _too_big(place)
        yield chunk


def _joined(first: bytes, rest: Iterable[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest


def _pairs(chunks: Iterable[bytes], place: str) -> Iterator[Candidate]:
    """Yield each two lines of a file of receipts, which may be one; the first begins with `{`."""
    rest, number, waiting = b"", 0, b""
    for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            if waiting and line.startswith(b"{"):
                # One was cut off: those behind it are read all the same.
                number += 1
                yield Candidate(_numbered(place, number), (waiting,))
                waiting = line + b"\n"
            elif waiting:
                number += 1
                yield Candidate(_numbered(place, number), _ends(b"%s%s\n" % (waiting, line)))
                waiting = b""
            else:
                waiting = line + b"\n"
        if len(rest) > MAX_RECEIPT_BYTES:
            break
    if waiting or rest:
        # One that is too long or cut off is refused by who parses it.
        yield Candidate(_numbered(place, number + 1), (waiting + rest[:MAX_RECEIPT_BYTES],))


def _ends(text: bytes) -> tuple[bytes, ...]:
    """Return two lines as they are, and, if a mail or an editor made their ends CR LF, with LF."""
    return (text, text.replace(b"\r\n", b"\n")) if b"\r\n" in text else (text,)


def _blocks(chunks: Iterable[bytes], place: str) -> Iterator[Candidate | BundlerError]:
    """Yield each block between marks in a terminal's log; at the end, how many have no end."""
    held, number, cut_off, is_open = b"", 0, 0, False
    for text in _plain(chunks):
        held += text
        start = 0
        for mark in _MARK.finditer(held):
            if is_open and mark[0] == _END:
                number += 1
                block = held[start : mark.start()].strip(b"-")
                yield Candidate(_numbered(place, number), _readings(block))
                is_open = False
            elif mark[0] == _BEGIN:
                cut_off += is_open
                start, is_open = mark.end(), True
        if is_open and len(held) - start > 2 * MAX_RECEIPT_BYTES:
            cut_off += 1
            is_open = False
        # A mark may have begun at the end, and goes on in what comes next.
        held = held[start:] if is_open else held[-len(_BEGIN) + 1 :]
    cut_off += is_open
    if cut_off:
        yield BundlerError(
            ngettext(
                "'{place}': {count} receipt begins there and does not end",
                "'{place}': {count} receipts begin there and do not end",
                cut_off,
            ).format(place=place, count=cut_off),
            _("copy the whole block, from BEGIN to END, or take the receipt file"),
            ExitCode.UNTRUSTED,
        )


def _plain(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield a log without white space, controls and escape sequences; backspaces stay."""
    ahead = b""
    for chunk in chunks:
        data = ahead + chunk
        at = _last_sequence(data)
        data, ahead = data[:at], data[at:]
        yield _without_controls(data)
    yield _without_controls(ahead)


def _last_sequence(data: bytes) -> int:
    """Return where the last escape sequence begins, as it may go on in the next chunk.

    The end of the data if there is none, or one that never ends.
    """
    start = max(0, len(data) - _MAX_ESCAPE)
    at = data.rfind(b"\x1b", start)
    # `ESC \` ends a sequence, and so may an ESC of which nothing more is here yet.
    while at >= 0 and data[at + 1 : at + 2] in (b"", b"\\"):
        before = data.rfind(b"\x1b", start, at)
        if before < 0:
            break
        at = before
    return at if at >= 0 else len(data)


def _without_controls(data: bytes) -> bytes:
    if b"\x1b" in data:
        data = without_escapes(data)
    if _BACKSPACE in data:
        # A terminal wraps with a blank and a backspace: both go.
        data = data.replace(b" \x08", b"")
    return data.translate(None, _PASSED_OVER + b"\x1b")


def _readings(block: bytes) -> tuple[bytes, ...]:
    """Return the two lines of a block, whose blanks are gone."""
    texts = [block.replace(_BACKSPACE, b"")]
    if _BACKSPACE in block:
        erased = bytearray()
        for byte in block:
            if byte != _BACKSPACE[0]:
                erased.append(byte)
            elif erased:
                erased.pop()
        texts.append(bytes(erased))
    return tuple(b"%s\n%s\n" % tuple(text.rpartition(b".")[::2]) for text in texts)


def _numbered(place: str, number: int) -> str:
    return (
        place if number == 1 else _("{place}, receipt {number}").format(place=place, number=number)
    )


def _too_many(place: str) -> BundlerError:
    return BundlerError(
        _("'{place}' holds over {limit:,} receipts").format(place=place, limit=MAX_RECEIPTS),
        _("name them in parts"),
        ExitCode.UNTRUSTED,
    )


def _too_big(place: str) -> BundlerError:
    return BundlerError(
        _("'{place}' has over {limit} MiB").format(place=place, limit=MAX_BYTES >> 20),
        _("cut the part with the receipts out of it"),
        ExitCode.UNTRUSTED,
    )
