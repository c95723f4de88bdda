"""The way to a root shell on a console: look who listens, type what leads on, look again.

The way is that of tech note 222464 and of the console: log in, `connect ftd` in FXOS (on 4100 and
9300 `connect module N console` before it), `expert`, `sudo su`. Each password is typed once: a
second try may lock the account.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from sftunnel_builder.dialogue import CTRL_C, ENTER, Dialogue, Seen
from sftunnel_builder.errors import BundlerError, ExitCode, printable
from sftunnel_builder.prompts import Prompt, last_words, recognise, wants_password
from sftunnel_builder.words import _

MOST_STEPS = 15
"""The longest way has six, and some looks may be too early."""
_PATIENT_LOOKS = 3
_BECOME_ROOT = "sudo su"
_ASK_SHELL = (Prompt.ROOT, Prompt.FXOS, Prompt.EXPERT)


@dataclass(frozen=True)
class Guide:
    """What a walk needs to know, and whom it asks for passwords."""

    user: str
    ask_password: Callable[[str], str]
    """Given what it is for; asks without echo."""
    module: int | None = None
    """Which module's console to connect to first: 4100 and 9300."""
    say: Callable[[str], None] = field(default=lambda _text: None)
    """Told of every step."""


def look_who_listens(dialogue: Dialogue) -> Seen:
    """Return who listens, whatever the console is in the midst of; presses Enter if it must."""
    seen = dialogue.look()
    if seen in (Prompt.ANGLE, Prompt.PASSWORD):
        # CLISH, or a shell that waits for the rest of a command: Ctrl-C tells. It also leaves a
        # question for a password of which nobody knows whose it is.
        dialogue.forget()
        dialogue.type(CTRL_C)
        seen = dialogue.look()
    if seen in _ASK_SHELL:
        user_id = dialogue.ask_who()
        if user_id is None and dialogue.look(press_enter=False) in (Prompt.LOGIN, Prompt.PASSWORD):
            return Seen(recognise(dialogue.printed))
        if user_id is None and seen is Prompt.ROOT and not re.search(rb"root@", dialogue.printed):
            return Seen(Prompt.UNKNOWN)
        return Seen(seen, user_id)
    return Seen(seen)


def wait_for_root(dialogue: Dialogue, limit_s: float, say: Callable[[str], None]) -> None:
    """Wait until a root shell answers; say what is seen meanwhile, and what to type there.

    limit_s is in seconds. Raises BundlerError (UNSUITABLE) after it.
    """
    deadline = time.monotonic() + limit_s
    told = None
    while not (seen := look_who_listens(dialogue)).is_root:
        if seen.prompt is not told:
            say(
                _("seen: {seen}; {advice}").format(
                    seen=seen.prompt.words, advice=seen.prompt.what_to_type
                )
            )
            told = seen.prompt
        while not dialogue.hear(max(0.0, deadline - time.monotonic())):
            if time.monotonic() > deadline:
                raise _not_root(dialogue, seen)


def walk_to_root(dialogue: Dialogue, guide: Guide) -> None:
    """Go from wherever the console is to a root shell; raises BundlerError (UNSUITABLE)."""
    typed: list[str] = []
    looks_left = _PATIENT_LOOKS
    for _step in range(MOST_STEPS):
        seen = look_who_listens(dialogue)
        if seen.is_root:
            return
        command = next_command(seen, guide)
        if command is None and looks_left:
            # A connection that is being made, a login that begins anew: both take their time.
            looks_left -= 1
            dialogue.hear(dialogue.patience_s)
            continue
        if command is None or typed[-1:] == [command]:
            raise _not_root(dialogue, seen)
        guide.say(
            _("seen: {seen}; typing '{command}'").format(
                seen=seen.prompt.words, command=printable(command)
            )
        )
        typed.append(command)
        dialogue.forget()
        dialogue.type(command.encode() + ENTER)
        if seen.prompt is Prompt.LOGIN or command == _BECOME_ROOT:
            _give_password(dialogue, guide, command)
    raise _not_root(dialogue, seen)


def next_command(seen: Seen, guide: Guide) -> str | None:
    """Return what to type to get nearer to a root shell; None if nobody knows."""
    if seen.user_id:
        return _BECOME_ROOT
    return {
        Prompt.LOGIN: guide.user,
        Prompt.FXOS: f"connect module {guide.module} console" if guide.module else "connect ftd",
        Prompt.MODULE: "connect ftd",
        Prompt.ANGLE: "expert",
    }.get(seen.prompt)


def _give_password(dialogue: Dialogue, guide: Guide, command: str) -> None:
    """Type the password that was asked for, once; raises BundlerError if it was wrong."""
    if not _is_asked(dialogue):
        return
    purpose = f"'{printable(command)}'"
    password = guide.ask_password(purpose)
    while dialogue.hear(0):
        pass
    if recognise(dialogue.printed) is Prompt.LOGIN:
        # The console did not wait so long; what is typed now would be taken for a name, and shown.
        return
    if dialogue.transcript:
        dialogue.transcript.hide(password.encode())
    dialogue.forget()
    dialogue.type(password.encode() + ENTER)
    # A wrong one is answered late: that shall make guessing slow.
    seen = dialogue.wait_for_prompt()
    if wants_password(dialogue.printed) or seen is Prompt.LOGIN:
        words = printable(last_words(dialogue.printed))
        # A prompt that waits for another try is left.
        dialogue.forget()
        dialogue.type(CTRL_C)
        raise BundlerError(
            _("the console did not take the password for {purpose}: '{words}'").format(
                purpose=purpose, words=words
            ),
            _("find out the right one first: more wrong ones may lock the account"),
            ExitCode.UNSUITABLE,
        )


def _is_asked(dialogue: Dialogue) -> bool:
    """Wait for the question for a password; tell if it came before another prompt did."""
    deadline = time.monotonic() + dialogue.patience_s
    while not wants_password(dialogue.printed):
        dialogue.hear(max(0.0, deadline - time.monotonic()))
        if time.monotonic() > deadline:
            return False
    return True


def _not_root(dialogue: Dialogue, seen: Seen) -> BundlerError:
    """Return what to say when there is no root shell, and no way to it."""
    return BundlerError(
        _("no root shell answered on the console; seen: {seen}, '{words}'").format(
            seen=seen.prompt.words, words=printable(last_words(dialogue.printed))
        ),
        _("{advice}; in a terminal program, or give --walk").format(
            advice=seen.prompt.what_to_type
        ),
        ExitCode.UNSUITABLE,
    )
