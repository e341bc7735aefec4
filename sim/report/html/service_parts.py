"""What users feel: service levels, cumulative curves and quantiles of latency, months at risk, what incidents do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from sim.report.html.chart import Chart, FloatArray, Limit, Panel, Series, by_month
from sim.report.html.figure import figure
from sim.report.html.tables import where
from sim.report.html.text import Unit, paragraph, show, spoken, table

_METRICS = (("ttft", "TTFT", "arrival to first token"), ("tpot", "TPOT", "each further token"), ("e2e", "E2E", "arrival to last token"))
_MOST_CURVES = 8
_MOST_QUANTILES = 60
_BY_MONTH: tuple[tuple[str, str, Unit, int], ...] = (
    ("good_share", "requests within both latency levels", "share", 2),
    ("ttft_p99_s", "TTFT p99", "s", 0),
)
_QUANTILES = ("p50", "p90", "p95", "p99", "max")


def levels(summary: Mapping[str, Any]) -> str:
    """Each service level of the replay: what was wanted and what was measured."""
    rows = []
    for key, level in summary["slo"]["levels"].items():
        unit: Unit = "share" if key == "completed" else "s"
        name = key.replace("_", " ").replace("ttft", "TTFT").replace("tpot", "TPOT")
        rows.append([name, show(level["limit"], unit), show(level["measured"], unit), "met" if level["met"] else "missed"])
    return table(["Service level of the replay", "wanted", "measured", ""], rows)


def curves(found: Mapping[str, Any] | None, summary: Mapping[str, Any]) -> str:
    """Cumulative curves of each metric: all requests, by deployment and by class."""
    if found is None:
        return ""
    parts = []
    for metric, name, words in _METRICS:
        rows = where(found, metric=metric)
        whole = rows & where(found, deployment="all", **{"class": "all"})
        if not whole.any():
            continue
        at = found["at_most_s"][whole]
        series = [Series("all requests", found["share"][whole], 0, described=False)]
        for column, text in (("class", "class"), ("deployment", "at")):
            for each in _others(found[column])[: _MOST_CURVES - len(series)]:
                chosen = rows & where(found, **{"deployment": "all", "class": "all", column: each})
                if chosen.any():
                    of_place = column == "deployment"
                    curve = found["share"][chosen]
                    series.append(Series(f"{text} {each}", curve, len(series), dashed=of_place, shown=not of_place, described=False))
        level = summary["slo"]["levels"].get(f"{metric}_p95")
        limits = (Limit("95 %", 0.95),) if level else ()
        latency = summary["latency"][f"{metric}_s"]
        within = ", ".join(f"{share} within {show(latency[q], 's')}" for share, q in (("half", "p50"), ("95 %", "p95"), ("99 %", "p99")))
        chart = Chart(
            key=f"cdf-{metric}",
            title=f"{name}: {words}",
            x=at,
            x_texts=tuple(f"within {show(float(s), 's')}" for s in at),
            x_name=name,
            panels=(Panel("share of requests", "share", tuple(series), limits),),
            x_unit="s",
            x_log=True,
            note=f"Of all requests: {within}.",
        )
        parts.append(figure(chart))
    return "".join(parts)


def _others(texts: Sequence[str]) -> list[str]:
    return [each for each in dict.fromkeys(texts) if each != "all"]


def quantiles(found: Mapping[str, Any] | None) -> str:
    """Quantiles by deployment and class, one table a metric."""
    if found is None:
        return ""
    parts = []
    for metric, name, _ in _METRICS:
        rows = []
        numbers, left = _largest(found, np.flatnonzero(where(found, metric=metric)))
        for k in numbers:
            deployment, class_name = found["deployment"][k], found["class"][k]
            if class_name == "all":
                text = "all requests" if deployment == "all" else f"at {deployment}"
            else:
                text = f"  class {class_name}" if deployment == "all" else f"  class {class_name} at {deployment}"
            rows.append([text, show(found["count"][k], "count"), *(show(found[f"{q}_s"][k], "s") for q in _QUANTILES)])
        if rows:
            parts.append(table([f"{name} by deployment and class", "requests", *_QUANTILES], rows))
        if left:
            parts.append(paragraph(f"{left} more, of fewer requests, are in latency.parquet.", "note"))
    return "".join(parts)


def _largest(found: Mapping[str, Any], rows: np.ndarray[Any, np.dtype[np.intp]]) -> tuple[list[int], int]:
    """Rows in their order, and how many are left out: where there are many, those with the most requests."""
    order = sorted(rows, key=lambda k: (found["deployment"][k] != "all", -found["count"][k], k))[:_MOST_QUANTILES]
    return sorted(order), len(rows) - len(order)


def months_at_risk(summary: Mapping[str, Any]) -> str:
    """In which share of futures each month misses a service level, and the band of TTFT and of requests within their levels."""
    found = summary["slo"]["by_month"]
    if not found:
        return ""
    months = tuple(str(each["month"]) for each in found)
    panels = [
        Panel("missed in share of futures", "share", (Series("missed", np.array([float(e["missed_share"]) for e in found]), 4, "bars"),),
              (Limit("at risk: 5 %", 0.05),), height_px=130)
    ]  # fmt: skip
    for key, title, unit, color in _BY_MONTH:
        if all(each[key] is not None for each in found):
            low, middle, high = (_edges(found, key, edge) for edge in ("p5", "p50", "p95"))
            panels.append(Panel(title, unit, (Series(title, middle, color, low=low, high=high),), zero=unit == "s", height_px=150))
    return figure(by_month("service-by-month", "Service by month", months, tuple(panels)))


def _edges(rows: Sequence[Mapping[str, Any]], key: str, edge: str) -> FloatArray:
    return np.array([np.nan if row[key][edge] is None else float(row[key][edge]) for row in rows], dtype=np.float64)


def incidents(summary: Mapping[str, Any]) -> str:
    """What incidents do in the mean of a month."""
    counts = ("failed_requests", "saved_requests", "late_requests")
    rows = [
        [
            f"{spoken(str(each['kind']))}: {each['name']}",
            *(show(each[key], "number") for key in ("per_month", "hours_per_month")),
            *(show(each[key], "count") for key in counts),
            show(each["usd"], "usd_exact"),
            str(each["replayed"]),
        ]
        for each in summary["incidents"]
    ]
    if not rows:
        return ""
    header = ["Incidents, a month in the mean", "how many", "hours", "failed", "saved by fallback", "late", "on the invoice", "replayed"]
    return table(header, rows)
