"""Advice on a decision: every check is provoked, and is silent where what it warns of is not there; figures are those of the facts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sim.decision.advice import CHECKS, advice, advice_case
from sim.decision.advice_case import Advice
from sim.decision.advice_defaults import cloud_defaults
from sim.decision.advice_money import usd_per_mtok
from sim.decision.clouds import clouds
from sim.decision.defaults_check import SCHEMAS, check_decision_defaults
from sim.decision.facts import StrategyFacts
from sim.decision.hidden_costs import hidden_costs
from sim.errors import InputError
from sim.report.decision_advice import advice_sections
from sim.report.section import as_text
from tests.made.advised import COVERED, facts, score, trained
from tests.made.decisions import BUNDLED, CATALOG, needs, strategy

MONTHS = 12


def found(*of: StrategyFacts, taken: str | None = None, **said: Any) -> dict[tuple[str, str], Advice]:
    name = of[0].name if taken is None else taken
    return {(each.code, each.strategy): each for each in advice(needs(**said), of, name, CATALOG)}


def codes(*of: StrategyFacts, taken: str | None = None, **said: Any) -> set[str]:
    return {code for code, _ in found(*of, taken=taken, **said)}


def figures(one: Advice) -> dict[str, float]:
    return {each.name: each.value for each in one.evidence}


def test_nothing_is_said_of_what_is_in_order() -> None:
    own = facts("self-hosted", 1000.0, lines={**COVERED, "people_ml": 100.0})
    assert found(own) == {}


def test_a_model_of_ones_own_where_an_api_meets_the_target() -> None:
    api = facts("api-first", 1000.0, quality=score(0.93))
    own = trained(usd=100_000.0)
    one = found(api, own, taken="from-scratch", accuracy={"target": 0.9})["scratch_where_an_api_would_do", "from-scratch"]
    assert one.severity == "stop"
    assert figures(one) == {"api_score": 0.93, "extra_tco": MONTHS * (100_000.0 - 1500.0), "later": 8.5}
    assert one.usd_at_stake == MONTHS * (100_000.0 - 1500.0)
    noted = found(api, own, taken="api-first", accuracy={"target": 0.9})["scratch_where_an_api_would_do", "from-scratch"]
    assert noted.severity == "note"


@pytest.mark.parametrize(("own", "told"), [(0.95, True), (0.9, True), (0.96, False), (None, False)])
def test_five_points_are_not_worth_a_model_of_ones_own(own: float | None, told: bool) -> None:
    api = facts("api-first", quality=score(0.9))
    made = trained(quality=None if own is None else score(own))
    assert ("scratch_where_an_api_would_do" in codes(api, made)) is told


def test_an_api_that_nobody_measured_suffices_for_nothing() -> None:
    assert "scratch_where_an_api_would_do" not in codes(facts("api-first"), trained(quality=score(0.5)))


@pytest.mark.parametrize(
    ("examples", "severity"), [(0, "stop"), (99, "stop"), (100, "warning"), (999, "warning"), (1000, None), (None, None)]
)
def test_too_few_examples(examples: int | None, severity: str | None) -> None:
    tuned, api = facts("vendor-fine-tune", 5000.0), facts("api-first", 1000.0)
    said: dict[str, Any] = {} if examples is None else {"data_available": {"examples": examples}}
    one = found(tuned, api, **said).get(("too_few_examples", "vendor-fine-tune"))
    assert (None if one is None else one.severity) == severity
    if one is not None:
        assert figures(one)["examples"] == examples
        assert one.usd_at_stake == MONTHS * 4000.0
        assert found(api, tuned, **said)["too_few_examples", "vendor-fine-tune"].severity == "note"


def test_few_examples_are_nobodys_concern_where_nothing_is_tuned() -> None:
    assert "too_few_examples" not in codes(facts("api-first"), data_available={"examples": 3})


def test_tuning_that_nobody_measures() -> None:
    tuned, api = facts("vendor-fine-tune"), facts("api-first")
    assert "no_before_after_evaluation" in codes(tuned, api)
    assert "no_before_after_evaluation" not in codes(tuned, api, agreed={"before_after": True})
    measured = facts("vendor-fine-tune", quality=score(0.9))
    assert "no_before_after_evaluation" in codes(measured, api)
    assert "no_before_after_evaluation" not in codes(measured, facts("api-first", quality=score(0.8)))
    assert "no_before_after_evaluation" not in codes(api)


@pytest.mark.parametrize(("tokens", "told"), [(10e6, True), (9.9e6, False)])
def test_fees_at_scale_are_projected_over_a_year(tokens: float, told: bool) -> None:
    growing = np.linspace(1000.0, 2100.0, MONTHS)
    api = facts("api-first", growing, tokens_per_month=tokens * 365 / 12 * (1 + 1e-12))
    dear = facts("self-hosted", 9000.0)
    one = found(api, dear).get(("tokens_at_scale", "api-first"))
    assert (one is not None) is told
    if one is not None:
        assert figures(one)["bill"] == pytest.approx(growing.sum())
        assert figures(one)["bill_at_the_end"] == pytest.approx(12 * 2100.0)
        assert (one.severity, figures(one)["p_own_machines_cheaper"]) == ("note", 0.0)
        assert found(api, facts("self-hosted", 100.0))["tokens_at_scale", "api-first"].severity == "warning"
    assert "tokens_at_scale" not in codes(facts("self-hosted", tokens_per_month=1e12), api)


@pytest.mark.parametrize(("review", "months", "told"), [(7, 12, True), (6, 12, False), (12, 6, False)])
def test_a_decision_for_good(review: int, months: int, told: bool) -> None:
    one = found(facts("api-first", 1000.0, months=months), review_months=review).get(("one_time_decision", "api-first"))
    assert (one is not None) is told
    if one is not None:
        assert one.usd_at_stake == 1500.0  # the seventh month


def test_one_vendor_without_a_fallback() -> None:
    api, two = (
        facts("api-first", 1000.0, vendors=("openai",), outage_h=5.0, lines={**COVERED, "refunds": 10.0}),
        facts("multi-vendor", 1200.0),
    )
    one = found(api, two)["single_vendor", "api-first"]
    assert one.usd_at_stake == 10.0 * MONTHS
    assert figures(one) == {
        "vendors": 1, "longest_outage": 5.0, "p_model_retired": 0.0, "lost": 10.0 * MONTHS, "second_vendor_extra_tco": 190.0 * MONTHS,
    }  # fmt: skip
    assert "single_vendor" not in codes(two, api)
    assert "single_vendor" not in codes(facts("self-hosted"))


def test_engineers_that_nobody_counts() -> None:
    alone, api = facts("self-hosted", lines={}), facts("api-first")
    one = found(alone, api)["engineering_left_out", "self-hosted"]
    assert one.usd_at_stake == MONTHS * (0.5 * 18_000 + 0.25 * 16_000)
    assert ("engineering_left_out", "api-first") not in found(alone, api)
    assert found(facts("api-first", lines={}))["engineering_left_out", "api-first"].usd_at_stake == MONTHS * 1600.0


def test_invoices_alone_name_the_wrong_one() -> None:
    own, api = facts("self-hosted", 800.0, lines={**COVERED, "people_ml": 9000.0}), facts("api-first", 1000.0)
    one = found(own, api)["price_alone", "self-hosted"]
    assert one.severity == "warning"
    assert one.usd_at_stake == MONTHS * 8800.0
    assert figures(one) == {"own_invoice": 9600.0, "api_invoice": 12_000.0, "own_tco": 12 * 10_300.0, "api_tco": 18_000.0}
    assert "price_alone" not in codes(facts("self-hosted", 800.0), api)


@pytest.mark.parametrize(("monthly", "told"), [(699.0, False), (700.0, True), (899.0, True), (900.0, False), (1100.0, False)])
def test_a_fifth_cheaper_is_not_cheaper(monthly: float, told: bool) -> None:
    people = {"people_ml": 100.0}
    own, api = facts("self-hosted", monthly, lines=people), facts("api-first", 900.0, lines=people)
    assert ("hardly_cheaper" in codes(own, api)) is told
    assert ("hardly_cheaper" in codes(api, own)) is told


def test_how_likely_a_small_saving_is_one_is_told_future_by_future() -> None:
    mine = np.array([500.0, 700.0, 900.0, 1300.0])[:, None]
    own = facts("self-hosted", mine, futures=4, lines={"hidden": 50.0})
    one = found(own, facts("api-first", 1000.0, futures=4, lines={}))["hardly_cheaper", "self-hosted"]
    assert figures(one)["saves_share"] == pytest.approx(0.1)
    assert (figures(one)["p_cheaper"], figures(one)["p_cheaper_by_more"]) == (0.75, 0.5)
    assert figures(one)["hidden_in_the_bill"] == 50.0 * MONTHS
    assert one.usd_at_stake == pytest.approx(100.0 * MONTHS)


@pytest.mark.parametrize(("daily", "told"), [(2999.0, True), (3001.0, False)])
def test_own_machines_for_a_few_requests(daily: float, told: bool) -> None:
    own, api = facts("self-hosted", 3000.0, requests=daily * 365 / 12), facts("api-first", 1000.0)
    one = found(own, api).get(("low_volume", "self-hosted"))
    assert (one is not None) is told
    if one is not None:
        assert one.usd_at_stake == MONTHS * 2000.0
    assert "low_volume" not in codes(api, own)


def test_hidden_costs_are_on_the_bill_or_what_they_would_be() -> None:
    api = facts("api-first", lines={"evaluation": 300.0, "migration": 20.0, "people_devops": 1.0})
    costs = {each.name: each for each in hidden_costs(advice_case(needs(), [api], "api-first", CATALOG), api)}
    assert costs["evaluation upkeep"].billed_usd_per_month == 300.0
    assert costs["deprecation"].billed_usd_per_month == 20.0
    would_be = {name: each.would_be_usd_per_month for name, each in costs.items()}
    assert would_be == {
        "deprecation": None, "evaluation upkeep": None, "security incidents": 1.5 * 40 * 150 / 12, "compliance": 1800.0, "prompt growth": 3600.0,
    }  # fmt: skip
    one = found(api)["hidden_costs", "api-first"]
    assert one.usd_at_stake == 6 * (750.0 + 1800.0 + 3600.0)
    assert one.severity == "warning"
    assert "hidden_costs" not in codes(facts("api-first"))
    covered = facts("api-first", lines={"people_devops": 1.0, "hidden": 1e6})
    assert found(covered)["hidden_costs", "api-first"].severity == "note"


def test_half_a_year_is_too_short_for_hidden_costs_to_cost() -> None:
    assert found(facts("api-first", months=6, lines={}))["hidden_costs", "api-first"].usd_at_stake == 0.0


def test_what_is_not_served_has_no_hidden_costs() -> None:
    made = trained()
    assert hidden_costs(advice_case(needs(), [made], None, CATALOG), made) == ()


def test_salary_in_tokens_at_three_dollars_a_million() -> None:
    api = facts("api-first", 300.0, priced_tokens=1e8)
    assert usd_per_mtok(api) == pytest.approx(3.0)
    own = facts(
        "self-hosted", pay={"ml_engineers": 1.0, "ml_engineer_usd_per_month": 250_000 / 12}, lines={**COVERED, "people_ml": 20_833.0}
    )
    one = found(own, api)["salary_in_tokens", "self-hosted"]
    # 200 to 300 thousand USD a year are 70 to 100 billion tokens.
    assert figures(one)["salary"] * 12 / 1000 == pytest.approx(250_000 / 3.0 / 1000)
    assert figures(one)["asked"] == 100.0
    assert one.severity == "warning"
    assert one.usd_at_stake == pytest.approx(250_000.0)
    busy = facts("api-first", 300.0, priced_tokens=1e8, tokens_per_month=1e12)
    assert found(own, busy)["salary_in_tokens", "self-hosted"].severity == "note"
    assert found(api, own)["salary_in_tokens", "api-first"].severity == "note"
    assert "salary_in_tokens" not in codes(own)


def test_what_nothing_passes_for_is_advised_all_the_same() -> None:
    said = advice(needs(), [facts("api-first", lines={}), trained()], None, CATALOG)
    assert {each.severity for each in said} == {"note"}


def test_most_money_comes_first_and_every_check_can_speak() -> None:
    tuned = facts("own-fine-tune", 800.0, requests=1000.0, tokens_per_month=1e10, lines={"people_ml": 9000.0})
    api = facts("api-first", 11_000.0, requests=1000.0, tokens_per_month=1e10, priced_tokens=1e8, lines={}, quality=score(0.9))
    said = [
        *advice(
            needs(review_months=9, data_available={"examples": 3}), [tuned, api, trained(quality=score(0.9))], "own-fine-tune", CATALOG
        ),
        *advice(needs(), [facts("api-first", vendors=("openai",))], "api-first", CATALOG),
        *advice(needs(), [api], "api-first", CATALOG),
        *advice(needs(), [facts("self-hosted", 800.0, lines={"people_ml": 9e4}), facts("api-first", 900.0)], "self-hosted", CATALOG),
    ]
    first = [each.usd_at_stake for each in advice(needs(), [tuned, api], "own-fine-tune", CATALOG)]
    assert first == sorted(first, reverse=True)
    assert len({each.code for each in said}) == len(CHECKS)
    assert all(each.source and each.evidence for each in said)
    text = as_text(advice_sections(said, (), clouds([tuned.strategy], CATALOG), taken="own-fine-tune"))
    assert all(len(line) <= 80 for line in text.splitlines())
    assert "SageMaker JumpStart" in text


def test_clouds_know_every_kind_of_strategy() -> None:
    strategies = [strategy(name) for name in (*BUNDLED, "continued-pretraining", "from-scratch")]
    rows = clouds(strategies, CATALOG)
    assert {each.strategy for each in rows} == {each.name for each in strategies}
    assert {each.track for each in rows} == set(cloud_defaults(CATALOG).tracks)
    bought = [each for each in rows if (each.strategy, each.track) == ("api-first", "buy")]
    assert [(each.gcp, each.aws, each.azure) for each in bought] == [("Vertex AI (Model Garden)", "Amazon Bedrock", "Azure OpenAI Service")]
    assert [each.track for each in rows if each.strategy == "on-premises"] == ["evaluation"]


def test_check_tells_these_files_from_needs(tmp_path: Path) -> None:
    for name, _ in SCHEMAS:
        path = CATALOG.folders[-1] / "defaults" / f"{name}.yaml"
        assert check_decision_defaults(path, name) == name
    file = tmp_path / "mine.yaml"
    file.write_text("review_months: 3\n")
    assert check_decision_defaults(file, "mine.yaml") is None
    with pytest.raises(InputError, match="usual_examples: key missing"):
        check_decision_defaults(file, "mine.yaml", "advice")
