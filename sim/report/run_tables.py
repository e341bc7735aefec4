"""The tables of a run: latency, timeline, events, requests, the bill of a month, and what a capacity plan takes.

Columns carry their unit in their name. CSV cells that a spreadsheet would take for a formula are preceded by an apostrophe.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sim.cost.bill import paid_machines
from sim.cost.gpu import most_gpus
from sim.cost.price import GpuPrice
from sim.engine.result import OUTCOMES, REASONS, TIMELINE_FIELDS
from sim.engine.system import Pool
from sim.measure.latency import ALL
from sim.report.run_report import RunReport
from sim.units import tidy

if TYPE_CHECKING:
    import pyarrow as pa

    from sim.cost.replay import Replay

Table = Mapping[str, Sequence[Any]]
MONTHLY = ("month", "deployment", "line", "mean", "p5", "p50", "p95", "se")


def monthly(report: RunReport) -> Table:
    """The bill of the replay scaled to a month of 730 hours, and its total; a replay has no spread, so quantiles are empty.

    A run without duration has no month and no rows.
    """
    month = report.bill.month()
    rows = [] if month is None else [(line.deployment, line.item, line.usd) for line in month.lines] + [("all", "total", month.total_usd)]
    columns: dict[str, list[Any]] = {name: [] for name in MONTHLY}
    for deployment, item, usd in rows:
        for name, value in zip(MONTHLY, (report.date[:7], deployment, item, usd, None, None, None, None), strict=True):
            columns[name].append(value)
    return columns


def monthly_table(columns: Table) -> pa.Table:
    """The same with types, so that empty quantiles are numbers too."""
    import pyarrow as pa

    texts = MONTHLY[:3]
    return pa.table({name: pa.array(values, pa.string() if name in texts else pa.float64()) for name, values in columns.items()})


def capacity(report: RunReport, found: Replay) -> Table:
    """GPUs, nodes, GPU-hours, tokens, load and service level by deployment; hours, tokens and USD are those of a month of 730 hours."""
    factor = report.bill.month_factor
    rows: list[dict[str, Any]] = []
    for d, use in enumerate(report.measures.uses):
        load, fleet, deployment = report.measures.loads[d], report.measures.fleets[d], found.system.deployments[d]
        price = found.prices[use.name]
        gpus, nodes = None, None
        if isinstance(deployment, Pool) and isinstance(price, GpuPrice):
            gpus = most_gpus(machines=paid_machines(deployment, d, found.result, price))
            nodes = gpus // price.gpus_per_machine
        rows.append(
            {
                "month": report.date[:7],
                "deployment": use.name,
                "kind": use.kind,
                "replicas_min": fleet.least if fleet else None,
                "replicas_mean": use.ready_replicas,
                "replicas_max": fleet.most if fleet else None,
                "gpus_max": gpus,
                "nodes_max": nodes,
                "gpu_hours": _scaled(use.gpu_hours, factor),
                "requests": _scaled(use.requests, factor),
                "input_tokens": _scaled(use.input_tokens + use.cached_input_tokens, factor),
                "output_tokens": _scaled(use.output_tokens, factor),
                "busy_share": use.busy_share,
                "load": load.mean,
                "load_peak": load.peak,
                "slo_share": use.met_slo / use.requests if use.requests and use.met_slo is not None else None,
                "usd": _scaled(report.bill.of(use.name), factor),
            }
        )
    return {name: [row[name] for row in rows] for name in rows[0]}


def _scaled(value: float | None, factor: float | None) -> float | None:
    return None if value is None or factor is None else value * factor


def latency(report: RunReport) -> pa.Table:
    """Count, mean, quantiles and maximum in seconds of every metric, deployment and class; `all` stands for any."""
    import pyarrow as pa

    rows = report.measures.latency
    columns = {
        "metric": pa.array([row.metric for row in rows], pa.string()),
        "deployment": pa.array([_group(row.deployment) for row in rows], pa.string()),
        "class": pa.array([_group(row.class_name) for row in rows], pa.string()),
        "count": pa.array([row.spread.count for row in rows], pa.int64()),
    }
    for name in ("mean", "p50", "p90", "p95", "p99", "max"):
        columns[f"{name}_s"] = pa.array([getattr(row.spread, name) for row in rows], pa.float64())
    return pa.table(columns)


def latency_curves(found: Replay, classes: Sequence[str]) -> pa.Table:
    """How many of the completed requests have a latency of at most so much: every metric over all, by deployment and by class."""
    import pyarrow as pa

    from sim.measure.latency import latency_curves

    curves = latency_curves(found.result, [each.name for each in found.system.deployments], classes)
    rows = [(curve, k) for curve in curves for k in range(len(curve.shares))]
    return pa.table(
        {
            "metric": pa.array([curve.metric for curve, _ in rows], pa.string()),
            "deployment": pa.array([_group(curve.deployment) for curve, _ in rows], pa.string()),
            "class": pa.array([_group(curve.class_name) for curve, _ in rows], pa.string()),
            "at_most_s": pa.array([curve.at_most_s[k] for curve, k in rows], pa.float64()),
            "share": pa.array([curve.shares[k] for curve, k in rows], pa.float64()),
        }
    )


def _group(name: str | None) -> str:
    """A name, or `all`; what is itself called so is quoted."""
    return "all" if name is ALL else f"'{name}'" if name == "all" else name


def timeline(found: Replay) -> pa.Table:
    """Counts of each interval and looks at its end, one row an interval and deployment; docs/output.md names the columns."""
    import numpy as np
    import pyarrow as pa

    result = found.result
    intervals, deployments, _ = result.timeline.shape
    names = pa.array([each.name for each in found.system.deployments])
    which = pa.array(np.tile(np.arange(deployments, dtype=np.int32), intervals))
    starts = np.repeat(np.arange(intervals) * result.timeline_s, deployments)
    flat = result.timeline.reshape(intervals * deployments, len(TIMELINE_FIELDS))
    columns: dict[str, Any] = {"start_s": starts, "deployment": pa.DictionaryArray.from_arrays(which, names)}
    for k, name in enumerate(TIMELINE_FIELDS):
        whole = name not in ("kv_share", "busy_s")
        columns[name] = flat[:, k].astype(np.int64) if whole else flat[:, k]
    return pa.table(columns)


def happenings(found: Replay) -> pa.Table:
    """What the control plane did or was told, in order of time."""
    import pyarrow as pa

    names = [each.name for each in found.system.deployments]
    rows = found.result.happenings
    return pa.table(
        {
            "at_s": pa.array([row.at_s for row in rows], pa.float64()),
            "kind": pa.array([row.kind for row in rows], pa.string()),
            "deployment": pa.array([names[row.deployment] if row.deployment >= 0 else None for row in rows], pa.string()),
            "replica": pa.array([row.replica if row.replica >= 0 else None for row in rows], pa.int64()),
            "detail": pa.array([row.detail for row in rows], pa.string()),
        }
    )


def requests(found: Replay, classes: Sequence[str], clients: Sequence[str]) -> pa.Table | None:
    """One row a request in the order of the trace; None unless the run kept a log. Missing times and names are null."""
    import numpy as np
    import pyarrow as pa

    log = found.result.log
    if log is None:
        return None

    def named(ids: Any, names: Sequence[str]) -> pa.Array:
        ids = np.asarray(ids, np.int32)
        return pa.DictionaryArray.from_arrays(pa.array(ids, mask=ids < 0), pa.array(list(names), pa.string()))

    columns: dict[str, Any] = {}
    for name in log.dtype.names or ():
        values = np.ascontiguousarray(log[name])
        if name == "class_id":
            columns["class"] = named(values, classes)
        elif name == "client_id":
            columns["client_id"] = named(values, clients)
        elif name == "outcome":
            columns[name] = named(values, OUTCOMES)
        elif name == "reason":
            columns[name] = named(np.where(values == 0, -1, values), REASONS)
        elif name == "deployment":
            columns[name] = named(values, [each.name for each in found.system.deployments])
        elif values.dtype.kind == "f":
            columns[name] = pa.array(values, mask=np.isnan(values))
        else:
            columns[name] = pa.array(values, mask=values < 0)
    return pa.table(columns)


def write_parquet(path: Path, table: pa.Table) -> None:
    """A table as Parquet (zstd)."""
    import pyarrow.parquet as pq

    pq.write_table(table, path, compression="zstd")


def write_csv(path: Path, table: Table) -> None:
    """A table as CSV in UTF-8 with a header; what does not exist is an empty cell."""
    path.write_text(csv_text(table), encoding="utf-8", newline="")


def csv_text(table: Table) -> str:
    """A table as CSV; texts cannot become formulas of a spreadsheet, numbers keep their value but for what floats leave behind."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(table)
    for row in zip(*table.values(), strict=True):
        writer.writerow([_cell(value) for value in row])
    return text.getvalue()


def _cell(value: Any) -> Any:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r"):
        return f"'{value}"
    return tidy(value) if isinstance(value, float) else value
