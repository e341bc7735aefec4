"""Points, what all points of a study share, and the row that each becomes: what sweeps and plans are made of.

A point is one combination of values laid over a stack; a row is what was measured of it, or why nothing was. All of it is plain data that
can be sent to other processes. Equal keys mean equal rows: a key is a hash of everything that a row depends on.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from sim.trace.closed_loop import ClosedLoop

Better = Literal["low", "high", "none"]
Value = str | int | float


@dataclass(frozen=True, slots=True)
class Metric:
    """A column of numbers: its name with the unit in it, the unit (empty: a plain number), what it is, and which way is better."""

    name: str
    unit: str
    words: str
    better: Better


METRICS = (
    Metric("usd_per_month", "USD", "the invoice of the trace, scaled to a month of 730 hours", "low"),
    Metric("usd_per_million_tokens", "USD", "the invoice, idle included, over prompt and output tokens served", "low"),
    Metric("api_usd_per_month", "USD", "of it what APIs charge", "none"),
    Metric("gpu_usd_per_month", "USD", "of it what GPUs cost, idle ones, power and hosting included", "none"),
    Metric("gpu_idle_usd_per_month", "USD", "of that what stood idle or was bought along with whole machines", "low"),
    Metric("other_usd_per_month", "USD", "of the invoice storage, egress and tooling", "none"),
    *(
        Metric(f"{metric}_{quantile}_s", "s", f"{words}, {quantile} over completed requests but those of batch lanes", "low")
        for metric, words in (
            ("ttft", "arrival to first output token"),
            ("tpot", "time of every further output token"),
            ("e2e", "arrival to last output token"),
        )
        for quantile in ("p50", "p90", "p95", "p99")
    ),
    Metric("completed_share", "share", "requests that completed", "high"),
    Metric("good_share", "share", "requests within both latency levels over all that are held to them", "high"),
    Metric("goodput_per_s", "1/s", "completed requests a second within both latency levels", "high"),
    Metric("throttled_share", "share", "attempts that rate limits refused", "low"),
    Metric("retried_share", "share", "attempts that were retries", "low"),
    Metric("fallback_share", "share", "completed requests that another than the first deployment of their rule served", "none"),
    Metric("preemptions_per_request", "", "preemptions on GPUs over requests whose last attempt was there", "low"),
    Metric("load", "", "offered work over the most that fits the service levels, of the fullest pool", "none"),
    Metric("load_peak", "", "the same in the busiest five minutes", "none"),
    Metric("api_load", "", "offered work over the rate limit it is nearest to, of the fullest API", "none"),
    Metric("busy_share", "share", "provisioned GPU time with at least one sequence running", "none"),
    Metric("gpus_mean", "GPUs", "paid for on average, whole machines", "none"),
    Metric("gpus_most", "GPUs", "paid for at one time at most, whole machines; of several pools the sum", "none"),
    Metric("gpu_hours", "GPU-hours", "paid for in a month of 730 hours, whole machines", "none"),
)
"""Of the replay; what does not exist is None (TPOT of answers of one token, load of an API)."""

FORECAST_METRICS = (
    *(
        Metric(f"{kind}_usd_{edge}", "USD", f"{words} over all months, {edge} over futures", "low")
        for kind, words in (("invoice", "what suppliers charge"), ("tco", "that, people and everything else"))
        for edge in ("mean", "p5", "p50", "p95")
    ),
    Metric("p_met_all_months", "share", "futures in which every month meets every service level", "high"),
    Metric("p_met_all_months_se", "share", "standard error of that", "none"),
    Metric("first_month_at_risk", "month", "first month that misses a level in more than 5 % of futures; none: never", "high"),
    Metric("load_p95_last_month", "", "load of the fullest pool in the last month, p95 over futures", "none"),
)
"""Of the months: rows have them where months were asked for."""


@dataclass(frozen=True)
class Study:
    """What all points share: the trace, the stack that points are laid over, prices, seed and months."""

    trace: Path
    trace_sha256: str
    stack_text: str
    """The YAML text of the stack."""
    stack_name: str
    settings: tuple[str, ...] = ()
    """`key.path=value` laid over the stack of every point, before the point's own."""
    models: Path | None = None
    """A folder of catalogue entries that goes before the bundled one."""
    prices_text: str | None = None
    """The text of a file of prices (`PriceFile.text`, or YAML)."""
    date: str | None = None
    """The day of the prices, as 2026-11-21; None: the catalogue's."""
    seed: int = 0
    """Of every point: what differs between points is not luck."""
    closed_loop: ClosedLoop | None = None
    """The clients that send the requests; None: the trace's own, or it is one of arrivals."""
    months: int = 0
    outlook: str = "base"
    outlook_settings: tuple[str, ...] = ()
    """`outlook.key.path=value`."""
    futures: int = 400
    start: str | None = None

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """Those that the rows of this study have."""
        return (*METRICS, *FORECAST_METRICS) if self.months else METRICS

    @cached_property
    def catalog_sha256(self) -> str:
        """A hash of every file of the catalogue that points are read with, taken once, when it is first asked for."""
        from sim.planning.contents import catalog_sha256

        return catalog_sha256(self.models)

    @cached_property
    def shared_sha256(self) -> str:
        """A hash of the program and of all inputs that points share, by what is in them."""
        from sim.planning.contents import outlook_text, program_sha256

        ahead = (self.outlook, outlook_text(self), self.outlook_settings, self.futures, self.start) if self.months else ()
        parts = (
            program_sha256(), self.catalog_sha256, self.trace_sha256, self.stack_name, self.stack_text, self.settings, self.prices_text,
            self.date, self.seed, self.closed_loop, self.months, ahead,
        )  # fmt: skip
        return hashlib.sha256(repr(parts).encode()).hexdigest()

    def key(self, point: Point) -> str:
        """The name of a point's row: a hash of the program, of the contents of all inputs, and of the point's settings.

        Where a point stands in its grid, and how its axes are called, does not matter.
        """
        return hashlib.sha256(repr((self.shared_sha256, point.settings)).encode()).hexdigest()[:40]


@dataclass(frozen=True)
class Point:
    """One combination: its number from 0, the value of every axis, and the settings that these mean."""

    number: int
    values: tuple[tuple[str, Value], ...]
    settings: tuple[str, ...]
    """As `deployments.own.replicas=3`."""
    refused: str | None = None
    """Why it cannot be made; None: it can."""


Level = tuple[str, float, float | None, bool]
"""One service level: its name (`ttft_p95`), the limit, what was measured (seconds, or a share), and whether it was met."""


@dataclass(frozen=True)
class Row:
    """What became of a point: every metric of the study by name, and the service levels; or why there is nothing."""

    point: Point
    metrics: Mapping[str, float | None]
    slo: tuple[Level, ...]
    refused: str | None = None

    @property
    def slo_met(self) -> bool | None:
        """Whether every service level was met in the replay; None for a point that was refused."""
        return None if self.refused is not None else all(met for *_, met in self.slo)
