"""Every reader keeps its promises: on the seeds, and on what a short run of the fuzzer makes."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from found import Record
from fuzz.harnesses import HARNESSES
from fuzz.promises import refusals_in_form
from fuzz.run import AS_ITS_OWN, ROOT, fuzz
from fuzz.targets import SEEDS
from rehearsal import need
from sftunnel_builder.errors import BundlerError, ExitCode

SECONDS = 8


@pytest.mark.parametrize("name", HARNESSES)
def test_every_seed_is_read_or_refused_in_form(name: str) -> None:
    seeds = HARNESSES[name].seeds(name)
    assert seeds, f"no seed for '{name}'"
    for seed in seeds:
        HARNESSES[name].read(seed)


def test_every_folder_of_seeds_has_its_harness() -> None:
    assert {path.name for path in SEEDS.iterdir()} <= set(HARNESSES)


def test_no_seed_holds_a_private_key() -> None:
    seeds = [path for path in SEEDS.rglob("*") if path.is_file()]
    assert seeds
    # 200 base64 characters are a third of the smallest key that anybody would use.
    bad = [p for p in seeds if b"PRIVATE KEY" in p.read_bytes() and p.stat().st_size > 300]
    assert bad == []


@pytest.mark.slow
@pytest.mark.parametrize("name", HARNESSES)
def test_a_short_run_finds_nothing(name: str, tmp_path: Path, record_property: Record) -> None:
    need("atheris", importlib.util.find_spec("atheris"))
    outcome = fuzz(name, tmp_path, SECONDS)
    assert outcome.is_well, outcome.log[-4000:]
    record_property("found", f"fuzzing of {name}: {outcome.runs} inputs, nothing found")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fault", "said"),
    [
        pytest.param("assert data[:2] != b'ab'", "AssertionError", id="a broken promise"),
        pytest.param("if data[:2] == b'ab': time.sleep(60)", "timeout", id="a hang"),
        pytest.param(
            "if data[:2] == b'ab': kept.append(b'x' * (400 << 20))", "out-of-memory", id="memory"
        ),
    ],
)
def test_a_planted_fault_is_found(fault: str, said: str, tmp_path: Path) -> None:
    need("atheris", importlib.util.find_spec("atheris"))
    (tmp_path / "corpus").mkdir()
    (tmp_path / "corpus/seed").write_bytes(b"ab, as a seed")
    code = (
        "import sys, time, atheris\n"
        "from fuzz import target\n"
        "kept = []\n"
        f"def read(data):\n    {fault}\n"
        "target.fuzz(atheris.instrument_func(read), sys.argv[1:])\n"
    )
    options = ["-max_total_time=30", "-timeout=5", "-rss_limit_mb=450"]
    done = subprocess.run(
        [*AS_ITS_OWN, sys.executable, "-c", code, "corpus", *options, "-artifact_prefix=finding-"],
        cwd=tmp_path,
        env={"PYTHONPATH": f"{ROOT / 'builder'}:{ROOT / 'tests'}"},
        capture_output=True,
        text=True,
        errors="replace",
        timeout=60,
        check=False,
    )
    assert done.returncode != 0
    assert said in done.stdout + done.stderr
    assert list(tmp_path.glob("finding-*"))


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(BundlerError("red \x1b[31m", "look"), id="an escape sequence"),
        pytest.param(BundlerError("two\nlines", "look"), id="two lines"),
        pytest.param(BundlerError("\u202egnirts", "look"), id="a direction mark"),
        pytest.param(BundlerError("x" * 2000, "look"), id="a long message"),
        pytest.param(BundlerError("wrong", ""), id="no hint"),
        pytest.param(BundlerError("wrong.", "look"), id="a full stop"),
        pytest.param(BundlerError("wrong", "look", ExitCode.BUG), id="the code of a bug"),
        pytest.param(BundlerError("found 'c2VjcmV0IHNlY3JldA=='", "look"), id="a secret"),
    ],
)
def test_a_refusal_out_of_form_is_a_finding(error: BundlerError) -> None:
    with pytest.raises(AssertionError), refusals_in_form(secret=b"c2VjcmV0IHNlY3JldA==\n"):
        raise error
