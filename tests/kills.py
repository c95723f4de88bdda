"""One kill of install.sh at a random moment, the run after it, and what both must leave."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from console import Console
from rehearsal import Firewall, put_before_path
from sftunnel_builder.trio import TRIO_NAMES

PASSPHRASE_PROMPT = "(not shown):"
POLL_S = 0.0002
AT_RENAMES_S = 0.004
AT_PROMPT_S = 0.03
SIGNALS = {
    "KILL": signal.SIGKILL,
    "TERM": signal.SIGTERM,
    "HUP": signal.SIGHUP,
    "hang-up": signal.SIGHUP,
    "Ctrl-C": signal.SIGINT,
}

QUICK_PMTOOL = """\
#!/bin/sh
pid=$(cat '{place}/pid')
case $1 in
status) echo "sftunnel (normal) - Running $pid" ;;
restartbyid) echo $((pid + 1)) >'{place}/pid.new' && mv '{place}/pid.new' '{place}/pid' ;;
esac
"""


@dataclass(frozen=True)
class Kill:
    """What is run, how and when it is stopped, and what is run after it."""

    verb: str
    scene: str
    """What the device has behind it: see Range."""
    restart: bool
    asked: bool
    """The passphrase and a yes are typed when they are asked for."""
    stop: str
    """One of SIGNALS."""
    to_group: bool
    """As from a terminal; else the signal goes to the shell alone. Ctrl-C is a key press."""
    aim: str
    """`anywhere` in the run; or behind the moment that the `commit`, its `renames`, or the
    passphrase's `prompt` began."""
    moment: float
    """From 0 to 1: the part of that stretch of time that goes by before the stop."""
    typed: float
    """From 0 to 1: how much of the passphrase is typed before a stop at the prompt."""
    next_verb: str

    @classmethod
    def draw(cls, chance: random.Random) -> Kill:
        """Draw a kill at random."""
        verb = chance.choices(("install", "activate", "rollback", "recover"), (4, 2, 2, 2))[0]
        scenes = {"activate": "staged", "rollback": "installed", "recover": "half-done"}
        scene = scenes.get(verb) or chance.choice(("fresh", "used"))
        asked = verb == "install" and chance.random() < 0.3
        aims = {"anywhere": 6, "commit": 3, "renames": 2}
        if asked:
            aims = {"anywhere": 2, "commit": 1, "prompt": 3}
        if verb == "recover":
            # All of it, nearly, is the putting back.
            aims = {"anywhere": 1}
        # On a fresh device there may be no backup to roll back to.
        next_verbs = ("recover", "install", "rollback")[: 2 if scene == "fresh" else 3]
        return cls(
            verb,
            scene,
            restart=chance.random() < 0.25,
            asked=asked,
            stop=chance.choices(list(SIGNALS), (6, 4, 2, 2, 4))[0],
            to_group=chance.random() < 0.5,
            aim=chance.choices(list(aims), list(aims.values()))[0],
            moment=chance.random(),
            typed=chance.choice((0, 0.5, 1)),
            next_verb=chance.choice(next_verbs),
        )


@dataclass
class Tally:
    """What the kills came to."""

    stages: dict[str, int] = field(
        default_factory=lambda: {"before": 0, "within": 0, "after": 0},
    )
    missed: int = 0
    """Runs that were over before the moment had come."""
    mixes: int = 0
    """Kills behind which the trio was a mix, for the next run to mend."""
    bad_states: int = 0
    keys_elsewhere: int = 0
    echo_off: int = 0
    faults: list[str] = field(default_factory=list)

    @property
    def kills(self) -> int:
        return sum(self.stages.values())

    def __str__(self) -> str:
        stages = ", ".join(f"{name} {count}" for name, count in self.stages.items())
        return (
            f"{self.kills} ({stages.replace('before', 'before commit')}; {self.mixes} left a mix), "
            f"bad states {self.bad_states}, keys elsewhere {self.keys_elsewhere}, "
            f"echo off {self.echo_off}"
        )


