"""The tables of a forecast: the bill by month and line, every draw, and what a capacity plan takes.

Columns carry their unit in their name, but for the bands of money (USD). Means add up over lines and months, percentiles do not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.futures.forecast import Band, Capacity
from sim.futures.usage import ALL
from sim.report.forecast_report import TOTALS, ForecastReport
from sim.report.run_report import RunReport
from sim.units import SECONDS_PER_DAY

if TYPE_CHECKING:
    import pyarrow as pa

Table = Mapping[str, Sequence[Any]]
MONTHLY = ("month", "deployment", "line", "kind", "mean", "p5", "p50", "p95", "se", "note")
_NAMES = ("month", "deployment", "line", "kind", "note")
WHOLE = "all"
"""Stands for a month in rows of the whole horizon, and for a deployment in totals."""
_ADDS_UP = "the mean is the sum of the lines; percentiles do not add up"


def monthly(ahead: ForecastReport) -> Table:
    """One row a month and line, then `invoice` and `tco`, their totals; the whole horizon comes last."""
    rows: list[tuple[Any, ...]] = []

    def add(month: str, deployment: str, line: str, kind: str, band: Band, note: str) -> None:
        rows.append((month, deployment, line, kind, band.mean, band.p5, band.p50, band.p95, band.se, note))

    for m, month in [*enumerate(ahead.found.months), (-1, WHOLE)]:
        for each in ahead.lines:
            assumed = f"assumed: {each.name.assumed}" if each.name.assumed else ""
            add(month, each.name.deployment, each.name.item, each.name.kind, each.total if m < 0 else each.monthly[m], assumed)
        for kind in TOTALS:
            add(month, WHOLE, kind, "total", ahead.total[kind] if m < 0 else ahead.monthly[kind][m], _ADDS_UP)
    return {name: [row[k] for row in rows] for k, name in enumerate(MONTHLY)}


def monthly_table(columns: Table) -> pa.Table:
    """The same with types."""
    import pyarrow as pa

    return pa.table({name: pa.array(values, pa.string() if name in _NAMES else pa.float64()) for name, values in columns.items()})


def draws(report: RunReport, ahead: ForecastReport) -> pa.Table:
    """One row a future and month: what it cost, its service levels, its requests, and its demand over that of the trace (`level`)."""
    import pyarrow as pa

    found = ahead.found
    futures, months = found.usd.shape[:2]
    requests = found.usage[:, :, found.layout.at(ALL, "requests")]
    trace, days = report.trace, np.asarray(found.month_days, float)
    a_day = trace.requests / trace.duration_s * SECONDS_PER_DAY if trace.duration_s > 0 else np.nan
    month = pa.DictionaryArray.from_arrays(pa.array(np.tile(np.arange(months, dtype=np.int32), futures)), pa.array(found.months))
    columns = {
        "invoice_usd": found.total("invoice"),
        "tco_usd": found.total("tco"),
        "good_share": found.slo.good_share,
        "slo_met": found.slo.met,
        "requests": requests,
        "level": requests / days / a_day,
    }
    flat = {name: pa.array(np.ravel(values), mask=_missing(np.ravel(values))) for name, values in columns.items()}
    return pa.table({"future": np.repeat(np.arange(futures), months), "month": month, **flat})


def _missing(values: Any) -> Any:
    return np.isnan(values) if values.dtype.kind == "f" else np.zeros(len(values), bool)


def capacity(report: RunReport, ahead: ForecastReport) -> Table:
    """One row a month and deployment: p50 and p95 over futures of all that a capacity plan takes; hours, tokens and kWh of the month."""
    found = ahead.found
    kinds = {use.name: use.kind for use in report.measures.uses}
    count = len(found.deployments)
    table: dict[str, list[Any]] = {
        "month": [month for month in found.months for _ in range(count)],
        "deployment": list(found.deployments) * len(found.months),
        "kind": [kinds.get(name) for name in found.deployments] * len(found.months),
    }
    for field in fields(Capacity):
        for edge, values in zip(("p50", "p95"), ahead.capacity(field.name), strict=True):
            # Six digits are more than futures know; seventeen are noise to a reader.
            table[f"{field.name}_{edge}"] = [float(f"{value:.6g}") for value in values.ravel().tolist()]
    return table
