"""How many processes a run of install.sh starts."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from rehearsal import Firewall


def count_processes(firewall: Firewall, place: Path, shell: Sequence[str], verb: str) -> int:
    """Run a verb, which must end well; return how many processes there were, the shell included."""
    traces = place / f"traces of {verb}"
    traces.mkdir()
    # With -ff each process has a file of its own.
    trace = ["-ff", "-qq", "-e", "trace=execve", "-e", "signal=none", "-o", str(traces / "of")]
    # By its path: the tools of a busybox have no strace among them.
    firewall.shell = [shutil.which("strace") or "strace", *trace, *shell]
    options = firewall.options("--no-restart")
    if verb == "status":
        options = ["--root", str(firewall.root)]
    done = firewall.run(verb, *options)
    assert done.returncode == 0, done.stderr
    return len(list(traces.iterdir()))
