"""From an outlook and a stack to the draws of all futures."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from sim.catalog.catalog import Catalog
from sim.futures.calendar import Calendar
from sim.futures.demand_path import level_path, prompt_factor, sample_factor
from sim.futures.draws import Draws, Retraining
from sim.futures.incident_calendar import incident_calendar
from sim.futures.luck import Luck
from sim.futures.price_path import gpu_market_path, paid_path, token_price_path
from sim.futures.retirement import Retirements, retirements
from sim.stack.outlook import Bill, Outlook
from sim.stack.resolved import ResolvedApi, ResolvedPool, ResolvedStack
from sim.units import SECONDS_PER_DAY

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

_YEAR_S = 365.0 * SECONDS_PER_DAY
_NOTHING: Mapping[str, int] = MappingProxyType({})
_UNKNOWN: Mapping[str, float] = MappingProxyType({})
_SECTIONS = MappingProxyType(
    {
        "demand": ("demand",),
        "sample": (),
        "profile": ("profile",),
        "api_prices": ("api_prices",),
        "gpu_prices": ("gpu_prices",),
        "incidents": ("api_incidents", "gpu_failures", "spot", "no_capacity", "limits"),
        "retraining": ("retraining",),
        "retirement": ("retirement",),
        "people": ("bill",),
    }
)
"""The parts of an outlook that the streams of a group follow."""


def draw(
    outlook: Outlook,
    resolved: ResolvedStack,
    *,
    catalog: Catalog,
    calendar: Calendar,
    futures: int,
    seed: int,
    sample_sigma: float,
    trace_days: float,
    weekday_of_trace: int | None,
    replication: Mapping[str, int] = _NOTHING,
    day_sigma: float | None = None,
    running: Mapping[str, float] = _UNKNOWN,
) -> Draws:
    """Everything that happens in F futures.

    `sample_sigma` is the relative standard error of the trace's mean demand; `weekday_of_trace` the weekday of its first day (0 is
    Monday; None: not known); `day_sigma` the sigma of its days among each other where it is long enough to say, in place of the outlook's;
    `running` the mean number of replicas by pool where it is known. `replication` draws groups of GROUPS anew, each by its number.
    """
    luck = Luck(futures, seed, replication)
    sample = sample_factor(outlook.demand, sample_sigma, luck)
    level = level_path(
        outlook.demand, calendar, luck, sample=sample, trace_days=trace_days, weekday_of_trace=weekday_of_trace, day_sigma=day_sigma
    )
    gone = retirements(outlook, resolved, catalog, calendar, luck)
    hazards, incidents = incident_calendar(outlook, resolved, luck, calendar.length_s, running)
    limits_from, limits_factor = _tightened(outlook, resolved, calendar, luck)
    return Draws(
        futures=futures,
        calendar=calendar,
        level=level,
        sample=sample,
        prompt=prompt_factor(outlook.demand, calendar, luck),
        step=_step(outlook, resolved, luck),
        token_price=_token_price(outlook, resolved, catalog, gone, calendar, luck),
        gpu_price=_gpu_price(outlook, resolved, calendar, luck),
        limits_from=limits_from,
        limits_factor=limits_factor,
        retired_from=gone.day,
        successors=gone.successors,
        hazards=hazards,
        incidents=incidents,
        retraining=_no_retraining(),
        money=_money(outlook.bill, luck),
        labels=MappingProxyType({group: ", ".join(outlook.assumed(*sections)) for group, sections in _SECTIONS.items()}),
    )


def _step(outlook: Outlook, resolved: ResolvedStack, luck: Luck) -> FloatArray:
    """[F, A] lognormal with median 1; pools on one profile share the error of the profile."""
    step = np.ones((luck.futures, len(resolved.deployments)))
    for number, pool in enumerate(resolved.deployments):
        if isinstance(pool, ResolvedPool):
            spec = pool.spec
            name = f"profile/{spec.llm}/{spec.precision}/{spec.gpu}/{spec.tensor_parallel}/{spec.engine}"
            step[:, number] = np.exp(pool.error * outlook.profile.error_factor * luck.normal("profile", name))
    return step


def _token_price(
    outlook: Outlook, resolved: ResolvedStack, catalog: Catalog, gone: Retirements, calendar: Calendar, luck: Luck
) -> FloatArray:
    """[F, T, A] factors on list prices; from its retirement on those of the successor, whose list price is paid then."""
    price = np.ones((luck.futures, len(calendar.weekday), len(resolved.deployments)))
    days = np.arange(len(calendar.weekday))
    for number, each in enumerate(resolved.deployments):
        if not isinstance(each, ResolvedApi) or each.prices.negotiated:
            continue
        hosted = each.model.serves is not None
        path = token_price_path(outlook.api_prices, each.model.name, hosted=hosted, calendar=calendar, luck=luck)
        if path is not None:
            price[:, :, number] = path
        name = gone.successors[number]
        ends = gone.day[:, number]
        if name is not None and bool((ends < len(days)).any()):
            hosted = catalog.api(name).serves is not None
            after = token_price_path(outlook.api_prices, name, hosted=hosted, calendar=calendar, luck=luck)
            price[:, :, number] = np.where(days >= ends[:, None], 1.0 if after is None else after, price[:, :, number])
    return price


def _gpu_price(outlook: Outlook, resolved: ResolvedStack, calendar: Calendar, luck: Luck) -> FloatArray:
    """[F, T, A] factors on the price of a GPU-hour."""
    price = np.ones((luck.futures, len(calendar.weekday), len(resolved.deployments)))
    for number, pool in enumerate(resolved.deployments):
        if isinstance(pool, ResolvedPool):
            price[:, :, number] = paid_path(gpu_market_path(outlook.gpu_prices, pool.spec.gpu, calendar, luck), pool, calendar)
    return price


def _tightened(outlook: Outlook, resolved: ResolvedStack, calendar: Calendar, luck: Luck) -> tuple[IntArray, FloatArray]:
    """From which day the limits of each API are tightened [F, A], and by which factor [A]; a vendor does so for all of its models."""
    days = len(calendar.weekday)
    begins = np.full((luck.futures, len(resolved.deployments)), days, np.int64)
    factor = np.ones(len(resolved.deployments))
    if outlook.limits.tightened_per_year > 0.0:
        for number, each in enumerate(resolved.deployments):
            if isinstance(each, ResolvedApi):
                wait_s = luck.stream("incidents", f"limits/{each.model.vendor}").exponential(size=luck.futures)
                wait_s *= _YEAR_S / outlook.limits.tightened_per_year
                begins[:, number] = np.minimum(wait_s // SECONDS_PER_DAY, days).astype(np.int64)
                factor[number] = outlook.limits.factor
    return begins, factor


def _no_retraining() -> Retraining:
    none = np.empty(0, np.int64)
    return Retraining(none, none, none, none, np.empty(0, bool))


def _money(bill: Bill, luck: Luck) -> Mapping[str, FloatArray]:
    """Factors of the bill by name, each of one draw a future."""
    return MappingProxyType(
        {
            "people": bill.people.at(luck.normal("people", "people")),
            "hidden_share": bill.hidden_share.at(luck.normal("people", "hidden_share")),
            "migration": bill.migration.at(luck.normal("retirement", "migration")),
            "labels": bill.labels.at(luck.normal("retraining", "labels")),
            "response_hours": bill.response_hours.at(luck.normal("people", "response_hours")),
        }
    )