class Range:
    """A firewall that is put back, before each kill, to one of the scenes that it has been in.

    `fresh`: nothing was ever installed. `used`: installed and rolled back. `staged`: that, and
    staged. `installed`: that of `used`, and installed again. `half-done`: that of `used`, and then
    killed when one of three files was replaced.
    """

    def __init__(self, firewall: Firewall, place: Path, kept: Path) -> None:
        self.firewall = firewall
        self.tally = Tally()
        self._place = place
        """All that the installer could write to lies in here."""
        self._kept = kept
        self._took_s: dict[tuple[str, str, bool, bool], tuple[float, float]] = {}
        self._settled: set[str] = set()
        """The names in the state directory behind runs that nothing disturbed."""
        for variable in ("TMPDIR", "HOME"):
            (place / variable).mkdir()
            firewall.environment[variable] = str(place / variable)
        pmtool = firewall.root / "usr/local/sf/bin/pmtool"
        run = firewall.root.resolve() / "var/run"
        pmtool.write_text(QUICK_PMTOOL.format(place=run))
        (run / "pid").write_text("1\n")
        firewall.remember_others()
        self._trios = {"old": firewall.old_trio, "new": firewall.new_trio}
        self._starts: dict[str, dict[str, bytes]] = {}
        self._make_scenes()

    def _make_scenes(self) -> None:
        wall = self.firewall
        self._keep("fresh")
        for code in (wall.install().returncode, wall.rollback("--no-restart").returncode):
            assert code == 0
        self._keep("used")
        self._settled |= set(os.listdir(wall.state))
        assert wall.install("--no-restart").returncode == 0
        self._keep("installed")
        self._restore("used")
        assert wall.install("--no-restart", "--stage-only").returncode == 0
        self._settled |= set(os.listdir(wall.state))
        self._keep("staged")
        self._restore("used")
        shell, environment = wall.shell, dict(wall.environment)
        wall.shell = ["sh"]
        wall.environment["PATH"] = os.environ["PATH"]
        mv = f'case $* in */sftunnel-cert.pem) kill -KILL 0 ;; esac; exec {shutil.which("mv")} "$@"'
        put_before_path(wall, self._kept / "bin", mv=mv)
        assert wall.install("--no-restart").returncode == -signal.SIGKILL
        self._keep("half-done")
        assert self._which() == "a mix"
        wall.shell, wall.environment = shell, environment

    def _keep(self, scene: str) -> None:
        kept = self._kept / scene
        kept.mkdir()
        if self.firewall.state.exists():
            shutil.copytree(self.firewall.state, kept / "state", symlinks=True)
        (kept / "peer").mkdir()
        for path in self._peer_files():
            shutil.copy2(path, kept / "peer")
        self._starts[scene] = self._trio()

    def _restore(self, scene: str) -> None:
        kept = self._kept / scene
        shutil.rmtree(self.firewall.state, ignore_errors=True)
        if (kept / "state").exists():
            shutil.copytree(kept / "state", self.firewall.state, symlinks=True)
        for path in [*self._peer_files(), *self.firewall.bundle.parent.glob("sftunnel-receipt-*")]:
            path.unlink()
        for path in (kept / "peer").iterdir():
            shutil.copy2(path, self.firewall.peer_dir)

    def _peer_files(self) -> list[Path]:
        """Return what is in the peer directory but sftunnel's socket."""
        return [path for path in self.firewall.peer_dir.iterdir() if path.is_file()]

    def shoot(self, kill: Kill, name: str) -> bool:
        """Kill a run, do the next one, judge both; return False if the run was over too soon."""
        known = (kill.verb, kill.scene, kill.restart, kill.asked)
        if known not in self._took_s:
            self._took_s[known] = self._measure(kill)
        self._restore(kill.scene)
        faults: list[str] = []
        with Console(self.firewall, *self._arguments(kill)) as console:
            if not self._wait_for_moment(console, kill, *self._took_s[known]):
                self.tally.missed += 1
                return False
            stage = self._stage(kill)
            self._stop(console, kill)
            code = console.end()
            elsewhere = self._keys_elsewhere()
            echo_is_off = kill.stop not in ("KILL", "hang-up") and not console.has_echo()
            console.wait_for_children()
        if kill.stop == "KILL":
            if code != -signal.SIGKILL:
                self.tally.missed += 1
                return False
            stage = self._stage(kill)
        self.tally.stages[stage] += 1
        self.tally.mixes += self._which() == "a mix"
        goal = self._judge_end(kill, code, stage, faults)
        next_run = self.firewall.run(kill.next_verb, *self._options(kill))
        if next_run.returncode != 0:
            faults.append(f"then {kill.next_verb} exits {next_run.returncode}: {next_run.stderr}")
        goal = {"install": "new", "rollback": "old"}.get(kill.next_verb, goal)
        self._judge_final_state(goal, faults)
        self.tally.bad_states += bool(faults)
        elsewhere += self._keys_elsewhere()
        if elsewhere:
            self.tally.keys_elsewhere += 1
            faults.append(f"a key is in {elsewhere}")
        if echo_is_off:
            self.tally.echo_off += 1
            faults.append("echo is off")
        self.tally.faults += [f"{name}, {kill}, exit {code}, {stage}: {f}" for f in faults]
        return True

    def _options(self, kill: Kill) -> list[str]:
        return self.firewall.options(*([] if kill.restart else ["--no-restart"]))

    def _arguments(self, kill: Kill) -> list[str]:
        options = self._options(kill)
        if kill.asked:
            options.remove("--yes")
            at = options.index("--passphrase-file")
            del options[at : at + 2]
        return [kill.verb, *options]

    def _measure(self, kill: Kill) -> tuple[float, float]:
        """Run it undisturbed; return how long all of it, and how long its commit takes, in s."""
        self._restore(kill.scene)
        commit_s = 0.0
        with Console(self.firewall, *self._arguments(kill)) as console:
            answers = self._answers(kill)
            while console.listen(time.monotonic() + POLL_S):
                self._answer(console, answers)
                if self._stage(kill) == "within":
                    began = time.monotonic()
                    while self._stage(kill) == "within" and console.listen(began + commit_s):
                        commit_s = time.monotonic() - began + POLL_S
            took_s = time.monotonic() - console.began
            code = console.end()
            assert code == 0, console.seen
        self._settled |= set(os.listdir(self.firewall.state))
        return took_s, commit_s

    def _answers(self, kill: Kill) -> dict[str, str]:
        """Return what is typed at which prompt."""
        if not kill.asked:
            return {}
        passphrase = self.firewall.passphrase_file.read_text()
        return {PASSPHRASE_PROMPT: passphrase, "[yes/no]": "yes\n"}

    def _answer(self, console: Console, answers: dict[str, str]) -> None:
        for prompt in [prompt for prompt in answers if prompt in console.seen]:
            console.type(answers.pop(prompt))

    def _wait_for_moment(
        self, console: Console, kill: Kill, took_s: float, commit_s: float
    ) -> bool:
        """Wait for the moment of a kill; return False if the run is over by then."""
        cacert = self.firewall.peer_dir / "cacert.pem"
        first_inode = cacert.stat().st_ino
        journal = str(self.firewall.state / "journal")
        # What to wait for, and how long the stretch behind it is.
        aims: dict[str, tuple[Callable[[], bool], float]] = {
            "anywhere": (lambda: True, 1.1 * took_s),
            "commit": (lambda: os.path.exists(journal), 1.3 * commit_s),
            "renames": (lambda: cacert.stat().st_ino != first_inode, AT_RENAMES_S),
            "prompt": (lambda: PASSPHRASE_PROMPT in console.seen, AT_PROMPT_S),
        }
        has_come, stretch_s = aims[kill.aim]
        answers = self._answers(kill)
        if kill.aim == "prompt":
            whole = answers[PASSPHRASE_PROMPT]
            answers[PASSPHRASE_PROMPT] = whole[: int(kill.typed * len(whole))]
        while not has_come():
            self._answer(console, answers)
            if not console.listen(time.monotonic() + POLL_S):
                return False
        until = time.monotonic() + kill.moment * stretch_s
        while time.monotonic() < until:
            self._answer(console, answers)
            if not console.listen(min(until, time.monotonic() + 10 * POLL_S)):
                return False
        return True

    def _stop(self, console: Console, kill: Kill) -> None:
        if kill.stop == "Ctrl-C":
            console.type("\x03")
        elif kill.stop == "hang-up":
            console.hang_up()
        else:
            console.send(SIGNALS[kill.stop], to_group=kill.to_group)

    def _trio(self) -> dict[str, bytes]:
        paths = {name: self.firewall.peer_dir / name for name in TRIO_NAMES}
        return {name: path.read_bytes() for name, path in paths.items() if path.exists()}

    def _which(self) -> str:
        """Return `old` or `new`, or `a mix`."""
        trio = self._trio()
        return next((name for name, whole in self._trios.items() if trio == whole), "a mix")

    def _stage(self, kill: Kill) -> str:
        """Tell where a run is, or was cut off: before, within or after its commit."""
        try:
            journal = (self.firewall.state / "journal").read_text()
        except FileNotFoundError:
            return "before" if self._trio() == self._starts[kill.scene] else "after"
        return "within" if "phase=commit" in journal else "after"

    def _judge_end(self, kill: Kill, code: int, stage: str, faults: list[str]) -> str:
        """Judge what the killed run left; return the trio that recover must then give."""
        number = SIGNALS[kill.stop]
        start = "old" if kill.verb != "rollback" else "new"
        goal = "old" if kill.verb in ("rollback", "recover") else "new"
        if kill.stop == "KILL":
            return goal if stage == "after" else start
        stopped = {128 + number, -number}
        if kill.asked and kill.stop == "hang-up":
            # A terminal that has gone away answers no question.
            stopped.add(2)
        journal = (self.firewall.state / "journal").exists()
        if code in stopped:
            # A recover may be stopped behind its work; nothing then is left of the commit.
            if self._trio() != self._starts[kill.scene] and (kill.verb != "recover" or journal):
                faults.append("it says that it was stopped, and has changed the trio")
            self._judge_leftovers({"journal"} if kill.verb == "recover" else set(), faults)
            return start
        allowed = {0} if number == signal.SIGHUP else {0, 8}
        if code not in allowed:
            faults.append(f"wanted exit {sorted(allowed | stopped)}")
        if self._which() != goal:
            faults.append(f"wanted the {goal} trio at its end, found {self._which()}")
        self._judge_leftovers({"journal"} if code == 8 else set(), faults)
        return goal

    def _judge_leftovers(self, allowed: set[str], faults: list[str]) -> None:
        """Look for what only an unfinished run has, in the state and in the peer directory."""
        state = self.firewall.state
        names = set(os.listdir(state)) if state.exists() else set()
        beside = {path.name for path in self._peer_files()}
        beside -= set(os.listdir(self._kept / "fresh/peer"))
        left = (names - self._settled - allowed) | beside
        if left:
            faults.append(f"left behind: {sorted(left)}")

    def _judge_final_state(self, goal: str, faults: list[str]) -> None:
        try:
            self.firewall.assert_trio(self._trios[goal])
        except (AssertionError, OSError) as error:
            faults.append(f"wanted the {goal} trio in the end, found {self._which()}: {error}")
        self._judge_leftovers(set(), faults)
        for backup in self.firewall.backups():
            for name in ("backup.conf", "rollback.sh"):
                if not (self.firewall.state / "backups" / backup / name).is_file():
                    faults.append(f"backup '{backup}' lacks its {name}")

    def _keys_elsewhere(self) -> list[str]:
        """Return the files that hold a line of a plaintext key and are not where one may be."""
        allowed = (str(self.firewall.state), str(self.firewall.peer_dir.parent.resolve()))
        lines = [trio["sftunnel-key.pem"].splitlines()[2] for trio in self._trios.values()]
        found = []
        for folder, _, names in os.walk(self._place):
            if folder.startswith(allowed):
                continue
            for path in [Path(folder, name) for name in names]:
                if not path.is_file() or path.is_symlink():
                    continue
                try:
                    content = path.read_bytes()
                except FileNotFoundError:
                    # A child that lives a little longer has removed it.
                    continue
                found += [str(path) for line in lines if line in content]
        return found
