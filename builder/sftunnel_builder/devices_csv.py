"""Which devices does a devices.csv name: the file that Cisco's copy_sftunnel_certs.py takes.

A line is `device_name, IP address, admin_username, admin_password`, the password in clear text.
Whether there is a header line is unknown: one is recognised by its words, and then says which
column is which. A line is read by itself, without a buffer, only what stands before and in the two
wanted columns is looked at, and nothing else of it is kept or shown.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from sftunnel_builder.errors import BundlerError, printable, reason
from sftunnel_builder.words import N_, _

MAX_LINE_BYTES = 65_536
MAX_LINES = 100_000
_NAME_WORDS = re.compile(r"(?:device|host|sensor|ftd)?[ _-]?name|device|ftd|sensor")
_ADDRESS_WORDS = re.compile(
    r"(?:device|mgmt|management)?[ _-]?(?:ip|ipv4|address|host)(?:[ _-]?addr(?:ess)?)?"
)
_SEPARATORS = b",;\t"
_REMEDY = N_("wanted lines such as: name,address")


@dataclass(frozen=True)
class CsvDevice:
    """A device that a line names."""

    line: int
    name: str
    """As it stands there; empty if the line has none."""
    address: str
    """As it stands there; empty if the line has none."""


def read_devices_csv(path: Path) -> list[CsvDevice]:
    """Return the devices that a devices.csv names, in its order; raises BundlerError.

    Commas, semicolons or tabs part the columns; `#` begins a comment line.
    """
    place = printable(str(path))
    try:
        # Without a buffer, as that would hold the passwords of many lines.
        with path.open("rb", buffering=0) as file:
            devices = list(parse_devices_csv(file, place))
    except OSError as error:
        raise BundlerError(
            _("cannot read '{place}': {why}").format(place=place, why=reason(error)),
            _("check the name given with --devices"),
        ) from None
    if not devices:
        raise BundlerError(_("'{place}' names no device").format(place=place), _(_REMEDY))
    return devices


def parse_devices_csv(file: IO[bytes], place: str) -> Iterator[CsvDevice]:
    """Yield the devices of an open devices.csv; raises BundlerError that names the line."""
    columns: tuple[int, int] | None = None
    for number in range(1, MAX_LINES + 2):
        line = file.readline(MAX_LINE_BYTES + 1)
        if not line:
            return
        if number > MAX_LINES or len(line) > MAX_LINE_BYTES:
            raise BundlerError(
                _("'{place}' line {line}: too long to be a list").format(place=place, line=number),
                _(_REMEDY),
            )
        if number == 1:
            line = _without_mark(line, place)
        if not line.strip() or line.lstrip().startswith(b"#"):
            continue
        if columns is None:
            columns = _header(line)
            if columns:
                continue
            columns = (0, 1)
        fields = _fields(line, max(columns) + 1)
        if fields is None:
            raise BundlerError(
                _("'{place}' line {line}: a quote in it is not closed").format(
                    place=place, line=number
                ),
                _("close it, or remove it"),
            )
        name, address = fields[columns[0]], fields[columns[1]]
        if not name and not address:
            raise BundlerError(
                _("'{place}' line {line}: neither a name nor an address").format(
                    place=place, line=number
                ),
                _(_REMEDY),
            )
        yield CsvDevice(number, name, address)


def _without_mark(line: bytes, place: str) -> bytes:
    """Return the first line without the mark that some editors begin UTF-8 files with."""
    if line.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise BundlerError(
            _("'{place}' is UTF-16 text").format(place=place),
            _("save it as CSV in UTF-8, which Excel calls CSV UTF-8"),
        )
    return line.removeprefix(b"\xef\xbb\xbf")


def _header(line: bytes) -> tuple[int, int] | None:
    """Return the columns of name and address if a line is a header, else None."""
    words = [word.lower() for word in _fields(line, 8) or []]
    names = [i for i, word in enumerate(words) if _NAME_WORDS.fullmatch(word)]
    addresses = [i for i, word in enumerate(words) if _ADDRESS_WORDS.fullmatch(word)]
    return (names[0], addresses[0]) if names and addresses else None


def _fields(line: bytes, count: int) -> list[str] | None:
    """Return the first fields of a line, filled up with empty ones; None if a quote is left open.

    What parts the fields is the first separator that stands outside quotes. What comes behind the
    last wanted field is not looked at.
    """
    fields: list[str] = []
    field, at, separators = bytearray(), 0, _SEPARATORS
    text = line.rstrip(b"\r\n")
    while len(fields) < count:
        if not field.strip() and text[at : at + 1] == b'"':
            end = _closing_quote(text, at + 1)
            if end is None:
                return None
            field[:] = text[at + 1 : end].replace(b'""', b'"')
            at = end + 1
        if at >= len(text) or text[at] in separators:
            separators = text[at : at + 1] or separators
            fields.append(field.decode("utf-8", "backslashreplace").strip())
            field.clear()
            if at >= len(text):
                break
        else:
            field.append(text[at])
        at += 1
    return fields + [""] * (count - len(fields))


def _closing_quote(text: bytes, at: int) -> int | None:
    """Return where the quote ends that was opened before; two in a row mean one."""
    while True:
        at = text.find(b'"', at)
        if at < 0:
            return None
        if text[at + 1 : at + 2] != b'"':
            return at
        at += 2
