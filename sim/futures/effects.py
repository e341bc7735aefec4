"""What incidents did, hazard by hazard: requests lost, saved by a fallback and late, and money."""

from __future__ import annotations

from sim.cost.from_stack import stack_prices
from sim.futures.day_cost import day_cost
from sim.futures.forecast import HazardEffect
from sim.futures.library import Library
from sim.stack.resolved import ResolvedStack


def hazard_effects(library: Library, resolved: ResolvedStack) -> tuple[HazardEffect, ...]:
    """In the mean over futures and months, at the prices of the first day; hazards that never came are left out."""
    usd = day_cost(stack_prices(resolved), library.layout)
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
