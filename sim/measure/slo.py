"""Goodput, and whether a run met its service levels.

A latency level is a quantile over completed requests that must not exceed a limit; the level of completion is a share of all requests.
Nobody waits for a request of a batch lane: latency levels and goodput leave those lanes (`lanes`, numbers of deployments) out. A level
about something that no request shows (TPOT when every answer has one token) is met unless nothing completed at all.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sim.engine.result import Result
from sim.measure.latency import latency_quantile


@dataclass(frozen=True, slots=True)
class Slo:
    """The service levels: latency quantiles at most so many seconds, and at least a share of requests completed."""

    ttft_s: float = 3.0
    tpot_s: float = 0.05
    completed: float = 0.995
    ttft_quantile: float = 0.95
    tpot_quantile: float = 0.95


@dataclass(frozen=True, slots=True)
class Level:
    """One service level as measured. `limit` and `measured` are seconds for latencies, a share for `completed`."""

    name: str
    limit: float
    measured: float | None
    met: bool


def quantile_name(metric: str, q: float) -> str:
    """`ttft_p95`, `tpot_p99.9`: a metric and its quantile as the command line writes them."""
    return f"{metric}_p{round(q * 100, 6):g}"


def verdict(result: Result, slo: Slo, lanes: Collection[int] = ()) -> tuple[Level, ...]:
    """Each service level with what was measured and whether it was met."""
    completed = int(result.outcomes[:, :, 0].sum())
    levels = []
    for metric, q, limit in (("ttft", slo.ttft_quantile, slo.ttft_s), ("tpot", slo.tpot_quantile, slo.tpot_s)):
        measured = latency_quantile(result, metric, q, lanes)
        levels.append(Level(quantile_name(metric, q), limit, measured, completed > 0 and (measured is None or measured <= limit)))
    share = completed / result.total if result.total else None
    levels.append(Level("completed", slo.completed, share, share is not None and share >= slo.completed))
    return tuple(levels)


def goodput_per_s(result: Result, lanes: Collection[int] = ()) -> float | None:
    """Completed requests a second whose own TTFT and TPOT were within the service level; None for a run without duration."""
    return _good(result, lanes) / result.window_s if result.window_s > 0 else None


def good_share(result: Result, lanes: Collection[int] = ()) -> float | None:
    """Requests within both latency levels over all that are held to them; None when there are none."""
    held = result.total - int(result.outcomes[list(lanes)].sum())
    return _good(result, lanes) / held if held else None


def _good(result: Result, lanes: Collection[int]) -> int:
    return int(result.met_slo.sum() - result.met_slo[list(lanes)].sum())
