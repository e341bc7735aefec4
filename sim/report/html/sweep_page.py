"""The report of a sweep: cost against service of every point, what each axis does, all rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from sim.report.export_source import RunFolder
from sim.report.html import source_parts
from sim.report.html.chart import Chart, Panel, Series
from sim.report.html.figure import figure
from sim.report.html.page import Part, Tile, page, tiles
from sim.report.html.points_parts import Dot, cloud, named
from sim.report.html.text import Unit, paragraph, show, table

_COLUMNS: tuple[tuple[str, str, Unit], ...] = (
    ("ttft_p99_s", "TTFT p99", "s"),
    ("tpot_p95_s", "TPOT p95", "s"),
    ("goodput_per_s", "goodput a second", "number"),
    ("good_share", "within levels", "share"),
    ("load", "load", "share"),
    ("busy_share", "busy share", "share"),
    ("gpus_mean", "GPUs", "number"),
)
_MOST_ROWS = 400
_MOST_VALUES = 200
"""Of one axis that are drawn."""
_FRONTS: tuple[tuple[str, str, Unit], ...] = (("ttft_p99", "TTFT p99", "s"), ("goodput", "goodput, requests a second", "number"))


def sweep_page(run: RunFolder) -> str:
    """The whole page of `sim sweep`."""
    found = run.content
    cost = str(found["cost"])
    rows = found["rows"]
    parts = [
        Part("Cost against service", "".join(_front(found, key, words, unit) for key, words, unit in _FRONTS)),
        Part("What each axis does", _axes(found)),
        Part("All points", _table(rows, cost)),
        Part("To repeat it", source_parts.repeat(run.record, found["trace"])),
    ]
    first = paragraph(found["answer"], "answer") + tiles(_tiles(found)) + source_parts.prices(found.get("prices"))
    subtitle = (
        f"{len(rows)} points of {found['stack']}: {', '.join(axis['key'] for axis in found['axes'])} varied, each with the same luck."
    )
    foot = ["Simulated, not measured.", f"sim {run.record.get('version')}, prices of {found['price_date']}, seed {found['seed']}."]
    return page(f"{found['stack']} for {found['trace']['name']}, swept", subtitle, first, parts, foot)


def at_a_glance(found: Mapping[str, Any]) -> tuple[str, str]:
    """The answer with its figures, and the main charts."""
    return paragraph(found["answer"], "answer") + tiles(_tiles(found)), "".join(_front(found, *each) for each in _FRONTS)


def _tiles(found: Mapping[str, Any]) -> list[Tile]:
    rows, cost = found["rows"], found["cost"]
    made = [Tile("Points that meet the levels", f"{found['meets']} of {len(rows)}", "", "" if found["meets"] else "bad")]
    if found["cheapest"] is not None:
        row = rows[found["cheapest"]]
        made.append(Tile("Cheapest that does", show(row["metrics"][cost], "usd"), f"a month: {named(row['point'])}"))
    front = found["fronts"].get("ttft_p99")
    knee = front["meets"]["knee"] if front else None
    if knee is not None:
        row = rows[knee]
        made.append(
            Tile(
                "Knee of cost and TTFT p99",
                show(row["metrics"][cost], "usd"),
                f"{named(row['point'])}: {show(row['metrics']['ttft_p99_s'], 's')}",
            )
        )
    return made


def _front(found: Mapping[str, Any], key: str, words: str, unit: Unit) -> str:
    front = found["fronts"].get(key)
    if not front:
        return ""
    on = set(front["all"]["rows"])
    dots = [
        Dot(
            named(row["point"]),
            _number(row["metrics"].get(found["cost"])),
            _number(row["metrics"].get(front["metric"])),
            bool(row["meets"]),
            k in on,
        )
        for k, row in enumerate(found["rows"])
        if row["metrics"]
    ]
    return cloud(f"front-{key.replace('_', '-')}", f"Cost against {words}", dots, words, unit, log=unit == "s")


def _number(value: float | None) -> float:
    return float("nan") if value is None else float(value)


def _axes(found: Mapping[str, Any]) -> str:
    """One axis of numbers alone: its figures as curves."""
    axes = found["axes"]
    if len(axes) != 1 or not all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in axes[0]["values"]):
        return ""
    rows = [row for row in found["rows"] if row["metrics"]]
    if len(rows) < 2:
        return ""
    key = axes[0]["key"]
    xs = np.array([float(row["point"][key]) for row in rows])
    order = np.argsort(xs)
    if len(order) > _MOST_VALUES:
        order = order[np.linspace(0, len(order) - 1, _MOST_VALUES).astype(np.int64)]
    wanted: tuple[tuple[str, str, Unit], ...] = ((found["cost"], "USD a month", "usd"), *_COLUMNS[:3], _COLUMNS[4])
    panels = []
    for color, (metric, words, unit) in enumerate(wanted):
        values = np.array([_number(row["metrics"].get(metric)) for row in rows])[order]
        if np.isfinite(values).any():
            panels.append(Panel(words, unit, (Series(words, values, color),), height_px=130))
    texts = tuple(f"{xs[k]:g}" for k in order)
    note = "" if len(order) == len(xs) else f"{len(order):,} of {len(xs):,} values are drawn, evenly chosen."
    return figure(Chart("axis", f"Figures by {key}", xs[order], texts, key, tuple(panels), x_unit="number", note=note))


def _table(rows: Sequence[Mapping[str, Any]], cost: str) -> str:
    made = []
    for row in rows[:_MOST_ROWS]:
        if row["refused"] is not None and not row["metrics"]:
            made.append([named(row["point"]), f"not possible: {row['refused']}", *[""] * (len(_COLUMNS) + 1)])
            continue
        figures = [show(row["metrics"].get(metric), unit) for metric, _, unit in _COLUMNS]
        made.append([named(row["point"]), "meets" if row["meets"] else "misses", show(row["metrics"].get(cost), "usd_exact"), *figures])
    more = f"{len(rows) - _MOST_ROWS} more points are in sweep.csv." if len(rows) > _MOST_ROWS else ""
    return table(["Point", "levels", "USD a month", *(words for _, words, _ in _COLUMNS)], made, numbers_from=2) + (
        paragraph(more, "note") if more else ""
    )
