"""Every page, and what only that of the whole change can do, in a real browser."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from browser import A4, LETTER, Page
from fleets import SIGNER, make_fleet
from found import Record
from rehearsal import need
from sftunnel_builder.fleet import State
from sftunnel_builder.signer import grouped

AXE = Path(__file__).parent / "node_modules/axe-core/axe.min.js"
MAX_FILTER_MS = 100
KINDS = ("pending.html", "half.html", "spanish.html", "runbook.html", "runbook-spanish.html")
HIGH = 9000
"""A screen in CSS pixels on which all of twelve devices is in sight, and so laid out."""


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("kind", [*KINDS, "many.html"])
def test_it_says_nothing_and_fetches_nothing(
    page: Page, pages: Path, kind: str, theme: str
) -> None:
    page.look(1280, 800, theme)
    page.open(pages / kind)
    assert page.said == []
    assert page.asked == [(pages / kind).as_uri()]


def test_its_policy_refuses_what_got_in(page: Page, pages: Path) -> None:
    page.open(pages / "half.html")
    page.run(
        """(() => {
          const picture = document.createElement("img");
          picture.src = "http://127.0.0.1:9/leak";
          const script = document.createElement("script");
          script.textContent = "window.gotIn = true";
          document.body.append(picture, script);
          document.body.setAttribute("onclick", "window.gotIn = true");
          document.body.click();
          document.body.setAttribute("style", "opacity: .5");
          return new Promise((done) => setTimeout(done, 200));
        })()"""
    )
    assert page.run("window.gotIn === undefined")
    assert page.run("getComputedStyle(document.body).opacity") == "1"
    assert len([said for said in page.said if "Content Security Policy" in said]) >= 4


@pytest.mark.parametrize("width", [320, 360, 768, 1280])
@pytest.mark.parametrize("kind", KINDS)
def test_it_never_scrolls_sideways(page: Page, pages: Path, kind: str, width: int) -> None:
    page.look(width, HIGH)
    page.open(pages / kind)
    assert page.run("document.documentElement.scrollWidth") <= width
    wide = "[...document.querySelectorAll('main *')].filter(e => e.scrollWidth > innerWidth).length"
    assert page.run(wide) == 0


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("kind", KINDS)
def test_axe_finds_no_violation(
    page: Page, pages: Path, record_property: Record, kind: str, width: int, theme: str
) -> None:
    need("axe-core (npm --prefix tests/pages ci)", AXE.is_file())
    page.look(width, HIGH, theme)
    page.open(pages / kind)
    page.run(AXE.read_text("utf-8"))
    said = json.loads(page.run("axe.run().then(JSON.stringify)"))
    violations = [
        (each["id"], [node["html"][:200] for node in each["nodes"]]) for each in said["violations"]
    ]
    assert violations == []
    assert len(said["passes"]) > 20
    version = said["testEngine"]["version"]
    record_property("found", f"axe-core {version}: no violation in {kind}, {width} px, {theme}")


def test_a_thousand_devices_are_filtered_at_once(
    page: Page, pages: Path, record_property: Record
) -> None:
    page.open(pages / "many.html")
    measure = """(async (text) => {
      const find = document.getElementById("find");
      const begin = performance.now();
      find.value = text;
      find.dispatchEvent(new Event("input"));
      document.body.offsetHeight;  // The layout counts, too.
      return performance.now() - begin;
    })"""
    texts = ("b", "bsns", "1120-99", "1120-999", "10.48.3.", "zzz", "", "10.48.1.7 bsns")
    rounds = [[page.run(f"{measure}({json.dumps(text)})") for text in texts] for _ in range(5)]
    # The best of some rounds, as other work on the machine is not the page's.
    slowest = max(map(min, zip(*rounds, strict=True)))
    record_property("found", f"1,000 devices filtered in at most {slowest:.0f} ms")
    assert slowest < MAX_FILTER_MS
    shown = "[...document.querySelectorAll('#fleet tbody tr')].filter(r => !r.hidden).length"
    wanted = sum("10.48.1.7" in each.address for each in make_fleet(1000).devices)
    assert 0 < page.run(shown) == wanted
    assert page.run("document.getElementById('find-count').value") == f"{wanted} of 1000 shown"
    assert page.run("document.getElementById('find-count').getAttribute('aria-live')") == "polite"


@pytest.mark.parametrize("state", ["done", "rolled-back", "failed", "pending"])
def test_a_state_is_filtered(page: Page, pages: Path, state: str) -> None:
    page.open(pages / "half.html")
    page.run(
        f"""(() => {{
          const state = document.getElementById("find-state");
          state.value = "{state}";
          state.dispatchEvent(new Event("change"));
        }})()"""
    )
    shown = page.run(
        "[...document.querySelectorAll('#fleet tbody tr')].filter(r => !r.hidden)"
        ".map(r => r.dataset.state)"
    )
    wanted = [
        d for d in make_fleet(12, is_half_done=True).devices if d.state.replace(" ", "-") == state
    ]
    assert shown == [state] * len(wanted) != []


def test_ticks_survive_a_reload_and_are_those_of_one_kit(page: Page, pages: Path) -> None:
    ticked = "[...document.querySelectorAll('[data-tick]:checked')].map(b => b.dataset.tick)"
    page.open(pages / "pending.html")
    assert page.run(ticked) == []
    page.run("document.querySelector('[data-tick=signer]').click()")
    page.reload()
    assert page.run(ticked) == ["signer"]
    # The page that `receipts` makes is about the same kit; another kit has ticks of its own.
    page.open(pages / "half.html")
    assert page.run(ticked) == ["signer"]
    other = (pages / "half.html").read_text().replace("2026-11-24T22:00", "2026-11-25T22:00")
    (pages / "other.html").write_text(other)
    page.open(pages / "other.html")
    assert page.run(ticked) == []


def test_it_works_where_nothing_can_be_kept(page: Page, pages: Path) -> None:
    blocked = page.call(
        "Page.addScriptToEvaluateOnNewDocument",
        source="Object.defineProperty(window, 'localStorage', {get() {throw new Error('no')}})",
    )
    page.open(pages / "half.html")
    page.run("document.querySelector('[data-tick=signer]').click()")
    assert page.run("document.querySelector('[data-tick=signer]').checked")
    assert page.run("document.getElementById('find-count').value") == "12 of 12 shown"
    assert page.said == []
    page.call("Page.removeScriptToEvaluateOnNewDocument", **blocked)


def test_without_a_script_all_is_there_but_what_needs_one(page: Page, pages: Path) -> None:
    page.use_script(False)
    page.open(pages / "half.html")
    page.use_script(True)
    seen = page.run("document.body.textContent")
    for device in make_fleet(12, is_half_done=True).devices:
        assert device.name in seen
        assert device.uuid in seen
        assert grouped(device.bundle_sha256) in seen
    assert grouped(SIGNER) in seen
    for state in State:
        assert state in seen
    rows = "[...document.querySelectorAll('#fleet tbody tr')]"
    assert page.run(f"{rows}.filter(r => r.checkVisibility()).length") == 12
    assert not page.run("document.querySelector('.find').checkVisibility()")
    assert page.said == []


def test_it_is_used_with_a_keyboard(page: Page, pages: Path) -> None:
    page.open(pages / "half.html")
    page.key("Tab")
    assert page.run("document.activeElement.className") == "skip"
    assert page.run("document.activeElement.getBoundingClientRect().left") >= 0
    page.key("Tab")
    assert page.run("document.activeElement.dataset.tick") == "backup"
    assert page.run("getComputedStyle(document.activeElement).outlineWidth") == "3px"
    assert page.run("getComputedStyle(document.activeElement).outlineStyle") == "solid"


@pytest.mark.parametrize(("name", "paper"), [("A4", A4), ("Letter", LETTER)])
def test_every_printed_page_says_whose_it_is(
    page: Page, pages: Path, tmp_path: Path, name: str, paper: tuple[float, float]
) -> None:
    need("pdftotext", shutil.which("pdftotext"))
    page.look(1280, 800, "dark")
    page.open(pages / "half.html")
    (tmp_path / "page.pdf").write_bytes(page.pdf(paper))
    command = ["pdftotext", "-layout", tmp_path / "page.pdf", "-"]
    sheets = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split("\f")
    assert sheets.pop() == ""
    assert len(sheets) in (3, 4)
    for number, sheet in enumerate(sheets, start=1):
        lines = [line for line in sheet.splitlines() if line.strip()]
        assert lines[0].startswith("Change kit-2026-11 ")
        assert re.fullmatch(rf"Signer {grouped(SIGNER)} +{number} ?/ ?{len(sheets)}", lines[-1])
    text = "\n".join(sheets)
    for device in make_fleet(12, is_half_done=True).devices:
        # All of a row is on one sheet.
        (sheet,) = [each for each in sheets if device.uuid in each]
        assert grouped(device.bundle_sha256)[-19:] in sheet
    assert "Find by name" not in text
    heads = [sheet for sheet in sheets if "Bundle and its" in sheet]
    assert len(heads) == len([each for each in sheets if ".tar.gz" in each])
