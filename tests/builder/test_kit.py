"""A kit appears under its name whole, or not at all."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from rehearsal import Made
from sftunnel_builder.build import BuildReport, BuildRequest, build_kit
from sftunnel_builder.choose import Wanted
from sftunnel_builder.errors import BundlerError, ExitCode
from sftunnel_builder.signer import load_signer


@pytest.fixture
def request_(made: Made, tmp_path: Path) -> BuildRequest:
    signer = load_signer(made.signing_key, None)
    now = datetime.now(UTC).replace(microsecond=0)
    return BuildRequest(Wanted((made.fmc.root,)), tmp_path / "kit", signer, now)


def _build(request: BuildRequest) -> BuildReport:
    return build_kit(request, lambda items, _total: items)


def _snapshot(place: Path) -> dict[str, bytes | None]:
    return {
        str(path.relative_to(place)): path.read_bytes() if path.is_file() else None
        for path in place.rglob("*")
    }


def _fail_at(monkeypatch: pytest.MonkeyPatch, name: str, count: int, error: BaseException) -> None:
    """Make the call number `count` of a function of `os` fail."""
    calls = 0
    real: Callable[..., object] = getattr(os, name)

    def failing(*arguments: object) -> object:
        nonlocal calls
        calls += 1
        if calls == count:
            raise error
        return real(*arguments)

    monkeypatch.setattr(os, name, failing)


def _count_calls(monkeypatch: pytest.MonkeyPatch, name: str, request: BuildRequest) -> int:
    """Return how often a build that replaces a kit calls a function of `os`."""
    count = 0
    real: Callable[..., object] = getattr(os, name)

    def counting(*arguments: object) -> object:
        nonlocal count
        count += 1
        return real(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(os, name, counting)
        _build(request)
    return count


@pytest.mark.parametrize("stands_already", [False, True], ids=["a first kit", "--replace"])
@pytest.mark.parametrize("call", ["fsync", "rename"])
@pytest.mark.parametrize(
    "error", [OSError(28, "No space left on device"), KeyboardInterrupt()], ids=["full", "Ctrl-C"]
)
def test_a_failure_at_any_step_leaves_all_as_it_was(
    request_: BuildRequest,
    monkeypatch: pytest.MonkeyPatch,
    stands_already: bool,
    call: str,
    error: BaseException,
) -> None:
    place = request_.out.parent
    request = replace(request_, replace=stands_already)
    if stands_already:
        _build(request)
    steps = _count_calls(monkeypatch, call, request)
    assert steps >= (3 if stands_already else 1)
    if not stands_already:
        shutil.rmtree(request.out)
        (place / "kit-passphrases.txt").unlink()
    before = _snapshot(place)
    for step in range(1, steps + 1):
        with monkeypatch.context() as patch:
            _fail_at(patch, call, step, error)
            with pytest.raises((BundlerError, KeyboardInterrupt)) as caught:
                _build(request)
        if isinstance(caught.value, BundlerError):
            assert caught.value.code == ExitCode.UNSUITABLE
            assert "no space left on device" in caught.value.message
        assert _snapshot(place) == before, f"{call} number {step}"


def test_replacing_puts_a_fresh_kit_and_its_own_passphrases_there(request_: BuildRequest) -> None:
    _build(request_)
    first = _snapshot(request_.out.parent)
    _build(replace(request_, replace=True))
    second = _snapshot(request_.out.parent)
    assert first.keys() == second.keys()
    assert first["kit-passphrases.txt"] != second["kit-passphrases.txt"]
    _build(replace(request_, replace=True, plain_keys=True))
    assert not (request_.out.parent / "kit-passphrases.txt").exists()


def test_a_stray_passphrase_file_is_not_overwritten(request_: BuildRequest) -> None:
    stray = request_.out.parent / "kit-passphrases.txt"
    stray.write_text("of another kit\n")
    with pytest.raises(BundlerError, match="exists already") as caught:
        _build(request_)
    assert caught.value.code == ExitCode.USAGE
    assert _snapshot(request_.out.parent) == {"kit-passphrases.txt": b"of another kit\n"}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_half_way_leaves_nothing(
    made: Made, tmp_path: Path, number: signal.Signals
) -> None:
    slow = (
        "import time\n"
        "from sftunnel_builder import kit\n"
        "from sftunnel_builder.cli import main\n"
        "def wait(*a):\n    open('half', 'w'); time.sleep(60)\n"
        "kit.Kit.seal = wait; main()"
    )
    options = ["--fmc-tree", str(made.fmc.root), "--signing-key", str(made.signing_key)]
    process = subprocess.Popen(
        [sys.executable, "-c", slow, "build", *options, "--plain-keys"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 30
    while not (tmp_path / "half").exists():
        assert time.monotonic() < deadline
        assert process.poll() is None, process.stderr
        time.sleep(0.05)
    assert [path for path in tmp_path.iterdir() if path.name != "half"], "nothing was begun"
    process.send_signal(number)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 128 + number
    assert "Traceback" not in out + err
    assert [path.name for path in tmp_path.iterdir()] == ["half"]
