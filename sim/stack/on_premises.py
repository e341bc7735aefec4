"""GPUs that are bought, and hours that are paid in advance: what an hour of one comes to.

A bought GPU is written off in equal parts over its life, with its share of the server and of spares; power is drawn as rated all the time,
which is an upper bound. An advance is spread over the hours of its term.
"""

from __future__ import annotations

from types import MappingProxyType

from pydantic import Field, model_validator

from sim.catalog.strict import Strict
from sim.stack.quantity import Number, PositiveNumber, Share, Usd
from sim.units import HOURS_PER_MONTH

TERM_MONTHS = MappingProxyType({"reserved_1y": 12.0, "reserved_3y": 36.0})
"""Months for which hours of a purchase are bought, where the stack does not say."""
ON_PREMISES = "on_premises"
"""The way hours of bought GPUs are called beside on_demand, spot and so on."""


class OnPremises(Strict):
    """The GPUs are ours: bought, hosted and powered. What is left out is assumed (models/defaults/on-premises.yaml)."""

    usd_per_gpu: Usd | None = Field(default=None, description="what a GPU costs to buy; absent: the catalogue's street price")
    server_overhead_share: Number | None = Field(default=None, le=100, description="server and network on top, as a share; absent: assumed")
    spare_share: Number | None = Field(default=None, le=100, description="spares bought on top, as a share; absent: assumed")
    life_months: PositiveNumber | None = Field(
        default=None, ge=1, le=1200, description="months over which they are written off; absent: assumed"
    )
    residual_share: Share | None = Field(default=None, description="share of the price they still bring at the end; absent: assumed, none")
    power_w: Number | None = Field(
        default=None, le=1_000_000, description="power of a GPU in watts, and its part of the server; absent: the GPU's"
    )
    pue: PositiveNumber | None = Field(
        default=None, ge=1, le=10, description="power of the site over that of the machines; absent: assumed"
    )
    usd_per_kwh: Usd | None = Field(default=None, description="price of electricity; absent: assumed")
    hosting_usd_per_gpu_month: Usd = Field(default=0.0, description="room, cooling contract, hands on site, for each GPU")


class Commitment(Strict):
    """Hours bought for a term, part of them paid in advance."""

    term_months: PositiveNumber | None = Field(
        default=None, ge=1, le=1200, description="length of the term; absent: 12 for reserved_1y, 36 for reserved_3y"
    )
    upfront_share: Share | None = Field(default=None, description="share of the term's price that is paid in advance")
    upfront_usd_per_gpu: Usd | None = Field(default=None, description="or an amount for each GPU, on top of the price of an hour")

    @model_validator(mode="after")
    def _one_way(self) -> Commitment:
        if (self.upfront_share is None) == (self.upfront_usd_per_gpu is None):
            raise ValueError("either upfront_share or upfront_usd_per_gpu is needed, not both and not neither")
        return self


def capital_usd_per_gpu(*, usd_per_gpu: float, server_overhead_share: float, spare_share: float) -> float:
    """What buying one working GPU costs with its part of servers and spares, USD."""
    return usd_per_gpu * (1.0 + server_overhead_share) * (1.0 + spare_share)


def owned_usd_per_gpu_hour(
    *,
    capital_usd_per_gpu: float,
    residual_share: float,
    life_months: float,
    power_w: float,
    pue: float,
    usd_per_kwh: float,
    hosting_usd_per_gpu_month: float,
) -> float:
    """USD for an hour of one GPU of one's own: straight-line depreciation + power x PUE + hosting; a month has 730 hours."""
    depreciation = capital_usd_per_gpu * (1.0 - residual_share) / (life_months * HOURS_PER_MONTH)
    return depreciation + power_w / 1000.0 * pue * usd_per_kwh + hosting_usd_per_gpu_month / HOURS_PER_MONTH
