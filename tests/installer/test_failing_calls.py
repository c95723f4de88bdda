"""What does one failing system call do? Each with which install.sh changes a device fails in turn.

The run must end with the old trio untouched (exit 5) or put back (6), name the file and the reason,
and leave nothing that `recover` does not mend. From the commit on, and for what a run only keeps
for the record (pin, runs, receipt, log), it may instead end well, with the new trio and a warning.
"""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from failing_call import Call, Injector, find_calls, freeze_date, need_strace
from refusals import sign_again
from rehearsal import IS_LONG, NEW_RECEIPT, Firewall, Made, make_firewall
from sftunnel_builder.signer import load_signer
from toolsets import Toolset

pytestmark = pytest.mark.slow
ERRORS = ("ENOSPC", "EIO", "EROFS", "EACCES")
COREUTILS = Toolset("coreutils", ["dash"])
APPLETS = Toolset("busybox applets", ["dash"], busybox="own")
FOR_THE_RECORD = ("signers", "runs", "runs.new", *NEW_RECEIPT, "receipts", "logs")
"""In the state directory: what a run may do without."""


@dataclass
class Rig:
    """A firewall before a verb, and the calls with which that verb changes it."""

    firewall: Firewall
    injector: Injector
    verb: str
    start: dict[str, bytes]
    goal: dict[str, bytes]
    calls: list[Call]
    whole: set[tuple[str, bytes]]
    """The files of the state directory, before the verb and after it."""

    def run(self, verb: str = "") -> subprocess.CompletedProcess[str]:
        """Run the rig's verb, or another."""
        return self.firewall.run(verb or self.verb, *self.firewall.options("--no-restart"))

    def kept(self) -> set[tuple[str, bytes]]:
        """Return path and content of the files in the state directory but work files and logs."""
        state = self.firewall.state
        files = [path for path in state.rglob("*") if path.is_file()]
        passing = [state / name for name in ("work", "logs", *NEW_RECEIPT)]
        return {
            (str(path), path.read_bytes())
            for path in files
            if not any(path.is_relative_to(folder) for folder in passing)
        }

    def restore(self) -> None:
        """Put the device's tree and the stick back to what they were before the verb."""
        shutil.rmtree(self.firewall.root)
        pristine = self.firewall.root.with_name("pristine")
        subprocess.run(["cp", "-a", str(pristine), str(self.firewall.root)], check=True)
        for receipt in self.firewall.bundle.parent.glob("sftunnel-receipt-*"):
            receipt.unlink()


def _set_up(
    made: Made,
    place: Path,
    verb: str,
    toolset: Toolset,
    change: Callable[[Path], None] | None = None,
) -> Rig:
    """Make a firewall that is ready for a verb, and find out what the verb calls."""
    firewall = make_firewall(made, place)
    if change:
        change(firewall.bundle)
    shell, firewall.environment = toolset.environment(place)
    # Applets are looked up on PATH only by a shell that is not busybox itself.
    firewall.shell = toolset.shell if toolset.busybox else shell
    for tool in ("dash", "strace"):
        if toolset.busybox:
            (place / "tools" / tool).symlink_to(shutil.which(tool) or "/nonexistent")
    need_strace(firewall.environment)
    freeze_date(place / "frozen", firewall.environment, int(time.time()))
    rig = Rig(firewall, Injector(place / "injector", firewall), verb, {}, {}, [], set())
    if verb != "install":
        staging = ["--stage-only"] if verb == "activate" else []
        first = firewall.run("install", *firewall.options("--no-restart", *staging))
        assert first.returncode == 0, first.stderr
    firewall.old_facts = firewall.trio_facts()
    rig.start = firewall.device.trio(firewall.fmc_uuid)
    rig.goal = firewall.old_trio if verb == "rollback" else firewall.new_trio
    pristine = firewall.root.with_name("pristine")
    subprocess.run(["cp", "-a", str(firewall.root), str(pristine)], check=True)
    rig.whole = rig.kept()
    arguments = [verb, *firewall.options("--no-restart")]
    journal = str(firewall.state.resolve() / "journal")
    rig.calls = find_calls(firewall, arguments, place / "trace", journal)
    assert firewall.device.trio(firewall.fmc_uuid) == rig.goal
    rig.whole |= rig.kept()
    rig.injector.stand_before({call.command for call in rig.calls})
    return rig


