"""Names that somebody gave a device to hurt whoever reads them, and FAILED_PUSH files with them."""

from __future__ import annotations

import unicodedata
from pathlib import Path

from sftunnel_builder.lab import LabDevice, LabFmc

CANARY = "canary"
"""A file of this name in the working directory: something of a name was executed."""

NAMES = {
    "blanks": b"Plant 4  edge",
    "quotes": b"it's \"the\" 'one",
    "a command in parentheses": b"$(touch canary)",
    "a command in backticks": b"`touch canary`",
    "commands between": b"a; touch canary & touch canary | touch canary",
    "a variable": b"$PATH ${HOME} $0",
    "two lines": b"two\nlines",
    "a carriage return": b"x\rbundle_id=0",
    "a colour and a title": b"\x1b[31mred\x1b]0;title\x07",
    "a control character of one code point": "\x9b31mred".encode(),
    "a thousand characters": b"n" * 1000,
    "no UTF-8": b"caf\xe9\xff",
    "right to left": "\u202egnp.exe\u200f".encode(),
    "a line separator": "x\u2028format=2\u2029".encode(),
    "a zero": b"a\0b",
    "a way out": b"../../../etc/passwd",
    "dots": b"..",
    "an option": b"--yes",
    "a template": b"{{ 7 * 7 }}{% for x in y %}",
    "a format": b"%s%n\\n\\033[31m",
    "another script": "東京 é".encode(),
}


def rename(fmc: LabFmc, devices: dict[bytes, LabDevice]) -> Path:
    """Write these names into the FMC's only FAILED_PUSH, and return it."""
    (path,) = (fmc.root / "var/tmp/certs").glob("*/FAILED_PUSH")
    data = path.read_bytes()
    for name, device in devices.items():
        assert data.count(f" {device.name} ".encode()) == 3
        data = data.replace(f" {device.name} ".encode(), b" %s " % name)
    path.write_bytes(data)
    return path


def assert_shows_nothing_odd(text: str) -> None:
    """State that a terminal that is given this text does nothing but show it."""
    odd = [c for c in text if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp")]
    assert set(odd) <= {"\n"}, f"{odd!r} in {text!r}"
