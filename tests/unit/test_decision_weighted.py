"""The weighted decision matrix: scores by their formulas, weights, totals and ties, how far a weight may move, who wins in which futures."""

from __future__ import annotations

import math
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.decision.effort import effort_of
from sim.decision.facts import Quality, StrategyFacts
from sim.decision.needs_parts import CRITERIA
from sim.decision.rules import rules_of
from sim.decision.scores import FORMULAS, Score, Scores, scores_of
from sim.decision.weighted import WeightedMatrix, distance, normalised, weighted, weighted_matrix
from sim.errors import InputError
from tests.made.decisions import CATALOG, facts, needs, strategy, then

RULES = rules_of(CATALOG)


def scored(score: float) -> Quality:
    return Quality(score, None, None, None, "")


def score(criterion: str, given: list[StrategyFacts], **said: Any) -> dict[str, float | None]:
    return {name: each.value for name, each in scores_of(needs(**said), given, CATALOG)[criterion].items()}  # type: ignore[index]


def test_the_criteria_are_the_seven_in_their_order() -> None:
    assert tuple(FORMULAS) == tuple(CRITERIA)


# Scores.


def test_accuracy_is_the_error_allowed_over_the_error() -> None:
    given = [
        facts("api-first", quality=scored(0.94)),
        facts("rag", quality=scored(0.86)),
        facts("self-hosted", quality=scored(0.4)),
        facts("hybrid"),
    ]
    found = score("accuracy", given, accuracy={"target": 0.9})
    assert found == pytest.approx({"api-first": 5.0, "rag": 5 * 0.10 / 0.14, "self-hosted": 1.0, "hybrid": None})
    assert score("accuracy", given)["rag"] == pytest.approx(5 * 0.06 / 0.14)
    assert set(score("accuracy", [facts("rag"), facts("hybrid")]).values()) == {None}
    assert score("accuracy", given[:1], accuracy={"target": 1.0}) == {"api-first": 1.0}


@pytest.mark.parametrize(("examples", "value"), [(50, 1.0), (100, 1.0), (1000, 3.0), (10_000, 5.0), (10**6, 5.0), (None, None)])
def test_data_is_logarithmic_between_too_little_and_enough(examples: int | None, value: float | None) -> None:
    said = {} if examples is None else {"data_available": {"examples": examples}}
    found = score("data", [facts("own-fine-tune"), facts("api-first")], **said)
    assert found["own-fine-tune"] == (None if value is None else pytest.approx(value))
    assert found["api-first"] == 5.0


def test_training_takes_text() -> None:
    enough = RULES.enough_tokens["from_scratch"]
    found = score("data", [facts("from-scratch")], data_available={"tokens": int(enough / 10)})
    assert found["from-scratch"] == pytest.approx(3.0)
    assert score("data", [facts("from-scratch")])["from-scratch"] is None


def test_time_is_months_allowed_over_months_with_hiring() -> None:
    given = [facts("api-first", months=0.5), facts("self-hosted", months=3.0)]
    assert score("time_to_market", given, time_to_market_months=2) == pytest.approx({"api-first": 5.0, "self-hosted": 5 * 2 / 3})
    assert score("time_to_market", given) == pytest.approx({"api-first": 5.0, "self-hosted": 1.0})
    hired = score("time_to_market", given, time_to_market_months=3, team={"ml_engineers": 0, "hiring_months": 6})
    assert hired["self-hosted"] == pytest.approx(5 * 3 / 9)
    assert score("time_to_market", [facts("api-first", months=0.0)])["api-first"] == 5.0


def test_budget_is_the_cheapest_over_this() -> None:
    given = [facts("api-first", [900.0, 1000.0, 1100.0]), facts("rag", [1500.0] * 3), facts("self-hosted", 9000.0)]
    assert score("budget", given) == pytest.approx({"api-first": 5.0, "rag": 5 * 1000 / 1500, "self-hosted": 1.0})
    assert score("budget", [facts("api-first", 0.0), facts("rag", 5.0)]) == {"api-first": 5.0, "rag": 1.0}


