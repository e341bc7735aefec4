"""The schema of a recipe: the traffic of a trace said in a page of YAML, from which the trace can be made again.

Rates are requests a second on average over the whole trace; durations are seconds; lengths are tokens. Every random part has a stream
of its own, named by the recipe's seed, the traffic's name and the part, so that a change of one moves nothing else.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from sim.catalog.strict import AsOf, Positive, Strict
from sim.sampling import Constant, Distribution, Exponential, Gamma, Geometric, Lognormal, Quantiles, Uniform, Weibull
from sim.trace.columns import MOST_TOKENS

Count = Annotated[int, Field(ge=1, le=MOST_TOKENS)]
Name = Annotated[str, Field(min_length=1, max_length=60)]


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


class Poisson(Strict):
    """Requests that know nothing of each other."""

    process: Literal["poisson"] = "poisson"


class Renewal(Strict):
    """Independent gaps of a given coefficient of variation, on a clock that runs with the rate."""

    process: Literal["gamma", "weibull"]
    cv: Annotated[float, Field(ge=0.05, le=20)]


class Bursts(Strict):
    """Poisson whose rate switches between two levels at exponential times (Markov-modulated)."""

    process: Literal["bursts"]
    ratio: Annotated[float, Field(gt=1, le=10_000)]
    """Rate in a burst over the rate between bursts."""
    burst_s: Positive
    """Mean length of a burst."""
    gap_s: Positive
    """Mean time between bursts."""
    shared: bool = False
    """Whether all clients of this traffic burst together, or each by itself."""


Arrivals = Annotated[Poisson | Renewal | Bursts, Field(discriminator="process")]


class Shape(Strict):
    """How the rate varies with the clock; only the proportions of the numbers matter."""

    hourly: Annotated[tuple[Annotated[float, Field(ge=0)], ...], Field(min_length=24, max_length=24)] | None = None
    """24 rates, at the middle of each hour, joined by straight lines."""
    weekly: Annotated[tuple[Annotated[float, Field(ge=0)], ...], Field(min_length=7, max_length=7)] | None = None
    """Monday to Sunday."""

    @model_validator(mode="after")
    def _some(self) -> Self:
        for name, values in (("hourly", self.hourly), ("weekly", self.weekly)):
            if values is not None and sum(values) <= 0:
                raise ValueError(f"{name} is all zero; at least one rate above 0 is needed")
        return self


class Clients(Strict):
    """Who sends: how many, and how the load is shared; client k carries a share in proportion to k^-exponent."""

    count: Annotated[int, Field(ge=1, le=50_000)]
    exponent: Annotated[float, Field(ge=0, le=5)] = 0.0
    prefix: Annotated[str, Field(max_length=40)] = "client"


class Sessions(Strict):
    """Conversations: each turn's prompt holds the whole conversation so far and the new text (`prompt_tokens`)."""

    turns: Law
    pause_s: Law
    """From one turn's arrival to the next."""
    context_tokens: Count = 131_072
    """A conversation ends before prompt and output would exceed it."""


class Prefix(Strict):
    """What prompts begin with in common: instructions, then retrieved passages; given as blocks of equal ids."""

    instruction_tokens: Annotated[int, Field(ge=0, le=MOST_TOKENS)] = 0
    instruction_variants: Annotated[int, Field(ge=1, le=1_000_000)] = 1
    passages: Law | None = None
    """How many passages a prompt carries."""
    passage_tokens: Count = 512
    corpus: Annotated[int, Field(ge=1, le=100_000_000)] = 1000
    """How many passages there are; passage k is drawn in proportion to k^-exponent."""
    exponent: Annotated[float, Field(ge=0, le=5)] = 0.8


class Traffic(Strict):
    """One kind of request: who sends it, when, and how long it is."""

    requests_per_s: Positive
    arrivals: Arrivals = Poisson()
    clients: Clients | None = None
    shape: Shape | None = None
    """Instead of the recipe's."""
    prompt_tokens: Law
    """Of the new text; a session's earlier turns and a prefix come on top."""
    output_tokens: Law
    correlation: Annotated[float, Field(gt=-1, lt=1)] = 0.0
    """Of the normal scores of prompt and output (Gaussian copula)."""
    prompt_most_tokens: Count = 131_072
    output_most_tokens: Count = 32_768
    max_tokens: Count | None = None
    """What the client allows; longer outputs are cut to it."""
    sessions: Sessions | None = None
    prefix: Prefix | None = None

    @model_validator(mode="after")
    def _one_kind_of_prefix(self) -> Self:
        if self.sessions and self.prefix:
            raise ValueError("sessions and prefix exclude each other: a prompt begins with the conversation or with passages")
        return self


class Recipe(Strict):
    """A whole trace: its length, its clock, and one or more kinds of traffic, by class."""

    about: Annotated[str, Field(min_length=1, max_length=2000)]
    source: Annotated[str, Field(min_length=1, max_length=2000)]
    """What its figures rest on."""
    as_of: AsOf
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 1
    duration_s: Annotated[float, Field(gt=0, le=400 * 86_400)]
    start: Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"] = "monday"
    """The day at whose midnight the trace begins."""
    shape: Shape | None = None
    prefix_block_tokens: Count = 512
    traffic: Annotated[dict[Name, Traffic], Field(min_length=1, max_length=200)]
    """By request class."""
