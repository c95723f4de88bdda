"""What a section of the page says: goals and a table. Its words stand in `page/NAME.md.j2`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Goal:
    """What is wanted, and what was found."""

    wanted: str
    found: str
    is_reached: bool | None
    """None where it could not be measured."""


@dataclass(frozen=True)
class Table:
    """Figures, already as text."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Section:
    """One question, answered."""

    name: str
    table: Table
    goals: tuple[Goal, ...] = ()
    facts: Mapping[str, object] = field(default_factory=dict)
    """What its words need to know of the run."""


@dataclass(frozen=True)
class Settings:
    """What every section is given."""

    place: Path
    """An empty directory of its own, which is removed afterwards."""
    is_quick: bool
    """As little as shows that the section works; the figures mean nothing."""
    tell: Callable[[str], None]
    """Says what is being measured, while it takes its time."""


class BenchError(Exception):
    """A section could not be measured; the text says why."""
