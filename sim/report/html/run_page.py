"""The report of one run: a forecast of months, or a plain replay."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sim.report.export_source import RunFolder
from sim.report.html import money_parts, service_parts, source_parts, spread_parts, time_parts
from sim.report.html.origin_parts import STACK_FILE, origin_tables, origins
from sim.report.html.page import Part, Tile, page, tiles
from sim.report.html.tables import columns
from sim.report.html.text import edges, paragraph, show


def run_page(run: RunFolder) -> str:
    """The whole page of `sim run`."""
    summary = run.content
    ahead = summary["forecast"]
    latency, curves = columns(run, "latency"), columns(run, "latency_curves")
    timeline = columns(run, "timeline")
    if ahead:
        cost = money_parts.fan(summary) + money_parts.by_line(summary)
        spread = spread_parts.spread(columns(run, "draws"), summary) + spread_parts.drivers(summary)
    else:
        cost, spread = money_parts.replayed_lines(summary), ""
    parts = [
        Part("Cost", cost),
        Part("Budget", spread_parts.budget(summary)),
        Part("How sure", spread),
        Part("Service", service_parts.levels(summary) + service_parts.months_at_risk(summary) + service_parts.incidents(summary)),
        Part("Latency", service_parts.curves(curves, summary) + service_parts.quantiles(latency)),
        Part("Capacity", time_parts.gpus_by_month(columns(run, "capacity"), summary)),
        Part("The replay over time", time_parts.timeline(timeline, summary) + time_parts.load_by_hour(timeline, summary)),
        Part("Where the numbers come from", _sources(summary) + origin_tables(origins(run.folder / STACK_FILE))),
        Part("To repeat it", source_parts.repeat(run.record, summary["trace"])),
    ]
    trace, stack = summary["trace"], summary["stack"]
    subtitle = f"{source_parts.sentence(stack['description'])} {trace['requests']:,} requests over {show(trace['duration_s'], 's')}."
    return page(f"{stack['name']} for {trace['name']}", subtitle, _first(summary), parts, _foot(run.record, ahead))


def at_a_glance(summary: Mapping[str, Any], curves: Mapping[str, Any]) -> tuple[str, str]:
    """The answer with its figures, and the main charts."""
    cost = money_parts.fan(summary) if summary["forecast"] else money_parts.replayed_lines(summary)
    return paragraph(summary["answer"], "answer") + tiles(_tiles(summary)), cost + service_parts.curves(curves, summary)


def _first(summary: Mapping[str, Any]) -> str:
    """The page that is passed on: the answer, its figures, what moves them, and on which prices they stand."""
    return (
        paragraph(summary["answer"], "answer") + tiles(_tiles(summary)) + source_parts.warnings(summary["warnings"])
        + source_parts.prices(summary["prices"])
    )  # fmt: skip


def _tiles(summary: Mapping[str, Any]) -> list[Tile]:
    found = []
    if summary["forecast"]:
        months = summary["forecast"]["months"]
        for key, name in (("invoice_usd", "Invoice"), ("tco_usd", "TCO")):
            band = summary["total"][key]
            more = f"{edges(band)}, mean {show(band['mean'], 'usd')}"
            found.append(Tile(f"{name}, {months} {'month' if months == 1 else 'months'}, median", show(band["p50"], "usd"), more))
        if summary["budget"]:
            p = summary["budget"]["invoice"]["p_exceed"]
            found.append(
                Tile(
                    "Budget exceeded by the invoice",
                    show(p, "share"),
                    f"of futures; the budget is {show(summary['budget']['usd'], 'usd')}",
                    "bad" if p > 0.5 else "",
                )
            )
        drivers = sorted(summary["drivers"], key=lambda each: -each["share"])[:2]
        if drivers:
            text = ", ".join(f"{spread_parts.group_name(each)} {show(each['share'], 'share')}" for each in drivers)
            found.append(Tile("The invoice's spread comes from", spread_parts.group_name(drivers[0]), text))
    elif summary["bill"]["month"]:
        found.append(
            Tile(
                "A month at this rate",
                show(summary["bill"]["month"]["total_usd"], "usd_exact"),
                str(summary["bill"]["month"]["caveat"] or ""),
            )
        )
    latency = summary["latency"]
    found.append(
        Tile(
            "TTFT of the replay",
            show(latency["ttft_s"]["p50"], "s"),
            f"median; p95 {show(latency['ttft_s']['p95'], 's')}, p99 {show(latency['ttft_s']['p99'], 's')}",
        )
    )
    found.append(Tile("TPOT of the replay", show(latency["tpot_s"]["p50"], "s"), f"median; p95 {show(latency['tpot_s']['p95'], 's')}"))
    met = summary["slo"]["met"]
    share = show(summary["slo"]["good_share"], "share")
    found.append(
        Tile(
            "Service levels of the replay",
            "met" if met else "missed",
            f"{share} of requests within both latency levels",
            "good" if met else "bad",
        )
    )
    return found


def _sources(summary: Mapping[str, Any]) -> str:
    ahead = summary["forecast"] or {"assumed": [], "notes": [], "mode": ""}
    mode = [f"the months come from {summary['forecast']['cells']} replays of {ahead['mode']}"] if summary["forecast"] else []
    return source_parts.profiles(summary["profiles"]) + source_parts.assumptions(
        ahead["assumed"], [*summary["notes"], *mode, *ahead["notes"]]
    )


def _foot(record: Mapping[str, Any], ahead: Mapping[str, Any] | None) -> list[str]:
    what = "A forecast: a band is p5 to p95 over futures drawn from an outlook." if ahead else "A replay of the trace, without spread."
    return [
        f"{what} Simulated, not measured.",
        f"sim {record.get('version')}, prices of {record.get('price_date')}, seed {record.get('seed')}.",
    ]
