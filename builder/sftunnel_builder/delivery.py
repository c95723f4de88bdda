"""Getting a bundle over a console: the paste text, block by block, until the device has all of it.

1. A few blocks are on their way at a time, so that a slow device never has more than it can hold.
2. A block that the device found damaged is sent again, and no other.
3. When it is silent, whatever it is in the midst of is broken off, and it is asked which parts it
   has. So it is at the start: what an earlier run has brought is not sent again.
4. What counts in the end is the SHA-256 that the device computes of the whole file.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from sftunnel_builder.dialogue import ENTER, Dialogue, Seen
from sftunnel_builder.errors import BundlerError, ExitCode, printable
from sftunnel_builder.parcel import Parcel
from sftunnel_builder.paste import read_answers
from sftunnel_builder.prompts import is_gone, last_words
from sftunnel_builder.words import _

IN_FLIGHT = 2
"""Blocks on their way: the device checks one while the next comes, and no terminal holds less."""
_TRIES_TO_FINISH = 4
MOST_EFFORT = 12
"""How many times the bytes that are needed are sent before giving up."""


class SessionLostError(BundlerError):
    """Where the root shell was, another listener is, or none."""


@dataclass
class Tally:
    """What was sent so far."""

    blocks_there: int = 0
    """Found on the device at the start."""
    blocks_sent: int = 0
    """Each time that one was sent counts."""
    rounds: int = 0
    """How many times the device was asked, in the end, for what it has."""


@dataclass
class Delivery:
    """A bundle on its way."""

    dialogue: Dialogue
    parcel: Parcel
    line_delay_s: float = 0.0
    """Waited after every line: for a device that reads slower than the line brings."""
    arrived: Callable[[int], None] = field(default=lambda _count: None)
    """Told of every block that is on the device, once: its bytes."""
    tally: Tally = field(default_factory=Tally)

    def __post_init__(self) -> None:
        self._blocks = {block.number: block for block in self.parcel.paste.blocks}
        self._there: set[int] = set()
        self._told: set[int] = set()
        self._is_proven = False
        """The functions on the device have answered with ok: they are not damaged."""
        self._failures = 0
        """Since the functions were sent, while they are not proven."""

    def run(self) -> None:
        """Deliver; raises BundlerError, a SessionLostError when there is no root shell any more."""
        self._require_root(self.dialogue.regain_shell())
        self._enter_directory()
        if self._is_whole():
            self._note(set(self._blocks))
            self.tally.blocks_there = len(self._blocks)
            return
        self._begin()
        self.tally.blocks_there = len(self._there)
        while True:
            self.tally.rounds += 1
            self._send_missing()
            if self._finish():
                return

    def _enter_directory(self) -> None:
        """Go to the directory, a new one if need be; raises BundlerError if it is not root's."""
        place = self.parcel.directory
        for _try in range(3):
            self._type_text(f"umask 77;mkdir -p {place};cd {place}".encode())
            if self._ask("$([ -O . ]&&[ -w . ]&&echo $PWD)") == place:
                return
        raise BundlerError(
            _("cannot use the directory '{place}' on the device: '{words}'").format(
                place=printable(place), words=printable(last_words(self.dialogue.printed))
            ),
            _("name another one with --dir, which root can write in and which is root's own"),
            ExitCode.UNSUITABLE,
        )

    def _begin(self) -> None:
        """Define the functions on the device, until it has them; note which parts it has."""
        while True:
            self._stop_if_hopeless()
            self._type_text(self.parcel.paste.header)
            self.dialogue.wait_for_silence()
            self._require_root(self.dialogue.regain_shell())
            there = self._parts()
            self._is_proven, self._failures = False, 0
            if there is not None:
                self._there.clear()
                self._note(there)
                return

    def _send_missing(self) -> None:
        """Send the blocks that are missing until each was answered with ok."""
        while missing := sorted(set(self._blocks) - self._there):
            waiting: list[int] = []
            for number in missing:
                self._stop_if_hopeless()
                if not self._wait_for_answers(waiting, IN_FLIGHT - 1 if self._is_proven else 0):
                    break
                self._type_text(self._blocks[number].text)
                self.tally.blocks_sent += 1
                waiting.append(number)
                if self._failures > 1 and not self._is_proven:
                    break
            if not self._wait_for_answers(waiting, 0) or not self._is_proven:
                self._ask_again()

    def _wait_for_answers(self, waiting: list[int], most: int) -> bool:
        """Wait until no more than so many blocks have no answer; False after too long a silence."""
        deadline = time.monotonic() + self.dialogue.patience_s
        while len(waiting) > most:
            for number, is_good in self._answers():
                if number in waiting:
                    waiting.remove(number)
                    deadline = time.monotonic() + self.dialogue.patience_s
                    self._is_proven = self._is_proven or is_good
                    self._failures += not is_good
                    if is_good:
                        self._note({number})
            if len(waiting) > most and not self.dialogue.has_more(deadline):
                self._failures += 1
                return False
        return True

    def _answers(self) -> tuple[tuple[int, bool], ...]:
        """Return what was answered since the last time, of whole lines."""
        if is_gone(self.dialogue.printed):
            raise self._lost()
        end = self.dialogue.printed.rfind(b"\n") + 1
        lines, self.dialogue.printed = self.dialogue.printed[:end], self.dialogue.printed[end:]
        return read_answers(lines).blocks

    def _ask_again(self) -> None:
        """Break off what the shell is in the midst of; ask it which parts it has."""
        self._require_root(self.dialogue.regain_shell())
        there = self._parts()
        if there is None or (self._failures > 1 and not self._is_proven):
            self._begin()
        else:
            self._there.clear()
            self._note(there)

    def _finish(self) -> bool:
        """Let the device put the parts together; tell if the bundle stands there whole."""
        for _try in range(_TRIES_TO_FINISH):
            self.dialogue.forget()
            self._type_text(self.parcel.paste.footer)
            self.dialogue.wait_for(re.compile(rb"not whole\s|\*stdin\s"), self.dialogue.patience_s)
            if (there_now := self._sha256_there()) == self.parcel.paste.sha256:
                # A number that was damaged may have named a part that nobody asked for.
                self._remove(f"{self.parcel.paste.part_prefix}[0-9]*")
                return True
            if there_now:
                # There was none at the start: damaged functions made it, and took the parts.
                self._remove(self.parcel.file_name)
            sound = self._parts(sound=True)
            # The functions may be damaged: which parts they name as missing counts for nothing.
            self._begin()
            if sound is not None and sound != set(self._blocks):
                self._there = sound
                return False
        # All parts are there and sound, and are not the bundle: nobody knows why. Start over.
        self._remove(f"{self.parcel.paste.part_prefix}[0-9]*")
        self._begin()
        return False

    def _parts(self, *, sound: bool = False) -> set[int] | None:
        """Return the numbers of the parts on the device; None if its functions are not there.

        sound: only those with the right check, as what took them may have been damaged.
        """
        check = "=$(openssl sha256 -r<$i|cut -c1-6)" if sound else ""
        listed = self._ask(f"$f:$p$(for i in $p*;do printf ,${{i#$p}}{check};done)")
        # Under other names everything would go well, and stand elsewhere.
        prefix = f"{self.parcel.file_name}:{self.parcel.paste.part_prefix},"
        if listed is None or not listed.startswith(prefix):
            return None
        parts = {}
        for entry in listed.removeprefix(prefix).split(","):
            name, _mark, digits = entry.partition("=")
            # A number that lost its leading zero names a part that nobody puts together.
            if name.isdecimal() and len(name) == len(str(len(self._blocks))):
                parts[int(name)] = digits
        return {n for n, b in self._blocks.items() if n in parts and parts[n] in ("", b.check)}

    def _is_whole(self) -> bool:
        """Tell if the file stands there whole; raises BundlerError if another one did before us."""
        name = self.parcel.file_name
        there = self._sha256_there()
        if there in ("", self.parcel.paste.sha256):
            return there != ""
        raise BundlerError(
            _("there is another file '{name}' on the device").format(name=printable(name)),
            _(
                "compare it, then move it away on the device: mv {name} {name}.old; and type the "
                "same command again"
            ).format(name=name),
            ExitCode.UNSUITABLE,
        )

    def _sha256_there(self) -> str:
        """Return the SHA-256 of the file of the bundle's name; empty if there is none."""
        name = self.parcel.file_name
        told: set[str | None] = set()
        for _try in range(_TRIES_TO_FINISH):
            answer = self._ask(f"$([ -e {name} ]&&openssl sha256 -r<{name}|cut -c1-64)")
            # Question and answer may have been damaged: another than wished must be said twice.
            if answer is not None and (answer == self.parcel.paste.sha256 or answer in told):
                return answer
            told.add(answer)
        return ""

    def _remove(self, names: str) -> None:
        """Remove what was made on the way; names are written out, should bytes get lost."""
        self._ask(f"$(cd {self.parcel.directory}&&rm -f {names})")

    def _ask(self, words: str) -> str | None:
        """Ask the shell, and get it out of what it may be in the midst of when it is silent.

        Returns None if it goes on being silent.
        """
        for _try in range(3):
            if found := self.dialogue.question(words, rb"(\S*)"):
                return found[1].decode(errors="replace")
            self._require_root(self.dialogue.regain_shell())
        return None

    def _note(self, numbers: set[int]) -> None:
        """Count blocks as arrived."""
        for number in numbers - self._told:
            self.arrived(len(self._blocks[number].text))
        self._told |= numbers
        self._there |= numbers

    def _type_text(self, text: bytes) -> None:
        """Type lines, with the delay that was asked for; raises SessionLostError in between."""
        for line in text.splitlines():
            if not self.dialogue.type(line + ENTER):
                raise self._lost()
            deadline = time.monotonic() + self.line_delay_s
            while self.line_delay_s and (left := deadline - time.monotonic()) > 0:
                self.dialogue.hear(left)

    def _require_root(self, seen: Seen) -> None:
        if not seen.is_root:
            raise self._lost()

    def _lost(self) -> SessionLostError:
        self.dialogue.wait_for_silence()
        words = printable(last_words(self.dialogue.printed, 1))
        gone = (
            _("the session has ended")
            if is_gone(self.dialogue.printed)
            else _("no root shell answers")
        )
        return SessionLostError(
            _("{gone} with {there} of {all} blocks on the device; seen: '{words}'").format(
                gone=gone, there=len(self._there), all=len(self._blocks), words=words
            ),
            _(
                "become root there again and type the same command, or give --walk: it goes on "
                "where it was"
            ),
            ExitCode.UNSUITABLE,
        )

    def _stop_if_hopeless(self) -> None:
        if self.dialogue.bytes_sent > MOST_EFFORT * self.parcel.bytes_needed:
            raise BundlerError(
                _(
                    "the line damages too much: {sent} bytes were sent for {needed}, and {there} "
                    "of {all} blocks have arrived"
                ).format(
                    sent=self.dialogue.bytes_sent,
                    needed=self.parcel.bytes_needed,
                    there=len(self._there),
                    all=len(self._blocks),
                ),
                _(
                    "check the cable, --baud and --flow, try --line-delay 50; the same command "
                    "goes on where it was"
                ),
                ExitCode.UNSUITABLE,
            )
