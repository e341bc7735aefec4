"""What every column of every table that a run writes means: the one place where that is said.

docs/data-dictionary.md, the fields of exported Parquet files and the HELP lines of OpenMetrics are made from it; the tests hold the
tables of real runs to it, column by column.
"""

from __future__ import annotations

from sim.report.export_columns import Column, Table, figure, key, spread
from sim.report.export_study_tables import STUDY_TABLES

_MONTH = key("month", "calendar month, as 2026-11")
_MONTH_OR_ALL = key("month", "calendar month, as 2026-11; `all`: the whole horizon")
_DEPLOYMENT = key("deployment", "name of the deployment in the stack")
_KIND = key("kind", "`api` or `gpu`")
_FUTURES = ("p50", "p95")
_BAND = ("mean", "p5", "p50", "p95", "se")
_MONTHS = "with months"
_REPLAY = "plain replay (`--months 0`)"
_ALWAYS = "always"
_COMPARE = "`sim compare`"


def _money(meaning: str, over: str) -> tuple[Column, ...]:
    """The statistics of USD as bare columns: `mean`, `p5`, `p50`, `p95`, `se`."""
    return tuple(Column(each, "number", "USD", meaning, "cost_usd", each, over) for each in _BAND)


_LINE = key("line", "line of the bill, as in docs/output.md; `total`: the sum of the lines")
MONTHLY_REPLAY = Table(
    "monthly",
    ("monthly.parquet", "monthly.csv"),
    _REPLAY,
    "a line of the bill of a month of 730 hours at the rate of the replay",
    (
        key("month", "month of the prices, as 2026-11"),
        key("deployment", "name of the deployment; `all` for the total"),
        _LINE,
        *_money("cost of the month (a replay has no spread: only the mean is filled)", ""),
    ),
    "month",
)
MONTHLY = Table(
    "monthly",
    ("monthly.parquet", "monthly.csv"),
    _MONTHS,
    "a line of the bill in a month, or over the whole horizon",
    (
        _MONTH_OR_ALL,
        key("deployment", "name of the deployment; `shared`: of none; `all`: of all"),
        key("line", "line of the bill, as in docs/output.md; `invoice` and `tco` are totals"),
        key("kind", "`invoice`: suppliers charge it; `tco`: on top of the invoice; `apart`: in no total; `total`: a sum of lines"),
        *_money("cost in the month", "futures"),
        key("note", "what of the line is assumed, or how to read it"),
    ),
    "month",
)
_OF_MONTH = "in a month of 730 hours at the rate of the replay"
CAPACITY_REPLAY = Table(
    "capacity",
    ("capacity.csv",),
    _REPLAY,
    "a deployment; hours, requests, tokens and USD are those of a month of 730 hours at the rate of the replay",
    (
        key("month", "month of the prices, as 2026-11"),
        _DEPLOYMENT,
        _KIND,
        figure("replicas_min", "replicas", "ready at once", "integer", metric="replicas", statistic="min"),
        figure("replicas_mean", "replicas", "ready over the run", metric="replicas", statistic="mean"),
        figure("replicas_max", "replicas", "ready at once", "integer", metric="replicas", statistic="max"),
        figure("gpus_max", "GPUs", "paid at once, whole machines", "integer", metric="gpus", statistic="max"),
        figure("nodes_max", "machines", "paid at once", "integer", metric="nodes", statistic="max"),
        figure("gpu_hours", "GPU-hours", f"provisioned {_OF_MONTH}"),
        figure("requests", "requests", f"whose last attempt was here, {_OF_MONTH}"),
        figure("input_tokens", "tokens", f"prompt tokens, cached ones included, {_OF_MONTH}"),
        figure("output_tokens", "tokens", f"output tokens {_OF_MONTH}"),
        figure("busy_share", "share", "replica time with a sequence running, over provisioned time; misleads in planning"),
        figure(
            "load",
            "share",
            "offered work over what the pool carries within its service level; of an API: over its limits",
            statistic="mean",
        ),
        figure("load_peak", "share", "the same, in the busiest five minutes", metric="load", statistic="max"),
        figure("slo_share", "share", "requests that completed within the latency levels"),
        figure("usd", "USD", f"cost of the deployment {_OF_MONTH}", metric="deployment_usd"),
    ),
    "month",
)
_CAPACITY = (
    ("gpus", "GPUs", "paid, on average over the month"),
    ("nodes", "machines", "paid, on average over the month"),
    ("gpu_hours", "GPU-hours", "paid in the month"),
    ("requests", "requests", "whose last attempt was here, in the month"),
    ("input_tokens", "tokens", "prompt tokens of the month, cached ones included"),
    ("output_tokens", "tokens", "output tokens of the month"),
    ("busy_share", "share", "replica time with a sequence running, over provisioned time; misleads in planning"),
    ("load", "share", "offered work over what the pool carries within its service level"),
    ("slo_share", "share", "requests that completed within the latency levels"),
    ("energy_kwh", "kWh", "electricity of the GPUs in the month"),
)
CAPACITY = Table(
    "capacity",
    ("capacity.csv",),
    _MONTHS,
    "a deployment in a month",
    (
        _MONTH,
        _DEPLOYMENT,
        _KIND,
        *(column for name, unit, meaning in _CAPACITY for column in spread(name, unit, meaning, _FUTURES, over="futures")),
    ),
    "month",
)
CHARGES = Table(
    "charges",
    ("charges.parquet",),
    _ALWAYS,
    "a line of the invoice in a month, in the mean (of a plain replay the only one) or when the month's invoice is at its p5, p50 or p95",
    (
        _MONTH,
        key("statistic", "`mean`; `p5`, `p50`, `p95`: the mean over futures whose invoice of the month is there; lines add up to it"),
        key("deployment", "name of the deployment; `shared`: of none"),
        key("line", "line of the bill, of kind invoice"),
        key("provider", "vendor of the API or provider of the GPUs; empty: own, or nobody says"),
        key("product", "API model or GPU; empty: none"),
        key("region", "region of the price; empty: none is said"),
        key("purchase", "`on_demand`, `spot`, `reserved_1y`, ... of GPUs; `standard` or `batch` of an API; `on_premises`"),
        Column("usd", "number", "USD", "cost of the line in the month"),
        Column("quantity", "number", "", "how much of the unit that is, in the same futures; null: not counted"),
        key("unit", "`tokens`, `GPU-hours`, `requests`, ...; empty: not counted"),
        key("assumed", "what of the line is assumed, in words; empty: nothing"),
    ),
)
LATENCY = Table(
    "latency",
    ("latency.parquet",),
    _ALWAYS,
    "a metric of the completed requests of a deployment and a class",
    (
        key("metric", "`ttft`: arrival to first token; `e2e`: arrival to last token; `tpot`: time of every further token"),
        key("deployment", "name of the deployment; `all`: any"),
        key("class", "class of the request; `all`: any"),
        figure("count", "requests", "completed requests that have a", "integer", metric="requests"),
        *(
            figure(f"{each}_s", "s", "the metric", metric="s", statistic=each, over="completed requests")
            for each in ("mean", "p50", "p90", "p95", "p99", "max")
        ),
    ),
    "replay",
)
LATENCY_CURVES = Table(
    "latency_curves",
    ("latency_curves.parquet",),
    _ALWAYS,
    "a step of the cumulative curve of a metric: over all, by deployment and by class",
    (
        key("metric", "`ttft`, `e2e` or `tpot`, as in latency"),
        key("deployment", "name of the deployment; `all`: any"),
        key("class", "class of the request; `all`: any"),
        key("at_most_s", "latency up to which is counted", "number", "s"),
        figure("share", "share", "completed requests with at most this latency"),
    ),
)
DRAWS = Table(
    "draws",
    ("draws.parquet",),
    _MONTHS,
    "a month in one future",
    (
        key("future", "number of the future, from 0", "integer"),
        _MONTH,
        Column("invoice_usd", "number", "USD", "what suppliers charge in the month"),
        Column("tco_usd", "number", "USD", "total cost of ownership in the month"),
        Column("good_share", "number", "share", "requests that completed within the latency levels"),
        Column("slo_met", "boolean", "", "whether every service level is met in the month"),
        Column("requests", "number", "requests", "asked in the month"),
        Column("level", "number", "share", "requests a day over those of the trace"),
    ),
)
TIMELINE = Table(
    "timeline",
    ("timeline.parquet",),
    _ALWAYS,
    "an interval of the run and a deployment",
    (
        key("start_s", "start of the interval, from the start of the run", "number", "s"),
        _DEPLOYMENT,
        Column("arrivals", "integer", "attempts", "made at the deployment in the interval"),
        Column("completed", "integer", "requests", "that completed here in the interval"),
        Column("throttled", "integer", "attempts", "refused by rate limits in the interval"),
        Column("waiting", "integer", "requests", "waiting at the end of the interval"),
        Column("running", "integer", "requests", "running at the end of the interval"),
        Column("ready", "integer", "replicas", "ready at the end of the interval"),
        Column("present", "integer", "replicas", "provisioned at the end of the interval: starting, ready, draining or lent"),
        Column("kv_share", "number", "share", "KV tokens in use over capacity, at the end of the interval"),
        Column("busy_s", "number", "s", "replica-seconds with a step in flight in the interval"),
        Column("input_tokens", "integer", "tokens", "prompt tokens of the interval"),
        Column("output_tokens", "integer", "tokens", "output tokens of the interval"),
    ),
)
EVENTS = Table(
    "events",
    ("events.parquet",),
    _ALWAYS,
    "something the control plane did or was told",
    (
        key("at_s", "when, from the start of the run", "number", "s"),
        key("kind", "a scripted event (docs/events.md), a scaling decision, or a replica's change of state"),
        key("deployment", "whom it happened to; null: all"),
        key("replica", "ordinal of the replica; null: none", "integer"),
        key("detail", "more of it, in words"),
    ),
)
REQUESTS = Table(
    "requests",
    ("requests.parquet",),
    "with `--log-requests`",
    "a request, in the order of the trace",
    (
        key("row", "row of the trace, from 0", "integer"),
        Column("arrival_s", "number", "s", "when it arrived, from the start of the run"),
        key("class", "class of the request"),
        key("client_id", "client that sent it"),
        Column("prompt_tokens", "integer", "tokens", "of its prompt"),
        Column("output_tokens", "integer", "tokens", "delivered; 0 unless completed"),
        key("outcome", "`completed`, `rejected`, `timed_out`, `failed` or `unfinished`"),
        key("reason", "why it did not complete; null if it did"),
        key("deployment", "the last one that was tried"),
        key("target", "number of that target in its rule, from 0", "integer"),
        key("replica", "ordinal of the replica that served it", "integer"),
        Column("attempts", "integer", "attempts", "made in all"),
        Column("retries", "integer", "attempts", "that were retries"),
        Column("throttled", "integer", "attempts", "refused by rate limits"),
        Column("first_token_s", "number", "s", "when its first token came, from the start of the run"),
        Column("finish_s", "number", "s", "when it ended, from the start of the run"),
        Column("preemptions", "integer", "", "times it was preempted and computed anew"),
        Column("cached_tokens", "integer", "tokens", "of its prompt found in the cache"),
    ),
)
_A = key("a", "name of the first stack; differences are a less b")
_B = key("b", "name of the second stack")
_COSTS = key("kind", "`tco` or `invoice`: which costs are compared")
_CHEAPER = (
    figure("p_a_cheaper", "share", "futures in which a costs less; those in which both cost the same count half", metric="a_cheaper_share"),
    figure("p_a_cheaper_se", "share", "standard error of it", metric="a_cheaper_share", statistic="se"),
)
_DIFFERENCE = spread("difference_usd", "USD", "cost of a less that of b", _BAND, over="futures")


