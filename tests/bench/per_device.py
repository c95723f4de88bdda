"""What a device costs `build`, beside a shell loop and beside the cryptography alone."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

from bench.measure import (
    Cost,
    Spread,
    cost_of,
    cpus,
    figure,
    in_turn,
    on_one_processor,
    put_aside,
    run,
    walls,
)
from bench.section import Goal, Section, Settings, Table
from bench.trees import Fleets, MadeTree
from sftunnel_builder.archive import unpack
from sftunnel_builder.lab.certificates import key_pem, new_key
from sftunnel_builder.private_key import ITERATIONS_RANDOM, encrypt_pkcs8
from sftunnel_builder.resources import installer_script

SCRIPT = Path(__file__).with_name("shell_loop.sh")
KEYS = {"plain": "plain", "locked": "a passphrase each"}
OURS, LOOP, FLOOR = "`build --jobs 1`", "shell loop", "cryptography and packing alone"
GOAL_LOOP, GOAL_FLOOR = 40, 1.6
COLUMNS = ("keys", "what", "ms a device", "CPU ms a device", "times `build`", "times its CPU")


def measure(settings: Settings) -> Section:
    """Build the devices of one tree in three ways, in turn, on one processor."""
    # Few and many devices: from one to the other, no start-up counts.
    ours, loop = ((2, 52), (1, 3)) if settings.is_quick else ((20, 400), (4, 24))
    settings.tell(f"making an FMC tree of {ours[1]} devices")
    fleets = Fleets(settings.place, 2 if settings.is_quick else 50)
    tree = fleets.make(ours[1])
    parts = lay_out_parts(settings.place, tree)
    costs: dict[str, dict[str, list[Cost]]] = {}
    with on_one_processor():
        for keys in KEYS:
            settings.tell(f"a shell loop and build, keys {KEYS[keys]}")
            ways = {
                OURS: partial(_difference, partial(_ours, settings.place, tree, keys), ours),
                LOOP: partial(_difference, partial(_loop, parts, tree, keys), loop),
                FLOOR: partial(_floor, settings.place, ours[1], keys),
            }
            costs[keys] = in_turn(ways, 1 if settings.is_quick else 3)
        pbkdf2_s = _pbkdf2_s(3 if settings.is_quick else 30)
    return Section(
        "per-device",
        Table(COLUMNS, tuple(row for keys in KEYS for row in _rows(keys, costs[keys]))),
        tuple(goal for keys in KEYS for goal in _goals(keys, costs[keys], pbkdf2_s)),
        {"ours": ours, "loop": loop},
    )


def lay_out_parts(place: Path, tree: MadeTree) -> Path:
    """Build the whole tree once, and take from it what the shell loop is given."""
    run([*_build(tree.failed_push, tree), "--out", "kit"], place)
    parts = place / "parts"
    parts.mkdir()
    first = min((place / "kit/bundles").glob("*.tar.gz"))
    runbook = unpack(first.read_bytes()).members["RUNBOOK.txt"].decode()
    uuid, name = tree.failed_push.read_text().split()[:2]
    (parts / "RUNBOOK.in").write_text(runbook.replace(uuid, "@UUID@").replace(name, "@NAME@"))
    (parts / "install.sh").write_bytes(installer_script())
    (parts / "signer.pem").write_bytes((place / "kit/signer.pem").read_bytes())
    (parts / "signing-key.pem").write_bytes((place / "signing-key.pem").read_bytes())
    return parts


def _build(failed_push: Path, tree: MadeTree) -> list[str | Path]:
    return [
        *(sys.executable, "-m", "sftunnel_builder", "build", "--jobs", "1"),
        *("--fmc-tree", tree.root, "--failed-push", failed_push),
        *("--signing-key", "signing-key.pem"),
    ]


def _ours(place: Path, tree: MadeTree, keys: str, count: int) -> Cost:
    more = ["--plain-keys"] if keys == "plain" else []
    return _cost([*_build(tree.first(count), tree), *more, "--out", "measured"], place)


def _loop(parts: Path, tree: MadeTree, keys: str, count: int) -> Cost:
    out = parts / "measured"
    return _cost(loop_command(parts, tree.root, tree.first(count), out, keys), parts)


def _cost(command: Sequence[str | Path], place: Path) -> Cost:
    """Make the kit `measured`."""
    cost = cost_of(partial(run, command, place))
    put_aside(place / "measured", place / "measured-passphrases.txt")
    return cost


def loop_command(
    parts: Path, root: Path, failed_push: Path, out: Path, keys: str
) -> list[str | Path]:
    """Return what makes a kit by shell; keys is `plain` or `locked`."""
    return ["sh", SCRIPT, root, failed_push, parts, out, keys]


def _difference(cost: Callable[[int], Cost], counts: tuple[int, int]) -> Cost:
    """Return what one device more costs, by what few and many take."""
    few, many = map(cost, counts)
    more = counts[1] - counts[0]
    return Cost((many.wall_s - few.wall_s) / more, (many.cpu_s - few.cpu_s) / more)


def _floor(place: Path, count: int, keys: str) -> Cost:
    """Return what the same inputs cost without a builder, a device."""
    said = run([sys.executable, "-m", "bench.floor", ".", str(count), keys], place)
    wall_s, cpu_s = map(float, said.split())
    return Cost(wall_s / count, cpu_s / count)


def _pbkdf2_s(count: int) -> float:
    """Return the CPU seconds of locking one key, without a builder."""
    pem = key_pem(new_key())
    began = time.process_time()
    for _ in range(count):
        encrypt_pkcs8(pem, "k7md-2xqa-9fhw-pz4c-bt6n", ITERATIONS_RANDOM)
    return (time.process_time() - began) / count


def _times(costs: Sequence[Cost], ours: Sequence[Cost]) -> tuple[Spread, Spread]:
    """Return how many times ours each run took, on the clock and of the processor.

    What was measured in one round is compared, as it had the same neighbours.
    """
    pairs = list(zip(costs, ours, strict=True))
    wall = Spread.of([one.wall_s / other.wall_s for one, other in pairs])
    return wall, Spread.of([one.cpu_s / other.cpu_s for one, other in pairs])


def _rows(keys: str, costs: Mapping[str, Sequence[Cost]]) -> Iterator[tuple[str, ...]]:
    for name, each in costs.items():
        times = _times(each, costs[OURS])
        shown = ("1", "1") if name == OURS else (times[0].text(), times[1].text())
        wall, cpu = walls(each).text(1000), cpus(each).text(1000)
        yield (KEYS[keys], name, wall, cpu, *shown)


def _goals(keys: str, costs: Mapping[str, Sequence[Cost]], pbkdf2_s: float) -> Iterator[Goal]:
    """Judge by CPU time: on the clock `build` also waits for the disk, and the loop does not."""
    loop_wall, loop = _times(costs[LOOP], costs[OURS])
    _wall, alone = _times(costs[LOOP], costs[FLOOR])
    bound = f"; cryptography and packing alone would come to {figure(alone.median)} times"
    if keys == "locked":
        most = cpus(costs[LOOP]).median / pbkdf2_s
        bound += (
            f", PBKDF2 alone, at {figure(pbkdf2_s * 1000)} ms a device, to {figure(most)}: "
            "no builder can reach more"
        )
    yield Goal(
        f"A shell loop takes at least {GOAL_LOOP} times the CPU of `build`, {KEYS[keys]}",
        f"{figure(loop.median)} times ({figure(loop_wall.median)} on the clock){bound}",
        loop.median >= GOAL_LOOP,
    )
    _wall, floor = _times(costs[OURS], costs[FLOOR])
    yield Goal(
        f"`build` takes at most {GOAL_FLOOR} times the CPU of cryptography and packing alone, "
        f"{KEYS[keys]}",
        f"{floor.text()} times",
        floor.median <= GOAL_FLOOR,
    )
