"""The laws of a recipe: how lengths, turns, pauses and think times are spread, by name and parameters."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from sim.catalog.strict import Positive, Strict
from sim.sampling import Constant, Distribution, Exponential, Gamma, Geometric, Lognormal, Quantiles, Uniform, Weibull


class ConstantLaw(Strict):
    """One value, always."""

    law: Literal["constant"]
    value: Positive

    def build(self) -> Distribution:
        return Constant(self.value)


class UniformLaw(Strict):
    """Any value between two."""

    law: Literal["uniform"]
    low: Annotated[float, Field(ge=0)]
    high: Positive

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.high < self.low:
            raise ValueError(f"high {self.high:g} is below low {self.low:g}; low <= high is needed")
        return self

    def build(self) -> Distribution:
        return Uniform(self.low, self.high)


class ExponentialLaw(Strict):
    """Many short values and few long ones, by their mean."""

    law: Literal["exponential"]
    mean: Positive

    def build(self) -> Distribution:
        return Exponential(self.mean)


class GammaLaw(Strict):
    """Gamma by mean and coefficient of variation."""

    law: Literal["gamma"]
    mean: Positive
    cv: Annotated[float, Field(ge=0.05, le=20)]

    def build(self) -> Distribution:
        return Gamma(self.mean, self.cv)


class WeibullLaw(Strict):
    """Weibull by mean and coefficient of variation."""

    law: Literal["weibull"]
    mean: Positive
    cv: Annotated[float, Field(ge=0.05, le=20)]

    def build(self) -> Distribution:
        return Weibull(self.mean, self.cv)


class LognormalLaw(Strict):
    """exp of a normal, by median and standard deviation of the logarithm."""

    law: Literal["lognormal"]
    median: Positive
    sigma: Annotated[float, Field(ge=0, le=5)]

    def build(self) -> Distribution:
        return Lognormal(self.median, self.sigma)


class GeometricLaw(Strict):
    """Whole numbers from 1, by their mean."""

    law: Literal["geometric"]
    mean: Annotated[float, Field(ge=1, le=100_000)]

    def build(self) -> Distribution:
        return Geometric(self.mean)


class QuantilesLaw(Strict):
    """A table of quantiles read off data."""

    law: Literal["quantiles"]
    values: Annotated[dict[str, Annotated[float, Field(ge=0, allow_inf_nan=False)]], Field(min_length=2, max_length=500)]
    """`p0: 1, p50: 129, p99.5: 700, p100: 1000`, joined by straight lines in the logarithm (or the value)."""
    between: Literal["logarithm", "value"] = "logarithm"

    @model_validator(mode="after")
    def _table(self) -> Self:
        points = self._points()
        if points[0][0] != 0 or points[-1][0] != 1:
            raise ValueError("the table starts at p0 and ends at p100")
        if any(b[0] <= a[0] or b[1] < a[1] for a, b in pairwise(points)):
            raise ValueError("p0 to p100 ascend, and so do their values")
        if self.between == "logarithm" and points[0][1] <= 0:
            raise ValueError("p0 is above 0, or `between: value` is said")
        return self

    def _points(self) -> list[tuple[float, float]]:
        points = []
        for key, value in self.values.items():
            try:
                share = float(key.removeprefix("p")) / 100
            except ValueError:
                share = math.nan
            if not key.startswith("p") or not 0 <= share <= 1:
                raise ValueError(f"found the quantile {key!r}; p0 to p100 are allowed")
            points.append((share, value))
        return points

    def build(self) -> Distribution:
        probabilities, values = zip(*self._points(), strict=True)
        return Quantiles(tuple(probabilities), tuple(values), logarithmic=self.between == "logarithm")


Law = Annotated[
    ConstantLaw | UniformLaw | ExponentialLaw | GammaLaw | WeibullLaw | LognormalLaw | GeometricLaw | QuantilesLaw,
    Field(discriminator="law"),
]
