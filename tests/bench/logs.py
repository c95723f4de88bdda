"""How fast `diagnose` reads a log, beside `grep -c`."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from bench.measure import Cost, Spread, cost_of, cpus, figure, in_turn, run, walls
from bench.section import Section, Settings, Table
from log_text import EXPIRED, HANDSHAKE, established, initiating, log

MB = 1_000_000
PATTERN = "certificate has expired"
LOGS = {"every line of sftunnel": 1, "one line in ten of sftunnel": 10}
"""How many lines there are for each of sftunnel's."""
COLUMNS = ("log", "command", "seconds", "CPU seconds", "MB a second", "times `grep`")


def measure(settings: Settings) -> Section:
    """Read large logs, plain and compressed, with diagnose and with grep, in turn."""
    size = 1 * MB if settings.is_quick else 100 * MB
    rows: list[tuple[str, ...]] = []
    for name, every in LOGS.items():
        settings.tell(f"reading {size // MB} MB of log, {name}")
        path = settings.place / "messages"
        write_log(path, size, every)
        rows += _side_by_side(settings, path, name, ["grep", "-c", PATTERN, str(path)])
        subprocess.run(["gzip", "-1", "--force", str(path)], check=True)
        packed = path.with_suffix(".gz")
        rows += _side_by_side(
            settings, packed, f"{name}, .gz", ["zgrep", "-c", PATTERN, str(packed)]
        )
        packed.unlink()
    facts = {"megabytes": size // MB, "pattern": PATTERN}
    return Section("logs", Table(COLUMNS, tuple(rows)), facts=facts)


def write_log(path: Path, size: int, every: int) -> None:
    """Write at least so many bytes of log, in which one line in `every` is of sftunnel."""
    written = 0
    lines = _lines(every)
    with path.open("w") as file:
        while written < size:
            block = "".join(next(lines) for _ in range(1000))
            written += file.write(block)


def _lines(every: int) -> Iterator[str]:
    """Yield what three devices log that try to connect all day, between lines of others."""
    at, number = datetime(2026, 1, 1, tzinfo=UTC), 0
    while True:
        peer, thread = f"10.10.200.{number % 3 + 1}", 50_000 + number % 1000
        stamp = f"{at:%b %d %H:%M:%S}"
        failed = (
            initiating(peer, stamp, thread=thread),
            log(EXPIRED, stamp, thread),
            log(HANDSHAKE, stamp, thread),
        )
        attempt = failed if number % 50 else (established(peer, stamp),)
        for line in attempt:
            for _ in range(every - 1):
                yield f"{stamp} ftd-1 SF-IMS[4711]: [{thread}] ndclientd: [INFO] nothing new\n"
            yield line
        at += timedelta(seconds=1)
        number += 1


def _side_by_side(
    settings: Settings, path: Path, name: str, grep: list[str]
) -> Iterator[tuple[str, ...]]:
    """Yield the rows of one file."""
    if not shutil.which(grep[0]):
        yield (name, f"`{grep[0]}`", "not installed", "", "", "")
        return
    place, megabytes = settings.place, _unpacked(path) / MB
    diagnose = [sys.executable, "-m", "sftunnel_builder", "diagnose", str(path)]
    commands = {"`diagnose`": diagnose, f"`{grep[0]} -c`": grep}
    works = {
        what: partial(cost_of, partial(run, command, place)) for what, command in commands.items()
    }
    costs = in_turn(works, 1 if settings.is_quick else 3)
    ours, theirs = costs.values()
    times = Spread.of([a.wall_s / b.wall_s for a, b in zip(ours, theirs, strict=True)])
    for what, each in costs.items():
        shown = times.text() if each is ours else "1"
        yield (name, what, *_seconds(each), figure(megabytes / walls(each).median), shown)


def _seconds(costs: list[Cost]) -> tuple[str, str]:
    return walls(costs).text(), cpus(costs).text()


def _unpacked(path: Path) -> int:
    """Return the bytes of a log as it is read."""
    if path.suffix != ".gz":
        return path.stat().st_size
    done = subprocess.run(["gzip", "-dc", str(path)], stdout=subprocess.PIPE, check=True)
    return len(done.stdout)
