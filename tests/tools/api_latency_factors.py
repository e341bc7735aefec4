"""What requests of the same moment, run or hour have in common, and by how much published levels differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log, sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from tests.tools.api_latency_data import AT_ONCE, Pair

FloatArray = NDArray[np.float64]

HOUR_SIGMAS = tuple(round(0.01 * k, 2) for k in range(61))
"""Sigmas of the hourly factor that are tried."""
_PROBES_SIMULATED = 20_000
_KERNEL = 0.25
"""Width of the kernel, in ln of ln(maximum / median)."""
_ROUNDS_TOGETHER = 5


def _variances(values: FloatArray, groups: NDArray[np.int64]) -> tuple[float, float]:
    """Variance between groups (may be negative) and within them: one-way analysis of variance, groups of any size."""
    _, group, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    means = np.bincount(group, values) / sizes
    n, m = len(values), len(sizes)
    size = (n - float(np.sum(sizes**2)) / n) / (m - 1)
    between = float(np.sum(sizes * (means - values.mean()) ** 2)) / (m - 1)
    within = float(np.sum((values - means[group]) ** 2)) / (n - m)
    return (between - within) / size, within


def _without_outliers(values: FloatArray) -> FloatArray:
    """Values drawn in to three robust standard deviations: one stray request would otherwise be the variance of its round."""
    low, high = np.quantile(values, (0.25, 0.75))
    sigma = float(high - low) / 1.349
    return np.clip(values, -3.0 * sigma, 3.0 * sigma)


def moment_share(pair: Pair, metric: str) -> float:
    """Share of the variance of ln time that the five requests of a round have in common."""
    values, place = pair.known(metric)
    between, within = _variances(_without_outliers(values), place // AT_ONCE)
    return between / (between + within)


def drift_variance(pair: Pair, metric: str) -> float:
    """Variance of the means of five consecutive rounds beyond what their rounds explain (may be negative): drift over a run of minutes."""
    values, place = pair.known(metric)
    rounds, group, sizes = np.unique(place // AT_ONCE, return_inverse=True, return_counts=True)
    means = np.bincount(group, _without_outliers(values)) / sizes
    return _variances(means, rounds // _ROUNDS_TOGETHER)[0]


def run_s(pair: Pair) -> float:
    """How long a run lasted at least, in seconds: the longest answer of each round, one after the other."""
    total = pair.ttft_s + pair.tpot_s * (pair.output_tokens - 1.0)
    rounds = pair.place // AT_ONCE
    return float(sum(total[rounds == each].max() for each in np.unique(rounds)))


def rank_correlation(x: FloatArray, y: FloatArray) -> float:
    """Spearman's; not a number where one of them is constant."""
    if np.ptp(x) == 0.0 or np.ptp(y) == 0.0:
        return float("nan")
    return float(np.corrcoef(rankdata(x), rankdata(y))[0, 1])


@dataclass(frozen=True)
class Estimate:
    """A figure and its 95 % interval."""

    value: float
    low: float
    high: float


def drift_sigma(pairs: Sequence[Pair], metric: str) -> Estimate:
    """Sigma of the drift within runs, mean over pairs; pairs are resampled for the interval. A negative variance is no drift."""
    variances = np.array([drift_variance(pair, metric) for pair in pairs])
    drawn = np.random.default_rng(2).integers(len(variances), size=(2000, len(variances)))
    low, high = np.quantile(variances[drawn].mean(axis=1), (0.025, 0.975))
    return Estimate(*(sqrt(max(float(each), 0.0)) for each in (variances.mean(), low, high)))


def hour_sigma(samples: Sequence[FloatArray], probes: Sequence[tuple[str, int, float]]) -> Estimate:
    """Sigma of the factor common to an hour, by maximum likelihood of the hourly probes' ln(maximum / median).

    Each probe is simulated as requests of one deployment, drawn from those measured (so that steady and unsteady hosts are both
    possible), times a lognormal factor an hour; the density of ln(maximum / median) is a kernel estimate in its logarithm. The interval is where the
    likelihood is at most 1.92 below its largest.
    """
    likelihood = np.zeros(len(HOUR_SIGMAS))
    for hours in sorted({hours for _, hours, _ in probes}):
        generator = np.random.default_rng(hours)
        deployment = generator.integers(len(samples), size=_PROBES_SIMULATED)
        request, hour = generator.random((_PROBES_SIMULATED, hours)), generator.standard_normal((_PROBES_SIMULATED, hours))
        base = np.empty_like(request)
        for k, sample in enumerate(samples):
            chosen = deployment == k
            base[chosen] = np.interp(request[chosen], (np.arange(len(sample)) + 0.5) / len(sample), np.sort(sample))
        for k, sigma in enumerate(HOUR_SIGMAS):
            times = np.exp(base + sigma * hour)
            simulated = np.log(np.log(times.max(axis=1) / np.median(times, axis=1)) + 1e-3)
            for _, n, seen in probes:
                if n == hours:
                    density = np.mean(np.exp(-0.5 * ((simulated - log(seen)) / _KERNEL) ** 2))
                    likelihood[k] += log(float(density))
    likely = [sigma for sigma, each in zip(HOUR_SIGMAS, likelihood, strict=True) if each >= likelihood.max() - 1.92]
    return Estimate(HOUR_SIGMAS[int(np.argmax(likelihood))], min(likely), max(likely))


def level_sigma(levels: Mapping[str, Sequence[float]]) -> float:
    """Standard deviation of ln level from one published figure of a model to the next, pooled over models."""
    squares = sum(float(np.sum((np.array(values) - np.mean(values)) ** 2)) for values in levels.values())
    return sqrt(squares / sum(len(values) - 1 for values in levels.values()))
