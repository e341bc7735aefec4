"""A commercial API model as its data file describes it: limits by tier and their law, latency, batch lane, retirement.

Prices are not here: a file names its entry in the price book. The laws of limits are those of docs/engine.md section 6. What a
provider does not say is absent (no limit of that kind is simulated) or marked `assumed` with what it was taken from.
"""

from __future__ import annotations

import datetime
import itertools
import math
from typing import Annotated, Literal

from pydantic import Field, model_validator

from sim.catalog.strict import AsOf, Count, Name, NotNegative, Positive, Share, Source, Strict
from sim.errors import InputError, nearest

Law = Literal["token_bucket", "fixed_window", "sliding_window", "concurrency", "acceleration"]
Unit = Literal["requests", "input_tokens", "output_tokens", "total_tokens", "usd"]

Z95 = 1.6448536269514722
Z99 = 2.3263478740408408


class PriceReference(Strict):
    """The entry of the price book: provider and model as genai-prices names them."""

    provider: str
    model: str


class Limit(Strict):
    """One cap: at most `limit` of a unit in `window_s` seconds, by a law."""

    law: Law
    unit: Unit
    limit: Positive
    window_s: Annotated[Positive, Field(ge=1e-3, le=1e10)] = 60.0
    burst: Positive | None = None
    """What a full bucket holds (token_bucket; the limit when absent), or what is always let through (acceleration)."""
    growth: Positive | None = None
    """acceleration: how many times the amount of the window before is let through."""
    phase_s: NotNegative = 0.0
    """fixed_window: by how much windows begin before whole multiples of window_s after midnight UTC."""
    counts_cached: bool = True
    reserves_max_tokens: bool = False
    """Whether the declared maximum of output tokens is charged on admission and corrected at the end."""
    output_multiplier: Positive = 1.0
    no_retry_after: bool = False

    @property
    def capacity(self) -> float:
        """What a full bucket holds: burst, or the limit of one window where none is stated."""
        return self.limit if self.burst is None else self.burst

    @model_validator(mode="after")
    def _keys_fit_law(self) -> Limit:
        if self.law == "acceleration" and (self.growth is None or self.burst is None):
            raise ValueError("an acceleration limit needs growth and burst")
        if self.law != "acceleration" and self.growth is not None:
            raise ValueError("growth belongs to an acceleration limit")
        if self.law not in ("token_bucket", "acceleration") and self.burst is not None:
            raise ValueError(f"burst belongs to a token_bucket or acceleration limit, not to {self.law}")
        if self.law == "concurrency" and self.unit != "requests":
            raise ValueError("a concurrency limit counts requests")
        return self


class BatchQueue(Strict):
    """How much may wait in the provider's batch lane at once."""

    unit: Literal["requests", "input_tokens"]
    limit: Positive


class Tier(Strict):
    """What an account may do once it has qualified; tiers are listed from the lowest."""

    name: Name
    qualifies: str = ""
    monthly_spend_cap_usd: Positive | None = None
    """A refusal by this cap lasts until the month ends and carries no Retry-After. Absent: none known."""
    limits: tuple[Limit, ...] = ()
    batch_queue: BatchQueue | None = None
    source: str = Field(min_length=3)
    as_of: AsOf
    assumed: bool = False


