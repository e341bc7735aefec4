"""Streams are independent of each other; distributions draw what they say of themselves."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sim.sampling import (
    Constant,
    Distribution,
    Empirical,
    Exponential,
    Gamma,
    Geometric,
    Lognormal,
    Quantiles,
    Uniform,
    Weibull,
    correlated_uniforms,
    stream,
)  # fmt: skip

LAWS = (
    Constant(3.0),
    Uniform(2.0, 7.0),
    Exponential(4.0),
    Gamma(10.0, 0.5),
    Gamma(2.0, 3.0),
    Weibull(5.0, 0.3),
    Weibull(5.0, 2.5),
    Lognormal(129.0, 0.9),
    Geometric(1.0),
    Geometric(4.5),
    Quantiles((0.0, 0.5, 0.95, 1.0), (1.0, 129.0, 451.0, 1000.0)),
    Quantiles((0.0, 0.5, 0.95, 1.0), (1.0, 129.0, 451.0, 1000.0), logarithmic=True),
    Quantiles((0.0, 0.3, 1.0), (5.0, 5.0, 8.0), logarithmic=True),
    Empirical((1.0, 2.0, 2.0, 9.0)),
)


@pytest.mark.parametrize("law", LAWS, ids=lambda law: f"{law!r}")
def test_draws_have_the_moments_that_the_law_states(law: Distribution) -> None:
    n = 400_000
    draws = law.sample(stream(7, repr(law)), n)
    low, high = law.bounds
    assert draws.min() >= low
    assert draws.max() <= high
    assert abs(draws.mean() - law.mean) <= 5 * math.sqrt(law.variance / n) + 1e-9
    squares = (draws - law.mean) ** 2
    assert abs(squares.mean() - law.variance) <= 5 * squares.std() / math.sqrt(n) + 1e-9
    below, upto = np.mean(draws < law.median), np.mean(draws <= law.median)
    slack = 5 * 0.5 / math.sqrt(n)
    assert below <= 0.5 + slack
    assert upto >= 0.5 - slack


@pytest.mark.parametrize("law", LAWS, ids=lambda law: f"{law!r}")
def test_the_quantile_function_is_that_of_the_draws(law: Distribution) -> None:
    n = 400_000
    draws = law.sample(stream(8, repr(law)), n)
    for p in (0.01, 0.1, 0.35, 0.8, 0.99):
        value = float(law.quantile(p))
        slack = 5 * math.sqrt(p * (1 - p) / n) + 1e-9
        assert np.mean(draws < value - 1e-9) <= p + slack
        assert np.mean(draws <= value + 1e-9) >= p - slack


def test_weibull_with_cv_one_is_exponential() -> None:
    assert Weibull(2.0, 1.0).shape == pytest.approx(1.0, abs=1e-9)


def test_streams_depend_on_seed_name_and_replication_only() -> None:
    draws = stream(1, "a").random(4)
    assert np.array_equal(draws, stream(1, "a").random(4))
    for other in (stream(2, "a"), stream(1, "b"), stream(1, "a", 1)):
        assert not np.array_equal(draws, other.random(4))


def test_correlated_uniforms_are_uniform_and_correlated_as_asked() -> None:
    from scipy.special import ndtri

    n, rho = 200_000, -0.6
    first, second = correlated_uniforms(stream(3, "pair"), n, rho)
    for column in (first, second):
        assert abs(column.mean() - 0.5) <= 5 * math.sqrt(1 / 12 / n)
        assert abs(column.var() - 1 / 12) <= 0.001
    scores = np.corrcoef(ndtri(first), ndtri(second))[0, 1]
    assert abs(scores - rho) <= 5 * (1 - rho**2) / math.sqrt(n)
