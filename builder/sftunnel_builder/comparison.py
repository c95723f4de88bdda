"""What differs between two bundles, or a bundle and a device. Decided without disk or clock.

The left side is what is now, the right side what would be; nothing here depends on which of them is
the bundle.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from datetime import datetime
from enum import StrEnum

from sftunnel_builder.holding import (
    BUNDLE,
    BundleFacts,
    CertificateFacts,
    HeldFile,
    HeldTrio,
    Holding,
    KeyFacts,
)
from sftunnel_builder.trio import TRIO_NAMES
from sftunnel_builder.words import N_

Value = str | bool | int | datetime | tuple[str, ...] | None


class Status(StrEnum):
    """How a file, or what is there of an FMC, stands on the two sides."""

    UNCHANGED = N_("unchanged")
    CHANGED = N_("changed")
    ONLY_FROM = "only_from"
    ONLY_TO = "only_to"


@dataclass(frozen=True)
class Fact:
    """One thing that is said of both sides; None where a side says nothing of it."""

    name: str
    before: Value
    after: Value

    @property
    def is_same(self) -> bool | None:
        """Whether both sides say the same; None if one of them says nothing."""
        if self.before is None or self.after is None:
            return None
        return self.before == self.after


@dataclass(frozen=True)
class FileComparison:
    """One file of a trio, on both sides."""

    name: str
    status: Status
    """Whether the file is the same: its bytes, what stands there, mode and owner."""
    is_same: bool
    """Whether it is the same certificate or key, in whatever form."""
    facts: tuple[Fact, ...]


@dataclass(frozen=True)
class FmcComparison:
    """What is there of one FMC, on both sides."""

    uuid: str
    status: Status
    facts: tuple[Fact, ...]
    files: tuple[FileComparison, ...]


@dataclass(frozen=True)
class Comparison:
    """Two sides, and what each says."""

    before: Holding
    after: Holding
    facts: tuple[Fact, ...]
    fmcs: tuple[FmcComparison, ...]

    @property
    def is_same_device(self) -> bool:
        """Whether both are of one device: its UUID is its identity."""
        return self.before.device_uuid == self.after.device_uuid

    @property
    def differs(self) -> bool:
        """Whether anything differs that both sides say something of."""
        facts = [*self.facts, *(fact for fmc in self.fmcs for fact in fmc.facts)]
        return (
            not self.is_same_device
            or any(fmc.status is not Status.UNCHANGED for fmc in self.fmcs)
            or any(fact.is_same is False for fact in facts)
        )


def compare(before: Holding, after: Holding) -> Comparison:
    """Compare two sides; FMCs come in the order of their UUIDs."""
    facts = [
        Fact("device_uuid", before.device_uuid, after.device_uuid),
        Fact("device_name", _name_on_fmc(before), _name_on_fmc(after)),
        *_facts_of(BundleFacts, before.bundle, after.bundle),
    ]
    fmcs = [
        _compare_fmc(uuid, before.trios.get(uuid), after.trios.get(uuid))
        for uuid in sorted({*before.trios, *after.trios})
    ]
    return Comparison(before, after, tuple(facts), tuple(fmcs))


def _name_on_fmc(side: Holding) -> str | None:
    """Return the name that the FMC has for the device; a device tree does not know it."""
    return side.device_name if side.kind == BUNDLE else None


def _compare_fmc(uuid: str, before: HeldTrio | None, after: HeldTrio | None) -> FmcComparison:
    held = [side.files if side else {} for side in (before, after)]
    files = tuple(
        _compare_file(name, held[0].get(name), held[1].get(name))
        for name in TRIO_NAMES
        if name in held[0] or name in held[1]
    )
    if before and after:
        is_same = all(file.status is Status.UNCHANGED for file in files)
        status = Status.UNCHANGED if is_same else Status.CHANGED
    else:
        status = Status.ONLY_FROM if before else Status.ONLY_TO
    facts = [
        Fact(name, getattr(before, name, None), getattr(after, name, None))
        for name in ("newest_run", "run_id")
    ]
    return FmcComparison(uuid, status, tuple(facts), files)


def _compare_file(name: str, before: HeldFile | None, after: HeldFile | None) -> FileComparison:
    if before and after:
        is_same_bytes = before.sha256 == after.sha256 and before.sha256 is not None
        is_as_is = is_same_bytes and before.standing == after.standing
        status = Status.UNCHANGED if is_as_is else Status.CHANGED
        is_same = is_same_bytes or _is_same_contents(before, after)
    else:
        status, is_same = (Status.ONLY_FROM if before else Status.ONLY_TO), False
    return FileComparison(name, status, is_same, tuple(_facts_of_file(before, after)))


def _is_same_contents(before: HeldFile, after: HeldFile) -> bool:
    """Tell whether two files of other bytes hold the same certificate or key."""
    one, other = before.contents, after.contents
    if isinstance(one, CertificateFacts) and isinstance(other, CertificateFacts):
        return one.fingerprint == other.fingerprint
    if isinstance(one, KeyFacts) and isinstance(other, KeyFacts):
        return one.canonical == other.canonical
    return False


def _facts_of_file(before: HeldFile | None, after: HeldFile | None) -> Iterator[Fact]:
    sides = (before, after)
    for name in ("sha256", "problem"):
        yield Fact(name, *(getattr(side, name, None) for side in sides))
    for name in ("kind", "mode", "owner"):
        yield Fact(name, *(getattr(side.standing, name) if side else None for side in sides))
    contents = [side.contents if side else None for side in sides]
    for kind in (CertificateFacts, KeyFacts):
        if any(isinstance(each, kind) for each in contents):
            yield from _facts_of(kind, *contents)


def _facts_of(kind: type, before: object, after: object) -> Iterator[Fact]:
    """Yield a fact for each field of a dataclass; a side that is none says nothing."""
    for field in fields(kind):
        yield Fact(field.name, getattr(before, field.name, None), getattr(after, field.name, None))