def test_team_is_the_least_share_of_who_is_needed() -> None:
    given = [facts("api-first"), facts("self-hosted"), facts("from-scratch")]
    effort = effort_of(strategy("self-hosted"), CATALOG)
    assert (effort.ml_engineers, effort.devops_engineers) == (0.5, 0.25)
    there = {"ml_engineers": 0.3, "devops_engineers": 1, "security": True, "pretraining_experience": True}
    training = effort_of(strategy("from-scratch"), CATALOG).ml_engineers
    expected = {"api-first": 5.0, "self-hosted": 5 * 0.3 / 0.5, "from-scratch": max(1.0, 5 * 0.3 / training)}
    assert score("team", given, team=there) == pytest.approx(expected)
    assert score("team", given, team={**there, "ml_engineers": 50}) == {"api-first": 5.0, "self-hosted": 5.0, "from-scratch": 5.0}
    assert score("team", given, team={**there, "security": False})["self-hosted"] == 1.0
    assert score("team", given, team={"ml_engineers": 50}) == {"api-first": 5.0, "self-hosted": None, "from-scratch": None}
    assert set(score("team", given).values()) == {None}


@pytest.mark.parametrize(("asked", "api", "rag", "tuned"), [("none", 5.0, 5.0, 5.0), ("some", 5 / 3, 10 / 3, 5.0), ("core", 1.0, 2.0, 3.0)])
def test_differentiation_is_control_over_what_is_asked_for(asked: str, api: float, rag: float, tuned: float) -> None:
    given = [facts("api-first"), facts("rag"), facts("vendor-fine-tune"), facts("from-scratch"), facts(then("api-first", "own-fine-tune"))]
    found = list(score("differentiation", given, differentiation=asked).values())
    assert found[:4] == pytest.approx([api, rag, tuned, 5.0])
    assert found[4] == pytest.approx(min(5.0, 5 * RULES.control["own_fine_tune"] / RULES.control_needed[asked]))


def test_regulation_is_the_share_of_the_terms_offered() -> None:
    given = [facts("api-first"), facts("self-hosted"), facts("own-fine-tune"), facts("on-premises")]
    assert set(score("regulation", given).values()) == {5.0}
    terms = {"openai": ["baa", "soc2"], "anthropic": ["soc2"]}
    named = score("regulation", given, data={"terms_needed": ["soc2", "dpa"]}, terms=terms)
    assert named == pytest.approx({"api-first": 3.0, "self-hosted": 5.0, "own-fine-tune": 3.0, "on-premises": 5.0})
    health = score("regulation", given, data={"sensitivity": "phi"}, terms=terms)
    assert health == pytest.approx({"api-first": 1.0, "self-hosted": 5.0, "own-fine-tune": 4.0, "on-premises": 5.0})
    home = score("regulation", given, data={"must_stay_home": True})
    assert home == {"api-first": 1.0, "self-hosted": 1.0, "own-fine-tune": 1.0, "on-premises": 5.0}


def test_scores_of_ones_own_go_first() -> None:
    own = {"regulation": {"api-first": 2}, "accuracy": {"rag": 4.5}, "budget": {"rag": 3}}
    found = scores_of(needs(scores=own), [facts("api-first"), facts("rag")], CATALOG)
    assert found["regulation"]["api-first"].value == 2.0 and found["regulation"]["api-first"].own
    assert not found["regulation"]["rag"].own
    assert found["accuracy"]["rag"].value == 4.5 and found["accuracy"]["api-first"].value is None


# Weights and totals.


def table(rows: dict[str, list[float | None]], *, own: bool = True) -> Scores:
    """Scores by strategy, in the order of the criteria; of one's own, so that no future changes them."""
    found = {key: MappingProxyType({name: Score(row[k], "", own) for name, row in rows.items()}) for k, key in enumerate(FORMULAS)}
    return MappingProxyType(found)


def weigh(rows: dict[str, list[float | None]], weights: dict[str, float] | None = None) -> WeightedMatrix:
    return weighted_matrix(table(rows), weights or {}, {name: np.array([1.0]) for name in rows})  # type: ignore[arg-type]


def test_weights_add_up_to_one_or_a_hundred() -> None:
    assert normalised({"budget": 60, "team": 40}) == pytest.approx({**dict.fromkeys(FORMULAS, 0.0), "budget": 0.6, "team": 0.4})
    assert normalised({"budget": 0.6, "team": 0.4}) == normalised({"budget": 60, "team": 40})
    assert set(normalised({}).values()) == {1 / 7}
    with pytest.raises(InputError, match=r"found 0\.6 \+ 0\.3 = 0\.9; weights must add up to 1, or to 100"):
        normalised({"budget": 0.6, "team": 0.3})
    with pytest.raises(InputError, match="add up"):
        normalised({"budget": 1.5, "team": -0.5})


