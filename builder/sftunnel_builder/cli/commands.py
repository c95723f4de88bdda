"""What there is on the command line, for those who tell of it: completion and manual pages."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

_A_FILE_TOO = {"--port", "--sign-command"}
"""A serial port is one, and so is a program."""


@dataclass(frozen=True)
class Option:
    """An option as it is typed."""

    names: tuple[str, ...]
    help: str
    """In English."""
    wants: str
    """What its value is: `nothing`, `file`, `word`, or the words between which to choose."""
    may_repeat: bool


@dataclass(frozen=True)
class Command:
    """The program itself, a verb, or a verb of a verb, as typer has it."""

    words: tuple[str, ...]
    command: Any
    context: Any

    @property
    def verb(self) -> str:
        """Return how it is called behind the program's name; empty for the program."""
        return " ".join(self.words[1:])

    @property
    def page(self) -> str:
        """Return the name of its manual page."""
        return "-".join(self.words)

    @property
    def about(self) -> str:
        """Return its help, in English."""
        return str(self.command.source_help)

    @property
    def summary(self) -> str:
        """Return the first paragraph of its help, in English."""
        return first_paragraph(self.about)

    def verbs(self) -> list[Command]:
        """Return the verbs that may stand behind it."""
        if not hasattr(self.command, "list_commands"):
            return []
        verbs = {
            name: self.command.get_command(self.context, name)
            for name in self.command.list_commands(self.context)
        }
        return [
            Command((*self.words, name), verb, _context(verb, name, self.context))
            for name, verb in verbs.items()
        ]

    def options(self) -> list[Option]:
        """Return its options, in the order of its help."""
        return [_option(each) for each in self.parameters("option")]

    def takes_files(self) -> bool:
        """Return whether names of files may stand behind it."""
        return bool(self.parameters("argument"))

    def parameters(self, kind: str) -> list[Any]:
        """Return typer's own of a kind: `option` or `argument`."""
        every = self.command.get_params(self.context)
        return [each for each in every if each.param_type_name == kind]


def first_paragraph(text: str) -> str:
    """Return what a help text begins with, in one line."""
    return " ".join(text.partition("\n\n")[0].split())


def program(command: Any, name: str) -> Command:
    """Return the program, of typer's command for it."""
    return Command((name,), command, _context(command, name, None))


def with_verbs(command: Command) -> Iterator[Command]:
    """Yield a command and all verbs behind it, in the order of the help."""
    yield command
    for verb in command.verbs():
        yield from with_verbs(verb)


def _context(command: Any, name: str, above: Any) -> Any:
    """Return where a command stands, without a command line: that would call what options call."""
    return command.context_class(command, info_name=name, parent=above, **command.context_settings)


def _option(parameter: Any) -> Option:
    """Return what is said of an option, and what it wants."""
    wants = "word"
    if parameter.is_flag:
        wants = "nothing"
    elif hasattr(parameter.type, "choices"):
        wants = " ".join(parameter.type.choices)
    elif parameter.type.name == "path" or _A_FILE_TOO & set(parameter.opts):
        wants = "file"
    # Those of --help come out of a set.
    names = tuple(sorted(parameter.opts, key=len))
    return Option(names, parameter.help or "", wants, bool(parameter.multiple))
