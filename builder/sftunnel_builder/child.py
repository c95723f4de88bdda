"""The environment of a program that this one starts."""

from __future__ import annotations

import os
import sys

STARTED_AS = "SFTUNNEL_STARTED_AS"
"""The variable in which the launcher of a frozen program leaves the name that was typed."""


def child_environment() -> dict[str, str]:
    """Return our environment, without what a frozen program has in it for itself alone."""
    environment = dict(os.environ)
    if getattr(sys, "frozen", False):
        # By its _PYI_ variables a frozen program knows the process that has unpacked it.
        environment = {k: v for k, v in environment.items() if not k.startswith("_PYI_")}
        environment.pop(STARTED_AS, None)
        environment.pop("LD_LIBRARY_PATH", None)
        if "LD_LIBRARY_PATH_ORIG" in environment:
            environment["LD_LIBRARY_PATH"] = environment.pop("LD_LIBRARY_PATH_ORIG")
    return environment