def test_a_total_is_the_weighted_sum() -> None:
    found = weigh({"a": [5, 4, 3, 2, 1, 2, 3], "b": [1, 2, 3, 4, 5, 4, 3]}, {"accuracy": 50, "budget": 30, "team": 20})
    totals = {row.strategy: row.total for row in found.rows}
    assert totals == pytest.approx({"a": 0.5 * 5 + 0.3 * 2 + 0.2 * 1, "b": 0.5 * 1 + 0.3 * 4 + 0.2 * 5})
    assert found.winners == ("a",)
    assert [row.rank for row in found.rows] == [1, 2]


def test_strategies_that_tie_share_rank_and_futures() -> None:
    found = weigh({"a": [1.0] * 7, "b": [3, 3, 3, 3, 3, 3, 3], "c": [3.0] * 7})
    assert found.winners == ("b", "c")
    assert {row.strategy: row.rank for row in found.rows} == {"b": 1, "c": 1, "a": 3}
    assert found.p_wins == {"b": 0.5, "c": 0.5, "a": 0.0}


def test_what_is_known_of_nobody_is_left_out() -> None:
    found = weigh({"a": [None, 4, 3, 2, 1, 2, 3], "b": [None, 2, 3, 4, 5, 4, 3]}, {"accuracy": 0.5, "budget": 0.3, "team": 0.2})
    assert found.left_out == ("accuracy",)
    assert found.weights["budget"] == pytest.approx(0.6) and found.weights["accuracy"] == 0
    assert {row.strategy: row.total for row in found.rows} == pytest.approx({"a": 0.6 * 2 + 0.4 * 1, "b": 0.6 * 4 + 0.4 * 5})
    assert all(row.wins_from is None for row in found.rows)


def test_what_was_not_shown_wins_nothing_and_says_what_it_takes() -> None:
    found = weigh({"a": [3, 5, 5, 5, 5, 5, 5], "b": [None, 5, 5, 5, 5, 5, 5]}, {"accuracy": 0.5, "budget": 0.5})
    a, b = found.rows
    assert (a.total, b.total, b.most) == pytest.approx((4.0, 3.0, 5.0))
    assert b.wins_from == pytest.approx(3.0) and a.wins_from is None
    assert 0.5 * (b.wins_from or 0) + 0.5 * 5 == pytest.approx(a.total)
    low = weigh({"a": [5, 5, 5, 5, 5, 5, 5], "b": [None, 5, 5, 1, 5, 5, 5]}, {"accuracy": 0.5, "budget": 0.5})
    assert low.rows[1].wins_from is None  # not even with 5


def test_nothing_known_is_a_tie() -> None:
    found = weigh({"a": [None, 1, 1, 1, 1, 1, 1], "b": [None, 5, 5, 5, 5, 5, 5]}, {"accuracy": 1})
    assert found.winners == ("a", "b") and found.left_out == ("accuracy",)


# How far a weight may move.


def winner_at(rows: dict[str, list[float]], weights: dict[str, float], criterion: str, value: float) -> set[str]:
    """Who has the highest total with another weight of one criterion, the others in proportion."""
    rest = sum(each for key, each in weights.items() if key != criterion)
    moved = {
        key: value if key == criterion else (1 - value) * (each / rest if rest > 0 else 1 / (len(weights) - 1))
        for key, each in weights.items()
    }
    totals = {name: sum(share * row[k] for k, share in enumerate(moved.values())) for name, row in rows.items()}
    best = max(totals.values())
    return {name for name, total in totals.items() if total >= best - 1e-9}


LEVELS = st.integers(4, 20).map(lambda quarter: quarter / 4)


@given(
    st.lists(st.lists(LEVELS, min_size=7, max_size=7), min_size=2, max_size=5),
    st.lists(st.integers(0, 10), min_size=7, max_size=7).filter(any),
)
@settings(max_examples=60, deadline=None)
def test_how_far_a_weight_may_move_is_what_trying_finds(levels: list[list[float]], parts: list[int]) -> None:
    rows = {f"s{k}": row for k, row in enumerate(levels)}
    weights = {key: part / sum(parts) for key, part in zip(FORMULAS, parts, strict=True)}
    found = weigh(rows, weights)  # type: ignore[arg-type]
    names = list(rows)
    totals = {name: sum(w * s for w, s in zip(weights.values(), rows[name], strict=True)) for name in names}
    winner = max(names, key=lambda name: totals[name] if abs(totals[name] - max(totals.values())) > 1e-9 else math.inf)
    tied = len(found.winners) > 1
    for move in found.moves:
        assert 0 <= move.low <= move.weight + 1e-12 and move.weight <= move.high + 1e-12 <= 1 + 1e-12
        assert (move.below is None) <= (move.low == 0) and (move.above is None) == (move.above is None and move.high == 1)
        if tied:
            continue
        for value in np.linspace(0, 1, 41):
            best = winner_at(rows, weights, move.criterion, float(value))
            if move.low + 1e-6 < value < move.high - 1e-6:
                assert winner in best
            elif value < move.low - 1e-6 or value > move.high + 1e-6:
                assert winner not in best
        for edge, who, way in ((move.low, move.below, -1e-4), (move.high, move.above, 1e-4)):
            if who is not None and 0 <= edge + way <= 1:
                assert {winner, who} <= winner_at(rows, weights, move.criterion, edge)


