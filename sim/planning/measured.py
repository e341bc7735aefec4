"""The metrics of a row: read off one replay, and off the forecast of its months. Names, units and meaning are in points.py."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from sim.cost.bill import SHARED, paid_machines
from sim.cost.gpu import gpu_hours, most_gpus
from sim.cost.price import GpuPrice
from sim.engine.system import Pool
from sim.futures.bands import band
from sim.futures.risk import months_at_risk, probability_se
from sim.measure.latency import latency_quantile
from sim.units import HOURS_PER_MONTH, SECONDS_PER_HOUR

if TYPE_CHECKING:
    from sim.cost.replay import Replay
    from sim.futures.forecast import Forecast

AT_RISK = 0.05
"""A month is at risk when its service levels are missed in more than this share of futures."""
_ROUNDING = 1e-9
_QUANTILES = (("p50", 0.5), ("p90", 0.9), ("p95", 0.95), ("p99", 0.99))
_IDLE = ("gpu_idle", "gpu_spare")


def of_replay(found: Replay) -> dict[str, float | None]:
    """Every metric of METRICS; money and GPU-hours are those of a month of 730 hours."""
    measures, outcomes, bill = found.measures, found.measures.outcomes, found.bill
    factor = bill.month_factor
    kinds = {use.name: use.kind for use in measures.uses}

    def month(usd: Iterable[float]) -> float | None:
        return None if factor is None else math.fsum(usd) * factor

    names = [each.name for each in found.system.deployments]
    lanes = [names.index(name) for name in measures.lanes]
    latency = {
        f"{metric}_{quantile}_s": latency_quantile(found.result, metric, q, lanes)
        for metric in ("ttft", "tpot", "e2e")
        for quantile, q in _QUANTILES
    }
    pools = [use for use in measures.uses if use.kind == "gpu"]
    loads = [(kinds[use.name], load) for use, load in zip(measures.uses, measures.loads, strict=True)]
    hours, most = _gpus(found)
    window_h = measures.window_s / SECONDS_PER_HOUR
    provisioned = math.fsum(use.gpu_hours or 0.0 for use in pools)
    busy = math.fsum((use.busy_share or 0.0) * (use.gpu_hours or 0.0) for use in pools)
    return {
        "usd_per_month": month(line.usd for line in bill.lines),
        "usd_per_million_tokens": bill.usd_per_million_tokens,
        "api_usd_per_month": month(line.usd for line in bill.lines if kinds.get(line.deployment) == "api"),
        "gpu_usd_per_month": month(line.usd for line in bill.lines if kinds.get(line.deployment) == "gpu"),
        "gpu_idle_usd_per_month": month(line.usd for line in bill.lines if line.item in _IDLE),
        "other_usd_per_month": month(line.usd for line in bill.lines if line.deployment == SHARED),
        **latency,
        "completed_share": outcomes.completed_share,
        "good_share": measures.good_share,
        "goodput_per_s": measures.goodput_per_s,
        "throttled_share": outcomes.throttled_share,
        "retried_share": _ratio(outcomes.retries, outcomes.attempts),
        "fallback_share": outcomes.fallback_share,
        "preemptions_per_request": _ratio(sum(use.preemptions or 0 for use in pools), sum(use.requests for use in pools)),
        "load": _most(load.mean for kind, load in loads if kind == "gpu"),
        "load_peak": _most(load.peak for kind, load in loads if kind == "gpu"),
        "api_load": _most(load.mean for kind, load in loads if kind == "api"),
        "busy_share": _ratio(busy, provisioned),
        "gpus_mean": _ratio(hours, window_h),
        "gpus_most": float(most),
        "gpu_hours": None if window_h <= 0 else hours / window_h * HOURS_PER_MONTH,
    }


def of_forecast(found: Forecast) -> dict[str, float | None]:
    """Every metric of FORECAST_METRICS."""
    metrics: dict[str, float | None] = {}
    for kind in ("invoice", "tco"):
        whole = band(found.total(kind).sum(axis=1))
        metrics |= {f"{kind}_usd_{edge}": getattr(whole, edge) for edge in ("mean", "p5", "p50", "p95")}
    p_met = float(found.slo.met.all(axis=1).mean())
    missed = [risk.p_miss > AT_RISK + _ROUNDING for risk in months_at_risk(found.slo.met)]
    last = found.capacity.load[:, -1, :]
    exists = np.isfinite(last)
    fullest = np.where(exists, last, -np.inf).max(axis=1)
    return metrics | {
        "p_met_all_months": p_met,
        "p_met_all_months_se": probability_se(p_met, found.futures),
        "first_month_at_risk": missed.index(True) + 1.0 if True in missed else None,
        "load_p95_last_month": band(fullest[exists.any(axis=1)]).p95 if exists.any() else None,
    }


def _gpus(found: Replay) -> tuple[float, int]:
    """GPU-hours that the run pays for, and the most GPUs at a time, over all pools."""
    hours, most = [], 0
    for d, deployment in enumerate(found.system.deployments):
        price = found.prices[deployment.name]
        if isinstance(deployment, Pool) and isinstance(price, GpuPrice):
            machines = paid_machines(deployment, d, found.result, price)
            hours.append(gpu_hours(machines=machines, price=price))
            most += most_gpus(machines=machines)
    return math.fsum(hours), most


def _ratio(part: float, whole: float) -> float | None:
    return part / whole if whole > 0 else None


def _most(values: Iterable[float | None]) -> float | None:
    return max((value for value in values if value is not None), default=None)
