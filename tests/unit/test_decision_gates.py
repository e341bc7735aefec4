"""The decision tree: what each gate rules out and why, what would let it in, that relaxing rules out no more, and how it is drawn."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.decision.effort import effort_of
from sim.decision.gate_case import Case, Change, Step
from sim.decision.gate_model import CONDITIONS, five_conditions
from sim.decision.gates import Tree, gates
from sim.decision.rules import rules_of
from sim.decision.strategies import Strategy
from sim.futures.bands import band
from sim.report.decision_gates import NOT_TAKEN, OUT, TAKEN, gates_sections
from sim.report.section import as_text
from sim.wide import columns
from tests.made.decisions import BUNDLED, CATALOG, needs, strategy, then

TRAINED = ("continued-pretraining", "from-scratch")
EVERY = tuple(strategy(name) for name in (*BUNDLED, *TRAINED))
VENDORS = ("openai", "anthropic", "google", "groq")
RULES = rules_of(CATALOG)
ON_APIS = {"api-first", "multi-vendor", "rag", "vendor-fine-tune"}


def tree(*only: str | Strategy, **said: Any) -> Tree:
    chosen = [strategy(each) if isinstance(each, str) else each for each in only] or EVERY
    return gates(needs(**said), chosen, CATALOG)


def step(found: Tree, name: str) -> Step:
    return next(each for each in found.steps if each.name == name)


def out(found: Tree, name: str) -> set[str]:
    return set(step(found, name).ruled_out)


def test_needs_that_ask_for_nothing_rule_out_only_what_must_be_justified() -> None:
    found = tree()
    assert set(found.left) == set(BUNDLED)
    assert out(found, "a model of one's own") == set(TRAINED)
    assert [each.name for each in found.steps] == [
        "data sensitivity", "data residency", "customisation", "data to tune on", "a model of one's own", "volume and latency", "team",
        "time to market",
    ]  # fmt: skip
    assert found.path == tuple(each.answer for each in found.steps)


# Data.


def test_data_that_must_stay_leaves_what_is_at_home() -> None:
    found = tree(data={"must_stay_home": True})
    served = set(BUNDLED) - out(found, "data sensitivity")
    assert served == {"on-premises"}  # the only bundled stack whose machines are marked `home`
    assert found.reasons("hybrid")[0] == "own, spill and reserve are not at home"
    assert step(found, "data sensitivity").answer == "no vendor may, whatever its terms"


def test_classified_data_goes_to_no_vendor_without_being_asked() -> None:
    assert out(tree(data={"sensitivity": "classified"}), "data sensitivity") == out(tree(data={"must_stay_home": True}), "data sensitivity")


def test_health_data_goes_to_vendors_with_a_baa_alone() -> None:
    nobody = tree(data={"sensitivity": "phi"})
    assert out(nobody, "data sensitivity") == {*ON_APIS, "hybrid", "own-fine-tune"}
    assert nobody.reasons("own-fine-tune") == ("nobody says that openai offers a BAA",)
    one = tree(data={"sensitivity": "phi"}, terms={"openai": ["baa"], "anthropic": ["soc2"]})
    assert "own-fine-tune" in one.left
    assert one.reasons("api-first") == ("anthropic does not offer a BAA",)
    both = tree(data={"sensitivity": "phi"}, terms={"openai": ["baa"], "anthropic": ["baa"]})
    assert {"api-first", "rag", "vendor-fine-tune", "self-hosted"} <= set(both.left)


def test_terms_that_are_named_are_needed_of_public_data_too() -> None:
    found = tree(data={"sensitivity": "public", "terms_needed": ["soc2"]}, terms={each: ["soc2"] for each in VENDORS if each != "google"})
    assert out(found, "data sensitivity") == {"multi-vendor"}


def test_terms_that_are_named_take_none_of_those_that_the_data_needs_anyway() -> None:
    found = tree(data={"sensitivity": "phi", "terms_needed": ["soc2"]}, terms={"openai": ["soc2"], "anthropic": ["soc2", "baa"]})
    assert found.reasons("api-first") == ("openai does not offer a BAA",)
    (change,) = found.changes("own-fine-tune")
    assert set(change.needed) == {"soc2", "baa"}  # type: ignore[call-overload]


def test_a_place_is_asked_of_vendors_not_of_own_machines() -> None:
    found = tree(data={"residency": "EU"}, terms={"openai": ["residency"]})
    assert out(found, "data residency") == {"api-first", "multi-vendor", "rag", "vendor-fine-tune", "hybrid"}
    assert out(found, "data sensitivity") == set()
    assert "EU" in step(found, "data residency").why
    assert out(tree(data={"terms_needed": ["residency"]}), "data residency") == {*ON_APIS, "hybrid", "own-fine-tune"}


def test_what_a_strategy_goes_over_to_sees_the_data_too() -> None:
    leaving = then("self-hosted", "api-first")
    found = tree(leaving, data={"sensitivity": "phi"}, terms={"openai": ["baa"]})
    assert found.reasons(leaving.name) == ("nobody says that anthropic offers a BAA",)
    assert tree(leaving, data={"must_stay_home": True}).reasons(leaving.name)[0] == "own, main and other are not at home"


# Customisation.


@pytest.mark.parametrize(
    ("needed", "left"),
    [
        ("none", set(BUNDLED)),
        ("prompting", set(BUNDLED)),
        ("rag", {"rag", "vendor-fine-tune", "own-fine-tune"}),
        ("vendor_fine_tune", {"vendor-fine-tune", "own-fine-tune"}),
        ("own_fine_tune", {"own-fine-tune"}),
        ("continued_pretraining", set()),
    ],
)
def test_a_strategy_must_go_as_far_as_makes_a_model_good_enough(needed: str, left: set[str]) -> None:
    assert set(BUNDLED) - out(tree(customisation=needed), "customisation") == left
    assert ("from-scratch" in out(tree(customisation=needed), "customisation")) is False


def test_buying_first_and_tuning_later_counts_as_tuning() -> None:
    found = tree(then("api-first", "own-fine-tune"), customisation="own_fine_tune")
    assert len(found.left) == 1


@pytest.mark.parametrize(("examples", "ruled"), [(99, True), (100, False), (None, False)])
def test_too_few_examples_rule_out_tuning(examples: int | None, ruled: bool) -> None:
    found = tree(data_available={} if examples is None else {"examples": examples})
    assert out(found, "data to tune on") == ({"vendor-fine-tune", "own-fine-tune"} if ruled else set())
    if ruled:
        (change,) = found.changes("own-fine-tune")
        assert (change.path, change.needed, change.by) == (("data_available", "examples"), 100, 1)


def test_what_nobody_does_is_not_asked() -> None:
    names = [each.name for each in tree("api-first", "self-hosted").steps]
    assert "data to tune on" not in names and "a model of one's own" not in names and "budget" not in names


# The five conditions.

ALL_FIVE: dict[str, Any] = {
    "data_available": {"unique": True, "tokens": 10**12},
    "existing_models_underperform": True,
    "team": {"pretraining_experience": True},
    "time_to_market_months": 24,
    "market_justifies_custom_model": True,
}


def conditions(**changed: Any) -> list[bool]:
    asked = needs(**{**ALL_FIVE, **changed})
    return [each.holds for each in five_conditions(asked, strategy("from-scratch"), Case(asked, EVERY, RULES, CATALOG, {}, None))]


@pytest.mark.parametrize(
    ("changed", "fails"),
    [
        ({}, None),
        ({"data_available": {"unique": False, "tokens": 10**12}}, 0),
        ({"data_available": {"tokens": 10**12}}, 0),
        ({"data_available": {"unique": True}}, 0),
        ({"data_available": {"unique": True, "tokens": 10**9}}, 0),
        ({"existing_models_underperform": False}, 1),
        ({"existing_models_underperform": None}, 1),
        ({"team": {"pretraining_experience": False, "can_hire": False}}, 2),
        ({"team": {"pretraining_experience": False, "can_hire": True}}, None),
        ({"time_to_market_months": 5}, 3),
        ({"time_to_market_months": None}, None),
        ({"market_justifies_custom_model": None}, 4),
    ],
)
def test_each_of_the_five_conditions_must_be_shown(changed: dict[str, Any], fails: int | None) -> None:
    assert conditions(**changed) == [k != fails for k in range(len(CONDITIONS))]


def test_all_five_let_a_model_of_ones_own_in() -> None:
    assert set(TRAINED) <= set(tree(**ALL_FIVE).left)


@pytest.mark.parametrize(
    ("quality", "holds"),
    [
        ({"own-fine-tune": {"score": 0.80, "n": 1000}, "gpt-6.1-sol": {"score": 0.82, "n": 1000}}, True),
        ({"own-fine-tune": {"score": 0.80, "n": 1000}, "gpt-6.1-sol": {"score": 0.91, "n": 1000}}, False),
        ({"own-fine-tune": {"score": 0.88, "n": 50}}, False),  # its interval holds the target
        ({"own-fine-tune": {"score": 0.80}}, False),  # nor is it known how sure that is
        ({"gpt-6.1-sol": {"score": 0.80, "n": 1000}}, False),  # nothing that is tuned was measured
    ],
)
def test_that_existing_models_fall_short_may_be_told_by_scores(quality: dict[str, Any], holds: bool) -> None:
    assert conditions(existing_models_underperform=None, quality=quality, accuracy={"target": 0.9})[1] is holds


# Volume and latency, team, time, money.


def test_a_first_token_sooner_than_any_apis_is_for_own_machines() -> None:
    found = tree(latency={"ttft_p99": "50ms"})
    assert out(found, "volume and latency") == ON_APIS
    assert found.reasons("rag") == ("ttft_p99 within 50 ms; an API's first token takes 100 ms or more",)
    assert out(tree(latency={"ttft_p99": "100ms", "tpot_p95": "10ms"}), "volume and latency") == set()


def test_volume_rules_nothing_out() -> None:
    low, high = (step(tree(volume={"tokens_per_month": tokens}), "volume and latency") for tokens in (5e6, 500e6))
    assert (low.taken, high.taken) == (0, 1)
    assert not high.ruled_out
    assert "500 million" in high.why
    traced = gates(needs(), EVERY, CATALOG, tokens_per_month=3e8)
    assert step(traced, "volume and latency").taken == 1


def test_without_people_and_without_hiring_own_machines_are_out() -> None:
    found = tree(team={"ml_engineers": 0, "devops_engineers": 1, "security": True, "can_hire": False})
    assert out(found, "team") == {"hybrid", "self-hosted", "on-premises", "own-fine-tune", *TRAINED}
    assert found.reasons("self-hosted") == ("0.5 ML engineers needed, 0 there, and nobody can be hired",)
    assert out(tree(team={"ml_engineers": 0}), "team") == set()
    assert out(tree(team={"can_hire": False}), "team") == set()  # nobody says that anyone is missing
    assert out(tree(team={"security": False, "can_hire": False}, customisation="none"), "team") >= {"self-hosted"}


def test_hiring_comes_before_building() -> None:
    months = effort_of(strategy("self-hosted"), CATALOG).months_to_production
    hired = months + RULES.hiring_months
    late = tree("self-hosted", team={"ml_engineers": 0}, time_to_market_months=hired - 0.5)
    (change,) = late.changes("self-hosted")
    assert change.needed == pytest.approx(hired)
    assert change.by == pytest.approx(0.5)
    assert tree("self-hosted", team={"ml_engineers": 0}, time_to_market_months=hired).left
    assert tree("self-hosted", team={"ml_engineers": 1}, time_to_market_months=months).left
    assert tree("self-hosted", team={"ml_engineers": 0, "hiring_months": 1}, time_to_market_months=months + 1).left


def test_what_is_gone_over_to_later_is_hired_for_meanwhile() -> None:
    later = then("api-first", "self-hosted")
    assert tree(later, team={"ml_engineers": 0}, time_to_market_months=1).left
    assert not tree(later, team={"ml_engineers": 0, "can_hire": False}, time_to_market_months=1).left


def test_what_costs_more_than_there_is_in_half_of_the_futures_is_out() -> None:
    asked = needs(budget_usd=1000)
    chosen = [strategy("api-first"), strategy("self-hosted"), strategy("rag")]
    tco = {"api-first": band([900.0] * 60 + [1100.0] * 40), "self-hosted": band([1500.0] * 100)}
    found = gates(asked, chosen, CATALOG, tco_usd=tco)
    assert out(found, "budget") == {"self-hosted"}
    (change,) = found.changes("self-hosted")
    assert (change.path, change.by) == (("budget_usd",), pytest.approx(500.0))
    assert step(gates(needs(), chosen, CATALOG, tco_usd=tco), "budget").ruled_out == {}


# What would let a strategy in.


def applied(said: dict[str, Any], changes: tuple[Change, ...]) -> dict[str, Any]:
    """The needs with the changes made."""
    found = json.loads(json.dumps(said))
    for change in changes:
        place = found
        for key in change.path[:-1]:
            place = place.setdefault(key, {})
        place[change.path[-1]] = list(change.needed) if isinstance(change.needed, tuple) else change.needed
    return found


SAID = st.fixed_dictionaries(
    {},
    optional={
        "data": st.fixed_dictionaries(
            {"sensitivity": st.sampled_from(["public", "internal", "pii", "phi", "classified", "trade_secret"])},
            optional={
                "must_stay_home": st.booleans(),
                "terms_needed": st.lists(st.sampled_from(["baa", "soc2", "dpa", "residency"]), max_size=3),
                "residency": st.just("EU"),
            },
        ),
        "terms": st.dictionaries(st.sampled_from(VENDORS), st.lists(st.sampled_from(["baa", "soc2", "dpa", "residency"]), unique=True)),
        "customisation": st.sampled_from(["none", "rag", "vendor_fine_tune", "own_fine_tune", "from_scratch"]),
        "data_available": st.fixed_dictionaries(
            {},
            optional={"examples": st.sampled_from([0, 50, 100, 10_000]), "tokens": st.sampled_from([0, 10**9, 10**12]), "unique": st.booleans()},
        ),
        "existing_models_underperform": st.booleans(),
        "market_justifies_custom_model": st.booleans(),
        "team": st.fixed_dictionaries(
            {},
            optional={
                "ml_engineers": st.sampled_from([0.0, 0.5, 20.0]), "devops_engineers": st.sampled_from([0.0, 1.0]), "security": st.booleans(),
                "pretraining_experience": st.booleans(), "can_hire": st.booleans(), "hiring_months": st.sampled_from([0.0, 6.0]),
            },
        ),
        "time_to_market_months": st.sampled_from([0.25, 2.0, 5.0, 12.0]),
        "latency": st.fixed_dictionaries({}, optional={"ttft_p50": st.sampled_from([0.05, 0.5]), "e2e_p99": st.sampled_from([0.08, 2.0])}),
        "budget_usd": st.sampled_from([500.0, 2000.0]),
    },
)  # fmt: skip
TCO = {each.name: band([1000.0 + 37.5 * k] * 5) for k, each in enumerate(EVERY)}


def asked(said: dict[str, Any]) -> Tree:
    return gates(needs(**said), EVERY, CATALOG, tco_usd=TCO)


@given(SAID)
@settings(max_examples=60, deadline=None)
def test_the_changes_that_are_told_let_the_strategy_in(said: dict[str, Any]) -> None:
    found = asked(said)
    for name in found.nearest:
        assert name in asked(applied(said, found.changes(name))).left
    assert set(found.left) | set(found.nearest) == {each.name for each in EVERY}


RELAXED = (
    ("data", "must_stay_home", False), ("data", "terms_needed", []), ("data", "residency", None), ("data", "sensitivity", "public"),
    ("customisation", None, "none"), ("time_to_market_months", None, None), ("budget_usd", None, None), ("latency", None, {}),
    ("team", "can_hire", True), ("team", "security", True), ("team", "ml_engineers", 50.0), ("team", "hiring_months", 0.0),
    ("data_available", "examples", 10**6), ("data_available", "tokens", 10**13), ("data_available", "unique", True),
    ("terms", None, {each: ["baa", "soc2", "dpa", "residency"] for each in VENDORS}), ("market_justifies_custom_model", None, True),
)  # fmt: skip


@given(SAID, st.sampled_from(RELAXED))
@settings(max_examples=80, deadline=None)
def test_relaxing_a_requirement_never_rules_out_more(said: dict[str, Any], how: tuple[str, str | None, Any]) -> None:
    key, inner, value = how
    # A key that is left out asks for nothing: only what is said can be relaxed.
    if key not in said or (inner is not None and inner not in said[key]):
        return
    relaxed = json.loads(json.dumps(said))
    if inner is None:
        relaxed[key] = value
    else:
        relaxed[key][inner] = value
    assert set(asked(said).left) <= set(asked(relaxed).left)


def test_where_everything_is_out_the_fewest_changes_come_first() -> None:
    found = tree("api-first", "self-hosted", data={"must_stay_home": True}, latency={"ttft_p50": "20ms"})
    assert not found.left
    assert found.nearest == ("self-hosted", "api-first")
    assert found.relax[0] == "self-hosted: let the data leave home (data.must_stay_home: false)"
    assert found.relax[1].endswith("80 ms more (latency.ttft_p50: 100ms)")
    assert tree("api-first").relax == ()


# The seeds' companies.


def test_the_three_companies_of_the_seed_come_to_their_strategies() -> None:
    commerce = tree(data={"sensitivity": "public"}, volume={"tokens_per_month": 5e6}, team={"ml_engineers": 0, "can_hire": False})
    assert set(commerce.left) >= ON_APIS and not {"self-hosted", "own-fine-tune"} & set(commerce.left)
    health = tree(
        data={"sensitivity": "phi"}, terms={"openai": ["baa"]}, customisation="own_fine_tune", data_available={"examples": 10_000}
    )
    assert health.left == ("own-fine-tune",)
    trading = tree(
        **{**ALL_FIVE, "data": {"sensitivity": "trade_secret"}}, latency={"ttft_p99": "50ms"}, customisation="continued_pretraining"
    )
    assert set(trading.left) == set(TRAINED)


# Drawn.


@given(SAID)
@settings(max_examples=15, deadline=None)
def test_the_tree_fits_a_terminal_and_marks_one_branch_a_question(said: dict[str, Any]) -> None:
    found = asked(said)
    (section,) = gates_sections(found)
    assert max(columns(line) for line in as_text([section]).split("\n")) <= 80
    texts = [text for _, text in section.rows]
    assert sum(text.startswith(TAKEN) for text in texts[1:]) == len(found.steps)
    assert sum(text.startswith((TAKEN, NOT_TAKEN)) for text in texts[1:]) == sum(len(each.branches) for each in found.steps)


def test_the_tree_tells_a_reason_once_and_what_is_left() -> None:
    found = tree("self-hosted", "on-premises", "api-first", customisation="rag")
    (section,) = gates_sections(found)
    texts = [text for _, text in section.rows]
    assert f"{OUT} self-hosted, on-premises, api-first: it does prompting alone; retrieval is needed" in texts
    assert texts[-1] == "nothing"
    assert found.relax[0] == "self-hosted: make do with prompting (customisation: prompting)"
    (change,) = found.changes("api-first")
    assert (change.path, change.found, change.needed, change.by) == (("customisation",), "rag", "prompting", -1)
