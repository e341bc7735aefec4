"""The report of `sim elastic`: the schedule of perfect foresight, and how near each autoscaler comes to it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sim.report.export_source import RunFolder
from sim.report.html import source_parts
from sim.report.html.chart import Chart, Panel, Series
from sim.report.html.figure import figure
from sim.report.html.page import Part, Tile, page, tiles
from sim.report.html.points_parts import Dot, cloud
from sim.report.html.tables import columns
from sim.report.html.text import Unit, code, paragraph, show, table
from sim.report.html.time_parts import clock

_MOST_ROWS = 200
_MOST_POINTS = 2000
_RECOMMENDED = ": recommended"
_WORST = 1.0
"""Excess over the worst level above which it does not matter how far an autoscaler is off."""


def elastic_page(run: RunFolder) -> str:
    """The whole page of `sim elastic`."""
    found = run.content
    parts = [
        Part("Autoscalers", _cloud(found) + _laws(found)),
        Part("Perfect foresight", _schedule(run)),
        Part("Recommended", _recommended(found)),
        Part("To repeat it", source_parts.repeat(run.record, found["trace"])),
    ]
    levels = "; ".join(f"{each['metric']} {each['op']} {show(each['limit'], _unit(each['metric']))}" for each in found["levels"])
    subtitle = (
        f"{len(found['autoscalers'])} autoscalers of {found['deployment']} in {found['stack']['name']}, held to {levels}; "
        f"{found['gpus_per_replica']} GPUs a replica, a cold start takes {show(found['cold_start_s'], 's')} in the mean."
    )
    first = paragraph(found["answer"], "answer") + tiles(_tiles(found))
    foot = [
        "GPU-hours are those provisioned, cold starts included. Simulated, not measured.",
        f"sim {run.record.get('version')}, prices of {run.record.get('price_date')}, seed {found['seed']}.",
    ]
    return page(f"GPUs over time of {found['stack']['name']} for {found['trace']['name']}", subtitle, first, parts, foot)


def _unit(metric: str) -> Unit:
    return "s" if metric.startswith(("ttft", "tpot", "e2e")) else "share"


def _hours(value: float | None) -> str:
    return show(value, "number")


def _tiles(found: Mapping[str, Any]) -> list[Tile]:
    perfect = found["perfect"]
    if perfect is None:
        return [Tile("Feasible", "no", "no count of replicas meets every level", "bad")]
    made = [Tile("GPU-hours with perfect foresight", _hours(perfect["gpu_hours"]), _replicas(perfect["replicas_mean"], " in the mean"))]
    fixed = [each for each in found["autoscalers"] if each["law"] == "fixed" and each["met"]]
    if fixed:
        least = min(fixed, key=lambda each: float(each["gpu_hours"]))
        made.append(Tile("GPU-hours, always as many", _hours(least["gpu_hours"]), f"{_replicas(least['replicas']['min'])}{_times(least)}"))
    if found["recommended"] is not None:
        best = found["autoscalers"][found["recommended"]]
        made.append(Tile("GPU-hours, recommended", _hours(best["gpu_hours"]), f"{_called(best)}{_times(best)}", "good"))
    if found.get("usd_per_gpu_hour") is not None:
        best = perfect if found["recommended"] is None else found["autoscalers"][found["recommended"]]
        what = "perfect foresight" if found["recommended"] is None else "recommended"
        made.append(Tile(f"Cost, {what}", show(best["usd"], "usd_exact"), f"at {show(found['usd_per_gpu_hour'], 'usd_exact')} a GPU-hour"))
    made.append(Tile("GPU-hours of the work alone", _hours(found["bound_gpu_hours"]), "at full throughput, replicas in parts"))
    return made


def _replicas(count: float, more: str = "") -> str:
    return f"{show(count, 'number')} {'replica' if count == 1 else 'replicas'}{more}"


def _times(row: Mapping[str, Any]) -> str:
    return "" if row["over_perfect"] is None else f", {row['over_perfect']:.2f} times perfect foresight"


def _called(row: Mapping[str, Any]) -> str:
    """An autoscaler by law, metric, target and bounds."""
    own, bounds = row["autoscaler"], row["replicas"]
    target = f" {own['metric']} {own['target']:g}" if own.get("target") is not None and own.get("metric") else ""
    between = f"{bounds['min']}" if bounds["min"] == bounds["max"] else f"{bounds['min']}-{bounds['max']}"
    return f"{row['law']}{target}, {between}{' (the stack as it is)' if row['own'] else ''}"


def _cloud(found: Mapping[str, Any]) -> str:
    """GPU-hours against how far the worst level is from its limit."""
    dots = [
        Dot(_called(each), float(each["gpu_hours"]), min(float(each["worst"]["excess_share"]), _WORST), bool(each["met"]))
        for each in found["autoscalers"]
    ]
    if found["perfect"] is not None:
        perfect = found["perfect"]
        dots.append(Dot("perfect foresight", float(perfect["gpu_hours"]), min(float(perfect["worst"]["excess_share"]), _WORST), True))
    return cloud(
        "gpu-hours",
        "GPU-hours against the worst level",
        dots,
        "excess over the limit of the worst level (0 % is at it; 100 % stands for that or worse)",
        "share",
        up=("GPU-hours", "number"),
    )


def _laws(found: Mapping[str, Any]) -> str:
    metrics = [str(each["metric"]) for each in found["levels"]]
    order = sorted(found["autoscalers"], key=lambda each: (not each["met"], float(each["gpu_hours"])))
    best = None if found["recommended"] is None else found["autoscalers"][found["recommended"]]
    rows = [
        [
            f"{_called(each)}{_RECOMMENDED if each is best else ''}",
            show(each["gpu_hours"], "number"),
            "-" if each["over_perfect"] is None else f"{each['over_perfect']:.2f}",
            *(show(each["measured"][metric], _unit(metric)) for metric in metrics),
            "yes" if each["met"] else "no",
            "-" if each["seeds_met"] is None else str(each["seeds_met"]),
        ]
        for each in order[:_MOST_ROWS]
    ]
    header = ["Autoscaler", "GPU-hours", "times perfect", *(metric.replace("_", " ") for metric in metrics), "met", "other seeds that met"]
    more = paragraph(f"{len(order) - _MOST_ROWS} more are in laws.csv.", "note") if len(order) > _MOST_ROWS else ""
    return table(header, rows) + more


def _schedule(run: RunFolder) -> str:
    found, schedule = run.content, columns(run, "schedule")
    if found["perfect"] is None or schedule is None or not len(schedule["start_s"]):
        return ""
    at_s = schedule["start_s"][:_MOST_POINTS]
    count = len(at_s)
    panels = (
        Panel(
            "replicas",
            "number",
            (
                Series("replicas of the schedule", schedule["replicas"][:count], 0, "step"),
                Series("work, in replicas at full throughput", schedule["work_replicas"][:count], 1),
            ),
            height_px=180,
        ),
        Panel("requests that arrive", "count", (Series("requests that arrive", schedule["requests"][:count], 2, "bars"),), height_px=130),
    )
    proof = (
        "No interval can do with one replica less, the others as they are; that no other schedule takes less is not proved."
        if found["perfect"]["locally_minimal"]
        else "The search was ended at its bound: fewer may do."
    )
    texts = tuple(clock(float(s)) for s in at_s)
    note = f"Intervals of {show(found['interval_s'], 's')}. {proof}"
    return figure(Chart("schedule", "The schedule of perfect foresight", at_s, texts, "From", panels, zoom=True, note=note))


def _recommended(found: Mapping[str, Any]) -> str:
    if found["recommended"] is None:
        return ""
    best = found["autoscalers"][found["recommended"]]
    settings = " \\\n  ".join(f"--set '{each}'" for each in best["settings"])
    said = "The stack as it is." if best["own"] or not settings else "To be laid over the stack; stack.recommended.yaml has it whole."
    pasted = code(settings) if settings else ""
    return paragraph(f"{_called(best)}. {said}") + pasted + paragraph("It was chosen on this trace: try it on another day.", "note")
