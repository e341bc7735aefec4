"""Panels as SVG whose marks stretch with the page: 1000 by 100 units, strokes that keep their width; labels are HTML beside it."""

from __future__ import annotations

import numpy as np

from sim.report.html.axis import Axis, axis_of
from sim.report.html.chart import Chart, FloatArray, Panel, Series
from sim.report.html.text import safe

WIDTH = 1000.0
HEIGHT = 100.0
_NARROW = 6
"""Ticks of the x axis at most; every second one goes where the page is narrow."""


def x_shares(chart: Chart) -> FloatArray:
    """[N] where each x stands, 0 at the left and 1 at the right end."""
    count = len(chart.x)
    if chart.banded:
        return (np.arange(count) + 0.5) / max(count, 1)
    axis = x_axis(chart)
    return np.array([axis.at(float(value)) for value in chart.x])


def x_axis(chart: Chart) -> Axis:
    """The axis of x: its own ends for moments, round ones for amounts."""
    if chart.x_unit == "text" or chart.zoom:
        low, high = (float(chart.x[0]), float(chart.x[-1])) if len(chart.x) else (0.0, 1.0)
        return Axis(low, high if high > low else low + 1.0, chart.x_unit)
    return axis_of(map(float, chart.x), chart.x_unit, log=chart.x_log, zero=False)


def x_ticks(chart: Chart) -> tuple[tuple[float, str], ...]:
    """Places and labels below the panels."""
    if chart.ends is not None:
        return Axis(*chart.ends, chart.x_unit).ticks(_NARROW)
    if chart.x_unit != "text" and not chart.zoom and not chart.banded:
        return x_axis(chart).ticks(_NARROW)
    count = len(chart.x)
    every = max(1, -(-count // _NARROW))
    shares = x_shares(chart)
    return tuple((float(shares[k]), chart.x_texts[k]) for k in range(0, count, every))


def y_axis(panel: Panel) -> Axis:
    """An axis that holds every series of a panel, stacks summed, and its limits."""
    stacked = [series.values for series in panel.series if series.style == "stack"]
    values = [np.nansum(np.maximum(stacked, 0.0), axis=0)] if stacked else []
    values += [np.asarray(part) for s in panel.series if s.style != "stack" for part in (s.values, s.low, s.high) if part is not None]
    values.append(np.array([limit.value for limit in panel.limits]))
    return axis_of((float(v) for part in values for v in part), panel.unit, log=panel.log, zero=panel.zero)


def panel_svg(chart: Chart, panel: Panel, first_series: int) -> str:
    """The marks of one panel; `first_series` numbers its series through the chart, for the buttons."""
    axis = y_axis(panel)
    xs = x_shares(chart) * WIDTH
    parts = [f'<path class=grid d="M0 {_y(axis, at):.2f}H{WIDTH:.0f}"/>' for at in _levels(axis)]
    floor = np.zeros(len(xs))
    # Bands first, so that none lies over the line of another series.
    for number, series in enumerate(panel.series, first_series):
        if series.low is not None and series.high is not None:
            parts.append(_group(number, series, f'<path class=band d="{_band(xs, series.low, series.high, axis)}"/>'))
    for number, series in enumerate(panel.series, first_series):
        parts.append(_group(number, series, _series(series, xs, axis, len(xs), floor)))
        if series.style == "stack":
            floor = floor + np.nan_to_num(np.maximum(series.values, 0.0))
    for limit in panel.limits:
        parts.append(f'<path class=limit d="M0 {_y(axis, limit.value):.2f}H{WIDTH:.0f}"/>')
    low, high = (x_axis(chart).low, x_axis(chart).high) if not chart.banded else (0.0, float(len(xs)))
    for mark in chart.marks:
        at = (mark.x - low) / (high - low) * WIDTH
        parts.append(f'<path class="mark {safe(mark.kind)}" d="M{at:.1f} 0V{HEIGHT:.0f}"/>')
    return f'<svg viewBox="0 0 {WIDTH:.0f} {HEIGHT:.0f}" preserveAspectRatio=none aria-hidden=true focusable=false>{"".join(parts)}</svg>'


def _group(number: int, series: Series, drawn: str) -> str:
    """What belongs to a series: it comes and goes with its button."""
    hidden = "" if series.shown else " hidden"
    return f'<g data-series={number} class="c{series.color}{" dashed" if series.dashed else ""}"{hidden}>{drawn}</g>'


def _levels(axis: Axis) -> list[float]:
    return [
        share * (axis.high - axis.low) + axis.low if not axis.log else axis.low * (axis.high / axis.low) ** share
        for share, _ in axis.ticks()
    ]


def _y(axis: Axis, value: float) -> float:
    return (1.0 - axis.at(value)) * HEIGHT


def _series(series: Series, xs: FloatArray, axis: Axis, count: int, floor: FloatArray) -> str:
    if series.style == "dots":
        dots = "".join(f"M{x:.1f} {_y(axis, y):.2f}h0" for x, y in zip(xs, series.values, strict=True) if np.isfinite(y))
        return f'<path class=dots d="{dots}"/>'
    if series.style in ("bars", "stack"):
        return f'<path class=bar d="{_bars(series, xs, axis, count, floor)}"/>'
    kept = np.isfinite(series.values) if series.style == "joined" else np.ones(len(xs), dtype=bool)
    return f'<path class=line d="{_line(xs[kept], series.values[kept], axis, step=series.style == "step")}"/>'


def _line(xs: FloatArray, values: FloatArray, axis: Axis, *, step: bool) -> str:
    """A curve that breaks off where a value is missing."""
    parts: list[str] = []
    pen = False
    for x, value in zip(xs, values, strict=True):
        if not np.isfinite(value):
            pen = False
            continue
        y = _y(axis, value)
        if not pen:
            parts.append(f"M{x:.1f} {y:.2f}")
        else:
            parts.append(f"H{x:.1f}V{y:.2f}" if step else f"L{x:.1f} {y:.2f}")
        pen = True
    if len(parts) == 1:
        parts.append("h0.01")
    return "".join(parts)


def _band(xs: FloatArray, low: FloatArray, high: FloatArray, axis: Axis) -> str:
    known = np.isfinite(low) & np.isfinite(high)
    if not known.any():
        return ""
    top = [f"{x:.1f} {_y(axis, y):.2f}" for x, y in zip(xs[known], high[known], strict=True)]
    bottom = [f"{x:.1f} {_y(axis, y):.2f}" for x, y in zip(xs[known][::-1], low[known][::-1], strict=True)]
    return f"M{'L'.join([*top, *bottom])}Z"


def _bars(series: Series, xs: FloatArray, axis: Axis, count: int, floor: FloatArray) -> str:
    gaps = np.diff(xs)
    width = (float(gaps.min()) if len(gaps) else WIDTH / max(count, 1)) * (0.98 if count > 40 else 0.8)
    parts = []
    for x, value, base in zip(xs, series.values, floor, strict=True):
        if np.isfinite(value) and value != 0:
            start = base if series.style == "stack" else max(0.0, axis.low)
            top, bottom = _y(axis, start + value), _y(axis, start)
            parts.append(f"M{x - width / 2:.1f} {bottom:.2f}V{top:.2f}h{width:.1f}V{bottom:.2f}Z")
    return "".join(parts)
