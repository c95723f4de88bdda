"""Which hotfix brings generate_certs.pl for an FMC's version: the list of tech note 222464.

A version that is not in the list is never guessed at, neither an older nor a newer one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from sftunnel_builder.words import _


@dataclass(frozen=True)
class Hotfix:
    """A hotfix of the FMC."""

    name: str
    """Such as FZ."""
    version: str
    """Such as 7.2.9.99-4."""


_ANY_PATCH = 1000
_HOTFIXES: dict[tuple[int, ...], tuple[int, Hotfix]] = {
    # Train: how many patches of it, from .0 on, and the hotfix for them.
    (7, 0): (7, Hotfix("FK", "7.0.6.99-9")),
    (7, 2): (10, Hotfix("FZ", "7.2.9.99-4")),
    (7, 3): (_ANY_PATCH, Hotfix("AE", "7.3.1.99-4")),
    (7, 4): (3, Hotfix("AO", "7.4.2.99-5")),
    (7, 6): (1, Hotfix("B", "7.6.0.99-5")),
}
_MAINTENANCE_ENDED = ((7, 1),)
_AFFECTED = ((6, 2, 3), (6, 4), (6, 6))
_VERSION = re.compile(r"([0-9]{1,3})\.([0-9]{1,3})(?:\.([0-9]{1,3}))?(?![0-9])")


def hotfix_for(version: str) -> Hotfix | None:
    """Return the hotfix that the tech note names for a version (`7.2.5`), or None."""
    numbers = _numbers(version)
    if len(numbers) < 3 or numbers[:2] not in _HOTFIXES:
        return None
    patches, hotfix = _HOTFIXES[numbers[:2]]
    return hotfix if numbers[2] < patches else None


def hotfix_sentence(version: str) -> str:
    """Say which hotfix brings generate_certs.pl for a version, or why none can be named.

    version is an FMC's SWVERSION, made printable; empty if it is not known.
    """
    hotfix, numbers = hotfix_for(version), _numbers(version)
    if hotfix:
        return _(
            "hotfix {hotfix}, {hotfix_version}, brings generate_certs.pl for {version}"
        ).format(hotfix=hotfix.name, hotfix_version=hotfix.version, version=version)
    if not version:
        return _("the version is not known: tech note 222464 lists the hotfixes")
    if numbers[:2] in _MAINTENANCE_ENDED:
        return _(
            "no hotfix brings generate_certs.pl for {version}: its software maintenance has ended"
        ).format(version=version)
    if any(numbers[: len(each)] == each for each in _AFFECTED):
        return _(
            "{version} is affected, and tech note 222464 names no hotfix for it: ask the vendor"
        ).format(version=version)
    return _("tech note 222464 names no hotfix for {version}: look at its current list").format(
        version=version
    )


def _numbers(version: str) -> tuple[int, ...]:
    """Return the first two or three numbers of a version; none if it does not begin with them."""
    found = _VERSION.match(version)
    return tuple(int(number) for number in found.groups() if number) if found else ()
