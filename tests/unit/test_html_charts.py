"""Axes and figures: round ticks inside the axis, tables that hold the data, and charts of few, many, strange and missing values."""

from __future__ import annotations

import math
import re
from typing import Literal, get_args

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from sim.report.html.axis import Axis, axis_of
from sim.report.html.bars import Bar, bars
from sim.report.html.chart import Chart, Limit, Mark, Panel, Series, by_month
from sim.report.html.drawing import x_ticks
from sim.report.html.figure import describe, figure
from sim.report.html.heat import heat_map
from sim.report.html.points_parts import Dot, cloud
from sim.report.html.text import Unit, show
from tests.made.reports_read import read

UNITS = [each for each in get_args(Unit) if each != "text"]
VALUES = st.floats(min_value=-1e12, max_value=1e12, allow_nan=False).map(lambda x: 0.0 if abs(x) < 1e-9 else x)
STYLES: tuple[Literal["line", "joined", "step", "bars", "dots", "stack"], ...] = ("line", "joined", "step", "bars", "dots", "stack")


@given(st.lists(VALUES, min_size=1, max_size=6), st.sampled_from(UNITS), st.booleans())
def test_an_axis_holds_its_values_and_its_ticks_are_inside(values: list[float], unit: Unit, zero: bool) -> None:
    axis = axis_of(values, unit, zero=zero)
    slack = 1e-6 * (axis.high - axis.low)
    assert axis.low < axis.high
    assert axis.low - slack <= min(values) and max(values) <= axis.high + slack
    assert not zero or axis.low <= 0 <= axis.high + slack
    places = [place for place, _ in axis.ticks()]
    assert 1 <= len(places) <= 8 and places == sorted(places) and all(0 <= place <= 1 for place in places)
    assert len(set(places)) == len(places)


@given(st.lists(st.floats(min_value=1e-6, max_value=1e6), min_size=1, max_size=6), st.sampled_from(["s", "usd", "number"]))
def test_a_logarithmic_axis(values: list[float], unit: Unit) -> None:
    axis = axis_of(values, unit, log=True)
    assert axis.low < min(values) <= max(values) < axis.high
    ticks = axis.ticks()
    assert 2 <= len(ticks) <= 7 and [place for place, _ in ticks] == sorted({place for place, _ in ticks})


@given(st.floats(min_value=1e-3, max_value=1e9), st.sampled_from(UNITS))
def test_ticks_are_evenly_spread(high: float, unit: Unit) -> None:
    axis = axis_of([high], unit)
    places = [place for place, _ in axis.ticks()]
    assume(len(places) > 2)
    assert np.allclose(np.diff(places), np.diff(places)[0])


@given(VALUES)
def test_a_value_stands_within_the_axis(value: float) -> None:
    for axis in (Axis(0.0, 1.0, "number"), Axis(0.1, 10.0, "s", log=True)):
        assert 0 <= axis.at(value) <= 1


def months(count: int, *series: Series, unit: Unit = "usd", limits: tuple[Limit, ...] = (), marks: tuple[Mark, ...] = ()) -> Chart:
    names = tuple(f"{2026 + k // 12}-{k % 12 + 1:02d}" for k in range(count))
    return by_month("made", "Made", names, (Panel("USD", unit, series, limits),), marks=marks)


def numbers(text: str) -> list[float]:
    return [float(each) for each in re.findall(r"-?\d+\.?\d*", " ".join(re.findall(r' d="([^"]*)"', text)))]


@pytest.mark.parametrize("count", [1, 2, 36, 120])
@pytest.mark.parametrize("style", STYLES)
def test_any_number_of_months_in_any_style(count: int, style: Literal["line", "joined", "step", "bars", "dots", "stack"]) -> None:
    values = np.linspace(1.0, 50_000.0, count)
    drawn = figure(months(count, Series("a", values, 0, style, low=values / 2, high=values * 2), Series("b", values[::-1], 1, style)))
    found = read(drawn)
    assert found.problems == [] and len(found.tables["made"]) == count + 1
    assert len(x_ticks(months(count, Series("a", values, 0)))) <= 6
    assert all(-1 <= each <= 1001 for each in numbers(drawn))
    assert [row[1] for row in found.tables["made"][1:]] == [
        f"{show(float(v), 'usd')} ({show(float(v) / 2, 'usd')} to {show(float(v) * 2, 'usd')})" for v in values
    ]


