"""No key, passphrase or password is anywhere but where it belongs, however a run ends."""

from __future__ import annotations

import gzip
import os
import re
import resource
import signal
import subprocess
import sys
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path

import pytest

from rehearsal import Made

PASSWORD = "csv-Tr0ub4dor"
SIGNING = "signing-passphrase-8817"
CHOSEN = "chosen-passphrase-4423"
# Runs the command with one function replaced, when a run that has gone wrong is wanted.
START = """\
import os, signal, sys
from sftunnel_builder import kit
{change}
from sftunnel_builder.cli import main
sys.argv = ["sftunnel-bundler", *sys.argv[1:]]
main()
"""
ABORT = "kit.Kit.seal = lambda *_: os.abort()"


def _raise(error: str) -> str:
    """Return a change that lets the kit fail with an error that holds a secret."""
    return (
        "def fail(self, contents):\n"
        f"    raise {error}(open(os.environ['SECRET']).read())\n"
        "kit.Kit.add_bundle = fail"
    )


@pytest.fixture
def site(made: Made, tmp_path: Path) -> Path:
    """Give a place with an FMC, an encrypted signer, and files with secrets in them."""
    subprocess.run(["cp", "-a", str(made.fmc.root), str(tmp_path / "fmc")], check=True)
    for name in ("tmp", "home", "run"):
        (tmp_path / name).mkdir()
    for name, text in (("signing", SIGNING), ("chosen", CHOSEN)):
        (tmp_path / name).write_text(f"{text}\n")
    (tmp_path / "devices.csv").write_text(
        "".join(f"{device.name},,admin,{PASSWORD}\n" for device in made.devices)
    )
    keygen = _run(tmp_path, "keygen", "--out", "../key.pem", "--passphrase-file", "../signing")
    assert keygen.returncode == 0, keygen.stderr
    return tmp_path


def _run(
    place: Path, *words: str, change: str = "", **more: str
) -> subprocess.CompletedProcess[bytes]:
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join(sys.path),
        "TMPDIR": str(place / "tmp"),
        "HOME": str(place / "home"),
        "SECRET": str(place / "chosen"),
        **more,
    }
    return subprocess.run(
        [sys.executable, "-c", START.format(change=change), *words],
        cwd=place / "run",
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        preexec_fn=_allow_cores,
        check=False,
    )


def _allow_cores() -> None:
    _, most = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (most, most))


def _secrets(place: Path) -> Iterator[bytes]:
    """Yield what must not be found: words, and each line of each private key."""
    yield from (word.encode() for word in (PASSWORD, SIGNING, CHOSEN))
    keys = list((place / "fmc").rglob("*key.pem"))
    assert len(keys) >= 4
    for key in keys:
        yield from (line for line in key.read_bytes().splitlines()[1:-1] if len(line) == 64)


def _said_and_left(place: Path, done: subprocess.CompletedProcess[bytes]) -> dict[str, bytes]:
    """Return what a run printed, and every file that it left, unpacked if it is packed."""
    found = {"standard output": done.stdout, "standard error": done.stderr}
    for top in ("run", "tmp", "home"):
        for path in (place / top).rglob("*"):
            if path.is_file():
                data = path.read_bytes()
                found[str(path.relative_to(place))] = (
                    gzip.decompress(data) if path.suffix == ".gz" else data
                )
    return found


BUILD = (
    *("build", "--fmc-tree", "../fmc", "--signing-key", "../key.pem", "--out", "kit"),
    *("--signing-passphrase-file", "../signing", "--devices", "../devices.csv"),
)


