"""The command as a program among programs: pipes, terminals, bugs."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from rehearsal import Made, need
from sftunnel_builder import __version__
from sftunnel_builder.signer import generate_signer, is_encrypted, load_signer, save_signer


def _environment(**more: str) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "COLUMNS": "80", **more}


def _run(
    *arguments: str, program: Sequence[str] = ("-m", "sftunnel_builder"), **environment: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *program, *arguments],
        env=_environment(**environment),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


def test_the_version() -> None:
    done = _run("--version")
    assert (done.returncode, done.stdout) == (0, f"sftunnel-bundler {__version__}\n")


@pytest.mark.parametrize(
    ("arguments", "of_a_verb"),
    [
        pytest.param([], set(), id="all"),
        pytest.param(["expiry"], {"expiry"}, id="one"),
        pytest.param(["build"], {"build", "signing"}, id="one that shares options"),
        pytest.param(["console"], {"console"}, id="some"),
        pytest.param(
            ["console", "script"], {"console", "script", "whole", "verify"}, id="one of some"
        ),
    ],
)
def test_help_waits_for_no_module_that_it_does_not_need(
    arguments: list[str], of_a_verb: set[str]
) -> None:
    code = (
        "import atexit, sys; from sftunnel_builder.cli import main\n"
        "atexit.register(lambda: sys.stderr.write(' '.join(sys.modules))); main()"
    )
    done = _run(*arguments, "--help", program=("-c", code))
    assert done.returncode == 0
    loaded = set(done.stderr.split())
    in_cli = {name.removeprefix("sftunnel_builder.cli.") for name in loaded if ".cli." in name}
    assert {name.rpartition(".")[2] for name in in_cli} == of_a_verb | {"completion", "spoken"}
    assert {"cryptography", "jinja2", "rich", "serial", "segno"}.isdisjoint(loaded)


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(["--frobnicate"], id="an unknown option"),
        pytest.param(["frobnicate"], id="an unknown verb"),
        pytest.param(["build", "--frobnicate"], id="an unknown option of a verb"),
        pytest.param(["build", "--jobs", "0"], id="no process"),
        pytest.param(["build", "--jobs", "many"], id="no number"),
        pytest.param(["inspect"], id="no bundle"),
        pytest.param(["verify"], id="no bundles"),
        pytest.param(["verify", "--signer", "abc", "x"], id="no fingerprint"),
        pytest.param(["keygen", "--passphrase-file", "x", "--no-passphrase"], id="both"),
        pytest.param(["keygen", "--no-passphrase", "--out", "~nobody-here/k"], id="no such home"),
        pytest.param(["build", "--signing-key", "~nobody-here/k"], id="no such home for a key"),
    ],
)
def test_a_wrong_command_line_is_told_in_two_lines(arguments: list[str]) -> None:
    done = _run(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert [line.partition(" ")[0] for line in done.stderr.splitlines()] == ["error:", "hint:"]


def test_a_bug_is_told_without_what_it_was_about() -> None:
    code = (
        "from sftunnel_builder import signer\n"
        "from sftunnel_builder.cli import keygen, main\n"
        "def broken(): raise ValueError('k7md-secret')\n"
        "keygen.generate_signer = broken\n"
        "main()"
    )
    done = _run("keygen", "--no-passphrase", "--out", "/nowhere/x", program=("-c", code))
    assert (done.returncode, done.stdout) == (1, "")
    assert "secret" not in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.startswith("error: this is a bug: ValueError at ")
    assert "hint: please report this" in done.stderr


def test_a_reader_that_has_gone_is_no_error(made: Made) -> None:
    code = (
        "import sys; from sftunnel_builder import screen; from sftunnel_builder.cli import main\n"
        "real = screen.result\n"
        "def many(text=''):\n    for _ in range(9999): real(text)\n"
        "screen.result = many; main()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, "inspect", str(made.bundle(made.devices[0]))],
        env=_environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    assert process.stdout.read(1)
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait(30) == 0


def test_an_output_that_is_full_is_an_error_and_no_bug(made: Made) -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "sftunnel_builder", "inspect", made.bundle(made.devices[0])],
            env=_environment(),
            stdin=subprocess.DEVNULL,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 5
    assert done.stderr.splitlines() == [
        "error: standard output cannot be written: no space left on device",
        "hint: look at the free space where the output goes; the work itself may be done",
    ]


@pytest.mark.parametrize(
    "module",
    [
        pytest.param("sftunnel_builder.cli", id="all that any verb needs"),
        pytest.param("sftunnel_builder.cli.build", id="a verb"),
        pytest.param("sftunnel_builder.build", id="what a verb needs while it runs"),
    ],
)
def test_a_stop_while_modules_are_loaded_is_told_and_no_traceback(module: str) -> None:
    code = (
        "import os, signal, sys\n"
        "class Stopping:\n"
        "    def find_spec(self, name, *rest):\n"
        f"        if name == '{module}': os.kill(os.getpid(), signal.SIGINT)\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "sys.meta_path.insert(0, Stopping())\n"
        "from sftunnel_builder.__main__ import main\n"
        "main()"
    )
    done = _run("build", "--unsigned", program=("-c", code))
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "interrupted\n")


def test_a_name_that_the_character_set_has_not_is_no_bug(made: Made, tmp_path: Path) -> None:
    (path,) = made.fmc.root.glob("var/tmp/certs/*/FAILED_PUSH")
    named = tmp_path / "FAILED_PUSH"
    named.write_text(path.read_text().replace("Plant 4 edge", "Werk Zürich"), "utf-8")
    options = ["--fmc-tree", str(made.fmc.root), "--signing-key", str(made.signing_key)]
    for number, form in enumerate(([], ["--json"])):
        done = _run(
            *("build", *options, "--failed-push", str(named), "--plain-keys", *form),
            *("--out", str(tmp_path / f"kit{number}")),
            PYTHONIOENCODING="ascii",
        )
        assert done.returncode == 0, done.stderr
        assert "Werk Z\\xfcrich" in done.stdout


def _at_a_terminal(arguments: Sequence[str], answers: Sequence[tuple[str, str]]) -> tuple[int, str]:
    """Run a command on a terminal of its own, answering its questions; return code and screen."""
    child, terminal = pty.fork()
    if child == 0:
        os.execve(  # noqa: S606
            sys.executable, [sys.executable, "-m", "sftunnel_builder", *arguments], _environment()
        )
    screen, left, deadline = "", list(answers), time.monotonic() + 30
    while time.monotonic() < deadline:
        if select.select([terminal], [], [], 0.1)[0]:
            try:
                screen += os.read(terminal, 4096).decode()
            except OSError:  # the other end was closed
                break
        if left and screen.endswith(left[0][0]):
            os.write(terminal, f"{left.pop(0)[1]}\n".encode())
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), screen


def test_keygen_asks_for_a_passphrase_and_does_not_show_it(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    answers = [("new signing key: ", "s3cret"), ("The same again: ", "s3cret")]
    code, screen = _at_a_terminal(["keygen", "--out", str(path)], answers)
    assert code == 0, screen
    assert "s3cret" not in screen
    assert is_encrypted(path)
    assert load_signer(path, "s3cret").fingerprint() in screen


def test_keygen_writes_nothing_when_the_two_differ(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    answers = [("new signing key: ", "s3cret"), ("The same again: ", "s3crat")]
    code, screen = _at_a_terminal(["keygen", "--out", str(path)], answers)
    assert code == 2
    assert "error: the two passphrases differ" in screen
    assert not path.exists()


@pytest.mark.parametrize(
    ("words", "verb"),
    [
        pytest.param(["build", "--frobnicate"], "build", id="a verb"),
        pytest.param(["--lang", "en", "console", "script"], "console", id="a verb's verb"),
        pytest.param(["frobnicate"], "[VERB]", id="no verb"),
    ],
)
def test_the_hint_names_the_verb(words: list[str], verb: str) -> None:
    hint = f"hint: see what it takes with: sftunnel-bundler {verb} --help\n"
    assert _run(*words).stderr.endswith(hint)


@pytest.mark.parametrize("verb", ["keygen", "build"])
def test_no_passphrase_is_asked_for_where_nothing_may_be_written(tmp_path: Path, verb: str) -> None:
    taken = tmp_path / "taken"
    taken.write_text("mine")
    code, screen = _at_a_terminal([verb, "--out", str(taken)], [])
    assert code == 2
    assert f"error: '{taken}' exists already" in screen
    assert "assphrase of" not in screen
    assert "assphrase for" not in screen
    assert taken.read_text() == "mine"


def test_no_passphrase_is_asked_for_where_there_is_nothing_to_build_from(tmp_path: Path) -> None:
    key = tmp_path / "key.pem"
    save_signer(generate_signer(), key, "s3cret")
    options = ["--signing-key", str(key), "--out", str(tmp_path / "kit")]
    code, screen = _at_a_terminal(["build", "--fmc-tree", str(tmp_path / "fmc"), *options], [])
    assert code == 3
    assert f"error: there is no directory or snapshot '{tmp_path}/fmc'" in screen
    assert "assphrase of" not in screen


def test_keygen_takes_the_passphrase_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    (tmp_path / "passphrase").write_text("s3cret\n")
    done = _run("keygen", "--out", str(path), "--passphrase-file", str(tmp_path / "passphrase"))
    assert done.returncode == 0, done.stderr
    assert "s3cret" not in done.stdout + done.stderr
    assert load_signer(path, "s3cret").fingerprint() in done.stdout


def test_verify_of_several_names_the_bad_one_and_takes_its_code(made: Made, tmp_path: Path) -> None:
    bundles = [made.bundle(device) for device in made.devices]
    bad = tmp_path / "bad.tar.gz"
    data = bytearray(bundles[0].read_bytes())
    data[5000] ^= 1
    bad.write_bytes(data)
    done = _run("verify", str(bundles[0]), str(bad), str(bundles[1]))
    assert done.returncode == 4
    assert [line.split()[:2] for line in done.stdout.splitlines()] == [
        ["good", str(bundles[0])],
        ["bad", str(bad)],
        ["good", str(bundles[1])],
    ]


def test_verify_takes_only_the_signer_that_it_is_told(made: Made) -> None:
    bundle = str(made.bundle(made.devices[0]))
    fingerprint = made.report.signer
    spoken = ":".join(fingerprint[i : i + 4] for i in range(0, 64, 4)).upper()
    assert _run("verify", bundle, "--signer", spoken).returncode == 0
    done = _run("verify", bundle, "--signer", "0" * 64)
    assert done.returncode == 4
    assert f"wanted '{'0' * 64}', found '{fingerprint}'" in done.stderr


def test_inspect_says_whose_it_is_and_what_it_installs(made: Made) -> None:
    device = made.devices[0]
    bundle = str(made.bundle(device))
    said = json.loads(_run("inspect", "--json", bundle).stdout)
    assert (said["device_uuid"], said["device_name"]) == (device.uuid, device.name)
    assert said["signer"] == made.report.signer
    assert said["key_encrypted"] is True
    (fmc,) = said["fmcs"]
    assert fmc["uuid"] == made.fmc.uuid
    text = _run("inspect", bundle)
    assert (text.returncode, text.stderr) == (0, "")
    for fact in (
        device.uuid,
        made.report.signer,
        said["sha256"],
        *(f["target"] for f in fmc["files"]),
    ):
        assert fact in text.stdout
    assert "PRIVATE KEY" not in text.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ["build", "--unsigned", "--fmc-tree", "shut/fmc"],
        ["build", "--unsigned", "--out", "shut/within/kit"],
        ["receipts", "shut/kit"],
        ["diff", "shut/a", "shut/b"],
        ["usb", "shut/kit", "shut/stick"],
    ],
    ids=["an FMC tree", "where a kit is to be", "a kit", "a bundle", "a stick"],
)
def test_what_is_in_a_directory_that_is_shut_is_told_of(
    tmp_path: Path, arguments: list[str]
) -> None:
    (tmp_path / "shut").mkdir(mode=0)
    drop = "-dac_override,-dac_read_search"
    unprivileged = []
    if os.getuid() == 0:
        need("setpriv", shutil.which("setpriv"))
        unprivileged = ["setpriv", "--inh-caps", drop, "--bounding-set", drop]
    done = subprocess.run(
        [*unprivileged, sys.executable, "-m", "sftunnel_builder", *arguments],
        cwd=tmp_path,
        env=_environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 3, done.stderr
    error, hint = done.stderr.splitlines()
    assert re.fullmatch(r"error: cannot look at '.*shut/.*': permission denied", error)
    assert hint.startswith("hint: check the name")
