"""Draws against closed forms: every mean and probability is computed here from its formula, every tolerance from its standard error."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pytest
from scipy.integrate import quad
from scipy.special import gammaincc, ndtr, ndtri

from sim.futures.hazard import Incidents
from sim.futures.renewal import renewal_times
from sim.futures.retirement import residual_days
from sim.stack.outlook_quantity import Amount, Change
from tests.made.draws import ONE_API, ONE_POOL, POOL, drawn

FloatArray = npt.NDArray[np.float64]
DAY_S = 86_400.0


def agrees(sample: npt.ArrayLike, mean: float, *, most: float = 0.05) -> None:
    """The mean of independent draws is within 4 standard errors of a formula, and known well enough for that to say something."""
    values = np.asarray(sample, np.float64)
    error = values.std(ddof=1) / math.sqrt(len(values))
    assert abs(values.mean() - mean) <= 4 * error
    assert error <= most * abs(mean)


def agrees_share(hits: npt.ArrayLike, probability: float) -> None:
    """As many of independent trials succeed as should, within 4 standard errors of the probability itself."""
    found = np.asarray(hits, bool)
    assert abs(found.mean() - probability) <= 4 * math.sqrt(probability * (1 - probability) / len(found))


# --- demand ---


def test_compound_growth() -> None:
    growth = Change(p5=0.0, p50=0.03, p95=0.08)
    level = drawn("demand: {growth_per_month: {p5: 0%, p50: 3%, p95: 8%}}", months=24, futures=8000).level
    first_days = np.searchsorted(drawn("demand: {}", months=24, futures=1).calendar.month_of_day, np.arange(24))
    for month in (0, 1, 11, 23):
        there = level[:, first_days[month]]
        if month == 0:
            assert (there == 1.0).all()
            continue
        agrees(there, growth.mean_compounded(month))
        for share, rate in ((0.05, 0.0), (0.5, 0.03), (0.95, 0.08)):
            agrees_share(there < (1 + rate) ** month, share)


def test_a_sample_has_the_spread_it_was_given() -> None:
    sample = drawn("demand: {trace_sample: true}", months=1, futures=40_000, sample_sigma=0.2).sample
    # The trace shows 1/sample of what demand is, with mean 1 and standard deviation s, so that the logarithm has variance ln(1 + s^2).
    agrees(1.0 / sample, 1.0)
    agrees((np.log(sample) - np.log(sample).mean()) ** 2, math.log1p(0.04))


def test_days_differ_with_mean_one() -> None:
    level = drawn("demand: {day_to_day_sigma: 0.3}", months=12, futures=200).level
    agrees(level.ravel(), 1.0)
    agrees(np.log(level).ravel() ** 2, 0.3**2 + 0.045**2)
    # Days know nothing of each other.
    x = (np.log(level) + 0.045) / 0.3
    agrees_share((x[:, 1:] * x[:, :-1] > 0).ravel()[::2], 0.5)


# --- renewal ---


@pytest.mark.parametrize("shape", [0.673, 1.0, 3.0])
@pytest.mark.parametrize("days", [1.0, 30.0])
def test_a_renewal_process_is_stationary_from_the_start(shape: float, days: float) -> None:
    futures, mean_gap_s = 20_000, 4 * DAY_S
    future, time_s = renewal_times(
        np.random.default_rng(7), per_second=np.full(futures, 1 / mean_gap_s), shape=shape, length_s=days * DAY_S
    )
    counts = np.bincount(future, minlength=futures)
    agrees(counts, days * DAY_S / mean_gap_s)
    # None in t: what is left of a gap exceeds t, with probability the integral of its survival over its mean, an incomplete gamma function.
    scale_s = mean_gap_s / math.gamma(1 + 1 / shape)
    for t in (days * DAY_S / 4, days * DAY_S):
        first = np.full(futures, np.inf)
        np.minimum.at(first, future, time_s)
        agrees_share(first > t, float(gammaincc(1 / shape, (t / scale_s) ** shape)))
    # And in any part of the horizon as many as in any other.
    agrees(np.bincount(future[time_s >= days * DAY_S * 0.75], minlength=futures), days * DAY_S / mean_gap_s / 4)


def test_a_shape_below_one_is_clustered_and_one_is_poisson() -> None:
    """Long run variance over mean of counts is the squared coefficient of variation of gaps; a finite time lies between that and 1."""
    futures, days = 8000, 300.0
    for shape in (0.673, 1.0, 3.0):
        future, _ = renewal_times(np.random.default_rng(3), per_second=np.full(futures, 0.25 / DAY_S), shape=shape, length_s=days * DAY_S)
        counts = np.bincount(future, minlength=futures)
        dispersion = counts.var(ddof=1) / counts.mean()
        limit = math.gamma(1 + 2 / shape) / math.gamma(1 + 1 / shape) ** 2 - 1
        error = math.sqrt(2 / futures) * dispersion
        assert abs(dispersion - limit) <= 4 * error + 0.03 * abs(limit - 1)


def test_a_rate_that_is_uncertain_has_its_own_mean() -> None:
    found = drawn(
        "api_incidents: {default: {per_30_days: {p5: 1, p50: 3, p95: 12}, duration_h: 0.001, outage_share: 1}}",
        ONE_API, months=6, futures=10_000,
    )  # fmt: skip
    counts = np.bincount(found.incidents.future, minlength=10_000)
    agrees(counts, Amount(p5=1, p50=3, p95=12).mean / 30 * len(found.calendar.weekday))


# --- incidents ---


def hours(incidents: Incidents, which: npt.ArrayLike, futures: int) -> FloatArray:
    """[F] hours of some incidents."""
    chosen = np.asarray(which)
    return np.bincount(incidents.future[chosen], incidents.duration_s[chosen], futures) / 3600


def test_the_share_of_time_in_outage_is_that_of_an_infinite_server_queue() -> None:
    """Poisson starts and any durations: overlaps merged, time t is in an incident with probability 1 - exp(-λ ∫ P(D > u) du to t)."""
    futures, median_h, sigma, share = 2000, 5.0, 1.1, 0.4
    found = drawn(
        f"api_incidents: {{default: {{per_30_days: 40, duration_h: {{median: {median_h}, sigma: {sigma}}}, outage_share: {share}}}}}",
        ONE_API, months=2, futures=futures,
    )  # fmt: skip
    t = np.linspace(0.0, found.calendar.length_s / 3600, 200_001)
    survival = ndtr(-np.log(np.maximum(t, 1e-12) / median_h) / sigma)
    step = t[1] - t[0]
    under_way = np.concatenate([[0.0], np.cumsum((survival[1:] + survival[:-1]) / 2) * step])
    for kind, part in (("api_outage", share), ("degradation", 1 - share)):
        position = [hazard.kind for hazard in found.hazards].index(kind)
        covered = 1 - np.exp(-40 / 720 * part * under_way)
        expected = float(((covered[1:] + covered[:-1]) / 2).sum() * step)
        agrees(hours(found.incidents, found.incidents.hazard == position, futures), expected)


def test_hours_of_rare_incidents_are_compound_poisson_sums_of_lognormals() -> None:
    """Mean λ t E[D], variance λ t E[D^2]: overlaps are as rare as the square of the rate."""
    futures = 60_000
    found = drawn(
        "no_capacity: {per_30_days: 0.05, duration_h: {median: 3, sigma: 0.8}}",
        f"deployments: {{own: {{{POOL}}}}}",
        months=2,
        futures=futures,
    )
    expected = 0.05 / 30 * len(found.calendar.weekday)
    each, squared = 3 * math.exp(0.32), 9 * math.exp(2 * 0.64)
    total = hours(found.incidents, np.ones(len(found.incidents), bool), futures)
    agrees(total, expected * each)
    agrees((total - expected * each) ** 2, expected * squared, most=0.1)


def test_vendors_are_independent() -> None:
    both = (
        "deployments: {a: {kind: api, model: gpt-6.1-sol}, b: {kind: api, model: claude-sonnet-5-5}}\nrouting: [{to: [a, b]}]"
    )  # fmt: skip
    futures = 10_000
    found = drawn(
        "api_incidents: {default: {per_30_days: 4, gap_shape: 0.7, duration_h: 1, outage_share: 1}}", both, months=1, futures=futures
    )
    vendors = [[k for k, hazard in enumerate(found.hazards) if hazard.name == vendor] for vendor in ("openai", "anthropic")]
    first, second = (np.bincount(found.incidents.future[np.isin(found.incidents.hazard, own)], minlength=futures) for own in vendors)
    assert abs(np.corrcoef(first, second)[0, 1]) <= 4 / math.sqrt(futures)


def test_failures_grow_with_the_gpus_of_a_pool() -> None:
    """Machines of 8 GPUs fail r times in 1,000 days: two replicas of two GPUs are half a machine."""
    futures, rate = 20_000, 8.0
    stack = f"deployments: {{own: {{{POOL}, tensor_parallel: 2, replicas: 2}}}}"
    found = drawn(f"gpu_failures: {{per_1000_node_days: {{default: {rate}}}, rented_repair_h: 0.001}}", stack, futures=futures)
    agrees(np.bincount(found.incidents.future, minlength=futures), rate / 1000 * len(found.calendar.weekday) / 2)


def test_a_spot_machine_is_taken_back_within_a_month_as_often_as_was_said() -> None:
    futures = 20_000
    stack = f"deployments: {{own: {{{POOL}, provider: aws, purchase: spot}}}}"
    found = drawn("spot: {interrupted_per_30_days: {h100-sxm: 40%}}", stack, months=1, futures=futures)
    within = found.incidents.start_s < 30 * DAY_S
    agrees_share(np.bincount(found.incidents.future[within], minlength=futures) > 0, 0.4)


# --- prices ---


def test_one_price_step() -> None:
    """Steps of one size s at rate λ: none by t with probability exp(-λ t), and the mean price is exp(λ t (e^s - 1))."""
    futures, rate, size = 15_000, 0.8, 0.4
    price = drawn(
        f"api_prices: {{own_models: {{changes_per_year: {rate}, rise_share: 1, rise_ln: {size}}}}}", ONE_API, months=12, futures=futures
    ).token_price[:, :, 0]
    for day in (30, 364):
        years = (day + 1) / 365
        there = price[:, day]
        agrees_share(there == 1.0, math.exp(-rate * years))
        agrees(there, math.exp(rate * years * math.expm1(size)))


def test_steps_go_both_ways() -> None:
    futures, rate = 15_000, 1.5
    price = drawn(
        f"api_prices: {{own_models: {{changes_per_year: {rate}, rise_share: 0.3, rise_ln: 0.5, cut_ln: 0.7}}}}", ONE_API, futures=futures
    ).token_price[:, -1, 0]
    agrees(np.log(price), rate * (0.3 * 0.5 - 0.7 * 0.7))


def test_the_price_of_a_gpu_hour() -> None:
    """Trend, walk with mean 1 and jumps are independent: their means multiply."""
    futures = 15_000
    says = "gpu_prices: {drift_per_month: {p5: -3%, p50: 0%, p95: 2.5%}, monthly_sigma: 0.1, jumps_per_year: 1, rise_share: 0.5, rise_ln: 0.3, cut_ln: 0.2}"
    found = drawn(says, ONE_POOL, months=12, futures=futures)
    trend = Change(p5=-0.03, p50=0.0, p95=0.025)
    jump = (math.exp(0.3) + math.exp(-0.2)) / 2 - 1
    last = len(found.calendar.weekday) - 1
    for day in (0, 200, last):
        month = int(found.calendar.month_of_day[day])
        agrees(found.gpu_price[:, day, 0], trend.mean_compounded(month) * math.exp((day + 1) / 365 * jump))


# --- retirement, retraining ---


@pytest.mark.parametrize("notice", [0.0, 60.0, 400.0])
def test_what_is_left_of_a_life(notice: float) -> None:
    """The density P(X > t) / E[X] beyond the notice, by an integral of its own."""
    median, sigma = 570.0, 0.28

    def outlives(t: float) -> float:
        return float(ndtr(-math.log(max(t, 1e-9) / median) / sigma))

    whole = quad(outlives, notice, 5000, limit=200)[0]
    uniform = (np.arange(100_000) + 0.5) / 100_000
    left = residual_days(Amount(median=median, sigma=sigma), notice, uniform)
    assert left.min() >= notice
    for t in (notice + 10, notice + 100, 700.0):
        assert np.mean(left > t) == pytest.approx(quad(outlives, t, 5000, limit=200)[0] / whole, abs=2e-4)
    if notice == 0.0:
        # E[X^2] / (2 E[X]), and E[X] = median exp(sigma^2 / 2).
        assert left.mean() == pytest.approx(median / 2 * math.exp(1.5 * sigma**2), rel=1e-4)


@pytest.mark.parametrize("age", [60.0, 700.0])
def test_what_is_left_of_a_life_of_known_age(age: float) -> None:
    """P(X > age + t | X > age + notice) of a lognormal."""
    notice = 180.0
    left = residual_days(Amount(median=570, sigma=0.28), notice, (np.arange(100_000) + 0.5) / 100_000, age)
    assert left.min() >= notice

    def outlives(days: float) -> float:
        return float(ndtr(-math.log(days / 570) / 0.28))

    for t in (190.0, 300.0, 500.0):
        assert np.mean(left > t) == pytest.approx(outlives(age + t) / outlives(age + notice), abs=2e-5)


def test_a_model_older_than_any_goes_after_its_notice() -> None:
    assert (residual_days(Amount(median=570, sigma=0.28), 60.0, np.array([0.1, 0.9]), 1e9) == 60.0).all()
    assert (residual_days(Amount(p50=500), 60.0, np.array([0.1, 0.9]), 100.0) == 400.0).all()
    assert (residual_days(Amount(p50=500), 60.0, np.array([0.1, 0.9]), 1000.0) == 60.0).all()


def test_a_life_of_certain_length_has_an_even_remainder() -> None:
    left = residual_days(Amount(p50=500), 100.0, np.array([0.0, 0.5, 1.0]))
    assert left == pytest.approx([100.0, 300.0, 500.0])


def trained(when: str) -> str:
    """A pool whose model is trained again on rented GPUs."""
    run = "examples: 1000, tokens_per_example: 100, failure_share: 0.3, rollback_share: 0.1, where: {kind: rented, gpu: h100-sxm}"
    return f"{ONE_POOL}\nretraining: [{{deployment: own, {when}, {run}}}]"


def test_attempts_are_geometric() -> None:
    runs = drawn("retraining: {may_fail: true}", trained("every: 30d"), months=12, futures=2000).retraining
    assert len(runs.future) == 2000 * 12
    agrees(runs.attempts, 1 / (1 - 0.3))
    for k in (1, 2, 3):
        agrees_share(runs.attempts > k, 0.3**k)
    agrees_share(runs.rolled_back, 0.1)


def test_drift_takes_as_long_as_the_stack_says_in_the_middle() -> None:
    says = "retraining: {drift_time: {median: 1, sigma: 0.5}}"
    futures = 4000
    runs = drawn(says, trained("drift: {accuracy_loss_per_month: 1%, threshold: 4%}"), months=36, futures=futures).retraining
    first = np.full(futures, 10**6)
    np.minimum.at(first, runs.future, runs.day)
    for share in (0.25, 0.5, 0.75):
        days = 4 * 8760 / 12 / 24 * math.exp(0.5 * float(ndtri(share)))
        # A run begins on the day in which its moment falls.
        low, high = (float(ndtr(math.log((math.floor(days) + k) / (4 * 8760 / 12 / 24)) / 0.5)) for k in (0, 1))
        found = float(np.mean(first <= math.floor(days)))
        error = math.sqrt(share * (1 - share) / futures)
        assert low - 4 * error <= found <= high + 4 * error
    assert (runs.attempts == 1).all() and not runs.rolled_back.any()
