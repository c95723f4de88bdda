"""install.sh as a text: what a reader and a shell may count on."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from rehearsal import AS_ROOT, need
from sftunnel_builder import __version__
from sftunnel_builder.resources import INSTALLER_FRAGMENTS, installer_script

FOLDER = Path(__file__).parents[2] / "installer"


def test_every_fragment_is_joined_and_none_is_long() -> None:
    fragments = {path.name: path.read_text().splitlines() for path in FOLDER.glob("*.sh")}
    assert set(fragments) == set(INSTALLER_FRAGMENTS)
    assert [name for name, lines in fragments.items() if len(lines) >= 300] == []


def test_joined_it_is_the_fragments_but_for_indentation_and_what_shellcheck_reads() -> None:
    fragments = "\n".join((FOLDER / name).read_text() for name in INSTALLER_FRAGMENTS)
    wanted = [line for line in fragments.split("\n") if "# shellcheck " not in line]
    found = installer_script().decode().split("\n")
    assert [line.lstrip("\t ") for line in found] == [line.lstrip(" ") for line in wanted]
    assert [line.expandtabs(4) for line in found] == wanted


def test_no_function_is_over_thirty_lines() -> None:
    functions = re.findall(r"^(\w+)\(\) \{\n(.*?)^\}", installer_script().decode(), re.M | re.S)
    assert len(functions) > 50
    long = [name for name, body in functions if body.count("\n") > 30]
    # The help text is no code.
    assert long == ["usage"] or long == []


def _said_by(shell: list[str], script: bytes) -> tuple[int, bytes, str]:
    """Run a script that is harmless only if it does as it should: exit status, output, errors."""
    need(shell[0], shutil.which(shell[0]))
    command = [*AS_ROOT, *shell, "-s", "--", "--version"]
    done = subprocess.run(command, input=script, capture_output=True, check=False)
    return done.returncode, done.stdout, done.stderr.decode()


SHELLS = [
    pytest.param(shell.split(), id=shell)
    for shell in ("dash", "bash", "bash --posix", "mksh", "yash -o posix", "busybox ash")
]


@pytest.mark.parametrize("shell", SHELLS)
def test_it_runs_only_when_it_is_whole_and_says_so_when_it_is_not(shell: list[str]) -> None:
    script = installer_script()
    assert script.endswith(b'\nmain "$@"\n')
    head = script.index(b"# Whatever the caller set")
    last_line = len(script) - len(b'main "$@"\n')
    cuts = [*range(head, last_line, 4999), *range(last_line - 2000, last_line, 397)]
    # Without its arguments main would install; from a bundle a cut file's checksum stops it.
    cuts += [last_line + length for length in (0, 1, 3)]
    assert len(cuts) > 20
    for cut in cuts:
        code, output, errors = _said_by(shell, script[:cut])
        assert output == b"", "a script that was cut short ran something"
        assert code in (4, 127), f"cut at {cut}: {errors}"
        assert "error: install.sh is damaged: its end is missing\nhint: " in errors, errors
    for length in (6, 8):
        assert _said_by(shell, script[: last_line + length])[1] == b""


@pytest.mark.parametrize("shell", SHELLS)
def test_changed_line_ends_are_told_and_nothing_runs(shell: list[str]) -> None:
    script = installer_script().replace(b"\n", b"\r\n")
    code, output, errors = _said_by(shell, script)
    assert (code, output) == (4, b"")
    assert errors.startswith(
        "error: install.sh is damaged: line ends were changed on the way\nhint"
    )
    assert errors.count("\n") == 2


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize(("name", "number"), [("HUP", 1), ("INT", 2), ("TERM", 15)])
def test_a_signal_while_it_is_read_is_not_taken_for_damage(
    shell: list[str], name: str, number: int
) -> None:
    line = b"installer_version="
    script = installer_script().replace(line, f"kill -{name} $$\n".encode() + line, 1)
    code, output, errors = _said_by(shell, script)
    assert (code, output, errors) == (128 + number, b"", "")


def test_its_version_is_the_packages() -> None:
    done = subprocess.run(
        ["sh", "-s", "--", "--version"], input=installer_script(), capture_output=True, check=True
    )
    assert done.stdout.decode() == f"sftunnel-bundler installer {__version__}\n"


@pytest.mark.parametrize(
    "pattern",
    [r"\beval\b", r"\bsource ", r"\[\[ ", r"^\s*local ", r"<<<", r"pipefail", r"echo -e"],
)
def test_it_uses_nothing_that_is_not_posix_or_not_safe(pattern: str) -> None:
    code = re.sub(r"^\s*#.*$", "", installer_script().decode(), flags=re.M)
    assert re.findall(pattern, code, re.M) == []


def test_shellcheck_finds_nothing(tmp_path: Path) -> None:
    need("shellcheck", shutil.which("shellcheck"))
    # As joined, but with the exceptions, which no bundle carries.
    script = "\n".join((FOLDER / name).read_text() for name in INSTALLER_FRAGMENTS)
    (tmp_path / "install.sh").write_text(script)
    done = subprocess.run(
        ["shellcheck", "-s", "sh", "-e", "SC2317,SC2329", "install.sh"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == ""