class Spread(Strict):
    """A positive random time: lognormal by median and sigma (of the logarithm), or by quantiles read off data."""

    median_s: Positive
    sigma: NotNegative | None = None
    p95_s: Positive | None = None
    p99_s: Positive | None = None

    @model_validator(mode="after")
    def _one_shape(self) -> Spread:
        if (self.sigma is None) == (self.p95_s is None):
            raise ValueError("give either sigma, or p95_s (and p99_s if known)")
        if self.p99_s is not None and self.p95_s is None:
            raise ValueError("p99_s needs p95_s")
        ordered = [value for value in (self.median_s, self.p95_s, self.p99_s) if value is not None]
        if any(later <= earlier for earlier, later in itertools.pairwise(ordered)):
            raise ValueError("quantiles must rise: median_s < p95_s < p99_s")
        return self

    def points(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Standard normal quantiles and the logarithm of the time (in seconds) at each; linear between and beyond.

        Below the median of quantile data the first slope goes on, so that both sides have spread.
        """
        at_median = math.log(self.median_s)
        if self.p95_s is None:
            return (0.0, 1.0), (at_median, at_median + (self.sigma or 0.0))
        z, ln_s = [0.0, Z95], [at_median, math.log(self.p95_s)]
        if self.p99_s is not None:
            z.append(Z99)
            ln_s.append(math.log(self.p99_s))
        return tuple(z), tuple(ln_s)

    def mean_s(self) -> float:
        """Mean in seconds, exactly for a lognormal and for piecewise lognormal quantiles."""
        z, ln_s = self.points()
        edges = [-math.inf, *z[1:-1], math.inf]
        total = 0.0
        for k in range(len(z) - 1):
            slope = (ln_s[k + 1] - ln_s[k]) / (z[k + 1] - z[k])
            level = ln_s[k] - slope * z[k]
            # The integral of exp(level + slope z) against the normal density between two edges, by completing the square.
            inside = _normal_cdf(edges[k + 1] - slope) - _normal_cdf(edges[k] - slope)
            total += math.exp(level + slope * slope / 2) * inside
        return total


class Latency(Strict):
    """Time to first token and time per further output token of an admitted request, without queueing at the client."""

    ttft: Spread
    tpot: Spread
    ttft_per_prompt_token_s: NotNegative = 0.0
    hour_sigma: NotNegative = 0.0
    """Sigma of a lognormal factor common to all requests of an hour."""
    sources: tuple[Source, ...] = Field(min_length=1)


class Batch(Strict):
    """The provider's batch lane, for requests that can wait."""

    window_s: Positive = 86_400.0
    source: str = Field(min_length=3)
    as_of: AsOf
    assumed: bool = False


class Api(Strict):
    """One model of one vendor as an API sells it."""

    name: Name
    vendor: Name
    """Who runs it: models of one vendor fail together."""
    model: str
    """The name a caller sends."""
    serves: Name | None = None
    """The catalogue's open-weight model behind it, if it is one."""
    size: Literal["small", "mid", "large"]
    price: PriceReference | None = None
    """Absent: the price must come from a file of negotiated prices."""
    context_tokens: Count
    max_output_tokens: Count | None = None
    tiers: Annotated[tuple[Tier, ...], Field(min_length=1)]
    retry_after: Literal["none", "seconds", "milliseconds"]
    refused_counts: bool = False
    """Whether a refused attempt counts against request limits."""
    refusal_s: NotNegative = 0.0
    """How long a refusal takes."""
    latency: Latency
    error_rate: Share | None = None
    """Share of admitted attempts that fail with a 5xx outside incidents. Absent: not known, none simulated."""
    batch: Batch | None = None
    released: datetime.date | None = None
    """Day of the model's snapshot: how old it is. Absent: not known."""
    retirement_date: datetime.date | None = None
    successor: Name | None = None
    notes: str = ""
    sources: tuple[Source, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _tiers_are_in_order(self) -> Api:
        names = [tier.name for tier in self.tiers]
        if len(set(names)) < len(names):
            raise ValueError("a tier is given twice")
        caps = [tier.monthly_spend_cap_usd for tier in self.tiers if tier.monthly_spend_cap_usd is not None]
        if caps != sorted(caps):
            raise ValueError("tiers are listed from the lowest: their spend caps must not fall")
        return self

    def tier(self, name: str) -> Tier:
        """The tier of a name; InputError with the nearest name."""
        for tier in self.tiers:
            if tier.name == name:
                return tier
        names = [tier.name for tier in self.tiers]
        raise InputError(f"{self.name} has no tier {name!r}; allowed: {', '.join(names)}{nearest(name, names)}")

    def lowest_tier_for(self, usd_a_month: float) -> Tier:
        """The lowest tier whose spend cap holds a bill; the highest when none does. A tier without a cap holds any."""
        for tier in self.tiers:
            if tier.monthly_spend_cap_usd is None or usd_a_month <= tier.monthly_spend_cap_usd:
                return tier
        return self.tiers[-1]


def _normal_cdf(z: float) -> float:
    return 0.5 * math.erfc(-z / math.sqrt(2.0))
