"""What follows from facts: recommendation, what to relax, what would change it, training, traffic at the volume that is needed."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sim.catalog.yaml_document import parse_documents
from sim.decision.decide import Decision, decide
from sim.decision.facts import Quality, Quantiles
from sim.decision.needs import needs_of
from sim.decision.needs_parts import Volume
from sim.decision.recommendation import recommend
from sim.decision.training import training_cost, training_defaults
from sim.decision.volume import at_volume
from sim.errors import InputError
from sim.report.plain_data import plain_data
from sim.trace.trace import from_table
from tests.made.decisions import CATALOG, facts

FAST, SLOW = Quantiles(0.2, 0.4, 0.5), Quantiles(0.5, 1.5, 2.0)


def decided(text: str, *every: object) -> Decision:
    file = needs_of(parse_documents(text, "needs.yaml")[0], "needs", CATALOG)
    return decide(file, every, (), {}, catalog=CATALOG, seed=0)  # type: ignore[arg-type]


def test_the_probability_is_the_share_of_futures_in_which_it_is_the_best() -> None:
    """Two strategies that differ in cost alone: the cheaper one of a future is the best in it."""
    usd = np.array([100.0, 100.0, 100.0, 100.0])
    other = np.array([200.0, 200.0, 150.0, 50.0])
    found = decided("weights: {budget: 1}", facts("api-first", usd), facts("multi-vendor", other)).recommendation
    assert found is not None
    assert (found.strategy, found.probability, found.runner_up, found.runner_up_probability) == ("api-first", 0.75, "multi-vendor", 0.25)
    assert found.saves_usd is not None
    assert found.saves_usd.mean == pytest.approx((other - usd).mean())
    assert found.payback is None
    assert found.p_cheapest == {"api-first": 0.75, "multi-vendor": 0.25}


def test_payback_is_of_what_is_dearer_to_start() -> None:
    """100 and then 10 a month, against 50 a month: 100 + 10 k < 50 (k + 1) from k = 2 on, the third month."""
    own = facts("self-hosted", tco_usd_by_month=np.array([[100.0, 10, 10, 10]] * 3))
    other = facts("api-first", tco_usd_by_month=np.full((3, 4), 50.0))
    found = recommend([own, other], {"self-hosted": 1.0, "api-first": 0.0}, unknown={}, futures=3)
    assert found is not None
    assert found.payback is not None
    assert (found.payback.p50, found.payback.share) == (3, 1.0)


def test_ties_go_to_the_cheaper_and_nothing_to_nothing() -> None:
    cheap, dear = facts("multi-vendor", 100.0), facts("api-first", 200.0)
    found = recommend([dear, cheap], {"api-first": 0.5, "multi-vendor": 0.5}, unknown={}, futures=1)
    assert found is not None
    assert found.passing == ("multi-vendor", "api-first")
    assert recommend([], {}, unknown={}, futures=1) is None


def test_only_what_passes_is_recommended() -> None:
    """The cheapest fails a latency, the next is ruled out by a gate: the dearest is left, alone."""
    text = "latency: {ttft_p95: 500ms}\ndata: {sensitivity: pii, terms_needed: dpa}\nterms: {openai: [dpa], anthropic: []}"
    found = decided(
        text, facts("self-hosted", 100.0, ttft=SLOW), facts("api-first", 200.0, ttft=FAST), facts("on-premises", 300.0, ttft=FAST)
    )
    assert found.recommendation is not None
    assert found.recommendation.strategy == "on-premises"
    assert (found.recommendation.probability, found.recommendation.runner_up) == (1.0, None)
    relax = {each.strategy: each for each in found.relax}
    assert list(relax) == ["api-first", "self-hosted"] or list(relax) == ["self-hosted", "api-first"]
    (missed,) = relax["self-hosted"].missed
    assert (missed.key, missed.limit, missed.needed) == ("ttft_p95", 0.5, 1.5)
    assert missed.by_share == pytest.approx(2.0)
    assert [change.path for change in relax["api-first"].changes] == [("terms", "anthropic")]


def test_where_nothing_passes_the_least_is_relaxed_first() -> None:
    text = "latency: {ttft_p95: 100ms, ttft_p99: 1s}"
    found = decided(text, facts("self-hosted", 100.0, ttft=SLOW), facts("on-premises", 300.0, ttft=FAST))
    assert found.recommendation is None
    assert found.weighted is None
    assert found.would_change == ()
    assert found.triggers is None
    assert [each.strategy for each in found.relax] == ["on-premises", "self-hosted"]
    assert [each.key for each in found.relax[1].missed] == ["ttft_p95", "ttft_p99"]


def test_what_is_not_known_is_told_and_rules_nothing_out() -> None:
    known, unknown = Quality(0.9, 0.87, 0.92, 500, "ours"), None
    text = "accuracy: {target: 85%}\nweights: {accuracy: 50, budget: 50}"
    found = decided(text, facts("api-first", 200.0, quality=known), facts("rag", 100.0, quality=unknown))
    assert found.recommendation is not None
    assert set(found.recommendation.passing) == {"api-first", "rag"}
    assert found.recommendation.strategy == "api-first"
    says = {each.what: each for each in found.would_change}
    assert says["score"].to == "rag"


def test_a_cheaper_one_that_fails_would_change_it() -> None:
    found = decided("latency: {ttft_p95: 1s}", facts("self-hosted", 100.0, ttft=SLOW), facts("on-premises", 300.0, ttft=FAST))
    (change,) = [each for each in found.would_change if each.what == "requirement"]
    assert change.to == "self-hosted"
    assert "1.5 in place of 1: self-hosted comes in, USD 200 cheaper" in change.says


def test_models_are_compared_with_the_best() -> None:
    text = "quality: {gpt-6-luna: {score: 0.8, n: 400}, gpt-6.1-sol: {score: 0.9, n: 400}, claude-haiku-5-5: {score: 0.85}}"
    found = decided(text, facts("api-first", 1.0)).quality
    assert [(each.a, each.b, each.better) for each in found] == [
        ("gpt-6.1-sol", "claude-haiku-5-5", "unknown"), ("gpt-6.1-sol", "gpt-6-luna", "a"),
    ]  # fmt: skip


def test_training_is_spread_over_its_months_and_engineers_over_all() -> None:
    found = training_cost("from_scratch", futures=4000, months=120, seed=0, catalog=CATALOG)
    effort = training_defaults(CATALOG).from_scratch
    whole = found.compute_usd.sum(axis=1)
    for p, wanted in ((0.05, effort.compute_usd.p5), (0.5, math.sqrt(5e5 * 5e6)), (0.95, effort.compute_usd.p95)):
        assert np.quantile(whole, p) == pytest.approx(wanted, rel=0.08)
    last = np.ceil(found.months).astype(int)
    assert all(not row[at:].any() for row, at in zip(found.compute_usd, last, strict=True))
    assert np.ptp(found.people_usd, axis=1) == pytest.approx(0)
    again = training_cost("from_scratch", futures=4000, months=12, seed=0, catalog=CATALOG)
    np.testing.assert_array_equal(again.compute_usd, found.compute_usd[:, :12])


def test_traffic_is_thinned_or_grown_to_the_volume() -> None:
    import pyarrow as pa

    rows, day = 4000, 86_400.0
    table = pa.table(
        {
            "arrival_s": np.arange(rows) * day / rows,
            "prompt_tokens": pa.array(np.full(rows, 90), pa.int32()),
            "output_tokens": pa.array(np.full(rows, 10), pa.int32()),
        }
    )
    trace = from_table(table, "made.parquet")
    monthly = 100 * rows * 730 * 3600 / trace.info.duration_s
    less, said = at_volume(trace, Volume(tokens_per_month=monthly / 4), monthly)
    # Each stays with probability 1/4: four standard errors of a binomial share.
    assert less.info.rows == pytest.approx(rows / 4, abs=4 * math.sqrt(rows * 0.25 * 0.75))
    assert "thinned to" in said
    more, said = at_volume(trace, Volume(requests_per_month=2 * monthly / 100), monthly)
    assert more.info.rows == pytest.approx(2 * rows, rel=0.05)
    assert "grown to" in said
    assert at_volume(trace, Volume(), monthly) == (trace, "")
    assert at_volume(trace, Volume(tokens_per_month=monthly), monthly) == (trace, "")
    with pytest.raises(InputError):
        at_volume(trace, Volume(requests_per_month=1e12), monthly)


def test_plain_data_has_no_arrays_and_no_nan() -> None:
    assert plain_data({"a": (1, math.nan, np.float64(2.0)), "b": np.zeros(3)}) == {"a": [1, None, 2.0]}
    assert plain_data(facts("api-first")) == "api-first"
    with pytest.raises(TypeError):
        plain_data(object())
