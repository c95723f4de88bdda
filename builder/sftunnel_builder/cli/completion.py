"""Completion in a shell: a script that knows all verbs and options, and where it goes.

The script asks nothing of the program, so that a TAB costs nothing, also where the program unpacks
itself first.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from sftunnel_builder import screen
from sftunnel_builder.errors import BundlerError, ExitCode, printable, reason
from sftunnel_builder.home import expand_home
from sftunnel_builder.words import _

if TYPE_CHECKING:
    from sftunnel_builder.cli.commands import Command

_GENERATIONS = 20
_MOVED_BY = {".zshrc": "ZDOTDIR", ".config": "XDG_CONFIG_HOME"}
"""The variable that names another directory for a file, or in place of a directory."""


@dataclass(frozen=True)
class Shell:
    """Where a shell looks for completion; places are below the home directory."""

    name: str
    script: str
    shared: str
    """Where a package puts the script, below its prefix's share/."""
    starts_with: str = ""
    """Its start-up file, if that has to name the script."""
    line: str = ""
    """The line that does."""


SHELLS = {
    "bash": Shell(
        "bash",
        ".bash_completions/sftunnel-bundler.sh",
        "bash-completion/completions/sftunnel-bundler",
        ".bashrc",
        ". ~/.bash_completions/sftunnel-bundler.sh",
    ),
    "zsh": Shell(
        "zsh",
        ".zfunc/_sftunnel-bundler",
        "zsh/site-functions/_sftunnel-bundler",
        ".zshrc",
        "fpath+=~/.zfunc; autoload -Uz compinit; compinit",
    ),
    "fish": Shell(
        "fish",
        ".config/fish/completions/sftunnel-bundler.fish",
        "fish/vendor_completions.d/sftunnel-bundler.fish",
    ),
}


def completion_script(shell: str, top: Command) -> str:
    """Return the script for a shell, with help in the language that is spoken."""
    from sftunnel_builder.cli.commands import with_verbs
    from sftunnel_builder.resources import template

    return template(f"completion.{shell}.j2").render(
        program=top.words[0], every=list(with_verbs(top)), brief=_brief
    )


def _brief(english: str) -> str:
    """Return what a help text begins with in the language that is spoken, without brackets."""
    from sftunnel_builder.cli.commands import first_paragraph

    return first_paragraph(_(english)).partition(" [")[0].rstrip()


def show(ctx: typer.Context, wanted: bool) -> None:
    """Print the script for the shell that this runs in."""
    if wanted and not ctx.resilient_parsing:
        screen.result(completion_script(running_shell(), _program(ctx)).removesuffix("\n"))
        raise typer.Exit


def install(ctx: typer.Context, wanted: bool) -> None:
    """Write the script where the shell that this runs in finds it."""
    if not wanted or ctx.resilient_parsing:
        return
    shell = SHELLS[running_shell()]
    home = expand_home(Path("~"))
    path, start = _place(home, shell.script), _place(home, shell.starts_with)
    try:
        _write(path, completion_script(shell.name, _program(ctx)))
        appended = shell.line and _append(start, shell.line)
    except OSError as error:
        raise BundlerError(
            _("completion cannot be installed in '{home}': {why}").format(
                home=printable(str(home)), why=reason(error)
            ),
            _("put what --show-completion prints where your shell looks for it"),
            ExitCode.UNSUITABLE,
        ) from None
    shown = printable(str(path))
    screen.result(_("completion of {shell}: {path}").format(shell=shell.name, path=shown))
    if appended:
        file = printable(str(start))
        screen.result(_("one line more in {file}: {line}").format(file=file, line=shell.line))
    screen.note(_("It works in every shell that is started from now on."))
    raise typer.Exit


def running_shell() -> str:
    """Return the name of the nearest shell above this process, else of the login shell."""
    pid = os.getppid()
    for _generation in range(_GENERATIONS):
        try:
            status = Path(f"/proc/{pid}/stat").read_text(errors="replace")
        except OSError:  # not Linux, or not to be looked at
            break
        name, _mark, rest = status.partition("(")[2].rpartition(")")
        if name in SHELLS:
            return name
        pid = int(rest.split()[1])
    name = Path(os.environ.get("SHELL", "")).name
    if name in SHELLS:
        return name
    raise BundlerError(
        _("this shell is not one that completion is made for: {shells}").format(
            shells=", ".join(SHELLS)
        ),
        _("start one of these and type the same there"),
        ExitCode.USAGE,
    )


def _program(ctx: typer.Context) -> Command:
    from sftunnel_builder.cli.commands import program

    top = ctx.find_root()
    return program(top.command, str(top.command.name))


def _place(home: Path, path: str) -> Path:
    """Return where a path below the home directory is for a shell."""
    first, _slash, rest = path.partition("/")
    moved = os.environ.get(_MOVED_BY.get(first, ""), "")
    return Path(moved, rest or first) if moved.startswith("/") else home / path


def _write(path: Path, text: str) -> None:
    """Write a file, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.new")
    beside.write_text(text, "utf-8")
    beside.replace(path)


def _append(path: Path, line: str) -> bool:
    """Add a line to a file that is somebody's own, unless it is there; return whether it was added.

    What is in the file is not written again: it may be anything.
    """
    with path.open("a+b") as file:
        file.seek(0)
        content = file.read()
        if line.encode() in content.splitlines():
            return False
        begins = b"" if not content or content.endswith(b"\n") else b"\n"
        file.write(begins + line.encode() + b"\n")
        return True
