"""How long a command takes to start, for as little as its help."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from bench.measure import ROOT, Cost, cost_of, cpus, figure, in_turn, run, walls
from bench.section import BenchError, Goal, Section, Settings, Table

Command = tuple[str | Path, ...]
PROGRAMS = ("sftunnel-bundler", "sftunnel-installer")
RUNS = 20
COLUMNS = ("command", "ms", "CPU ms")
GOAL_S = 0.15
EMPTY = {
    "`python -c pass`": ("-c", "pass"),
    "`python -I -S -c pass`": ("-I", "-S", "-c", "pass"),
}
"""What Python itself takes, with and without what the environment adds."""


def measure(settings: Settings) -> Section:
    """Start every command again and again, in turn."""
    settings.tell("starting every command")
    installed = Path(sys.executable).parent
    commands: dict[str, Command] = {name: (sys.executable, *words) for name, words in EMPTY.items()}
    missing = []
    for program in PROGRAMS:
        for path, what in ((installed / program, ""), (ROOT / "dist" / program, " in `dist/`")):
            if path.is_file():
                commands |= _starts(path, what, settings)
            else:
                missing.append((f"`{program}`{what}", "not built" if what else "not installed", ""))
    rounds = 1 if settings.is_quick else RUNS
    if not settings.is_quick:
        for command in commands.values():  # once for nothing, so that all is in the cache
            run(command, settings.place)
    starts = {
        name: partial(cost_of, partial(run, command, settings.place))
        for name, command in commands.items()
    }
    costs = in_turn(starts, rounds)
    rows = [(name, walls(each).text(1000), cpus(each).text(1000)) for name, each in costs.items()]
    return Section(
        "start-up",
        Table(COLUMNS, (*rows, *missing)),
        _goals(costs),
        {"runs": rounds},
    )


def _starts(path: Path, what: str, settings: Settings) -> dict[str, Command]:
    """Return the command lines of a program: its version, its help, and that of each verb."""
    name, lines = path.name, dict[str, Command]()
    for words in (("--version",), ("--help",), *_helps(path, (), settings)):
        lines[f"`{' '.join((name, *words))}`{what}"] = (path, *words)
    return lines


def _helps(path: Path, verbs: tuple[str, ...], settings: Settings) -> list[tuple[str, ...]]:
    """Return `VERB --help` of every verb that the help lists, and of those that these list."""
    text = run([path, *verbs, "--help"], settings.place).partition("\nCommands:\n")[2]
    listed = re.findall(r"^  ([a-z-]+)  ", text, re.MULTILINE)
    found = []
    for verb in listed[-1:] if settings.is_quick else listed:
        found.append((*verbs, verb, "--help"))
        found += _helps(path, (*verbs, verb), settings)
    return found


def _goals(costs: Mapping[str, list[Cost]]) -> tuple[Goal, ...]:
    """Judge the slowest help of the commands as they are installed."""
    helps = {name: walls(each).median for name, each in costs.items() if name.endswith("--help`")}
    if not helps:
        raise BenchError("no command is installed in this Python's environment: make .venv/.dev")
    slowest = max(helps, key=lambda name: helps[name])
    return (
        Goal(
            f"Every `--help` within {GOAL_S} s",
            f"slowest: {slowest}, {figure(helps[slowest])} s",
            helps[slowest] <= GOAL_S,
        ),
    )
