"""What differs from one device's runbook to another's."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING

from sftunnel_builder.bundle_conf import BundleConf
from sftunnel_builder.resources import start_script

if TYPE_CHECKING:
    from sftunnel_builder.bundle import Contents


@dataclass(frozen=True)
class Facts:
    """What a runbook fills in."""

    conf: BundleConf
    top: str
    """The bundle's top directory."""
    signer: str
    """Fingerprint."""
    is_locked: bool
    """Whether the keys in it are encrypted."""
    not_after: datetime
    """Until when all of the new certificates are valid, UTC."""
    start_sha256: str
    """Of the kit's start.sh."""
    bundle_sha256: str | None = None
    """None for the copy inside the bundle."""
    sums_sha256: str | None = None
    """Of SHA256SUMS in it; None for the copy inside, which that lists."""


def facts_of(
    contents: Contents,
    signer: str,
    bundle_sha256: str | None = None,
    sums_sha256: str | None = None,
) -> Facts:
    """Return the facts of a bundle whose trios were checked; signer is a fingerprint."""
    return Facts(
        conf=contents.conf,
        top=contents.top,
        signer=signer,
        is_locked=contents.is_key_encrypted(),
        not_after=contents.not_after,
        start_sha256=_start_sha256(),
        bundle_sha256=bundle_sha256,
        sums_sha256=sums_sha256,
    )


@cache
def _start_sha256() -> str:
    return hashlib.sha256(start_script()).hexdigest()
