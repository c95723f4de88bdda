"""The power fails at any command, and again while that is mended: a whole trio on a clean device.

A cut is tried by switching the firewall on again with the disk that it left. `recover` must end
with the whole old trio or the whole new one, each with its own modes and owners, and with nothing
left behind; then the bundle must install. What had ended, or had restarted sftunnel, stays done.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from power_cut import Cut, Machine, can_cut_power, with_own_mounts
from refusals import sign_anew
from rehearsal import IS_LONG, Firewall, Made, make_firewall, need

pytestmark = pytest.mark.slow
OLD_FACTS = {
    "cacert.pem": (0o644, 0, 0),
    "sftunnel-cert.pem": (0o640, 0, 7),
    "sftunnel-key.pem": (0o600, 7, 7),
}
"""Mode, owner and group of the old trio, unlike those of a new one."""
NEW_FACTS = dict.fromkeys(OLD_FACTS, (0o644, 0, 0))

NEITHER = "none that is whole"

DISKS = 10**6 if IS_LONG else 3
"""How many of the disks that a run leaves are tried; of each recovery, a third as many."""


@pytest.fixture(scope="module")
def power(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Skip where there is no disk to cut the power of."""
    there_is = can_cut_power(tmp_path_factory.mktemp("power"))
    need("real root with loop devices and ext4 (Linux 5.14)", there_is)


@pytest.fixture
def firewall(power: None, made: Made, tmp_path: Path) -> Firewall:
    """Give a firewall whose old trio has modes and owners of its own."""
    wall = make_firewall(made, tmp_path)
    for name, (mode, owner, group) in OLD_FACTS.items():
        os.chown(wall.peer_dir / name, owner, group)
        (wall.peer_dir / name).chmod(mode)
    return wall


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    """Give a directory for the disks, which are many, and remove it at the end."""
    yield tmp_path / "machine"
    shutil.rmtree(tmp_path / "machine")


def _whole_trio(firewall: Firewall) -> str:
    """Return which whole trio the device has, `old` or `new`."""
    trio = firewall.device.trio(firewall.fmc_uuid)
    found = {name: (firewall.peer_dir / name).lstat() for name in trio}
    facts = {n: (stat.S_IMODE(f.st_mode), f.st_uid, f.st_gid) for n, f in found.items()}
    if trio == firewall.old_trio and facts == OLD_FACTS:
        return "old"
    if trio == firewall.new_trio and facts == NEW_FACTS:
        return "new"
    raise AssertionError(f"no whole trio: {({n: len(c) for n, c in trio.items()}, facts)}")


def _assert_clean(firewall: Firewall) -> None:
    """State that there are no staged files, work files, lock or journal, and no key elsewhere."""
    firewall.assert_nothing_left()
    left = [*firewall.peer_dir.glob(".*"), *firewall.state.glob("*.new")]
    left += firewall.state.glob("lock*")
    assert not left, f"left behind: {left}"


