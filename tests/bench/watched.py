"""Run sftunnel-bundler in this process: `python -m bench.watched FILE VERB...`.

At the end FILE has two numbers, in kB: the most memory that this process had at a time, and that
the largest of its children had. The system tells whoever waits for a process only the larger.
"""

from __future__ import annotations

import atexit
import resource
import sys
from pathlib import Path


def main() -> None:
    """Run the command line behind FILE."""
    atexit.register(_write, Path(sys.argv.pop(1)))
    from sftunnel_builder.__main__ import main as run

    run()


def _write(path: Path) -> None:
    peaks = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    path.write_text(" ".join(str(peak.ru_maxrss) for peak in peaks))


if __name__ == "__main__":
    main()
