"""How many processes a run of install.sh starts: on an appliance each takes its time."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from failing_call import need_strace
from processes import count_processes
from rehearsal import Firewall, need

MOST = {
    "dash": {"check": 27, "install": 70, "status": 12, "rollback": 55},
    "bash": {"check": 29, "install": 75, "status": 12, "rollback": 58},
}
"""What was reached, by shell and verb: a subshell is a process, too. Not more without a reason."""


@pytest.mark.parametrize("shell", MOST)
def test_no_verb_starts_more_processes_than_it_needs(
    firewall: Firewall, tmp_path: Path, record_property: Callable[[str, object], None], shell: str
) -> None:
    need(shell, shutil.which(shell))
    need_strace(firewall.environment)
    counts = {verb: count_processes(firewall, tmp_path, [shell], verb) for verb in MOST[shell]}
    said = ", ".join(f"{verb} {count}" for verb, count in counts.items())
    record_property("found", f"processes of a run, one FMC, encrypted key, {shell}: {said}")
    assert {verb: n for verb, n in counts.items() if n > MOST[shell][verb]} == {}, said
