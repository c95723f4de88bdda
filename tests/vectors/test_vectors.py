"""The published vectors are those made here, and the commands say of them what they tell."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from typer.main import get_command

from docs.samples import ROOT
from rehearsal import AS_ROOT, IS_LONG, need
from sftunnel_builder.cli import app
from sftunnel_builder.errors import BundlerError
from sftunnel_builder.lab.device import LabDevice
from sftunnel_builder.resources import installer_script
from vectors.parts import DEVICE_UUID, FMC_UUID, OTHER_FMC_UUID, PASSPHRASE
from vectors.write import PUBLISHED, published

# Made once: that takes longer than to run it.
COMMAND = get_command(app)
FILES = sorted(PUBLISHED.glob("*/*.txt"))
# With install.sh, which takes the longest: all in a long run, else a sample.
STEP = 1 if IS_LONG else 4


@dataclass(frozen=True)
class Read:
    """A published vector, as another implementation reads it."""

    fields: dict[str, str]
    data: bytes


def _code_of_the_page() -> Callable[[bytes, str], bytes]:
    """Return the function that docs/bundle-format.md gives to apply a vector."""
    page = (ROOT / "docs/bundle-format.md").read_text()
    (code,) = re.findall(r"^```python\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    assert len(code.splitlines()) <= 20
    names: dict[str, Callable[[bytes, str], bytes]] = {}
    exec(code, names)  # noqa: S102  our own page
    return names["apply"]


APPLY = _code_of_the_page()


def _read(path: Path) -> Read:
    text = path.read_text()
    lines = [line.partition(": ") for line in text.splitlines()]
    fields = {key: value for key, _, value in lines if key != "patch"}
    return Read(fields, APPLY((PUBLISHED / fields["base"]).read_bytes(), text))


def _of(command: str) -> list[object]:
    """Return the vectors that a command is run with."""
    found = [path for path in FILES if f"\n{command}: " in path.read_text()]
    assert len(found) > 90, command
    return [pytest.param(path, id=f"{path.parent.name}/{path.stem}") for path in found]


def test_what_is_published_is_what_is_made() -> None:
    files = {
        path.relative_to(PUBLISHED).as_posix(): path.read_bytes()
        for path in PUBLISHED.rglob("*")
        if path.is_file()
    }
    made = published()
    hint = "PYTHONPATH=builder:tests .venv/bin/python tests/vectors/write.py"
    assert sorted(files) == sorted(made), hint
    assert [name for name, data in made.items() if files[name] != data] == [], hint


def test_each_says_what_a_reader_does() -> None:
    found = [_read(path).fields for path in FILES]
    assert len(found) > 400
    for path, fields in zip(FILES, found, strict=True):
        assert fields["name"] == f"{path.parent.name}/{path.stem}"
        told = fields.get("verify") or fields["receipts"]
        is_refused = told.split(" ")[0] in {"2", "3", "4"}
        is_good = fields["fault"].startswith("none: ")
        assert (fields["reader"], is_good, is_refused) in {
            ("takes", True, False),
            ("refuses", False, True),
            ("free", is_good, False),
        }, fields


def _said(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[str, str]:
    """Run a command in this process; return its exit code, and its first error."""
    try:
        code = COMMAND([*words], standalone_mode=False) or 0
        error = capsys.readouterr().err
    except BundlerError as caught:
        code, error = caught.code, f"error: {caught.message}"
    found = re.search(r"^error: (.*)$", error, re.MULTILINE)
    return str(int(code)), found[1] if found else ""


def _assert_as_told(told: str, code: str, message: str, said: object) -> None:
    wanted, _, start = told.partition(" ")
    assert code == wanted, (code, message, said)
    assert message.startswith(start), message
    assert bool(start) == bool(message), message


@pytest.mark.parametrize("path", _of("verify"))
def test_verify(path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    vector = _read(path)
    file = tmp_path / "vector.tar.gz"
    file.write_bytes(vector.data)
    words = ["verify", str(file), "--signer", vector.fields["signer"]]
    if "passphrase" in vector.fields:
        secret = tmp_path / "passphrase"
        secret.write_text(f"{vector.fields['passphrase']}\n")
        words += ["--passphrase-file", str(secret)]
    code, message = _said(capsys, *words)
    _assert_as_told(vector.fields["verify"], code, message, words)


@pytest.mark.parametrize("path", _of("receipts"))
def test_receipts(
    path: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    vector = _read(path)
    monkeypatch.chdir(tmp_path)
    base = vector.fields["base"]
    kit = vector.data if base == "kit.tar" else (PUBLISHED / "kit.tar").read_bytes()
    subprocess.run(["tar", "-x"], input=kit, check=True)
    words = ["receipts", "kit", "--signer", vector.fields["signer"]]
    if base == "receipt.json":
        Path("receipt").write_bytes(vector.data)
        words.insert(2, "receipt")
    if base == "ledger.jsonl":
        Path("kit.receipts").mkdir()
        Path("kit.receipts/ledger.jsonl").write_bytes(vector.data)
    if "code" in vector.fields:
        words += ["--code", vector.fields["code"]]
    code, message = _said(capsys, *words)
    message = message.replace(f"{tmp_path}/", "")
    _assert_as_told(vector.fields["receipts"], code, message, words)


@pytest.fixture(scope="module")
def device(tmp_path_factory: pytest.TempPathFactory) -> LabDevice:
    """The device of the vectors, without a trio yet; `check` writes nothing."""
    root = tmp_path_factory.mktemp("device") / "root"
    made = LabDevice.create(root, uuid=DEVICE_UUID, name="test-vector")
    for fmc in (FMC_UUID, OTHER_FMC_UUID):
        made.peer_dir(fmc).mkdir(parents=True)
    return made


@pytest.mark.sampled
@pytest.mark.parametrize("path", _of("install.sh check")[::STEP])
def test_install_sh(path: Path, device: LabDevice, tmp_path: Path) -> None:
    need("dash", shutil.which("dash"))
    vector = _read(path)
    subprocess.run(["tar", "-xz"], cwd=tmp_path, input=vector.data, check=True)
    (bundle,) = tmp_path.glob("sftunnel-*-????????")
    secret = tmp_path / "passphrase"
    secret.write_text(f"{PASSPHRASE}\n")
    # The bundle has a stand-in: this release's install.sh is told that it lies there.
    done = subprocess.run(
        [
            *(*AS_ROOT, "dash", "-c", installer_script().decode(), str(bundle / "install.sh")),
            *("check", "--root", str(device.root), "--signer", vector.fields["signer"]),
            *("--passphrase-file", str(secret)),
        ],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=60,
        check=False,
    )
    found = re.search(r"^error: (.*)$", done.stderr, re.MULTILINE)
    message = found[1].replace(f"{tmp_path}/", "") if found else ""
    _assert_as_told(
        vector.fields["install.sh check"], str(done.returncode), message, done.stdout + done.stderr
    )
