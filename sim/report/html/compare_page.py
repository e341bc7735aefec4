"""The report of stacks side by side: which is cheaper, how likely, from when, and at which service."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from sim.report.export_source import RunFolder
from sim.report.html import source_parts
from sim.report.html.bars import Bar, bars
from sim.report.html.chart import FloatArray, Limit, Mark, Panel, Series, by_month
from sim.report.html.figure import figure
from sim.report.html.gate_parts import gates
from sim.report.html.origin_parts import STACK_FILE, origin_tables, origins
from sim.report.html.page import Part, Tile, page, tiles
from sim.report.html.spread_parts import group_name
from sim.report.html.text import edges, paragraph, show, table

_KINDS = (("tco_usd", "TCO"), ("invoice_usd", "Invoice"))
_MOST_WARNINGS = 6
_MOST_DRIVERS = 3
_COLORS = 8
"""Of the palette; further stacks begin it again."""


def compare_page(run: RunFolder) -> str:
    """The whole page of `sim compare`."""
    found = run.content
    parts = [
        Part("Cost", _totals(found) + _months(found)),
        Part("Who is cheaper", _chances(found) + _pairs(found) + _crossings(found)),
        Part("How sure", _drivers(run)),
        Part("Service", _service(found) + _replays(run)),
        Part("Where the numbers come from", _sources(run)),
        Part("To repeat it", source_parts.repeat(run.record, found["trace"])),
    ]
    first = (
        paragraph(found["answer"], "answer")
        + tiles(_tiles(found))
        + gates(found["gates"], named=True)
        + source_parts.warnings(_warnings(found))
        + _prices(run)
    )
    same = f"{found['futures']:,} futures of {len(found['months'])} months, outlook {found['outlook']}"
    subtitle = f"{len(found['stacks'])} stacks over the same {same}."
    foot = [
        "The same traffic, prices and incidents happen to every stack. Simulated, not measured.",
        f"sim {run.record.get('version')}, prices of {found['price_date']}, seed {found['seed']}.",
    ]
    return page(f"{' or '.join(found['stacks'])} for {found['trace']['name']}", subtitle, first, parts, foot)


def at_a_glance(found: Mapping[str, Any]) -> tuple[str, str]:
    """The answer with its figures, and the main charts."""
    return paragraph(found["answer"], "answer") + tiles(_tiles(found)), _months(found) + _chances(found)


def _tiles(found: Mapping[str, Any]) -> list[Tile]:
    made = []
    for key, name in (("tco", "TCO"), ("invoice", "invoice")):
        cheapest = found["cheapest"][key]
        stack = found["stacks"][cheapest]
        band, chance = stack[f"{key}_usd"], stack["p_cheapest"][key]
        made.append(
            Tile(f"Cheapest by {name}", str(cheapest), f"mean {show(band['mean'], 'usd')}; the least in {show(chance, 'share')} of futures")
        )
    for stack, each in found["stacks"].items():
        band = each["tco_usd"]
        made.append(Tile(f"TCO of {stack}, median", show(band["p50"], "usd"), edges(band)))
    return made


def _warnings(found: Mapping[str, Any]) -> list[dict[str, str]]:
    """Each warning once, with the stacks that it is about."""
    about: dict[tuple[str, str], list[str]] = {}
    for stack, each in found["stacks"].items():
        for warning in each["warnings"]:
            about.setdefault((warning["cause"], warning["remedy"]), []).append(stack)
    return [
        {"cause": f"{', '.join(stacks)}: {cause}", "remedy": remedy} for (cause, remedy), stacks in list(about.items())[:_MOST_WARNINGS]
    ]


def _totals(found: Mapping[str, Any]) -> str:
    stacks = list(found["stacks"].items())
    return "".join(
        bars(
            f"{name} of all months",
            [
                Bar(stack, each[key]["p50"], color % _COLORS, each[key]["p5"], each[key]["p95"])
                for color, (stack, each) in enumerate(stacks)
            ],
            "usd",
            header=("Stack", "median (p5 to p95)"),
        )
        for key, name in _KINDS
    )


def _band(rows: Sequence[Mapping[str, Any]], key: str, edge: str) -> FloatArray:
    return np.array([float(row[key][edge]) for row in rows], dtype=np.float64)


def _months(found: Mapping[str, Any]) -> str:
    months = tuple(str(each) for each in found["months"])
    panels = tuple(
        Panel(
            f"{name}, USD a month",
            "usd",
            tuple(
                Series(
                    stack,
                    _band(each["monthly"], key, "p50"),
                    color % _COLORS,
                    low=_band(each["monthly"], key, "p5"),
                    high=_band(each["monthly"], key, "p95"),
                )
                for color, (stack, each) in enumerate(found["stacks"].items())
            ),
            height_px=200,
        )
        for key, name in _KINDS
    )
    marks = tuple(
        Mark(f"{pair['a']} and {pair['b']} cross", int(pair["run_rate_crossover_month"]) - 0.5)
        for pair in found["pairs"]
        if pair["run_rate_crossover_month"]
    )
    return figure(
        by_month("months", "Cost of each month", months, panels, marks=marks, note="Bands are p5 to p95 over futures, lines the median.")
    )


def _chances(found: Mapping[str, Any]) -> str:
    months = tuple(str(each) for each in found["months"])
    series = tuple(
        Series(f"{pair['a']} cheaper than {pair['b']}", np.array([float(each["p_a_cheaper"]) for each in pair["tco"]["by_month"]]), color)
        for color, pair in enumerate(found["pairs"][:_COLORS])
    )
    panel = Panel("share of futures, by TCO", "share", series, (Limit("as often as not", 0.5),))
    return figure(by_month("cheaper-by-month", "In which share of futures a month is cheaper", months, (panel,)))


def _pairs(found: Mapping[str, Any]) -> str:
    rows = []
    for pair in found["pairs"]:
        for kind, name in (("tco", "TCO"), ("invoice", "invoice")):
            band = pair[kind]["difference_usd"]
            between = "a tie" if pair[kind]["tie"] else f"{show(band['p5'], 'usd')} to {show(band['p95'], 'usd')}"
            rows.append(
                [f"{pair['a']} against {pair['b']}, {name}", show(pair[kind]["p_a_cheaper"], "share"), show(band["p50"], "usd"), between]
            )
    return table(["Pair, all months", "the first is cheaper in", "difference, median", "p5 to p95"], rows)


def _crossings(found: Mapping[str, Any]) -> str:
    """From when on, and from how much traffic, the stack that is dearer to start with costs less."""
    months = [str(each) for each in found["months"]]
    rows = []
    for pair in found["pairs"]:
        for kind, name in (("tco", "TCO"), ("invoice", "invoice")):
            costs = pair[kind]
            even = costs["break_even"]
            above = "-"
            if even["requests_per_month"] is not None:
                edges = f" ({show(even['low'], 'count')} to {show(even['high'], 'count')})" if even["low"] is not None else ""
                beyond = ", beyond what was replayed" if even["extrapolated"] else ""
                above = f"{even['cheaper_above']}: {show(even['requests_per_month'], 'count')}{edges}{beyond}"
            rows.append(
                [
                    f"{pair['a']} against {pair['b']}, {name}",
                    _first(costs["run_rate_crossover"], months),
                    _first(costs["payback"], months),
                    above,
                ]
            )
    header = ["When it turns", "costs less a month from", "has earned its start back by", "cheaper above so many requests a month"]
    return table(header, rows, numbers_from=9) if rows else ""


def _first(turn: Mapping[str, Any], months: Sequence[str]) -> str:
    """`api-first in 95 % of futures, in the median from 2027-03`; months count from 1, null: not within them."""
    if turn["stack"] is None or not turn["share"]:
        return "-"
    when = "" if turn["p50"] is None else f", in the median from {months[int(turn['p50']) - 1]}"
    return f"{turn['stack']} in {show(turn['share'], 'share')} of futures{when}"


def _service(found: Mapping[str, Any]) -> str:
    months = len(found["months"])
    rows = []
    for stack, each in found["stacks"].items():
        good = each["slo"]["good_share"]
        met = each["slo"]["months_met"]
        rows.append(
            [
                stack,
                str(each["slo"]["levels"]),
                f"{len(met) if isinstance(met, list) else met} of {months}",
                "-" if good is None else show(good["p50"], "share"),
                "-" if each["days_to_production"] is None else f"{each['days_to_production']:.0f} days",
            ]
        )
    return table(
        ["Stack", "service levels", "months met in 95 % of futures", "requests within both levels", "to production"], rows, numbers_from=2
    )


def _drivers(run: RunFolder) -> str:
    """What the spread of each stack's TCO comes from, the groups that explain most first."""
    rows = []
    for part in run.stacks:
        order = sorted(part.summary["drivers"], key=lambda each: -float(each["tco"]["share"]))[:_MOST_DRIVERS]
        said = ", ".join(f"{group_name(each)} {show(each['tco']['share'], 'share')}" for each in order)
        rows.append([part.name, said or "-"])
    return table(["What the spread of the TCO comes from", "share of its variance that each group explains alone"], rows, numbers_from=9)


def _replays(run: RunFolder) -> str:
    """The latency of the replay of the trace, stack by stack."""
    rows = []
    for part in run.stacks:
        ttft, tpot = part.summary["latency"]["ttft_s"], part.summary["latency"]["tpot_s"]
        times = [*(show(ttft[q], "s") for q in ("p50", "p95", "p99")), *(show(tpot[q], "s") for q in ("p50", "p95"))]
        rows.append([part.name, *times, show(part.summary["slo"]["good_share"], "share")])
    header = ["Replay of the trace", "TTFT p50", "TTFT p95", "TTFT p99", "TPOT p50", "TPOT p95", "within both levels"]
    return table(header, rows) if rows else ""


def _sources(run: RunFolder) -> str:
    found = run.content
    told = source_parts.assumptions(list(found["assumed"]), list(found["notes"]))
    return told + "".join(
        origin_tables(origins(folder / STACK_FILE), name) for name, folder in zip(run.names, run.part_folders, strict=True)
    )


def _prices(run: RunFolder) -> str:
    return source_parts.prices_of([part.summary for part in run.stacks])
