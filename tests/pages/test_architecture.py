"""The picture in docs/architecture.md can be read: in light and dark, nothing on top of another."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from browser import Page

PICTURE = Path(__file__).resolve().parents[2] / "docs/architecture.svg"
LOOK = """(() => {
  const all = (what, within = document) => [...within.querySelectorAll(what)];
  const place = (each) => {
    const {x, y, width, height} = each.getBBox();
    return {what: each.textContent.trim(), left: x, top: y, right: x + width, bottom: y + height};
  };
  const points = (path) => Array.from({length: Math.ceil(path.getTotalLength() / 3)}, (_, n) => {
    const {x, y} = path.getPointAtLength(3 * n);
    return [x, y];
  });
  const colour = (what) => all(what).map((each) => getComputedStyle(each).fill);
  return {
    boxes: all(".box").map((box) => ({
      ...place(box.querySelector("rect")), texts: all("text", box).map(place)
    })),
    loose: all("svg > text").map(place),
    flows: all(".flow").map(points),
    texts: colour("text, tspan"),
    grounds: colour(".box rect, .side, .back"),
  };
})()"""
MARGIN = 4


@pytest.fixture(params=["light", "dark"])
def seen(page: Page, request: pytest.FixtureRequest) -> dict[str, Any]:
    """What a browser makes of the picture, 800 pixels wide."""
    page.look(800, 720, request.param)
    page.open(PICTURE)
    assert page.said == []
    assert page.asked == [PICTURE.as_uri()]
    found: dict[str, Any] = page.run(LOOK)
    assert len(found["boxes"]) > 10
    return found


def overlap(one: dict[str, float], other: dict[str, float]) -> bool:
    return (
        one["left"] < other["right"]
        and other["left"] < one["right"]
        and one["top"] < other["bottom"]
        and other["top"] < one["bottom"]
    )


def test_every_text_is_in_its_box(seen: dict[str, Any]) -> None:
    outside = [
        text["what"]
        for box in seen["boxes"]
        for text in box["texts"]
        if text["left"] < box["left"] + MARGIN
        or text["right"] > box["right"] - MARGIN
        or text["top"] < box["top"]
        or text["bottom"] > box["bottom"]
    ]
    assert outside == []


def test_nothing_lies_on_top_of_another(seen: dict[str, Any]) -> None:
    texts = [text for box in seen["boxes"] for text in box["texts"]] + seen["loose"]
    for number, text in enumerate(texts):
        assert text["left"] >= 0
        assert text["right"] <= 800
        others = texts[number + 1 :] + (seen["boxes"] if text in seen["loose"] else [])
        assert [other["what"] for other in others if overlap(text, other)] == [], text["what"]
        crossed = [
            [x, y]
            for flow in seen["flows"]
            for x, y in flow
            if text["left"] < x < text["right"] and text["top"] < y < text["bottom"]
        ]
        assert crossed == [], text["what"]


def test_every_colour_of_text_stands_out_from_every_ground(seen: dict[str, Any]) -> None:
    texts, grounds = set(seen["texts"]), set(seen["grounds"])
    assert len(texts) > 2
    assert len(grounds) > 1
    for text in texts:
        for ground in grounds:
            assert contrast(text, ground) >= 4.5, f"{text} on {ground}"


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours, as WCAG 2.2 reckons it."""
    dark, light = sorted(map(_luminance, (one, other)))
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    parts = [int(part) / 255 for part in re.findall(r"\d+", colour)[:3]]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def test_colours_are_compared() -> None:
    assert round(contrast("rgb(0, 0, 0)", "rgb(255, 255, 255)"), 1) == 21.0
    assert contrast("rgb(255, 255, 255)", "rgb(200, 200, 200)") < 4.5
