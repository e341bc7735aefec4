"""Times at which things happen again and again, in all futures at once, stationary from the first moment on.

A Weibull renewal process: gaps with shape k and scale λ, mean λ Γ(1 + 1/k); k below 1 is clustered, 1 is Poisson. It is in equilibrium at
the start of the horizon: the first gap is what is left of a gap that a random moment falls into, U x X with U uniform and X weighted by
its length, for which (X/λ)^k is gamma distributed with shape 1 + 1/k (Cox, Renewal Theory, 1962, section 5). So the mean number of
events in t is exactly t over the mean gap, for every t.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]


def renewal_times(generator: np.random.Generator, *, per_second: FloatArray, shape: float, length_s: float) -> tuple[IntArray, FloatArray]:
    """Future and time of every event before `length_s`, in order of both; `per_second` is the rate of each future (0: none)."""
    futures = len(per_second)
    mean_gap_s = np.divide(1.0, per_second, out=np.full(futures, np.inf), where=per_second > 0.0)
    scale_s = mean_gap_s / math.gamma(1 + 1 / shape)
    with np.errstate(invalid="ignore"):
        now = generator.random(futures) * generator.standard_gamma(1 + 1 / shape, futures) ** (1 / shape) * scale_s
    now = np.where(np.isfinite(scale_s), now, np.inf)
    found_future, found_time = [np.flatnonzero(now < length_s)], [now[now < length_s]]
    alive = found_future[0]
    now = now[alive]
    while len(alive):
        # As many gaps as the busiest future still needs in the mean, and some; those that need more go round again.
        expected = float(((length_s - now) / mean_gap_s[alive]).max())
        count = int(expected + 3 * math.sqrt(expected) + 4)
        gaps = generator.weibull(shape, (len(alive), count)) * scale_s[alive, None]
        times = now[:, None] + np.cumsum(gaps, axis=1)
        row, column = np.nonzero(times < length_s)
        found_future.append(alive[row])
        found_time.append(times[row, column])
        still = times[:, -1] < length_s
        alive, now = alive[still], times[still, -1]
    future, time = np.concatenate(found_future), np.concatenate(found_time)
    order = np.lexsort((time, future))
    return future[order].astype(np.int64), time[order]


def poisson_times(generator: np.random.Generator, *, per_second: FloatArray, length_s: float) -> tuple[IntArray, FloatArray]:
    """The same for events that know nothing of each other."""
    counts = generator.poisson(per_second * length_s)
    future = np.repeat(np.arange(len(per_second)), counts)
    time = generator.random(len(future)) * length_s
    order = np.lexsort((time, future))
    return future[order].astype(np.int64), time[order]
