"""What the program is made of, and what it says of itself."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from programs import Program
from sftunnel_builder import __version__
from sftunnel_builder.resources import installer_script
from sftunnel_installer.options import FLAGS, WITH_VALUE, help_text

ROOT = Path(__file__).resolve().parents[2]
NEVER = {"typer", "rich", "jinja2", "segno", "serial", "sftunnel_builder.cli"}
LOAD = """
import pkgutil, sys, importlib, sftunnel_installer
for module in pkgutil.iter_modules(sftunnel_installer.__path__):
    importlib.import_module(f"sftunnel_installer.{module.name}")
print(*sys.modules)
"""


def test_it_loads_no_more_than_a_device_needs(program: Program) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOAD],
        env=program.environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = set(done.stdout.split())
    assert "sftunnel_installer.command" in loaded
    assert loaded & NEVER == set()
    # Of what it verifies with, only where it is used.
    assert "cryptography" not in loaded


def test_help_and_version_need_neither_root_nor_a_device(program: Program) -> None:
    done = program.run("--help")
    assert done.returncode == 0
    assert done.stdout == help_text()
    assert max(map(len, done.stdout.splitlines())) <= 100
    done = program.run("--version")
    assert done.stdout == f"sftunnel-installer {__version__}\n"


def test_its_options_are_those_of_install_sh() -> None:
    script = installer_script().decode()
    (line,) = re.findall(r"^\s+(--signer \| --root \| .*)\)$", script, re.MULTILINE)
    assert set(line.split(" | ")) == set(WITH_VALUE)
    usage = set(re.findall(r"(?m)^  (--[a-z-]+)", script))
    assert usage - {"--json"} == {*WITH_VALUE, *FLAGS}
    assert usage <= set(re.findall(r"(?m)^  (--[a-z-]+)", help_text()))


def test_it_is_not_run_by_anybody_but_root(program: Program, stick: Path) -> None:
    words = ["-c", 'exec setpriv --reuid 65534 --clear-groups "$@"', "sh", *program.command]
    program.command = ["sh", *words]
    probe = program.run("--version")
    if probe.returncode:
        # In a user namespace of one user there is nobody else.
        assert "setpriv" in probe.stderr or "Permission denied" in probe.stderr
        return
    done = program.run("check", stick, *program.wall.options())
    assert done.returncode == 5
    assert "error: this must run as root" in done.stderr


def test_the_openssl_in_it_heeds_no_settings_and_no_modules_of_the_device(
    program: Program, stick: Path, tmp_path: Path
) -> None:
    settings = tmp_path / "openssl.cnf"
    settings.write_text(
        "openssl_conf = i\n[i]\nproviders = p\nalg_section = a\n[p]\nfips = f\n"
        "[f]\nactivate = 1\n[a]\ndefault_properties = fips=yes\n"
    )
    steered = {"OPENSSL_CONF": str(settings), "OPENSSL_MODULES": str(tmp_path)}
    words = ["check", stick, *program.wall.options()]
    done = program.run(*words, environment={**program.environment(), **steered})
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_standard_stream_that_is_closed_is_as_nothing(
    program: Program, stick: Path, closed: str
) -> None:
    program.command = ["sh", "-c", f'exec "$0" "$@" {closed}', *program.command]
    done = program.verb("install", stick)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    program.wall.assert_trio(program.wall.new_trio)
