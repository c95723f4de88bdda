"""`sftunnel-bundler console send`: from the command line to an installer that has ended there."""

from __future__ import annotations

import gzip
import json
import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from docs.workplace import Typed, at_terminal, program
from line_model import PASSWORD, Faults, LineModel
from rehearsal import Made
from sftunnel_builder.parcel import make_parcel

BASH = ["bash", "--norc"]
AT_ANOTHER_PACE = """\
import importlib, sys
from sftunnel_builder.cli import main
importlib.import_module("sftunnel_builder.cli.console.send").PATIENCE_S = 1.0
sys.argv[0] = "sftunnel-bundler"
main()
"""
PROGRAM = [sys.executable, "-c", AT_ANOTHER_PACE]
"""The line models are faster than a real line; so is the program's patience."""
PASSPHRASE = "of-the-key-to-be-typed"
INSTALLER = f"""#!/bin/bash
case $1 in
*/install.sh) ;;
*) exec /bin/sh "$@" ;;
esac
stty -echo
read -r -p 'Passphrase (not shown): ' typed
stty echo
[ "$typed" = {PASSPHRASE} ] && echo && echo installed
exit 8
"""
"""In place of sh on the device."""


def _words(made: Made, model: LineModel, place: Path, *more: str) -> list[str]:
    bundle = str(made.bundle(made.devices[0]))
    where = ["--port", model.port, "--baud", str(model.baud), "--dir", str(place / "renewal")]
    return ["console", "send", bundle, *where, *more]


def _unpacked(path: Path) -> bytes:
    data = path.read_bytes()
    return gzip.decompress(data) if path.suffix == ".gz" else data


def _run(place: Path, words: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*PROGRAM, *words],
        cwd=place,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_bundle_arrives_and_the_result_says_so(made: Made, tmp_path: Path) -> None:
    bundle = made.bundle(made.devices[0])
    with LineModel(BASH, tmp_path) as model:
        words = _words(made, model, tmp_path, "--transcript", "transcript")
        done = _run(tmp_path, words)
        assert done.returncode == 0, done.stderr
        assert (tmp_path / "renewal" / bundle.name).read_bytes() == bundle.read_bytes()
        assert " s at 9600 baud, " in done.stderr
        assert f"sh {bundle.name.removesuffix('.tar.gz')}/install.sh --signer" in done.stderr
        assert done.stdout.startswith(f"sent    {bundle.name}\nSHA-256 ")
        again = _run(tmp_path, [*words[:-2], "--json"])
    told = json.loads(again.stdout)
    parcel = make_parcel(bundle.read_bytes(), bundle.name, made.report.signer, "/x")
    assert told["blocks_there_before"] == told["blocks_needed"] == len(parcel.paste.blocks)
    assert (told["blocks_sent"], told["bytes_needed"]) == (0, parcel.bytes_needed)
    assert told["sha256"] == parcel.paste.sha256
    assert 0 < told["bytes_sent"] < 1000
    transcript = (tmp_path / "transcript").read_bytes()
    assert b"ok 01" in transcript


@pytest.mark.slow
def test_it_walks_walks_again_and_stays_attached_to_the_installer(
    made: Made, tmp_path: Path
) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "sh").write_text(INSTALLER)
    (tools / "sh").chmod(0o755)
    environment = {**os.environ, "PATH": f"{tools}:{os.environ['PATH']}"}
    model = LineModel(
        BASH,
        tmp_path,
        environment=environment,
        faults=Faults(rate=1e-4, end_session_at=12_000),
        begins="login",
    )
    answers = [("'admin': ", PASSWORD), ("'sudo su': ", PASSWORD)] * 2
    with model:
        more = ["--walk", "--install", "--signer", made.report.signer, "--transcript", "transcript"]
        typed = at_terminal(
            [*PROGRAM, *_words(made, model, tmp_path, *more)],
            cwd=tmp_path,
            home=tmp_path,
            answers=[*answers, ("(not shown): ", PASSPHRASE)],
        )
    assert typed.code == 8, typed.text
    assert "going there again" in typed.text
    assert "installed" in typed.text
    assert "the installer ended with status 8" in typed.text
    left = [path for path in tmp_path.rglob("*") if path.is_file() and path.parent != tools]
    assert {"transcript", made.bundle(made.devices[0]).name} <= {path.name for path in left}
    key = made.new_trios[made.devices[0].uuid]["sftunnel-key.pem"].splitlines()[1:-1]
    for secret in (PASSWORD.encode(), PASSPHRASE.encode(), *key):
        assert secret not in typed.text.encode()
        assert [path for path in left if secret in _unpacked(path)] == []


