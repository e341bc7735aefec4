"""Each law of a rate limit is a loss system when refused requests do not come back."""

import math

import pytest

from sim.engine.system import Limit
from tests.theory import formulas
from tests.theory.replays import assert_agrees, endpoint, means, poisson, replay

COUNT = 800_000


def refused(deployment, rate, seed):
    log = replay(deployment, poisson(rate, COUNT, seed)).log
    return means((log["outcome"] != 0).astype(float))


@pytest.mark.parametrize(("burst", "load"), [(1, 0.9), (3, 0.9), (5, 1.2), (10, 1.1)])
def test_a_token_bucket_is_m_d_1_k(burst, load):
    bucket = Limit("token_bucket", "requests", limit=60.0, window_s=60.0, burst=float(burst))
    assert_agrees(refused(endpoint(bucket), load, seed=burst), formulas.constant_service_loss(burst, load))


@pytest.mark.parametrize(("limit", "load"), [(1, 0.9), (10, 0.9), (30, 1.2)])
def test_a_sliding_window_is_erlang_b_in_accepted_requests(limit, load):
    window = Limit("sliding_window", "requests", limit=float(limit), window_s=10.0)
    assert_agrees(refused(endpoint(window), load * limit / 10, seed=limit), formulas.erlang_b(limit, load * limit))


@pytest.mark.parametrize(("limit", "load"), [(2, 0.8), (20, 1.0), (40, 1.3)])
def test_a_fixed_window_takes_the_first_of_each_window(limit, load):
    window = Limit("fixed_window", "requests", limit=float(limit), window_s=10.0)
    assert_agrees(refused(endpoint(window), load * limit / 10, seed=limit), formulas.window_loss(limit, load * limit))


@pytest.mark.parametrize(("limit", "load", "sigma"), [(1, 0.5, 0.0), (5, 0.8, 0.5), (20, 1.1, 1.0)])
def test_a_concurrency_limit_is_erlang_b(limit, load, sigma):
    """Whatever the distribution of the time in flight."""
    api = endpoint(Limit("concurrency", "requests", limit=float(limit)), ln_mean_s=-(sigma**2) / 2, ln_sigma=sigma)
    mean_s = math.exp(-(sigma**2) / 2 + sigma**2 / 2)
    assert_agrees(refused(api, load * limit, seed=limit), formulas.erlang_b(limit, load * limit * mean_s))
