"""A replica is a queue: with suitable step times and lengths it is one that theory has solved."""

import numpy as np
import pytest

from tests.theory import formulas
from tests.theory.replays import assert_agrees, constant_step, geometric, means, one_replica, poisson, replay


def in_system(log):
    return log["finish_s"] - log["arrival_s"]


def waited(log, step_s):
    """Time until the first step began."""
    return log["first_token_s"] - log["arrival_s"] - step_s


@pytest.mark.parametrize(("servers", "load", "count"), [(1, 0.6, 1_000_000), (3, 0.7, 1_200_000), (8, 0.75, 3_000_000)])
def test_m_m_c(servers, load, count):
    """Constant steps, geometric lengths, max_num_seqs = c: service is exponential up to the length of a step."""
    step_s = 1 / 512
    arrivals = poisson(load * servers, count, seed=servers)
    log = replay(one_replica(constant_step(step_s), servers), arrivals, geometric(512, count, seed=servers)).log
    assert_agrees(means(waited(log, step_s)), formulas.erlang_c_wait(servers, load * servers, 1.0))


def test_m_m_c_in_coarse_steps():
    """The same with steps a quarter of a service: the chain of numbers at the starts of steps says what that costs."""
    step_s, servers, count = 0.25, 4, 400_000
    arrivals = poisson(2.8, count, seed=11)
    log = replay(one_replica(constant_step(step_s), servers), arrivals, geometric(4, count, seed=11)).log
    assert_agrees(means(in_system(log)), formulas.stepwise_sojourn(servers, 2.8, step_s, 0.25))


@pytest.mark.parametrize("load", [0.5, 0.7])
def test_m_d_1(load):
    log = replay(one_replica(constant_step(1.0), 1), poisson(load, 400_000, seed=21)).log
    assert_agrees(means(waited(log, 1.0)), formulas.pollaczek_khinchine(load, 1.0, 1.0))


def test_m_g_1():
    """Lengths of 1 or 9 tokens."""
    count = 600_000
    lengths = np.random.default_rng(31).choice([1, 9], count, p=[0.75, 0.25])
    step_s = 1 / 3
    log = replay(one_replica(constant_step(step_s), 1), poisson(0.5, count, seed=31), lengths).log
    assert_agrees(means(waited(log, step_s)), formulas.pollaczek_khinchine(0.5, 1.0, (0.75 * 1 + 0.25 * 81) / 9))


@pytest.mark.parametrize("lengths", ["constant", "geometric", "rare and long"])
@pytest.mark.parametrize("load", [0.5, 0.7])
def test_processor_sharing(lengths, load):
    """A step time proportional to the batch shares the processor; the mean time does not depend on the distribution of lengths."""
    count, mean = 500_000, 512
    drawn = {
        "constant": np.full(count, mean),
        "geometric": geometric(mean, count, seed=41),
        "rare and long": np.random.default_rng(41).choice([mean // 2, mean * 3], count, p=[0.8, 0.2]),
    }[lengths]
    step = constant_step(0.0).__class__(0.0, (1.0,), (0.0,), o_s=1 / mean)
    log = replay(one_replica(step, 1 << 20), poisson(load, count, seed=42), drawn).log
    assert_agrees(means(in_system(log)), 1 / (1 - load))


@pytest.mark.parametrize(("servers", "load", "waiting"), [(1, 0.9, 4), (2, 1.2, 6)])
def test_a_queue_limit_is_m_m_c_k(servers, load, waiting):
    count = 400_000
    arrivals = poisson(load * servers, count, seed=51)
    pool = one_replica(constant_step(1 / 512), servers, queue_limit=waiting)
    log = replay(pool, arrivals, geometric(512, count, seed=51)).log
    refused = (log["outcome"] != 0).astype(float)
    assert_agrees(means(refused), formulas.finite_queue_loss(servers, servers + waiting, load * servers))


@pytest.mark.parametrize(("servers", "load", "patience_s"), [(1, 0.8, 1.0), (4, 1.1, 0.5)])
def test_a_queue_time_out_is_erlang_a_with_constant_patience(servers, load, patience_s):
    count = 400_000
    arrivals = poisson(load * servers, count, seed=61)
    pool = one_replica(constant_step(1 / 512), servers, queue_timeout_s=patience_s)
    log = replay(pool, arrivals, geometric(512, count, seed=61)).log
    left = (log["outcome"] != 0).astype(float)
    assert_agrees(means(left), formulas.abandonment(servers, load * servers, 1.0, patience_s))


def test_bursts_are_mmpp_m_1():
    """Two phases of arrivals, one busier than the server can serve."""
    rates, switching, seconds = (0.3, 1.5), (0.25, 0.75), 2_400_000
    rng = np.random.default_rng(71)
    phases = seconds // 2
    starts = np.cumsum(np.stack([rng.exponential(1 / switching[0], phases), rng.exponential(1 / switching[1], phases)], 1).ravel())
    starts = np.concatenate([[0.0], starts[starts < seconds]])
    ends = np.append(starts[1:], seconds)
    counts = rng.poisson((ends - starts) * np.array(rates)[np.arange(len(starts)) % 2])
    arrivals = np.sort(np.repeat(starts, counts) + rng.random(counts.sum()) * np.repeat(ends - starts, counts))
    step_s = 1 / 512
    log = replay(one_replica(constant_step(step_s), 1), arrivals, geometric(512, len(arrivals), seed=71)).log
    assert_agrees(means(waited(log, step_s)), formulas.modulated_wait(rates, switching, 1.0))
