"""What a runbook is made of, whatever it is printed on: sections of blocks. No words of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True)
class Text:
    """A paragraph."""

    text: str
    kind: ClassVar[str] = "text"


@dataclass(frozen=True)
class Tick:
    """Something to do or to see, with a box for a pencil."""

    text: str
    kind: ClassVar[str] = "tick"


@dataclass(frozen=True)
class Command:
    """What is typed or pasted, one line or two joined by a backslash, exactly as it is."""

    text: str
    kind: ClassVar[str] = "command"


@dataclass(frozen=True)
class Output:
    """What then stands on the screen; `...` is what differs each time, or is too long."""

    text: str
    kind: ClassVar[str] = "output"


@dataclass(frozen=True)
class Digits:
    """A SHA-256, to be compared and read aloud in groups of four, and scanned."""

    label: str
    value: str
    """64 hex digits."""
    kind: ClassVar[str] = "digits"


@dataclass(frozen=True)
class Rows:
    """A table with a row of headings; its first column is narrow."""

    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    kind: ClassVar[str] = "rows"


@dataclass(frozen=True)
class Blanks:
    """A table whose cells beside the first column are filled in with a pen."""

    heads: tuple[str, ...]
    rows: tuple[str, ...]
    kind: ClassVar[str] = "blanks"


Block = Text | Tick | Command | Output | Digits | Rows | Blanks


@dataclass(frozen=True)
class Section:
    """A part of a runbook."""

    name: str
    """For links and boxes, ASCII; the same in every language."""
    title: str
    blocks: tuple[Block, ...]
    is_in_bundle: bool = False
    """Whether it is needed at the device, once the bundle is unpacked there."""
