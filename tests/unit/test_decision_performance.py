"""The performance requirements matrix: verdicts, how sure they are, the ranking of texts and one that does not depend on units."""

from __future__ import annotations

import math
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.decision.facts import Quality, Quantiles
from sim.decision.performance import (
    LEAST_ERROR,
    Measure,
    PerformanceMatrix,
    Profile,
    Requirement,
    Value,
    performance,
    performance_matrix,
    ranked,
    requirements_of,
    weighted_sum,
)
from tests.made.decisions import facts, needs


def profile(name: str, p50_ms: float, p99_ms: float, per_s: float, accuracy: float, usd: float) -> Profile:
    values = {
        "e2e_p50": Value(p50_ms / 1000), "e2e_p99": Value(p99_ms / 1000), "throughput_per_s": Value(per_s), "accuracy": Value(accuracy),
        "usd_per_1000_requests": Value(usd),
    }  # fmt: skip
    return Profile(name, MappingProxyType(values))


MODERATION = (
    profile("API-Large", 800, 3500, 50, 0.94, 2.00),
    profile("API-Small", 400, 1200, 200, 0.87, 0.20),
    profile("Fine-tuned-7B", 120, 250, 500, 0.91, 0.08),
    profile("Distilled-Tiny", 15, 35, 5000, 0.82, 0.01),
)
"""The content moderation of the seed."""
REAL_TIME: dict[str, Any] = {
    "latency": {"e2e_p99": "500ms"}, "throughput_per_s": 100, "accuracy": {"target": 0.85}, "usd_per_1000_requests": 1.0,
}  # fmt: skip


def matrix(said: dict[str, Any], profiles: tuple[Profile, ...] = MODERATION, **weights: float) -> PerformanceMatrix:
    return performance_matrix(requirements_of(needs(**said)), profiles, weights)  # type: ignore[arg-type]


def test_content_moderation_in_real_time_passes_the_tuned_model_alone() -> None:
    found = matrix(REAL_TIME)
    assert {row.strategy: row.of("fail") for row in found.rows} == {
        "API-Large": ("e2e_p99", "throughput_per_s", "usd_per_1000_requests"),
        "API-Small": ("e2e_p99",),
        "Fine-tuned-7B": (),
        "Distilled-Tiny": ("accuracy",),
    }
    assert found.passing == ("Fine-tuned-7B",)


def test_the_limit_on_cost_that_the_seed_computes_with_and_does_not_print_changes_nothing() -> None:
    # It prints "p99 < 500ms, throughput > 100 rps, accuracy > 0.85" and passes max_cost_per_1k = 1.0 besides.
    printed = {key: limit for key, limit in REAL_TIME.items() if key != "usd_per_1000_requests"}
    assert matrix(printed).passing == matrix(REAL_TIME).passing


def test_a_limit_that_is_just_met_is_met() -> None:
    # The seed prints < and >, and computes <= and >=.
    said = {"latency": {"e2e_p99": "250ms"}, "throughput_per_s": 500, "accuracy": {"target": 0.91}, "usd_per_1000_requests": 0.08}
    assert matrix(said, MODERATION[2:3]).rows[0].verdict == "pass"
    assert matrix({"accuracy": {"target": 0.910001}}, MODERATION[2:3]).rows[0].verdict == "fail"
    rounded = profile("x", 1, 1, 1, 199 / 200, 1)
    assert matrix({"accuracy": {"target": 0.995}}, (rounded,)).rows[0].verdict == "pass"


@pytest.mark.parametrize(
    ("low", "high", "verdict", "sure"),
    [
        (0.86, 0.95, "pass", True),
        (0.80, 0.95, "pass", False),
        (0.70, 0.84, "fail", True),
        (0.70, 0.90, "fail", False),
        (None, None, "pass", None),
    ],
)
def test_a_verdict_is_by_the_score_and_sure_by_its_interval(low: float | None, high: float | None, verdict: str, sure: bool | None) -> None:
    score = 0.9 if verdict == "pass" else 0.8
    one = Profile("a", {"accuracy": Value(score, low, high)})
    row = matrix({"accuracy": {"target": 0.85}}, (one,)).rows[0]
    assert (row.cells[0].verdict, row.cells[0].sure) == (verdict, sure)
    assert row.surely is (sure is not False)


