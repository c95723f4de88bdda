"""Two sides of a comparison, made up: a bundle, and a device that holds what it brings."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from sftunnel_builder.holding import (
    BUNDLE,
    DEVICE_TREE,
    LANDED,
    BundleFacts,
    CertificateFacts,
    HeldFile,
    HeldTrio,
    Holding,
    KeyFacts,
    Parsed,
)
from sftunnel_builder.trio import TRIO_NAMES

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
DEVICE = "c8d5d5c6-87c9-11ef-a993-b9831565bc4e"
OTHER = "5e1f7b40-87cb-11ef-8d0e-aa0d2f4b6c11"
FMC = "cdb123c8-4347-11ef-aca1-f3aa241412a1"
SECOND = "dde5f1aa-4347-11ef-aca1-f3aa241412a1"
CACERT, CERT, KEY = TRIO_NAMES

CERTIFICATE = CertificateFacts(
    ("CN=localhost", f"title={DEVICE}"),
    FMC,
    NOW,
    NOW + timedelta(days=3650),
    "0D",
    "aa" * 32,
    "RSA 2048 bits",
    "bb" * 32,
    "sha256",
)
LOCKED = KeyFacts("encrypted", "cc" * 32, None, None, "not opened")
FACTS = BundleFacts("10.48.67.54", "0" * 16, NOW, "0.1.0", "f" * 64, "1" * 64, "2" * 64)


def a_file(digit: str, contents: Parsed, problem: str | None = None) -> HeldFile:
    return HeldFile(LANDED, digit * 64, contents, problem)


FILES = {
    CACERT: a_file("a", CERTIFICATE),
    CERT: a_file("b", CERTIFICATE),
    KEY: a_file("c", LOCKED),
}
TRIO = HeldTrio(FILES, run_id=1728915794)
BRINGS = Holding(BUNDLE, "new.tar.gz", DEVICE, "BSNS-1120-1", {FMC: TRIO}, FACTS)
HAS = Holding(DEVICE_TREE, "/", DEVICE, "1120", {FMC: HeldTrio(FILES, newest_run=1728915794)})


def with_file(side: Holding, name: str, file: HeldFile | None) -> Holding:
    """Return a side with another file in its trio, or without it."""
    files = {k: v for k, v in {**side.trios[FMC].files, name: file}.items() if v}
    return replace(side, trios={**side.trios, FMC: replace(side.trios[FMC], files=files)})
