"""Quality as the user measured it: how sure a score is, whether one model is better than another, and the 90 % rule.

A score is the mean of n examples, each between 0 and 1. Its 95 % interval is Wilson's (Wilson, JASA 22, 1927), which keeps its coverage
near 0 and 1 and on small test sets, where score ± 1.96 se does not. For answers that are right or wrong it is the interval of a share; of
any other score between 0 and 1 the variance is at most that of a share with the same mean, so that the interval is wide enough there, too.
It says how far another test set of the same kind might differ, not whether the test set is like production.

A score without n has no interval, and a model without a score is unknown: nothing is guessed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal

import numpy as np

from sim.decision.facts import Quality, StrategyFacts
from sim.decision.needs import Needs
from sim.decision.needs_parts import Evaluation, Kind
from sim.futures.bands import band
from sim.futures.forecast import Band, FloatArray
from sim.sampling import stream

CONFIDENCE = 0.95
RESAMPLES = 10_000
_FEWEST_RESAMPLES = 1_000
_MOST_INDICES = 100_000_000
"""Examples drawn at most in all resamples together: a second or two."""
_AT_ONCE = 2_000_000
_FEW_VALUES = 256
"""Differences that take no more values than these are drawn by how often each occurs."""
PROMPTED: frozenset[Kind] = frozenset({"api", "multi_vendor", "rag"})
"""Kinds that answer by a general model at a vendor, with good prompting: the 90 % rule is about these."""
NINETY = 0.9

Better = Literal["a", "b", "neither", "unknown"]
Reached = Literal["met", "reached", "unsure", "not reached", "unknown"]


def wilson(score: float, n: int, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """The interval of a share `score` of n examples: all p with |score - p| <= z sqrt(p (1 - p) / n)."""
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    spread = z * z / n
    middle = (score + spread / 2) / (1 + spread)
    half = z / (1 + spread) * math.sqrt(score * (1 - score) / n + spread / (4 * n))
    # At 0 and 1 the formula ends there but for rounding.
    return (0.0 if score == 0 else max(0.0, middle - half)), (1.0 if score == 1 else min(1.0, middle + half))


def quality_of(evaluation: Evaluation) -> Quality:
    """A score of the user's with its interval; without one where nobody said on how many examples it was measured."""
    low, high = (None, None) if evaluation.n is None else wilson(evaluation.score, evaluation.n)
    return Quality(evaluation.score, low, high, evaluation.n, evaluation.source)


def quality_of_strategy(name: str, share_by_model: Mapping[str, float], quality: Mapping[str, Evaluation]) -> Quality | None:
    """What is known of a strategy: its own score where it has one, else those of the models that answer, by their shares of requests.

    None where any model that answers has no score. The interval of such a mean is sqrt(sum (share x distance to the bound)^2) below and
    above it (Zou and Donner, Statistics in Medicine 27, 2008), test sets taken for independent.
    """
    if name in quality:
        return quality_of(quality[name])
    shares = {model: share for model, share in share_by_model.items() if share > 0}
    if not shares or any(model not in quality for model in shares):
        return None
    parts = [(share, quality_of(quality[model])) for model, share in shares.items()]
    if len(parts) == 1:
        return parts[0][1]
    score = sum(share * each.score for share, each in parts)
    low = high = None
    if all(each.low is not None for _, each in parts):
        low = max(0.0, score - math.hypot(*(share * (each.score - (each.low or 0.0)) for share, each in parts)))
        high = min(1.0, score + math.hypot(*(share * ((each.high or 0.0) - each.score) for share, each in parts)))
    source = "; ".join(f"{share:.0%} {model}" for model, share in shares.items())
    return Quality(score, low, high, None, source)


