"""Fuzz one harness in this process: `python -m fuzz.target HARNESS [libFuzzer's arguments]`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

import atheris

with atheris.instrument_imports(include=["sftunnel_builder"]):
    from fuzz.harnesses import HARNESSES


def fuzz(read: Callable[[bytes], None], arguments: Sequence[str]) -> None:
    """Give a harness inputs until libFuzzer has enough; ends the process."""
    atheris.Setup(["fuzz", *arguments], read)
    atheris.Fuzz()


if __name__ == "__main__":
    fuzz(HARNESSES[sys.argv[1]].read, sys.argv[2:])
