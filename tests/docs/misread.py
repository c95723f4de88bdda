"""Whether a command line could be typed: read as the commands read it, and nothing is run."""

from __future__ import annotations

import re
import shlex

import typer

from docs.blocks import OURS
from sftunnel_builder.cli import app
from sftunnel_builder.errors import BundlerError
from sftunnel_builder.resources import installer_script
from sftunnel_installer.options import parse_options


def _words(rest: str) -> list[str]:
    """Return the words of a command line, up to where a shell would take over."""
    lexer = shlex.shlex(rest, posix=True, punctuation_chars="();<>|&")
    lexer.whitespace_split = True
    words: list[str] = []
    for word in lexer:
        if set(word) <= set("();<>|&"):
            break
        words.append(word)
    return words


def misread(line: str) -> str:
    """Return what is wrong with a command line of ours, empty if nothing is."""
    found = OURS.search(line)
    assert found, line
    words = _words(found[2].replace(" ...", " --help"))
    if found[1] == "sftunnel-bundler":
        return _misread_by_typer(words)
    # install.sh and the two that drive it share their words.
    printed = set(re.findall(r"(?m)^  (--[a-z-]+)", installer_script().decode())) | {"--version"}
    try:
        parse_options([word.replace("FINGERPRINT", "0" * 64) for word in words])
    except BundlerError as error:
        return error.message
    return " ".join(word for word in words if word.startswith("--") and word not in printed)


def _misread_by_typer(words: list[str]) -> str:
    """Let each command read its part of the line, without running anything."""
    command, context = typer.main.get_command(app), None
    name = "sftunnel-bundler"
    try:
        while True:
            context = command.context_class(command, info_name=name, parent=context)
            _values, left, _order = command.make_parser(context).parse_args(list(words))
            if not hasattr(command, "get_command") or not left:
                return ""
            name, words = left[0], left[1:]
            command = command.get_command(context, name)
            if command is None:
                return f"no verb '{name}'"
    except typer.TyperException as error:
        return error.format_message()
