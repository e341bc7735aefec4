"""The laws of lengths in a workload specification of BLIS: tokens by name and parameters, whole, at least one."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from sim.catalog.strict import Positive, Strict
from sim.sampling import SMALLEST_UNIFORM
from sim.trace.columns import MOST_TOKENS, Floats, Ints

Tokens = Annotated[float, Field(ge=0, le=MOST_TOKENS)]


class GaussianParams(Strict):
    """Mean and standard deviation, and the bounds to which values are moved."""

    mean: Tokens
    std_dev: Tokens
    min: Tokens
    max: Tokens

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.max < self.min:
            raise ValueError(f"max {self.max:g} is below min {self.min:g}")
        return self


class ExponentialParams(Strict):
    """The mean."""

    mean: Annotated[float, Field(gt=0, le=MOST_TOKENS)]


class MixtureParams(Strict):
    """Pareto (alpha, xm) with probability mix_weight, else lognormal (mu, sigma of the logarithm)."""

    alpha: Positive
    xm: Positive
    mu: Annotated[float, Field(ge=-20, le=20)]
    sigma: Annotated[float, Field(ge=0, le=10)]
    mix_weight: Annotated[float, Field(ge=0, le=1)]


class ConstantParams(Strict):
    """The one value."""

    value: Annotated[float, Field(ge=0, le=MOST_TOKENS)]


class _Law(Strict):
    file: None = None
    """The tool does not read one either."""


class Gaussian(_Law):
    """Normal within bounds."""

    type: Literal["gaussian"]
    params: GaussianParams

    def sample(self, generator: np.random.Generator, size: int) -> Ints:
        """So many lengths."""
        drawn = generator.normal(self.params.mean, self.params.std_dev, size)
        return whole(np.clip(drawn, self.params.min, self.params.max))


class ExponentialLengths(_Law):
    """Many short, few long."""

    type: Literal["exponential"]
    params: ExponentialParams

    def sample(self, generator: np.random.Generator, size: int) -> Ints:
        """So many lengths."""
        return whole(generator.standard_exponential(size) * self.params.mean)


class Mixture(_Law):
    """A heavy tail beside a lognormal."""

    type: Literal["pareto_lognormal"]
    params: MixtureParams

    def sample(self, generator: np.random.Generator, size: int) -> Ints:
        """So many lengths."""
        heavy = generator.random(size) < self.params.mix_weight
        uniform = np.maximum(generator.random(size), SMALLEST_UNIFORM)
        # The logarithm of a value above any length is as good as the value, and no float is too small for it.
        pareto = np.log(self.params.xm) - np.log(uniform) / self.params.alpha
        lognormal = self.params.mu + self.params.sigma * generator.standard_normal(size)
        return whole(np.exp(np.minimum(np.where(heavy, pareto, lognormal), np.log(MOST_TOKENS))))


class ConstantLengths(_Law):
    """Always the same."""

    type: Literal["constant"]
    params: ConstantParams

    def sample(self, generator: np.random.Generator, size: int) -> Ints:  # noqa: ARG002 (one signature for all laws)
        """So many lengths."""
        return whole(np.full(size, self.params.value))


class Empirical(_Law):
    """Values and how often each comes, in any proportion."""

    type: Literal["empirical"]
    params: Annotated[dict[str, Annotated[float, Field(ge=0)]], Field(min_length=1, max_length=1_000_000)]

    @model_validator(mode="before")
    @classmethod
    def _texts(cls, data: Any) -> Any:
        """Lengths are keys, which YAML reads as numbers unless they are quoted."""
        params = data.get("params") if isinstance(data, dict) else None
        return {**data, "params": {str(key): value for key, value in params.items()}} if isinstance(params, dict) else data

    @model_validator(mode="after")
    def _table(self) -> Self:
        for key in self.params:
            if not (key.isascii() and key.isdigit() and len(key) < 10):
                raise ValueError(f"found the length {key[:40]!r}; whole numbers of tokens are allowed")
        if not sum(self.params.values()) > 0:
            raise ValueError("all probabilities are 0")
        return self

    def sample(self, generator: np.random.Generator, size: int) -> Ints:
        """So many lengths."""
        ordered = sorted((int(key), share) for key, share in self.params.items())
        steps = np.cumsum([share for _, share in ordered])
        at = np.searchsorted(steps, generator.random(size) * steps[-1], side="right")
        return whole(np.array([float(value) for value, _ in ordered])[np.minimum(at, len(ordered) - 1)])


Lengths = Annotated[Gaussian | ExponentialLengths | Mixture | ConstantLengths | Empirical, Field(discriminator="type")]


def whole(values: Floats) -> Ints:
    """Lengths as whole tokens from 1."""
    return np.clip(np.rint(values), 1, MOST_TOKENS).astype(np.int64)
