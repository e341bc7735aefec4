"""Stacks side by side on costs that can be followed by hand."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

from sim.errors import InputError
from sim.futures.bands import band
from sim.futures.forecast import Forecast
from sim.planning.comparison import Comparison, PairCosts, compare
from sim.planning.crossover import MonthOf, break_even, month_of, paid_back_in, stays_below_from
from tests.made.forecast import forecast

FUTURES, MONTHS = 200, 12


def of(invoice: object, *, stack: str = "a", tco: object = 0.0, futures: int = FUTURES, months: int = MONTHS, **more: object) -> Forecast:
    """A stack of one line of the invoice and one on top of it."""
    lines = {("own", "gpu_used", "invoice"): invoice, ("shared", "people", "tco"): tco}
    return forecast(lines, stack=stack, futures=futures, months=months, **more)  # type: ignore[arg-type]


def only(comparison: Comparison) -> PairCosts:
    """The tco of the one pair."""
    (pair,) = comparison.pairs
    return pair.tco


def grown(seed: int, rate: float = 0.03, spread: float = 0.02) -> np.ndarray:
    """[F, M] requests of a month that grow at a rate of each future."""
    random = np.random.default_rng(seed)
    growth = random.normal(rate, spread, FUTURES)[:, None]
    return 1_000_000 * (1 + growth) ** np.arange(MONTHS)


def test_a_stack_against_itself_is_a_tie_to_the_cent() -> None:
    costs = np.exp(np.random.default_rng(1).standard_normal((FUTURES, MONTHS)))
    one = of(costs, tco=5.0, requests=grown(1), window_se=0.05)
    found = compare([one, one])
    assert [stack.name for stack in found.stacks] == ["a", "a (2)"]
    pair = found.pairs[0]
    for each in (pair.invoice, pair.tco):
        assert each.tie
        assert (each.p_a_cheaper, each.se) == (0.5, 0.0)
        assert set(each.p_a_cheaper_by_month) == {0.5} and set(each.se_by_month) == {0.0}
        assert all(value == 0.0 for value in dataclasses.astuple(each.difference_usd))
        assert all(value == 0.0 for month in each.difference_usd_by_month for value in dataclasses.astuple(month))
        assert each.dearer_to_start is None and each.run_rate_crossover_month is None and each.payback_month is None
        assert each.a_stays_below.share == 0.0
        assert each.break_even.requests_per_month is None and "tie" in each.break_even.why
    assert pair.p_a_cheaper == 0.5 and pair.break_even_requests_per_month is None


def test_less_than_half_a_cent_is_a_tie_and_counts_half() -> None:
    a = np.full((4, 1), 100.0)
    b = np.array([[100.004], [99.996], [101.0], [102.0]])
    found = only(compare([of(a, futures=4, months=1), of(b, stack="b", futures=4, months=1)]))
    assert not found.tie
    assert found.p_a_cheaper == pytest.approx((0.5 + 0.5 + 1 + 1) / 4)
    assert found.p_a_cheaper_by_month == (found.p_a_cheaper,)
    assert found.se == pytest.approx(math.sqrt(0.75 * 0.25 / 4 + 1 / 64) / 1.25)


def test_totals_and_months_are_bands_of_lines() -> None:
    random = np.random.default_rng(2)
    costs = random.lognormal(0, 0.3, (FUTURES, MONTHS))
    found = compare([of(costs, tco=2.0), of(costs + 1, stack="b", window_se=0.1)])
    a, b = found.stacks
    assert a.invoice_usd == band(costs.sum(axis=1))
    assert a.tco_usd.mean == pytest.approx(costs.sum(axis=1).mean() + 2 * MONTHS)
    assert a.invoice_usd_by_month[3] == band(costs[:, 3])
    assert sum(month.mean for month in a.tco_usd_by_month) == pytest.approx(a.tco_usd.mean)
    assert b.invoice_usd.se == pytest.approx(math.hypot(band(costs.sum(axis=1)).se, 0.1 * b.invoice_usd.mean))
    # People are known, whatever the windows: the error of the tco is that of its invoice.
    known = compare([of(costs, tco=500.0, window_se=0.1), of(costs, stack="b")]).stacks[0]
    assert known.tco_usd.se == pytest.approx(math.hypot(band(costs.sum(axis=1)).se, 0.1 * costs.sum(axis=1).mean()))
    pair = found.pairs[0]
    assert pair.invoice.p_a_cheaper == 1.0 and pair.tco.p_a_cheaper == 0.0
    assert pair.tco.difference_usd.mean == pytest.approx(MONTHS)


def test_an_error_of_windows_makes_a_near_tie_unsure() -> None:
    random = np.random.default_rng(3)
    a = 100 + random.normal(0, 1, (FUTURES, 1))
    b = a + random.normal(1, 2, (FUTURES, 1))
    sure = only(compare([of(a, months=1), of(b, stack="b", months=1)]))
    unsure = only(compare([of(a, months=1, window_se=0.02), of(b, stack="b", months=1)]))
    assert unsure.p_a_cheaper == sure.p_a_cheaper
    assert unsure.se > 3 * sure.se
    assert unsure.difference_usd.se == pytest.approx(math.hypot(sure.difference_usd.se, 2.0), rel=0.01)


def test_costs_by_tokens_service_levels_and_energy() -> None:
    good = np.array([[0.9, np.nan], [0.7, np.nan]])
    met = np.array([[True, True], [False, False]])
    one = of([10.0, 30.0], tco=5.0, futures=2, months=2, input_tokens=1.5e6, output_tokens=0.5e6, good_share=good, met=met, energy_kwh=7.0)
    other = of(1.0, stack="b", futures=2, months=2, input_tokens=0.0, output_tokens=0.0, good_share=np.nan)
    a, b = compare([one, other], days_to_production=[90.0, None]).stacks
    assert a.invoice_usd_per_million_tokens is not None and a.tco_usd_per_million_tokens is not None
    assert a.invoice_usd_per_million_tokens.mean == pytest.approx(40 / 4)
    assert a.tco_usd_per_million_tokens.mean == pytest.approx(50 / 4)
    assert a.good_share is not None and a.good_share.mean == pytest.approx(0.8)
    assert a.good_share_by_month[0] is not None and a.good_share_by_month[1] is None
    assert a.p_met_by_month == (0.5, 0.5)
    assert a.outgrown_month is None
    assert a.energy_kwh is not None and a.energy_kwh.mean == 14.0
    assert a.days_to_production == 90.0
    assert b.invoice_usd_per_million_tokens is None and b.good_share is None and b.energy_kwh is None


def test_the_good_share_of_the_horizon_is_by_requests() -> None:
    one = of(1.0, futures=2, months=2, requests=[100.0, 300.0], good_share=[1.0, 0.5])
    found = compare([one, one]).stacks[0].good_share
    assert found is not None and found.mean == pytest.approx((100 + 150) / 400)


def test_the_month_that_demand_outgrows_is_said() -> None:
    met = np.ones((FUTURES, MONTHS), bool)
    met[: FUTURES // 2 + 1, 7:] = False
    one = of(1.0, met=met)
    assert compare([one, one]).stacks[0].outgrown_month == 8


# When.


def test_from_when_on_a_stack_stays_cheaper() -> None:
    other = np.full((5, 4), 10.0)
    own = np.array([[12, 9, 9, 9], [9, 12, 9, 9], [12, 12, 12, 10], [9, 9, 9, 9], [9, 9, 9, 12]], float)
    assert stays_below_from(own, other).tolist() == [1, 2, 4, 0, 4]


def test_in_which_month_a_stack_has_paid_for_itself() -> None:
    other = np.full((5, 4), 10.0)
    own = np.array([[25, 5, 5, 5], [40, 5, 5, 5], [9, 30, 0, 0], [20, 0, 0, 0], [9, 9, 9, 30]], float)
    # 25 30 35 40 against 10 20 30 40: never below. 9 39 39 39: below in the first, but to stay only from the fourth.
    assert paid_back_in(own, other).tolist() == [4, 4, 3, 2, 4]


def test_the_distribution_of_a_month_counts_never_as_later() -> None:
    found = month_of("b", np.array([3] * 8 + [12] * 12), 12)
    assert (found.share, found.p5, found.p50, found.p95) == (0.4, 4, None, None)
    assert found.se > 0
    assert month_of("b", np.arange(100), 100) == MonthOf("b", 1.0, month_of("b", np.arange(100), 100).se, 5, 50, 95)


def test_own_hardware_bought_first_pays_back() -> None:
    # 60 more at once, 10 less in each month after the first: ahead a month from the second, in total after the eighth.
    api, own = np.full(MONTHS, 20.0), np.r_[80.0, np.full(MONTHS - 1, 10.0)]
    found = only(compare([of(api, stack="api"), of(own, stack="own")]))
    assert found.dearer_to_start == "own"
    assert found.run_rate_crossover_month is not None and found.payback_month is not None
    assert (found.run_rate_crossover_month.stack, found.run_rate_crossover_month.p50, found.run_rate_crossover_month.share) == (
        "own",
        2,
        1.0,
    )
    assert (found.payback_month.p5, found.payback_month.p95) == (8, 8)
    assert found.b_stays_below == found.run_rate_crossover_month
    assert found.a_stays_below.share == 0.0
    assert found.payback_month.share == 1 - found.p_a_cheaper
    swapped = only(compare([of(own, stack="own"), of(api, stack="api")]))
    assert swapped.payback_month == found.payback_month
    assert swapped.p_a_cheaper == 1 - found.p_a_cheaper == 1.0


def test_growth_makes_the_fixed_cost_cheaper_from_the_month_of_the_formula() -> None:
    requests = grown(4)
    api, own = requests * 0.001, np.full((FUTURES, MONTHS), 1200.0)
    found = only(compare([of(api, stack="api", requests=requests), of(own, stack="own", requests=requests)]))
    assert found.run_rate_crossover_month is not None
    # 1000 (1 + g)^m > 1200 from m = ln 1.2 / ln(1 + g) on; those that shrink never get there.
    rates = requests[:, 1] / requests[:, 0]
    with np.errstate(divide="ignore", invalid="ignore"):
        first = np.where(rates > 1, np.ceil(math.log(1.2) / np.log(rates)), np.inf)
    assert found.run_rate_crossover_month.share == pytest.approx(np.mean(first < MONTHS))
    assert found.run_rate_crossover_month.p5 == np.sort(first)[math.ceil(0.05 * FUTURES) - 1] + 1
    assert found.run_rate_crossover_month.p95 is None


# At how much traffic.


def priced(fixed: float, per_request: float, requests: np.ndarray, noise: float, seed: int) -> np.ndarray:
    """Monthly costs on a line, and what moves them besides."""
    return fixed + per_request * requests + np.random.default_rng(seed).normal(0, noise, requests.shape)


def test_the_level_at_which_costs_meet_is_that_of_the_lines() -> None:
    hits = 0
    for seed in range(40):
        requests = grown(seed)
        a, b = priced(0, 0.01, requests, 200, seed), priced(20_000, 0.001, requests, 300, seed + 1000)
        found = break_even(("api", "own"), a, b, requests, tokens_per_request=500.0, seed=seed)
        assert found.requests_per_month is not None and found.low is not None and found.high is not None
        assert found.requests_per_month == pytest.approx(20_000 / 0.009, rel=0.05)
        assert found.cheaper_above == "own"
        assert found.extrapolated == (found.requests_per_month > requests.max())
        assert found.tokens_per_month == pytest.approx(500 * found.requests_per_month)
        hits += found.low <= 20_000 / 0.009 <= found.high
    assert hits >= 30  # of 40 intervals of 90 %: fewer have a probability of 0.5 %


def test_what_changes_with_time_alone_is_not_taken_for_a_cost_of_requests() -> None:
    requests = grown(5)
    rent = 20_000 + 1500 * np.arange(MONTHS)  # dearer each month, whatever the traffic
    a, b = 0.01 * requests, rent + 0.001 * requests
    found = break_even(("api", "own"), a, b, requests, tokens_per_request=1.0, seed=1)
    assert found.requests_per_month == pytest.approx(rent.mean() / 0.009, rel=1e-6)


def test_where_only_months_differ_they_are_compared() -> None:
    requests = np.broadcast_to(1e6 * 1.05 ** np.arange(MONTHS), (3, MONTHS))
    found = break_even(("api", "own"), 0.01 * requests, np.full((3, MONTHS), 12_000.0), requests, tokens_per_request=1.0, seed=1)
    assert found.requests_per_month == pytest.approx(1_200_000)
    assert (found.low, found.high) == (found.requests_per_month, found.requests_per_month)
    assert not found.extrapolated


def test_lines_that_do_not_meet_say_so() -> None:
    requests = grown(6)
    nothing = np.zeros_like(requests)
    always = break_even(("api", "own"), 0.01 * requests + 5000, 0.009 * requests, requests, tokens_per_request=1.0, seed=1)
    assert always.requests_per_month is None and "own costs less" in always.why
    far = break_even(("api", "own"), 0.01 * requests, nothing + 1e9, requests, tokens_per_request=1.0, seed=1)
    assert far.requests_per_month is None and "api costs less" in far.why
    still = break_even(("api", "own"), nothing + 1, nothing + 2, np.full_like(requests, 1e6), tokens_per_request=1.0, seed=1)
    assert still.requests_per_month is None and "do not vary" in still.why
    noise = np.random.default_rng(7).normal(0, 5000, requests.shape)
    unsure = [
        break_even(("a", "b"), nothing + noise + shift, nothing, requests, tokens_per_request=1.0, seed=1) for shift in (0, 100, 1000)
    ]
    assert all(each.requests_per_month is None for each in unsure)


# What cannot be compared.


def test_futures_that_are_not_the_same_are_refused() -> None:
    one = of(1.0)
    for other, what in (
        (of(1.0, futures=3), "futures"),
        (of(1.0, months=3), "months"),
        (of(1.0, seed=9), "seed"),
        (of(1.0, outlook="calm"), "outlook"),
    ):
        with pytest.raises(InputError, match=what):
            compare([one, other])
    with pytest.raises(InputError, match="at least two"):
        compare([one])


def test_every_pair_is_compared_in_the_order_given() -> None:
    found = compare([of(1.0, stack="x"), of(2.0, stack="y"), of(3.0, stack="z")])
    assert [(pair.a, pair.b) for pair in found.pairs] == [("x", "y"), ("x", "z"), ("y", "z")]
    assert found.futures == FUTURES and len(found.months) == MONTHS
