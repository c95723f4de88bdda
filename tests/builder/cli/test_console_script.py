"""`sftunnel-bundler console script`: the text, where it goes, and what is said of it."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from rehearsal import Made, make_kit
from sftunnel_builder.paste import make_paste


def _run(place: Path, *words: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "sftunnel_builder", "console", "script", *words],
        cwd=place,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )


def _text(made: Made) -> bytes:
    bundle = made.bundle(made.devices[0])
    return make_paste(bundle.read_bytes(), bundle.name, made.report.signer).text()


def test_the_text_goes_to_standard_output_and_the_talk_does_not(made: Made, tmp_path: Path) -> None:
    done = _run(tmp_path, str(made.bundle(made.devices[0])))
    assert (done.returncode, done.stdout) == (0, _text(made)), done.stderr
    said = done.stderr.decode()
    size = len(done.stdout)
    assert f"{size:,} bytes in {done.stdout.count(b'b<<')} blocks: " in said
    assert f" {size * 10 / 9600:.0f} s at 9600 baud, {size * 10 / 115200:.0f} s at 115200" in said
    assert "paste block N again" in said
    assert "the signer was not compared" in said


def test_a_bundle_under_another_name_arrives_under_its_own(made: Made, tmp_path: Path) -> None:
    (tmp_path / "b.tgz").write_bytes(made.bundle(made.devices[0]).read_bytes())
    done = _run(tmp_path, "b.tgz", "--out", "paste.txt", "--signer", made.report.signer)
    assert (done.returncode, done.stdout) == (0, b""), done.stderr
    assert b"note" not in done.stderr
    assert (tmp_path / "paste.txt").read_bytes() == _text(made)
    assert stat.S_IMODE((tmp_path / "paste.txt").stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["damaged"], 4, "'damaged': the bundle is damaged or was altered: "),
        (["none"], 3, "cannot read 'none': no such file or directory"),
        (["good", "--signer", "5a" * 32], 4, "'good': the bundle is signed by another key: "),
        (["good", "--signer", "5a"], 2, "--signer wants the 64 hex digits"),
        (["good", "--out", "mine"], 2, "'mine' exists already"),
        (["good", "--out", "link"], 2, "'link' exists already"),
        (["good", "--out", "none/x"], 5, "cannot write 'none/x': no such file or directory"),
    ],
    ids=[
        "a damaged bundle",
        "no bundle",
        "another signer",
        "no fingerprint",
        "a file of that name",
        "a link of that name",
        "no such directory",
    ],
)
def test_it_refuses_and_writes_nothing(
    made: Made, tmp_path: Path, words: list[str], code: int, message: str
) -> None:
    data = made.bundle(made.devices[0]).read_bytes()
    (tmp_path / "good").write_bytes(data)
    (tmp_path / "damaged").write_bytes(data[:-9] + b"x" + data[-8:])
    (tmp_path / "mine").write_bytes(b"mine")
    (tmp_path / "link").symlink_to("mine")
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    done = _run(tmp_path, *words)
    assert (done.returncode, done.stdout) == (code, b""), done.stderr
    assert f"error: {message}" in done.stderr.decode()
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_key_in_the_clear_is_warned_of(made: Made, tmp_path: Path) -> None:
    warning = b"the key in it is not encrypted: whoever sees or records the console line has it"
    assert warning not in _run(tmp_path, str(made.bundle(made.devices[0]))).stderr
    plain = make_kit(tmp_path, [made.fmc], made.devices, datetime.now(UTC), plain_keys=True)
    done = _run(tmp_path, str(plain.bundle(made.devices[0])))
    assert done.returncode == 0
    assert warning in done.stderr
