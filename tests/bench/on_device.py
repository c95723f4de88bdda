"""How long install.sh takes, in how many processes, and how long a trio is mixed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from bench.measure import Cost, Spread, cost_of, cpus, figure, put_aside, walls
from bench.rehearsed import make_one
from bench.renames import Renames
from bench.section import BenchError, Goal, Section, Settings, Table
from failing_call import need_strace
from processes import count_processes
from rehearsal import Firewall, Made, make_firewall
from sftunnel_builder.trio import TRIO_NAMES
from toolsets import SHELLS, Toolset

TOOLSETS = {"dash": "dash", "bash": "bash", "busybox ash": "busybox"}
"""Of those that install.sh is tried with; busybox has its own tools and no others."""
VERBS = ("check", "install")
GOAL_S, GOAL_PROCESSES = 1, 70
FAST = ("dash", "busybox")
COLUMNS = ("shell", "verb", "seconds", "CPU seconds", "processes", "ms between old and new")


@dataclass
class Figures:
    """What was measured with one shell."""

    costs: dict[str, list[Cost]] = field(default_factory=lambda: {verb: [] for verb in VERBS})
    mixed_s: list[float] = field(default_factory=list)
    processes: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Shell:
    """A shell with the tools that go with it."""

    command: list[str]
    environment: dict[str, str]


def measure(settings: Settings) -> Section:
    """Check and install a bundle on copies of a made-up firewall, in turn with every shell."""
    made = make_one(settings.place)
    shells: dict[str, Shell | str] = {}
    for toolset in SHELLS:
        if toolset.name in TOOLSETS:
            name = TOOLSETS[toolset.name]
            shells[name] = _find(toolset, settings.place / f"tools of {name}")
    figures = {name: Figures() for name, shell in shells.items() if isinstance(shell, Shell)}
    runs = 1 if settings.is_quick else 7
    for number in range(runs):
        for name, shell in shells.items():
            if isinstance(shell, Shell):
                settings.tell(f"installing with {name}, run {number + 1}")
                place = settings.place / f"{name} {number}"
                _run_once(made, place, shell, figures[name])
    for name, shell in shells.items():
        if isinstance(shell, Shell) and _can_trace():
            settings.tell(f"counting the processes with {name}")
            _count(made, settings.place / f"{name} traced", shell, figures[name])
    rows: list[tuple[str, ...]] = []
    for name, shell in shells.items():
        if isinstance(shell, Shell):
            rows += _rows(name, figures[name])
        else:
            rows.append((name, shell, "", "", "", ""))
    return Section("on-device", Table(COLUMNS, tuple(rows)), tuple(_goals(figures)), {"runs": runs})


def _find(toolset: Toolset, place: Path) -> Shell | str:
    """Return a shell, or why there is none."""
    place.mkdir()
    try:
        return Shell(*toolset.environment(place))
    except (pytest.skip.Exception, pytest.fail.Exception):
        return "not installed"


def _can_trace() -> bool:
    """Tell whether processes can be counted here."""
    try:
        need_strace(os.environ)
    except (pytest.skip.Exception, pytest.fail.Exception):
        return False
    return True


def _prepare(made: Made, place: Path, shell: Shell) -> Firewall:
    """Return a new copy of the firewall, with the old trio."""
    place.mkdir()
    firewall = make_firewall(made, place)
    firewall.shell, firewall.environment = shell.command, dict(shell.environment)
    return firewall


def _run_once(made: Made, place: Path, shell: Shell, figures: Figures) -> None:
    """Check and install, and note what it took."""
    firewall = _prepare(made, place, shell)
    figures.costs["check"].append(cost_of(lambda: _must(firewall, "check")))
    renames = Renames(firewall.peer_dir.resolve())
    figures.costs["install"].append(cost_of(lambda: _must(firewall, "install")))
    times = [at for name, at in renames.stop() if name in TRIO_NAMES]
    if len(times) != len(TRIO_NAMES) or firewall.which_trio() != "new":
        raise BenchError(f"{len(times)} files of the trio were renamed, wanted {len(TRIO_NAMES)}")
    # Where this process was late, it saw two at the same moment, and cannot tell.
    if len(set(times)) == len(times):
        figures.mixed_s.append(max(times) - min(times))
    put_aside(place)


def _must(firewall: Firewall, verb: str) -> None:
    done = firewall.run(verb, *firewall.options("--no-restart"))
    if done.returncode != 0:
        raise BenchError(f"install.sh {verb} ended with {done.returncode}: {done.stderr.strip()}")


def _count(made: Made, place: Path, shell: Shell, figures: Figures) -> None:
    """Count the processes of each verb, in runs that strace makes slower."""
    firewall = _prepare(made, place, shell)
    for verb in VERBS:
        figures.processes[verb] = count_processes(firewall, place, shell.command, verb)
    put_aside(place)


def _rows(name: str, figures: Figures) -> Iterator[tuple[str, ...]]:
    for verb in VERBS:
        costs = figures.costs[verb]
        processes = str(figures.processes.get(verb, "no strace here"))
        mixed = ""
        if verb == "install":
            mixed = Spread.of(figures.mixed_s).text(1000) if figures.mixed_s else "not seen"
        yield (name, f"`{verb}`", walls(costs).text(), cpus(costs).text(), processes, mixed)


def _goals(figures: dict[str, Figures]) -> Iterator[Goal]:
    """Judge what an install takes."""
    took = {name: walls(figures[name].costs["install"]).median for name in FAST if name in figures}
    yield Goal(
        f"`install` in less than {GOAL_S} s with {' and '.join(FAST)}",
        _said({name: f"{figure(seconds)} s" for name, seconds in took.items()}),
        max(took.values()) < GOAL_S if len(took) == len(FAST) else None,
    )
    counts = {n: each.processes["install"] for n, each in figures.items() if each.processes}
    yield Goal(
        f"`install` in at most {GOAL_PROCESSES} processes",
        _said({name: str(count) for name, count in counts.items()}),
        max(counts.values()) <= GOAL_PROCESSES if counts else None,
    )


def _said(found: dict[str, str]) -> str:
    return ", ".join(f"{name} {value}" for name, value in found.items()) or "not measured"
