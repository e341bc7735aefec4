"""A commercial API model as its data file describes it: limits by tier and their law, latency, batch lane, retirement.

Prices are not here: a file names its entry in the price book. The laws of limits are those of docs/engine.md section 6. What a
provider does not say is absent (no limit of that kind is simulated) or marked `assumed` with what it was taken from.
"""

from __future__ import annotations

import datetime
from typing import Annotated, Literal

from pydantic import Field, model_validator

from sim.catalog.api_latency import Latency
from sim.catalog.strict import AsOf, Count, Name, NotNegative, Positive, Share, Source, Strict
from sim.errors import InputError, nearest

Law = Literal["token_bucket", "fixed_window", "sliding_window", "concurrency", "acceleration"]
Unit = Literal["requests", "input_tokens", "output_tokens", "total_tokens", "usd"]


class PriceReference(Strict):
    """The entry of the price book: provider and model as genai-prices names them."""

    provider: str
    model: str


class Limit(Strict):
    """One cap: at most `limit` of a unit in `window_s` seconds, by a law."""

    law: Law
    """How it is counted."""
    unit: Unit
    """What is counted."""
    limit: Positive
    """How many in a window."""
    window_s: Annotated[Positive, Field(ge=1e-3, le=1e10)] = 60.0
    burst: Positive | None = None
    """What a full bucket holds (token_bucket; the limit when absent), or what is always let through (acceleration)."""
    growth: Positive | None = None
    """acceleration: how many times the amount of the window before is let through."""
    phase_s: NotNegative = 0.0
    """fixed_window: by how much windows begin before whole multiples of window_s after midnight UTC."""
    counts_cached: bool = True
    """Whether cached prompt tokens count."""
    reserves_max_tokens: bool = False
    """Whether the declared maximum of output tokens is charged on admission and corrected at the end."""
    output_multiplier: Positive = 1.0
    """How often an output token counts."""
    no_retry_after: bool = False
    """Whether a refusal does not say when to come back."""

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
