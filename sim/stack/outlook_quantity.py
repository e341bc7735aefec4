"""Uncertain numbers of an outlook: a plain number is certain; otherwise the 5 %, 50 % and 95 % quantiles, or a median and a sigma.

Quantiles are joined by two halves of normal laws that meet at the median: in the logarithm for amounts, in the logarithm of 1 + x for
changes a month, so that amounts stay positive and a change that is compounded keeps the quantiles that were written.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BeforeValidator, Field, model_validator

from sim.catalog.api_latency import Z95
from sim.catalog.strict import NotNegative, Strict, parsed
from sim.errors import InputError
from sim.units import parse_number, share_of_percent

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    FloatArray = npt.NDArray[np.float64]


def parse_change(text: str | float) -> float:
    """A relative change: `3%`, `-2%` or 0.03; InputError otherwise."""
    if isinstance(text, str) and text.strip().endswith("%"):
        try:
            return share_of_percent(parse_number(text.strip()[:-1]))
        except InputError:
            raise InputError(f"found {text[:60]!r}, which is no relative change; allowed: 3%, -2%, 0.03") from None
    return parse_number(text)


def _plain(value: Any) -> Any:
    """`3` means exactly that."""
    return {"p50": value} if isinstance(value, (str, int, float)) and not isinstance(value, bool) else value


Parsed = Annotated[NotNegative, parsed(parse_change), Field(le=1e12)]

_LARGEST_LN = 100.0
"""No draw is further from the median than this in the logarithm: what is written carelessly must not overflow."""


def _in_order(p5: float | None, p50: float | None, p95: float | None) -> None:
    if p50 is None:
        raise ValueError("give a number, or p5, p50 and p95")
    if (p5 is None) != (p95 is None):
        raise ValueError("p5 and p95 go together")
    if p5 is not None and p95 is not None and not p5 <= p50 <= p95:
        raise ValueError(f"found p5 {p5:g}, p50 {p50:g}, p95 {p95:g}; quantiles must not fall")


def _half_mean(sigma: float) -> float:
    """The integral of exp(sigma z) against the normal density over one half of the line, where sigma z grows outwards."""
    return math.exp(sigma * sigma / 2) * 0.5 * math.erfc(-sigma / math.sqrt(2.0))


class Amount(Strict):
    """A number that is not negative, or what is known of it."""

    p5: Parsed | None = Field(default=None, description="5 % lie below")
    p50: Parsed | None = Field(default=None, description="half lie below")
    p95: Parsed | None = Field(default=None, description="95 % lie below")
    median: Parsed | None = Field(default=None, description="in place of quantiles: half lie below")
    sigma: NotNegative | None = Field(default=None, le=10, description="with median: standard deviation of the logarithm")

    @model_validator(mode="after")
    def _one_form(self) -> Amount:
        if self.median is not None or self.sigma is not None:
            if self.median is None or self.sigma is None:
                raise ValueError("median and sigma go together")
            if self.p5 is not None or self.p50 is not None or self.p95 is not None:
                raise ValueError("give median and sigma, or quantiles, not both")
            return self
        _in_order(self.p5, self.p50, self.p95)
        if self.p5 == 0 and self.p95:
            raise ValueError("found p5 0; quantiles are joined in the logarithm: p5 must be above 0, or the number certain")
        return self

    @property
    def middle(self) -> float:
        """The median."""
        found = self.p50 if self.median is None else self.median
        assert found is not None
        return found

    @property
    def sigmas(self) -> tuple[float, float]:
        """Standard deviations of the logarithm below and above the median."""
        if self.sigma is not None:
            return self.sigma, self.sigma
        if not self.p5 or not self.p95:
            return 0.0, 0.0
        at = math.log(self.middle)
        return (at - math.log(self.p5)) / Z95, (math.log(self.p95) - at) / Z95

    @property
    def is_certain(self) -> bool:
        """Whether it does not vary."""
        return self.middle == 0.0 or self.sigmas == (0.0, 0.0)

    @property
    def mean(self) -> float:
        """The expected value."""
        below, above = self.sigmas
        return self.middle * (_half_mean(-below) + _half_mean(above))

    def at(self, z: FloatArray) -> FloatArray:
        """The values at standard normal quantiles z, in the shape of z."""
        import numpy as np

        below, above = self.sigmas
        return np.asarray(self.middle * np.exp(np.clip(np.where(z < 0, below, above) * z, -_LARGEST_LN, _LARGEST_LN)), np.float64)


class PartAmount(Amount):
    """A share of one, or what is known of it; what is drawn above one counts as one."""

    @model_validator(mode="after")
    def _at_most_one(self) -> PartAmount:
        most = max(value for value in (self.middle, self.p95) if value is not None)
        if most > 1:
            raise ValueError(f"found {most:g}; a share is at most 1")
        return self


MOST_EVENTS = 1000.0
"""Of a rate: more events are no incidents, and all of them would be drawn one by one."""


class Rate(Amount):
    """How often something happens in the mean, or what is known of it."""

    @model_validator(mode="after")
    def _not_too_often(self) -> Rate:
        most = max(value for value in (self.middle, self.p95) if value is not None)
        if most > MOST_EVENTS:
            raise ValueError(f"found {most:g}; at most {MOST_EVENTS:g}")
        return self

    def at(self, z: FloatArray) -> FloatArray:
        """As of any amount, cut at MOST_EVENTS."""
        import numpy as np

        return np.minimum(super().at(z), MOST_EVENTS)


class Change(Strict):
    """A relative change above -100 %, or what is known of it."""

    p5: Annotated[float, parsed(parse_change)] | None = Field(default=None, gt=-1, le=10, description="5 % lie below")
    p50: Annotated[float, parsed(parse_change)] = Field(gt=-1, le=10, description="half lie below")
    p95: Annotated[float, parsed(parse_change)] | None = Field(default=None, gt=-1, le=10, description="95 % lie below")

    @model_validator(mode="after")
    def _one_form(self) -> Change:
        _in_order(self.p5, self.p50, self.p95)
        return self

    @property
    def sigmas(self) -> tuple[float, float]:
        """Standard deviations of the logarithm of 1 + x below and above the median."""
        if self.p5 is None or self.p95 is None:
            return 0.0, 0.0
        at = math.log1p(self.p50)
        return (at - math.log1p(self.p5)) / Z95, (math.log1p(self.p95) - at) / Z95

    @property
    def is_certain(self) -> bool:
        """Whether it does not vary."""
        return self.sigmas == (0.0, 0.0)

    def mean_compounded(self, periods: float) -> float:
        """The expected value of (1 + x)^periods."""
        below, above = self.sigmas
        return math.exp(periods * math.log1p(self.p50)) * (_half_mean(-below * periods) + _half_mean(above * periods))

    def compounded(self, z: FloatArray, periods: FloatArray) -> FloatArray:
        """(1 + x)^periods at standard normal quantiles z; the shapes are broadcast."""
        import numpy as np

        below, above = self.sigmas
        each = math.log1p(self.p50) + np.where(z < 0, below, above) * z
        return np.asarray(np.exp(np.clip(periods * each, -_LARGEST_LN, _LARGEST_LN)), np.float64)


Uncertain = Annotated[Amount, BeforeValidator(_plain)]
"""A number that is not negative: `3`, {p5: 1, p50: 3, p95: 8} or {median: 3, sigma: 0.5}."""

UncertainRate = Annotated[Rate, BeforeValidator(_plain)]
"""How often something happens: `3`, {p5: 1, p50: 3, p95: 8} or {median: 3, sigma: 0.5}."""

UncertainPart = Annotated[PartAmount, BeforeValidator(_plain)]
"""A share of one: `3%`, {p5: 1%, p50: 3%, p95: 8%} or {median: 3%, sigma: 0.5}."""

UncertainChange = Annotated[Change, BeforeValidator(_plain)]
"""A relative change: `3%` or {p5: 0%, p50: 3%, p95: 8%}."""
