"""When, and at how much traffic, one stack becomes cheaper than another: months over futures, and the level at which monthly costs meet.

All of paired futures: row f of both stacks is the same future. Differences below half a cent are none.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sim.cost.break_even import crossing_requests
from sim.futures.forecast import FloatArray
from sim.futures.risk import probability_se
from sim.sampling import stream

HALF_A_CENT = 0.005
QUANTILES = (0.05, 0.5, 0.95)
SENSIBLE = 10.0
"""Costs are followed to so many times more, and less, than the requests of any month; beyond that a straight line says nothing."""
LEAST_SPREAD = 0.01
"""Deviation of requests over their mean below which no cost per request can be told."""
BOOTSTRAPS = 500
SURE = 0.9
"""Share of resamples in which the costs must meet."""

IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class MonthOf:
    """In which month something first happens, over all futures; months count from 1.

    A quantile is the first month by which it has happened in that share of the futures, None where it has not by the last: with a share
    of 0.4 there is a p5, but neither p50 nor p95.
    """

    stack: str
    """Of which stack it is said."""
    share: float
    """Of the futures in which it happens within the horizon."""
    se: float
    p5: int | None
    p50: int | None
    p95: int | None


@dataclass(frozen=True, slots=True)
class BreakEven:
    """At how much traffic the mean monthly costs of two stacks meet; None, and why, where they do not."""

    requests_per_month: float | None
    low: float | None
    """90 % interval: bootstrap over futures."""
    high: float | None
    tokens_per_month: float | None
    """The same in prompt and output tokens, at the tokens that a request takes."""
    cheaper_above: str
    """The stack that is cheaper with more traffic; empty where there is none."""
    extrapolated: bool
    """Whether it lies outside of the traffic of every month of every future."""
    why: str
    """Why there is none, in words; empty where there is one."""


def stays_below_from(own: FloatArray, other: FloatArray) -> IntArray:
    """[F] the first month, from 0, from which `own` [F, M] costs less than `other` in every month to the last; M where none."""
    below = own < other - HALF_A_CENT
    back = np.logical_and.accumulate(below[:, ::-1], axis=1)
    return np.asarray(own.shape[1] - back.sum(axis=1), np.int64)


def paid_back_in(own: FloatArray, other: FloatArray) -> IntArray:
    """[F] the first month, from 0, after which all that `own` [F, M] has cost since the start is less than that of `other`, and stays so to
    the last month; M where none: where it costs as much or more in total."""
    return stays_below_from(np.cumsum(own, axis=1), np.cumsum(other, axis=1))


def month_of(stack: str, first: IntArray, months: int) -> MonthOf:
    """The distribution of a first month [F], from 0, `months` standing for never."""
    ordered = np.sort(first)
    found = [int(ordered[math.ceil(p * len(ordered)) - 1]) for p in QUANTILES]
    p5, p50, p95 = (month + 1 if month < months else None for month in found)
    share = float(np.mean(first < months))
    return MonthOf(stack, share, probability_se(share, len(first)), p5, p50, p95)


def dearer_to_start(a: FloatArray, b: FloatArray) -> int | None:
    """0 or 1 for the stack, of costs [F, M], that costs more in the mean of the first month in which they differ; None for equal ones."""
    difference = (a - b).mean(axis=0)
    apart = np.flatnonzero(np.abs(difference) >= HALF_A_CENT)
    return (0 if difference[apart[0]] > 0 else 1) if len(apart) else None


def break_even(
    names: tuple[str, str], a: FloatArray, b: FloatArray, requests: FloatArray, *, tokens_per_request: float, seed: int
) -> BreakEven:
    """Where the mean monthly costs of a and b [F, M] meet, as functions of the requests [F, M] of a month.

    The difference is taken to be a fixed part, which may differ from month to month (one-off costs, prices that move with time), and a
    part per request: least squares within months, over futures. Where requests differ between months alone, over months.
    """
    difference = a - b
    if not np.any(np.abs(difference) >= HALF_A_CENT):
        return _none("a tie: both cost the same in every month")
    within = requests - requests.mean(axis=0)
    by_month = within.std() >= LEAST_SPREAD * requests.mean()
    if not by_month and (requests - requests.mean()).std() < LEAST_SPREAD * requests.mean():
        return _none("requests do not vary, so that no cost per request can be told")
    counts = stream(seed, "break_even").multinomial(len(a), np.full(len(a), 1 / len(a)), BOOTSTRAPS)
    weights = np.vstack([np.ones(len(a)), counts]).astype(np.float64)
    slope, mean_requests, mean_usd = _line(requests, difference, weights, by_month=bool(by_month))
    level = crossing_requests(fixed_a_usd=mean_usd - slope * mean_requests, per_request_a_usd=slope, fixed_b_usd=0.0, per_request_b_usd=0.0)
    least, most = float(requests.min()), float(requests.max())
    meets = (np.sign(slope) == np.sign(slope[0])) & (level >= least / SENSIBLE) & (level <= most * SENSIBLE)
    at = float(level[0])
    if not meets[0]:
        cheaper = names[1] if mean_usd[0] > 0 else names[0]
        return _none(f"{cheaper} costs less from a tenth of the least to ten times the most requests of a month")
    if np.mean(meets[1:]) < SURE:
        return _none("the costs per request differ too little, against their spread over futures, to say")
    low, high = np.quantile(level[1:][meets[1:]], (QUANTILES[0], QUANTILES[2]))
    return BreakEven(
        requests_per_month=at,
        low=min(float(low), at),
        high=max(float(high), at),
        tokens_per_month=at * tokens_per_request,
        cheaper_above=names[1] if slope[0] > 0 else names[0],
        extrapolated=not least <= at <= most,
        why="",
    )


def _none(why: str) -> BreakEven:
    return BreakEven(None, None, None, None, "", False, why)


def _line(x: FloatArray, y: FloatArray, weights: FloatArray, *, by_month: bool) -> tuple[FloatArray, FloatArray, FloatArray]:
    """[R] slope, mean x and mean y of least squares through [F, M] points for each row of weights [R, F] of futures."""
    # Not by the linear algebra library, whose last digits depend on its threads.
    total = weights.sum(axis=1)
    mean_x = np.einsum("rf,fm->rm", weights, x) / total[:, None]
    mean_y = np.einsum("rf,fm->rm", weights, y) / total[:, None]
    square = np.einsum("rf,f->r", weights, (x * x).mean(axis=1)) / total
    product = np.einsum("rf,f->r", weights, (x * y).mean(axis=1)) / total
    over_x, over_y = mean_x.mean(axis=1), mean_y.mean(axis=1)
    if by_month:
        square, product = square - (mean_x**2).mean(axis=1), product - (mean_x * mean_y).mean(axis=1)
    else:
        square, product = square - over_x**2, product - over_x * over_y
    return np.divide(product, square, out=np.zeros_like(product), where=square > 0), over_x, over_y
