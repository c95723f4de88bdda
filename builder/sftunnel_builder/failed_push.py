"""What FAILED_PUSH says: which files generate_certs.pl could not push, to which devices.

One file a line, three lines a device (tech note 222464):
`FTD_UUID FTD_NAME FTD_IP SOURCE_PATH_ON_FMC DESTINATION_PATH_ON_FTD`. A copy from a terminal is
wrapped in mid-path, and may have the prompts around it. Names may hold blanks and a device behind
NAT may have no address, so that a line is matched from both ends.
"""

from __future__ import annotations

import io
import ipaddress
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import product

from sftunnel_builder.captured import without_escapes
from sftunnel_builder.errors import printable
from sftunnel_builder.trio import TRIO_NAMES
from sftunnel_builder.words import _

UUID_PATTERN = r"[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}"

# `++` never gives back what it took, and `.*?\S` ends at no blank: without them a line of 100,000
# blanks would take hours.
_TRIO_NAME = "|".join(map(re.escape, TRIO_NAMES))
_RECORD_START = re.compile(rf"\s*+({UUID_PATTERN})\s")
_RECORD = re.compile(
    rf"\s*+({UUID_PATTERN})\s++(\S(?:.*?\S)??)\s++(/\S*+)\s++(/\S*/(?:{_TRIO_NAME}))\s*+"
)
_SOURCE = re.compile(rf"/\S*/(?:{_TRIO_NAME})")
_TARGET = re.compile(rf"(?:/ngfw)?/var/sf/peers/{UUID_PATTERN}/(?:{_TRIO_NAME})")
_TARGET_LAST = re.compile(rf"{_TARGET.pattern}\s*\Z")
_CUT_RECORD = re.compile(
    rf"\s*+({UUID_PATTERN})\s++(\S(?:.*?\S)??)?(?:\s++/\S*+)?(?:\s++(/.*))?\s*+"
)
_PROMPT = re.compile(r"\s*[^\s@]+@[^\s:]+:[^#$%>]*[#$%>](\s.*)?")
_HOST_NAME = re.compile(r"(?=.*[A-Za-z])[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")
NO_ADDRESS = {"DONTRESOLVE", "-"}
MIN_WORDS = 4
"""Of a record: UUID, name, source, destination."""
MAX_PARTS = 8
"""A record wrapped into more lines than this is none."""
MAX_CHARACTERS = 4096
"""Lines that are longer together are not joined to a record."""
MAX_STRANGE_LINES = 1000
"""So many lines that are no record are told of one by one; of the others, how many."""


@dataclass(frozen=True, slots=True)
class PushRecord:
    """One line: a file that a device did not get."""

    line: int
    """Where it begins in the file, from 1."""
    device_uuid: str
    device_name: str
    address: str
    """As the file has it; empty when the device has none."""
    source: str
    target: str


@dataclass(frozen=True)
class PushProblem:
    """A line that cannot be used, and whose it is as far as it can be told."""

    line: int
    text: str
    device_uuid: str | None = None
    device_name: str | None = None


@dataclass(frozen=True)
class FailedPush:
    """All that one FAILED_PUSH says, in its order."""

    records: tuple[PushRecord, ...]
    problems: tuple[PushProblem, ...]


