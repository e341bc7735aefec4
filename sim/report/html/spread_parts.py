"""How sure it is: how the total is spread over futures, where the spread comes from, and the budget."""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np

from sim.report.html.bars import Bar, bars
from sim.report.html.chart import Chart, Limit, Mark, Panel, Series, by_month
from sim.report.html.figure import figure
from sim.report.html.money_parts import TOTALS
from sim.report.html.text import show, spoken, table

_MOST_BINS = 24
_SMALLEST_SHARE = 0.001
_SAME = 1e-9
"""Share of the largest total below which totals differ by rounding alone, which no bins can hold apart."""


def drivers(summary: Mapping[str, Any]) -> str:
    """What the width of the band comes from: shares of the variance of the total, of the invoice and of the TCO."""
    found = [each for each in summary["drivers"] if max(each["share"], each["tco"]["share"]) > _SMALLEST_SHARE]
    of_invoice = sorted(found, key=lambda each: -each["share"])
    of_tco = sorted(found, key=lambda each: -each["tco"]["share"])
    text = "Share of the variance of the total that each group explains alone, with a 90 % interval"
    return bars(
        "What the spread of the invoice comes from",
        [Bar(group_name(each), each["share"], 0, each["low"], each["high"], each["what"]) for each in of_invoice],
        "share", header=("Group", "share"), note=_remainder(text, summary["drivers_remainder"]),
    ) + bars(
        "What the spread of the TCO comes from",
        [Bar(group_name(each), each["tco"]["share"], 1, each["tco"]["low"], each["tco"]["high"]) for each in of_tco],
        "share", header=("Group", "share"), note=_remainder(text, summary["drivers_remainder_tco"]),
    )  # fmt: skip


def group_name(driver: Mapping[str, Any]) -> str:
    """A group of what varies, in words: `GPU prices`."""
    return spoken(str(driver["group"]))


def _remainder(text: str, remainder: float | None) -> str:
    return f"{text}." if remainder is None else f"{text}; {show(remainder, 'share')} is what no group explains alone."


def spread(draws: Mapping[str, Any] | None, summary: Mapping[str, Any]) -> str:
    """How the total of all months is spread over futures, with the budget where one was given."""
    if draws is None:
        return ""
    return "".join(_histogram(draws, key, name, color, summary) for key, name, color in TOTALS)


def _histogram(draws: Mapping[str, Any], key: str, name: str, color: int, summary: Mapping[str, Any]) -> str:
    totals = np.bincount(np.unique(draws["future"], return_inverse=True)[1], weights=draws[key])
    if np.ptp(totals) <= _SAME * np.abs(totals).max(initial=0.0):
        return ""
    bins = min(_MOST_BINS, max(8, round(2 * math.sqrt(len(totals)))))
    counts, edges = np.histogram(totals, bins)
    band, limit = summary["total"][key], summary["budget"]
    named = [(f"{edge} {show(band[edge], 'usd')}", float(band[edge]), "event") for edge in ("p5", "p50", "p95")]
    if limit and edges[0] <= limit["usd"] <= edges[-1]:
        named.append((f"budget {show(limit['usd'], 'usd')}", float(limit["usd"]), "limit"))
    in_bins = bins / float(edges[-1] - edges[0])
    chart = Chart(
        key=f"spread-{key.partition('_')[0]}",
        title=f"{name} of all months: how often in {len(totals):,} futures",
        x=(edges[:-1] + edges[1:]) / 2,
        x_texts=tuple(f"{show(float(low), 'usd')} to {show(float(high), 'usd')}" for low, high in pairwise(edges)),
        x_name=name,
        panels=(Panel("futures", "count", (Series("futures", counts.astype(np.float64), color, "bars", described=False),)),),
        x_unit="usd",
        ends=(float(edges[0]), float(edges[-1])),
        banded=True,
        marks=tuple(Mark(text, (usd - float(edges[0])) * in_bins, "limit" if kind == "limit" else "event") for text, usd, kind in named),
        note=f"Half of the futures cost less than {show(band['p50'], 'usd')}, one in twenty more than {show(band['p95'], 'usd')}.",
    )
    return figure(chart)


def budget(summary: Mapping[str, Any]) -> str:
    """The budget against both totals, and by when it is spent."""
    found = summary["budget"]
    if not found:
        return ""
    rows = [
        [
            name,
            show(found[key]["p_exceed"], "share"),
            show(found[key]["excess_if_exceeded_usd"], "usd"),
            show(found[key]["expected_excess_usd"], "usd"),
        ]
        for key, name in (("invoice", "Invoice"), ("tco", "TCO"))
    ]
    shares = np.array([float(each["spent_share"]) for each in found["by_month"]], dtype=np.float64)
    months = tuple(str(each["month"]) for each in found["by_month"])
    panel = Panel("share of futures", "share", (Series("invoice", shares, 0, "step"),), (Limit("half of the futures", 0.5),), height_px=160)
    curve = figure(by_month("budget-by-month", "In which share of futures the budget is spent", months, (panel,)))
    header = ["Budget", "exceeded in", "then by, on average", "over all futures"]
    return table(header, rows, caption=f"Budget {show(found['usd'], 'usd')}") + curve
