"""What a terminal adds to a text that was copied from it, and how to take it away."""

from __future__ import annotations

import re

_ESCAPE = re.compile(
    rb"\x1b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\x07\x1b\n]*(?:\x07|\x1b\\)|[ -/]+[0-~]|[^\n])|\x07"
)


def without_escapes(data: bytes) -> bytes:
    """Return captured bytes without escape sequences (ECMA-48) and bells; lines stay as they are.

    A title-setting sequence that never ends loses its first two bytes only.
    """
    return _ESCAPE.sub(b"", data)
