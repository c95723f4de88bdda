"""`sftunnel-bundler collect`: the script that makes a snapshot on an FMC."""

from __future__ import annotations

from sftunnel_builder import screen


def collect() -> None:
    """Print the script that makes a snapshot of an FMC's files, for building elsewhere.

    \b
    sftunnel-bundler collect > collect.sh
    (umask 077; ssh FMC 'sudo sh -s' < collect.sh > fmc.tar.gz)
    sftunnel-bundler build --fmc-tree fmc.tar.gz
    """  # noqa: D301  the mark before lines that are not to be filled
    from sftunnel_builder.collect import render_collect_script

    screen.result(render_collect_script().removesuffix("\n"))