def _names(message: str, path: str, firewall: Firewall) -> bool:
    """Say whether a message names a file, or a directory of the installer's in which it lies."""
    file, state, peer_dir = Path(path), firewall.state.resolve(), firewall.peer_dir.resolve()
    folders = [str(f) for f in file.parents if f.is_relative_to(state) or f == peer_dir]
    # As good are a relative name, and the one that a file is renamed from.
    short = [f"{file.parent.name}/{file.name}", f"/.sftunnel-bundler/{file.name}"]
    # busybox says "can't rename".
    quoted = message.replace("can't", "cannot").replace("./", "").split("'")[1::2]
    # busybox's sync quotes nothing.
    unquoted = (f": {file.name}: ", f": {file.parent.name}/{file.name}: ")
    if str(file) in message or any(name in message.replace("./", "") for name in unquoted):
        return True
    return any(
        Path(name).name == file.name or name in folders or name.endswith(tuple(short))
        for name in quoted
    )


def _faults(rig: Rig, call: Call, error: str, *, to_the_end: bool) -> tuple[int, list[str]]:
    """Let a call fail; return the exit code, and what is wrong with the end of that run."""
    firewall, faults = rig.firewall, []
    rig.restore()
    rig.injector.fail(call, error)
    done = rig.run()
    path = rig.injector.failed(call)
    coped = rig.injector.command_coped(call)
    rig.injector.disarm()
    reason = os.strerror(getattr(errno, error))
    trio = firewall.device.trio(firewall.fmc_uuid)
    kept = [firewall.state.resolve() / name for name in FOR_THE_RECORD]
    for_the_record = any(Path(path).is_relative_to(folder) for folder in kept)
    if done.returncode == 0:
        # Where the new files waited is empty then; it is told of, and tried again at the end.
        is_emptied = call.name == "rmdir"
        if not (call.after_commit or coped or for_the_record or is_emptied):
            faults.append("it went on as if nothing had happened")
        if trio != rig.goal:
            faults.append("the new trio is not in place")
        if not (coped or done.stderr):
            faults.append("nothing was said")
        spoilt = sorted(Path(name).name for name, _ in rig.kept() - rig.whole)
        if spoilt and "warning: " not in done.stderr:
            faults.append(f"no warning, and not what was to be kept: {spoilt}")
    elif done.returncode in (5, 6):
        lines = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
        (message, *_) = [*lines, "no error was told"]
        if trio != rig.start or firewall.trio_facts() != firewall.old_facts:
            faults.append("the old trio is not as it was")
        # A builtin of the shell says no more than this of whatever error.
        if reason not in message and not (call.by_shell and "I/O error" in message):
            faults.append(f"message without the reason: {message}")
        if not _names(message, path, firewall):
            faults.append(f"message without the file: {message}")
    else:
        faults.append(f"it may end with 0, 5 or 6: {done.stderr}")
        # Only whole it must be, either way, after recover.
        trio = {}
    faults += _faults_afterwards(rig, trio, to_the_end=to_the_end)
    return done.returncode, faults


def _faults_afterwards(rig: Rig, trio: dict[str, bytes], *, to_the_end: bool) -> list[str]:
    """Return what `recover`, the verb once more and a rollback find wrong after a failing call."""
    firewall = rig.firewall
    recovered = rig.run("recover")
    allowed = [trio] if trio else [rig.start, rig.goal]
    if recovered.returncode or firewall.device.trio(firewall.fmc_uuid) not in allowed:
        return [f"recover does not mend it: {recovered.stderr}"]
    try:
        firewall.assert_nothing_left()
    except AssertionError as error:
        return [f"after recover: {error}"]
    if not to_the_end:
        return []
    # What was activated is no longer staged.
    if rig.verb != "activate" or firewall.device.trio(firewall.fmc_uuid) == rig.start:
        again = rig.run()
        if again.returncode or firewall.device.trio(firewall.fmc_uuid) != rig.goal:
            return [f"the next {rig.verb} fails: {again.stderr}"]
    if rig.verb != "rollback":
        back = rig.run("rollback")
        if back.returncode or firewall.device.trio(firewall.fmc_uuid) != rig.start:
            return [f"a rollback afterwards fails: {back.stderr}"]
    return []


