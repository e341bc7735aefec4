"""Bands over futures: the mean, p5, p50 and p95 of a quantity, each with its standard error.

Quantiles are Harrell-Davis estimates (Biometrika 69, 1982): weighted means of all order statistics, the weights those of a Beta((F+1)p,
(F+1)(1-p)). They move smoothly where a plain order statistic jumps, as between futures with and without an incident. Their standard error
is the infinitesimal jackknife of such a mean (Efron, The Jackknife, the Bootstrap and Other Resampling Plans, 1982, chapter 6): the
standard deviation of the influence of each future, over sqrt(F). How near that is to what bands really do from seed to seed:
docs/uncertainty.md. Everything is taken relative to the least value, so that what does not vary has a band without width, and no error,
to the last bit.
"""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
import numpy.typing as npt

from sim.futures.forecast import Band, FloatArray

EDGES = (0.05, 0.5, 0.95)
FEW = 50
"""Futures below which the errors of quantiles are found by leaving out one after the other."""
MOST_FUTURES = 10_000_000
"""What `futures_needed` says at most."""
FEWEST_FUTURES = 20
"""Fewer are never drawn: p5 and p95 would be the outermost ones."""

Missing = Literal["refuse", "ignore"]


def band(values: npt.ArrayLike, *, extra_variance: float = 0.0, relative_se: float = 0.0, missing: Missing = "refuse") -> Band:
    """The band of one quantity, `values` being [F] with F >= 1; see `bands`."""
    column = np.asarray(values, np.float64)
    return bands(column[:, None], extra_variance=extra_variance, relative_se=relative_se, missing=missing)[0]


def bands(
    values: npt.ArrayLike, *, extra_variance: npt.ArrayLike = 0.0, relative_se: npt.ArrayLike = 0.0, missing: Missing = "refuse"
) -> tuple[Band, ...]:
    """M bands of values [F, M], each over its column; all in the unit of the values.

    Added in quadrature to the error of the mean and of each edge: `extra_variance`, in the square of the unit, and `relative_se`, a share
    of the mean or edge itself (the choice of windows, the library of incidents); scalars or [M]. Values that do not exist are NaN:
    ignored, or refused with ValueError, as infinite ones always are. A column of none is a band of NaN; that of one future has errors of
    NaN, for one draw does not tell how far another is.
    """
    table = np.asarray(values, np.float64)
    known = ~np.isnan(table)
    if np.isinf(table).any() or (missing == "refuse" and not known.all()):
        raise ValueError("a band is made of finite values")
    counts = known.sum(axis=0)
    # One row a column, each summed by itself: a band is the same to the last bit whatever stands beside it. NaN comes last.
    ordered = np.sort(np.ascontiguousarray(table.T), axis=1)
    columns = table.shape[1]
    edges, errors = np.full((4, columns), np.nan), np.full((4, columns), np.nan)
    for count in map(int, np.unique(counts)):
        if count:
            here = counts == count
            edges[:, here], errors[:, here] = _edges(np.ascontiguousarray(ordered[here, :count]))
    absolute = np.broadcast_to(np.asarray(extra_variance, np.float64), (columns,))
    relative = np.broadcast_to(np.asarray(relative_se, np.float64), (columns,))
    errors = np.sqrt(errors**2 + absolute + (relative * edges) ** 2)
    return tuple(Band(*map(float, (*edges[:, m], *errors[:, m]))) for m in range(columns))


def quantile_weights(count: int, p: float) -> FloatArray:
    """[count] weights of Harrell and Davis for the order statistics of so many values; they sum to 1."""
    from scipy.special import betainc

    return np.diff(betainc((count + 1) * p, (count + 1) * (1 - p), np.arange(count + 1) / count))


def _edges(ordered: FloatArray) -> tuple[FloatArray, FloatArray]:
    """[4, M] mean, p5, p50 and p95 of sorted rows [M, n], and their standard errors."""
    count = ordered.shape[1]
    least, most = ordered[:, 0], ordered[:, -1]
    above = ordered - least[:, None]
    quantiles = np.array([(above * quantile_weights(count, p)).sum(axis=1) for p in EDGES])
    # Equal in theory where they meet; rounding must not cross them, nor leave the range of the values.
    quantiles = np.clip(np.maximum.accumulate(quantiles, axis=0) + least, least, most)
    edges = np.vstack([np.clip(least + above.mean(axis=1), least, most), quantiles])
    if count == 1:
        return edges, np.full_like(edges, np.nan)
    error_of_mean = above.std(axis=1, ddof=1) / math.sqrt(count)
    quantile_error = _quantile_error if count >= FEW else _quantile_error_of_few
    return edges, np.vstack([error_of_mean, *(quantile_error(above, p) for p in EDGES)])


def _quantile_error(ordered: FloatArray, p: float) -> FloatArray:
    """[M] standard errors of quantiles of sorted rows [M, n].

    The influence of a value is the sum over the gaps below it of weight times share below, less that over the gaps above it of weight times
    share above: the weight being the density of the Beta at the share of values below the gap.
    """
    from scipy.special import betaln

    count = ordered.shape[1]
    below = np.arange(1, count) / count
    a, b = (count + 1) * p, (count + 1) * (1 - p)
    density = np.exp((a - 1) * np.log(below) + (b - 1) * np.log1p(-below) - betaln(a, b))
    weighted = density * np.diff(ordered, axis=1)
    influence = np.zeros_like(ordered)
    influence[:, 1:] += np.cumsum(weighted * below, axis=1)
    influence[:, :-1] -= np.cumsum((weighted * (1 - below))[:, ::-1], axis=1)[:, ::-1]
    return np.asarray(np.sqrt(np.mean(influence**2, axis=1) / count))


def _quantile_error_of_few(ordered: FloatArray, p: float) -> FloatArray:
    """[M] the same by leaving out one value after the other: where the weight of p5 and p95 lies on the outermost values, no density of it
    is left at the gaps between values."""
    count = ordered.shape[1]
    weights = quantile_weights(count - 1, p)
    nothing = np.zeros((len(ordered), 1))
    below = np.cumsum(ordered[:, :-1] * weights, axis=1)
    above = np.cumsum((ordered[:, 1:] * weights)[:, ::-1], axis=1)[:, ::-1]
    without = np.hstack([nothing, below]) + np.hstack([above, nothing])
    moved = without - without.mean(axis=1, keepdims=True)
    return np.asarray(np.sqrt((count - 1) * np.mean(moved**2, axis=1)))


def futures_needed(values: npt.ArrayLike, *, rel: float = 0.02) -> int:
    """At how many futures the standard error of the p95 of values [F] is `rel` of it, since it falls with their square root.

    2 where nothing varies; MOST_FUTURES at most, which is also said of a p95 of zero that varies.
    """
    found = band(values)
    if not found.se_p95 > 0:
        return 2
    if found.p95 == 0:
        return MOST_FUTURES
    factor = (found.se_p95 / (rel * abs(found.p95))) ** 2
    return int(min(max(2.0, math.ceil(factor * len(np.asarray(values)))), MOST_FUTURES))
