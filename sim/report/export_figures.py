"""The long table of a run: one row a figure, with what it is of, its statistic, its unit and its value.

It is the tidy form of the wide tables, and of what only summary.json has; series over time and single draws stay wide.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from sim.errors import InputError
from sim.report.export_columns import Column, Table, figure, key
from sim.report.export_reading import whole
from sim.report.export_source import FoundTable, RunFolder, StackPart

FIGURES = "figures"
"""The name of the long table."""
LATENCIES = MappingProxyType({"ttft": "arrival to first token", "tpot": "time of every further token", "e2e": "arrival to last token"})
KEYS = ("stack", "against", "month", "deployment", "class", "kind", "line", "level", "point")
LONG = (
    key("table", "the table or file that it is from"),
    key("stack", "name of the stack; of a pair the first one"),
    key("against", "of a pair the second stack"),
    key("month", "calendar month, as 2026-11; `all`: the whole horizon; empty: of the replay as a whole"),
    key("deployment", "name of the deployment; `all`: any; empty: of all together"),
    key("class", "class of the requests; `all`: any"),
    key("kind", "of a line of the bill: invoice, tco, apart or total; of a deployment: api or gpu"),
    key("line", "line of the bill"),
    key("level", "name of the service level"),
    key("point", "of a sweep, a plan or autoscalers: what a row has that others have not, as `key=value`"),
    key("metric", "what it is, the unit last"),
    key("statistic", "`p50`, `mean`, ... of the metric over requests or futures; `value`: one number"),
    key("unit", "unit of the value; empty: a plain number"),
    Column("value", "number", "", "the figure"),
)
"""The columns of the long table."""
_MOST_ROWS = 2_000_000

OF_RUN = MappingProxyType(
    {
        "requests.total": figure("asked_requests", "requests", "asked in the replay"),
        "requests.completed": figure("completed_requests", "requests", "completed in the replay"),
        "requests.rejected": figure("rejected_requests", "requests", "refused in the end, in the replay"),
        "requests.timed_out": figure("timed_out_requests", "requests", "given up by their client, in the replay"),
        "requests.failed": figure("failed_requests", "requests", "failed in the end, in the replay"),
        "requests.unfinished": figure("unfinished_requests", "requests", "still under way when the replay ended"),
        "requests.throttled_share": figure("throttled_share", "share", "attempts refused by rate limits"),
        "requests.fallback_share": figure("fallback_share", "share", "completed requests that another than their first target served"),
        "slo.goodput_per_s": figure("goodput_per_s", "requests a second", "completed within the latency levels"),
        "slo.good_share": figure("good_share", "share", "requests that completed within the latency levels"),
        "bill.total_usd": figure("bill_usd", "USD", "cost of the replay"),
        "bill.usd_per_million_tokens": figure("usd_per_million_tokens", "USD", "cost over prompt and output tokens served, idle included"),
        "bill.usd_per_1000_requests": figure("usd_per_1000_requests", "USD", "cost over completed requests"),
    }
)
"""Path in summary.json and the figure that stands there."""
OF_DEPLOYMENT = MappingProxyType(
    {
        "completed": figure("completed_requests", "requests", "completed in the replay"),
        "throttled": figure("throttled_attempts", "attempts", "refused by rate limits, in the replay"),
        "goodput_per_s": figure("goodput_per_s", "requests a second", "completed within the latency levels"),
        "occupancy": figure("kv_cache_share", "share", "KV tokens in use over capacity, over provisioned time"),
        "mean_batch": figure("batch_sequences", "sequences", "running while there is at least one", statistic="mean"),
        "prefix_hit_share": figure("prefix_hit_share", "share", "prompt tokens found in the prefix cache"),
        "load": figure("load", "share", "offered work over what the deployment carries within its service level", statistic="mean"),
        "load_peak": figure("load", "share", "the same, in the busiest five minutes", statistic="max"),
        "saturation_per_s": figure("saturation_per_s", "requests a second", "the most that one replica carries within the service level"),
        "gpu_hours": figure("gpu_hours", "GPU-hours", "provisioned in the replay"),
        "cost_usd": figure("cost_usd", "USD", "cost of the deployment in the replay"),
    }
)
"""Key of a deployment in summary.json and the figure that stands there."""
OF_MONTH = MappingProxyType(
    {
        "good_share": "requests that completed within the latency levels",
        "completed_share": "requests that completed",
        "ttft_p95_s": "p95 of the time to first token",
        "ttft_p99_s": "p99 of the time to first token",
        "tpot_p95_s": "p95 of the time per output token",
    }
)
"""Band of slo.by_month in summary.json, in words."""
_BAND = ("mean", "p5", "p50", "p95", "se")


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure; `prefix` says what it is of as names in OpenMetrics begin, `keys` are in the order of KEYS."""

    table: str
    prefix: str
    keys: tuple[str, ...]
    metric: str
    statistic: str
    unit: str
    value: float | None
    meaning: str
    """Of the metric, without the statistic."""

    def row(self) -> tuple[Any, ...]:
        """A row of the long table."""
        return (self.table, *self.keys, self.metric, self.statistic, self.unit, self.value)


