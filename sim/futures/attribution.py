"""Which group of random streams the spread of a result comes from: first-order shares of its variance, by pick-freeze.

Two independent sets of draws, a and b, and for each group a third result with that group drawn as in b and everything else as in a. That
third result shares the group alone with b, so their covariance over the variance is what the group explains alone (Sobol, Math. Comp.
Simul. 55, 2001). It is estimated as by Janon et al. (ESAIM: P&S 18, 2014: scaled by both results, so that a group that explains everything
has a share of exactly 1), less a multiple of the covariance of a and b, which is zero in the mean. At multiple 1 that is the estimator of
Saltelli et al. (Comput. Phys. Commun. 181, 2010), whose error vanishes with the effect of the group; the multiple taken is the correlation
of the third result with a, what all other groups explain, near which the variance is least. Intervals: bootstrap over futures.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from sim.futures.forecast import Driver, FloatArray
from sim.sampling import stream

BOOTSTRAPS = 1000
INTERVAL = (0.05, 0.95)
_ROUNDING = 1e-9
"""Results that differ by less than this part of them are taken for equal."""


def first_order(
    y_a: npt.ArrayLike,
    y_b: npt.ArrayLike,
    frozen: Mapping[str, npt.ArrayLike],
    *,
    what: Mapping[str, str] = MappingProxyType({}),
    seed: int = 0,
) -> tuple[tuple[Driver, ...], float | None]:
    """The share of variance that each group explains alone, with a 90 % interval, and the remainder; results are [F].

    `frozen[group]`: the result with this group drawn as in b and all others as in a. Shares and intervals are cut to 0 to 1; the remainder
    is 1 less the shares before they were cut, so that it may be a little below 0: interactions of groups, and the error of the shares. A
    group that changes nothing has a share of exactly 0, one that changes everything of exactly 1. Without any variance all shares are 0
    and there is no remainder (None). Groups keep their order. `what` says in words what varies in a group.
    """
    a, b = np.asarray(y_a, np.float64), np.asarray(y_b, np.float64)
    a = _settled(a, a[:1])
    b = _settled(_settled(b, a[:1]), a)
    counts = _resampled(seed, len(a))
    drivers: list[Driver] = []
    explained, varies = 0.0, False
    for group, result in frozen.items():
        mixed = _settled(_settled(np.asarray(result, np.float64), a), b)
        share, low, high = 0.0, 0.0, 0.0
        if not np.array_equal(mixed, a):
            varies = True
            share, low, high = (1.0, 1.0, 1.0) if np.array_equal(mixed, b) else _share(a, b, mixed, counts)
        explained += share
        drivers.append(Driver(group, _cut(share), _cut(min(low, share)), _cut(max(high, share)), what.get(group, "")))
    varies = varies or not np.array_equal(a, b)
    return tuple(drivers), 1.0 - explained if varies else None


def _settled(values: FloatArray, of: FloatArray) -> FloatArray:
    """The values, replaced by those they differ from by rounding alone: sums in another order are no spread."""
    return np.where(np.abs(values - of) <= _ROUNDING * np.abs(of), of, values)


def _cut(share: float) -> float:
    return min(max(share, 0.0), 1.0)


def _resampled(seed: int, futures: int) -> FloatArray:
    """[BOOTSTRAPS, F] how often each future is in each resample."""
    random = stream(seed, "attribution")
    return random.multinomial(futures, np.full(futures, 1.0 / futures), BOOTSTRAPS).astype(np.float64)


def _share(a: FloatArray, b: FloatArray, mixed: FloatArray, counts: FloatArray) -> tuple[float, float, float]:
    """A share and its interval over resamples [BOOTSTRAPS, F]."""
    # Shares do not depend on origin and scale; near one the sums of squares lose no digits.
    origin, scale = b.mean(), max(float(b.std()), float(mixed.std()))
    if scale == 0.0:
        return 0.0, 0.0, 0.0
    a, b, mixed = (a - origin) / scale, (b - origin) / scale, (mixed - origin) / scale
    columns = np.stack([a, b, mixed, b * mixed, a * b, (b * b + mixed * mixed) / 2, a * mixed, a * a, mixed * mixed], axis=1)
    # Not by the linear algebra library, whose last digits depend on its threads.
    moments = np.vstack([columns.mean(axis=0)[None, :], np.einsum("rf,fk->rk", counts, columns) / len(a)])
    mean_a, mean_b, mean_mixed, b_mixed, a_b, square, a_mixed, a_a, mixed_mixed = moments.T
    others = _ratio(a_mixed - mean_a * mean_mixed, np.sqrt(np.maximum((a_a - mean_a**2) * (mixed_mixed - mean_mixed**2), 0.0)))
    variance = square - (mean_b**2 + mean_mixed**2) / 2
    shares = _ratio(b_mixed - mean_b * mean_mixed - others * (a_b - mean_a * mean_b), variance)
    low, high = np.quantile(shares[1:], INTERVAL)
    return float(shares[0]), float(low), float(high)


def _ratio(above: FloatArray, below: FloatArray) -> FloatArray:
    """A quotient, 0 where nothing varies."""
    return np.divide(above, below, out=np.zeros_like(below), where=below > 0)
