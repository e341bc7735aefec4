"""Quantiles of latencies kept in log buckets (sim/engine/result.py).

A quantile q is the smallest value that at least the share q of all values does not exceed; of its bucket the geometric middle
is taken, within 0.5 % of every member, and never above the exact maximum.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sim.engine.result import HIST_BUCKETS, HIST_GROWTH, HIST_MIN_S

QUANTILES = (0.5, 0.9, 0.95, 0.99)

IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Spread:
    """How a latency is spread over requests, in seconds; None where no request has one."""

    count: int
    mean: float | None
    p50: float | None
    p90: float | None
    p95: float | None
    p99: float | None
    max: float | None


def bucket_middle_s(bucket: int) -> float:
    """The geometric middle of a bucket in seconds; half the least edge for bucket 0, which holds everything below it."""
    return HIST_MIN_S / 2 if bucket == 0 else HIST_MIN_S * HIST_GROWTH ** (bucket - 0.5)


def quantile_s(counts: IntArray, q: float, largest_s: float) -> float | None:
    """Quantile q (0 to 1) in seconds of one histogram of HIST_BUCKETS counts whose exact maximum is `largest_s`; None when empty."""
    total = int(counts.sum())
    if total == 0:
        return None
    # The tolerance keeps 0.95 * 100 from asking for the 96th value.
    rank = max(1, math.ceil(q * total - 1e-9))
    if rank == total:
        return largest_s
    bucket = int(np.searchsorted(np.cumsum(counts), rank))
    # Everything beyond the last edge is in one bucket: only its maximum is known.
    return largest_s if bucket == HIST_BUCKETS - 1 else min(bucket_middle_s(bucket), largest_s)


def spread(counts: IntArray, sum_ns: int, largest_s: float) -> Spread:
    """The Spread of one histogram, its sum in nanoseconds and its exact maximum in seconds."""
    total = int(counts.sum())
    if total == 0:
        return Spread(0, None, None, None, None, None, None)
    p50, p90, p95, p99 = (quantile_s(counts, q, largest_s) for q in QUANTILES)
    return Spread(total, sum_ns / 1e9 / total, p50, p90, p95, p99, largest_s)