class Trial:
    """What becomes of the disks that power cuts leave."""

    def __init__(self, machine: Machine, most: int) -> None:
        self.machine = machine
        self.most = most
        self.failures: list[str] = []
        self._fingerprints: dict[Path, str] = {}
        self._ends: dict[str, str] = {}
        self._took_the_bundle: set[str] = set()
        self._facts = {"cuts": 0, "disks": 0, "cuts in recovery": 0, "more disks": 0}

    def cut(self, start: Path, *arguments: str) -> None:
        """Cut the power at any moment of this run, and at any moment of recovering from that."""
        firewall = self.machine.firewall
        for early in (True, False):
            with self.machine.on(start):
                done, cuts = self.machine.record(*arguments, early=early)
                assert done.returncode == 0, done.stderr
                end = _whole_trio(firewall)
            self._facts["cuts"] += len(cuts)
            for cut in self._different(cuts, self.most):
                self._facts["disks"] += 1
                self._cut_again(cut)
            is_done = [c for c in cuts if c is cuts[-1] or c.restarts > cuts[0].restarts]
            self._expect(end, is_done)

    def _cut_again(self, cut: Cut) -> None:
        """Recover from a cut with cuts in that; each must come to the same end."""
        again = self._recover(cut, is_recorded=True)
        end = self._ends[self._fingerprint(cut)]
        if end == NEITHER:
            return
        self._facts["cuts in recovery"] += len(again)
        for next_cut in self._different(again, self.most // 3):
            self._facts["more disks"] += 1
            self._recover(next_cut, is_recorded=False)
        self._expect(end, again)

    def _recover(self, cut: Cut, *, is_recorded: bool) -> list[Cut]:
        """Switch on after a cut, recover, judge, install; return the cuts in the recovery."""
        firewall = self.machine.firewall
        arguments = ("recover", "--root", str(firewall.root), "--wait", "0")
        key = self._fingerprint(cut)
        cuts: list[Cut] = []
        with self.machine.on(cut.disk):
            try:
                if is_recorded:
                    done, cuts = self.machine.record(*arguments, early=True)
                else:
                    done = firewall.run(*arguments)
                assert done.returncode == 0, f"recover: {done.returncode}: {done.stderr}"
                self._ends[key] = _whole_trio(firewall)
                _assert_clean(firewall)
                self._install()
            except (AssertionError, OSError) as trouble:
                self._ends.setdefault(key, NEITHER)
                self._fail(cut, str(trouble))
        return cuts

    def _install(self) -> None:
        """Install on what is switched on, unless a device just like it took the bundle before."""
        firewall = self.machine.firewall
        mended = self.machine.fingerprint()
        if mended in self._took_the_bundle:
            return
        done = firewall.install()
        assert done.returncode == 0, f"install: {done.returncode}: {done.stderr}"
        firewall.assert_trio(firewall.new_trio)
        _assert_clean(firewall)
        self._took_the_bundle.add(mended)

    def _expect(self, end: str, cuts: Sequence[Cut]) -> None:
        """Fail for the cuts, of those that were tried, that came to another end."""
        for cut in cuts:
            found = self._ends.get(self._fingerprints.get(cut.disk, ""), end)
            if found != end:
                self._fail(cut, f"wanted the {end} trio, found {found}")

    def _fail(self, cut: Cut, trouble: str) -> None:
        # Without what pytest adds to an assertion.
        said = f"cut {cut.moment}: {trouble}".partition("\nassert ")[0]
        self.failures.append(said.replace(str(self.machine.firewall.root), ""))

    def _different(self, cuts: Sequence[Cut], most: int) -> list[Cut]:
        """Return a cut for each disk, or a spread of them, that is not like one tried before."""
        last_first = list({cut.disk: cut for cut in reversed(cuts)}.values())
        spread = last_first[:: -(-len(last_first) // most)]
        different = {self._fingerprint(cut): cut for cut in spread}
        return [cut for key, cut in different.items() if key not in self._ends]

    def _fingerprint(self, cut: Cut) -> str:
        if cut.disk not in self._fingerprints:
            with self.machine.on(cut.disk):
                self._fingerprints[cut.disk] = self.machine.fingerprint()
        return self._fingerprints[cut.disk]

    def ends(self) -> set[str]:
        """Return the trios that recoveries ended with."""
        return set(self._ends.values())

    def __str__(self) -> str:
        facts = [f"{figure} {name}" for name, figure in self._facts.items()]
        return ", ".join([*facts, f"{len(self.failures)} failures"])


def _pristine(machine: Machine) -> Path:
    return machine.pristine


def _staged(machine: Machine) -> Path:
    return machine.disk_after("install", *machine.firewall.options("--stage-only"))


def _installed(machine: Machine) -> Path:
    return machine.disk_after("install", *machine.firewall.options())


def _half_committed(machine: Machine) -> Path:
    return _cut_off(machine, "commit", "no whole trio")


def _not_restarted(machine: Machine) -> Path:
    return _cut_off(machine, "restart", "new")


def _cut_off(machine: Machine, phase: str, trio: str) -> Path:
    """Return the disk of an install that was cut in this phase of its journal."""
    firewall = machine.firewall
    with machine.on(machine.pristine):
        _done, cuts = machine.record("install", *firewall.options(), early=True)
    for disk in dict.fromkeys(cut.disk for cut in cuts):
        with machine.on(disk):
            journal = firewall.state / "journal"
            if not journal.exists() or f"phase={phase}" not in journal.read_text():
                continue
            try:
                found = _whole_trio(firewall)
            except AssertionError as trouble:
                found = str(trouble)
        if found.startswith(trio):
            return disk
    raise AssertionError(f"no cut leaves a journal that says {phase}")


@pytest.mark.parametrize(
    ("run", "start", "ends"),
    [
        pytest.param("install", _pristine, "old new", id="install"),
        pytest.param("install --stage-only", _pristine, "old", id="install --stage-only"),
        pytest.param("activate", _staged, "old new", id="activate"),
        pytest.param("rollback", _installed, "old new", id="rollback"),
        pytest.param("recover", _half_committed, "old", id="recover, from half a commit"),
        pytest.param("recover", _not_restarted, "new", id="recover, restart not seen"),
    ],
)
def test_power_cuts_end_with_a_whole_trio_and_nothing_left_in(
    run: str,
    start: Callable[[Machine], Path],
    ends: str,
    firewall: Firewall,
    place: Path,
    request: pytest.FixtureRequest,
    record_property: Callable[[str, object], None],
) -> None:
    def try_all() -> Trial:
        machine = Machine(firewall, place)
        trial = Trial(machine, DISKS)
        trial.cut(start(machine), *run.split(), *firewall.options())
        return trial

    trial = with_own_mounts(try_all)
    record_property("found", f"power cuts in {request.node.callspec.id}: {trial}")
    assert not trial.failures, "\n".join(trial.failures)
    assert trial.ends() == set(ends.split())


def test_a_run_that_flushes_nothing_is_found_out(
    firewall: Firewall, place: Path, record_property: Callable[[str, object], None]
) -> None:
    """That all went well above says something only if this goes wrong."""
    script = firewall.bundle / "install.sh"
    text, flushes = re.subn(r'\bsync (?=["$.\w])', "true ", script.read_text())
    assert flushes > 10
    script.write_text(text)
    sign_anew(firewall)

    def try_some() -> Trial:
        machine = Machine(firewall, place)
        trial = Trial(machine, 4)
        trial.cut(machine.pristine, "install", *firewall.options())
        return trial

    trial = with_own_mounts(try_some)
    record_property("found", f"power cuts in an install that flushes nothing: {trial}")
    assert any("no whole trio" in failure for failure in trial.failures), trial.failures
    assert any("wanted the new trio, found old" in failure for failure in trial.failures)
