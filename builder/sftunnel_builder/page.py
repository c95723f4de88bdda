"""What every HTML page has: one file that fetches nothing, its frame, and its running lines.

The page allows its one style and its one script by their hashes and nothing else, so that it stays
what was signed in every browser: a frame, an image, a font or a form that got in would be refused.
"""

from __future__ import annotations

import base64
import hashlib
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from urllib.parse import quote

from sftunnel_builder.errors import printable
from sftunnel_builder.fleet import Fleet, FleetDevice, State
from sftunnel_builder.qr import qr_svg
from sftunnel_builder.resources import template, template_text
from sftunnel_builder.signer import grouped
from sftunnel_builder.words import Lang, gettext, speaking, spoken

_PIECES = 1000


def page_pieces(
    name: str, *, about: str, signer: str, store: str, **values: Any
) -> Iterator[bytes]:
    """Yield a page made from a template that extends page.html.j2, UTF-8, in the chosen language.

    about names the device or the change and stands, with the signer's fingerprint (64 hex digits),
    in the margins of every printed page. The ticks of pages with the same store are the same.
    """
    from markupsafe import Markup

    style = template_text("page.css") + _running_lines(about, signer)
    script = template_text("page.js")
    stream = template(name).stream(
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
    # Not rendered in one go: a page of ten thousand devices is made of a million pieces.
    stream.enable_buffering(_PIECES)
    return (piece.encode() for piece in stream)


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
    """Return the rule for the margins of a printed page: whose it is, who signed, how many."""
    line = "font: 8pt system-ui, sans-serif; color: #16202b; white-space: nowrap"
    signed = gettext("Signer {fingerprint}").format(fingerprint=grouped(signer))
    return f"""@page {{
  @top-left {{ content: {_css_string(about)}; {line}; }}
  @top-right {{ content: "sftunnel-bundler"; {line}; }}
  @bottom-left {{ content: {_css_string(signed)}; {line}; font-size: 7pt; }}
  @bottom-right {{ content: counter(page) " / " counter(pages); {line}; }}
}}
"""


def _css_string(text: str) -> str:
    """Return a CSS string, all but letters and digits of ASCII escaped (CSS Syntax 3, 4.3.7)."""
    safe = "".join(c if c.isascii() and c.isalnum() else f"\\{ord(c):06x}" for c in text)
    return f'"{safe}"'


@dataclass(frozen=True)
class _Shown:
    """How a state is shown: a class of page.css and a shape, a word, what fills its bar."""

    css: str
    label: str
    pattern: str = ""


@dataclass(frozen=True)
class _Part:
    """A part of the progress bar, which is 1000 long."""

    state: _Shown
    start: float
    width: float


def render_index(fleet: Fleet, refreshed: datetime | None, runbooks: str) -> bytes:
    """Return the page of the whole change, in the fleet's language: see `index_pieces`."""
    with speaking(Lang(fleet.lang)):
        return b"".join(index_pieces(fleet, refreshed, runbooks))


def index_pieces(fleet: Fleet, refreshed: datetime | None, runbooks: str) -> Iterator[bytes]:
    """Yield the page of the whole change, in the language that is spoken meanwhile.

    refreshed is when its states were last brought up to date, UTC; None in a kit, where nothing is
    installed yet. runbooks is the directory of the runbooks as seen from the page, with a slash.
    """
    fleet = replace(fleet, devices=tuple(map(_shown, fleet.devices)))
    states = _states()
    found = Counter(device.state for device in fleet.devices)
    counts = [(shown, found[state]) for state, shown in states.items()]
    return page_pieces(
        "index.html.j2",
        about=gettext("Change {kit}").format(kit=printable(fleet.kit_name)),
        signer=fleet.signer,
        store=f"sftunnel-bundler {fleet.signer[:16]} {fleet.created.isoformat()} change",
        fleet=fleet,
        kit_name=printable(fleet.kit_name),
        refreshed=refreshed,
        # As bytes: the name of a kit need not be UTF-8.
        runbooks=quote(os.fsencode(runbooks)),
        states=states,
        hows={"receipt": gettext("by receipt"), "code": gettext("by code"), "": ""},
        counts=counts,
        parts=_parts(counts),
        progress_text=", ".join(f"{shown.label}: {count}" for shown, count in counts),
        fmc_uuids=list(dict.fromkeys(uuid for each in fleet.devices for uuid in each.fmc_uuids)),
    )


def _shown(device: FleetDevice) -> FleetDevice:
    """Return a device whose texts from outside can be shown."""
    name, address = printable(device.name), printable(device.address)
    if (name, address) == (device.name, device.address):
        return device
    return replace(device, name=name, address=address)


def _states() -> dict[State, _Shown]:
    """Return how the states are shown, in the order of the progress bar."""
    return {
        State.DONE: _Shown("done", gettext("done")),
        State.UNCONFIRMED: _Shown("unconfirmed", gettext("no tunnel yet"), "strokes"),
        State.ROLLED_BACK: _Shown("rolled-back", gettext("rolled back"), "counter"),
        State.FAILED: _Shown("failed", gettext("failed"), "crosses"),
        State.PENDING: _Shown("pending", gettext("pending")),
    }


def _parts(counts: Sequence[tuple[_Shown, int]]) -> list[_Part]:
    """Return the progress bar: what is pending is left empty."""
    unit = 1000 / max(1, sum(count for _, count in counts))
    parts, start = [], 0.0
    for shown, count in counts:
        if count and shown.css != "pending":
            parts.append(_Part(shown, round(start, 2), round(count * unit, 2)))
        start += count * unit
    return parts
