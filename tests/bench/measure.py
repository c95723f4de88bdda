"""What does something cost: seconds on the clock and of the processors, median and range."""

from __future__ import annotations

import os
import resource
import signal
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.section import BenchError

ROOT = Path(__file__).resolve().parents[2]
PROCESSOR = min(os.sched_getaffinity(0))
"""The one that has the work of a single core."""


@dataclass(frozen=True)
class Cost:
    """What one run took."""

    wall_s: float
    cpu_s: float
    """User and system time of its processes, all that were started and waited for."""


@dataclass(frozen=True)
class Spread:
    """Several measurements of one thing."""

    median: float
    least: float
    most: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Sum up measurements, of which there is at least one."""
        return cls(statistics.median(values), min(values), max(values))

    def text(self, factor: float = 1) -> str:
        """Return `median (least-most)`, times a factor; the median alone if there is one value."""
        median, least, most = (figure(v * factor) for v in (self.median, self.least, self.most))
        return median if self.least == self.most else f"{median} ({least}-{most})"


def figure(value: float) -> str:
    """Return a number with three digits that count, or all of them before the point.

    Of less than a tenth there are four places.
    """
    value = float(f"{value:.3g}") if abs(value) < 100 else value
    for limit, digits in ((100, 0), (10, 1), (1, 2), (0.1, 3)):
        if abs(value) >= limit:
            return f"{value:,.{digits}f}"
    return f"{value:.4f}"


def walls(costs: Sequence[Cost]) -> Spread:
    """Return the seconds on the clock."""
    return Spread.of([cost.wall_s for cost in costs])


def cpus(costs: Sequence[Cost]) -> Spread:
    """Return the seconds of the processors."""
    return Spread.of([cost.cpu_s for cost in costs])


def cost_of(work: Callable[[], object]) -> Cost:
    """Do some work that starts processes and waits for them; return what these took."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    work()
    wall_s, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Cost(wall_s, cpu_s)


def in_turn(works: Mapping[str, Callable[[], Cost]], rounds: int) -> dict[str, list[Cost]]:
    """Measure several things side by side, A B A B, so that a noisy minute hits all of them."""
    costs: dict[str, list[Cost]] = {name: [] for name in works}
    for _ in range(rounds):
        for name, work in works.items():
            costs[name].append(work())
    return costs


def environment(home: Path) -> dict[str, str]:
    """Return the environment of a measured command: this checkout's code, and a home of its own."""
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "PYTHONPATH": os.pathsep.join(
            str(ROOT / part) for part in ("builder", "installer", "tests")
        ),
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "TERM": "dumb",
    }


def run(
    command: Sequence[str | Path],
    place: Path,
    *,
    more: Mapping[str, str] | None = None,
) -> str:
    """Run a command in a directory, return its standard output; BenchError if it fails."""
    words = [str(word) for word in command]
    process = subprocess.Popen(
        words,
        cwd=place,
        env={**environment(place), **(more or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        # A process group of its own, so that all of it can be ended.
        start_new_session=True,
    )
    try:
        out, err = process.communicate()
    except BaseException:
        os.killpg(process.pid, signal.SIGTERM)
        # Until the last of them has cleared away what it wrote, and closed its end.
        process.communicate()
        raise
    if process.returncode != 0:
        said = (err or out).strip().splitlines()[-1:] or [""]
        raise BenchError(f"{Path(words[0]).name} ended with {process.returncode}: {said[0]}")
    return out


def put_aside(*paths: Path) -> None:
    """Give what a run wrote another name, so that the next one can write it.

    It is not removed: before ext4 takes an inode for a new file, it looks at each that was freed in
    the last seconds, and what is measured next would pay for that.
    """
    aside = Path(tempfile.mkdtemp(prefix="aside-", dir=paths[0].parent))
    for path in paths:
        if path.exists():
            path.rename(aside / path.name)


@contextmanager
def on_one_processor() -> Iterator[None]:
    """Keep this process, and all that it starts meanwhile, on one processor."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {PROCESSOR})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