def parse_failed_push(data: bytes) -> FailedPush:
    """Read a FAILED_PUSH file, whole or as copied from a terminal. Never raises."""
    records: list[PushRecord] = []
    problems: list[PushProblem] = []
    strange = 0
    for line, text in _logical_lines(data):
        found = _RECORD.fullmatch(text)
        if found:
            texts = (found[1].lower(), *_split_address(found[2]), found[3], found[4])
            records.append(PushRecord(line, *map(_held_once, texts)))
            continue
        cut = _CUT_RECORD.fullmatch(text)
        if cut:
            whose = _split_address(cut[2] or "")[0] or None
            what = _("the record is cut off")
            if cut[3]:
                what = _("the destination is cut off or no file of a trio: '{found}'").format(
                    found=printable(cut[3])
                )
            problems.append(PushProblem(line, what, cut[1].lower(), whose))
        else:
            strange += 1
            if strange <= MAX_STRANGE_LINES:
                shown = printable(text.strip(), 60)
                problems.append(
                    PushProblem(line, _("not a FAILED_PUSH record: '{shown}'").format(shown=shown))
                )
            elif strange == MAX_STRANGE_LINES + 1:
                first_untold = line
    if strange > MAX_STRANGE_LINES:
        text = _("not a FAILED_PUSH record, and {count} lines like it").format(
            count=strange - MAX_STRANGE_LINES - 1
        )
        problems.append(PushProblem(first_untold, text))
    return FailedPush(tuple(records), tuple(problems))


@lru_cache(64)
def _held_once(text: str) -> str:
    """Return the same object for texts that come again soon, as all but a few in such a list do."""
    return text


def _logical_lines(data: bytes) -> Iterator[tuple[int, str]]:
    """Yield each record with the number of its first line, wrapped ones joined."""
    start, parts = 0, list[str]()
    for number, raw in enumerate(io.BytesIO(without_escapes(data)), 1):
        encoding = "utf-8-sig" if number == 1 else "utf-8"
        line = raw.rstrip(b"\r\n").decode(encoding, "backslashreplace")
        if not line.strip() or _PROMPT.fullmatch(line.rstrip()):
            continue
        is_start = _RECORD_START.match(line)
        is_more = (
            not is_start
            and 0 < len(parts) < MAX_PARTS
            and sum(map(len, parts)) + len(line) <= MAX_CHARACTERS
            and not _RECORD.fullmatch(_joined(parts))
        )
        if parts and not is_more:
            yield start, _joined(parts)
            parts = []
        if is_start:
            start, parts = number, [line]
        elif is_more:
            parts.append(line)
        else:
            yield number, line
    if parts:
        yield start, _joined(parts)


def _joined(parts: list[str]) -> str:
    """Join the lines of a wrapped record.

    In mid-path nothing is between them; a blank that stood at a fold may have been lost in copying,
    so that the least number of blanks is put back that makes it a record: one with an address,
    if that can be. A record with a blank put back must have both its paths whole: else a fold in
    mid-path would pass for the blank between them.
    """
    text = "".join(parts)
    if len(parts) == 1 or not _TARGET_LAST.search(text):
        return text
    folds = product(("", " "), repeat=len(parts) - 1)
    texts = [
        "".join(a + b for a, b in zip(parts, (*blanks, ""), strict=True))
        for blanks in sorted(folds, key=lambda each: each.count(" "))
    ]
    whole = [text for text in texts if _is_unwrapped(text)]
    return next(filter(_has_address, whole), whole[0] if whole else text)


def _is_unwrapped(text: str) -> bool:
    """Tell whether a text is a record whose paths are whole."""
    words = text.split()
    return bool(
        len(words) >= MIN_WORDS
        and re.fullmatch(UUID_PATTERN, words[0])
        and _SOURCE.fullmatch(words[-2])
        and _TARGET.fullmatch(words[-1])
    )


def _has_address(text: str) -> bool:
    """Tell whether a record says an address, or says that there is none."""
    found = _RECORD.fullmatch(text)
    return found is not None and _split_address(found[2])[0] != found[2]


def _split_address(middle: str) -> tuple[str, str]:
    """Split `NAME ADDRESS`; the name may hold blanks, the address may be missing."""
    name, blank, last = middle.strip().rpartition(" ")
    if blank and last in NO_ADDRESS:
        return name.strip(), ""
    if blank and (_is_ip_address(last) or _HOST_NAME.fullmatch(last)):
        return name.strip(), last
    return middle.strip(), ""


def _is_ip_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
