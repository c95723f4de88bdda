"""`sftunnel-bundler console`: a bundle over a serial console, where no network and no stick leads.

What is sent, and what the device answers, is in `paste.py`.
"""

from __future__ import annotations

from typing import ClassVar

import typer

from sftunnel_builder.cli.spoken import Verbs
from sftunnel_builder.words import N_


class _Verbs(Verbs):
    package = __name__
    texts: ClassVar[dict[str, str]] = {
        "script": N_(
            "Print a text that brings a bundle to a device when it is pasted there.\n\n"
            "\b\nsftunnel-bundler console script BUNDLE --out paste.txt"
        ),
        "send": N_(
            "Send a bundle over a serial console, and again what arrives damaged.\n\n"
            "\b\nsftunnel-bundler console send BUNDLE --port /dev/ttyUSB0"
        ),
    }


app = typer.Typer(
    name="console",
    cls=_Verbs,
    help=N_("Bring a bundle to a device over its serial console."),
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.callback()
def _options() -> None:
    """Make `console` a verb that has verbs of its own."""
