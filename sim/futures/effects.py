"""What incidents did, hazard by hazard: requests lost, saved by a fallback and late, and money."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sim.cost.from_stack import stack_prices
from sim.cost.price import ApiPrice, GpuPrice
from sim.futures.forecast import HazardEffect
from sim.futures.library import Library
from sim.futures.usage import KINDS, UsageLayout, priced_item
from sim.stack.resolved import ResolvedStack

FloatArray = npt.NDArray[np.float64]


def hazard_effects(library: Library, resolved: ResolvedStack) -> tuple[HazardEffect, ...]:
    """In the mean over futures and months, at the prices of the first day; hazards that never came are left out."""
    usd = usd_of_amounts(library.layout, resolved)
    return tuple(
        HazardEffect(
            kind=each.hazard.kind,
            name=each.hazard.name,
            per_month=each.per_month,
            hours_per_month=each.hours_per_month,
            replayed=each.replayed,
            failed_requests=each.failed,
            saved_requests=each.saved,
            late_requests=each.late,
            usd=float(each.amounts @ usd),
        )
        for each in library.hazard_sums()
        if each.per_month > 0.0
    )


def usd_of_amounts(layout: UsageLayout, resolved: ResolvedStack) -> FloatArray:
    """[I] what a unit of each amount costs at the prices of the stack's day; 0 for amounts that nothing is charged for."""
    usd = np.zeros(len(layout))
    for name, price in stack_prices(resolved).items():
        if isinstance(price, GpuPrice):
            usd[layout.at(name, "paid_gpu_hours")] = price.usd_per_gpu_hour or 0.0
        elif isinstance(price, ApiPrice):
            usd[layout.at(name, "priced_requests")] = price.request_usd or 0.0
            for tier, rate in enumerate(price.tiers):
                rates = (rate.input_usd, rate.cached_input_usd, rate.output_usd)
                for kind in range(len(KINDS)):
                    if layout.has(name, priced_item(kind, tier)):
                        usd[layout.at(name, priced_item(kind, tier))] = rates[kind] or 0.0
    return usd
