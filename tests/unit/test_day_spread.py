"""What a trace says of how its days differ, whatever its end."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sim.futures.day_spread import day_spread
from sim.futures.windows import plan_windows
from sim.trace.trace import Trace
from tests.made.days import API, DAY_S, day_trace, resolved_for

STACK = resolved_for(API)


@pytest.mark.parametrize("days", [13.9, 13.995, 14.0, 14.13, 14.5, 15.99, 60.5])
def test_a_trace_may_end_at_any_time(days: float) -> None:
    trace = day_trace(days=days)
    spread = day_spread(trace, plan_windows(trace, STACK))
    assert (spread.day_sigma is None) == (spread.week is None) == (days < 13.99)
    if spread.week is not None:
        assert len(spread.week) == 7 and sum(spread.week) == pytest.approx(7.0)


def test_a_day_that_is_not_there_does_not_make_days_differ() -> None:
    """Half a day is no day of half the demand."""
    whole, more = (day_trace(rows=60_000, days=days) for days in (60.0, 60.5))
    sigmas = [day_spread(trace, plan_windows(trace, STACK)).day_sigma for trace in (whole, more)]
    assert sigmas[1] == pytest.approx(sigmas[0], rel=0.15)


@pytest.mark.parametrize("weekends", [False, True])
def test_a_day_without_demand_is_one_day_less(weekends: bool) -> None:
    """Of four weeks of about 200 requests a day, one day is empty: the variance is that of one 0 among ones, and of counts."""
    empty = {10} | ({day for day in range(28) if day % 7 > 4} if weekends else set())
    random = np.random.default_rng(3)
    arrival = np.concatenate([(day + np.sort(random.random(random.poisson(200)))) * DAY_S for day in range(28) if day not in empty])
    ones = np.ones(len(arrival), int)
    trace = Trace.from_arrays(
        arrival_s=arrival, prompt_tokens=500 * ones, output_tokens=100 * ones, metadata={"sim.duration_s": repr(28 * DAY_S)}
    )
    found = day_spread(trace, plan_windows(trace, STACK))
    # The empty weekday has a level of 3/4: it is 1 below, and the other three a third above; the others vary as counts of 200 do.
    days, kinds = (20, 5) if weekends else (28, 7)
    variance = (1 + 3 / 9 + (days - 4) / 200) / (days - kinds)
    assert found.day_sigma == pytest.approx(math.sqrt(math.log1p(variance)), rel=0.1)
    assert found.week is not None and found.week[3] / found.week[0] == pytest.approx(0.75, rel=0.1)
    assert (found.week[5] == 0.0) is weekends
