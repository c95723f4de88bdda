"""Completion as people have it: a TAB at the prompt of a real shell; and where it is installed."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

from pasting import Terminal
from rehearsal import need
from sftunnel_builder.cli import app, completion
from sftunnel_builder.cli.commands import program, with_verbs
from sftunnel_builder.cli.completion import SHELLS, completion_script
from sftunnel_builder.errors import BundlerError, ExitCode
from sftunnel_builder.words import Lang, speaking

STARTED = {
    "bash": ["bash", "--norc", "-i"],
    "zsh": ["zsh", "-f", "-i"],
    "fish": ["fish", "--no-config", "-C", "function fish_prompt; echo -n '# '; end"],
}
READY = {
    "bash": ". ./script\n",
    "zsh": "autoload -Uz compinit; compinit -u -D; . ./script\n",
    "fish": "source ./script\n",
}
TOP = program(typer.main.get_command(app), "sftunnel-bundler")
START = (
    "import sys; sys.argv[0] = 'sftunnel-bundler'; from sftunnel_builder.cli import main; main()"
)


def command(shell: str) -> list[str]:
    """Return how a shell is started that reads nobody's start-up files."""
    need(shell, shutil.which(shell))
    return STARTED[shell]


def run(*arguments: str, home: Path, of: str, **more: str) -> subprocess.CompletedProcess[bytes]:
    """Run the program as the child of a shell, for somebody with this home directory."""
    line = shlex.join([sys.executable, "-c", START, *arguments])
    environment = {"PATH": os.environ["PATH"], "HOME": str(home), "LANG": "C.UTF-8"}
    environment["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)
    environment |= more
    # What comes behind it keeps the shell from becoming the program.
    status = "$status" if of == "fish" else "$?"
    words = [*command(of)[:2], "-c", f"{line}; exit {status}"]
    return subprocess.run(words, env=environment, capture_output=True, check=False)


@pytest.fixture(scope="module", params=list(SHELLS))
def terminal(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Terminal]:
    """Each shell at a prompt, its completion read in, in a directory with some files."""
    place = tmp_path_factory.mktemp(request.param)
    (place / "kit/bundles").mkdir(parents=True)
    (place / "kit/bundles/sftunnel-fw-1.tar.gz").touch()
    (place / "two words.tar.gz").touch()
    (place / "script").write_text(completion_script(request.param, TOP))
    environment = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8"}
    with Terminal(command(request.param), environment, place, echo=True) as at:
        at.paste(READY[request.param].encode())
        at.listen_until_silence()
        yield at


def completed(at: Terminal, typed: str) -> str:
    """Return what stands at the prompt after a TAB: the line is made one that prints itself."""
    to_its_begin, enter = "\x01", "\r"
    at.paste(f"sftunnel-bundler {typed}\t{to_its_begin}echo got {enter}".encode())
    found: list[bytes] = []

    def is_there() -> bool:
        found[:] = re.findall(rb"got sftunnel-bundler ([ -~]*)\r\n", at.said)
        return bool(found)

    at.listen_until(is_there)
    return found[-1].decode()


@pytest.mark.parametrize(
    ("typed", "wanted"),
    [
        pytest.param("ver", "verify ", id="a verb"),
        pytest.param("console se", "console send ", id="a verb of a verb"),
        pytest.param("--lang es ins", "--lang es inspect ", id="a verb behind the language"),
        pytest.param("build --rep", "build --replace ", id="an option"),
        pytest.param("console send --tr", "console send --transcript", id="one of a verb's verb"),
        pytest.param("console send --flow x", "console send --flow xonxoff ", id="a choice"),
        pytest.param("build --out ki", "build --out kit/", id="a directory for an option"),
        pytest.param("build --out=ki", "build --out=kit/", id="the same behind an equals sign"),
        pytest.param("verify ki", "verify kit/", id="a directory for an argument"),
        pytest.param(
            "inspect kit/bundles/s", "inspect kit/bundles/sftunnel-fw-1.tar.gz ", id="a bundle"
        ),
        pytest.param("inspect two", "inspect two words.tar.gz ", id="a name with a blank"),
        pytest.param("build --only ki", "build --only ki", id="no file where none belongs"),
        pytest.param("collect ki", "collect ki", id="no file for a verb that takes none"),
    ],
)
def test_a_tab(terminal: Terminal, typed: str, wanted: str) -> None:
    # An echo sets one blank between words, and zsh takes a slash back when one goes elsewhere.
    found = completed(terminal, typed).split()
    assert [word.rstrip("/") for word in found] == [word.rstrip("/") for word in wanted.split()]


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_help_stands_beside_verbs_as_it_is(shell: str) -> None:
    script = completion_script(shell, TOP)
    quote = {"zsh": "'\\''", "fish": "\\'"}[shell]
    assert f"Print the script that makes a snapshot of an FMC{quote}s files" in script
    assert "[default" not in script


def test_it_speaks_spanish(tmp_path: Path) -> None:
    done = run("--lang", "es", "--show-completion", home=tmp_path, of="fish")
    assert (done.returncode, done.stderr) == (0, b"")
    assert "Crea un firmante" in done.stdout.decode()


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_none_of_its_texts_stays_english(shell: str) -> None:
    with speaking(Lang.ES):
        script = completion_script(shell, TOP)
    texts = {verb.summary for verb in with_verbs(TOP) if verb.verb}
    texts |= {option.help for each in with_verbs(TOP) for option in each.options()}
    assert len(texts) > 50
    assert {text for text in texts if text in script} == set()


@pytest.mark.parametrize("shell", list(SHELLS))
def test_every_verb_and_option_is_known(shell: str) -> None:
    script = completion_script(shell, TOP)
    for each in with_verbs(TOP):
        assert not each.verb or each.words[-1] in script
        for name in (name for option in each.options() for name in option.names):
            as_fish = f" -l {name[2:]} " if name.startswith("--") else f" -s {name[1:]} "
            assert (as_fish if shell == "fish" else name) in script, f"{each.verb} {name}"


def test_the_script_for_bash_is_sound() -> None:
    need("shellcheck", shutil.which("shellcheck"))
    script = completion_script("bash", TOP).encode()
    done = subprocess.run(
        ["shellcheck", "-s", "bash", "-"], input=script, capture_output=True, check=False
    )
    assert done.stdout.decode() == ""


@pytest.mark.parametrize(
    ("shell", "moved_by"),
    [
        *(pytest.param(shell, "", id=shell) for shell in SHELLS),
        pytest.param("zsh", "ZDOTDIR", id="zsh, its start-up files elsewhere"),
        pytest.param("fish", "XDG_CONFIG_HOME", id="fish, its start-up files elsewhere"),
    ],
)
def test_it_is_installed_where_the_shell_looks(shell: str, moved_by: str, tmp_path: Path) -> None:
    started = STARTED[shell][:1] + (["-i"] if shell != "fish" else STARTED["fish"][2:])
    start = {"bash": "PS1='# '", "zsh": "PROMPT='# '", "fish": ""}[shell]
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    if start:
        place = elsewhere if moved_by else tmp_path
        (place / SHELLS[shell].starts_with).write_text(f"{start}\n")
    moved = {moved_by: str(elsewhere)} if moved_by else {}
    done = run("--install-completion", home=tmp_path, of=shell, **moved)
    assert done.returncode == 0, done.stderr
    (written,) = re.findall(rf"completion of {shell}: (.*)\n", done.stdout.decode())
    assert Path(written).is_file()
    # Of a program that is not there fish reads nothing.
    (tmp_path / "sftunnel-bundler").symlink_to(shutil.which("true") or "")
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "LANG": "C.UTF-8"} | moved
    with Terminal(started, environment, tmp_path, echo=True) as at:
        assert completed(at, "ver").split() == ["verify"]


