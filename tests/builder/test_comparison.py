"""What counts as a difference."""

from __future__ import annotations

from dataclasses import replace

import pytest

from holdings import (
    BRINGS,
    CACERT,
    CERT,
    CERTIFICATE,
    FACTS,
    FILES,
    FMC,
    HAS,
    KEY,
    LOCKED,
    OTHER,
    SECOND,
    TRIO,
    a_file,
    with_file,
)
from sftunnel_builder.comparison import Comparison, Status, compare
from sftunnel_builder.holding import LANDED, HeldFile, Holding


def status_of(comparison: Comparison, name: str) -> tuple[Status, bool]:
    (fmc,) = comparison.fmcs
    (file,) = [each for each in fmc.files if each.name == name]
    return file.status, file.is_same


def test_a_device_that_holds_what_the_bundle_brings_does_not_differ() -> None:
    found = compare(HAS, BRINGS)
    assert not found.differs
    assert [fmc.status for fmc in found.fmcs] == [Status.UNCHANGED]


NEWER = replace(CERTIFICATE, fingerprint="dd" * 32)
CASES = [
    pytest.param(CERT, a_file("d", NEWER), Status.CHANGED, False, id="another certificate"),
    pytest.param(
        CERT, a_file("d", CERTIFICATE), Status.CHANGED, True, id="the same certificate, other bytes"
    ),
    pytest.param(
        KEY, a_file("d", LOCKED), Status.CHANGED, True, id="the same key in another PEM form"
    ),
    pytest.param(
        KEY,
        a_file("d", replace(LOCKED, canonical="dd" * 32)),
        Status.CHANGED,
        False,
        id="another key, though both are encrypted",
    ),
    pytest.param(
        CACERT,
        replace(FILES[CACERT], standing=replace(LANDED, mode="600")),
        Status.CHANGED,
        True,
        id="the same bytes with another mode",
    ),
    pytest.param(
        CACERT, a_file("d", None, "not a certificate"), Status.CHANGED, False, id="a damaged file"
    ),
    pytest.param(
        CACERT,
        HeldFile(LANDED, None, None, "cannot read"),
        Status.CHANGED,
        False,
        id="a file that cannot be read",
    ),
    pytest.param(KEY, None, Status.ONLY_FROM, False, id="a file that is missing there"),
]


@pytest.mark.parametrize(("name", "file", "status", "is_same"), CASES)
def test_a_file_that_differs(
    name: str, file: HeldFile | None, status: Status, is_same: bool
) -> None:
    found = compare(HAS, with_file(BRINGS, name, file))
    assert found.differs
    assert status_of(found, name) == (status, is_same)
    assert [each.status for each in found.fmcs] == [Status.CHANGED]


def test_a_file_that_cannot_be_read_on_either_side_is_not_the_same() -> None:
    unread = HeldFile(LANDED, None, None, "cannot read")
    found = compare(with_file(HAS, KEY, unread), with_file(BRINGS, KEY, unread))
    assert status_of(found, KEY) == (Status.CHANGED, False)


@pytest.mark.parametrize(
    ("before", "after", "status"),
    [
        pytest.param([FMC], [FMC, SECOND], Status.ONLY_TO, id="an FMC that is new"),
        pytest.param([FMC, SECOND], [FMC], Status.ONLY_FROM, id="an FMC that is gone"),
    ],
)
def test_an_fmc_on_one_side_only(before: list[str], after: list[str], status: Status) -> None:
    sides = [replace(BRINGS, trios=dict.fromkeys(uuids, TRIO)) for uuids in (before, after)]
    found = compare(*sides)
    assert found.differs
    assert {fmc.uuid: fmc.status for fmc in found.fmcs} == {FMC: Status.UNCHANGED, SECOND: status}


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(replace(BRINGS, device_uuid=OTHER), id="another device"),
        pytest.param(replace(BRINGS, device_name="renamed"), id="another name"),
        pytest.param(replace(BRINGS, bundle=replace(FACTS, signer="e" * 64)), id="another signer"),
        pytest.param(
            replace(BRINGS, bundle=replace(FACTS, install_sh="e" * 64)), id="another install.sh"
        ),
        pytest.param(
            replace(BRINGS, trios={FMC: replace(TRIO, run_id=1728915793)}), id="another run"
        ),
    ],
)
def test_bundles_that_differ_but_for_their_files(other: Holding) -> None:
    assert compare(BRINGS, other).differs
    assert not compare(other, other).differs
    assert [fmc.status for fmc in compare(BRINGS, other).fmcs] == [Status.UNCHANGED]


def test_what_one_side_does_not_know_is_no_difference() -> None:
    facts = {fact.name: fact for fact in compare(HAS, BRINGS).facts}
    assert (facts["signer"].before, facts["signer"].is_same) == (None, None)
    assert facts["device_name"].before is None