@dataclass(frozen=True)
class QualityComparison:
    """Whether the score of a is above that of b; differences are a less b, with a 95 % interval of a percentile bootstrap."""

    a: str
    b: str
    difference: float
    low: float | None
    """None where either score has no n."""
    high: float | None
    p_a_better: float | None
    """Share of resamples in which a is above b; ties count half."""
    paired: bool
    """Whether both were measured on the same examples, one by one: then what is hard for both cancels."""
    n_a: int | None
    n_b: int | None
    resamples: int
    how: str
    """In words, what the interval rests on."""

    @property
    def better(self) -> Better:
        """Which of them is, where the interval leaves nought out; `unknown` where there is no interval."""
        if self.low is None or self.high is None:
            return "unknown"
        return "a" if self.low > 0 else "b" if self.high < 0 else "neither"


def compare_models(
    a: str, first: Evaluation, b: str, second: Evaluation, outcomes: tuple[FloatArray, FloatArray] | None = None, *, seed: int = 0
) -> QualityComparison:
    """Two models by bootstrap: over the examples both answered where `outcomes` has their scores [N], else by n and score.

    By n and score alone each test set is drawn anew as n examples that are right with the chance that was measured. A score of 0 or 1 says
    no spread, which nobody believes of a finite test set: half an example is taken to be otherwise. What n and score leave out is that both
    may have answered the same questions: the interval is then wider than it need be.
    """
    draws = stream(seed, f"decision/quality/{a}/{b}")
    if outcomes is not None:
        mine, theirs = outcomes
        differences = np.asarray(mine, np.float64) - np.asarray(theirs, np.float64)
        n = len(differences)
        means = _resampled_means(differences, draws)
        how = f"the same {n:,} examples, resampled {len(means):,} times in pairs"
        return _compared(a, b, float(differences.mean()), means, (n, n), how, paired=True)
    if first.n is None or second.n is None:
        lacks = " and ".join(name for name, each in ((a, first), (b, second)) if each.n is None)
        how = f"not known: nobody says on how many examples {lacks} was measured (quality: n)"
        return QualityComparison(a, b, first.score - second.score, None, None, None, False, first.n, second.n, 0, how)
    means = _redrawn(first.score, first.n, draws) - _redrawn(second.score, second.n, draws)
    how = f"{first.n:,} and {second.n:,} examples, each set drawn anew {RESAMPLES:,} times; as if they were different examples"
    return _compared(a, b, first.score - second.score, means, (first.n, second.n), how, paired=False)


def _compared(a: str, b: str, difference: float, means: FloatArray, n: tuple[int, int], how: str, *, paired: bool) -> QualityComparison:
    low, high = (float(each) for each in np.quantile(means, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2]))
    p = float(np.mean(means > 0) + np.mean(means == 0) / 2)
    return QualityComparison(a, b, difference, low, high, p, paired, *n, len(means), how)


