"""Which group of random streams the spread of a result comes from: first-order shares of its variance, by pick-freeze.

Two independent sets of draws, a and b, and for each group a third result with that group drawn as in b and everything else as in a. That third
result shares the group alone with b, so their covariance over the variance is what the group explains alone (Sobol, Math. Comp. Simul. 55,
2001). It is estimated as by Janon et al. (ESAIM: P&S 18, 2014: centred and scaled by both results, so that a group that explains everything
has a share of exactly 1), less a multiple of the covariance of a and b, which is zero in the mean: at multiple 1 that is the estimator of
Saltelli et al. (Comput. Phys. Commun. 181, 2010), whose error vanishes with the effect of the group. The multiple is the one with
the least variance (a control variate). Intervals: bootstrap over futures, jointly for all groups.
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
_PASSES = 8
"""Share and multiple depend on each other; they settle within a few rounds."""


def first_order(
    y_a: npt.ArrayLike,
    y_b: npt.ArrayLike,
    frozen: Mapping[str, npt.ArrayLike],
    *,
    what: Mapping[str, str] = MappingProxyType({}),
    seed: int = 0,
) -> tuple[tuple[Driver, ...], float | None]:
    """The share of variance that each group explains alone, with a 90 % interval, and the remainder; results are [F].

    `frozen[group]`: the result with this group drawn as in b and all others as in a. Shares and intervals are cut to 0 to 1; the remainder is
    1 less the shares before they were cut, so that it may be a little below 0: interactions of groups, and the error of the shares. A group
    that changes nothing has a share of exactly 0. Without any variance all shares are 0 and there is no remainder (None).
    Groups keep their order. `what` says in words what varies in a group.
    """
    a, b = np.asarray(y_a, np.float64), np.asarray(y_b, np.float64)
    counts = _resampled(seed, len(a))
    drivers: list[Driver] = []
    explained, varies = 0.0, False
    for group, result in frozen.items():
        mixed = np.asarray(result, np.float64)
        share, low, high = 0.0, 0.0, 0.0
        if not np.array_equal(mixed, a):
            varies = True
            share, replicates = _share(a, b, mixed, counts)
            low, high = map(float, np.quantile(replicates, INTERVAL))
        explained += share
        cut = [min(max(value, 0.0), 1.0) for value in (share, min(low, share), max(high, share))]
        drivers.append(Driver(group, *cut, what.get(group, "")))
    varies = varies or not np.array_equal(a, b)
    return tuple(drivers), 1.0 - explained if varies else None


def _resampled(seed: int, futures: int) -> FloatArray:
    """[BOOTSTRAPS, F] how often each future is in each resample."""
    random = stream(seed, "attribution")
    return random.multinomial(futures, np.full(futures, 1.0 / futures), BOOTSTRAPS).astype(np.float64)


def _share(a: FloatArray, b: FloatArray, mixed: FloatArray, counts: FloatArray) -> tuple[float, FloatArray]:
    """A share, and [BOOTSTRAPS] what it is in resamples."""
    # Shares do not depend on origin and scale; near one the sums of squares lose no digits.
    origin, scale = b.mean(), max(b.std(), mixed.std())
    if scale == 0.0:
        return 0.0, np.zeros(len(counts))
    a, b, mixed = (a - origin) / scale, (b - origin) / scale, (mixed - origin) / scale
    futures = len(a)
    multiple = _multiple(a, b, mixed)
    columns = np.stack([a, b, mixed, b * mixed, a * b, (b * b + mixed * mixed) / 2], axis=1)
    moments = np.vstack([columns.mean(axis=0)[None, :], counts @ columns / futures])
    mean_a, mean_b, mean_mixed, product, control, square = moments.T
    centre = (mean_b + mean_mixed) / 2
    variance = square - centre**2
    numerator = product - centre**2 - multiple * (control - mean_a * mean_b)
    shares = np.divide(numerator, variance, out=np.zeros_like(variance), where=variance > 0)
    return float(shares[0]), shares[1:]


def _multiple(a: FloatArray, b: FloatArray, mixed: FloatArray) -> float:
    """The multiple of the control with the least variance of the share, by the delta method."""
    centre = (b.mean() + mixed.mean()) / 2
    product = (b - centre) * (mixed - centre)
    square = ((b - centre) ** 2 + (mixed - centre) ** 2) / 2
    control = (a - a.mean()) * (b - b.mean())
    spread = control.var()
    if spread == 0.0:
        return 0.0
    multiple, variance = 0.0, square.mean()
    for _ in range(_PASSES):
        share = (product.mean() - multiple * control.mean()) / variance
        residual = product - share * square
        multiple = float(np.mean((residual - residual.mean()) * (control - control.mean())) / spread)
    return multiple