@pytest.mark.parametrize(
    ("words", "change", "code"),
    [
        pytest.param(BUILD, "", 0, id="a kit with random passphrases"),
        pytest.param((*BUILD, "--json"), "", 0, id="the same as JSON"),
        pytest.param((*BUILD, "--key-passphrase-file", "../chosen"), "", 0, id="a chosen one"),
        pytest.param(("collect",), "", 0, id="the script"),
        pytest.param((*BUILD, "--jobs", "3"), ABORT, -signal.SIGABRT, id="a crash"),
        pytest.param(BUILD, _raise("RuntimeError"), 1, id="a bug whose message holds a secret"),
        pytest.param(BUILD, _raise("OSError"), 5, id="an error of the disk that holds one"),
        pytest.param(
            BUILD,
            "kit.Kit.seal = lambda *_: os.kill(os.getpid(), signal.SIGTERM)",
            143,
            id="terminated",
        ),
        pytest.param(
            (*BUILD, "--signing-passphrase-file", "../chosen"), "", 3, id="a wrong passphrase"
        ),
        pytest.param((*BUILD, "--key-passphrase-file", "../fmc"), "", 3, id="no passphrase file"),
        pytest.param((*BUILD, "--devices", "../chosen"), "", 3, id="another file for the list"),
        pytest.param((*BUILD, "--failed-push", "../key.pem"), "", 3, id="a key for FAILED_PUSH"),
        pytest.param((*BUILD, "--fmc-tree", "../chosen"), "", 3, id="another file for a snapshot"),
        pytest.param((*BUILD, "--signing-key", "../chosen"), "", 3, id="another file for the key"),
        pytest.param(("inspect", "../key.pem"), "", 4, id="a key for a bundle"),
        pytest.param(("verify", "../key.pem"), "", 4, id="a key to verify"),
    ],
)
def test_no_secret_is_said_or_left(
    site: Path, words: tuple[str, ...], change: str, code: int
) -> None:
    done = _run(site, *words, change=change)
    assert done.returncode == code, done.stderr
    found = _said_and_left(site, done)
    assert not [name for name in found if "core" in name], "a core was left"
    for secret in _secrets(site):
        assert [name for name, data in found.items() if secret in data] == []


@pytest.mark.parametrize(
    ("words", "code"),
    [
        pytest.param(("console", "script", "BUNDLE"), 0, id="a text for a console"),
        pytest.param(("console", "script", "BUNDLE", "--out", "paste.txt"), 0, id="in a file"),
        pytest.param(("console", "send", "BUNDLE", "--port", "/dev/none"), 5, id="no such port"),
        pytest.param(("usb", "kit", "STICK"), 0, id="a stick"),
        pytest.param(("usb", "kit", "--image", "stick.img"), 0, id="an image of a stick"),
    ],
)
def test_what_carries_a_bundle_has_no_secret(site: Path, words: tuple[str, ...], code: int) -> None:
    assert _run(site, *BUILD).returncode == 0
    (drawn,) = (site / "run").glob("kit-passphrases*")
    rows = [row for row in drawn.read_bytes().splitlines() if not row.startswith(b"#")]
    passphrases = [row.split(b"  ")[1] for row in rows]
    assert len(passphrases) == 2
    drawn.rename(site / "passphrases")
    bundle = str(min((site / "run/kit/bundles").glob("*.tar.gz")))
    (site / "run/stick").mkdir()
    done = _run(site, *({"BUNDLE": bundle, "STICK": "stick"}.get(word, word) for word in words))
    assert done.returncode == code, done.stderr
    found = _said_and_left(site, done)
    for text in [data for data in found.values() if data.startswith(b":\numask")]:
        packed = b"".join(
            line for line in text.splitlines() if re.fullmatch(rb"[\w+/=]{64,}", line)
        )
        found["the pasted bundle"] = gzip.decompress(b64decode(packed))
    assert ("the pasted bundle" in found) == (words[1] == "script")
    for secret in (*_secrets(site), *passphrases):
        assert [name for name, data in found.items() if secret in data] == []


@pytest.mark.parametrize("name", ["sftunnel-key.pem", "sftunnel-cert.pem"])
@pytest.mark.parametrize("damage", ["a line less", "a changed letter", "a key in its place"])
def test_a_damaged_file_is_not_echoed(site: Path, made: Made, name: str, damage: str) -> None:
    pushed = site / "fmc/var/sf/peers" / made.devices[0].uuid / "certs_pushed"
    lines = (pushed / name).read_text().splitlines()
    secrets = list(_secrets(site))
    if damage == "a line less":
        del lines[5]
    elif damage == "a changed letter":
        lines[5] = f"!{lines[5][1:]}"
    else:
        lines = (pushed / "sftunnel-key.pem").read_text().splitlines() * 2
    (pushed / name).write_text("\n".join(lines))
    done = _run(site, *BUILD)
    assert done.returncode == 9, done.stderr
    found = _said_and_left(site, done)
    for secret in secrets:
        assert [place for place, data in found.items() if secret in data] == []


def test_cores_are_limited_whatever_the_caller_allowed(site: Path) -> None:
    show = "kit.Kit.seal = lambda *_: print(__import__('resource').getrlimit(4))"
    _, most = resource.getrlimit(resource.RLIMIT_CORE)
    wanted = 0 if most == 0 else 1
    assert f"({wanted}, {wanted})\n".encode() in _run(site, *BUILD, change=show).stdout
