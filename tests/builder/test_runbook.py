"""The runbook fits on paper whatever the device is called, and its commands are the product's."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime

import pytest

from sftunnel_builder.bundle import bundle_name
from sftunnel_builder.bundle_conf import BundleConf, FmcTrio
from sftunnel_builder.resources import template
from sftunnel_builder.runbook import COLUMNS, render_device_runbook
from sftunnel_builder.trio import TRIO_NAMES

from .conftest import DEVICE, FMC


def _runbook(name: str, *, is_locked: bool = True, sha256: str | None = None) -> str:
    trio = FmcTrio(FMC, 1728915794, dict.fromkeys(TRIO_NAMES, "0" * 64))
    conf = BundleConf(
        name, DEVICE, "10.48.67.54", datetime.now(UTC), "0.1.0", (trio, trio)
    ).with_id()
    top = bundle_name(name, DEVICE)
    return render_device_runbook(conf, top, "f" * 64, is_locked, sha256).decode()


@pytest.mark.parametrize("name", ["fw", "Plant 4 edge", "x" * 100, "word " * 30])
@pytest.mark.parametrize("sha256", [None, "a" * 64])
@pytest.mark.parametrize("is_locked", [True, False])
def test_no_line_is_too_long(name: str, sha256: str | None, is_locked: bool) -> None:
    text = _runbook(name, is_locked=is_locked, sha256=sha256)
    assert [line for line in text.splitlines() if len(line) > COLUMNS] == []
    assert text.count("passphrase of this device's key") == (2 if is_locked else 0)


def test_the_copy_in_the_bundle_differs_only_in_what_it_cannot_know() -> None:
    inside = _runbook("fw").splitlines()
    beside = _runbook("fw", sha256="a" * 64).splitlines()
    assert [line for line in beside if line not in inside] == [
        "SHA-256 of the bundle:",
        *["             aaaa aaaa aaaa aaaa aaaa aaaa aaaa aaaa"] * 2,
        "   The answer must begin with",
        f"   {'a' * 64}",
    ]


def test_its_commands_are_shell() -> None:
    text = _runbook("Plant 4 edge").replace("\\\n", " ")
    commands = [
        line.strip()
        for line in text.splitlines()
        if line.startswith("   ") and line.split()[0] in ("sh", "tar", "cd", "sha256sum")
    ]
    assert len(commands) >= 6
    for command in commands:
        subprocess.run(["sh", "-n", "-c", command], check=True)


def test_a_name_that_the_template_does_not_know_is_an_error() -> None:
    from jinja2 import UndefinedError

    with pytest.raises(UndefinedError):
        template("RUNBOOK.txt.j2").render()


def test_a_long_name_is_cut_and_not_left_out() -> None:
    assert f"Device       {'x' * 36}...\n" in _runbook("x" * 100)
