"""Named random streams, and distributions that know their own moments.

A stream depends on (seed, name, replication) alone: a new name moves nobody's draws. A distribution states its mean, variance, median
and bounds in closed form, its quantile function, and how to draw from a given generator.
"""

from __future__ import annotations

import hashlib
import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

Draws = NDArray[np.float64]

SMALLEST_UNIFORM = 2.0**-54


def stream(seed: int, name: str, replication: int = 0) -> np.random.Generator:
    """The random stream of a name: equal arguments give equal draws, different ones independent draws."""
    digest = hashlib.sha256(name.encode()).digest()
    words = [int.from_bytes(digest[i : i + 4], "little") for i in range(0, 16, 4)]
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, replication, *words])))


class Distribution(ABC):
    """A law of one non-negative quantity."""

    @property
    @abstractmethod
    def mean(self) -> float:
        """The expected value."""

    @property
    @abstractmethod
    def variance(self) -> float:
        """The expected squared distance from the mean."""

    @abstractmethod
    def quantile(self, p: ArrayLike) -> Draws:
        """The values that draws stay below with probability p (0 <= p <= 1)."""

    @property
    def median(self) -> float:
        """The value that half of the draws stay below."""
        return float(self.quantile(0.5))

    @property
    def bounds(self) -> tuple[float, float]:
        """The least and the greatest value that can be drawn."""
        return 0.0, math.inf

    @property
    def cv(self) -> float:
        """Standard deviation over mean."""
        return math.sqrt(self.variance) / self.mean

    def sample(self, generator: np.random.Generator, size: int) -> Draws:
        """Independent draws, by inversion of uniforms."""
        return self.quantile(np.maximum(generator.random(size), SMALLEST_UNIFORM))


@dataclass(frozen=True)
class Constant(Distribution):
    """One value, always."""

    value: float

    @property
    def mean(self) -> float:
        return self.value

    @property
    def variance(self) -> float:
        return 0.0

    @property
    def bounds(self) -> tuple[float, float]:
        return self.value, self.value

    def quantile(self, p: ArrayLike) -> Draws:
        return np.full(np.shape(p), float(self.value))


@dataclass(frozen=True)
class Uniform(Distribution):
    """Any value between two, equally likely."""

    low: float
    high: float

    @property
    def mean(self) -> float:
        return (self.low + self.high) / 2

    @property
    def variance(self) -> float:
        return (self.high - self.low) ** 2 / 12

    @property
    def bounds(self) -> tuple[float, float]:
        return self.low, self.high

    def quantile(self, p: ArrayLike) -> Draws:
        return self.low + np.asarray(p, float) * (self.high - self.low)


@dataclass(frozen=True)
class Exponential(Distribution):
    """The time between events that know nothing of each other."""

    scale: float

    @property
    def mean(self) -> float:
        return self.scale

    @property
    def variance(self) -> float:
        return self.scale**2

    def quantile(self, p: ArrayLike) -> Draws:
        with np.errstate(divide="ignore"):
            return np.asarray(-self.scale * np.log1p(-np.asarray(p, float)))


@dataclass(frozen=True)
class Gamma(Distribution):
    """Gamma by mean and coefficient of variation: shape 1/cv^2, scale mean*cv^2."""

    average: float
    spread: float
    """Coefficient of variation."""

    @property
    def mean(self) -> float:
        return self.average

    @property
    def variance(self) -> float:
        return (self.average * self.spread) ** 2

    def quantile(self, p: ArrayLike) -> Draws:
        from scipy.special import gammaincinv

        return np.asarray(gammaincinv(self.spread**-2, np.asarray(p, float)) * (self.average * self.spread**2))

    def sample(self, generator: np.random.Generator, size: int) -> Draws:
        return generator.standard_gamma(self.spread**-2, size) * (self.average * self.spread**2)


@dataclass(frozen=True)
class Weibull(Distribution):
    """Weibull by mean and coefficient of variation; the shape is solved from cv^2 = Γ(1+2/k)/Γ(1+1/k)^2 - 1."""

    average: float
    spread: float
    """Coefficient of variation, 0.05 to 20."""

    @cached_property
    def shape(self) -> float:
        """The exponent k of 1 - exp(-(x/scale)^k)."""
        target = math.log1p(self.spread**2)
        low, high = 0.1, 50.0
        for _ in range(200):
            middle = math.sqrt(low * high)
            if math.lgamma(1 + 2 / middle) - 2 * math.lgamma(1 + 1 / middle) > target:
                low = middle
            else:
                high = middle
        return math.sqrt(low * high)

    @property
    def scale(self) -> float:
        """The value that 1 - 1/e of the draws stay below."""
        return self.average / math.gamma(1 + 1 / self.shape)

    @property
    def mean(self) -> float:
        return self.average

    @property
    def variance(self) -> float:
        return (self.average * self.spread) ** 2

    def quantile(self, p: ArrayLike) -> Draws:
        with np.errstate(divide="ignore"):
            return np.asarray(self.scale * (-np.log1p(-np.asarray(p, float))) ** (1 / self.shape))


