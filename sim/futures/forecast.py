"""What a forecast knows: lines by future and month, service levels, capacity, and how sure each of them is.

F futures, M months, L lines, D deployments. Arrays stay whole, so that any band can be made of them; bands are in `sim/futures/bands.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from sim.futures.dated import Dated
from sim.futures.signals import Signals
from sim.futures.usage import UsageLayout

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

LineKind = Literal["invoice", "tco", "apart"]


@dataclass(frozen=True, slots=True)
class LineName:
    """One line of the bill. invoice: suppliers charge it; tco: on top of the invoice; apart: shown, in no total (opportunity cost)."""

    deployment: str
    """`shared` where it belongs to none."""
    item: str
    kind: LineKind
    assumed: str = ""
    """What of it is assumed, in words; empty: nothing."""


@dataclass(frozen=True)
class Band:
    """p5-p50-p95 and mean over futures, each edge with its standard error; all in the unit of what it is a band of."""

    mean: float
    p5: float
    p50: float
    p95: float
    se: float
    """Of the mean."""
    se_p5: float
    se_p50: float
    se_p95: float


@dataclass(frozen=True, slots=True)
class Driver:
    """How much of the variance of a total a group of streams explains alone (a share, with a 90 % interval)."""

    group: str
    share: float
    low: float
    high: float
    what: str
    """In words, what varies in this group, and what of it is assumed."""


@dataclass(frozen=True, slots=True)
class HazardEffect:
    """What one hazard did, in the mean over its incidents."""

    kind: str
    name: str
    per_month: float
    """Incidents a month."""
    hours_per_month: float
    replayed: int
    """Incidents that were replayed one by one; the others are taken from these."""
    failed_requests: float
    """More requests that did not complete, a month."""
    saved_requests: float
    """More requests that a fallback completed, a month."""
    late_requests: float
    """More completed requests outside the latency levels, a month."""
    usd: float
    """More (or less) on the invoice, a month."""


@dataclass(frozen=True)
class Accuracy:
    """What replaying some days of some futures exactly says about cells and library: relative errors of days."""

    days: int
    usd_bias: float | None
    usd_rms: float | None
    slo_bias: float | None
    """Of the share of requests within the service level, absolute."""
    slo_rms: float | None


@dataclass(frozen=True)
class SloForecast:
    """Service levels by future and month, each [F, M]; NaN where no request was held to them."""

    good_share: FloatArray
    """Requests within both latency levels over all that are held to them."""
    completed_share: FloatArray
    ttft_p95_s: FloatArray
    ttft_p99_s: FloatArray
    tpot_p95_s: FloatArray
    met: BoolArray
    """Whether every level was met."""


@dataclass(frozen=True)
class Capacity:
    """What a capacity plan takes, each [F, M, D]; NaN where it makes no sense for a deployment."""

    gpus: FloatArray
    """Paid on average."""
    nodes: FloatArray
    gpu_hours: FloatArray
    requests: FloatArray
    input_tokens: FloatArray
    """Cached ones included."""
    output_tokens: FloatArray
    busy_share: FloatArray
    load: FloatArray
    slo_share: FloatArray
    energy_kwh: FloatArray


@dataclass(frozen=True)
class Forecast:
    """A stack over the months of many futures."""

    stack: str
    outlook: str
    seed: int
    months: tuple[str, ...]
    month_days: tuple[int, ...]
    lines: tuple[LineName, ...]
    usd: FloatArray
    """[F, M, L]."""
    layout: UsageLayout
    usage: FloatArray
    """[F, M, I] amounts of the month."""
    slo: SloForecast
    deployments: tuple[str, ...]
    capacity: Capacity
    drivers: tuple[Driver, ...]
    """Of the invoice of all months."""
    remainder: float | None
    """Of its variance: what no group explains alone."""
    tco_drivers: tuple[Driver, ...]
    """Of the total cost of ownership, group by group like `drivers`."""
    tco_remainder: float | None
    hazards: tuple[HazardEffect, ...]
    accuracy: Accuracy
    mode: str
    """In words: how the trace was cut (contiguous days, windows, exact), and why."""
    tail_resolved: bool
    """Whether windows cover at least 24 hours, below which quantiles of a tail say nothing."""
    cells: int
    """Replays the cells took."""
    futures_needed: int
    """Futures at which the standard error of the p95 of the total is 2 % of it."""
    window_se: float
    """Relative standard error of the cost that comes from the choice of windows; 0 where all was replayed."""
    notes: tuple[str, ...]
    assumed: tuple[str, ...]
    """Every assumption that the bands rest on, in words."""
    discount_rate_per_year: float | None
    """What later money is discounted by, where the stack gives it; None: no present values."""
    dated: tuple[Dated, ...] = ()
    """What happens on known or likely dates, in order of time."""
    incident_hours: FloatArray | None = None
    """[F, M] hours of incidents that begin in a month."""
    signals: Signals | None = None
    """What happens to its APIs in each future."""

    @property
    def futures(self) -> int:
        """F."""
        return len(self.usd)

    def total(self, kind: Literal["invoice", "tco"]) -> FloatArray:
        """[F, M] what suppliers charge, or that and everything on top."""
        kinds = ("invoice",) if kind == "invoice" else ("invoice", "tco")
        chosen = [k for k, line in enumerate(self.lines) if line.kind in kinds]
        # Summed in the order of the lines, so that lines add up to the total to the last bit.
        total = np.zeros(self.usd.shape[:2])
        for k in chosen:
            total = total + self.usd[:, :, k]
        return total
