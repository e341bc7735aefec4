"""What happens on known or likely dates: announced changes of list prices, models that end, and the hours of incidents by month."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
import numpy.typing as npt

from sim.catalog.price_book import PriceBook
from sim.futures.calendar import Calendar
from sim.futures.draws import Draws
from sim.futures.price_schedule import scheduled_rates
from sim.stack.resolved import ResolvedApi, ResolvedStack
from sim.units import SECONDS_PER_DAY, SECONDS_PER_HOUR

FloatArray = npt.NDArray[np.float64]

_LIKELY = 0.5


@dataclass(frozen=True, slots=True)
class Dated:
    """Something that happens to a stack in a month of the horizon."""

    month: int
    """Its number."""
    kind: Literal["price_change", "retirement"]
    name: str
    """Of the API model."""
    date: str
    """The day, where it is announced; else empty."""
    share: float
    """In which share of futures it has happened by the end of the month; 1 where it is announced."""


def dated(resolved: ResolvedStack, draws: Draws, book: PriceBook) -> tuple[Dated, ...]:
    """Announced changes of list prices and retirements, in order of time; of a model with no announced end the month by which it is gone
    in most futures."""
    found: dict[Dated, None] = {}
    for a, each in enumerate(resolved.deployments):
        if isinstance(each, ResolvedApi) and each.lane_of is None:
            for (_, _), (day, after) in pairwise(scheduled_rates(each, book, draws.calendar)):
                month = int(draws.calendar.month_of_day[day])
                found[Dated(month, "price_change", each.model.name, str(after.date), 1.0)] = None
            found |= dict.fromkeys(_end(each, a, draws))
    return tuple(sorted(found, key=lambda each: (each.month, each.date, each.kind, each.name)))


def _end(api: ResolvedApi, a: int, draws: Draws) -> tuple[Dated, ...]:
    """The announced end of a model, or the month by which it is gone in most futures; nothing where there is neither."""
    calendar, date = draws.calendar, api.model.retirement_date
    if date is not None:
        day = max(calendar.day_of(date), 0)
        within = day < len(calendar.weekday)
        return (Dated(int(calendar.month_of_day[day]), "retirement", api.model.name, str(date), 1.0),) if within else ()
    gone_by = (draws.retired_from[:, a, None] < np.cumsum(calendar.days)).mean(axis=0)
    likely = np.flatnonzero(gone_by > _LIKELY)
    return (Dated(int(likely[0]), "retirement", api.model.name, "", float(gone_by[likely[0]])),) if len(likely) else ()


def incident_hours(draws: Draws) -> FloatArray:
    """[F, M] hours of all incidents that begin in a month; of several hazards at once the hours of each."""
    calendar: Calendar = draws.calendar
    found = draws.incidents
    day = np.minimum(found.start_s // SECONDS_PER_DAY, len(calendar.month_of_day) - 1).astype(np.int64)
    hours = np.zeros((draws.futures, calendar.months))
    np.add.at(hours, (found.future, calendar.month_of_day[day]), found.duration_s / SECONDS_PER_HOUR)
    return hours
