"""Scores: Wilson's interval, mixtures of models, two models by bootstrap, files of examples, the 90 % rule."""

from __future__ import annotations

import math
from pathlib import Path
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.catalog.yaml_file import read_document
from sim.decision.needs import needs_of
from sim.decision.needs_parts import Evaluation
from sim.decision.outcomes import MOST_EXAMPLES, outcomes_of, paired, read_outcomes
from sim.decision.quality import compare_models, ninety_percent_rule, quality_of, quality_of_strategy, wilson
from sim.errors import InputError
from tests.made.decisions import CATALOG, facts, needs

Z = NormalDist().inv_cdf(0.975)


def measured(score: float, n: int | None = None) -> Evaluation:
    return Evaluation(score=score, n=n)


@given(st.floats(0.01, 0.99), st.integers(1, 5000))
@settings(max_examples=50)
def test_each_end_of_the_interval_is_as_far_from_the_score_as_its_own_error_allows(score: float, n: int) -> None:
    low, high = wilson(score, n)
    assert 0 <= low < score < high <= 1
    for end in (low, high):
        assert abs(score - end) == pytest.approx(Z * math.sqrt(end * (1 - end) / n), rel=1e-9)


def test_an_interval_covers_what_it_says_where_a_plain_one_does_not() -> None:
    p, n = 0.97, 60
    covered = plain = 0.0
    for right in range(n + 1):
        chance = math.comb(n, right) * p**right * (1 - p) ** (n - right)
        score = right / n
        low, high = wilson(score, n)
        covered += chance * (low <= p <= high)
        half = Z * math.sqrt(score * (1 - score) / n)
        plain += chance * (score - half <= p <= score + half)
    assert covered > 0.93
    assert plain < 0.87


def test_all_right_or_all_wrong_still_has_an_interval() -> None:
    n = 20
    assert wilson(1.0, n) == (pytest.approx(n / (n + Z**2)), 1.0)
    assert wilson(0.0, n) == (0.0, pytest.approx(Z**2 / (n + Z**2)))


def test_without_n_there_is_a_score_and_no_interval() -> None:
    found = quality_of(measured(0.9))
    assert (found.score, found.low, found.high, found.n) == (0.9, None, None, None)


def test_a_strategy_of_several_models_scores_by_their_shares() -> None:
    scores = {"a": measured(0.9, 400), "b": measured(0.7, 100)}
    found = quality_of_strategy("mixed", {"a": 0.75, "b": 0.25}, scores)
    assert found is not None and found.low is not None
    assert found.score == pytest.approx(0.75 * 0.9 + 0.25 * 0.7)
    below = math.hypot(0.75 * (0.9 - wilson(0.9, 400)[0]), 0.25 * (0.7 - wilson(0.7, 100)[0]))
    assert found.low == pytest.approx(found.score - below)
    assert quality_of_strategy("mixed", {"a": 1.0, "b": 0.0}, scores) == quality_of(scores["a"])


def test_a_score_of_the_strategy_goes_first_and_a_missing_one_is_unknown() -> None:
    scores = {"a": measured(0.9, 400), "mixed": measured(0.8, 50)}
    assert quality_of_strategy("mixed", {"a": 1.0}, scores) == quality_of(scores["mixed"])
    assert quality_of_strategy("other", {"a": 0.999, "b": 0.001}, scores) is None
    assert quality_of_strategy("other", {}, scores) is None


def test_two_models_by_n_and_score_differ_as_shares_do() -> None:
    found = compare_models("a", measured(0.94, 500), "b", measured(0.91, 400))
    sd = math.sqrt(0.94 * 0.06 / 500 + 0.91 * 0.09 / 400)
    assert found.low is not None and found.high is not None and found.p_a_better is not None
    assert found.difference == pytest.approx(0.03)
    assert found.high - found.low == pytest.approx(2 * Z * sd, rel=0.05)
    assert found.p_a_better == pytest.approx(NormalDist().cdf(0.03 / sd), abs=0.01)
    assert found.better == "neither"
    assert not found.paired


def test_a_comparison_depends_on_the_seed_alone() -> None:
    one = compare_models("a", measured(0.94, 500), "b", measured(0.91, 400), seed=3)
    assert one == compare_models("a", measured(0.94, 500), "b", measured(0.91, 400), seed=3)
    assert one != compare_models("a", measured(0.94, 500), "b", measured(0.91, 400), seed=4)


def test_the_same_examples_tell_more_than_two_scores() -> None:
    # 500 questions; b fails 30 of those that a answers, a none of those that b answers.
    mine, theirs = np.ones(500), np.ones(500)
    mine[:40] = 0.0
    theirs[:70] = 0.0
    a, b = measured(0.92, 500), measured(0.86, 500)
    alone, pairs = compare_models("a", a, "b", b), compare_models("a", a, "b", b, (mine, theirs))
    assert pairs.paired and pairs.better == "a"
    assert pairs.low is not None and pairs.high is not None and alone.low is not None and alone.high is not None
    sd = math.sqrt((0.06 - 0.06**2) / 500)
    assert pairs.high - pairs.low == pytest.approx(2 * Z * sd, rel=0.05)
    assert pairs.high - pairs.low < (alone.high - alone.low) * 0.6


def test_scores_of_many_values_are_resampled_too() -> None:
    random = np.random.default_rng(5)
    mine, theirs = random.random(900), random.random(900) * 0.8
    found = compare_models("a", measured(0.5, 900), "b", measured(0.4, 900), (mine, theirs))
    difference = mine - theirs
    assert found.low is not None and found.high is not None
    assert found.difference == pytest.approx(difference.mean())
    assert found.high - found.low == pytest.approx(2 * Z * difference.std() / 30, rel=0.06)