def _resampled_means(values: FloatArray, draws: np.random.Generator) -> FloatArray:
    """Means of as many examples drawn with replacement, once a resample."""
    n = len(values)
    distinct, counts = np.unique(values, return_counts=True)
    if len(distinct) <= _FEW_VALUES:
        return np.asarray(draws.multinomial(n, counts / n, RESAMPLES) @ distinct / n)
    resamples = max(_FEWEST_RESAMPLES, min(RESAMPLES, _MOST_INDICES // n))
    step = max(1, _AT_ONCE // n)
    parts = [values[draws.integers(n, size=(min(step, resamples - k), n))].mean(axis=1) for k in range(0, resamples, step)]
    return np.concatenate(parts)


def _redrawn(score: float, n: int, draws: np.random.Generator) -> FloatArray:
    chance = min(max(score, 0.5 / (n + 1)), 1 - 0.5 / (n + 1))
    return np.asarray(draws.binomial(n, chance, RESAMPLES) / n)


@dataclass(frozen=True)
class Closing:
    """One strategy that is nearer to the target than the API, and what that costs more over all months. USD; b less API in each future."""

    strategy: str
    score: float
    reaches_target: bool
    extra_usd: Band
    """Of its TCO over that of the API, in the same futures; below nought where it costs less."""
    usd_per_point: float
    """Of the middle of that, for each percentage point of score."""
    later_months: float
    """Months to production that it takes longer; below nought where it is sooner."""


@dataclass(frozen=True)
class NinetyPercentRule:
    """Whether an API with good prompting is at 90 % of the target, and what the rest would cost."""

    target: float
    strategy: str | None
    """The prompted API with the best score; None where none has one."""
    score: float | None
    share_of_target: float | None
    reached: Reached
    """met: the target itself; reached: at least 90 % of it; unsure: its interval holds the 90 %; unknown: no score."""
    closing: tuple[Closing, ...]
    """The strategies that score higher, the cheapest a percentage point first."""
    unknown: tuple[str, ...]
    """Strategies without a score, which might close the gap as well."""

    @property
    def says(self) -> str:
        """What follows, in words."""
        if self.strategy is None or self.score is None or self.share_of_target is None:
            return "not known: no API has a score; measure one on your own tasks before anything is built"
        at = f"{self.strategy} is at {self.share_of_target:.0%} of the target with good prompting"
        if self.reached == "met":
            return f"{at}: nothing is left to close"
        if self.reached == "not reached":
            return f"{at}: below 90 %, what is missing is not a detail"
        if self.reached == "unsure":
            return f"{at}, and its interval is on both sides of 90 %: measure more examples"
        if not self.closing:
            return f"{at}: nothing here is measured to be better"
        best = self.closing[0]
        sum_usd = f"USD {abs(best.extra_usd.p50):,.0f} {'more' if best.extra_usd.p50 >= 0 else 'less'}"
        wait = f" and {best.later_months:.1f} months" if best.later_months > 0 else ""
        return f"{at}; {best.strategy} would add {100 * (best.score - self.score):.1f} points for {sum_usd}{wait}: is that worth it?"


def ninety_percent_rule(needs: Needs, facts: Sequence[StrategyFacts]) -> NinetyPercentRule | None:
    """The 90 % rule on what was measured; None where no accuracy is asked for.

    Where the point is below 90 % or above but the interval holds both sides, the answer is `unsure`.
    """
    if needs.accuracy is None:
        return None
    target = needs.accuracy.target
    scored: Mapping[str, Quality] = {each.name: each.quality for each in facts if each.quality is not None}
    unknown = tuple(each.name for each in facts if each.quality is None)
    prompted = [each for each in facts if each.strategy.kind in PROMPTED and each.name in scored]
    if not prompted:
        return NinetyPercentRule(target, None, None, None, "unknown", (), unknown)
    api = max(prompted, key=lambda each: scored[each.name].score)
    mine = scored[api.name]
    closing = [_closing(each, scored[each.name], api, mine.score, target) for each in facts if _above(scored.get(each.name), mine)]
    closing.sort(key=lambda each: each.usd_per_point)
    share = mine.score / target if target > 0 else 1.0
    return NinetyPercentRule(target, api.name, mine.score, share, _reached(mine, target), tuple(closing), unknown)


def _above(one: Quality | None, other: Quality) -> bool:
    return one is not None and one.score > other.score


def _reached(found: Quality, target: float) -> Reached:
    if found.score >= target:
        return "met"
    line = NINETY * target
    if found.low is not None and found.high is not None and found.low < line <= found.high:
        return "unsure"
    return "reached" if found.score >= line else "not reached"


def _closing(each: StrategyFacts, found: Quality, api: StrategyFacts, score: float, target: float) -> Closing:
    extra = band(each.tco_usd_by_month.sum(axis=1) - api.tco_usd_by_month.sum(axis=1))
    points = 100 * (found.score - score)
    later = each.months_to_production - api.months_to_production
    return Closing(each.name, found.score, found.score >= target, extra, extra.p50 / points, later)