def _month_of(name: str, meaning: str) -> tuple[Column, ...]:
    """In which month something first happens: of which stack, how often within the horizon, and quantiles of the month."""
    return (
        key(f"{name}_stack", f"stack of which {meaning} is said: the one that is dearer to start"),
        figure(f"{name}_share", "share", f"futures in which {meaning} comes within the horizon"),
        *(
            Column(f"{name}_{each}", "integer", "months", f"{meaning}, from 1; empty: not by the end", f"{name}_month", each, "futures")
            for each in ("p5", "p50", "p95")
        ),
    )


PAIRS = Table(
    "pairs",
    ("pairs.csv",),
    _COMPARE,
    "a pair of stacks and a kind of cost",
    (
        _A,
        _B,
        _COSTS,
        key("tie", "whether both cost the same in every future", "boolean"),
        *_CHEAPER,
        *_DIFFERENCE,
        *_month_of("run_rate_crossover", "the first month from which it costs less a month"),
        *_month_of("payback", "the first month after which it has cost less in all"),
        *(
            figure(f"break_even_{name}", unit, f"traffic at which both cost the same: {meaning}", metric=metric, statistic=statistic)
            for name, unit, meaning, metric, statistic in (
                ("requests_per_month", "requests a month", "requests", "break_even_requests_per_month", "value"),
                ("low", "requests a month", "lower end of the 90 % interval", "break_even_requests_per_month", "p5"),
                ("high", "requests a month", "upper end of the 90 % interval", "break_even_requests_per_month", "p95"),
                ("tokens_per_month", "tokens a month", "prompt and output tokens", "break_even_tokens_per_month", "value"),
            )
        ),
        key("break_even_cheaper_above", "the stack that is cheaper with more traffic"),
    ),
    "pair",
)
PAIRS_MONTHLY = Table(
    "pairs_monthly",
    ("pairs_monthly.csv",),
    _COMPARE,
    "a pair of stacks, a kind of cost and a month, or the whole horizon",
    (_A, _B, _COSTS, _MONTH_OR_ALL, *_CHEAPER, *_DIFFERENCE),
    "pair_month",
)
TABLES = (
    MONTHLY_REPLAY, MONTHLY, CAPACITY_REPLAY, CAPACITY, CHARGES, LATENCY, LATENCY_CURVES, DRAWS, TIMELINE, EVENTS, REQUESTS, PAIRS,
    PAIRS_MONTHLY, *STUDY_TABLES,
)  # fmt: skip
"""Every table in every form."""
