"""A text as a QR code, for a telephone's camera: inline SVG, black on white in every theme."""

from __future__ import annotations

from functools import lru_cache
from html import escape

_MASK = 2


@lru_cache(maxsize=4)
def qr_svg(text: str, title: str) -> str:
    """Return a QR code of a hash, as ASCII text, as an <svg> element; title says what is in it.

    It has the quiet zone of four modules that ISO/IEC 18004 wants, and no style attribute.
    """
    import segno

    # To try all eight masks takes four fifths of the time. They break up what is uniform, which the
    # digits of a hash are not.
    code = segno.make(text, error="m", micro=False, mask=_MASK)
    drawing = code.svg_inline(border=4, light="#fff", svgclass=None, lineclass=None, omitsize=True)
    head, _, rest = drawing.partition(">")
    return f'{head} role="img" aria-label="{escape(title)}" shape-rendering="crispEdges">{rest}'
