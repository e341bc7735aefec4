"""Demand of every day of every future against the trace's mean day.

level = sample x (1 + r)^month x weekday x day: r is drawn once a future; the weekday's factor is that of the outlook, over the mean of
the weekdays that the trace holds where these are known; the day's factor is lognormal with mean 1.

The sample's factor is what demand is over what the trace shows. What a trace shows is demand times a lognormal error with mean 1, whose
logarithm is normal around -s²/2; so demand is what it shows times a lognormal factor whose logarithm is normal around +s²/2, and whose
mean is above 1: what a trace shows too little of is more, in relation to what it shows, than what it shows too much of. Only so do bands
hold as often as they say (docs/uncertainty.md).
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from sim.futures.calendar import Calendar
from sim.futures.luck import Luck
from sim.stack.outlook import Demand

FloatArray = npt.NDArray[np.float64]

WHOLE_WEEK_DAYS = 7.0
"""A trace of so many days has weekdays of its own."""


def sample_factor(demand: Demand, sample_sigma: float, luck: Luck) -> FloatArray:
    """[F] what demand is over what the trace shows: lognormal with relative standard deviation `sample_sigma`."""
    sigma = math.sqrt(math.log1p(sample_sigma**2)) if demand.trace_sample else 0.0
    return np.asarray(np.exp(sigma * luck.normal("sample", "trace") + sigma * sigma / 2), np.float64)


def growth_factor(demand: Demand, calendar: Calendar, luck: Luck) -> FloatArray:
    """[F, M] (1 + r)^m."""
    return demand.growth_per_month.compounded(luck.normal("demand", "growth")[:, None], np.arange(calendar.months, dtype=np.float64))


def prompt_factor(demand: Demand, calendar: Calendar, luck: Luck) -> FloatArray:
    """[F, M] the same for the lengths of prompts."""
    z = luck.normal("demand", "prompt_growth")[:, None]
    return demand.prompt_growth_per_month.compounded(z, np.arange(calendar.months, dtype=np.float64))


def weekday_factor(demand: Demand, calendar: Calendar, trace_days: float, weekday_of_trace: int | None) -> FloatArray:
    """[T] the weekday's part; 1 for a trace of a whole week.

    A shorter trace whose first weekday is known stands for its own weekdays, else for the mean of a week.
    """
    if trace_days >= WHOLE_WEEK_DAYS:
        return np.ones(len(calendar.weekday))
    shape = np.asarray(demand.weekly_shape, np.float64)
    shape = shape / shape.mean()
    if weekday_of_trace is not None:
        held = (weekday_of_trace + np.arange(max(1, math.ceil(trace_days)))) % 7
        shape = shape / shape[held].mean()
    return np.asarray(shape[calendar.weekday], np.float64)


def level_path(
    demand: Demand,
    calendar: Calendar,
    luck: Luck,
    *,
    sample: FloatArray,
    trace_days: float,
    weekday_of_trace: int | None,
    day_sigma: float | None,
) -> FloatArray:
    """[F, T] demand over that of the trace's mean day.

    `day_sigma` replaces the outlook's where the trace is long enough to say, but not that days do not vary: `certain` has no spread.
    """
    sigma = demand.day_to_day_sigma if day_sigma is None or demand.day_to_day_sigma == 0.0 else day_sigma
    level = growth_factor(demand, calendar, luck)[:, calendar.month_of_day]
    level *= weekday_factor(demand, calendar, trace_days, weekday_of_trace)
    level *= sample[:, None]
    if sigma > 0.0:
        z = luck.stream("demand", "days").standard_normal(level.shape)
        level *= np.exp(sigma * z - sigma * sigma / 2)
    return level