def test_what_is_not_measured_is_unknown_and_neither_passes_nor_fails() -> None:
    found = matrix(REAL_TIME, (Profile("own", {"e2e_p99": Value(0.2)}), Profile("slow", {"e2e_p99": Value(0.9)})))
    own, slow = found.rows
    assert own.verdict == "unknown" and own.of("unknown") == ("throughput_per_s", "accuracy", "usd_per_1000_requests")
    assert not own.surely
    assert slow.verdict == "fail" and slow.surely
    assert found.passing == ("own",)
    assert all(each.rank is None and each.unknown == ("cost", "accuracy", "throughput") for each in found.ranking)


def test_every_requirement_of_the_needs_is_in_the_matrix() -> None:
    said = {
        **REAL_TIME, "completed": "99%",
        "latency": {f"{metric}_{edge}": 1 for metric in ("ttft", "tpot", "e2e") for edge in ("p50", "p95", "p99")},
    }  # fmt: skip
    found = requirements_of(needs(**said))
    assert len(found) == 9 + 4
    assert {each.key for each in found if each.better == "high"} == {"throughput_per_s", "completed", "accuracy"}
    assert requirements_of(needs()) == ()


def test_facts_are_what_is_held_against_the_requirements() -> None:
    one = facts(
        "api-first", ttft=Quantiles(0.1, 0.2, 0.3), e2e=Quantiles(1.0, 2.0, 3.0), usd_per_1000=[1.0, 2.0, 3.0], throughput_per_s=7.0,
        completed_share=0.99, quality=Quality(0.9, 0.8, 0.95, 100, "x"),
    )  # fmt: skip
    costed = facts("from-scratch", usd_per_1000=[1.0])
    found = performance(needs(**REAL_TIME), [one, costed])
    figures = found.rows[0].figures
    assert (figures["ttft_p95"].value, figures["e2e_p99"].value, figures["throughput_per_s"].value) == (0.2, 3.0, 7.0)
    assert figures["accuracy"] == Value(0.9, 0.8, 0.95)
    cost = figures["usd_per_1000_requests"]
    assert cost.low is not None and cost.high is not None and cost.low < cost.value < cost.high
    assert found.rows[1].verdict == "unknown"  # what is not served has no cost of 1,000 requests


# The ranking.


def seed_formula(latency: float, cost: float, accuracy: float, throughput: float, weights: dict[str, float]) -> float:
    return (
        weights.get("latency", 0) * latency + weights.get("cost", 0) * cost + weights.get("accuracy", 0) * (1 - accuracy) * 100
        + weights.get("throughput", 0) * (1000 / throughput)
    )  # fmt: skip


@given(
    st.floats(0.001, 10), st.floats(0.001, 10), st.floats(0, 0.99), st.floats(1, 5000),
    st.dictionaries(st.sampled_from(["latency", "cost", "accuracy", "throughput"]), st.floats(0, 5), min_size=1),
)  # fmt: skip
@settings(max_examples=40)
def test_the_sum_is_the_seeds_formula(latency: float, cost: float, accuracy: float, throughput: float, weights: dict[Any, float]) -> None:
    badness: dict[Measure, float] = {"latency": latency, "cost": cost, "accuracy": 1 - accuracy, "throughput": 1 / throughput}
    assert weighted_sum(badness, weights) == pytest.approx(seed_formula(latency, cost, accuracy, throughput, weights))


def test_ranks_of_the_seeds_formula_on_content_moderation() -> None:
    weights = {"latency": 0.4, "cost": 0.1, "accuracy": 0.4, "throughput": 0.1}
    found = matrix(REAL_TIME, **weights)
    said = {
        each.strategy: seed_formula(
            each.values["e2e_p99"].value, each.values["usd_per_1000_requests"].value, each.values["accuracy"].value,
            each.values["throughput_per_s"].value, weights,
        )
        for each in MODERATION
    }  # fmt: skip
    order = sorted(said, key=lambda name: said[name])
    assert [each.strategy for each in sorted(found.ranking, key=lambda each: each.sum_rank or 0)] == order
    assert {each.strategy: each.sum_score for each in found.ranking} == pytest.approx(said)


