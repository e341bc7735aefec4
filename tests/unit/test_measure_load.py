"""Load against the simulated saturation point: against queueing theory, against scaling of time, and against its own definition."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from sim.engine.run import simulate
from sim.engine.system import Api, Limit, Pool, Replica, Rule, StepTime, System, Target
from sim.measure.load import Saturation, api_load, pool_load, saturation
from sim.measure.mix import Mix, MixSampler, fits, taken_share
from sim.measure.slo import Slo
from sim.trace.trace import Trace
from tests.made.result import empty_result, pool, stood, system

ANY = 1e9
"""A limit that never binds."""


def trace_of(prompt: object, output: object, **columns: object) -> Trace:
    return Trace.from_arrays(arrival_s=np.arange(len(prompt)) * 0.1, prompt_tokens=prompt, output_tokens=output, **columns)


def mix_of(trace: Trace, deployment: Pool) -> Mix:
    sampler = MixSampler(system(deployment))
    for chunk in trace.chunks():
        sampler.add(chunk)
    mix = sampler.mix(0)
    assert mix is not None
    return mix


def one_at_a_time(step_s: float) -> Pool:
    """A replica that serves one request at a time, a token a step: a single server."""
    return Pool("own", Replica(StepTime(step_s, (1.0,), (0.0,)), blocks=100_000, max_num_seqs=1), 1, 1)


def test_saturation_of_a_single_server_is_that_of_the_theory() -> None:
    # M/M/1: P(wait > t) = rho exp(-(mu - lambda) t). Lengths are geometric, the step constant: service is exponential but for the grid.
    mean_tokens, step_s, limit_s = 50.0, 0.02, 20.0
    lengths = np.random.default_rng(3).geometric(1 / mean_tokens, 8000)
    trace = trace_of(np.ones(8000, int), lengths)
    deployment = one_at_a_time(step_s)
    rate = 1 / (lengths.mean() * step_s)
    low, high = 0.0, rate
    while high - low > 1e-6:
        middle = (low + high) / 2
        exceeds = middle / rate * math.exp(-(rate - middle) * (limit_s - step_s)) > 0.05
        low, high = (low, middle) if exceeds else (middle, high)
    slo = Slo(ttft_s=limit_s, tpot_s=ANY)
    found = [saturation(deployment, mix_of(trace, deployment), trace, slo, seed=seed, simulate=simulate) for seed in range(8)]
    rates = np.array([each.requests_per_s for each in found], float)
    assert abs(rates.mean() - low) <= 4 * rates.std(ddof=1) / math.sqrt(len(rates)) + 0.01 * low
    assert rates.std(ddof=1) < 0.08 * low
    assert [each.throughput_per_s for each in found] == pytest.approx([rate] * 8, rel=0.08)


def batching() -> Pool:
    step = StepTime(0.01, (1.0, 512.0, 8192.0), (0.010, 0.014, 0.30), 1e-4, 1e-8, 1e-10)
    return Pool("own", Replica(step, blocks=4000, max_num_seqs=64, max_num_batched_tokens=2048), 2, 2)


def lengths(count: int = 3000) -> Trace:
    random = np.random.default_rng(11)
    return trace_of(random.integers(50, 1500, count), random.geometric(1 / 120, count))


def test_time_has_no_scale() -> None:
    slow = replace(
        batching(), replica=replace(batching().replica, step=StepTime(0.02, (1.0, 512.0, 8192.0), (0.02, 0.028, 0.6), 2e-4, 2e-8, 2e-10))
    )
    slo, twice = Slo(ttft_s=2.0, tpot_s=0.04), Slo(ttft_s=4.0, tpot_s=0.08)
    trace = lengths()
    fast = saturation(batching(), mix_of(trace, batching()), trace, slo, seed=4, simulate=simulate)
    half = saturation(slow, mix_of(trace, slow), trace, twice, seed=4, simulate=simulate)
    assert fast.requests_per_s is not None
    assert half.requests_per_s == pytest.approx(fast.requests_per_s / 2, rel=0.03)


def test_a_wider_level_carries_more_and_never_more_than_the_throughput() -> None:
    trace = lengths()
    found = [
        saturation(batching(), mix_of(trace, batching()), trace, Slo(ttft_s=2.0, tpot_s=tpot), seed=1, simulate=simulate)
        for tpot in (0.025, 0.03, 0.05, ANY)
    ]
    rates = [each.requests_per_s or 0.0 for each in found]
    assert rates == sorted(rates) and rates[0] < rates[-1]
    assert all(each.requests_per_s is None or each.requests_per_s <= each.throughput_per_s for each in found)


def test_at_the_rate_found_the_level_holds_and_a_tenth_above_it_does_not() -> None:
    trace, slo = lengths(), Slo(ttft_s=1.0, tpot_s=0.03)
    found = saturation(batching(), mix_of(trace, batching()), trace, slo, seed=1, simulate=simulate).requests_per_s
    assert found is not None
    one = replace(batching(), replicas=1, initial_replicas=1)

    def p95(rate: float) -> float:
        random = np.random.default_rng(77)
        rows = np.concatenate([np.arange(3000)] * 4)
        chunk = next(trace.chunks())
        fed = Trace.from_arrays(
            arrival_s=np.cumsum(random.exponential(1 / rate, len(rows))),
            prompt_tokens=chunk.prompt_tokens[rows],
            output_tokens=chunk.output_tokens[rows],
        )
        log = simulate(system(one), fed, log=True).log
        assert log is not None
        log = log[log["output_tokens"] > 1]
        return float(np.quantile((log["finish_s"] - log["first_token_s"]) / (log["output_tokens"] - 1), 0.95))

    assert p95(found * 0.93) <= slo.tpot_s < p95(found * 1.1)


def test_a_level_that_even_an_idle_replica_misses_has_no_load() -> None:
    trace = lengths()
    found = saturation(batching(), mix_of(trace, batching()), trace, Slo(tpot_s=0.001), seed=1, simulate=simulate)
    assert found.requests_per_s is None and found.throughput_per_s > 0
    assert pool_load(empty_result(), 0, found).mean is None


def test_the_same_seed_finds_the_same() -> None:
    trace = lengths(500)
    first, second = (saturation(batching(), mix_of(trace, batching()), trace, Slo(), seed=9, simulate=simulate) for _ in range(2))
    assert first == second


def test_load_counts_what_was_offered_a_ready_replica() -> None:
    result = empty_result(window_s=600.0)
    stood(result, 0, 0.0, 600.0)
    stood(result, 0, 300.0, 600.0, replica=1)
    result.counters["attempts"][0], result.counters["retries"][0], result.counters["spilled"][0] = 1000, 100, 300
    result.timeline[:, 0, 0] = [10] * 5 + [300] * 5  # arrivals
    result.timeline[:, 0, 5] = [1] * 5 + [2] * 5  # ready
    load = pool_load(result, 0, Saturation(2.0, 4.0))
    assert load.mean == (1000 - 100 + 300) / (2.0 * 900)
    assert load.peak == 5 * 300 / (2.0 * 5 * 2 * 60)
    assert load.saturation_per_s == 2.0
    # what the rules send here counts where it is more: all of 2,000, most of it in the first five minutes
    mix = Mix(next(lengths(10).chunks()), np.array([1900.0, 100.0]))
    load = pool_load(result, 0, Saturation(2.0, 4.0), mix)
    assert load.mean == 2000 / (2.0 * 900)
    assert load.peak == 1900 / (2.0 * 300)


def test_an_interval_that_the_end_cuts_short_carries_less() -> None:
    result = empty_result(window_s=90.0)
    stood(result, 0, 0.0, 90.0)
    result.counters["attempts"][0] = 180
    result.timeline[:, 0, 0] = [120, 60]
    result.timeline[:, 0, 5] = 1
    load = pool_load(result, 0, Saturation(2.0, 4.0))
    assert load.mean == load.peak == 180 / (2.0 * 90)


def test_load_of_an_api_is_that_of_its_tightest_limit() -> None:
    limits = (
        Limit("token_bucket", "requests", 60, window_s=60, burst=10),
        Limit("fixed_window", "input_tokens", 10_000, window_s=60, counts_cached=False),
        Limit("concurrency", "requests", 1),
        Limit("fixed_window", "usd", 1, window_s=60),
    )
    result = empty_result(window_s=600.0)
    result.counters["attempts"][0], result.counters["retries"][0] = 500, 200
    result.api_requests[0, 0, 0] = 150
    result.tokens[0, 0, :, 0, 0] = (60_000, 999_999, 10)
    # 300 offered of 600; 60,000 tokens of the 150 admitted are 120,000 of 300 offered, of 100,000
    assert api_load(result, Api("v", 0, limits=limits), 0).mean == 1.2
    assert api_load(result, Api("v", 0, limits=limits[:1]), 0).mean == 0.5
    assert api_load(result, Api("v", 0), 0).mean is None


def test_the_mix_follows_the_rules() -> None:
    trace = trace_of([10, 2000, 10, 2000], [5, 5, 5, 5], class_=["chat", "chat", "code", "code"])
    chunk = next(trace.chunks())
    a, b, c = pool("a"), pool("b"), pool("c")
    routed = System(
        (a, b, c), (Rule((Target(1),), classes=(1,)), Rule((Target(0), Target(2)), max_prompt_tokens=100, share=0.5), Rule((Target(0),)))
    )
    assert taken_share(routed, 0, chunk).tolist() == [1, 1, 0, 0]
    assert taken_share(routed, 1, chunk).tolist() == [0, 0, 1, 1]
    assert taken_share(routed, 2, chunk).tolist() == [0.5, 0, 0, 0]  # nowhere first: where it stands at all


def test_what_can_never_fit_is_no_part_of_the_mix() -> None:
    deployment = pool(replica=Replica(StepTime(0.01, (1.0,), (0.0,)), blocks=10, block_tokens=16, max_model_len=200))
    chunk = next(trace_of([100, 150, 161, 200, 300], [1, 12, 1, 1, 5]).chunks())
    # 10 blocks hold 160 tokens, prompt and all outputs but the last; at 150 + 12 one too many, as at 161
    assert fits(deployment, chunk).tolist() == [True, False, False, False, False]


@pytest.mark.parametrize("rows", [1, 7, 4000, 8001, 50_000])
def test_a_sample_is_spread_evenly_over_the_trace(rows: int) -> None:
    trace = trace_of(np.arange(rows) % 1000 + 1, np.ones(rows, int))
    deployment = one_at_a_time(0.01)
    sampler = MixSampler(system(deployment), wanted=1000)
    for chunk in trace.chunks(777):
        sampler.add(chunk)
    mix = sampler.mix(0)
    assert mix is not None and mix.offered is not None
    assert mix.offered.tolist() == np.bincount((np.arange(rows) * 0.1 // 300).astype(int)).tolist()
    assert min(rows, 1000) <= len(mix.rows) <= 2000
    gaps = np.diff(mix.rows.arrival_s)
    assert len(gaps) == 0 or gaps.max() == pytest.approx(gaps.min(), rel=1e-6)


def test_shared_prefixes_stay_together() -> None:
    rows = 40_000
    trace = trace_of(np.full(rows, 100), np.ones(rows, int), prefix_block_ids=[[i // 8, i] for i in range(rows)])
    deployment = one_at_a_time(0.01)
    deployment = replace(deployment, replica=replace(deployment.replica, prefix_caching="blocks"))
    sampler = MixSampler(system(deployment), wanted=4000)
    for chunk in trace.chunks(5000):
        sampler.add(chunk)
    mix = sampler.mix(0)
    assert mix is not None and 4000 <= len(mix.rows) <= 8000
    first = mix.rows.block_ids[mix.rows.block_offsets[:-1]]
    second = mix.rows.block_ids[mix.rows.block_offsets[:-1] + 1]
    assert (first == second // 8).all()
    assert np.mean(np.diff(second) == 1) > 0.99  # runs of consecutive requests


def test_an_unused_pool_has_no_mix() -> None:
    assert MixSampler(system(pool())).mix(0) is None
    assert MixSampler(system(Api("v", 0))).mix(0) is None
