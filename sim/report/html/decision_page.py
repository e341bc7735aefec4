"""The report of a decision: what to take and how sure that is, the gates, costs month by month, the matrices, and what would change it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from sim.report.export_source import RunFolder
from sim.report.html import source_parts
from sim.report.html.chart import Panel, Series, by_month
from sim.report.html.figure import figure
from sim.report.html.page import Part, Tile, page, tiles
from sim.report.html.text import edges, listed, paragraph, show, spoken, table

_WORDS_ONLY = 9
"""More columns than any table has: none of them is set as numbers."""


def decision_page(run: RunFolder) -> str:
    """The whole page of `sim decide`."""
    found = run.content
    trace, needs = found["trace"], found["needs"]
    parts = [
        Part("Gates", _gates(found["gates"]) + _relax(found)),
        Part("Costs", _costs(found) + _months(found)),
        Part("Performance requirements", _performance(found["matrix"]["performance"])),
        Part("Weighted matrix", _weighted(found["matrix"]["weighted"])),
        Part("What would change it", listed([each["says"] for each in found["would_change"]])),
        Part("Signals", _signals(found)),
        Part("Lock-in", _lock_in(found["lock_in"])),
        Part("Advice", _advice(found["advice"])),
        Part("Checklist", _checklist(found["checklist"])),
        Part("Where the numbers come from", source_parts.assumptions(list(found["assumed"]), found["notes"])),
        Part("To repeat it", source_parts.repeat(run.record, trace)),
    ]
    first = paragraph(found["answer"], "answer") + tiles(_tiles(found))
    over = f"{found['futures']:,} futures of {len(found['months'])} months, the same for all strategies."
    subtitle = f"{needs['description']} {over}" if needs["description"] else over
    foot = [
        "Simulated, not measured.",
        f"sim {run.record.get('version')}, prices of {found['price_date']}, seed {found['seed']}, outlook {found['outlook']}.",
    ]
    return page(f"{needs['name']} for {trace['name']}", subtitle, first, parts, foot)


def _tiles(found: Mapping[str, Any]) -> list[Tile]:
    taken = found["recommendation"]
    if taken is None:
        return [Tile("take", "nothing passes", f"{len(found['strategies'])} strategies", "bad")]
    cost = found["strategies"][taken["strategy"]]["tco_usd"]
    made = [
        Tile("take", taken["strategy"], found["strategies"][taken["strategy"]]["kind"].replace("_", " "), "good"),
        Tile("best in", show(taken["probability"], "share"), f"of futures, of {len(taken['passing'])} that pass"),
        Tile("TCO", show(cost["p50"], "usd"), edges(cost)),
    ]
    if taken["runner_up"] is not None:
        made.append(Tile("runner-up", taken["runner_up"], f"costs {show(taken['saves_usd']['p50'], 'usd')} more in the median"))
    if found["review"] is not None:
        made.append(Tile("look again", found["review"]["date"], found["review"]["why"]))
    return made


def _gates(gates: Sequence[Mapping[str, Any]]) -> str:
    rows = []
    for each in gates:
        out = "; ".join(f"{name}: {reason}" for name, reason in each["ruled_out"].items())
        rows.append([each["question"], each["answer"], each["why"], out or "nothing"])
    return table(["Question", "Answer", "Why", "Rules out"], rows, numbers_from=_WORDS_ONLY)


def _relax(found: Mapping[str, Any]) -> str:
    if found["recommendation"] is not None or not found["relax"]:
        return ""
    return "<h3>To let in</h3>" + listed([f"{each['strategy']}: {each['says']}" for each in found["relax"]])


def _costs(found: Mapping[str, Any]) -> str:
    rows = []
    for name, each in found["strategies"].items():
        tco = each["tco_usd"]
        out = "; ".join(each["ruled_out"]) or "no"
        rows.append(
            [
                name, show(each["invoice_usd"]["p50"], "usd"), show(tco["p5"], "usd"), show(tco["p50"], "usd"), show(tco["p95"], "usd"),
                f"{each['months_to_production']:.2g}", out,
            ]
        )  # fmt: skip
    return table(["Strategy", "Invoice p50", "TCO p5", "p50", "p95", "months to production", "ruled out"], rows)


def _months(found: Mapping[str, Any]) -> str:
    series = []
    for k, (name, each) in enumerate(found["strategies"].items()):
        low, middle, high = (np.array([month[edge] for month in each["monthly_tco_usd"]], float) for edge in ("p5", "p50", "p95"))
        series.append(Series(name, middle, k, low=low, high=high))
    panel = Panel("TCO a month", "usd", tuple(series))
    return figure(by_month("tco", "TCO by month, p50 with p5 to p95", tuple(found["months"]), (panel,)))


def _performance(matrix: Mapping[str, Any]) -> str:
    if not matrix["requirements"]:
        return paragraph("No requirement on performance is given.")
    header = ["Strategy", *(spoken(each["key"]) for each in matrix["requirements"])]
    rows = []
    for row in matrix["rows"]:
        cells = []
        for cell in row["cells"]:
            unit = {"s": "s", "share": "share", "usd": "usd"}.get(cell["requirement"]["unit"], "count")
            value = None if cell["value"] is None else cell["value"]["value"]
            cells.append(f"{show(value, unit)} {cell['verdict']}")  # type: ignore[arg-type]
        rows.append([row["strategy"], *cells])
    return table(header, rows)


def _weighted(matrix: Mapping[str, Any] | None) -> str:
    if matrix is None:
        return ""
    keys = list(matrix["weights"])
    rows = [["weight", *(show(matrix["weights"][key], "share") for key in keys), "", ""]]
    for row in matrix["rows"]:
        scores = [row["scores"][key]["value"] for key in keys]
        rows.append([row["strategy"], *("?" if each is None else f"{each:.1f}" for each in scores), f"{row['total']:.2f}",
                     show(row["p_wins"], "share")])  # fmt: skip
    return table(["Strategy", *(spoken(key) for key in keys), "total", "best in"], rows)


def _signals(found: Mapping[str, Any]) -> str:
    months = found["months"]
    rows = [
        [
            spoken(each["name"]),
            show(each["p_fires"], "share"),
            "-" if each["p50"] is None else months[each["p50"] - 1],
            each["what"],
            each["do"],
        ]
        for each in found["triggers"]
    ]
    return table(["Signal", "fires in", "month p50", "when", "then"], rows, numbers_from=_WORDS_ONLY) if rows else ""


def _lock_in(found: Sequence[Mapping[str, Any]]) -> str:
    rows = [[each["strategy"], each["vendor"], show(each["usd"], "usd"), f"{each['weeks']:.1f}"] for each in found]
    return table(["Strategy", "Vendor", "to leave", "weeks"], rows, numbers_from=2) if rows else ""


def _advice(found: Sequence[Mapping[str, Any]]) -> str:
    rows = [[spoken(each["code"]), each["severity"], each["strategy"], each["says"], each["do"]] for each in found]
    return table(["Advice", "", "on", "says", "then"], rows, numbers_from=_WORDS_ONLY) if rows else ""


def _checklist(found: Sequence[Mapping[str, Any]]) -> str:
    rows = [[spoken(each["code"]), each["state"], each["says"]] for each in found]
    return table(["Item", "state", ""], rows, numbers_from=_WORDS_ONLY) if rows else ""
