"""In words, what varies in each group of random streams, and which numbers behind it nobody could source."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from sim.futures.draws import GROUPS
from sim.stack.outlook import Outlook
from sim.stack.outlook_quantity import Amount, Change
from sim.stack.resolved import ResolvedPool, ResolvedStack


def assumptions(outlook: Outlook, resolved: ResolvedStack) -> Mapping[str, str]:
    """By group the keys of the outlook that are assumed, as far as the stack has a use for them."""
    pools = [each for each in resolved.deployments if isinstance(each, ResolvedPool)]
    apis = len(pools) < len(resolved.deployments)
    machines = ("gpu_failures", "no_capacity") if pools else ()
    spot = ("spot",) if any(pool.gpu_hour.purchase == "spot" for pool in pools) else ()
    sections: dict[str, tuple[str, ...]] = {
        "demand": ("demand",),
        "profile": ("profile",) if pools else (),
        "api_prices": ("api_prices",) if apis else (),
        "gpu_prices": ("gpu_prices",) if pools else (),
        "incidents": (*(("api_incidents", "limits") if apis else ()), *machines, *spot),
        "retraining": ("retraining",) if resolved.costs.retraining else (),
        "retirement": ("retirement",) if apis else (),
        "people": ("bill",),
    }
    return MappingProxyType({group: ", ".join(outlook.assumed(*sections.get(group, ()))) for group in GROUPS})


def what_varies(outlook: Outlook) -> Mapping[str, str]:
    """By group what its streams draw, with the numbers that matter most."""
    demand, drift, life = outlook.demand, outlook.gpu_prices.drift_per_month, outlook.retirement.lifetime_days
    words = {
        "demand": f"demand: growth {_change(demand.growth_per_month)} a month, longer prompts, one day to another",
        "sample": "how well the trace stands for its own demand",
        "profile": f"step times: {outlook.profile.error_factor:g} times the profiles' own error",
        "api_prices": f"unannounced steps of list prices: {_amount(outlook.api_prices.own_models.changes_per_year)} a year and model",
        "gpu_prices": f"GPU-hours: a trend of {_change(drift)} a month, monthly steps, jumps",
        "incidents": "when, how long and how badly APIs and machines fail; tightened limits",
        "retraining": "when models drift, evaluations that fail, the price of labels",
        "retirement": "when models are retired"
        + (f" (life {_amount(life)} days)" if life is not None else " (announced dates only)")
        + ", the cost of each migration",
        "people": f"cost of people ({_amount(outlook.bill.people)} times), hidden costs, hours for incidents",
    }
    return MappingProxyType(words)


def _change(value: Change) -> str:
    if value.p5 is None or value.p95 is None:
        return f"{100 * value.p50:g} %"
    return f"{100 * value.p50:g} % (p5 {100 * value.p5:g} %, p95 {100 * value.p95:g} %)"


def _amount(value: Amount) -> str:
    if value.is_certain:
        return f"{value.middle:g}"
    if value.sigma is not None:
        return f"{value.middle:g} (sigma {value.sigma:g})"
    return f"{value.middle:g} (p5 {value.p5:g}, p95 {value.p95:g})"
