"""How fast `build` is, and in how much memory, for fleets of any size."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.measure import Cost, cost_of, cpus, figure, in_turn, put_aside, run, walls
from bench.section import Goal, Section, Settings, Table
from bench.trees import Fleets, MadeTree
from fuzz.run import AS_ITS_OWN
from sftunnel_builder.build import MIN_DEVICES_A_PROCESS

KEYS = {
    "plain": ("--plain-keys",),
    "a passphrase each": (),
    "one passphrase": ("--key-passphrase-file", "passphrase"),
}
"""How the devices' keys travel, and the option for that."""
JOBS = (1, 2)
LONGEST_S = 150
"""What would take longer is not run but computed, if it is larger than what a goal is about."""
MOST = {"one passphrase": 100}
"""More devices are not run either: a second of PBKDF2 is one like any other."""
ROUND_S = 100
"""So long the runs of a row are repeated, up to three times."""
FLAT = 1.25
"""Ten times the devices may take so many times the memory, and still count as flat."""
GOAL_DEVICES, GOAL_WALL_S, GOAL_CPU_S = 1000, 25, 50
COLUMNS = (
    *("devices", "keys", "jobs", "runs", "seconds", "CPU seconds", "devices a second"),
    *("MB, parent", "MB, largest child"),
)


@dataclass(frozen=True)
class Row:
    """One kind of build: what was measured, or what it would take."""

    devices: int
    keys: str
    jobs: int
    costs: tuple[Cost, ...] = ()
    parent_kb: int = 0
    child_kb: int = 0
    expected_s: float = 0
    """Where it was not run: computed from the largest that was."""


def measure(settings: Settings) -> Section:
    """Build kits of fleets of all sizes, by the command, in a row for each way."""
    sizes = (2, 17) if settings.is_quick else (10, 100, 1000, 10_000)
    pool = 2 if settings.is_quick else 100
    fleets = Fleets(settings.place, pool)
    (settings.place / "passphrase").write_text("a passphrase that a person chose\n")
    rows: list[Row] = []
    for size in sizes:
        settings.tell(f"making an FMC tree of {size:,} devices")
        tree = fleets.make(size)
        for keys in KEYS:
            settings.tell(f"building {size:,} devices, {keys}")
            rows += _side_by_side(settings, tree, size, keys, rows)
    return Section(
        "builder",
        Table(COLUMNS, tuple(map(_cells, rows))),
        tuple(_goals(rows, sizes)),
        {"pool": pool, "longest": LONGEST_S, "most": MOST, "alone": MIN_DEVICES_A_PROCESS},
    )


def _side_by_side(
    settings: Settings, tree: MadeTree, size: int, keys: str, rows: Sequence[Row]
) -> list[Row]:
    """Measure one size and kind of keys with every number of jobs, in turn."""
    expected = {jobs: _expected_s(size, keys, jobs, rows) for jobs in JOBS}
    is_too_large = size > MOST.get(keys, size)
    builds = {
        str(jobs): _Build(settings.place, tree, keys, jobs)
        for jobs in JOBS
        if (size <= GOAL_DEVICES or expected[jobs] <= LONGEST_S) and not is_too_large
    }
    took = sum(expected[int(jobs)] for jobs in builds)
    rounds = 1 if settings.is_quick else max(1, min(3, int(ROUND_S / (took or 1))))
    costs = in_turn({name: build.cost for name, build in builds.items()}, rounds)
    done = []
    for jobs in JOBS:
        if build := builds.get(str(jobs)):
            peaks = (build.parent_kb, build.child_kb)
            done.append(Row(size, keys, jobs, tuple(costs[str(jobs)]), *peaks))
        else:
            done.append(Row(size, keys, jobs, expected_s=expected[jobs]))
    return done


def _expected_s(size: int, keys: str, jobs: int, rows: Sequence[Row]) -> float:
    """Return what a build will take by what fewer devices took; 0 if none were built yet."""
    fewer = [row for row in rows if (row.keys, row.jobs) == (keys, jobs) and row.costs]
    if not fewer:
        return 0
    return walls(fewer[-1].costs).median * size / fewer[-1].devices


class _Build:
    """A command line, and the most memory that a run of it took."""

    def __init__(self, place: Path, tree: MadeTree, keys: str, jobs: int) -> None:
        self.parent_kb = self.child_kb = 0
        self._place = place
        options = ["--fmc-tree", str(tree.root), "--signing-key", "signing-key.pem"]
        self._command = [
            *(*AS_ITS_OWN, sys.executable, "-m", "bench.watched", "peaks", "build", *options),
            *("--out", "kit", "--jobs", str(jobs), *KEYS[keys]),
        ]

    def cost(self) -> Cost:
        """Build a kit."""
        cost = cost_of(lambda: run(self._command, self._place))
        parent_kb, child_kb = map(int, (self._place / "peaks").read_text().split())
        self.parent_kb = max(self.parent_kb, parent_kb)
        self.child_kb = max(self.child_kb, child_kb)
        put_aside(self._place / "kit", self._place / "kit-passphrases.txt")
        return cost


def _cells(row: Row) -> tuple[str, ...]:
    """Return a row of the table."""
    start = (f"{row.devices:,}", row.keys, str(row.jobs), str(len(row.costs)))
    if not row.costs:
        return (*start, f"*{figure(row.expected_s)}*", *["*not run*"] * 4)
    wall = walls(row.costs)
    child = f"{row.child_kb / 1024:.0f}" if row.child_kb > 0 else "-"
    return (
        *(*start, wall.text(), cpus(row.costs).text(), figure(row.devices / wall.median)),
        *(f"{row.parent_kb / 1024:.0f}", child),
    )


def _goals(rows: Sequence[Row], sizes: Sequence[int]) -> Iterator[Goal]:
    """Judge memory by the two largest sizes, and speed by that of a thousand devices."""
    fewer, most = sizes[-2:]
    peaks = {
        (row.keys, row.jobs, row.devices): max(row.parent_kb, row.child_kb)
        for row in rows
        if row.costs
    }
    growth = {
        f"{keys}, {jobs} jobs": peaks[keys, jobs, most] / peaks[keys, jobs, fewer]
        for keys in KEYS
        for jobs in JOBS
        if (keys, jobs, most) in peaks and (keys, jobs, fewer) in peaks
    }
    worst = max(growth, key=lambda name: growth[name], default="")
    yield Goal(
        f"Memory is flat: {most:,} devices take at most {FLAT} times the peak of {fewer:,}",
        f"{growth[worst]:.2f} times ({worst})" if worst else "not run",
        growth[worst] <= FLAT if worst else None,
    )
    for row in rows:
        if (row.devices, row.keys, row.jobs) == (GOAL_DEVICES, "a passphrase each", 2):
            wall_s, cpu_s = walls(row.costs).median, cpus(row.costs).median
            yield Goal(
                f"{GOAL_DEVICES:,} devices with a passphrase each, `--jobs 2`: at most "
                f"{GOAL_WALL_S} s, and {GOAL_CPU_S} s of CPU",
                f"{figure(wall_s)} s, {figure(cpu_s)} s of CPU",
                wall_s <= GOAL_WALL_S and cpu_s <= GOAL_CPU_S,
            )
