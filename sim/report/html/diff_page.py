"""The report of a diff: what HEAD changes, which gates fail, what the change costs each month, and what it does to the service."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np

from sim.report.export_reading import read_json
from sim.report.export_source import RunFolder
from sim.report.html import source_parts
from sim.report.html.chart import FloatArray, Limit, Panel, Series, by_month
from sim.report.html.figure import figure
from sim.report.html.gate_parts import gates, unit_of
from sim.report.html.origin_parts import STACK_FILE, origin_tables, origins
from sim.report.html.page import Part, Tile, page, tiles
from sim.report.html.text import listed, paragraph, safe, show, signed, table

_KINDS = (("tco", "TCO"), ("invoice", "Invoice"))
_SIGNS = MappingProxyType({"added": "+", "changed": "~", "removed": "\u2212"})
_MOST_CHANGES = 60
_MOST_WARNINGS = 6
_DIGITS = 6


def diff_page(run: RunFolder) -> str:
    """The whole page of `sim diff`."""
    found = run.content
    base, head = found["base"], found["head"]
    parts = [
        Part("Changes", _changes(found)),
        Part("Cost", _costs(found)),
        Part("Service", _service(found) + _effects(found["replay"], "Replay") + _effects(found["months"], "Months")),
        Part("Where the numbers come from", _sources(found) + _origins(run)),
        Part("To repeat it", source_parts.repeat(run.record, found["trace"])),
    ]
    first = (
        paragraph(found["answer"], "answer")
        + tiles(_tiles(found))
        + gates(found["gates"], named=False)
        + source_parts.warnings(_warnings(found))
        + _prices(run)
    )
    ahead = found["forecast"]
    over = (
        f"{ahead['futures']:,} futures of {ahead['months']} months, outlook {ahead['outlook']}, the same ones for both"
        if ahead
        else "one replay of the trace each, without spread"
    )
    foot = [
        "Differences are HEAD less BASE. Simulated, not measured.",
        f"sim {run.record.get('version')}, prices of {found['price_date']}, seed {found['seed']}.",
    ]
    subtitle = f"BASE is {base['name']}, HEAD is {head['name']}: {over}."
    return page(f"{head['name']} against {base['name']} for {found['trace']['name']}", subtitle, first, parts, foot)


def _tiles(found: Mapping[str, Any]) -> list[Tile]:
    made = []
    for kind, name in _KINDS if found["costs"] else ():
        costs = found["costs"][kind]
        band = costs["difference_usd"]
        more = "to the cent in every future" if costs["tie"] else f"p5 {signed(band['p5'], 'usd')} to p95 {signed(band['p95'], 'usd')}"
        made.append(Tile(f"{name}, difference, median", "the same" if costs["tie"] else signed(band["p50"], "usd"), more))
    if found["costs"] and not found["costs"]["tco"]["tie"]:
        made.append(Tile("HEAD is dearer in", show(found["costs"]["tco"]["p_dearer"], "share"), "of futures, by TCO"))
    if found["gates"]:
        failed = found["gates_failed"]
        made.append(Tile("Gates", f"{failed} failed" if failed else "all hold", f"of {len(found['gates'])}", "bad" if failed else "good"))
    rows = {each["figure"]: each for each in found["replay"]}
    for figure_name, name in (("usd_per_month", "A month at this rate"), ("ttft_p99", "TTFT p99"), ("gpus", "GPUs at most")):
        each = rows.get(figure_name)
        if each and not (found["costs"] and figure_name == "usd_per_month"):
            unit = unit_of(each["kind"])
            made.append(Tile(name, show(each["head"], unit), f"was {show(each['base'], unit)}"))
    return made


def _changes(found: Mapping[str, Any]) -> str:
    """A part that is new or gone folded away, with what it is; one that differs open, key by key."""
    parts = "".join(_part(each) for each in (*found["groups"], *found["parts"]))
    same = ", ".join(found["unchanged_deployments"])
    return parts + (paragraph(f"Unchanged: {same}.", "note") if same else "")


def _part(part: Mapping[str, Any]) -> str:
    changed = part["state"] == "changed"
    rows = [
        [
            str(each["key"]).removeprefix(f"{part['name']}."),
            *([_plain(each["old"])] if part["state"] != "added" else []),
            *([f"{_plain(each['new'])}{_ofunit_of(each)}"] if part["state"] != "removed" else []),
            f"{'follows; ' if follows else ''}{each['new_from'] or each['old_from'] or ''}",
        ]
        for follows, changes in ((False, part["changes"]), (True, part["follows"]))
        for each in changes
    ]
    left = len(rows) - _MOST_CHANGES
    if left > 0:
        rows = [*rows[:_MOST_CHANGES], [f"{left} more are in diff.json", *[""] * (len(rows[0]) - 1)]]
    sides = {"added": ("HEAD",), "removed": ("BASE",), "changed": ("BASE", "HEAD")}[part["state"]]
    name = f"{_SIGNS[part['state']]} {part['name']} {part['state']}, {len(rows)} {'key' if len(rows) == 1 else 'keys'}"
    listed_rows = table(["Key", *sides, "source"], rows, numbers_from=9) if rows else ""
    return f"<details{' open' if changed else ''}><summary>{safe(name)}</summary>{listed_rows}</details>"


def _ofunit_of(change: Mapping[str, Any]) -> str:
    return f" {change['unit']}" if change["unit"] and change["new"] is not None else ""


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:.{_DIGITS}g}"
    return "absent" if value is None else str(value)


def _costs(found: Mapping[str, Any]) -> str:
    costs = found["costs"]
    if not costs:
        return ""
    rows = []
    for kind, name in _KINDS:
        for key, words in (("base_usd", "BASE"), ("head_usd", "HEAD")):
            rows.append([f"{name}, {words}", *(show(costs[kind][key][edge], "usd") for edge in ("p5", "p50", "p95")), ""])
        edges = [signed(costs[kind]["difference_usd"][edge], "usd") for edge in ("p5", "p50", "p95")]
        rows.append([f"{name}, difference", *edges, "a tie" if costs[kind]["tie"] else show(costs[kind]["p_dearer"], "share")])
    return table(["All months", "p5", "p50", "p95", "HEAD is dearer in"], rows) + "".join(
        _by_month(costs[kind]["by_month"], kind, name) for kind, name in _KINDS
    )


def _by_month(rows: Sequence[Mapping[str, Any]], kind: str, name: str) -> str:
    """The band of both sides and of their difference; a difference is taken in each future before its quantiles."""

    def series(key: str, text: str, color: int) -> Series:
        low, middle, high = (_of(rows, key, edge) for edge in ("p5", "p50", "p95"))
        return Series(text, middle, color, low=low, high=high)

    panels = (
        Panel(f"{name}, USD a month", "usd", (series("base_usd", "BASE", 7), series("head_usd", "HEAD", 0)), height_px=200),
        Panel("HEAD less BASE, USD a month", "usd", (series("difference_usd", "difference", 1),), (Limit("the same", 0.0),), height_px=140),
    )
    months = tuple(str(each["month"]) for each in rows)
    note = "Bands are p5 to p95 over futures, lines the median. Differences are those of each future."
    return figure(by_month(f"{kind}-by-month", f"{name} of each month", months, panels, note=note))


def _of(rows: Sequence[Mapping[str, Any]], key: str, edge: str) -> FloatArray:
    return np.array([np.nan if row[key][edge] is None else float(row[key][edge]) for row in rows], dtype=np.float64)


def _service(found: Mapping[str, Any]) -> str:
    rows = found["slo_by_month"]
    if not rows:
        return ""
    series = tuple(
        Series(name, np.array([float(each[key]) for each in rows]), color)
        for key, name, color in (("base_met_share", "BASE", 7), ("head_met_share", "HEAD", 0))
    )
    months = tuple(str(each["month"]) for each in rows)
    panel = Panel("share of futures", "share", series, (Limit("95 %", 0.95),))
    return figure(by_month("met-by-month", "In which share of futures a month meets every service level", months, (panel,)))


def _effects(found: Sequence[Mapping[str, Any]], title: str) -> str:
    rows = []
    for each in found:
        unit = unit_of(each["kind"])
        relative = each["relative"]
        rows.append(
            [
                _name(str(each["figure"])),
                *(_with_month(show(each[key], unit), each[f"{key}_month"]) for key in ("base", "head")),
                _with_month(signed(each["difference"], unit), each["difference_month"]),
                "" if not relative else f"{relative * 100:+.3g} %",
            ]
        )
    return table([f"{title}, figure as gates name it", "BASE", "HEAD", "difference", ""], rows) if rows else ""


def _with_month(text: str, month: str | None) -> str:
    return f"{text} ({month})" if month else text


def _name(figure_name: str) -> str:
    latency, _, quantile = figure_name.partition("_p")
    return f"{latency.upper()} p{quantile}" if latency in ("ttft", "tpot", "e2e") else figure_name


def _warnings(found: Mapping[str, Any]) -> list[dict[str, str]]:
    """Each warning once, with the sides that it is about."""
    about: dict[tuple[str, str], list[str]] = {}
    for name, side in (("BASE", found["base"]), ("HEAD", found["head"])):
        for warning in side["warnings"]:
            about.setdefault((warning["cause"], warning["remedy"]), []).append(name)
    return [{"cause": f"{', '.join(names)}: {cause}", "remedy": remedy} for (cause, remedy), names in list(about.items())[:_MOST_WARNINGS]]


def _sources(found: Mapping[str, Any]) -> str:
    said = found["assumptions"]
    added, removed = [*said["added"], *said["outlook_added"]], [*said["removed"], *said["outlook_removed"]]
    notes = [f"{name}: {note}" for name, side in (("BASE", found["base"]), ("HEAD", found["head"])) for note in side["notes"]]
    return (
        (f"<h3>Assumed by HEAD and not by BASE</h3>{listed(added)}" if added else "")
        + (f"<h3>Assumed by BASE and no longer by HEAD</h3>{listed(removed)}" if removed else "")
        + source_parts.assumptions([], notes)
    )


def _origins(run: RunFolder) -> str:
    return "".join(
        origin_tables(origins(folder / STACK_FILE), name) for name, folder in zip(("BASE", "HEAD"), run.part_folders, strict=True)
    )


def _prices(run: RunFolder) -> str:
    """The prices of both sides; nothing where their summaries are not there."""
    files = [folder / "summary.json" for folder in run.part_folders]
    return source_parts.prices_of([read_json(file, str(run.folder)) for file in files if file.is_file()])
