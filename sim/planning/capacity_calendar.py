"""The capacity calendar of a plan: GPUs by month, how many of them the demand of that month needs, and when to order them."""

from __future__ import annotations

import datetime
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from sim.catalog.catalog import Catalog
from sim.stack.cost_defaults import LeadTimes
from sim.stack.resolve_hour import PAID_WHATEVER_STANDS
from sim.stack.resolved import ResolvedPool, ResolvedStack

_PLACE = "defaults/lead-times.yaml"
_GRID = 1.05
"""Demand is rounded up to a grid of 5 %, so that months alike are replayed once."""


@dataclass(frozen=True, slots=True)
class LeadTime:
    """Days between an order and GPUs that serve, and who says so."""

    days: float
    assumed: bool
    source: str


@dataclass(frozen=True, slots=True)
class CapacityMonth:
    """One month: demand over that of the trace, and GPUs; p50 and p95 are over futures."""

    month: str
    demand_p50: float
    demand_p95: float
    gpus_p50: float
    """Paid for on average, whole machines."""
    gpus_p95: float
    needed_gpus_p50: int | None
    """GPUs that hold the levels at that demand, by replays; None where a law moves them, or where it is not known."""
    needed_gpus_p95: int | None
    order_by: datetime.date | None
    """When those have to be ordered that this month is the first to need, at p95; None where it needs no more than before."""


def lead_time(resolved: ResolvedStack, catalog: Catalog, given_days: float | None) -> LeadTime:
    """The lead time that was given, else what is assumed for how the GPUs are bought; of several pools the longest."""
    if given_days is not None:
        return LeadTime(given_days, assumed=False, source="given")
    defaults = catalog.shared(_PLACE, LeadTimes)
    keys = ["rented_days"]
    for pool in resolved.deployments:
        if isinstance(pool, ResolvedPool):
            bought = pool.gpu_hour.purchase
            keys.append("bought_days" if pool.upkeep is not None else "reserved_days" if bought in PAID_WHATEVER_STANDS else "rented_days")
    key = max(keys, key=lambda each: float(getattr(defaults, each)))
    source = defaults.source(key)
    return LeadTime(float(getattr(defaults, key)), source.assumed, source.source)


def months_of(
    names: Sequence[str],
    metrics: Mapping[str, float | None],
    *,
    needed: Callable[[float], int | None],
    lead: LeadTime,
) -> tuple[CapacityMonth, ...]:
    """The months of a forecast row; `needed` says how many GPUs hold the levels at a demand over that of the trace."""

    def figure(name: str, number: int) -> float:
        value = metrics.get(f"{name}_{number}")
        return math.nan if value is None else value

    found: list[CapacityMonth] = []
    most = 0
    for number, name in enumerate(names, start=1):
        p50, p95 = needed(rounded(figure("demand_p50", number))), needed(rounded(figure("demand_p95", number)))
        order = None
        if p95 is not None and p95 > most:
            order, most = datetime.date.fromisoformat(f"{name}-01") - datetime.timedelta(days=math.ceil(lead.days)), p95
        found.append(
            CapacityMonth(
                month=name,
                demand_p50=figure("demand_p50", number),
                demand_p95=figure("demand_p95", number),
                gpus_p50=figure("gpus_p50", number),
                gpus_p95=figure("gpus_p95", number),
                needed_gpus_p50=p50,
                needed_gpus_p95=p95,
                order_by=order,
            )
        )
    return tuple(found)


def rounded(demand: float) -> float:
    """Demand on the grid, rounded up."""
    return _GRID ** math.ceil(math.log(max(demand, 1e-3)) / math.log(_GRID) - 1e-6)
