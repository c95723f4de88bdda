"""How a comparison reads: every line fits, and what matters is said in words."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from holdings import (
    BRINGS,
    CACERT,
    CERT,
    CERTIFICATE,
    FMC,
    HAS,
    KEY,
    LOCKED,
    NOW,
    a_file,
    with_file,
)
from sftunnel_builder.comparison import compare
from sftunnel_builder.comparison_text import COLUMNS, render
from sftunnel_builder.forecast import foretell
from sftunnel_builder.holding import LANDED, Holding, KeyFacts, Parsed


def _said(before: Holding, after: Holding) -> str:
    forecast = foretell(before, after, None) if before.kind != after.kind else None
    lines = list(render(compare(before, after), forecast, NOW))
    assert max(map(len, lines)) <= COLUMNS
    return "\n".join(lines)


PLAIN = KeyFacts("plain", "dd" * 32, "RSA 2048 bits", "ee" * 32, "another certificate")
NO_BLANKS = replace(CERTIFICATE, issuer="x" * 300)


@pytest.mark.parametrize(
    ("name", "contents", "wanted"),
    [
        pytest.param(
            CACERT,
            replace(CERTIFICATE, not_after=NOW - timedelta(days=1)),
            "  - not after       2026-11-22T12:00:00Z, EXPIRED 1 day ago",
            id="an expired CA",
        ),
        pytest.param(
            CACERT,
            replace(CERTIFICATE, not_before=NOW + timedelta(days=2)),
            "  - not before      2026-11-25T12:00:00Z, NOT VALID YET\n"
            "  + not before      2026-11-23T12:00:00Z, 2 days EARLIER",
            id="one that is not valid yet",
        ),
        pytest.param(
            CERT,
            replace(CERTIFICATE, subject=("CN=localhost", "title=another device")),
            "  - subject         title=another device\n  + subject         title=c8d5d5c6",
            id="only the attributes that differ",
        ),
        pytest.param(
            CERT,
            replace(CERTIFICATE, digest="sha1"),
            "  - signature       sha1",
            id="a weak digest",
        ),
        pytest.param(CERT, NO_BLANKS, "  - issuer          xxx", id="a text without end"),
        pytest.param(
            CERT, CERTIFICATE, "the same certificate in other bytes", id="an old certificate anew"
        ),
        pytest.param(KEY, LOCKED, "the same key in other bytes", id="an old key anew"),
        pytest.param(
            KEY, PLAIN, "ANOTHER certificate than the one beside it", id="a key of two runs"
        ),
    ],
)
def test_what_is_said_of_a_file_that_changes(name: str, contents: Parsed, wanted: str) -> None:
    assert wanted in _said(with_file(HAS, name, a_file("0", contents)), BRINGS)


def test_what_is_only_not_as_it_should_stand() -> None:
    file = replace(HAS.trios[FMC].files[KEY], standing=replace(LANDED, owner="1000:1000"))
    said = _said(with_file(HAS, KEY, file), BRINGS)
    assert "  - owner           1000:1000\n  + owner           root:root\n" in said
    assert "only mode or owner differ, which in a copy not made by root" in said
    assert "sftunnel-key.pem   changed" in said
    assert "cacert.pem         the same again" in said


def test_what_is_only_the_same() -> None:
    assert _said(BRINGS, BRINGS).endswith("\n\nno difference")
    assert _said(HAS, BRINGS).endswith("install.sh would say: already installed: nothing to do")


def test_an_interrupted_run_is_said() -> None:
    assert "earlier run of install.sh was interrupted" in _said(
        replace(HAS, is_interrupted=True), BRINGS
    )