def _fail_in_turn(
    rig: Rig, errors: tuple[str, ...], stride: int
) -> tuple[Counter[int], list[str], list[str]]:
    """Let every stride-th call fail, with these errors in turn.

    Return how often it ended with which exit code, the bad ends, and the good ones of which the
    message lacks something.
    """
    codes: Counter[int] = Counter()
    bad, untold = [], []
    for number, call in enumerate(rig.calls):
        if number % stride:
            continue
        error = errors[number // stride % len(errors)]
        # Of the errors of one call, one is followed up to the end.
        to_the_end = number % len(ERRORS) == ERRORS.index(error) or len(errors) > 1
        code, faults = _faults(rig, call, error, to_the_end=to_the_end)
        codes[code] += 1
        line = f"{call}: {error}, exit {code}: {'; '.join(faults)}"
        if any(not fault.startswith("message without") for fault in faults):
            bad.append(line)
        elif faults:
            untold.append(line)
    assert codes.total() > 1
    return codes, bad, untold


INSTALLS = [((error,), 1) for error in ERRORS] if IS_LONG else [(ERRORS, 60)]
CASES = [
    *[("install", COREUTILS, errors, stride) for errors, stride in INSTALLS],
    ("activate", COREUTILS, ERRORS, 1 if IS_LONG else 40),
    ("rollback", COREUTILS, ERRORS, 1 if IS_LONG else 40),
    ("install", APPLETS, ERRORS, 3 if IS_LONG else 60),
]
"""Verb, tools, errors, and every how-manieth call: all of them in a long run, else a sample."""


@pytest.mark.parametrize(
    ("verb", "toolset", "errors", "stride"),
    [pytest.param(*case, id=f"{case[0]}, {case[1].name}, {' '.join(case[2])}") for case in CASES],
)
def test_a_failing_call_leaves_a_whole_trio_and_is_told(
    made: Made,
    tmp_path: Path,
    record_property: Callable[[str, object], None],
    verb: str,
    toolset: Toolset,
    errors: tuple[str, ...],
    stride: int,
) -> None:
    rig = _set_up(made, tmp_path, verb, toolset)
    assert len(rig.calls) > 50
    codes, bad, untold = _fail_in_turn(rig, errors, stride)
    ends = ", ".join(f"{code}: {count}" for code, count in sorted(codes.items()))
    record_property(
        "found",
        f"failing calls in {verb} ({toolset.name}; {', '.join(errors)}): {codes.total()} of "
        f"{len(rig.calls)} (codes {ends}), bad ends {len(bad)}, messages without file or reason "
        f"{len(untold)}",
    )
    assert not bad + untold, "\n".join(bad + untold)


@pytest.mark.parametrize(
    ("sound", "careless", "call"),
    [
        pytest.param(
            'sync "$journal.new" ',
            '{ sync "$journal.new" || :; } && sync ',
            "fsync",
            id="a flush that failed is ignored",
        ),
        pytest.param(
            'mv -f "$journal.new" "$journal"',
            '{ mv -f "$journal.new" "$journal" || :; }',
            "rename",
            id="a renaming that failed is ignored",
        ),
    ],
)
def test_a_careless_installer_is_found_out(
    made: Made, tmp_path: Path, sound: str, careless: str, call: str
) -> None:
    def spoil(bundle: Path) -> None:
        script = (bundle / "install.sh").read_text()
        assert script.count(sound) == 1
        (bundle / "install.sh").write_text(script.replace(sound, careless))
        sign_again(bundle, load_signer(made.signing_key, None))

    rig = _set_up(made, tmp_path, "install", COREUTILS, spoil)
    journals = [str(rig.firewall.state.resolve() / name) for name in ("journal", "journal.new")]
    rig.calls = [c for c in rig.calls if c.name.startswith(call) and c.path in journals]
    _, bad, _ = _fail_in_turn(rig, ("EIO",), 1)
    assert any("it went on as if nothing had happened" in line for line in bad), bad
