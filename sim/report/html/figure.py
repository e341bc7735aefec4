"""A chart as a figure of the page: buttons for its series, panels with axes, a sentence that says what it shows, and its table.

What a reader sees when pointing at the chart is read from the table under it: there is one copy of every number.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sim.report.html.chart import Chart, Mark, Panel, Series
from sim.report.html.drawing import panel_svg, x_shares, x_ticks, y_axis
from sim.report.html.text import prose, safe, show
from sim.report.section import brief

_HIGH = 0.85
"""Above this share of a panel there is no room for the name of a limit over its line."""
_APART = 24.0
"""Percent of the width between names of marks on one line."""
_LINE_REM = 1.2
_LATE = 80.0
"""Percent of the width after which the name of a mark stands before it."""


def figure(chart: Chart) -> str:
    """The figure; nothing where there is no x or no value at all."""
    if not len(chart.x) or not any(np.isfinite(series.values).any() for panel in chart.panels for series in panel.series):
        return ""
    key = safe(chart.key)
    shares = ",".join(f"{share:.4f}" for share in x_shares(chart))
    series = [each for panel in chart.panels for each in panel.series]
    heights = _heights(chart)
    zoom = _zoom_buttons(chart.title) if chart.zoom else ""
    description = describe(chart)
    note = f"<p class=note>{prose(chart.note)}</p>" if chart.note else ""
    return (
        f'<figure class=chart id="{key}" data-x="{shares}"{heights}{" data-zoom" if chart.zoom else ""}>'
        f"<figcaption><h3>{safe(chart.title)}</h3>{zoom}</figcaption>{_legend(chart, series)}"
        f'<div class=panels tabindex=0 role=group aria-roledescription=chart aria-label="{safe(chart.title)}" '
        f'aria-describedby="{key}-says">'
        f"{_panels(chart)}{_x_labels(chart)}<div class=cursor hidden></div><output class=tip hidden></output></div>"
        f"<p class=says id={key}-says>{prose(description)}</p>{note}"
        f"<details><summary>Table: {safe(chart.title)}</summary>{_table(chart)}</details></figure>"
    )


def _heights(chart: Chart) -> str:
    """Where the dot of each x stands, so that pointing finds the nearest one in both directions; nothing for curves."""
    dots = [each for each in chart.panels[0].series if each.style == "dots"]
    if not dots:
        return ""
    axis = y_axis(chart.panels[0])
    values = [next((each.values[k] for each in dots if np.isfinite(each.values[k])), np.nan) for k in range(len(chart.x))]
    return f' data-y="{",".join(f"{axis.at(value):.4f}" if np.isfinite(value) else "" for value in values)}"'


def describe(chart: Chart) -> str:
    """What the chart shows, for those who do not see it: where each series starts and ends, and where it is highest."""
    sentences = []
    for panel in chart.panels:
        for series in panel.series:
            known = np.flatnonzero(np.isfinite(series.values))
            if not len(known) or not series.described:
                continue
            name = f"{panel.title}, {series.name}" if len(chart.panels) > 1 and panel.title != series.name else series.name
            first, last, top = known[0], known[-1], known[int(np.argmax(series.values[known]))]
            if len(known) == 1 or series.style == "dots":
                low = known[int(np.argmin(series.values[known]))]
                ends = f"{show(float(series.values[low]), panel.unit)} to {show(float(series.values[top]), panel.unit)}"
                sentences.append(f"{name}: {ends if low != top else show(float(series.values[top]), panel.unit)}.")
                continue
            parts = [f"{_at(chart, panel, series, int(first))} to {_at(chart, panel, series, int(last))}"]
            if top not in (first, last):
                parts.append(f"highest {_at(chart, panel, series, int(top))}")
            sentences.append(f"{name}: {', '.join(parts)}.")
    if chart.marks:
        sentences.append(f"Marked: {', '.join(_mark(chart, mark) for mark in chart.marks)}.")
    return " ".join(sentences)


def _mark(chart: Chart, mark: Mark) -> str:
    """A mark with the month in which it stands; one of a histogram says in its name where it is."""
    return f"{mark.name} ({chart.x_texts[min(int(mark.x), len(chart.x) - 1)]})" if chart.x_name == "Month" else mark.name


def _at(chart: Chart, panel: Panel, series: Series, k: int) -> str:
    return f"{show(float(series.values[k]), panel.unit)} ({chart.x_texts[k]})"


def _zoom_buttons(title: str) -> str:
    return (
        "<span class=zoom>"
        + "".join(
            f'<button type=button data-zoom-by="{what}" aria-label="{word}: {safe(title)}">{sign}</button>'
            for what, word, sign in (("in", "Zoom in", "+"), ("out", "Zoom out", "\u2212"), ("all", "Show all", "all"))
        )
        + "</span>"
    )


def _tick(label: str) -> str:
    """A round value without zeros that say nothing: `$0`, `50 ms`."""
    return brief(label) if not label.endswith(".00") else label[:-3]


def _legend(chart: Chart, series: list[Series]) -> str:
    """A button for each name: what is called alike in several panels comes and goes together. None where the panels have these names."""
    if all([each.name for each in panel.series] == [panel.title] for panel in chart.panels):
        return ""
    together: dict[tuple[str, int, bool], list[int]] = {}
    for k, each in enumerate(series):
        together.setdefault((each.name, each.color, each.dashed), []).append(k)
    if len(together) < 2:
        return ""
    buttons = "".join(
        f'<button type=button class="key c{color}{" dashed" if dashed else ""}" data-series="{",".join(map(str, numbers))}" '
        f"aria-pressed={'true' if series[numbers[0]].shown else 'false'}><i></i>{safe(name)}</button>"
        for (name, color, dashed), numbers in together.items()
    )
    return f"<div class=legend>{buttons}</div>"


def _panels(chart: Chart) -> str:
    parts, number = [], 0
    for panel in chart.panels:
        axis = y_axis(panel)
        ticks = "".join(f'<span style="top:{(1 - at) * 100:.1f}%">{safe(_tick(label))}</span>' for at, label in axis.ticks())
        limits = "".join(
            f'<b class="limit-name{" below" if axis.at(limit.value) > _HIGH else ""}" style="top:{(1 - axis.at(limit.value)) * 100:.1f}%">'
            f"{safe(limit.name)}</b>"
            for limit in panel.limits
        )
        title = f"<h4>{safe(panel.title)}</h4>" if len(chart.panels) > 1 else ""
        parts.append(
            f'{title}<div class=panel aria-hidden=true style="height:{panel.height_px}px"><div class=y>{ticks}</div>'
            f"<div class=plot>{panel_svg(chart, panel, number)}{limits}</div></div>"
        )
        number += len(panel.series)
    return "".join(parts)


def _x_labels(chart: Chart) -> str:
    ticks = "".join(
        f'<span class="{"odd" if k % 2 else ""}" style="left:{at * 100:.1f}%">{safe(_tick(label))}</span>'
        for k, (at, label) in enumerate(x_ticks(chart))
    )
    low, high = (float(chart.x[0]), float(chart.x[-1])) if not chart.banded else (0.0, float(len(chart.x)))
    places = [(mark, min(max((mark.x - low) / (high - low or 1.0), 0.0), 1.0) * 100) for mark in chart.marks]
    lines = _lines([at for _, at in places])
    marks = "".join(
        f'<span class="mark-name {safe(mark.kind)}{" end" if at > _LATE else " start" if at < 100 - _LATE else ""}" '
        f'style="left:{at:.1f}%;top:{line * _LINE_REM:.1f}rem">{safe(mark.name)}</span>'
        for (mark, at), line in zip(places, lines, strict=True)
    )
    if not marks:
        return f"<div class=x aria-hidden=true>{ticks}</div>"
    height = (max(lines) + 1) * _LINE_REM + 0.1
    return f'<div class=x-marks aria-hidden=true style="height:{height:.1f}rem">{marks}</div><div class=x aria-hidden=true>{ticks}</div>'


def _lines(places: Sequence[float]) -> list[int]:
    """On which line the name of each mark is written, so that those near to each other (percent of the width) do not cover one another."""
    taken: list[list[float]] = []
    found = []
    for place in places:
        line = next((k for k, others in enumerate(taken) if all(abs(place - other) > _APART for other in others)), len(taken))
        if line == len(taken):
            taken.append([])
        taken[line].append(place)
        found.append(line)
    return found


def _table(chart: Chart) -> str:
    """One row for each x; bands stand as `p50 (low to high)` in the cell of their series."""
    head = [chart.x_name, *(name for name, _ in chart.columns)]
    columns: list[list[str]] = [list(texts) for _, texts in chart.columns]
    shown = []
    for panel in chart.panels:
        for series in panel.series:
            head.append(f"{panel.title}: {series.name}" if len(chart.panels) > 1 and panel.title != series.name else series.name)
            shown.append(len(head) - 1)
            columns.append([_cell(series, panel, k) for k in range(len(chart.x))])
    head_html = "".join(f"<th scope=col{f' data-of={shown.index(k)}' if k in shown else ''}>{safe(name)}" for k, name in enumerate(head))
    rows = "".join(
        f"<tr><th scope=row>{safe(text)}" + "".join(f"<td>{safe(column[k])}" for column in columns) for k, text in enumerate(chart.x_texts)
    )
    return f"<div class=scroll tabindex=0><table class=values><thead><tr>{head_html}</thead><tbody>{rows}</tbody></table></div>"


def _cell(series: Series, panel: Panel, k: int) -> str:
    text = show(float(series.values[k]), panel.unit)
    if series.low is None or series.high is None or text == "-":
        return text
    return f"{text} ({show(float(series.low[k]), panel.unit)} to {show(float(series.high[k]), panel.unit)})"
