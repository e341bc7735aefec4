"""What happens to the APIs of a stack in each future, as far as decisions wait for it: models that are gone, and long outages."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sim.futures.draws import Draws
from sim.units import SECONDS_PER_DAY, SECONDS_PER_HOUR

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

_OUTAGE = "api_outage"


@dataclass(frozen=True)
class Signals:
    """Events of F futures over M months by deployment of the stack, D in all."""

    retired_month: IntArray
    """[F, D] the number of the month in which the model of an API is gone; M: within the horizon never. M for pools."""
    longest_outage_h: FloatArray
    """[F, M, D] hours of the longest outage of the vendor that begins in a month; 0 where there is none, and for pools."""


def signals(draws: Draws) -> Signals:
    """The events of all futures; a month depends on what begins in it alone."""
    month_of_day = draws.calendar.month_of_day
    days, months = len(month_of_day), draws.calendar.months
    gone = np.append(month_of_day, months)[np.clip(draws.retired_from, 0, days)]
    longest = np.zeros((draws.futures, months, draws.retired_from.shape[1]))
    found = draws.incidents
    day = np.clip(found.start_s // SECONDS_PER_DAY, 0, days - 1).astype(np.int64)
    for number, hazard in enumerate(draws.hazards):
        if hazard.kind != _OUTAGE:
            continue
        own = found.hazard == number
        for d in hazard.deployments:
            place = (found.future[own], month_of_day[day[own]], np.full(int(own.sum()), d))
            np.maximum.at(longest, place, found.duration_s[own] / SECONDS_PER_HOUR)
    return Signals(np.asarray(gone, np.int64), longest)