@pytest.mark.parametrize(
    "values",
    [[0.0] * 5, [math.nan, 1.0, math.nan, 2.0, math.nan], [math.nan] * 4 + [3.0], [-5.0, 0.0, 5.0, -1.0, 2.0], [1e-12] * 5, [1e15] * 5],
)
@pytest.mark.parametrize("style", STYLES)
def test_strange_values(values: list[float], style: Literal["line", "joined", "step", "bars", "dots", "stack"]) -> None:
    drawn = figure(months(5, Series("a", np.array(values), 0, style), limits=(Limit("limit", 1.0),)))
    found = read(drawn)
    assert found.problems == [] and "nan" not in "".join(re.findall(r' d="([^"]*)"', drawn)) and "inf" not in drawn
    assert [row[1] == "-" for row in found.tables["made"][1:]] == [math.isnan(each) for each in values]
    assert all(-1 <= each <= 1001 for each in numbers(drawn))


def test_nothing_is_drawn_of_nothing() -> None:
    assert figure(months(3, Series("a", np.full(3, np.nan), 0))) == figure(months(0, Series("a", np.zeros(0), 0))) == ""
    assert bars("none", [], "usd") == heat_map("none", ["a"], ["b"], np.full((1, 1), np.nan), "share") == ""
    assert cloud("none", "none", [Dot("a", 1.0, 1.0, True), Dot("b", math.nan, 1.0, True)], "x", "usd") == ""


def test_sixty_deployments_with_long_names() -> None:
    series = [Series(f"{'deployment-' * 20}{k}", np.arange(12.0) + k, k % 8) for k in range(60)]
    drawn = figure(months(12, *series))
    assert read(drawn).problems == [] and len(drawn) < 120_000
    assert drawn.count("data-series=") == 120


def test_bars_of_nought_and_below() -> None:
    drawn = bars("made", [Bar("a", 0.0), Bar("b", -3.0, low=-5.0, high=-1.0), Bar("c", 1.0, low=0.5, high=4.0)], "usd")
    assert read(drawn).problems == []
    assert all(0 <= float(each) <= 100 for each in re.findall(r"(?:width|left):(-?[\d.]+)%", drawn))


def test_the_text_alternative_says_ends_peak_and_marks() -> None:
    chart = months(3, Series("a", np.array([1.0, 9.0, 4.0]), 0), marks=(Mark("price of x changes", 1.5), Mark("late", 99.0)))
    assert describe(chart) == (
        "a: $1.00 (2026-01) to $4.00 (2026-03), highest $9.00 (2026-02). Marked: price of x changes (2026-02), late (2026-03)."
    )


def test_names_of_marks_do_not_cover_one_another() -> None:
    drawn = figure(months(12, Series("a", np.ones(12), 0), marks=tuple(Mark(f"m{k}", k + 0.5) for k in range(12))))
    places = [(float(left), float(top)) for left, top in re.findall(r'mark-name event[^"]*" style="left:([\d.]+)%;top:([\d.]+)rem"', drawn)]
    assert len(places) == 12
    assert all(abs(a[0] - b[0]) > 20 for k, a in enumerate(places) for b in places[:k] if a[1] == b[1])


def test_bins_are_labelled_at_round_values_between_their_ends() -> None:
    values = np.arange(4.0)
    panels = (Panel("n", "count", (Series("n", values, 0, "bars"),)),)
    chart = Chart("bins", "Bins", values, ("a", "b", "c", "d"), "USD", panels, x_unit="usd", ends=(38_500.0, 116_000.0), banded=True)
    assert [label for _, label in x_ticks(chart)] == ["$40.0 k", "$60.0 k", "$80.0 k", "$100 k"]
