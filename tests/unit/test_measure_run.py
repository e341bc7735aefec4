"""Outcomes, use of deployments, replicas over time, goodput and service levels, from Results put together by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.engine.result import Life
from sim.engine.system import Api
from sim.measure.fleet import fleet
from sim.measure.outcome import outcomes
from sim.measure.slo import Slo, good_share, goodput_per_s, verdict
from sim.measure.use import use
from tests.made.result import add_latencies, add_outcomes, empty_result, pool, stood


def test_outcomes_and_shares() -> None:
    result = empty_result(deployments=2)
    add_outcomes(result, "completed", 90, 0)
    add_outcomes(result, "completed", 6, 1)
    add_outcomes(result, "rejected", 3, 1, reason="rate_limited")
    add_outcomes(result, "timed_out", 1, 2, reason="queue_timeout")
    result.counters["fallback_completed"][1] = 6
    result.counters["throttled"][1] = 12
    result.counters["attempts"][:] = (95, 25)
    found = outcomes(result)
    assert (found.total, found.completed, found.rejected, found.timed_out, found.failed, found.unfinished) == (100, 96, 3, 1, 0, 0)
    assert found.reasons == {"rate_limited": 3, "queue_timeout": 1}
    assert found.completed_share == 0.96
    assert found.fallback_share == 6 / 96
    assert found.throttled_share == 12 / 120


def test_an_empty_run_has_no_shares() -> None:
    found = outcomes(empty_result())
    assert (found.completed_share, found.fallback_share, found.throttled_share) == (None, None, None)


def test_a_lost_request_is_a_bug() -> None:
    result = empty_result()
    add_outcomes(result, "completed", 499)
    result.total = 500
    with pytest.raises(AssertionError, match="499 outcomes of 500"):
        outcomes(result)


def test_use_of_a_pool() -> None:
    result = empty_result(window_s=1000.0)
    own = pool(gpus_per_replica=4)  # 100 blocks of 16 tokens
    stood(result, 0, 0.0, 1000.0)
    stood(result, 0, 500.0, 1500.0, replica=1, ready_s=600.0)
    result.busy_s[0], result.sequence_s[0], result.kv_token_s[0] = 750.0, 3000.0, 480_000.0
    result.tokens[0, 0, :, 0, 0] = (5000, 3000, 2000)
    result.counters["hit_tokens"][0], result.counters["queried_tokens"][0] = 3000, 9000
    result.met_slo[0, 0] = 50
    found = use(result, own, 0)
    assert found.kind == "gpu"
    assert found.busy_share == 750 / 1500
    assert found.mean_batch == 3000 / 750
    assert found.occupancy == 480_000 / (1600 * 1500)
    assert found.prefix_hit_share == 3000 / 9000
    assert (found.input_tokens_per_s, found.output_tokens_per_s, found.goodput_per_s) == (8.0, 2.0, 0.05)
    assert found.replica_hours == 1500 / 3600
    assert found.gpu_hours == 4 * 1500 / 3600
    assert found.ready_replicas == (1000 + 400) / 1000


def test_an_api_has_no_replicas() -> None:
    found = use(empty_result(), Api("vendor", vendor=0), 0)
    assert found.kind == "api"
    assert (found.busy_share, found.occupancy, found.mean_batch, found.replica_hours, found.gpu_hours) == (None,) * 5


def test_a_run_without_duration_has_no_rates() -> None:
    result = empty_result(window_s=0.0)
    result.tokens[0, 0, 0, 0, 0] = 100
    found = use(result, pool(), 0)
    assert (found.input_tokens_per_s, found.busy_share, found.ready_replicas) == (None, None, None)
    assert goodput_per_s(result) is None
    assert fleet(result.lives, 0, 0.0).parts == ()


def test_replicas_over_time() -> None:
    lives = [
        Life(0, 0, 0.0, 0.0, 100.0, "running"),
        Life(0, 1, 20.0, 30.0, 70.0, "scaled_down"),
        Life(0, 2, 50.0, math.nan, 60.0, "scaled_down"),  # never ready
        Life(1, 0, 0.0, 0.0, 100.0, "running"),
    ]
    found = fleet(lives, 0, 100.0, parts=4)
    assert (found.least, found.most, found.present_most) == (1, 2, 3)
    assert found.parts == pytest.approx((1.0, 1.8, 1.8, 1.0))


def test_a_pool_that_starts_from_none_has_been_at_none() -> None:
    found = fleet([Life(0, 0, 10.0, 40.0, 100.0, "running")], 0, 100.0, parts=2)
    assert (found.least, found.most) == (0, 1)
    assert found.parts == pytest.approx((0.2, 1.0))
    assert fleet([], 0, 100.0).most == 0


spans = st.lists(st.tuples(st.integers(0, 200), st.integers(0, 50), st.integers(0, 200)), max_size=12)


@given(spans, st.integers(1, 40))
def test_parts_add_up_to_ready_time(found: list[tuple[int, int, int]], parts: int) -> None:
    lives = [Life(0, i, float(a), float(a + b), float(a + b + c), "scaled_down") for i, (a, b, c) in enumerate(found)]
    window = 128.0
    ready = sum(max(0.0, min(life.end_s, window) - min(life.ready_s, window)) for life in lives)
    seen = fleet(lives, 0, window, parts)
    assert sum(seen.parts) * window / parts == pytest.approx(ready, abs=1e-6)
    assert seen.least <= min(seen.parts) + 1e-9 and max(seen.parts) <= seen.most + 1e-9
    times = np.arange(0, 128) + 0.5
    counts = [sum(life.ready_s <= at < life.end_s for life in lives) for at in times]
    assert (seen.least, seen.most) == (min(counts), max(counts))


def test_service_levels() -> None:
    result = empty_result(window_s=50.0)
    add_outcomes(result, "completed", 199)
    add_outcomes(result, "failed", 1, reason="api_error")
    add_latencies(result, "ttft", [0.5] * 190 + [4.0] * 9)
    add_latencies(result, "tpot", [0.02] * 150 + [0.08] * 49)
    result.met_slo[0, 0] = 140
    ttft, tpot, completed = verdict(result, Slo())
    assert (ttft.name, ttft.limit, ttft.met) == ("ttft_p95", 3.0, True)
    assert (tpot.name, tpot.limit, tpot.met) == ("tpot_p95", 0.05, False)
    assert tpot.measured == pytest.approx(0.08, rel=0.005)
    assert (completed.name, completed.measured, completed.met) == ("completed", 199 / 200, True)
    assert goodput_per_s(result) == 140 / 50


def test_nobody_waits_for_a_batch_lane() -> None:
    result = empty_result(deployments=2, window_s=50.0)
    add_outcomes(result, "completed", 10)
    add_outcomes(result, "completed", 90, 1)
    add_latencies(result, "ttft", [0.5] * 10)
    add_latencies(result, "ttft", [3600.0] * 90, 1)
    result.met_slo[:, 0] = (8, 3)
    assert [level.met for level in verdict(result, Slo())] == [False, True, True]
    ttft, _, completed = verdict(result, Slo(), lanes=[1])
    assert ttft.met and ttft.measured == pytest.approx(0.5, rel=0.005)
    assert completed.measured == 1.0, "a request of a lane must complete like any other"
    assert (goodput_per_s(result, [1]), good_share(result, [1])) == (8 / 50, 8 / 10)
    assert good_share(result, [0, 1]) is None, "nothing is held to the levels"


def test_levels_without_anything_to_measure() -> None:
    result = empty_result()
    add_outcomes(result, "completed", 10)
    add_latencies(result, "ttft", [0.1] * 10)
    assert [level.met for level in verdict(result, Slo())] == [True, True, True]  # answers of one token have no TPOT
    refused = empty_result()
    add_outcomes(refused, "rejected", 10, 1, reason="no_route")
    assert [level.met for level in verdict(refused, Slo())] == [False, False, False]


def test_a_quantile_of_ones_own_is_named() -> None:
    levels = verdict(empty_result(), Slo(ttft_quantile=0.999))
    assert levels[0].name == "ttft_p99.9"
