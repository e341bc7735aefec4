"""From an outlook and a stack to the draws of all futures."""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from sim.catalog.catalog import Catalog
from sim.futures.calendar import Calendar
from sim.futures.demand_path import level_path, prompt_factor, sample_factor
from sim.futures.draw_words import assumptions, what_varies
from sim.futures.draws import GROUPS, Draws
from sim.futures.incident_calendar import incident_calendar
from sim.futures.luck import Luck
from sim.futures.price_path import paid_path, token_price_path
from sim.futures.retirement import Retirements, retirements
from sim.futures.retraining_runs import retraining_runs
from sim.stack.on_premises import ON_PREMISES, TERM_MONTHS
from sim.stack.outlook import Bill, Outlook
from sim.stack.resolved import ResolvedApi, ResolvedPool, ResolvedStack
from sim.units import SECONDS_PER_DAY

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

_YEAR_S = 365.0 * SECONDS_PER_DAY
_NOTHING: Mapping[str, int] = MappingProxyType({})
_UNKNOWN: Mapping[str, float] = MappingProxyType({})


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
    assert set(replication) <= set(GROUPS), replication
    luck = Luck(futures, seed, replication)
    sample = sample_factor(outlook.demand, sample_sigma, luck)
    level = level_path(
        outlook.demand, calendar, luck, sample=sample, trace_days=trace_days, weekday_of_trace=weekday_of_trace, day_sigma=day_sigma
    )
    gone = retirements(outlook, resolved, catalog, calendar, luck)
    runs = retraining_runs(outlook.retraining, resolved.costs.retraining, calendar, luck)
    hazards, incidents = incident_calendar(outlook, resolved, luck, calendar.length_s, running, runs.hazards)
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
        training_price=_training_price(outlook, resolved, calendar, luck),
        limits_from=limits_from,
        limits_factor=limits_factor,
        retired_from=gone.day,
        successors=gone.successors,
        hazards=hazards,
        incidents=incidents,
        retraining=runs.retraining,
        money=_money(outlook.bill, resolved, luck),
        labels=assumptions(outlook, resolved),
        varies=what_varies(outlook),
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
        if not isinstance(each, ResolvedApi):
            continue
        # Rates that were negotiated hold as long as the model does; its successor has a list price again.
        agreed = each.prices.negotiated and each.prices.discount is None
        path = None if agreed else token_price_path(outlook.api_prices, each.model, calendar, luck)
        if path is not None:
            price[:, :, number] = path
        name = gone.successors[number]
        ends = gone.day[:, number]
        if name is not None and bool((ends < len(days)).any()):
            after = token_price_path(outlook.api_prices, catalog.api(name), calendar, luck)
            price[:, :, number] = np.where(days >= ends[:, None], 1.0 if after is None else after, price[:, :, number])
    return price


def _gpu_price(outlook: Outlook, resolved: ResolvedStack, calendar: Calendar, luck: Luck) -> FloatArray:
    """[F, T, A] factors on the price of a GPU-hour."""
    price = np.ones((luck.futures, len(calendar.weekday), len(resolved.deployments)))
    for number, pool in enumerate(resolved.deployments):
        if isinstance(pool, ResolvedPool):
            path = paid_path(outlook.gpu_prices, pool.spec.gpu, _term_months(pool), calendar, luck)
            if path is not None:
                price[:, :, number] = path
    return price


def _training_price(outlook: Outlook, resolved: ResolvedStack, calendar: Calendar, luck: Luck) -> Mapping[int, FloatArray]:
    """By number of a retraining entry, [F, T] factors on the price of the GPU-hours that are rented for it."""
    found = {}
    for number, entry in enumerate(resolved.costs.retraining):
        if entry.market_gpu:
            path = paid_path(outlook.gpu_prices, entry.market_gpu, TERM_MONTHS.get(entry.purchase), calendar, luck)
            if path is not None:
                found[number] = path
    return MappingProxyType(found)


def _term_months(pool: ResolvedPool) -> float | None:
    """Months for which a pool's price stands: None where it follows the market, infinite where nothing changes it."""
    purchase = pool.gpu_hour.purchase
    # A price of one's own is an agreement, except where hours are bought as the market has them.
    if purchase == ON_PREMISES or (pool.gpu_hour.negotiated and purchase not in ("spot", "marketplace")):
        return math.inf
    return pool.payment.term_months if pool.payment is not None else TERM_MONTHS.get(purchase)


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


def _money(bill: Bill, resolved: ResolvedStack, luck: Luck) -> Mapping[str, FloatArray]:
    """Factors of the bill by name, each of one draw a future; `hidden_share` is the stack's own share, somewhere in its spread."""
    return MappingProxyType(
        {
            "people": bill.people.at(luck.normal("people", "people")),
            "hidden_share": resolved.costs.hidden_share.at(bill.hidden_spread * luck.normal("people", "hidden_share")),
            "migration": bill.migration.at(luck.normal("retirement", "migration")),
            "labels": bill.labels.at(luck.normal("retraining", "labels")),
            "response_hours": bill.response_hours.at(luck.normal("people", "response_hours")),
        }
    )
