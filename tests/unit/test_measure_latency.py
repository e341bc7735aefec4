"""Latencies from log buckets: quantiles within half a percent of the values themselves, exact maxima, parts that merge."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.engine.result import HIST_BUCKETS, HIST_GROWTH, HIST_MIN_S
from sim.measure.histogram import QUANTILES, quantile_s
from sim.measure.latency import ALL, latency, latency_quantile, latency_table
from tests.made.result import add_latencies, empty_result

latencies = st.lists(st.floats(min_value=2 * HIST_MIN_S, max_value=1e5), min_size=1, max_size=200)


@given(latencies, st.sampled_from([0.0, 0.25, *QUANTILES, 0.999, 1.0]))
def test_a_quantile_is_within_half_a_percent_of_the_value(values: list[float], q: float) -> None:
    result = empty_result()
    add_latencies(result, "ttft", values)
    exact = float(np.quantile(values, q, method="inverted_cdf"))
    found = quantile_s(result.histogram[0, 0, 0], q, max(values))
    assert found == pytest.approx(exact, rel=0.005)
    assert found is not None and found <= max(values)


@given(latencies)
def test_quantiles_do_not_fall_and_the_maximum_and_mean_are_exact(values: list[float]) -> None:
    result = empty_result()
    add_latencies(result, "e2e", values)
    found = latency(result, "e2e")
    assert found.count == len(values)
    assert found.p50 is not None and found.p90 is not None and found.p95 is not None and found.p99 is not None
    assert found.p50 <= found.p90 <= found.p95 <= found.p99 <= max(values)
    assert found.max == max(values)
    assert found.mean == pytest.approx(np.mean(values), rel=1e-4)


def test_half_a_percent_is_what_the_buckets_allow() -> None:
    assert HIST_GROWTH**0.5 - 1 < 0.005


def test_a_whole_share_does_not_ask_for_one_value_more() -> None:
    result = empty_result()
    add_latencies(result, "ttft", [1.0] * 95 + [9.0] * 5)
    assert latency_quantile(result, "ttft", 0.95) == pytest.approx(1.0, rel=0.005)
    assert latency_quantile(result, "ttft", 0.951) == pytest.approx(9.0, rel=0.005)


def test_nothing_completed_has_no_latency() -> None:
    found = latency(empty_result(), "tpot")
    assert (found.count, found.mean, found.p50, found.p99, found.max) == (0, None, None, None, None)


def test_below_and_beyond_the_buckets() -> None:
    counts = np.zeros(HIST_BUCKETS, np.int64)
    counts[0], counts[-1] = 3, 2
    assert quantile_s(counts, 0.5, 2e9) == HIST_MIN_S / 2
    assert quantile_s(counts, 0.75, 2e9) == 2e9
    counts[-1] = 0
    assert quantile_s(counts, 0.5, 0.0) == 0.0


def test_parts_merge_to_the_whole() -> None:
    random = np.random.default_rng(5)
    result = empty_result(deployments=2, classes=2)
    parts = {(d, k): list(random.lognormal(d - k, 1.0, 50 + 30 * d + 10 * k)) for d in range(2) for k in range(2)}
    for (d, k), values in parts.items():
        add_latencies(result, "ttft", values, d, k)
    groups = {
        (ALL, ALL): [(0, 0), (0, 1), (1, 0), (1, 1)],
        (ALL, "b"): [(0, 1), (1, 1)],
        ("y", ALL): [(1, 0), (1, 1)],
        ("x", "b"): [(0, 1)],
    }
    rows = {(row.deployment, row.class_name): row.spread for row in latency_table(result, ["x", "y"], ["a", "b"]) if row.metric == "ttft"}
    for group, members in groups.items():
        values = [value for member in members for value in parts[member]]
        assert rows[group].count == len(values)
        assert rows[group].max == max(values)
        for q, found in zip(QUANTILES, (rows[group].p50, rows[group].p90, rows[group].p95, rows[group].p99), strict=True):
            assert found == pytest.approx(float(np.quantile(values, q, method="inverted_cdf")), rel=0.005)


def test_groups_without_requests_are_left_out() -> None:
    result = empty_result(deployments=2)
    add_latencies(result, "ttft", [1.0], 1)
    rows = [(row.metric, row.deployment, row.class_name) for row in latency_table(result, ["x", "y"], ["default"])]
    assert ("ttft", "x", ALL) not in rows
    assert ("ttft", "y", "default") in rows
    assert [row for row in rows if row[0] == "tpot"] == [("tpot", ALL, ALL)]
