"""The language of the command line: chosen with --lang, and of every word that people read.

With a catalogue that puts each word of a translation in brackets, and leaves what is filled in
outside, whatever stands outside in an output was not translated: it must be data.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from gettext import NullTranslations
from pathlib import Path

import pytest

from log_text import EXPIRED, established, initiating, log
from receipts import writer
from rehearsal import Made
from sftunnel_builder import __version__, words
from sftunnel_builder.cli import main
from sftunnel_builder.words import Lang

SOCKETS = shutil.ignore_patterns("*.sock")
Run = Callable[..., tuple[int, str]]
VERBS = (
    *("expiry", "collect", "keygen", "build", "sign", "inspect", "verify", "usb", "receipts"),
    *("diff", "diagnose", "demo", "console", "console script", "console send"),
)


class Bracketed(NullTranslations):
    """Translates `{n} old lines` to `{n} ⟦old⟧ ⟦lines⟧`."""

    def gettext(self, message: str) -> str:
        parts = re.split(r"(\{[^{}]*\}|%\(\w+\)[sd])", message)
        parts[::2] = [re.sub(r"[^\W_]+", r"⟦\g<0>⟧", part) for part in parts[::2]]
        return "".join(parts)

    def ngettext(self, one: str, many: str, count: int) -> str:
        return self.gettext(one if count == 1 else many)

    def pgettext(self, context: str, message: str) -> str:
        return self.gettext(message)


@pytest.fixture
def run(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> Iterator[Run]:
    """Give a function that runs the command line in a directory: its exit code, all it printed."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    handlers = {each: signal.getsignal(each) for each in (signal.SIGTERM, signal.SIGHUP)}
    monkeypatch.setattr("sftunnel_builder.cli.leave_no_core", lambda: None)
    monkeypatch.setattr(sys.modules["__main__"], "__package__", "", raising=False)

    def run(*arguments: str | Path) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["sftunnel-bundler", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        assert isinstance(ended.value.code, int)
        return ended.value.code, "".join(capsys.readouterr())

    with words.speaking(Lang.EN):
        yield run
    for number, handler in handlers.items():
        signal.signal(number, handler)


# --- every word ------------------------------------------------------------------------------

DATA = re.compile(
    r"""
      '[^'\s]*'                             # a value in quotes
    | (?m:^\s*(>|sh)\ .*$)                  # a line of a log, a command to be typed
    | \berr\ \d+ | [A-Z][a-z]{2}\ [\ \d]\d\b  # what a log says, a day there
    | ([0-9a-f]{4}\s){3,}                  # a fingerprint to be read aloud
    | Cisco\ (Secure|Firepower)\ [\w\ ]+   # a model
    | \b(CN|OU?|title|generationQualifier)=[^;\n]*  # what is in a subject
    | \broot:root\b | (?<=\dZ)\ +up\b         # an owner, what a receipt says of the tunnel
    | \S*[/_\d@=|]\S*                       # paths, hashes, times, numbers
    | [\w-]+(\.[\w-]+)+\.?                  # names of files
    | (?<!\w)--?[a-z][\w-]*                 # options
    | <[a-z\ |]+>                           # what an option takes
    | (?<=-\ )[a-z]+(?=\ --)               # the verb of sftunnel-bundler VERB --help
    | \b[A-Z][A-Z]+\b                       # OK, WARNING, FMC, KIT
    """,
    re.VERBOSE,
)
NAMES = {"sftunnel", "bundler", "Plant", "edge", "plant", "fmc"}


IN_HELP = re.compile(
    r"""
      (?m:^:\ sftunnel-bundler[\ a-z]*)      # the command that is explained
    | (?m:^\ \ [a-z]+\ )                    # a verb
    | (?<=\[:)\s+[\w-]+(?=[;\]])            # a default
    """,
    re.VERBOSE,
)


def untranslated(text: str, *, in_help: bool = False) -> set[str]:
    """Return the words outside of the brackets that are no data."""
    outside = re.sub(r"⟦[^⟦⟧]*⟧", "", text)
    if in_help:
        outside = IN_HELP.sub(" ", outside)
    outside = DATA.sub(" ", outside)
    return set(re.findall(r"[^\W\d_]{2,}", outside)) - NAMES


@pytest.fixture
def bracketed(run: Run, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Give a function that runs a command line, and states that all words were translated."""
    monkeypatch.setattr(words, "_load", lambda lang: Bracketed() if lang is Lang.ES else None)

    def run_bracketed(*arguments: str | Path) -> tuple[int, str]:
        code, text = run("--lang", "es", *arguments)
        assert "⟦" in text
        is_help = "--help" in arguments or code == 2
        assert not untranslated(text, in_help=is_help), text
        return code, text

    return run_bracketed


def test_a_word_that_was_not_translated_is_seen() -> None:
    assert untranslated("⟦kit⟧          /srv/kit, not ⟦signed⟧") == {"not"}
    assert not untranslated("⟦kit⟧  /srv/kit, 'x', sftunnel_status.pl, --only <path> KIT 12 --x=y")


@pytest.mark.parametrize("verb", ["", *VERBS])
def test_help(bracketed: Run, verb: str) -> None:
    assert bracketed(*verb.split(), "--help")[0] == 0


@pytest.mark.parametrize(
    "line",
    [
        *("frob", "buil", "build --frob", "build --jobs 0", "build --jobs x"),
        *("build --sign", "build --lang xx", "build --out", "build x", "build --json=1"),
        *("inspect", "console", "console send x", "expiry --frob", "expiry --warn-days x"),
        *("keygen --passphrase-file x --no-passphrase", "build --plain-keys --unsigned x"),
        *("build --plain-keys --key-passphrase-file x", "build --all-devices --failed-push x"),
        *("build --unsigned --signing-key x", "usb kit", "verify --signer 12 x", "verify x"),
        *("receipts kit --json --csv", "diff a b", "diagnose gone", "inspect gone"),
        *("sign gone", "usb gone there", "receipts gone", "expiry gone", "build --fmc-tree gone"),
        *("console script gone", "console send gone --port x --walk"),
        "build --unsigned --fmc-tree . --only x",
    ],
)
def test_what_is_wrong(bracketed: Run, line: str) -> None:
    assert bracketed(*line.split())[0] in (2, 3, 5)


def test_a_directory_that_cannot_be_read(bracketed: Run, tmp_path: Path) -> None:
    (tmp_path / "locked").mkdir(0o000)
    code, _text = bracketed("inspect", "locked")
    assert code == (3 if os.getuid() == 0 else 2)


def test_how_long(bracketed: Run, made: Made, tmp_path: Path) -> None:
    place = Path(shutil.copytree(made.fmc.root.parent, tmp_path / "many", ignore=SOCKETS))
    for what in (made.fmc.root, made.bundle(made.devices[0]), place):
        assert bracketed("expiry", what)[0] in (0, 2, 3)
    assert bracketed("expiry", made.fmc.root, "--warn-days", "9999")[0] in (1, 2)


def test_from_a_key_to_a_stick(bracketed: Run, made: Made, tmp_path: Path) -> None:
    fmc = Path(shutil.copytree(made.fmc.root, tmp_path / "fmc", ignore=SOCKETS))
    key = ("--signing-key", "key.pem")
    assert bracketed("keygen", "--no-passphrase", "--out", "key.pem")[0] == 0
    assert bracketed("keygen", "--no-passphrase", "--out", "key.pem")[0] == 2
    assert bracketed("build", "--fmc-tree", fmc, *key, "--out", "kit")[0] == 0
    assert bracketed("build", "--fmc-tree", fmc, *key, "--out", "kit")[0] in (2, 3)
    assert bracketed("build", "--fmc-tree", fmc, "--unsigned", "--out", "unsigned")[0] == 0
    (tmp_path / "devices.csv").write_text("Plant 4 edge,,admin,pw\nBranch-9,10.1.9.9,admin,pw\n")
    listed = ("--devices", "devices.csv", "--all-devices")
    assert bracketed("build", "--fmc-tree", fmc, *key, *listed, "--out", "listed")[0] in (0, 3, 9)
    assert bracketed("sign", "unsigned", *key)[0] == 0
    assert bracketed("sign", "kit", *key, "--out", "again")[0] == 0
    (tmp_path / "stick").mkdir()
    for more in (("stick",), ("stick",), ("--image", "stick.img")):
        assert bracketed("usb", "kit", *more)[0] == 0
    for device in made.devices:
        peer = made.fmc.peer_dir(device.uuid).relative_to(made.fmc.root)
        (fmc / peer / "certs_pushed/sftunnel-key.pem").write_bytes(b"")
    assert bracketed("build", "--fmc-tree", fmc, *key, "--out", "none")[0] == 3


def test_bundles(bracketed: Run, made: Made, tmp_path: Path) -> None:
    first, second = (made.bundle(device) for device in made.devices)
    (tmp_path / "damaged.tar.gz").write_bytes(first.read_bytes()[:-1])
    assert bracketed("verify", first, second)[0] == 0
    assert bracketed("verify", first, "damaged.tar.gz", "--signer", "0" * 64)[0] == 4
    assert bracketed("inspect", first)[0] == 0
    assert bracketed("inspect", "damaged.tar.gz")[0] == 4
    assert bracketed("diff", first, second)[0] == 0
    assert bracketed("diff", made.devices[0].root, first)[0] == 0
    assert bracketed("diff", made.devices[1].root, first)[0] == 0
    assert bracketed("console", "script", first, "--out", "paste.txt")[0] == 0
    assert bracketed("console", "script", first, "--out", "paste.txt")[0] == 2
    assert bracketed("console", "send", first, "--port", "/dev/none")[0] in (2, 3, 5)
    assert bracketed("console", "send", first, "--port", "x", "--install")[0] == 2


def test_receipts(bracketed: Run, made: Made, tmp_path: Path) -> None:
    shutil.copytree(made.kit, tmp_path / "kit")
    first, second = (writer(made, device) for device in made.devices)
    assert bracketed("receipts", "kit")[0] == 9
    (tmp_path / "one").write_bytes(first.receipt())
    (tmp_path / "two").write_bytes(second.receipt(exit=8))
    assert bracketed("receipts", "kit", "one", "two", "--warn-days", "9999")[0] == 9
    (tmp_path / "bad").write_bytes(first.receipt().replace(b'"exit":0', b'"exit":8'))
    assert bracketed("receipts", "kit", "bad", "gone", "--code", "aaaa-aaaa-aaaa")[0] == 4


def test_logs(bracketed: Run, tmp_path: Path) -> None:
    failing = initiating() + log(EXPIRED)
    (tmp_path / "messages").write_text(failing + log("[ERROR] err 99:mystery"))
    (tmp_path / "up").write_text(failing + established(at="Nov 24 11:00:00"))
    (tmp_path / "other").write_text("nothing\n")
    assert bracketed("diagnose", "messages")[0] == 0
    assert bracketed("diagnose", "up", "gone")[0] == 9
    assert bracketed("diagnose", "other")[0] == 3


# --- chosen ----------------------------------------------------------------------------------


def test_before_the_verb(run: Run) -> None:
    assert run("--lang", "es", "inspect", "gone")[1].startswith("error: no se puede leer 'gone'")
    assert run("--lang=es", "--help")[1].startswith("Uso: sftunnel-bundler [OPCIONES]")
    assert run("--lang", "es") == (
        2,
        "error: falta el comando\n"
        "sugerencia: vea lo que admite con: sftunnel-bundler --lang es [VERB] --help\n",
    )
    assert run("--lang", "es", "--version") == (0, f"sftunnel-bundler {__version__}\n")


@pytest.mark.parametrize("verb", ["build", "sign"])
def test_of_a_verb_alone(run: Run, verb: str) -> None:
    assert run(verb, "--lang", "es", "--help")[1].startswith(f"Uso: sftunnel-bundler {verb}")
    assert run("--lang", "es", verb, "--lang", "en", "-h")[1].startswith("Usage: ")
    assert "obligatorio" not in run(verb, "--help")[1]


@pytest.mark.parametrize(
    ("before", "after", "title"),
    [
        pytest.param([], [], "RUNBOOK:", id="English"),
        pytest.param(["--lang", "es"], [], "GUÍA:", id="before the verb"),
        pytest.param([], ["--lang", "es"], "GUÍA:", id="the verb's"),
        pytest.param(["--lang", "es"], ["--lang", "en"], "RUNBOOK:", id="English runbooks"),
    ],
)
def test_the_runbooks_are_in_the_language_that_is_spoken(
    run: Run, made: Made, before: list[str], after: list[str], title: str
) -> None:
    build = ("build", "--fmc-tree", made.fmc.root, "--signing-key", made.signing_key)
    assert run(*before, *build, "--out", "kit", *after)[0] == 0
    for runbook in Path("kit/runbooks").glob("*.txt"):
        assert title in runbook.read_text()


def test_monitoring_reads_the_same_first_word(run: Run, made: Made) -> None:
    for lang in Lang:
        code, text = run("--lang", lang, "expiry", made.fmc.root)
        assert (code, text.partition(":")[0]) == (0, "OK")
        code, text = run("--lang", lang, "expiry", "--frob")
        assert (code, text.partition(":")[0]) == (3, "UNKNOWN")


def test_the_environment_chooses_no_language() -> None:
    spanish = {"LANG": "es_ES.UTF-8", "LC_ALL": "es_ES.UTF-8", "LANGUAGE": "es"}
    done = subprocess.run(
        [sys.executable, "-m", "sftunnel_builder", "--help"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **spanish},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith("Usage: ")
    assert "Options:" in done.stdout


def test_english_opens_no_catalogue(made: Made) -> None:
    code = (
        "from sftunnel_builder import words\nwords.catalogues = None\n"
        "from sftunnel_builder.cli import main\nmain()"
    )
    for arguments in (["build", "--help"], ["verify", str(made.bundle(made.devices[0]))], ["x"]):
        done = subprocess.run(
            [sys.executable, "-c", code, *arguments],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert "this is a bug" not in done.stderr
