"""`sftunnel-bundler console`: a bundle over a serial console, where no network and no stick leads.

What is sent, and what the device answers, is in `paste.py`.
"""

from __future__ import annotations

import typer

from sftunnel_builder.cli.console import script, send
from sftunnel_builder.cli.spoken import Verb, Verbs
from sftunnel_builder.words import N_

app = typer.Typer(
    cls=Verbs,
    help=N_("Bring a bundle to a device over its serial console."),
    no_args_is_help=True,
    rich_markup_mode=None,
)
for verb, text in (
    (
        script.script,
        N_(
            "Print a text that brings a bundle to a device when it is pasted there.\n\n"
            "\b\nsftunnel-bundler console script BUNDLE --out paste.txt"
        ),
    ),
    (
        send.send,
        N_(
            "Send a bundle over a serial console, and again what arrives damaged.\n\n"
            "\b\nsftunnel-bundler console send BUNDLE --port /dev/ttyUSB0"
        ),
    ),
):
    app.command(cls=Verb, help=text)(verb)


@app.callback()
def _options() -> None:
    """Make `console` a verb with verbs of its own also while it has one only."""
