"""The help texts, and what is said of a wrong command line, in the language that is spoken.

Help is marked with `N_` where options and verbs are declared, and translated while it is shown.
What typer words itself comes in English: its messages are known by their form.

A verb's module is loaded when the verb is asked for: to list them all takes none of them.
"""

from __future__ import annotations

import copy
import inspect
import re
from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from sftunnel_builder.words import N_, Lang, _, spoken

if TYPE_CHECKING:
    _Command = TyperCommand
else:
    _Command = object

_IN_USAGE = (N_("[OPTIONS]"), N_("COMMAND [ARGS]..."))
_OPTIONS_OF_TYPER = (N_("Show this message and exit."),)
_BEHIND_HELP = (N_("default: {value}"), N_("required"))
_MESSAGES = (
    N_("Invalid value for {what}: {why}"),
    N_("Missing argument {argument}"),
    N_("Missing option {option}"),
    N_("No such option: {option} (Possible options: {options})"),
    N_("No such option: {option}"),
    N_("Option {option} requires an argument"),
    N_("Option {option} does not take a value"),
    N_("No such command {command}. Did you mean {commands}?"),
    N_("No such command {command}"),
    N_("Missing command"),
    N_("Got unexpected extra argument(s) ({arguments})"),
    N_("{value} is not a valid int range"),
    N_("{value} is not in the range {range}"),
    N_("{value} is not one of {values}"),
    N_("Path {path} is not readable"),
)


class _Spoken(_Command):
    """A command whose help is in the language that is spoken."""

    @property
    def source_help(self) -> str | None:
        """Return the help text as it was set, in English."""
        return self._help

    def _shown_help(self) -> str | None:
        """Return the help text, which was set in English."""
        return self._help and _(self._help)

    def _set_help(self, text: str | None) -> None:
        self._help = text

    help = property(_shown_help, _set_help)

    def format_usage(self, ctx: Any, formatter: Any) -> None:
        """Write the usage line into the formatter."""
        pieces = [_(piece) for piece in self.collect_usage_pieces(ctx)]
        formatter.write_usage(ctx.command_path, " ".join(pieces), prefix=_("Usage: "))

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write arguments and options into the formatter."""
        for kind, heading in (("argument", _("Arguments")), ("option", _("Options"))):
            records = [
                _record(each, ctx) for each in self.get_params(ctx) if each.param_type_name == kind
            ]
            if records:
                with formatter.section(heading):
                    formatter.write_dl(records)


class Verb(_Spoken, TyperCommand):
    """A verb whose help is in the language that is spoken."""


class Verbs(_Spoken, TyperGroup):
    """Verbs whose help is in the language that is spoken, each a module of the same name.

    That module has the function of the same name, or an `app` with verbs of its own.
    """

    package: ClassVar[str]
    """Where the modules are."""
    texts: ClassVar[dict[str, str]]
    """The help text of each verb, in the order in which they are shown."""

    def __init__(self, **attributes: Any) -> None:
        """Take each verb for what is known of it without its module: a name and a text."""
        super().__init__(**attributes)
        self._unloaded = set(self.texts)
        for name, text in self.texts.items():
            self.add_command(Verb(name=name, callback=None, help=inspect.cleandoc(text)))

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return the verb of this name, with its options, or None."""
        if cmd_name in self._unloaded:
            self.commands[cmd_name] = self._load(cmd_name)
            self._unloaded.remove(cmd_name)
        return super().get_command(ctx, cmd_name)

    def _load(self, name: str) -> Any:
        module = import_module(f"{self.package}.{name}")
        app = getattr(module, "app", None)
        if app is None:
            app = typer.Typer(add_completion=False, rich_markup_mode=None)
            app.command(name, cls=Verb, help=self.texts[name])(getattr(module, name))
        return get_command(app)

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write options and verbs into the formatter."""
        super().format_options(ctx, formatter)
        width = formatter.width - 6 - max(map(len, self.commands))
        with formatter.section(_("Commands")):
            formatter.write_dl(
                [(name, verb.get_short_help_str(width)) for name, verb in self.commands.items()]
            )


def _record(parameter: Any, ctx: Any) -> tuple[str, str]:
    """Return what stands left and right in the help of an argument or option."""
    shown = copy.copy(parameter)
    shown.help = _(parameter.help)
    name, text = shown.get_help_record(ctx)
    found = re.fullmatch(r"(.*  \[)(.*)\]", text, re.DOTALL)
    if not found:
        return name, text
    behind = "; ".join(_reworded(part, _BEHIND_HELP) for part in found[2].split("; "))
    return name, f"{found[1]}{behind}]"


def usage_message(message: str) -> str:
    """Return what typer says of a wrong command line in the language spoken, without a full stop.

    What is not known here, and help, is returned as it is.
    """
    return _reworded(message.rstrip("."), _MESSAGES)


def _reworded(message: str, templates: tuple[str, ...]) -> str:
    """Return a message of one of these forms in the language that is spoken."""
    if spoken() is Lang.EN:
        return message
    for template in templates:
        form = re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>.+?)", re.escape(template))
        found = re.fullmatch(form, message, re.DOTALL)
        if found:
            values = {
                name: _reworded(value, templates) for name, value in found.groupdict().items()
            }
            return _(template).format(**values)
    return message