@dataclass(frozen=True)
class Lognormal(Distribution):
    """exp of a normal, by its median and the standard deviation of its logarithm."""

    middle: float
    sigma: float

    @property
    def mean(self) -> float:
        return self.middle * math.exp(self.sigma**2 / 2)

    @property
    def variance(self) -> float:
        return self.mean**2 * math.expm1(self.sigma**2)

    def quantile(self, p: ArrayLike) -> Draws:
        from scipy.special import ndtri

        return np.asarray(self.middle * np.exp(self.sigma * ndtri(np.asarray(p, float))))


@dataclass(frozen=True)
class Geometric(Distribution):
    """A whole number from 1: how many turns, when each is the last with the same probability 1/average."""

    average: float

    @property
    def mean(self) -> float:
        return self.average

    @property
    def variance(self) -> float:
        return self.average * (self.average - 1)

    @property
    def bounds(self) -> tuple[float, float]:
        return 1.0, 1.0 if self.average == 1 else math.inf

    def quantile(self, p: ArrayLike) -> Draws:
        if self.average == 1:
            return np.ones(np.shape(p))
        with np.errstate(divide="ignore"):
            turns = np.ceil(np.log1p(-np.asarray(p, float)) / math.log1p(-1 / self.average))
        return np.asarray(np.maximum(turns, 1.0))


@dataclass(frozen=True)
class Quantiles(Distribution):
    """A table of quantiles from p = 0 to p = 1, joined by straight lines in the value, or in its logarithm."""

    probabilities: tuple[float, ...]
    values: tuple[float, ...]
    logarithmic: bool = False

    @property
    def _pieces(self) -> list[tuple[float, float, float]]:
        pairs = zip(self.probabilities, self.values, strict=True)
        return [(q - p, v, w) for (p, v), (q, w) in pairwise(pairs)]

    @property
    def mean(self) -> float:
        return sum(share * self._moment(v, w, 1) for share, v, w in self._pieces)

    @property
    def variance(self) -> float:
        return sum(share * self._moment(v, w, 2) for share, v, w in self._pieces) - self.mean**2

    def _moment(self, v: float, w: float, power: int) -> float:
        """E[x^power] of x spread from v to w evenly, in itself or in its logarithm."""
        if self.logarithmic:
            return v**power if w <= v * (1 + 1e-12) else (w**power - v**power) / (power * math.log(w / v))
        return (v + w) / 2 if power == 1 else (v * v + v * w + w * w) / 3

    @property
    def bounds(self) -> tuple[float, float]:
        return self.values[0], self.values[-1]

    def quantile(self, p: ArrayLike) -> Draws:
        where = np.asarray(p, float)
        if self.logarithmic:
            values = np.exp(np.interp(where, self.probabilities, np.log(self.values)))
            return np.asarray(np.clip(values, *self.bounds))
        return np.asarray(np.interp(where, self.probabilities, self.values))


@dataclass(frozen=True)
class Empirical(Distribution):
    """One of the given values, each as likely as the others."""

    values: tuple[float, ...]

    @cached_property
    def _sorted(self) -> Draws:
        return np.sort(np.asarray(self.values, float))

    @property
    def mean(self) -> float:
        return float(np.mean(self._sorted))

    @property
    def variance(self) -> float:
        return float(np.var(self._sorted))

    @property
    def bounds(self) -> tuple[float, float]:
        return float(self._sorted[0]), float(self._sorted[-1])

    def quantile(self, p: ArrayLike) -> Draws:
        places = np.ceil(np.asarray(p, float) * len(self._sorted)).astype(int) - 1
        return np.asarray(self._sorted[np.clip(places, 0, len(self._sorted) - 1)])


def correlated_uniforms(generator: np.random.Generator, size: int, correlation: float) -> tuple[Draws, Draws]:
    """Two columns of uniforms joined by a Gaussian copula: `correlation` is that of their normal scores."""
    from scipy.special import ndtr

    first, second = generator.standard_normal(size), generator.standard_normal(size)
    second = correlation * first + math.sqrt(1 - correlation**2) * second
    return np.asarray(ndtr(first)), np.asarray(ndtr(second))