@pytest.mark.parametrize("shell", ["bash", "zsh"])
@pytest.mark.parametrize(
    "before",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"alias caf\xe9=ls\n", id="not UTF-8"),
        pytest.param(b"alias a=b", id="without a line end"),
    ],
)
def test_a_start_up_file_gets_one_line_and_keeps_the_rest(
    shell: str, before: bytes, tmp_path: Path
) -> None:
    start = tmp_path / SHELLS[shell].starts_with
    (tmp_path / "kept elsewhere").write_bytes(before)
    start.symlink_to("kept elsewhere")
    first = run("--install-completion", home=tmp_path, of=shell)
    again = run("--install-completion", home=tmp_path, of=shell)
    assert (first.returncode, again.returncode) == (0, 0), first.stderr + again.stderr
    assert start.is_symlink()
    after = start.read_bytes()
    assert after.startswith(before)
    assert after[len(before) :].strip().decode() == SHELLS[shell].line
    assert after.endswith(b"\n")
    assert SHELLS[shell].line in first.stdout.decode()
    assert SHELLS[shell].line not in again.stdout.decode()


def test_a_home_that_cannot_be_written_is_told_in_two_lines(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.touch()
    done = run("--install-completion", home=home, of="bash")
    assert (done.returncode, done.stdout) == (5, b"")
    assert re.fullmatch(
        rf"error: completion cannot be installed in '{home}': .*\nhint: .*\n", done.stderr.decode()
    )


def test_where_no_home_is_known_it_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def unknown(number: int) -> None:
        raise KeyError(number)

    monkeypatch.delenv("HOME")
    monkeypatch.setattr("pwd.getpwuid", unknown)
    monkeypatch.setattr("os.getppid", lambda: 2**22 + 1)
    monkeypatch.setenv("SHELL", "/bin/bash")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BundlerError) as caught:
        completion.install(TOP.context, True)
    assert caught.value.code is ExitCode.USAGE
    assert list(tmp_path.iterdir()) == []


def test_another_shell_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.getppid", lambda: 2**22 + 1)
    monkeypatch.setenv("SHELL", "/bin/ksh")
    with pytest.raises(BundlerError) as caught:
        completion.running_shell()
    assert caught.value.code is ExitCode.USAGE
    monkeypatch.setenv("SHELL", "/usr/local/bin/zsh")
    assert completion.running_shell() == "zsh"
