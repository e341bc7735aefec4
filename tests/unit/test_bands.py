"""Bands and figures of risk on values that can be followed by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import betainc

from sim.futures.bands import FEWEST_FUTURES, MOST_FUTURES, band, bands, futures_needed, quantile_weights
from sim.futures.forecast import Band
from sim.futures.risk import budget, expected_shortfall, months_at_risk, outgrown_from, probability_se
from sim.results import horizon


@pytest.mark.parametrize("value", [0.0, 0.1, -7.3, 6_166.67, 1e9 / 3])
@pytest.mark.parametrize("futures", [2, 3, 100, 401])
def test_what_does_not_vary_has_no_width_and_no_error(value: float, futures: int) -> None:
    assert band(np.full(futures, value)) == Band(value, value, value, value, 0.0, 0.0, 0.0, 0.0)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.one_of(st.sampled_from([0.0, 0.1, 100.0]), st.floats(-1e12, 1e12)), min_size=2, max_size=40))
def test_edges_are_in_order_and_within_the_values(values: list[float]) -> None:
    found = band(values)
    assert min(values) <= found.p5 <= found.p50 <= found.p95 <= max(values)
    assert min(values) <= found.mean <= max(values)
    assert all(error >= 0 for error in (found.se, found.se_p5, found.se_p50, found.se_p95))


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=30), st.randoms(use_true_random=False))
def test_the_order_of_futures_does_not_matter(values: list[float], random: object) -> None:
    shuffled = list(values)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert band(shuffled) == band(values)


def test_weights_are_those_of_harrell_and_davis() -> None:
    # Two values, median: Beta(1.5, 1.5) has half its mass below 1/2. Three: the masses below 1/3 and 2/3 of Beta(2, 2), 3x² - 2x³.
    assert quantile_weights(2, 0.5) == pytest.approx([0.5, 0.5])
    third = 3 / 9 - 2 / 27
    assert quantile_weights(3, 0.5) == pytest.approx([third, 1 - 2 * third, third])
    assert band([0.0, 1.0, 5.0]).p50 == pytest.approx((1 - 2 * third) + 5 * third)
    assert quantile_weights(400, 0.95).sum() == pytest.approx(1.0)


def test_the_error_of_a_quantile_of_few_is_by_leaving_out_one() -> None:
    # Of two values that are left, the median is their mean.
    without = np.array([3.0, 2.5, 0.5])
    assert band([0.0, 1.0, 5.0]).se_p50 == pytest.approx(math.sqrt(2 / 3 * np.sum((without - without.mean()) ** 2)))
    assert band([0.0, 1.0, 5.0]).se == pytest.approx(math.sqrt(np.var([0, 1, 5], ddof=1) / 3))


def test_the_error_of_a_quantile_is_that_of_the_influences_of_values() -> None:
    # Replacing a value by another moves the estimate: what 1 of F values does in the limit, times F, is its influence.
    values = np.sort(np.random.default_rng(6).normal(100, 10, 60))

    def weighted(shares: np.ndarray) -> float:
        """The estimate with other shares of the values than 1/60 each."""
        return float(np.diff(betainc(61 * 0.95, 61 * 0.05, np.minimum(np.r_[0.0, np.cumsum(shares)], 1.0))) @ values)

    step = 1e-6
    even = np.full(60, 1 / 60)
    influence = [(weighted((1 - step) * even + step * np.eye(60)[k]) - weighted(even)) / step for k in range(60)]
    assert band(values).se_p95 == pytest.approx(math.sqrt(np.mean(np.square(influence)) / 60), rel=1e-3)


def test_a_shift_and_a_scale_move_a_band_along() -> None:
    values = np.random.default_rng(1).normal(0, 1, 200)
    before, after = band(values), band(1000 + 3 * values)
    for edge in ("mean", "p5", "p50", "p95"):
        assert getattr(after, edge) == pytest.approx(1000 + 3 * getattr(before, edge))
    for error in ("se", "se_p5", "se_p50", "se_p95"):
        assert getattr(after, error) == pytest.approx(3 * getattr(before, error))


def test_bands_of_columns_are_bands_of_each() -> None:
    values = np.random.default_rng(1).normal(100, 10, (51, 3))
    assert bands(values) == tuple(band(values[:, m]) for m in range(3))


def test_other_errors_are_added_in_quadrature() -> None:
    values = np.random.default_rng(2).normal(100, 10, (200, 2))
    plain, more = bands(values), bands(values, extra_variance=[0.0, 9.0], relative_se=[0.05, 0.0])
    assert more[0].se_p95 == pytest.approx(math.hypot(plain[0].se_p95, 0.05 * plain[0].p95))
    assert more[0].se_p5 == pytest.approx(math.hypot(plain[0].se_p5, 0.05 * plain[0].p5))
    assert more[1].se == pytest.approx(math.hypot(plain[1].se, 3.0))
    assert (more[1].mean, more[1].p95) == (plain[1].mean, plain[1].p95)


def test_shares_that_do_not_exist_are_left_out_when_asked_for() -> None:
    values = np.random.default_rng(3).random((30, 3))
    values[::3, 0] = np.nan
    values[:, 1] = np.nan
    found = bands(values, missing="ignore")
    kept = values[:, 0][~np.isnan(values[:, 0])]
    assert found[0] == band(kept)
    assert math.isnan(found[1].mean) and math.isnan(found[1].se_p95)
    assert found[2] == band(values[:, 2])
    with pytest.raises(ValueError, match="finite"):
        bands(values)
    with pytest.raises(ValueError, match="finite"):
        band([1.0, math.inf], missing="ignore")


def test_one_future_says_nothing_of_another() -> None:
    found = band([5.0])
    assert (found.mean, found.p5, found.p95) == (5.0, 5.0, 5.0)
    assert math.isnan(found.se) and math.isnan(found.se_p95)


def test_how_many_futures_would_do() -> None:
    random = np.random.default_rng(4)
    values = np.exp(0.3 * random.standard_normal(400))
    needed = futures_needed(values)
    assert needed == math.ceil(400 * (band(values).se_p95 / (0.02 * band(values).p95)) ** 2)
    # One answer is good to about a half; their mean says how many futures it really takes.
    usual = round(np.mean([futures_needed(column) for column in np.exp(0.3 * random.standard_normal((200, 400)))]))
    others = [each.p95 for each in bands(np.exp(0.3 * random.standard_normal((usual, 400))))]
    assert np.std(others) / np.mean(others) == pytest.approx(0.02, rel=0.12)
    assert futures_needed(values, rel=0.04) == pytest.approx(needed / 4, abs=1)
    assert futures_needed(np.full(10, 7.0)) == 2
    assert futures_needed([-1.0, 0.0, 0.0] * 10) in range(2, MOST_FUTURES + 1)


def test_a_budget_against_futures() -> None:
    totals = np.array([90.0, 100.0, 100.004, 110.0, 130.0])
    found = budget(totals, 100.0)
    assert found.p_exceed == 0.4
    assert found.se == pytest.approx(math.sqrt(0.4 * 0.6 / 5 + 1 / 100) / 1.2)
    assert found.expected_excess_usd == pytest.approx((10 + 30) / 5)
    assert found.se_excess == pytest.approx(math.sqrt(np.var([0, 0, 0, 10, 30], ddof=1) / 5))
    assert found.excess_if_exceeded_usd == pytest.approx(20.0)
    assert budget(totals, 200.0).excess_if_exceeded_usd is None
    assert budget(totals, 200.0).se > 0
    # 15 % up lifts 90 and both 100s over the budget, 15 % down takes 110 under it.
    assert budget(totals, 100.0, relative_se=0.15).se == pytest.approx(math.hypot(found.se, (1.0 - 0.2) / 2))


def test_a_probability_of_none_or_all_has_an_error() -> None:
    assert probability_se(0.0, 100) == pytest.approx(0.005 / 1.01)
    assert probability_se(1.0, 100) == probability_se(0.0, 100)


def test_the_expected_shortfall_is_the_mean_of_the_worst() -> None:
    assert expected_shortfall(np.arange(1, 101)).usd == pytest.approx(np.mean([96, 97, 98, 99, 100]))
    # 5 % of 30 futures: the worst whole, and half of the next.
    assert expected_shortfall(np.arange(1, 31)).usd == pytest.approx((30 + 29 / 2) / 1.5)
    assert expected_shortfall(np.arange(1, 11)).usd == 10
    constant = expected_shortfall(np.full(100, 0.1))
    assert (constant.usd, constant.se) == (0.1, 0.0)
    assert math.isnan(expected_shortfall([3.0]).se)


def test_months_at_risk_and_the_month_that_demand_outgrows() -> None:
    met = np.ones((10, 5), bool)
    met[:6, 1] = False
    met[:6, 3] = False
    met[:, 4] = False
    risks = months_at_risk(met)
    assert [risk.p_miss for risk in risks] == pytest.approx([0, 0.6, 0, 0.6, 1])
    assert risks[0].se > 0
    assert outgrown_from(met) == 3
    met[:5, 4] = True
    assert outgrown_from(met) is None
    assert outgrown_from(np.zeros((4, 2), bool)) == 0


def test_no_fewer_futures_are_advised_than_may_be_asked_for() -> None:
    assert FEWEST_FUTURES == horizon.FEWEST_FUTURES
