"""`sftunnel-bundler demo`: the whole journey on made-up appliances."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from sftunnel_builder.errors import BundlerError, ExitCode
from sftunnel_builder.words import N_, _


def demo(
    keep: Annotated[
        bool,
        typer.Option("--keep", help=N_("Leave the directory with the appliances and the kit.")),
    ] = False,
) -> None:
    """Show the whole journey on made-up appliances."""
    if getattr(sys, "frozen", False):
        # Its FMC speaks TLS, and the executable's Python has no OpenSSL to speak it with.
        raise BundlerError(
            _("the demo is not in this executable"),
            _("install the wheel on a machine with Python 3.11 or newer, and run it there"),
            ExitCode.UNSUITABLE,
        )
    from sftunnel_builder.demo import run_demo

    run_demo(keep=keep)
