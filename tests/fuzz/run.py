"""Fuzz the readers, each in a process of its own: for long by `make fuzz`, shortly by the tests.

What is found is left as a file. Mend the reader, then move the file to `seeds/<the harness>/` under
a name that says what it is: there it is tried again by every run of the tests.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from fuzz.harnesses import HARNESSES

ROOT = Path(__file__).resolve().parents[2]
INPUT_TIMEOUT_S = 10
"""An input that takes longer counts as a hang."""
MEMORY_MB = 512
"""A process that has more counts as growing without end: it begins with 70."""
GRACE_S = 60
"""What a process may take beside its time, for making keys, seeds and a last input."""


@dataclass(frozen=True)
class Outcome:
    """What came of fuzzing one harness."""

    name: str
    runs: int
    """Inputs that were tried."""
    finding: Path | None
    """The input that broke a promise."""
    log: str
    """All that the process said."""
    is_well: bool


AS_ITS_OWN = ("sh", "-c", '"$@"; exit $?', "sh")
"""What to start a fuzzer with: a process is told the peak of its parent's memory as its own, and
libFuzzer takes that for what the inputs cost. A small shell in between has no such peak."""


def fuzz(name: str, work: Path, seconds: int) -> Outcome:
    """Fuzz a harness for so long, in a directory that keeps the inputs worth trying again."""
    place = work / name
    corpus = place / "corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    for seed in HARNESSES[name].seeds(name):
        (corpus / hashlib.sha256(seed).hexdigest()).write_bytes(seed)
    options = {
        "max_total_time": seconds,
        "max_len": HARNESSES[name].max_bytes,
        "timeout": INPUT_TIMEOUT_S,
        "rss_limit_mb": MEMORY_MB,
        "artifact_prefix": f"{place}/finding-",
    }
    words = [f"-{option}={value}" for option, value in options.items()]
    done = subprocess.run(
        [
            *AS_ITS_OWN,
            sys.executable,
            "-W",
            "error",
            "-m",
            "fuzz.target",
            name,
            str(corpus),
            *words,
        ],
        env={**os.environ, "PYTHONPATH": f"{ROOT / 'builder'}:{ROOT / 'tests'}"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        timeout=seconds + GRACE_S,
        check=False,
    )
    (place / "log").write_text(done.stdout)
    runs = re.search(r"^Done (\d+) runs", done.stdout, re.MULTILINE)
    written = re.search(r"Test unit written to (\S+)", done.stdout)
    return Outcome(
        name,
        int(runs[1]) if runs else 0,
        Path(written[1]) if written else None,
        done.stdout,
        done.returncode == 0 and runs is not None,
    )


def main(arguments: Sequence[str]) -> int:
    """Fuzz the harnesses named, or all; return 1 when one of them broke a promise."""
    parser = argparse.ArgumentParser(prog="make fuzz ARGS=...", description="Fuzz the readers.")
    parser.add_argument("names", nargs="*", metavar="READER", help=", ".join(HARNESSES))
    parser.add_argument("--seconds", type=int, default=600, help="for each [default: 600]")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="at a time")
    parser.add_argument("--work", type=Path, default=ROOT / ".cache" / "fuzz", help="what is kept")
    given = parser.parse_args(arguments)
    if strange := set(given.names) - set(HARNESSES):
        parser.error(f"there is no reader {', '.join(sorted(strange))}")
    are_well = True
    with ThreadPoolExecutor(given.jobs) as pool:
        names = given.names or list(HARNESSES)
        for outcome in pool.map(lambda name: fuzz(name, given.work, given.seconds), names):
            are_well = are_well and outcome.is_well
            if outcome.is_well:
                print(f"well   {outcome.name}: {outcome.runs} inputs", flush=True)
                continue
            print(f"FOUND  {outcome.name}: {outcome.finding or 'see its log'}")
            print("".join(outcome.log.splitlines(keepends=True)[-30:]), flush=True)
    return 0 if are_well else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
