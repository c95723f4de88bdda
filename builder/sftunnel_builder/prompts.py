"""Who is listening at the other end of a console: read off the tail of what it printed.

A prompt is a guess: CLISH and a shell in the middle of a command both end in `>`, FXOS and a root
shell both in `#`. What a guess is worth is found out by asking (`console_shell.py`).
"""

from __future__ import annotations

import re
from enum import Enum

from sftunnel_builder.captured import without_escapes
from sftunnel_builder.words import N_, _

TAIL_BYTES = 4096
"""No prompt is longer, with the lines that may stand before it."""


class Prompt(Enum):
    """What the last line looks like, and what to type there to get nearer to a root shell."""

    NOTHING = (
        N_("nothing: the console is silent"),
        N_("check cable, port and --baud, and press Enter"),
    )
    LOGIN = (N_("a login prompt"), N_("log in as admin"))
    PASSWORD = (N_("a password prompt"), N_("type the password that it asks for"))
    FXOS = (
        "FXOS",
        N_("type 'connect ftd'; on 4100 and 9300 'connect module 1 console' first"),
    )
    MODULE = (N_("the CLI of a module"), N_("type 'connect ftd'"))
    ANGLE = (N_("the CLI of the firewall, or a command that is not finished"), N_("type 'expert'"))
    EXPERT = (N_("a shell that is not root's"), N_("type 'sudo su', then the password"))
    ROOT = (N_("what looks like a root shell"), N_("check that 'id -u' prints 0 there"))
    UNKNOWN = (N_("something else"), N_("get to a root shell: 'connect ftd', 'expert', 'sudo su'"))

    def __init__(self, words: str, what_to_type: str) -> None:
        """Hold what to call it, and what a person does there."""
        self._words = words
        self._what_to_type = what_to_type

    @property
    def words(self) -> str:
        """What to call it, in the chosen language."""
        return _(self._words)

    @property
    def what_to_type(self) -> str:
        """What a person does there, in the chosen language."""
        return _(self._what_to_type)


_LOGIN = r"(?:\S+ )?login:"
_PASSWORD = r"(?:\[sudo\] |\S+'s )?password(?: for \S+)?:"
_LOOKS: tuple[tuple[Prompt, re.Pattern[str]], ...] = (
    (Prompt.LOGIN, re.compile(_LOGIN, re.IGNORECASE)),
    # A name that was typed without echo leaves both questions on one line.
    (Prompt.PASSWORD, re.compile(rf"(?:{_LOGIN} ?\S* ?)?{_PASSWORD}", re.IGNORECASE)),
    (Prompt.ROOT, re.compile(r"root@\S+:.*#")),
    (Prompt.EXPERT, re.compile(r"(?:[\w.-]+@\S+:.*|[\w.-]*)\$")),
    (Prompt.MODULE, re.compile(r"Firepower-module\d+>", re.IGNORECASE)),
    (Prompt.ANGLE, re.compile(r">")),
    # `firepower#`, `firepower /ssa/logical-device* #`: a name without `@` is FXOS's.
    (Prompt.FXOS, re.compile(r"[A-Za-z0-9][\w.-]*(?: /\S+)? ?#")),
    (Prompt.ROOT, re.compile(r"(?:\S+ )?#")),
)


def recognise(printed: bytes) -> Prompt:
    """Return what the last line of a console looks like.

    printed is what came from the device, or its end: with echo, CR, escape sequences, bells, bytes
    that are not UTF-8.
    """
    lines = readable(printed).split("\n")
    if not any(lines):
        return Prompt.NOTHING
    last = lines[-1].strip()
    for prompt, look in _LOOKS:
        if look.fullmatch(last):
            return prompt
    return Prompt.UNKNOWN


def is_gone(printed: bytes) -> bool:
    """Tell if the session is over: where a shell was, somebody asks who is there.

    printed must begin where a shell was: an older question was answered. What was typed before the
    question was noticed may stand behind it, on lines of its own, too.
    """
    asks_who = f"^(?!last ){_LOGIN}|^{_PASSWORD}"
    return bool(re.search(asks_who, readable(printed), re.IGNORECASE | re.MULTILINE))


def readable(printed: bytes) -> str:
    """Return the end of what a console printed as a person would read it, lines ended by LF."""
    text = without_escapes(printed[-TAIL_BYTES:]).decode(errors="replace")
    text = re.sub(r"\r+\n|\n\r+", "\n", text)
    # A CR alone goes back to the start of the line: what comes behind it is what one sees.
    text = re.sub(r"[^\n]*\r(?=[^\n\r])", "", text)
    return re.sub(r"[\x00-\x09\x0b-\x1f\x7f]", "", text)


def last_words(printed: bytes, lines: int = 3) -> str:
    """Return the last lines that are not empty, in one line, for a message."""
    words = [line.strip() for line in readable(printed).split("\n") if line.strip()]
    return " / ".join(words[-lines:])


def wants_password(printed: bytes) -> bool:
    """Tell if a line begins as the question for a password does, whatever was printed behind it.

    printed must begin where something was typed: an older question may have been answered.
    """
    return bool(re.search(f"^{_PASSWORD}", readable(printed), re.IGNORECASE | re.MULTILINE))
