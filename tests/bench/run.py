"""Measure, and write docs/performance.md: `make bench`."""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from bench import builder_speed, logs, on_device, per_device, sizes, start_up
from bench.machine import PAGE, describe
from bench.measure import ROOT
from bench.render import render_page
from bench.section import BenchError, Section, Settings

SECTIONS: Mapping[str, Callable[[Settings], Section]] = {
    "builder": builder_speed.measure,
    "per-device": per_device.measure,
    "start-up": start_up.measure,
    "sizes": sizes.measure,
    "on-device": on_device.measure,
    "logs": logs.measure,
}


def main(arguments: Sequence[str]) -> int:
    """Measure the sections named, or all; return 1 when one of them could not be measured."""
    parser = argparse.ArgumentParser(prog="make bench ARGS=...", description="Measure.")
    parser.add_argument("names", nargs="*", metavar="SECTION", help=", ".join(SECTIONS))
    parser.add_argument("--quick", action="store_true", help="as little as shows that it works")
    parser.add_argument(
        "--out", type=Path, help=f"the page [default: {PAGE}; a part or a quick run: the screen]"
    )
    given = parser.parse_args(arguments)
    if strange := set(given.names) - set(SECTIONS):
        parser.error(f"there is no section {', '.join(sorted(strange))}")
    names = [name for name in SECTIONS if name in (given.names or SECTIONS)]
    is_whole = len(names) == len(SECTIONS) and not given.quick
    page, problems = _measure(names, is_quick=given.quick)
    out = given.out or (ROOT / PAGE if is_whole and not problems else None)
    if out is None:
        print(page, end="")
    else:
        out.write_text(page)
        print(f"written: {out}", file=sys.stderr)
    for problem in problems:
        print(f"error: {problem}", file=sys.stderr)
    return 1 if problems else 0


def _measure(names: Sequence[str], *, is_quick: bool) -> tuple[str, list[str]]:
    """Return the page of these sections, and what went wrong with those that it lacks.

    What was made for them, keys as well, is removed.
    """
    began = time.perf_counter()
    sections, problems = [], []
    # 0700, whatever the umask.
    with tempfile.TemporaryDirectory(prefix="sftunnel-bench-") as work:
        machine = describe(Path(work))
        for name in names:
            # Removed at the end, as is what `put_aside` names.
            settings = Settings(Path(work, name), is_quick, _tell)
            settings.place.mkdir()
            try:
                sections.append(SECTIONS[name](settings))
            except BenchError as error:
                problems.append(f"{name}: {error}")
    took = time.perf_counter() - began
    machine["took"] = f"{took / 60:.0f} minutes" if took > 120 else f"{took:.0f} s"
    return render_page(sections, machine, is_quick=is_quick), problems


def _tell(what: str) -> None:
    print(f"bench: {what}", file=sys.stderr, flush=True)


def _end(number: int, _frame: object) -> None:
    """End as an exception, so that what was made is removed."""
    sys.exit(128 + number)


if __name__ == "__main__":
    for each in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, _end)
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