def test_the_escape_key_leaves_the_installer_alone(made: Made, tmp_path: Path) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "sh").write_text(INSTALLER)
    (tools / "sh").chmod(0o755)
    environment = {**os.environ, "PATH": f"{tools}:{os.environ['PATH']}"}
    with LineModel(BASH, tmp_path, environment=environment) as model:
        more = ["--install", "--signer", made.report.signer]
        typed = at_terminal(
            [*PROGRAM, *_words(made, model, tmp_path, *more)],
            cwd=tmp_path,
            home=tmp_path,
            answers=[("(not shown): ", "\x1d")],
        )
    assert typed.code == 9, typed.text
    assert "how the installer ended is not known here" in typed.text


@pytest.mark.slow
def test_ctrl_c_leaves_a_sane_shell_and_the_next_run_goes_on(made: Made, tmp_path: Path) -> None:
    with LineModel(BASH, tmp_path, 9600 * 16) as model:
        words = _words(made, model, tmp_path)
        running = subprocess.Popen(
            [*PROGRAM, *words],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        give_up = time.monotonic() + 60
        while b"ok 03" not in model.printed:
            assert time.monotonic() < give_up
            time.sleep(0.01)
        running.send_signal(signal.SIGINT)
        _, said = running.communicate(timeout=30)
        assert running.returncode == 130, said
        assert "the same command goes on from there" in said
        done = _run(tmp_path, [*words, "--json"])
        assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["blocks_there_before"] >= 3


def test_without_a_root_shell_it_says_what_to_type(made: Made, tmp_path: Path) -> None:
    with LineModel(BASH, tmp_path, begins="expert") as model:
        done = _run(tmp_path, _words(made, model, tmp_path, "--wait", "1"))
    assert done.returncode == 5
    assert "error: no root shell answered on the console; seen: a shell that is not" in done.stderr
    assert "hint: type 'sudo su'" in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        ("", 2, "missing option '--port'"),
        ("--port /dev/none", 5, "cannot open port '/dev/none': there is no such port"),
        ("--port spy://x", 2, "--port wants a device or 'socket://host:port'"),
        ("--port /dev/none --walk", 2, "--walk and --install need a terminal"),
        ("--port /dev/none --install", 2, "--walk and --install need a terminal"),
        ("--port /dev/none --dir here", 2, "--dir wants an absolute path"),
        ("--port /dev/none --baud 7", 2, "invalid value for '--baud'"),
        ("--port /dev/none --signer " + "0" * 64, 4, "is signed by another key"),
    ],
)
def test_what_cannot_be_done_is_refused(
    made: Made, tmp_path: Path, words: str, code: int, message: str
) -> None:
    bundle = str(made.bundle(made.devices[0]))
    done = _run(tmp_path, ["console", "send", bundle, *shlex.split(words)])
    assert (done.returncode, message in done.stderr) == (code, True), done.stderr


def test_installing_wants_the_fingerprint_that_came_another_way(made: Made, tmp_path: Path) -> None:
    bundle = str(made.bundle(made.devices[0]))
    typed: Typed = at_terminal(
        program("console", "send", bundle, "--port", "/dev/none", "--install"),
        cwd=tmp_path,
        home=tmp_path,
    )
    assert typed.code == 2
    assert "error: --install wants --signer" in typed.text
