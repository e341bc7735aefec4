"""What is known to come, or may come, to a stack: what is paid ahead, price changes on their dates, retirements, spend caps met."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from sim.catalog.catalog import Catalog
from sim.catalog.price_book import PriceBook
from sim.errors import input_error
from sim.futures.calendar import Calendar
from sim.futures.draws import Draws
from sim.futures.price_schedule import scheduled_rates
from sim.futures.retirement import successor_of
from sim.futures.ruled import is_monthly_cap
from sim.stack.resolved import ResolvedApi, ResolvedStack
from sim.stack.resolved_costs import Upfront
from sim.units import SECONDS_PER_MONTH, show_share, show_usd

FloatArray = npt.NDArray[np.float64]

_LIKELY = 0.5
_WORTH_SAYING = 0.01


def refuse_retirements(resolved: ResolvedStack, calendar: Calendar, catalog: Catalog) -> None:
    """InputError with every model whose vendor has announced that it ends within the horizon."""
    problems = []
    for each in resolved.deployments:
        if not isinstance(each, ResolvedApi) or each.lane_of is not None or each.model.retirement_date is None:
            continue
        model, date = each.model, each.model.retirement_date
        if calendar.day_of(date) < len(calendar.weekday):
            successor = successor_of(model, catalog)
            instead = f"{successor} would take its place" if successor else "no successor is known"
            problems.append(
                f"deployments.{each.name}.model: {model.name} is retired on {date}, before the end of {calendar.names[-1]}; {instead}, "
                "but --strict assumes none: name a model that lasts, or leave --strict out"
            )
    if problems:
        raise input_error(problems)


def announced(resolved: ResolvedStack, draws: Draws, book: PriceBook) -> tuple[str, ...]:
    """In words, what is paid ahead, and every change of list prices and every retirement of the APIs of a stack."""
    notes = [_paid_ahead(resolved, each) for each in resolved.costs.upfronts]
    for a, each in enumerate(resolved.deployments):
        if isinstance(each, ResolvedApi) and each.lane_of is None:
            notes += _prices(each, draws.calendar, book)
            notes += _retirement(each, a, draws, resolved.costs.migration_usd)
    return tuple(dict.fromkeys(notes))


def _paid_ahead(resolved: ResolvedStack, paid: Upfront) -> str:
    name = resolved.deployments[paid.deployment].name
    what = "its GPUs cost" if paid.kind == "on_premises" else "its advance is"
    return f"{name}: {what} {show_usd(paid.usd)} before the first hour; the months carry it in equal parts over {paid.term_months:g} months"


def _prices(api: ResolvedApi, calendar: Calendar, book: PriceBook) -> list[str]:
    notes = []
    steps = scheduled_rates(api, book, calendar)
    for (_, before), (_, after) in pairwise(steps):
        old, new = before.standard.at(0), after.standard.at(0)
        notes.append(
            f"{api.model.name}: on {after.date} its list price changes from {old.input_usd_per_mtok:g} in, {old.output_usd_per_mtok:g} out "
            f"to {new.input_usd_per_mtok:g} in, {new.output_usd_per_mtok:g} out USD per million tokens"
        )
    return notes


def _retirement(api: ResolvedApi, a: int, draws: Draws, migration_usd: float) -> list[str]:
    days = len(draws.calendar.weekday)
    gone = float((draws.retired_from[:, a] < days).mean())
    if gone < _WORTH_SAYING:
        return []
    successor = draws.successors[a]
    instead = f"{successor} takes its place (assumed)" if successor else "one like it takes its place at its price (assumed)"
    each = f"a migration of about {show_usd(migration_usd)} (assumed)"
    date = api.model.retirement_date
    if date is not None:
        return [f"{api.model.name} is retired on {date}: {instead}, with {each}"]
    return [
        f"{api.model.name} has no announced end; in {show_share(gone)} of futures it is retired in these months: {instead}, with {each}"
    ]


def caps_met(resolved: ResolvedStack, spend_usd: Mapping[str, FloatArray], calendar: Calendar) -> tuple[str, ...]:
    """In words, the monthly spend caps that are likely met; `spend_usd` [F, M] by deployment is billed as if they were raised."""
    notes = []
    for each in resolved.deployments:
        if not isinstance(each, ResolvedApi) or each.name not in spend_usd:
            continue
        caps = (limit.limit * SECONDS_PER_MONTH / limit.window_s for limit in each.limits if is_monthly_cap(limit))
        cap = min(caps, default=None)
        if cap is None:
            continue
        beyond = (spend_usd[each.name] > cap).mean(axis=0)
        if float(beyond.max()) >= _WORTH_SAYING:
            likely = np.flatnonzero(beyond >= _LIKELY)
            when = (
                f"from {calendar.names[int(likely[0])]} on more likely than not"
                if len(likely)
                else f"in up to {show_share(beyond.max())} of futures"
            )
            notes.append(
                f"{each.name}: the cap of {show_usd(cap)} a month (tier {each.tier}) is met {when}; "
                "what is beyond is billed as if the vendor had raised it: ask for a higher tier in time"
            )
    return tuple(notes)
