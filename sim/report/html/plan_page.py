"""The report of a plan: the stack to take, what it was chosen from, the calendar, and the stack as YAML."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from sim.report.export_source import RunFolder
from sim.report.html import source_parts
from sim.report.html.chart import Mark, Panel, Series, by_month
from sim.report.html.figure import figure
from sim.report.html.origin_parts import origin_tables, origins
from sim.report.html.page import Part, Tile, page, tiles
from sim.report.html.points_parts import Dot, cloud, named
from sim.report.html.text import Unit, code, listed, paragraph, show, table

_MOST_ROWS = 60
_LEAST_ROOM = -1.0
"""Room is drawn no further down: how hopeless a candidate is does not matter."""
_STACK = "stack.yaml"
_MOST_YAML_BYTES = 60_000
"""A stack that is longer is named, not shown."""


def plan_page(run: RunFolder) -> str:
    """The whole page of `sim plan`."""
    found = run.content
    parts = [
        Part("What it was chosen from", _cloud(found) + _ranked(found) + _failed(found) + _left_out(found)),
        Part("Calendar", _calendar(found)),
        Part("The stack", _stack(run)),
        Part("Where the numbers come from", listed([str(note) for note in found["notes"]]) + origin_tables(origins(run.folder / _STACK))),
        Part("To repeat it", source_parts.repeat(run.record, found["trace"])),
    ]
    levels = "; ".join(f"{each['metric']} {each['op']} {show(each['limit'], _unit(each['unit']))}" for each in found["levels"])
    subtitle = f"{found['candidates']:,} candidates of the space {found['space']} held to {levels}."
    first = paragraph(found["answer"], "answer") + tiles(_tiles(found)) + source_parts.prices(found.get("prices"))
    foot = ["Simulated, not measured.", f"sim {run.record.get('version')}, prices of {found['price_date']}, seed {found['seed']}."]
    return page(f"A plan for {found['trace']['name']}", subtitle, first, parts, foot)


def at_a_glance(found: Mapping[str, Any]) -> tuple[str, str]:
    """The answer with its figures, and the main charts."""
    return paragraph(found["answer"], "answer") + tiles(_tiles(found)), _cloud(found) + _calendar(found)


def _unit(name: str) -> Unit:
    return "s" if name == "s" else "share" if name == "share" else "usd" if name == "USD" else "number"


def _tiles(found: Mapping[str, Any]) -> list[Tile]:
    chosen = found["chosen"]
    if chosen is None:
        return [Tile("Feasible", "no", "no candidate meets every level", "bad")]
    sure = chosen["confidence"]
    made = [
        Tile("A month", show(chosen["monthly_usd"], "usd"), named(chosen["values"])),
        Tile("GPUs", show(chosen["gpus"], "number"), "paid on average"),
    ]
    if sure["met"] is not None:
        made.append(
            Tile(
                "Meets its levels in",
                show(sure["met"], "share"),
                f"{show(sure['low'], 'share')} to {show(sure['high'], 'share')}, {sure['of']} {sure['kind']}",
            )
        )
    if found["growth_until_it_breaks"]:
        grown = found["growth_until_it_breaks"]
        made.append(Tile("Holds until demand is", f"{grown['holds']:.2f} times", f"then {grown['level']} fails"))
    if found["runner_up"]:
        made.append(
            Tile(
                "Runner-up",
                show(found["runner_up"]["monthly_usd"], "usd"),
                f"{named(found['runner_up']['values'])}: {found['runner_up']['why']}",
            )
        )
    return made


def _cloud(found: Mapping[str, Any]) -> str:
    """Cost against how far the tightest level is from its limit."""
    front = {named(each["values"]) for each in found["frontier"]}
    seen: dict[str, Mapping[str, Any]] = {named(each["values"]): each for each in [*found["failed"], *found["frontier"], *found["ranked"]]}
    dots = [
        Dot(name, float(each["monthly_usd"]), max(float(each["room"]), _LEAST_ROOM), bool(each["met"]), name in front)
        for name, each in seen.items()
        if each["monthly_usd"] is not None and each["room"] is not None
    ]
    return cloud(
        "room",
        "Cost against room to the tightest level",
        dots,
        "room to the limit (0 % is at it; -100 % stands for that or worse)",
        "share",
    )


def _rows(found: Sequence[Mapping[str, Any]]) -> list[list[str]]:
    return [
        [
            named(each["values"]),
            show(each["monthly_usd"], "usd_exact"),
            "meets" if each["met"] else "misses",
            show(each["room"], "share"),
            str(each.get("why", "")),
        ]
        for each in found[:_MOST_ROWS]
    ]


def _ranked(found: Mapping[str, Any]) -> str:
    header = ["Ranked by cost", "USD a month", "levels", "room", ""]
    return table(header, _rows(found["ranked"])) if found["ranked"] else ""


def _failed(found: Mapping[str, Any]) -> str:
    header = ["Cheaper, but refused", "USD a month", "levels", "room", "why"]
    return table(header, _rows(found["failed"])) if found["failed"] else ""


def _left_out(found: Mapping[str, Any]) -> str:
    rows = [[str(each["why"]), str(each["count"])] for each in found["reasons"]]
    return table(["Not simulated, because", "candidates"], rows) if rows else ""


def _calendar(found: Mapping[str, Any]) -> str:
    rows = found["calendar"]
    if not rows:
        return ""
    months = tuple(str(each["month"]) for each in rows)

    def of(key: str) -> Any:
        return np.array([np.nan if each[key] is None else float(each[key]) for each in rows])

    panels = (
        Panel(
            "GPUs paid by the plan",
            "number",
            (Series("paid p50", of("gpus_p50"), 0, "step"), Series("paid p95", of("gpus_p95"), 0, "step", dashed=True)),
        ),
        Panel(
            "GPUs needed",
            "number",
            (Series("needed p50", of("needed_gpus_p50"), 1, "step"), Series("needed p95", of("needed_gpus_p95"), 1, "step", dashed=True)),
        ),
    )
    marks = tuple(Mark(f"order by {each['order_by']}", k + 0.5) for k, each in enumerate(rows) if each["order_by"])
    lead = found["lead_time"]
    note = "" if lead is None else f"Ordered {lead['days']:g} days ahead{' (assumed)' if lead['assumed'] else ''}: {lead['source']}."
    return figure(by_month("calendar", "GPUs by month", months, panels, marks=marks, note=note)) + table(
        ["Month", "GPUs p50", "GPUs p95", "needed p50", "needed p95", "order by"],
        [
            [
                str(e["month"]),
                *(show(e[k], "number") for k in ("gpus_p50", "gpus_p95", "needed_gpus_p50", "needed_gpus_p95")),
                str(e["order_by"] or "-"),
            ]
            for e in rows
        ],
    )


def _stack(run: RunFolder) -> str:
    file = run.folder / _STACK
    if not file.is_file():
        return ""
    if file.stat().st_size > _MOST_YAML_BYTES:
        return paragraph(f"It is in {_STACK}.", "note")
    return paragraph("As sim run takes it:", "note") + code(file.read_text("utf-8", errors="replace"))
