"""`sftunnel-bundler demo`: the whole journey on made-up appliances."""

from __future__ import annotations

from typing import Annotated

import typer

from sftunnel_builder.words import N_


def demo(
    keep: Annotated[
        bool,
        typer.Option("--keep", help=N_("Leave the directory with the appliances and the kit.")),
    ] = False,
) -> None:
    """Show the whole journey on made-up appliances."""
    from sftunnel_builder.demo import run_demo

    run_demo(keep=keep)
