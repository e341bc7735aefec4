"""What happens on dates, as data: announced price changes and ends of models, likely ends, and the hours of incidents by month."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sim.futures.dated import Dated, dated, incident_hours
from sim.futures.draws import Draws
from sim.futures.hazard import Incidents
from tests.made.draws import BOOK, ONE_API, drawn, resolved

DAY = 86_400.0
STACK = resolved(ONE_API)


@pytest.fixture(scope="module")
def draws() -> Draws:
    return drawn("{}", STACK, months=3, futures=4)


def test_an_end_is_marked_where_most_futures_have_it(draws: Draws) -> None:
    """December has 31 days, January 31: gone on days 20, 40, 50 and never."""
    days = len(draws.calendar.weekday)
    found = dated(STACK, replace(draws, retired_from=np.array([[20], [40], [50], [days]])), BOOK)
    assert found == (Dated(1, "retirement", "gpt-6.1-sol", "", 0.75),)


def test_what_happens_in_half_of_the_futures_is_not_likely(draws: Draws) -> None:
    days = len(draws.calendar.weekday)
    assert dated(STACK, replace(draws, retired_from=np.array([[20], [40], [days], [days]])), BOOK) == ()


def test_announced_prices_and_ends(draws: Draws, monkeypatch: pytest.MonkeyPatch) -> None:
    import datetime

    api = STACK.deployments[0]
    ends = replace(STACK, deployments=(replace(api, model=api.model.model_copy(update={"retirement_date": datetime.date(2027, 2, 3)})),))
    rates = ((0, api.prices), (31, replace(api.prices, date=datetime.date(2027, 1, 1))))
    monkeypatch.setattr("sim.futures.dated.scheduled_rates", lambda *_: rates)
    assert dated(ends, draws, BOOK) == (
        Dated(1, "price_change", "gpt-6.1-sol", "2027-01-01", 1.0),
        Dated(2, "retirement", "gpt-6.1-sol", "2027-02-03", 1.0),
    )
    late = replace(ends, deployments=(replace(api, model=api.model.model_copy(update={"retirement_date": datetime.date(2027, 3, 1)})),))
    assert [each.kind for each in dated(late, draws, BOOK)] == ["price_change"]


def test_hours_of_incidents_count_in_the_month_in_which_they_begin(draws: Draws) -> None:
    one, none = np.ones(3), np.zeros(3)
    incidents = Incidents(
        future=np.array([0, 0, 2]), hazard=np.zeros(3, np.int64), start_s=np.array([5 * DAY, 30.9 * DAY, 31 * DAY]),
        duration_s=np.array([3600.0, 7200.0, 1800.0]), factor=one, error_rate=none, count=np.ones(3, np.int64),
    )  # fmt: skip
    assert incident_hours(replace(draws, incidents=incidents)).tolist() == [[3.0, 0, 0], [0, 0, 0], [0, 0.5, 0], [0, 0, 0]]


def test_all_hours_are_counted() -> None:
    found = drawn("{api_incidents: {default: {per_30_days: 20, duration_h: 2, outage_share: 0.3}}}", STACK, months=6, futures=20)
    assert len(found.incidents) > 100
    assert incident_hours(found).sum() == pytest.approx(found.incidents.duration_s.sum() / 3600)
