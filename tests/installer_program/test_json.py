"""--json: one object at the end on standard output, and all talk on standard error."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from programs import Program
from rehearsal import Made
from sftunnel_installer.report import Said

KEYS = {
    *("bundle", "device", "error", "exit", "format", "hint", "message", "receipts", "status"),
    *("verb", "warnings"),
}


def _run(program: Program, verb: str, *words: str | Path) -> dict[str, Any]:
    done = program.verb(verb, "--json", *words)
    (line,) = done.stdout.splitlines()
    told: dict[str, Any] = json.loads(line)
    assert set(told) == KEYS
    assert told["exit"] == done.returncode
    assert told["verb"] == verb
    assert told["format"] == 1
    assert told["device"]["uuid"] == program.wall.device.uuid
    if told["error"]:
        assert done.stderr.endswith(f"error: {told['error']}\nhint: {told['hint']}\n")
    return told


def test_an_install(program: Program, made: Made, stick: Path) -> None:
    told = _run(program, "install", stick)
    assert told["exit"] == 0
    name = f"{program.wall.bundle.name}.tar.gz"
    assert told["bundle"]["path"] == str(stick / "sftunnel/bundles" / name)
    assert told["bundle"]["signer"] == made.report.signer
    assert told["bundle"]["device_name"] == program.wall.device.name
    assert told["message"].startswith("done: install on")
    assert (told["error"], told["hint"], told["status"]) == (None, None, None)
    assert len(told["receipts"]) == 2
    assert all(Path(path).is_file() for path in told["receipts"])


def test_a_refusal_by_install_sh(program: Program, stick: Path) -> None:
    program.wall.passphrase_file.write_text("wrong\n")
    told = _run(program, "install", stick)
    assert told["exit"] == 3
    assert "wrong passphrase" in told["error"]
    assert told["bundle"] is not None
    assert (told["message"], told["receipts"]) == (None, [])


def test_a_refusal_before_install_sh(program: Program, stick: Path) -> None:
    program.wall.signer = "0" * 64
    told = _run(program, "install", stick)
    assert told["exit"] == 4
    assert "signed by another key" in told["error"]
    assert told["bundle"] is None


def test_the_status(program: Program, stick: Path) -> None:
    assert program.verb("install", stick).returncode == 0
    told = _run(program, "status")
    assert "\n\n" not in "\n" + program.verb("status", "--json").stderr
    theirs = program.wall.run("status", "--json", "--root", str(program.wall.root))
    assert told["status"] == json.loads(theirs.stdout)
    assert told["message"] is None


def test_a_status_that_cannot_be_told(program: Program) -> None:
    told = _run(program, "status", "--backup", "0001-x")
    assert told["exit"] == 2
    assert "--backup does not go with 'status'" in told["error"]
    assert told["status"] is None


def test_an_output_that_cannot_be_written_leaves_the_exit_code(
    program: Program, stick: Path
) -> None:
    words = [*program.wall.options("--no-restart"), "--json"]
    with open("/dev/full", "w") as full:
        run = program.start("install", stick, *words, stdout=full.fileno(), stderr=subprocess.PIPE)
    _, err = run.communicate(timeout=120)
    assert run.returncode == 0, err.decode()
    assert b"Traceback" not in err
    lost = b"warning: the output could not be written: no space left on device\n"
    assert err.endswith(lost)
    program.wall.assert_trio(program.wall.new_trio)


@pytest.mark.parametrize("before", ["", "device     it\n", "Go on? [yes/no] ", "(not shown): "])
def test_an_error_behind_a_question_is_told(before: str) -> None:
    text = f"{before}error: openssl said: error: no\nhint: do\nmore\n"
    assert Said(text).error() == ("openssl said: error: no", "do")


def test_a_command_line_that_is_not_understood_has_an_object_too(program: Program) -> None:
    done = program.run("--json", "check", "status")
    told = json.loads(done.stdout)
    assert set(told) == KEYS
    assert (done.returncode, told["exit"], told["verb"]) == (2, 2, None)
    assert told["error"].startswith("two verbs")


def test_a_ctrl_c_at_a_question_has_an_object_too(program: Program, stick: Path) -> None:
    terminal = program.on_terminal("install", stick, "--root", program.wall.root, "--json")
    terminal.expect("Type at least")
    terminal.press_ctrl_c()
    assert terminal.end() == 130
    assert '"error": "interrupted", "exit": 130' in terminal.seen
