"""What it costs: the months ahead with their bands, and by line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from sim.report.amounts import item_name
from sim.report.html.bars import Bar, bars
from sim.report.html.chart import FloatArray, Mark, Panel, Series, by_month
from sim.report.html.figure import figure
from sim.report.html.text import show

TOTALS = (("invoice_usd", "Invoice", 0), ("tco_usd", "TCO", 1))
_SHOWN_LINES = 12
_STACKED = 6
_DWARFED = 20.0
"""How many times the invoice the TCO of a month is, above which each has a scale of its own."""


def fan(summary: Mapping[str, Any]) -> str:
    """Invoice and TCO by month, p5 to p95 with the median; months in which something that is announced or likely happens are marked."""
    monthly = summary["monthly"]
    months = [str(each["month"]) for each in monthly]
    most = {key: float(np.nanmax(_of(monthly, key, "p95"), initial=0.0)) for key, *_ in TOTALS}
    # On one scale the smaller of the two would be a line on the floor.
    apart = most["tco_usd"] > _DWARFED * most["invoice_usd"]
    series = tuple(
        Series(
            f"{name}, USD a month" if apart else name,
            _of(monthly, key, "p50"),
            color,
            low=_of(monthly, key, "p5"),
            high=_of(monthly, key, "p95"),
        )
        for key, name, color in TOTALS
    )
    note = "The band is p5 to p95 over futures, the line their median. Bands of months do not add up to the band of the year."
    if apart:
        costs = tuple(Panel(each.name, "usd", (each,), height_px=180) for each in series)
    else:
        costs = (Panel("USD a month", "usd", series, height_px=260),)
    panels = (*costs, *_incidents(monthly))
    return figure(by_month("months", "Cost of each month", tuple(months), panels, marks=_marks(summary, months), note=note))


def _incidents(monthly: Sequence[Mapping[str, Any]]) -> tuple[Panel, ...]:
    """Hours of incidents under the cost; none where a folder does not say, or nothing happens."""
    if any(each.get("incident_hours") is None for each in monthly):
        return ()
    low, middle, high = (_of(monthly, "incident_hours", edge) for edge in ("p5", "p50", "p95"))
    if not high.any():
        return ()
    name = "hours of incidents that begin in the month"
    return (Panel(name, "number", (Series(name, middle, 4, low=low, high=high),), height_px=90),)


def _of(rows: Sequence[Mapping[str, Any]], key: str, edge: str) -> FloatArray:
    return np.array([np.nan if row[key] is None or row[key][edge] is None else float(row[key][edge]) for row in rows], dtype=np.float64)


def _marks(summary: Mapping[str, Any], months: Sequence[str]) -> tuple[Mark, ...]:
    """Price changes and retirements, the first month in which service levels are at risk, and when the budget is likely spent."""
    found = []
    for each in summary["forecast"].get("dated", ()):
        announced = " (likely)" if each["date"] is None else ""
        what = "price changes" if each["kind"] == "price_change" else f"ends{announced}"
        found.append(Mark(f"{each['name']} {what}", months.index(str(each["month"])) + 0.5))
    at_months = summary["slo"]["by_month"]
    at_risk = next((k for k, each in enumerate(at_months) if each["at_risk"]), None)
    if at_risk is not None:
        found.append(Mark("service levels at risk", at_risk + 0.5))
    budget = summary["budget"]
    if budget:
        spent = next((k for k, each in enumerate(budget["by_month"]) if each["spent_share"] > 0.5), None)
        if spent is not None and spent < len(months):
            found.append(Mark("budget spent in most futures", spent + 0.5, "limit"))
    return tuple(found)


def by_line(summary: Mapping[str, Any]) -> str:
    """The lines of the bill over all months by their mean, and the largest of them month by month."""
    lines = summary["total"]["lines"]
    order = sorted(lines, key=lambda line: -float(line["mean"]))
    rows = [
        Bar(
            _line(line),
            float(line["mean"]),
            0 if line["kind"] == "invoice" else 1,
            float(line["p5"]),
            float(line["p95"]),
            f"assumed: {line['assumed']}" if line["assumed"] else "",
        )
        for line in order[:_SHOWN_LINES]
    ]
    rest = sum(float(line["mean"]) for line in order[_SHOWN_LINES:])
    note = "Blue is on the invoice, the other colour on top of it."
    if rest:
        left = len(order) - _SHOWN_LINES
        note += f" {left} smaller {'line' if left == 1 else 'lines'}: {show(rest, 'usd')}."
    return bars("Cost by line, all months", rows, "usd", header=("Line", "mean (p5 to p95)"), note=note) + _stack(summary, order)


def _line(line: Mapping[str, Any]) -> str:
    own = "" if line["deployment"] == "shared" else f"{line['deployment']} "
    return f"{own}{item_name(str(line['item']))}"


def _stack(summary: Mapping[str, Any], order: Sequence[Mapping[str, Any]]) -> str:
    """Means by month, the largest lines apart and the others together: means add up to the mean of the total."""
    monthly = summary["monthly"]
    months = [str(each["month"]) for each in monthly]
    kept = [(line["deployment"], line["item"]) for line in order[:_STACKED]]
    parts = {key: np.zeros(len(months)) for key in [*kept, ("", "")]}
    for m, each in enumerate(monthly):
        for line in each["lines"]:
            if line["kind"] != "apart":
                key = (line["deployment"], line["item"])
                parts[key if key in parts else ("", "")][m] += float(line["mean"])
    names = [*(_line(line) for line in order[:_STACKED]), "all other lines"]
    series = tuple(
        Series(name, values, color, "stack", described=False)
        for color, (name, values) in enumerate(zip(names, parts.values(), strict=True))
    )
    panel = Panel("USD a month, mean", "usd", series)
    return figure(
        by_month("lines-by-month", "Cost by line and month", tuple(months), (panel,), note="Means, which add up; bands would not.")
    )


def replayed_lines(summary: Mapping[str, Any]) -> str:
    """The bill of a plain replay, scaled to a month."""
    lines = [line for line in summary["bill"]["lines"] if line["usd"]]
    rows = [Bar(_line(line), float(line["usd"] if line.get("month_usd") is None else line["month_usd"])) for line in lines]
    when = "a month of 730 hours at the rate of the trace" if summary["bill"]["month"] else "of the replay"
    return bars(f"Cost by line, {when}", sorted(rows, key=lambda row: -row.value), "usd", header=("Line", "USD"))
