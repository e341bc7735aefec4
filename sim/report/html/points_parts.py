"""Points of a sweep or candidates of a plan: cost against service as dots, and rows of their figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sim.report.html.chart import Chart, FloatArray, Panel, Series
from sim.report.html.figure import figure
from sim.report.html.text import Unit, show

_MOST_DOTS = 300
"""In one chart: more would make the page too large, and none could be told from the next."""


@dataclass(frozen=True)
class Dot:
    """One point: its name, what it costs (USD a month, or what its chart has upwards), where it stands across, and whether it meets its
    levels."""

    name: str
    usd: float
    across: float
    meets: bool
    on_front: bool = False


def named(values: Mapping[str, Any]) -> str:
    """`gpus 4, max_num_seqs 64`: the values that make a point, by the last part of their key."""
    return ", ".join(f"{key.split('.')[-1]} {value}" for key, value in values.items())


def cloud(
    key: str,
    title: str,
    dots: Sequence[Dot],
    across: str,
    unit: Unit,
    *,
    limit: float | None = None,
    log: bool = False,
    up: tuple[str, Unit] = ("USD a month", "usd"),
) -> str:
    """Cost, or what `up` names, against a figure (across); those that meet the levels, those that do not, and the front between them."""
    known = sorted(
        (dot for dot in dots if np.isfinite(dot.usd) and np.isfinite(dot.across)), key=lambda dot: (dot.across, dot.usd, dot.name)
    )
    if len(known) < 2:
        return ""
    count, known = len(known), _drawn(known)

    def chosen(which: Sequence[bool]) -> FloatArray:
        return np.array([dot.usd if kept else np.nan for dot, kept in zip(known, which, strict=True)])

    series = [
        Series("meets the levels", chosen([dot.meets for dot in known]), 2, "dots"),
        Series("misses a level", chosen([not dot.meets for dot in known]), 4, "dots"),
    ]
    if sum(dot.on_front for dot in known) > 1:
        front = chosen([dot.on_front for dot in known])
        series.insert(0, Series("front", front, 0, "joined", described=False))
    note = "" if limit is None else f" The level is {show(limit, unit)}."
    if len(known) < count:
        note += f" {len(known):,} of {count:,} points are drawn: the front, and of the others some from each part of the chart."
    return figure(
        Chart(
            key=key,
            title=title,
            x=np.array([dot.across for dot in known]),
            x_texts=tuple(show(dot.across, unit) for dot in known),
            x_name=across,
            panels=(Panel(*up, tuple(each for each in series if np.isfinite(each.values).any()), height_px=280),),
            x_unit=unit,
            x_log=log,
            columns=(("point", tuple(dot.name for dot in known)),),
            note=f"Across: {across}.{note}",
        )
    )


def _drawn(known: Sequence[Dot]) -> list[Dot]:
    """At most so many as a chart bears, in their order: those on the front first, then others evenly from left to right."""
    if len(known) <= _MOST_DOTS:
        return list(known)
    order = sorted(range(len(known)), key=lambda k: not known[k].on_front)
    front = sum(dot.on_front for dot in known)
    kept, others = order[: min(front, _MOST_DOTS)], order[front:]
    evenly = np.linspace(0, len(others) - 1, _MOST_DOTS - len(kept)).astype(np.int64) if others else ()
    return [known[k] for k in sorted({*kept, *(others[k] for k in evenly)})]
