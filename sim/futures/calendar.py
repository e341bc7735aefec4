"""The days and months of a forecast: real calendar months, from the first of one."""

from __future__ import annotations

import calendar as civil
import datetime
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from sim.units import SECONDS_PER_DAY

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Calendar:
    """M months from the first day of one, T days in all; day 0 is that first day, weekday 0 is Monday."""

    start: datetime.date
    months: int

    @cached_property
    def firsts(self) -> tuple[datetime.date, ...]:
        """[M + 1] the first day of every month, and of the one after the last."""
        index = self.start.year * 12 + self.start.month - 1
        return tuple(datetime.date(k // 12, k % 12 + 1, 1) for k in range(index, index + self.months + 1))

    @cached_property
    def names(self) -> tuple[str, ...]:
        """[M] months as `2026-11`."""
        return tuple(first.isoformat()[:7] for first in self.firsts[:-1])

    @cached_property
    def days(self) -> IntArray:
        """[M] days of every month."""
        return np.array([civil.monthrange(first.year, first.month)[1] for first in self.firsts[:-1]], np.int64)

    @cached_property
    def hours(self) -> FloatArray:
        """[M] hours of every month."""
        return np.asarray(self.days * 24.0, np.float64)

    @cached_property
    def month_of_day(self) -> IntArray:
        """[T] the month of every day."""
        return np.repeat(np.arange(self.months), self.days)

    @cached_property
    def weekday(self) -> IntArray:
        """[T] 0 is Monday."""
        return (np.arange(int(self.days.sum())) + self.firsts[0].weekday()) % 7

    @property
    def length_s(self) -> float:
        """Seconds of the whole horizon."""
        return float(self.days.sum()) * SECONDS_PER_DAY

    def day_of(self, date: datetime.date) -> int:
        """The number of a day: below 0 before the horizon, T or more after it."""
        return (date - self.firsts[0]).days
