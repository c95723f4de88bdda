r"""The ledger beside a kit: what came in, in the order in which it came, never changed.

`KIT.receipts/ledger.jsonl`, a line of canonical JSON an entry:

    {"format":1,"receipt":"<line 1>\n<line 2>\n"}
    {"code":"<confirmation code>","device":"<UUID>","format":1}
    {"format":1,"torn":<number>}      so many lines before this one were cut off by a crash

All of it proves itself against the kit, and is verified each time that it is read.
"""

from __future__ import annotations

import fcntl
import json
import os
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

from sftunnel_builder.codes import Run, find_run
from sftunnel_builder.errors import BundlerError, ExitCode, printable, reason
from sftunnel_builder.on_disk import flush_directory
from sftunnel_builder.receipt import Expected, Receipt, parse_receipt, verify_receipt
from sftunnel_builder.words import _

FORMAT = 1
LEDGER = "ledger.jsonl"
MAX_LEDGER_BYTES = 256 * 1024 * 1024


@dataclass(frozen=True)
class CodeEntry:
    """A confirmation code that was read out, and what it says."""

    code: str
    """As the device showed it."""
    run: Run


Entry = Receipt | CodeEntry


@dataclass(frozen=True)
class Proofs:
    """What entries are verified against: of the kit, by device UUID and by run."""

    devices: Mapping[str, Expected]
    codes: Mapping[Run, str]


@dataclass(frozen=True)
class Read:
    """What a ledger says."""

    entries: tuple[Entry, ...]
    notes: tuple[str, ...]
    """Which lines a crash has cut off."""
    mending: bytes
    """What must be written before the next entry, so that it stands on a line of its own."""


def receipts_directory(kit: Path) -> Path:
    """Return the directory beside a kit where its ledger is."""
    return kit.with_name(f"{kit.name}.receipts")


