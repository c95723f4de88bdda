"""Typing and listening on a console, and asking a shell there who it is.

A line loses bytes, changes them and doubles them, and anything may print in between. So what was
typed counts for nothing until an answer has come that only the right listener can give: the result
of a sum, which an echo does not hold.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass

from sftunnel_builder.port import Line
from sftunnel_builder.prompts import Prompt, is_gone, recognise
from sftunnel_builder.transcript import Transcript

ENTER = b"\r"
"""As every terminal sends it."""
CTRL_C = b"\x03"
BREAK_OFF = b"\x11\x03\x03"
"""Ctrl-Q first: a damaged byte may have been a Ctrl-S, after which a terminal prints nothing. Where
Ctrl-Q means that the next key is text, the second Ctrl-C is none."""
_TRIES = 5
_QUIET = 0.1
"""A console that was silent for this part of our patience has said what it had to say."""
_NO_PROMPT = (Prompt.NOTHING, Prompt.UNKNOWN)
_MOST_KEPT = 1 << 16


@dataclass(frozen=True)
class Seen:
    """Who listens: what the prompt looks like, and what a shell said of itself."""

    prompt: Prompt
    user_id: int | None = None
    """None if no shell has answered."""

    @property
    def is_root(self) -> bool:
        """Tell if root's shell has answered."""
        return self.user_id == 0


class Dialogue:
    """A console: what is typed goes out, what it prints is kept, and written down if wished."""

    def __init__(self, line: Line, patience_s: float, transcript: Transcript | None = None) -> None:
        """Talk over a line; patience is how long an answer may take, in seconds."""
        self.line = line
        self.patience_s = patience_s
        self.transcript = transcript
        self.printed = b""
        """What came since the last `forget`; of very much the end."""
        self.bytes_sent = 0
        self._sum = 0

    def type(self, text: bytes) -> bool:
        """Send what a person would type; False if the session ended before all was sent."""
        self.bytes_sent += len(text)
        return self.line.write(text, should_stop=self._is_over)

    def hear(self, timeout_s: float) -> bytes:
        """Return what was printed, as soon as there is something; nothing after the time limit."""
        come = self.line.read(timeout_s)
        self.printed = (self.printed + come)[-_MOST_KEPT:]
        if come and self.transcript:
            self.transcript.write(come)
        return come

    def forget(self) -> None:
        """Take what was printed so far for read."""
        while self.hear(0):
            pass
        self.printed = b""

    def wait_for(self, answer: re.Pattern[bytes], timeout_s: float) -> re.Match[bytes] | None:
        """Return the first answer in what is printed; None after the time limit."""
        deadline = time.monotonic() + timeout_s
        while not (found := answer.search(self.printed)):
            left = deadline - time.monotonic()
            if left <= 0:
                return None
            self.hear(left)
        return found

    def wait_for_silence(self) -> None:
        """Listen until the console has said what it had to say, or patience ends."""
        deadline = time.monotonic() + self.patience_s
        while self.hear(self.patience_s * _QUIET) and time.monotonic() < deadline:
            pass

    def look(self, *, press_enter: bool = True) -> Prompt:
        """Return what the prompt looks like; a console that shows none is made to print it."""
        self.wait_for_silence()
        seen = recognise(self.printed)
        if press_enter and seen in _NO_PROMPT:
            # Behind a login prompt that was typed over already, Enter would log somebody in.
            key = CTRL_C if is_gone(self.printed) else ENTER
            self.forget()
            self.type(key)
            seen = self.wait_for_prompt()
        return seen

    def wait_for_prompt(self) -> Prompt:
        """Return what the next prompt looks like; a slow console is given all our patience."""
        deadline = time.monotonic() + self.patience_s
        while self.has_more(deadline):
            pass
        return recognise(self.printed)

    def has_more(self, deadline: float) -> bool:
        """Listen; tell if more may come before a deadline, a time of the monotonic clock.

        Where a prompt stands and nothing follows it for a while, nothing will.
        """
        left = deadline - time.monotonic()
        if left <= 0:
            return False
        return bool(
            self.hear(min(left, self.patience_s * _QUIET)) or recognise(self.printed) in _NO_PROMPT
        )

    def ask_who(self) -> int | None:
        """Return the user id of the shell that listens; None if no shell answers.

        Only for a prompt that is not one of login or password: there it would be an attempt.
        """
        others = set()
        for _ in range(_TRIES):
            answer = self.question("$(id -u)", rb"(\d+)")
            if answer is None:
                return None
            # A figure may have been damaged on its way: only two equal ones count, but for root's.
            if (user_id := int(answer[1])) in others or user_id == 0:
                return user_id
            others.add(user_id)
        return None

    def question(self, words: str, wanted: bytes, tries: int = 2) -> re.Match[bytes] | None:
        """Let a shell print words between two marks; return what is wanted there, or None.

        words are what `echo` is given; wanted is a pattern.
        """
        for _ in range(tries):
            if is_gone(self.printed):
                return None
            self._sum += 1
            mark = 40_000 + self._sum
            self.forget()
            if not self.type(b"echo s$((%d+2)).%s.e" % (mark - 2, words.encode()) + ENTER):
                return None
            answer = re.compile(rb"s%d\.%s\.e[\r\n]" % (mark, wanted))
            if found := self._wait_for_answer(answer):
                return found
        return None

    def _wait_for_answer(self, answer: re.Pattern[bytes]) -> re.Match[bytes] | None:
        """Return the answer to a line that was typed; None when patience ends, or there is none.

        There is none when, after the echo, the next prompt is there: somebody else has answered, or
        the answer was damaged on its way.
        """
        deadline = time.monotonic() + self.patience_s
        # A prompt that comes before the echo is an older one.
        self.wait_for(re.compile(rb"\n"), self.patience_s)
        while not (found := answer.search(self.printed)) and self.has_more(deadline):
            pass
        return found

    def regain_shell(self) -> Seen:
        """Leave whatever command is not finished, and say who listens then."""
        seen = Prompt.NOTHING
        for _ in range(_TRIES):
            self.forget()
            self.type(BREAK_OFF)
            seen = self.look()
            if is_gone(self.printed):
                break
            if (user_id := self.ask_who()) is not None:
                return Seen(seen, user_id)
        return Seen(seen)

    def _is_over(self) -> bool:
        """Tell, in the midst of typing, if somebody asks who is there: then not a byte more."""
        while self.hear(0):
            pass
        return is_gone(self.printed)