def test_who_says_not_how_many_is_told_so() -> None:
    found = compare_models("a", measured(0.94), "b", measured(0.91, 400))
    assert (found.low, found.p_a_better, found.better) == (None, None, "unknown")
    assert "examples a was measured" in found.how
    same = compare_models("a", measured(1.0, 30), "b", measured(1.0, 30))
    assert same.better == "neither"
    assert same.p_a_better == pytest.approx(0.5, abs=0.02)  # a draw counts half


def test_no_error_in_few_examples_is_not_no_error_at_all() -> None:
    found = compare_models("a", measured(1.0, 20), "b", measured(0.95, 20))
    assert found.low is not None and found.low < 0 < found.difference


# The 90 % rule.


def rule(api: Evaluation | None, own: Evaluation | None, target: float = 0.9, api_usd: object = 1000.0, own_usd: object = 3000.0):  # type: ignore[no-untyped-def]
    asked = needs(accuracy={"target": target})
    first = facts("api-first", api_usd, quality=api and quality_of(api))  # type: ignore[arg-type]
    second = facts("own-fine-tune", own_usd, months=4.0, quality=own and quality_of(own))  # type: ignore[arg-type]
    return ninety_percent_rule(asked, [first, second])


def test_an_api_near_the_target_is_held_against_what_the_rest_costs() -> None:
    found = rule(measured(0.85, 4000), measured(0.90, 4000), api_usd=[1000.0, 1200.0], own_usd=[3000.0, 3200.0])
    assert found.reached == "reached"
    assert found.share_of_target == pytest.approx(0.85 / 0.9)
    (closing,) = found.closing
    assert closing.reaches_target
    assert closing.extra_usd.p50 == pytest.approx(2000.0)  # in each future
    assert closing.extra_usd.p95 - closing.extra_usd.p5 == pytest.approx(0.0, abs=1e-6)
    assert closing.usd_per_point == pytest.approx(2000 / 5)
    assert closing.later_months == pytest.approx(3.5)
    assert found.says == (
        "api-first is at 94% of the target with good prompting; own-fine-tune would add 5.0 points for USD 2,000 more and 3.5 months: "
        "is that worth it?"
    )


@pytest.mark.parametrize(
    ("api", "reached"),
    [
        (measured(0.9, 100), "met"),
        (measured(0.85), "reached"),
        (measured(0.82, 100), "unsure"),
        (measured(0.80, 100), "unsure"),
        (measured(0.5, 100), "not reached"),
        (None, "unknown"),
    ],
)
def test_where_an_api_stands(api: Evaluation | None, reached: str) -> None:
    found = rule(api, measured(0.9, 100))
    assert found.reached == reached
    assert found.says
    assert (found.score is None) == (api is None)


def test_the_rule_names_whose_score_is_not_known_and_is_silent_without_a_target() -> None:
    assert rule(measured(0.85, 100), None).unknown == ("own-fine-tune",)
    assert rule(measured(0.85, 4000), None).closing == ()
    assert ninety_percent_rule(needs(), [facts("api-first")]) is None


# Files of single examples.


def test_scores_of_examples_are_read_by_column(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("id,score\n1,1\n2,0.5\n\n3,0\n")
    assert read_outcomes(path, "a.csv").tolist() == [1.0, 0.5, 0.0]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("id,right\n1,1\n", "a.csv:1: found columns id, right; a column score is needed"),
        ("", "a.csv:1: found columns nothing; a column score is needed"),
        ("score\n", "a.csv: found no examples; one a line is needed"),
        ("score\n1\nyes\n1.5\nnan\n", "a.csv:3: score: found 'yes'; a score from 0 to 1 is needed"),
        ("id,score\n1\n", "a.csv:2: score: found 'nothing'; a score from 0 to 1 is needed"),
    ],
)
def test_what_is_wrong_with_examples_is_said_with_its_line(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "a.csv"
    path.write_text(text)
    with pytest.raises(InputError) as raised:
        read_outcomes(path, "a.csv")
    assert str(raised.value).split("\n")[0] == said
    assert len(str(raised.value).split("\n")) == (3 if "yes" in text else 1)


def test_more_examples_than_are_held_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("score\n" + "1\n" * (MOST_EXAMPLES + 1))
    with pytest.raises(InputError, match="more than 100,000 examples"):
        read_outcomes(path, "a.csv")


def test_needs_and_their_examples_must_agree(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("score\n1\n1\n0\n1\n")
    (tmp_path / "b.csv").write_text("score\n1\n0\n")
    text = (
        "quality:\n  api-first: {score: 0.75, n: 4, outcomes: a.csv}\n  rag: {score: 0.75, n: 3, outcomes: b.csv}\n  hybrid: {score: 1}\n"
    )
    (tmp_path / "needs.yaml").write_text(text)
    file = needs_of(read_document(tmp_path / "needs.yaml", "needs.yaml"), "needs", CATALOG, tmp_path)
    with pytest.raises(InputError) as raised:
        outcomes_of(file)
    lines = str(raised.value).split("\n")
    assert [line.partition(": ")[0].split(":")[1] for line in lines] == ["3", "3"]
    assert "found 0.75; the examples of b.csv have 0.5" in lines[0]
    assert "found 3; b.csv has 2 examples" in lines[1]
    (tmp_path / "needs.yaml").write_text(text.replace("0.75, n: 3", "0.5, n: 2"))
    found = outcomes_of(needs_of(read_document(tmp_path / "needs.yaml", "needs.yaml"), "needs", CATALOG, tmp_path))
    assert set(found) == {"api-first", "rag"}
    assert paired(found, "api-first", "rag") is None  # not as many: not the same examples
    assert paired(found, "api-first", "hybrid") is None
    assert paired(found, "rag", "rag") is not None
