"""Which hotfix is named for a version: every row of the tech note's list, and its neighbours."""

from __future__ import annotations

import pytest

from sftunnel_builder.hotfixes import Hotfix, hotfix_for, hotfix_sentence

FK, FZ, AE = Hotfix("FK", "7.0.6.99-9"), Hotfix("FZ", "7.2.9.99-4"), Hotfix("AE", "7.3.1.99-4")
AO, B = Hotfix("AO", "7.4.2.99-5"), Hotfix("B", "7.6.0.99-5")


@pytest.mark.parametrize(
    ("version", "hotfix"),
    [
        *((f"7.0.{patch}", FK) for patch in range(7)),
        ("7.0.6.2", FK),
        ("7.0.7", None),
        ("7.1.0", None),
        ("7.1.0.3", None),
        *((f"7.2.{patch}", FZ) for patch in range(10)),
        ("7.2.5-208", FZ),
        ("7.2.5.1", FZ),
        ("7.2.10", None),
        ("7.2.90", None),
        ("7.3.0", AE),
        ("7.3.1.2", AE),
        *((f"7.4.{patch}", AO) for patch in range(3)),
        ("7.4.3", None),
        ("7.5.0", None),
        ("7.6.0", B),
        ("7.6.1", None),
        ("7.7.0", None),
        ("17.2.5", None),
        ("10.0.0", None),
        ("6.2.3", None),
        ("6.7.0", None),
        ("7.2", None),
        ("7", None),
        ("7.2.5555", None),
        ("seven", None),
        ("", None),
    ],
)
def test_a_hotfix_is_named_for_the_versions_of_the_list_only(
    version: str, hotfix: Hotfix | None
) -> None:
    assert hotfix_for(version) == hotfix


@pytest.mark.parametrize(
    ("version", "sentence"),
    [
        ("7.2.5", "hotfix FZ, 7.2.9.99-4, brings generate_certs.pl for 7.2.5"),
        (
            "7.1.0.3",
            "no hotfix brings generate_certs.pl for 7.1.0.3: its software maintenance has ended",
        ),
        *(
            (
                version,
                f"{version} is affected, and tech note 222464 names no hotfix for it: "
                "ask the vendor",
            )
            for version in ("6.2.3", "6.2.3.18", "6.4.0", "6.4.0.17", "6.6.7")
        ),
        *(
            (version, f"tech note 222464 names no hotfix for {version}: look at its current list")
            for version in ("6.2.2", "6.5.0", "6.7.0", "7.0.7", "7.2.10", "7.4.3", "7.6.1", "7.7.0")
        ),
        ("seven", "tech note 222464 names no hotfix for seven: look at its current list"),
        ("", "the version is not known: tech note 222464 lists the hotfixes"),
    ],
)
def test_why_none_is_named_is_said_and_nothing_is_guessed(version: str, sentence: str) -> None:
    assert hotfix_sentence(version) == sentence