def test_a_move_by_hand() -> None:
    # a leads by 2 in accuracy and is 1 behind in budget: 2 v = 1 - v at v = 1/3.
    found = weigh({"a": [5, 3, 3, 3, 3, 3, 3], "b": [3, 3, 3, 4, 3, 3, 3]}, {"accuracy": 0.6, "budget": 0.4})
    moves = {each.criterion: each for each in found.moves}
    assert moves["accuracy"].low == pytest.approx(1 / 3) and moves["accuracy"].below == "b"
    assert (moves["accuracy"].high, moves["accuracy"].above) == (1.0, None)
    assert moves["budget"].high == pytest.approx(2 / 3) and moves["budget"].above == "b"
    assert (moves["team"].low, moves["team"].high, moves["team"].above) == (0.0, 1.0, None)
    nearest = found.nearest_move
    assert nearest is not None and nearest.criterion in ("accuracy", "budget")
    assert distance(nearest) == pytest.approx(0.6 - 1 / 3)


def test_one_that_is_better_in_everything_wins_with_any_weights() -> None:
    assert weigh({"a": [5.0] * 7, "b": [4.0] * 7}).nearest_move is None
    assert weigh({"a": [5.0] * 7}).moves == ()


# Futures.


def test_each_future_has_its_own_budget_scores() -> None:
    random = np.random.default_rng(7)
    a, b, c = (np.exp(random.normal(mean, 0.5, 300)) * 1000 for mean in (0.0, 0.1, 0.6))
    given = [facts("api-first", a), facts("rag", b), facts("self-hosted", c)]
    said = {"weights": {"budget": 50, "differentiation": 50}, "differentiation": "some"}
    found = weighted(needs(**said), given, CATALOG)
    control = {"api-first": 1, "rag": 2, "self-hosted": 2}
    wins = dict.fromkeys(control, 0.0)
    for usd in zip(a, b, c, strict=True):
        totals = {
            name: 0.5 * min(5, max(1, 5 * min(usd) / mine)) + 0.5 * min(5, max(1, 5 * control[name] / 3))
            for name, mine in zip(control, usd, strict=True)
        }
        best = [name for name, total in totals.items() if total >= max(totals.values()) - 1e-9]
        for name in best:
            wins[name] += 1 / len(best) / 300
    assert dict(found.p_wins) == pytest.approx(wins)
    assert sum(wins.values()) == pytest.approx(1.0)
    assert 0.05 < wins["self-hosted"] < 0.95
    assert found.rows[0].se == pytest.approx(math.sqrt(found.rows[0].p_wins * (1 - found.rows[0].p_wins) / 300), rel=0.02)


def test_what_is_dearer_than_five_times_the_cheapest_is_no_worse_for_it() -> None:
    # Without the floor of 1 the tenfold cost would lose 0.25 points more, and the futures with it.
    given = [facts("api-first", [1000.0] * 10), facts("self-hosted", [10_000.0] * 10)]
    found = weighted(
        needs(weights={"budget": 50, "differentiation": 50}, scores={"differentiation": {"api-first": 1, "self-hosted": 5}}), given, CATALOG
    )
    assert dict(found.p_wins) == {"api-first": 0.5, "self-hosted": 0.5}
    assert found.winners == ("api-first", "self-hosted")


def test_a_budget_score_of_ones_own_is_that_of_every_future() -> None:
    given = [facts("api-first", [1.0, 100.0]), facts("rag", [100.0, 1.0])]
    found = weighted(needs(weights={"budget": 1}, scores={"budget": {"api-first": 4, "rag": 3}}), given, CATALOG)
    assert found.p_wins == {"api-first": 1.0, "rag": 0.0}


def test_needs_without_weights_count_each_criterion_alike() -> None:
    found = weighted(needs(), [facts("api-first"), facts("rag")], CATALOG)
    assert not found.given
    assert found.left_out == ("accuracy", "team")
    assert [share for share in found.weights.values() if share] == pytest.approx([1 / 5] * 5)
    assert weighted(needs(weights={"budget": 100}), [facts("api-first")], CATALOG).given
