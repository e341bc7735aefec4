"""docs/images: the pictures of docs/concepts are what the engine does now, small, legible anywhere and described; the formula in one is the engine's."""

from __future__ import annotations

import functools
import math
import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from sim.report.html.chart import Chart
from tests.tools.concept_pictures import IMAGES, PICTURES, picture

LARGEST_BYTES = 30_000
NUMBER = re.compile(r"-?\d[\d,]*(?:\.\d+)?")


QUICK = ("queueing", "batching", "limits")
"""Pictures of single replays; the other is that of a forecast."""


@pytest.fixture(scope="module")
def charts() -> Callable[[str], Chart]:
    """A chart by its name, drawn once."""
    return functools.cache(lambda name: PICTURES[name]())


def compare(name: str, chart: Chart) -> None:
    """The picture in docs/images has the words of this chart, and its numbers as far as machines may differ."""
    drawn, now = (IMAGES / f"{name}.svg").read_text(encoding="utf-8"), picture(chart)
    assert NUMBER.sub("", drawn) == NUMBER.sub("", now)
    pairs = zip(*(map(float, NUMBER.findall(text.replace(",", ""))) for text in (drawn, now)), strict=True)
    assert all(math.isclose(a, b, rel_tol=0.01, abs_tol=1.0) for a, b in pairs)


@pytest.mark.slow
@pytest.mark.parametrize("name", QUICK)
def test_a_picture_is_what_the_engine_does_now(name: str, charts: Callable[[str], Chart]) -> None:
    compare(name, charts(name))


@pytest.mark.nightly
def test_the_fan_is_what_a_forecast_gives_now(charts: Callable[[str], Chart]) -> None:
    compare("bands", charts("bands"))
    band = charts("bands").panels[0].series[-1]
    assert band.low is not None and band.high is not None
    width = band.high - band.low
    assert width[-1] > 3 * width[0]


@pytest.mark.slow
def test_pictures_show_what_the_pages_say_of_them(charts: Callable[[str], Chart]) -> None:
    alone, formula, batched = (series.values for series in charts("queueing").panels[0].series)
    assert np.allclose(alone, formula, rtol=0.08)
    assert (batched < alone).all() and (np.diff(batched) > 0).all()
    token_s, per_s = (panel.series[0].values for panel in charts("batching").panels)
    assert (np.diff(token_s) > 0).all() and (np.diff(per_s) > 0).all()
    asked, window, bucket = (series.values for series in charts("limits").panels[0].series)
    begins, ends = (int((charts("limits").x == second).argmax()) for second in (50, 70))
    assert window[ends] - window[begins] > 90 > 70 > bucket[ends] - bucket[begins]
    assert (window <= asked).all() and (bucket <= asked).all()


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_is_small_and_shown_with_words(name: str, root: Path) -> None:
    file = IMAGES / f"{name}.svg"
    assert file.stat().st_size < LARGEST_BYTES
    drawing = ElementTree.fromstring(file.read_text(encoding="utf-8"))  # noqa: S314 - our own
    tags = [each.tag.rpartition("}")[2] for each in drawing.iter()]
    assert tags[:3] == ["svg", "title", "desc"] and "rect" in tags and "script" not in tags
    page = (root / "docs" / "concepts" / f"{name}.md").read_text(encoding="utf-8")
    assert re.search(rf"!\[[^\]]{{40,}}\]\(\.\./images/{name}\.svg\)", page)
