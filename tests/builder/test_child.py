"""A program that a frozen one starts gets the environment of the system, not the frozen one's."""

from __future__ import annotations

import os
import sys

import pytest

from sftunnel_builder.child import child_environment


@pytest.mark.parametrize(
    ("is_frozen", "original", "wanted"),
    [
        pytest.param(False, None, "ours", id="not frozen: as it is"),
        pytest.param(True, None, None, id="frozen, and there was none before"),
        pytest.param(True, "theirs", "theirs", id="frozen, and there was one before"),
    ],
)
def test_the_library_path(
    monkeypatch: pytest.MonkeyPatch, is_frozen: bool, original: str | None, wanted: str | None
) -> None:
    monkeypatch.setattr(sys, "frozen", is_frozen, raising=False)
    monkeypatch.setenv("LD_LIBRARY_PATH", "ours")
    monkeypatch.delenv("LD_LIBRARY_PATH_ORIG", raising=False)
    if original is not None:
        monkeypatch.setenv("LD_LIBRARY_PATH_ORIG", original)
    environment = child_environment()
    assert environment.get("LD_LIBRARY_PATH") == wanted
    assert environment["PATH"] == os.environ["PATH"]


def test_it_is_not_taken_for_a_part_of_the_frozen_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    monkeypatch.setenv("_PYI_APPLICATION_HOME_DIR", "/tmp/_MEI1")  # noqa: S108
    assert "_PYI_APPLICATION_HOME_DIR" not in child_environment()
