"""What a trace says of how its days differ, whatever its end."""

from __future__ import annotations

import pytest

from sim.futures.day_spread import day_spread
from sim.futures.windows import plan_windows
from tests.made.days import API, day_trace, resolved_for

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
