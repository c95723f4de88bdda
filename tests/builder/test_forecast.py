"""What install.sh would do is foretold as it does it: see also tests/builder/cli/test_diff.py."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from holdings import (
    BRINGS,
    CACERT,
    CERTIFICATE,
    FACTS,
    FMC,
    HAS,
    NOW,
    OTHER,
    SECOND,
    TRIO,
    a_file,
    with_file,
)
from sftunnel_builder.forecast import Forecast, foretell
from sftunnel_builder.holding import LANDED, Holding
from sftunnel_builder.trio import TRIO_NAMES

BEFORE = with_file(HAS, CACERT, a_file("0", replace(CERTIFICATE, not_before=NOW - timedelta(9))))
YOUNGER = with_file(HAS, CACERT, a_file("0", replace(CERTIFICATE, not_before=NOW + timedelta(9))))


def _codes(forecast: Forecast) -> list[tuple[int, str | None]]:
    return [(int(each.exit_code), each.unless) for each in forecast.objections]


def test_what_is_there_already_is_nothing_to_do() -> None:
    found = foretell(HAS, BRINGS, None)
    assert (found.outcome, found.targets, found.objections) == ("nothing", (), ())


def test_all_files_of_the_bundle_are_put_in_place_even_if_one_differs() -> None:
    found = foretell(BEFORE, BRINGS, None)
    assert found.outcome == "replace"
    assert list(found.targets) == [f"/var/sf/peers/{FMC}/{name}" for name in TRIO_NAMES]


def _standing(kind: str) -> Holding:
    file = replace(a_file("0", None), standing=replace(LANDED, kind=kind))
    return with_file(HAS, CACERT, file)


def _directory(kind: str) -> Holding:
    return replace(HAS, trios={FMC: replace(HAS.trios[FMC], directory=kind)})


def _ran(run: int) -> Holding:
    return replace(BEFORE, trios={FMC: replace(BEFORE.trios[FMC], newest_run=run)})


@pytest.mark.parametrize(
    ("device", "fault", "codes"),
    [
        pytest.param(replace(HAS, device_uuid=OTHER), "x", [(5, None)], id="another device"),
        pytest.param(replace(HAS, trios={}), None, [(5, None)], id="no peer directory"),
        pytest.param(_directory("file"), None, [(5, None)], id="a file in place of a directory"),
        pytest.param(_directory("symbolic link"), None, [(5, None)], id="a link in its place"),
        pytest.param(BEFORE, "expired", [(3, None)], id="a trio that does not hold"),
        pytest.param(_ran(1728915795), None, [(3, "--allow-older")], id="an older run"),
        pytest.param(_ran(1728915794), None, [], id="the same run"),
        pytest.param(YOUNGER, None, [(3, "--allow-older")], id="a newer CA on the device"),
        pytest.param(_standing("symbolic link"), None, [(5, None)], id="a link for a file"),
        pytest.param(_standing("special file"), "x", [(3, None), (5, None)], id="two objections"),
        pytest.param(HAS, "expired", [], id="what is there already is not judged"),
    ],
)
def test_objections_come_in_the_order_of_the_installer(
    device: Holding, fault: str | None, codes: list[tuple[int, str | None]]
) -> None:
    found = foretell(device, BRINGS, fault)
    assert _codes(found) == codes
    assert (found.outcome == "refuse") == bool(codes)


def test_a_second_fmc_of_which_the_device_knows_nothing_is_named() -> None:
    found = foretell(HAS, replace(BRINGS, trios={FMC: TRIO, SECOND: TRIO}), None)
    (only,) = found.objections
    assert SECOND in only.message
    assert FMC not in only.message


def test_whether_the_signer_must_be_told() -> None:
    assert not foretell(BEFORE, BRINGS, None).is_signer_pinned
    pinned = replace(BEFORE, pinned_signers=frozenset({FACTS.signer}))
    assert foretell(pinned, BRINGS, None).is_signer_pinned
