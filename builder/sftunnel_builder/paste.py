r"""What is pasted into a device's console so that a bundle arrives there, and what it answers.

    header     defines the shell functions b and e, and where the parts go
    block 1..  b<<\: 1 1a2b3c, lines of base64, and the line `:`; answered at once
    footer     e: puts the parts together, or says which are missing

docs/console.md says what each line is for, and what becomes of damage. In short:

1. Everything is read by the shell itself, line by line, because only its own reading turns the CR
   that terminal programs send into a line end in every shell.
2. A block begins and ends with `:`, the end marker of its here-document. As a command it does
   nothing, so that it gets the shell out of a block whose end was lost, and else does no harm.
3. A line that misses its block would be run as a command: none is shorter than 64 characters.
4. Nothing is removed before the bundle stands there whole under its name.
"""

from __future__ import annotations

import hashlib
import re
from base64 import b64decode, b64encode
from dataclasses import dataclass

from sftunnel_builder.captured import without_escapes
from sftunnel_builder.resources import template

BLOCK_CHARACTERS = 4800
"""Of base64 in a block: 5 s at 9600 baud, when it must be pasted again."""
COLUMNS = 960
"""Characters in a line: busybox cuts lines after 1,023. Each line end costs a byte."""
_QUANTUM = 64
"""Lines are multiples of that, as `openssl base64 -d` reads no longer ones: `fold` parts them."""
_CHECK_DIGITS = 6
_WHOLE_DIGITS = 12
"""Digits of a SHA-256 that the device compares: against accidents. It prints all 64 for people."""
_SUFFIX = ".tar.gz"


@dataclass(frozen=True)
class Block:
    """A part of the bundle, checked by the device on its own."""

    number: int
    """From 1."""
    check: str
    """The digits of its SHA-256 that the device compares."""
    text: bytes
    """What is sent: lines with LF, the line before and the line after the data included."""


@dataclass(frozen=True)
class Paste:
    """All that is sent for one bundle. Lines end with LF; a terminal sends CR in its place."""

    header: bytes
    blocks: tuple[Block, ...]
    footer: bytes
    """May be sent at any time after the header, and again: what it finds is answered."""
    sha256: str
    """Of the whole file, as the device must answer it."""
    part_prefix: str
    """How the names of the parts on the device begin; their number follows."""
    command: str
    """What starts the installer, as the device must answer it after the SHA-256. If it answers
    another one, then the header was damaged, and the file stands there under another name."""

    def text(self) -> bytes:
        """Return everything, for pasting at once."""
        return b"".join((self.header, *(block.text for block in self.blocks), self.footer))


@dataclass(frozen=True)
class Answers:
    """What the device has said, in the order in which it said it."""

    blocks: tuple[tuple[int, bool], ...]
    """Block numbers and whether they arrived: `ok N`, or `paste block N again`."""
    sha256: str | None
    """Of the bundle, when it stands there whole."""
    command: str | None
    """What starts the installer: the end of the answer to the footer when all is well."""
    not_whole: bool
    """The end of the answer to the footer otherwise, after the blocks that it asked for. If it
    asked for none, then all have arrived and are not the bundle: paste all of it again. Or there is
    another file of the bundle's name."""


def make_paste(
    data: bytes,
    file_name: str,
    signer: str,
    block_characters: int = BLOCK_CHARACTERS,
    columns: int = COLUMNS,
) -> Paste:
    """Return what to paste for a bundle.

    data is the whole file; file_name its name, of `bundle_name`'s characters, with `.tar.gz`;
    signer the fingerprint for the command that is printed at the end. block_characters and columns
    must be multiples of 64.
    """
    text = b64encode(data)
    parts = [text[at : at + block_characters] for at in range(0, len(text), block_characters)]
    width = len(str(len(parts)))
    sha256 = hashlib.sha256(data).hexdigest()
    top = file_name.removesuffix(_SUFFIX)
    header = template("paste.sh.j2").render(
        top=top,
        digits=sha256[:_WHOLE_DIGITS],
        count=len(parts),
        width=width,
        signer=signer,
    )
    blocks = tuple(
        _make_block(number, width, part, columns) for number, part in enumerate(parts, 1)
    )
    command = f"tar -xzf {file_name} && sh {top}/install.sh --signer {signer}"
    part_prefix = f"{top}-{sha256[:_WHOLE_DIGITS]}-{len(parts)}-"
    return Paste(header.encode(), blocks, b":\ne\n", sha256, part_prefix, command)


def _make_block(number: int, width: int, part: bytes, columns: int) -> Block:
    """Return what is sent for a part of the base64 text; width is that of its number."""
    check = hashlib.sha256(b64decode(part)).hexdigest()[:_CHECK_DIGITS]
    # The here-document comes first: digits in front of `<<` would name a file descriptor.
    lines = [b":", f"b<<\\: {number:0{width}} {check}".encode(), *_lines(part, columns), b":"]
    return Block(number, check, b"\n".join(lines) + b"\n")


def _lines(part: bytes, columns: int) -> list[bytes]:
    """Part text into lines, none of which is so short that it could be a command's name."""
    lines = [part[at : at + columns] for at in range(0, len(part), columns)]
    if len(lines) > 1 and len(lines[-1]) < _QUANTUM:
        rest = lines[-2][-_QUANTUM:] + lines[-1]
        lines[-2:] = [lines[-2][:-_QUANTUM], rest] if columns > _QUANTUM else [rest]
    return lines


_CONTROL = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_PROMPTS = rb"(?:.*[>#$%] ?)?"
"""Where echo is off, an answer follows the prompts of the lines before it."""
_ANSWER = re.compile(
    _PROMPTS
    + rb"(?:ok (?P<ok>\d{1,6})|paste block (?P<again>\d{1,6}) again"
    + rb"|(?P<sha256>[0-9a-f]{64}) \*stdin|sftunnel-\S+ is (?P<not>not whole)"
    + rb"|(?P<command>tar -xzf [\w.-]+ && sh [\w.-]+/install\.sh --signer [0-9a-f]{64}))[ \t]*"
)


def read_answers(said: bytes) -> Answers:
    """Return the answers in what a device has printed, whatever else is in it.

    Echo, prompts, escape sequences, BEL and log lines in between do no harm. An answer that
    something broke into is none, so that whoever waits for it asks again.
    """
    blocks: list[tuple[int, bool]] = []
    sha256, command, not_whole = None, None, False
    for line in re.split(rb"[\r\n]+", _CONTROL.sub(b"", without_escapes(said))):
        found = _ANSWER.fullmatch(line)
        if not found:
            continue
        if found["ok"]:
            blocks.append((int(found["ok"]), True))
        elif found["again"]:
            blocks.append((int(found["again"]), False))
        elif found["sha256"]:
            sha256 = found["sha256"].decode()
        elif found["command"]:
            command = found["command"].decode()
        else:
            not_whole = True
    return Answers(tuple(blocks), sha256, command, not_whole)
