"""The environment of a program that this one starts."""

from __future__ import annotations

import os
import sys


def child_environment() -> dict[str, str]:
    """Return our environment, without the library path that a frozen program has for itself."""
    environment = dict(os.environ)
    if getattr(sys, "frozen", False):
        environment.pop("LD_LIBRARY_PATH", None)
        if "LD_LIBRARY_PATH_ORIG" in environment:
            environment["LD_LIBRARY_PATH"] = environment.pop("LD_LIBRARY_PATH_ORIG")
    return environment
