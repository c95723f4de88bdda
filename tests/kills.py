"""A kill of install.sh, drawn at random, and the count of what many of them came to."""

from __future__ import annotations

import random
import signal
from dataclasses import dataclass, field

SIGNALS = {
    "KILL": signal.SIGKILL,
    "TERM": signal.SIGTERM,
    "HUP": signal.SIGHUP,
    "hang-up": signal.SIGHUP,
    "Ctrl-C": signal.SIGINT,
}


@dataclass(frozen=True)
class Kill:
    """What is run, how and when it is stopped, and what is run after it."""

    verb: str
    scene: str
    """What the device has behind it: see scenes.py."""
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


@dataclass(frozen=True)
class Fault:
    """What was not as it should be, behind which kill."""

    kill: str
    says: str

    def __str__(self) -> str:
        return f"{self.kill}: {self.says}"


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
    """A mix, a wrong mode, something left behind, or a next run that does not end well."""
    wrong_ends: int = 0
    """An exit status that does not fit what the killed run has done, or one without a word."""
    keys_elsewhere: int = 0
    echo_off: int = 0
    faults: list[Fault] = field(default_factory=list)

    def describe_faults(self) -> str:
        """Return how many there are of each kind, and the first of each in full."""
        kinds: dict[str, list[Fault]] = {}
        for fault in self.faults:
            kinds.setdefault(fault.says.split(": ")[0], []).append(fault)
        counts = [f"{len(faults)} x {kind}" for kind, faults in kinds.items()]
        return "\n".join([*counts, *(f"{faults[0]}" for faults in kinds.values())])

    @property
    def kills(self) -> int:
        return sum(self.stages.values())

    def __str__(self) -> str:
        stages = ", ".join(f"{name} {count}" for name, count in self.stages.items())
        return (
            f"{self.kills} ({stages.replace('before', 'before commit')}; {self.mixes} left a mix), "
            f"bad states {self.bad_states}, wrong exits {self.wrong_ends}, "
            f"keys elsewhere {self.keys_elsewhere}, echo off {self.echo_off}"
        )
