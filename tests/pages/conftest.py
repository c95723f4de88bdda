"""The pages in a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from browser import Page, browse
from fleets import make_fleet, make_runbook
from sftunnel_builder.page import render_index
from sftunnel_builder.words import Lang


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a page of each kind: as in a kit, half done, of a thousand devices, a runbook."""
    place = tmp_path_factory.mktemp("pages")
    pending, half, many = make_fleet(12), make_fleet(12, is_half_done=True), make_fleet(1000)
    (place / "pending.html").write_bytes(render_index(pending, None, "runbooks/"))
    (place / "half.html").write_bytes(render_index(half, half.created, "../kit/runbooks/"))
    spanish = make_fleet(12, is_half_done=True, lang="es")
    (place / "spanish.html").write_bytes(render_index(spanish, half.created, "../kit/runbooks/"))
    (place / "many.html").write_bytes(render_index(many, None, "runbooks/"))
    (place / "runbook.html").write_bytes(make_runbook(Lang.EN))
    (place / "runbook-spanish.html").write_bytes(make_runbook(Lang.ES))
    return place


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """Start one browser for the tests of a module."""
    with browse(tmp_path_factory.mktemp("profile")) as page:
        yield page


@pytest.fixture
def page(browser: Page) -> Page:
    """Give the browser as it is at first: a desktop, light, scripts on, nothing kept."""
    browser.look(1280, 800)
    browser.use_script(True)
    return browser
