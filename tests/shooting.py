"""Where install.sh is killed: the run that is cut off, the one after it, and their judge."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

from console import Console
from kills import SIGNALS, Fault, Kill, Tally
from rehearsal import Firewall
from scenes import Scenes

PASSPHRASE_PROMPT = "(not shown):"
POLL_S = 0.0002
AT_RENAMES_S = 0.004
AT_PROMPT_S = 0.03
NO_END = 1000
"""In the place of an exit status."""


class Range:
    """A firewall on whose installer kill after kill is tried."""

    def __init__(
        self, firewall: Firewall, place: Path, kept: Path, *, needs_enter: bool = False
    ) -> None:
        self.firewall = firewall
        self._needs_enter = needs_enter
        """The shell heeds a signal at a prompt only when a line was typed, as yash does."""
        self.tally = Tally()
        self._place = place
        """All that the installer could write to lies in here."""
        self._took_s: dict[tuple[str, str, bool, bool], tuple[float, float]] = {}
        for variable in ("TMPDIR", "HOME"):
            (place / variable).mkdir()
            firewall.environment[variable] = str(place / variable)
        self._scenes = Scenes(firewall, kept)

    def shoot(self, kill: Kill, name: str) -> bool:
        """Kill a run, do the next one, judge both; return False if the run was over too soon."""
        known = (kill.verb, kill.scene, kill.restart, kill.asked)
        if known not in self._took_s:
            self._took_s[known] = self._measure(kill)
        self._scenes.restore(kill.scene)
        with Console(self.firewall, *self._arguments(kill)) as console:
            if not self._wait_for_moment(console, kill, *self._took_s[known]):
                self.tally.missed += 1
                return False
            stage = self._stage(kill)
            self._stop(console, kill)
            code = self._end(console)
            elsewhere = self._keys_elsewhere()
            echo_is_off = kill.stop not in ("KILL", "hang-up") and not console.has_echo()
            console.wait_for_children()
        if kill.stop == "KILL" and code != -signal.SIGKILL:
            self.tally.missed += 1
            return False
        if code in (NO_END, -signal.SIGKILL):
            stage = self._stage(kill)
        self.tally.stages[stage] += 1
        self.tally.mixes += self._scenes.which() == "a mix"
        ends, states = self._judge_end(kill, code, stage)
        if code in range(1, 128) and kill.stop != "hang-up" and "error: " not in console.seen:
            ends.append("it failed without a word")
        states += self._judge_next_run(kill, code, stage)
        elsewhere += self._keys_elsewhere()
        keys = [f"a key is in {elsewhere}"] if elsewhere else []
        echo = ["echo is off"] if echo_is_off else []
        self.tally.wrong_ends += bool(ends)
        self.tally.bad_states += bool(states)
        self.tally.keys_elsewhere += bool(keys)
        self.tally.echo_off += bool(echo)
        what = f"{name}, {kill}, exit {code}, {stage}, said {console.seen[-300:]!r}"
        self.tally.faults += [Fault(what, says) for says in ends + states + keys + echo]
        return True

    def _end(self, console: Console) -> int:
        """Return the exit status; a run that goes on, deaf to what was to stop it, is killed."""
        try:
            return console.end(timeout_s=20)
        except TimeoutError:
            console.send(signal.SIGKILL, to_group=True)
            console.end()
            return NO_END

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
        self._scenes.restore(kill.scene)
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
        self._scenes.settle()
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
        if self._needs_enter and kill.asked and kill.stop not in ("KILL", "hang-up"):
            console.type("\n")

    def _stage(self, kill: Kill) -> str:
        """Tell where a run is, or was cut off: before, within or after its commit."""
        try:
            journal = (self.firewall.state / "journal").read_text()
        except FileNotFoundError:
            return "before" if self._scenes.trio() == self._scenes.starts[kill.scene] else "after"
        return "within" if "phase=commit" in journal else "after"

    def _judge_end(self, kill: Kill, code: int, stage: str) -> tuple[list[str], list[str]]:
        """Judge a run that was not killed outright: its exit status, and what it left."""
        if kill.stop == "KILL":
            return [], []
        if code == NO_END:
            return ["it does not end"], []
        _, goal = self._start_and_goal(kill)
        was_stopped = code in self._stopped(kill)
        if was_stopped:
            left = self._scenes.find_unfinished() - self._scenes.unfinished[kill.scene]
            is_right = self._scenes.trio() == self._scenes.starts[kill.scene]
            # A recover may be stopped behind its work; nothing then is left of the commit.
            is_right |= kill.verb == "recover" and self._scenes.which() == goal and not left
        else:
            left = self._scenes.find_unfinished() - ({"journal"} if code == 8 else set())
            is_right = self._scenes.which() == goal
        allowed = {0} if SIGNALS[kill.stop] == signal.SIGHUP else {0, 8}
        ends, states = [], []
        if not was_stopped and code not in allowed:
            ends.append(f"wanted exit {sorted(allowed | self._stopped(kill))}")
        if not is_right:
            ends.append(f"its exit status does not fit the trio, {self._scenes.which()}")
        if left:
            states.append(f"it left behind {sorted(left)}")
        return ends, states

    def _stopped(self, kill: Kill) -> set[int]:
        """Return the exit statuses of a run that was stopped before any change."""
        number = SIGNALS[kill.stop]
        # A terminal that has gone away answers no question.
        unanswered = {2} if kill.asked and kill.stop == "hang-up" else set()
        return {128 + number, -number} | unanswered

    def _start_and_goal(self, kill: Kill) -> tuple[str, str]:
        """Return the trio that a run begins with, or is mended to, and the one it is to give."""
        start = "new" if kill.verb == "rollback" else "old"
        return start, "old" if kill.verb in ("rollback", "recover") else "new"

    def _judge_next_run(self, kill: Kill, code: int, stage: str) -> list[str]:
        """Do the next run; judge its exit status and the final state."""
        start, goal = self._start_and_goal(kill)
        is_done = code not in self._stopped(kill)
        if code in (NO_END, -signal.SIGKILL):
            is_done = stage == "after"
        wanted = {"install": "new", "rollback": "old", "recover": goal if is_done else start}
        trio = wanted[kill.next_verb]
        states = []
        done = self.firewall.run(kill.next_verb, *self._options(kill))
        if done.returncode != 0:
            states.append(f"then {kill.next_verb} exits {done.returncode}: {done.stderr}")
        try:
            self.firewall.assert_trio(self._scenes.trios[trio])
        except (AssertionError, OSError) as error:
            states.append(
                f"wanted the {trio} trio in the end, found {self._scenes.which()}: {error}"
            )
        left = self._scenes.find_unfinished()
        if left:
            states.append(f"{kill.next_verb} left behind {sorted(left)}")
        for backup in self.firewall.backups():
            for name in ("backup.conf", "rollback.sh"):
                if not (self.firewall.state / "backups" / backup / name).is_file():
                    states.append(f"backup '{backup}' lacks its {name}")
        return states

    def _keys_elsewhere(self) -> list[str]:
        """Return the files that hold a line of a plaintext key and are not where one may be."""
        allowed = (str(self.firewall.state), str(self.firewall.peer_dir.parent.resolve()))
        lines = [trio["sftunnel-key.pem"].splitlines()[2] for trio in self._scenes.trios.values()]
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
