"""A text as a QR code, for a telephone's camera: inline SVG, black on white in every theme."""

from __future__ import annotations

import re
from functools import lru_cache
from html import escape

_MASK = 2
_BORDER = 4


@lru_cache(maxsize=4)
def qr_svg(text: str, title: str) -> str:
    """Return a QR code of a hash, as ASCII text, as an <svg> element; title says what is in it.

    It has the quiet zone of four modules that ISO/IEC 18004 wants, and no style attribute.
    """
    import segno

    # To try all eight masks takes four fifths of the time. They break up what is uniform, which the
    # digits of a hash are not.
    code = segno.make(text, error="m", micro=False, mask=_MASK)
    size = len(code.matrix) + 2 * _BORDER
    # A line through the middle of each run of black modules: segno's own drawing takes as long as
    # finding the code.
    runs = "".join(
        f"M{run.start() + _BORDER} {y}.5h{len(run[0])}"
        for y, row in enumerate(code.matrix, _BORDER)
        for run in re.finditer(b"\1+", row)
    )
    return (
        f'<svg viewBox="0 0 {size} {size}" role="img" aria-label="{escape(title)}" '
        f'shape-rendering="crispEdges"><path fill="#fff" d="M0 0h{size}v{size}h-{size}z"/>'
        f'<path stroke="#000" d="{runs}"/></svg>'
    )
