"""What the columns of sweeps, plans and elastic pools mean; metrics of points are described where they are defined.

Such tables have columns that the run names: what was varied, and the service levels that were asked for.
"""

from __future__ import annotations

import re

from sim.planning.points import FORECAST_METRICS, METRICS, Metric
from sim.report.export_columns import Column, Named, Table, figure, key

_LATENCY = re.compile(r"(ttft|tpot|e2e)_(p[\d.]+)_s")
_LEVEL = r"(ttft|tpot|e2e)_p[\d.]+"


def _metrics(found: tuple[Metric, ...]) -> tuple[Column, ...]:
    """Metrics of points as columns; quantiles of latencies are statistics of one metric."""
    columns = []
    for each in found:
        match = _LATENCY.fullmatch(each.name)
        metric, statistic = (f"{match[1]}_s", match[2]) if match else (each.name, "value")
        columns.append(Column(each.name, "number", each.unit, each.words, metric, statistic))
    return tuple(columns)


def _marks() -> tuple[Column, ...]:
    """Which points are on a front of cost against something, and which are its knee."""
    return tuple(
        key(f"{mark}_{name}{suffix}", f"{words} of cost against {against}{among}", "boolean")
        for suffix, among in (("", " among points that meet the service levels"), ("_of_all", " among all points"))
        for name, against in (("ttft_p99", "TTFT p99"), ("goodput", "goodput"))
        for mark, words in (("front", "on the Pareto front"), ("knee", "the knee"))
    )


_LEVELS = (
    Named(rf"{_LEVEL}_limit_s", key("LEVEL_limit_s", "the most that a latency level allows", "number", "s")),
    Named(r"completed_limit_share", key("completed_limit_share", "the least share that must complete", "number", "share")),
    Named(rf"({_LEVEL}|completed)_met", key("LEVEL_met", "whether the replay meets the level", "boolean")),
)
_AXIS = Named(r"gpus|\S*\.\S[^\n]*", key("AXIS", "value of a key that is varied, the key being the name; `gpus`: total GPUs"))
_END = key("refused", "why the point cannot be made; empty: it can")
_MET = key("slo_met", "whether every service level is met in the replay", "boolean")
_SWEEP = ("sweep.parquet", "sweep.csv")
SWEEP = Table("sweep", _SWEEP, "`sim sweep`", "a point", (_END, *_metrics(METRICS), _MET, *_marks()), "sweep", (*_LEVELS, _AXIS), ("*",))
SWEEP_MONTHS = Table(
    "sweep", _SWEEP, "`sim sweep` with months", "a point", (_END, *_metrics((*METRICS, *FORECAST_METRICS)), _MET, *_marks()), "sweep",
    (*_LEVELS, _AXIS), ("*",),
)  # fmt: skip
CANDIDATES = Table(
    "candidates",
    ("candidates.csv",),
    "`sim plan`",
    "a candidate that was replayed, or left out before",
    (
        key("result", "`meets` or `fails`; of one that was left out, by what"),
        figure("usd_per_month", "USD", "cost of a month: by the forecast, where there is one"),
        figure("replayed_usd_per_month", "USD", "invoice of the replay, scaled to a month of 730 hours"),
        figure("room_share", "share", "what is left to the limit of the tightest level; below 0: missed"),
        figure("futures_met_share", "share", "futures in which the levels are met: of the chosen stack those that the search has not used"),
        key("why", "why it fails or was left out"),
    ),
    "candidate",
    (Named(r"[A-Za-z0-9_.:\[\]-]+", key("CHOICE", "value of a list of the space, the list or the key of its settings being the name")),),
    ("*",),
)
CALENDAR = Table(
    "calendar",
    ("calendar.csv",),
    "`sim plan` with months",
    "a month",
    (
        key("month", "calendar month, as 2026-11"),
        *(
            figure(f"demand_{each}", "", "demand over that of the trace", metric="demand", statistic=each, over="futures")
            for each in ("p50", "p95")
        ),
        *(
            figure(f"gpus_{each}", "GPUs", "paid on average, whole machines", metric="gpus", statistic=each, over="futures")
            for each in ("p50", "p95")
        ),
        *(
            figure(
                f"needed_gpus_{each}",
                "GPUs",
                "that hold the levels at that demand",
                "integer",
                metric="needed_gpus",
                statistic=each,
                over="futures",
            )
            for each in ("p50", "p95")
        ),
        key("order_by", "day by which the GPUs must be ordered that this month is the first to need; empty: none"),
    ),
    "calendar",
)
LAWS = Table(
    "laws",
    ("laws.csv",),
    "`sim elastic`",
    "an autoscaler that was tried, or perfect foresight",
    (
        key("law", "the autoscaler; `perfect`: the schedule of perfect foresight"),
        key("own", "whether it is that of the stack as it is", "boolean"),
        key("metric", "what the law measures; empty: its default"),
        key("target", "of the metric; empty: its default", "number"),
        key("replicas_min", "fewest replicas it may have", "integer", "replicas"),
        key("replicas_max", "most replicas it may have", "integer", "replicas"),
        figure("gpu_hours", "GPU-hours", "provisioned over the trace, cold starts included"),
        figure("usd", "USD", "GPU-hours at what the stack pays for one; billing units and whole machines left out"),
        figure("over_perfect", "", "GPU-hours over those of perfect foresight"),
        figure("replicas_mean", "replicas", "provisioned", metric="replicas", statistic="mean"),
        figure("replicas_most", "replicas", "provisioned", "integer", metric="replicas", statistic="max"),
        key("met", "whether every level is met", "boolean"),
        key("worst_level", "the level missed by most, or met with the least room"),
        figure("worst_excess_share", "share", "how far beyond the limit of that level; below 0: met"),
        key("seeds_met", "with how many other seeds the levels are met; empty: not tried", "integer"),
        key("recommended", "whether it is the one to take", "boolean"),
    ),
    "elastic",
    (
        Named(rf"{_LEVEL}_s", key("LEVEL_s", "a latency level as measured", "number", "s")),
        Named(r"(completed|good)_share", key("LEVEL_share", "a level of a share as measured", "number", "share")),
        Named(r"goodput_per_s", key("goodput_per_s", "goodput as measured", "number", "requests a second")),
    ),
    ("law", "own", "metric", "target", "replicas_min", "replicas_max"),
)
SCHEDULE = Table(
    "schedule",
    ("schedule.csv",),
    "`sim elastic`",
    "an interval of the schedule of perfect foresight",
    (
        key("start_s", "start of the interval, from the start of the trace", "number", "s"),
        Column("requests", "number", "requests", "sent to the pool in the interval"),
        Column("work_replicas", "number", "replicas", "that these requests would keep as busy as the levels allow"),
        Column("replicas", "integer", "replicas", "of the schedule"),
    ),
)
STUDY_TABLES = (SWEEP, SWEEP_MONTHS, CANDIDATES, CALENDAR, LAWS, SCHEDULE)
