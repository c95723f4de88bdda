"""`sftunnel-bundler collect`: the script that makes a snapshot on an FMC."""

from __future__ import annotations

from sftunnel_builder import screen


def collect() -> None:
    """Print the script that makes a snapshot of an FMC's files."""
    from sftunnel_builder.collect import render_collect_script

    screen.result(render_collect_script().removesuffix("\n"))
