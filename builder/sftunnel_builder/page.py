"""What every HTML page has: one file that fetches nothing, its frame, and its running lines.

The page allows its one style and its one script by their hashes and nothing else, so that it stays
what was signed in every browser: a frame, an image, a font or a form that got in would be refused.
"""

from __future__ import annotations

import base64
import hashlib
from typing import Any

from sftunnel_builder.qr import qr_svg
from sftunnel_builder.resources import template, template_text
from sftunnel_builder.signer import grouped
from sftunnel_builder.words import gettext, spoken


def render_page(name: str, *, about: str, signer: str, store: str, **values: Any) -> bytes:
    """Return a page made from a template that extends page.html.j2, UTF-8, in the chosen language.

    about names the device or the change and stands, with the signer's fingerprint (64 hex digits),
    in the margins of every printed page. The ticks of pages with the same store are the same.
    """
    from markupsafe import Markup

    style = template_text("page.css") + _running_lines(about, signer)
    script = template_text("page.js")
    page = template(name).render(
        lang=str(spoken()),
        csp=_policy(style, script),
        style=Markup(style),  # noqa: S704  ours, and what is quoted in it has no letter of HTML
        script=Markup(script),  # noqa: S704  ours
        store=store,
        signer=signer,
        grouped=grouped,
        qr=lambda text, title: Markup(qr_svg(text, title)),  # noqa: S704  escaped there
        **values,
    )
    return page.encode()


def _policy(style: str, script: str) -> str:
    """Return the Content-Security-Policy that allows these two texts and nothing else."""
    style_hash, script_hash = (
        base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        for text in (style, script)
    )
    return (
        f"default-src 'none'; style-src 'sha256-{style_hash}'; script-src 'sha256-{script_hash}'; "
        "base-uri 'none'; form-action 'none'"
    )


def _running_lines(about: str, signer: str) -> str:
    """Return the rule for the margins of a printed page: whose it is, who signed, which of how many."""
    groups = grouped(signer)
    line = "font: 8pt system-ui, sans-serif; color: #16202b; vertical-align: middle"
    return f"""@page {{
  @top-left {{ content: {_css_string(about)}; {line}; width: 60%; text-align: left; }}
  @top-right {{ content: "sftunnel-bundler"; {line}; }}
  @bottom-left {{ content: {_css_string(f"{gettext("Signer")} {groups}")}; {line}; font-size: 7pt; font-family: monospace; white-space: nowrap; }}
  @bottom-right {{ content: counter(page) " / " counter(pages); {line}; }}
}}
"""


def _css_string(text: str) -> str:
    """Return a CSS string, all but letters, digits and blanks of ASCII escaped (CSS Syntax 3)."""
    safe = "".join(
        c if c.isascii() and (c.isalnum() or c == " ") else f"\\{ord(c):06x}" for c in text
    )
    return f'"{safe}"'
