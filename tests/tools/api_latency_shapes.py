"""Shapes of a latency about its median, and how well they say what a deployment does that they were not fitted to.

All shapes are of y = ln(time / median). A shape is judged by Kolmogorov-Smirnov distance, by the continuous ranked probability score of
y (the mean of twice the pinball loss over 199 quantiles), by the error of ln(p95/p50) and ln(p99/p50), and by the share of requests
beyond the 95 % and 99 % quantiles that it states.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from math import log, sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit, ndtr, ndtri

FloatArray = NDArray[np.float64]
Samples = Sequence[FloatArray]

KEYS = ("p1", "p5", "p10", "p25", "p75", "p90", "p95", "p99")
LEVELS = (0.01, 0.05, 0.1, 0.25, 0.75, 0.9, 0.95, 0.99)
_GRID = np.arange(1, 200) / 200.0


@dataclass(frozen=True)
class Shape:
    """A distribution of y by its quantile function and its distribution function."""

    quantile: Callable[[FloatArray], FloatArray]
    share_below: Callable[[FloatArray], FloatArray]


@dataclass(frozen=True)
class Score:
    """How a shape did on requests; fields as the module says."""

    ks: float
    crps: float
    p95_error: float
    p99_error: float
    beyond_p95: float
    beyond_p99: float

    @staticmethod
    def mean(scores: Sequence[Score]) -> Score:
        """The mean of each field."""
        return Score(*(float(np.mean([getattr(score, field.name) for score in scores])) for field in fields(Score)))


def quantiles(sample: FloatArray, shares: Sequence[float] = LEVELS) -> FloatArray:
    """Sample quantiles, unbiased for the median of any distribution (p - 1/3 over n + 1/3)."""
    return np.asarray(np.quantile(sample, shares, method="median_unbiased"))


def pooled_quantiles(samples: Samples, shares: Sequence[float] = LEVELS) -> FloatArray:
    """Quantiles of all samples together, each sample with the same weight."""
    values = np.concatenate(samples)
    weights = np.concatenate([np.full(len(sample), 1.0 / len(sample)) for sample in samples])
    order = np.argsort(values, kind="stable")
    reached = (np.cumsum(weights[order]) - weights[order] / 2.0) / len(samples)
    return np.asarray(np.interp(shares, reached, values[order]))


def lognormal(samples: Samples) -> Shape:
    """Normal y; sigma: the mean over samples of the root mean square."""
    sigma = float(np.mean([sqrt(np.mean(sample**2)) for sample in samples]))
    return Shape(lambda p: sigma * ndtri(p), lambda y: ndtr(y / sigma))


def log_logistic(samples: Samples) -> Shape:
    """Logistic y; its scale: the mean over samples of (y at 95 % less y at 5 %) / (2 ln 19), which no outlier moves."""
    scale = float(np.mean([np.diff(quantiles(sample, (0.05, 0.95)))[0] for sample in samples])) / (2.0 * log(19.0))
    return Shape(lambda p: scale * logit(p), lambda y: expit(y / scale))


def piecewise(at: FloatArray) -> Shape:
    """Piecewise normal through the quantiles at LEVELS and 0 at the median, as Spread.over_median is."""
    z = np.insert(ndtri(np.array(LEVELS)), 4, 0.0)
    y = np.maximum.accumulate(np.insert(at, 4, 0.0) + 1e-9 * np.arange(len(z)))

    def along(x: FloatArray, xs: FloatArray, ys: FloatArray) -> FloatArray:
        k = np.clip(np.searchsorted(xs, x) - 1, 0, len(xs) - 2)
        return np.asarray(ys[k] + (ys[k + 1] - ys[k]) * (x - xs[k]) / (xs[k + 1] - xs[k]))

    return Shape(lambda p: along(ndtri(p), z, y), lambda v: np.asarray(ndtr(along(v, y, z))))


def pooled(samples: Samples) -> Shape:
    """Piecewise, through the quantiles of all requests together."""
    return piecewise(pooled_quantiles(samples))


def typical(samples: Samples) -> Shape:
    """Piecewise, through the median over samples of each quantile."""
    return piecewise(np.median([quantiles(sample) for sample in samples], axis=0))


def averaged(samples: Samples) -> Shape:
    """Piecewise, through the mean over samples of each quantile."""
    return piecewise(np.mean([quantiles(sample) for sample in samples], axis=0))


FAMILIES: tuple[tuple[str, Callable[[Samples], Shape]], ...] = (
    ("lognormal", lognormal),
    ("log-logistic", log_logistic),
    ("quantiles, mean of pairs", averaged),
    ("quantiles, median of pairs", typical),
    ("quantiles of all requests", pooled),
)


def judged(shape: Shape, sample: FloatArray) -> Score:
    """How the shape does on a sample."""
    y = np.sort(sample)
    steps, stated = np.arange(len(y) + 1) / len(y), shape.share_below(y)
    ks = float(max(np.max(stated - steps[:-1]), np.max(steps[1:] - stated)))
    guess = shape.quantile(_GRID)[:, None]
    loss = np.where(y >= guess, _GRID[:, None] * (y - guess), (1.0 - _GRID[:, None]) * (guess - y))
    p95, p99 = shape.quantile(np.array([0.95, 0.99]))
    own95, own99 = quantiles(y, (0.95, 0.99))
    beyond = float(np.mean(y > p95)), float(np.mean(y > p99))
    return Score(ks, 2.0 * float(loss.mean()), float(abs(p95 - own95)), float(abs(p99 - own99)), *beyond)


def left_out(samples: Samples, fit: Callable[[Samples], Shape], groups: Sequence[str] | None = None) -> Score:
    """Mean score over samples of the shape fitted to the others; with groups, to those of other groups only."""
    names = groups or [str(k) for k in range(len(samples))]
    return Score.mean(
        [judged(fit([other for other, name in zip(samples, names, strict=True) if name != own]), sample)
         for sample, own in zip(samples, names, strict=True)]
    )  # fmt: skip


def siblings(samples: Samples, fit: Callable[[Samples], Shape], groups: Sequence[str]) -> tuple[Score, Score]:
    """For samples whose group has others: mean score of the shape of the rest of the group, and of all the rest."""
    near, far = [], []
    for k, own in enumerate(groups):
        rest = [j for j in range(len(samples)) if j != k]
        group = [samples[j] for j in rest if groups[j] == own]
        if group:
            near.append(judged(fit(group), samples[k]))
            far.append(judged(fit([samples[j] for j in rest]), samples[k]))
    return Score.mean(near), Score.mean(far)


def by_halves(samples: Samples, fit: Callable[[Samples], Shape]) -> Score:
    """Mean score of the shape of the first half of a sample's requests on its second half, about the median of the first."""
    scores = []
    for sample in samples:
        first, second = sample[: len(sample) // 2], sample[len(sample) // 2 :]
        middle = float(np.median(first))
        scores.append(judged(fit([first - middle]), second - middle))
    return Score.mean(scores)


def own(samples: Samples, fit: Callable[[Samples], Shape]) -> Score:
    """Mean score of the shape fitted to the sample itself."""
    return Score.mean([judged(fit([sample]), sample) for sample in samples])


def resampled(samples: Samples, draws: int, seed: int) -> FloatArray:
    """Pooled quantiles of `draws` resamples of whole samples (draws x LEVELS): their error from one set of deployments to another."""
    generator = np.random.default_rng(seed)
    return np.array([pooled_quantiles([samples[j] for j in generator.integers(len(samples), size=len(samples))]) for _ in range(draws)])


def tail_index(samples: Samples, share: float) -> float:
    """Hill's mean excess of y above its `share` largest, all requests together: 0 has no power tail, 0.5 a ratio with tail x^-2."""
    y = np.sort(np.concatenate(samples))[::-1]
    k = int(len(y) * share)
    return float(np.mean(y[:k]) - y[k])
