"""A vector: bytes with one fault, what the commands say of them, and their published form.

Published is a text of `key: value` lines, and what it changes in a base file: `patch: OFFSET LENGTH
HEX` puts these bytes in the place of LENGTH bytes of the base at OFFSET. The lines ascend, and all
offsets are those in the base.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from typing import Literal

Stance = Literal["refuses", "takes", "free"]
"""What a reader of the format does with it; `free`: the format leaves it open."""

_TOKEN = re.compile(rb"\0{1,512}|[^\n\0]+\n?|\n")


@dataclass(frozen=True)
class Vector:
    """Bytes, and what is expected of them."""

    name: str
    """Folder and name, such as `archive/gzip-time`."""
    fault: str
    """One sentence; for a good one what is special about it."""
    base: str
    """The file that it is published as a change of."""
    data: bytes
    expected: Mapping[str, str]
    """By command: the exit code and, if that is not 0, how the message begins."""
    stance: Stance
    options: Mapping[str, str] = field(default_factory=dict)
    """What the command is given besides: `passphrase`, `code`."""

    def render(self, base: bytes, signer: str) -> str:
        """Return the published form."""
        lines = [
            f"name: {self.name}",
            f"fault: {self.fault}",
            f"base: {self.base}",
            f"signer: {signer}",
            *(f"{key}: {value}" for key, value in self.options.items()),
            *(f"{key}: {value}" for key, value in self.expected.items()),
            f"reader: {self.stance}",
            f"sha256: {hashlib.sha256(self.data).hexdigest()}",
            *(f"patch: {line}" for line in patches(base, self.data)),
        ]
        return "".join(f"{line}\n" for line in lines)


def patches(base: bytes, data: bytes) -> list[str]:
    """Return what turns the base into the data: `OFFSET LENGTH HEX`, the HEX may be missing."""
    old, new = (_TOKEN.findall(each) for each in (base, data))
    found, at = [], 0
    starts = [0]
    for token in old:
        starts.append(starts[-1] + len(token))
    for tag, i, j, k, m in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag != "equal":
            at = starts[i]
            found += _trimmed(at, base[at : starts[j]], b"".join(new[k:m]))
    return found


def _trimmed(at: int, old: bytes, new: bytes) -> list[str]:
    """Return the patch lines of a change, without what both have at its ends."""
    if len(old) == len(new):
        differing = [n for n, (a, b) in enumerate(zip(old, new, strict=True)) if a != b]
        runs: list[list[int]] = []
        for n in differing:
            if runs and n - runs[-1][1] < 8:
                runs[-1][1] = n
            else:
                runs.append([n, n])
        return [f"{at + a} {b - a + 1} {new[a : b + 1].hex()}" for a, b in runs]
    same = 0
    while same < min(len(old), len(new)) and old[same] == new[same]:
        same += 1
    old, new = old[same:], new[same:]
    tail = 0
    while tail < min(len(old), len(new)) and old[-tail - 1] == new[-tail - 1]:
        tail += 1
    kept = new[: len(new) - tail]
    return [f"{at + same} {len(old) - tail} {kept.hex()}".rstrip()]


DAMAGED = "4 the bundle is damaged or was altered: "


def of_bundle(
    name: str,
    fault: str,
    data: bytes,
    verify: str = "0",
    check: str = "",
    *,
    free: bool = False,
    **options: str,
) -> Vector:
    """Return a vector that `verify` and, unpacked, `install.sh check` are run with.

    Without check install.sh is not run: stock tar does not unpack it, or not to a bundle.
    """
    expected = {"verify": verify} | ({"install.sh check": check} if check else {})
    stance: Stance = "free" if free else "takes" if verify == "0" else "refuses"
    return Vector(name, fault, "bundle.tar.gz", data, expected, stance, options)