def read_ledger(directory: Path, proofs: Proofs) -> Read:
    """Return what a ledger says, nothing if there is none; raises BundlerError."""
    path = directory / LEDGER
    try:
        with _opened(path, os.O_RDONLY, "rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH)
            return _parse(_bytes_of(file, path), path, proofs)
    except FileNotFoundError:
        return Read((), (), b"")
    except NotADirectoryError:
        raise _no_directory(directory) from None
    except OSError as error:
        raise BundlerError(
            _("cannot read the ledger '{place}': {why}").format(
                place=printable(str(path)), why=reason(error)
            ),
            _("look at its permissions"),
        ) from None


@contextmanager
def open_ledger(directory: Path, proofs: Proofs) -> Iterator[Ledger]:
    """Give the ledger in a directory to append to, made if need be; nobody else has it meanwhile.

    Raises BundlerError.
    """
    path = directory / LEDGER
    try:
        directory.mkdir(mode=0o700, exist_ok=True)
        with _opened(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, "r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield Ledger(file, path, _parse(_bytes_of(file, path), path, proofs))
    except (FileExistsError, NotADirectoryError):
        raise _no_directory(directory) from None
    except OSError as error:
        raise BundlerError(
            _("cannot write the ledger '{place}': {why}").format(
                place=printable(str(path)), why=reason(error)
            ),
            _("copy the kit to a disk where there is room to write beside it, and name that one"),
            ExitCode.UNSUITABLE,
        ) from None


def _no_directory(path: Path) -> BundlerError:
    return BundlerError(
        _("'{place}' is no directory, or a link to none").format(place=printable(str(path))),
        _("move it away: what comes back from the devices is kept in a directory of that name"),
        ExitCode.UNSUITABLE,
    )


def _opened(path: Path, flags: int, mode: str) -> BinaryIO:
    """Open a plain file, unbuffered; raises OSError for a link, BundlerError for anything else."""
    # Not blocking, in case somebody put a pipe there.
    flags |= os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    descriptor = os.open(path, flags, 0o600)
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return cast(BinaryIO, open(descriptor, mode, buffering=0))
    os.close(descriptor)
    raise BundlerError(
        _("'{place}' is not a file").format(place=printable(str(path))),
        _("look at what stands there"),
    )


class Ledger:
    """A ledger that is held alone."""

    def __init__(self, file: BinaryIO, path: Path, read: Read) -> None:
        self._file = file
        self._path = path
        self.read = read

    def append(self, entries: Iterable[Entry]) -> Sequence[Entry]:
        """Write the entries that tell something new, flushed to disk; return all that it has now.

        A receipt that is there already is not new, nor is a code that is the last of its device.
        """
        known = list(self.read.entries)
        receipts = {entry.text for entry in known if isinstance(entry, Receipt)}
        codes = {e.run.device_uuid: e.code for e in known if isinstance(e, CodeEntry)}
        new: list[Entry] = []
        for entry in entries:
            if isinstance(entry, Receipt):
                if entry.text in receipts:
                    continue
                receipts.add(entry.text)
            else:
                if codes.get(entry.run.device_uuid) == entry.code:
                    continue
                codes[entry.run.device_uuid] = entry.code
            new.append(entry)
        if new:
            self._write(self.read.mending + b"".join(map(_line, new)))
        return [*known, *new]

    def _write(self, data: bytes) -> None:
        left = memoryview(data)
        while left:
            left = left[self._file.write(left) :]
        os.fsync(self._file.fileno())
        flush_directory(self._path.parent)
        flush_directory(self._path.parent.parent)


def _line(entry: Entry) -> bytes:
    if isinstance(entry, Receipt):
        return _canonical({"format": FORMAT, "receipt": entry.text})
    return _canonical({"code": entry.code, "device": entry.run.device_uuid, "format": FORMAT})


def _canonical(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode() + b"\n"


def _bytes_of(file: BinaryIO, path: Path) -> bytes:
    """Return all of an open ledger; raises BundlerError if that is too much to be one."""
    if os.fstat(file.fileno()).st_size > MAX_LEDGER_BYTES:
        raise BundlerError(
            _("the ledger '{place}' has over {limit} MiB").format(
                place=printable(str(path)), limit=MAX_LEDGER_BYTES >> 20
            ),
            _("look at what stands there, and move it away"),
        )
    return file.read() or b""


def _parse(data: bytes, path: Path, proofs: Proofs) -> Read:
    """Return what the bytes of a ledger say; raises BundlerError with the number of a bad line."""
    place = printable(str(path))
    entries: list[Entry] = []
    torn: list[int] = []
    notes: list[str] = []
    lines = data.split(b"\n")
    is_ended = lines[-1] == b""
    if is_ended:
        del lines[-1]
    for number, line in enumerate(lines, 1):
        value = _object(line)
        if value is None:
            torn.append(number)
        elif torn and value == {"format": FORMAT, "torn": len(torn)}:
            notes += _torn(place, torn)
            torn = []
        elif torn:
            raise _edited(place, torn[0], _("it is no JSON"))
        else:
            entries.append(_entry(line, value, place, number, proofs))
    mending = b"" if is_ended else b"\n"
    if torn:
        notes += _torn(place, torn)
        mending += _canonical({"format": FORMAT, "torn": len(torn)})
    return Read(tuple(entries), tuple(notes), mending)


def _object(line: bytes) -> dict[str, Any] | None:
    """Return the JSON object in a line; None if a crash may have cut it off."""
    try:
        value = json.loads(line.decode("ascii"))
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _entry(line: bytes, value: Mapping[str, Any], place: str, number: int, proofs: Proofs) -> Entry:
    """Return a line's entry, verified; raises BundlerError."""
    if _canonical(value) != line + b"\n" or value.get("format") != FORMAT:
        raise _edited(
            place, number, _("it is not as format {format} writes it").format(format=FORMAT)
        )
    try:
        match value:
            case {"receipt": str(text), **rest} if rest.keys() == {"format"}:
                receipt = parse_receipt(text.encode("utf-8", "surrogatepass"))
                verify_receipt(receipt, proofs.devices)
                return receipt
            case {"code": str(code), "device": str(uuid), **rest} if rest.keys() == {"format"}:
                run = find_run(proofs.codes, code, uuid)
                if run is not None and code == plain_code(code):
                    return CodeEntry(code, run)
                why = _("that device does not give that code")
            case _:
                why = _("it is not as format {format} writes it").format(format=FORMAT)
    except BundlerError as error:
        why = error.message
    raise _edited(place, number, why)


def plain_code(typed: str) -> str:
    """Return a code as the device showed it: without case, blanks and hyphens."""
    return "".join(typed.split()).replace("-", "").lower()


def _torn(place: str, numbers: Sequence[int]) -> list[str]:
    return [
        _(
            "'{place}' line {line} was cut off, by a crash or a full disk: if a device is missing "
            "below, hand its receipt in again"
        ).format(place=place, line=number)
        for number in numbers
    ]


def _edited(place: str, number: int, why: str) -> BundlerError:
    return BundlerError(
        _("'{place}' line {line} is not as it was written: {why}").format(
            place=place, line=number, why=why
        ),
        _("put the ledger back from a copy; or move it away, and hand the receipts in again"),
        ExitCode.UNTRUSTED,
    )
