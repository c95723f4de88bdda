"""install.sh killed at random moments: by SIGKILL, by signals, by Ctrl-C, by a lost console.

Whatever the moment, the next run ends with the whole old trio or the whole new one, nothing is left
behind, no plaintext key is ever outside the state and peer directories, and echo is on again.

SFTUNNEL_TEST_SEED repeats the kills of an earlier run, whose seed stands in its failure message.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import time
from dataclasses import replace
from pathlib import Path

import pytest

from console import Console
from kills import Kill
from refusals import sign_again
from rehearsal import IS_LONG, Firewall, Made, make_firewall, put_before_path
from sftunnel_builder.signer import load_signer
from shooting import POLL_S, Range
from toolsets import SHELLS, Toolset

pytestmark = pytest.mark.sampled
KILLS_PER_SHELL = 250 if IS_LONG else 3
TRIED = [shell for shell in SHELLS if IS_LONG or shell.name in ("dash", "busybox ash")]
SEED = os.environ.get("SFTUNNEL_TEST_SEED") or os.urandom(4).hex()


def _make_range(firewall: Firewall, place: Path, factory: pytest.TempPathFactory) -> Range:
    """Keep the scenes elsewhere than what is searched for keys.

    A mv of three files is done in no time: it takes some, so that a kill gets in between.
    """
    mv = shutil.which("mv", path=firewall.environment["PATH"])
    put_before_path(firewall, place / "one by one", mv=f'exec "{mv}" "$@"')
    needs_enter = firewall.shell[0] == "yash"
    return Range(firewall, place, factory.mktemp("scenes"), needs_enter=needs_enter)


@pytest.mark.parametrize("toolset", TRIED, ids=lambda toolset: toolset.name)
def test_killed_at_any_moment_the_next_run_mends_it(
    toolset: Toolset,
    made: Made,
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
    record_property: pytest.RecordProperty,
) -> None:
    firewall = make_firewall(made, tmp_path)
    firewall.shell, firewall.environment = toolset.environment(tmp_path)
    shooting = _make_range(firewall, tmp_path, tmp_path_factory)
    tally = shooting.tally
    draws = 0
    while tally.kills < KILLS_PER_SHELL:
        draws += 1
        assert draws < 3 * KILLS_PER_SHELL, f"most runs are over too soon: {tally}"
        chance = random.Random(f"{SEED}, {toolset.name}, {draws}")
        shooting.shoot(Kill.draw(chance), f"kill {draws} of seed {SEED}")
    record_property("found", f"kills in {toolset.name}: {tally}")
    assert not tally.faults, tally.describe_faults()
    if IS_LONG:
        assert min(*tally.stages.values(), tally.mixes) > 0, f"a stage was never hit: {tally}"


AT_RENAMES = Kill(
    "install",
    "fresh",
    restart=False,
    asked=False,
    stop="KILL",
    to_group=True,
    aim="renames",
    moment=0,
    typed=0,
    next_verb="recover",
)
"""Behind the first rename, as fast as it can be seen."""


@pytest.mark.parametrize(
    ("was", "becomes", "changes", "fault"),
    [
        pytest.param(
            "put_back() {\n",
            "put_back() {\n    remove_journal || :; committing=no; return 0\n",
            {},
            "in the end, found a mix",
            id="nothing is put back",
        ),
        pytest.param(
            "work=$state/work ",
            "work=$TMPDIR/work ",
            {"aim": "commit"},
            "a key is in",
            id="work files in TMPDIR",
        ),
        pytest.param(
            '[ -z "$tty_settings" ] || stty "$tty_settings" || :',
            ":",
            {"aim": "prompt", "asked": True, "stop": "Ctrl-C"},
            "echo is off",
            id="echo not switched on again",
        ),
    ],
)
def test_an_installer_with_a_fault_is_found_out(
    made: Made,
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
    was: str,
    becomes: str,
    changes: dict[str, object],
    fault: str,
) -> None:
    firewall = make_firewall(made, tmp_path)
    script = firewall.bundle / "install.sh"
    text = script.read_text()
    assert text.count(was) == 1, "the text to be changed is no longer in install.sh"
    script.write_text(text.replace(was, becomes))
    sign_again(firewall.bundle, load_signer(made.signing_key, None))
    shooting = _make_range(firewall, tmp_path, tmp_path_factory)
    for shot in range(20):
        shooting.shoot(replace(AT_RENAMES, **changes), f"shot {shot}")
        if any(fault in str(told) for told in shooting.tally.faults):
            return
    pytest.fail(f"not found out: {shooting.tally}")


def test_the_lock_of_a_killed_run_that_nobody_has_waited_for_is_no_obstacle(
    firewall: Firewall,
) -> None:
    """Until its parent asks for its exit status, a process that has ended keeps its PID."""
    with Console(firewall, "install", *firewall.options("--no-restart")) as console:
        while not os.path.lexists(firewall.state / "lock"):
            assert console.listen(time.monotonic() + POLL_S)
        console.send(signal.SIGKILL, to_group=True)
        assert console.end() == -signal.SIGKILL
        console.wait_for_children()
        done = firewall.run("recover", *firewall.options("--no-restart"))
        assert done.returncode == 0, done.stderr
    firewall.assert_trio(firewall.old_trio)