def test_the_geometric_mean_is_what_it_says() -> None:
    weights = {"latency": 2.0, "cost": 1.0, "accuracy": 1.0}
    found = matrix(REAL_TIME, **weights)
    ratios = {each.strategy: (each.values["e2e_p99"].value / 0.5, each.values["usd_per_1000_requests"].value / 1.0,
                              (1 - each.values["accuracy"].value) / 0.15) for each in MODERATION}  # fmt: skip
    for each in found.ranking:
        latency, cost, error = ratios[each.strategy]
        assert each.score == pytest.approx((latency**2 * cost * error) ** (1 / 4))
    assert [each.rank for each in found.ranking] == [1, 2, 3, 4]


def in_units(one: Profile, seconds: float, usd: float) -> Profile:
    """The same profile, its seconds and dollars in other units."""
    scale = {"e2e_p50": seconds, "e2e_p99": seconds, "usd_per_1000_requests": usd}
    return Profile(one.strategy, {key: Value(each.value * scale.get(key, 1.0)) for key, each in one.values.items()})


def test_the_sum_changes_its_mind_with_the_unit_and_the_mean_does_not() -> None:
    fast, cheap = profile("fast", 1, 400, 100, 0.9, 1.2), profile("cheap", 1, 900, 100, 0.9, 0.8)
    orders = []
    for usd in (1.0, 100.0):  # dollars, cents
        found = matrix({}, tuple(in_units(each, 1.0, usd) for each in (fast, cheap)), latency=1.0, cost=1.0)
        ranks = {each.strategy: each for each in found.ranking}
        orders.append((ranks["fast"].sum_rank, ranks["fast"].rank))
    assert orders == [(1, 1), (2, 1)]
    assert found.orders_differ


@given(
    st.lists(st.tuples(st.floats(1, 5000), st.floats(1, 5000), st.floats(0.5, 0.999), st.floats(0.01, 10)), min_size=2, max_size=5),
    st.floats(0.01, 1000), st.floats(0.01, 1000), st.booleans(),
)  # fmt: skip
@settings(max_examples=40)
def test_no_unit_and_no_limit_changes_the_ranking(rows: list[tuple[float, ...]], seconds: float, usd: float, limited: bool) -> None:
    profiles = tuple(profile(f"s{k}", 1, p99, per_s, accuracy, cost) for k, (p99, per_s, accuracy, cost) in enumerate(rows))
    other = performance_matrix(
        [Requirement("e2e_p99", 3.0, "low", "s"), Requirement("accuracy", 0.9, "high", "share")] if limited else [],
        [in_units(each, seconds, usd) for each in profiles],
        {},
    )
    scores = {each.strategy: each.score for each in matrix({}, profiles).ranking}
    found = {each.strategy: each.score for each in other.ranking}
    first = {name: (score or 0) / (found[name] or 1) for name, score in scores.items()}
    assert max(first.values()) == pytest.approx(min(first.values()), rel=1e-6)


def test_weights_are_shares_and_none_counts_all_alike() -> None:
    assert matrix({}, latency=3.0, cost=1.0).weights == {"latency": 0.75, "cost": 0.25, "accuracy": 0.0, "throughput": 0.0}
    assert set(matrix({}).weights.values()) == {0.25}
    assert matrix({}, latency=0.0).weights == matrix({}).weights


def test_an_unknown_figure_without_a_weight_does_not_matter() -> None:
    half = Profile("half", {"e2e_p99": Value(0.2), "usd_per_1000_requests": Value(0.0)})
    found = matrix({}, (*MODERATION, half), latency=1.0, cost=1.0)
    assert found.ranking[0].strategy == "half" and found.ranking[0].unknown == ()
    weighed = matrix({}, (*MODERATION, half), accuracy=1.0)
    assert weighed.ranking[-1].strategy == "half" and weighed.ranking[-1].rank is None


def test_extremes_rank_and_do_not_break() -> None:
    odd = (profile("perfect", 0, 0, 0, 1.0, 0), profile("plain", 1, 1, 1, 0.5, 1))
    found = matrix({"throughput_per_s": 0, "usd_per_1000_requests": 0}, odd)
    assert {each.strategy: each.rank for each in found.ranking} == {"plain": 1, "perfect": 2}  # it carries nothing
    assert math.isinf(found.ranking[1].score or 0)
    assert found.references["accuracy"] == LEAST_ERROR


def test_those_that_tie_share_a_rank() -> None:
    assert ranked({"a": 1.0, "b": 0.5, "c": 1.0 + 1e-13, "d": None, "e": 2.0}) == {"a": 2, "b": 1, "c": 2, "d": None, "e": 4}
