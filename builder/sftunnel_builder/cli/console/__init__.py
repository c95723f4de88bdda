"""`sftunnel-bundler console`: a bundle over a serial console, where no network and no stick leads.

What is sent, and what the device answers, is in `paste.py`.
"""

from __future__ import annotations

import typer

from sftunnel_builder.cli.console import script, send

app = typer.Typer(
    help="Bring a bundle to a device over its serial console.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
for verb in (script.script, send.send):
    app.command()(verb)


@app.callback()
def _options() -> None:
    """Make `console` a verb with verbs of its own also while it has one only."""