def figures(run: RunFolder) -> Iterator[Figure]:
    """Every figure of a run, table by table; InputError for a run that is too long for it."""
    for stack in run.stacks:
        with whole(run.folder, stack.name):
            of_summary = list(_of_summary(stack))
        yield from of_summary
    count = 0
    for found in run.tables:
        if found.table.prefix:
            for each in _melted(found):
                count += 1
                if count > _MOST_ROWS:
                    raise InputError(f"{run.folder}: more than {_MOST_ROWS:,} figures; no run writes that")
                yield each


def _keys(**given: object) -> tuple[str, ...]:
    named = {name.rstrip("_"): str(value) for name, value in given.items() if value is not None}
    return tuple(named.get(name, "") for name in KEYS)


def _figure(column: Column, value: Any, *, prefix: str = "replay", **keys: object) -> Figure:
    return Figure("summary", prefix, _keys(**keys), column.metric, column.statistic, column.unit, _number(value), column.meaning)


def _number(value: Any) -> float | None:
    if value is None or isinstance(value, str) or (isinstance(value, float) and not math.isfinite(value)):
        return None
    return float(value)


def _of_summary(stack: StackPart) -> Iterator[Figure]:
    """What stands only in summary.json: outcomes, service levels, deployments, and the levels month by month."""
    found = stack.summary
    for path, column in OF_RUN.items():
        first, _, second = path.partition(".")
        yield _figure(column, found[first][second], stack=stack.name)
    for name, level in found["slo"]["levels"].items():
        share = not name.startswith(("ttft", "tpot", "e2e"))
        unit, ending = ("share", "share") if share else ("s", "s")
        for each, meaning in (("limit", "the most allowed" if not share else "the least allowed"), ("measured", "what the replay came to")):
            yield _figure(figure(f"slo_{each}_{ending}", unit, f"service level: {meaning}"), level[each], stack=stack.name, level=name)
        yield _figure(figure("slo_met", "", "service level met: 1, missed: 0"), level["met"], stack=stack.name, level=name)
    for name, deployment in found["deployments"].items():
        for path, column in OF_DEPLOYMENT.items():
            yield _figure(column, deployment[path], stack=stack.name, deployment=name, kind=deployment["kind"])
    for month in found["slo"]["by_month"]:
        which = {"prefix": "month", "stack": stack.name, "month": month["month"]}
        missed = figure("slo_missed_share", "share", "futures in which a service level is missed in the month")
        yield _figure(missed, month["missed_share"], **which)
        for name, meaning in OF_MONTH.items():
            for statistic in _BAND:
                column = figure(name, "s" if name.endswith("_s") else "share", meaning, statistic=statistic)
                yield _figure(column, (month[name] or {}).get(statistic), **which)


def _melted(found: FoundTable) -> Iterator[Figure]:
    """The figures of a wide table, row by row; the whole horizon of a pair is in the table of pairs already."""
    table = found.table
    fixed = {each.name for each in table.columns}
    last = table.named[-1].column.meaning if table.named else ""
    given = [each.name for each in found.columns if each.name in table.point or ("*" in table.point and each.meaning == last)]
    keyed = [name for name in KEYS[2:] if name in fixed and name not in table.point]
    for batch in found.batches():
        for row in batch.to_pylist():
            if row.get("month") == "all" and table.name == "pairs_monthly":
                continue
            point = ", ".join(f"{name}={_shown(row[name])}" for name in given if row[name] is not False and row[name] not in (None, ""))
            named = {"stack": row["a"] if "a" in fixed else found.stack, "against": row["b"] if "b" in fixed else None}
            keys = _keys(**(named | {name: row[name] for name in keyed}), point=point or None)
            for column in found.columns:
                if column.metric:
                    metric, meaning = _metric(table, column, row)
                    yield Figure(
                        table.name, _prefix(table.prefix, row), keys, metric, column.statistic, column.unit, _number(row[column.name]),
                        meaning,
                    )  # fmt: skip


def _shown(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _prefix(prefix: str, row: Mapping[str, Any]) -> str:
    return "horizon" if row.get("month") == "all" else prefix


def _metric(table: Table, column: Column, row: Mapping[str, Any]) -> tuple[str, str]:
    """The metric of a cell and what it means: a table by metric has its name in a column, and totals of the bill are no lines."""
    if table.name == "latency":
        name = str(row["metric"])
        return f"{name}_{column.metric}", LATENCIES.get(name, name) if column.metric == "s" else f"{column.meaning} {name}"
    if column.metric == "cost_usd" and (row.get("kind") == "total" or row.get("line") == "total"):
        return "total_usd", f"sum of the lines: {column.meaning}"
    return column.metric, column.meaning
