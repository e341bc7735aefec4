"""The performance requirements matrix: each requirement a strategy, passed, failed or unknown; and a ranking by weights.

A verdict is strict: it goes by the value that was measured. Where that value has an interval (a score by its examples, a cost by its
futures), `sure` says whether the whole interval is on the same side of the limit. A limit that is just met is met.

The ranking is asked for as a weighted sum: latency p99 in seconds x weight + USD for 1,000 requests x weight + percentage points of error
x weight + 1,000 / requests a second x weight, the least the best. Such a sum adds seconds to dollars to points: in milliseconds or cents
the same weights give another order, and a weight says less of what matters than of how large the numbers happen to be. It is
kept, as `sum_score`, since texts have it. What is ranked by is the weighted geometric mean of the same four, each over its limit (over the
best, where none is given): prod (x / limit)^weight. There a weight says what 1 % more of each is worth, whatever the unit and whatever it
is held against: both change all scores by the same factor. Below 1 is better than the limits taken together.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from sim.decision.facts import Quantiles, StrategyFacts
from sim.decision.needs import Needs
from sim.decision.needs_parts import Measure

Verdict = Literal["pass", "fail", "unknown"]
MEASURES: tuple[Measure, ...] = ("latency", "cost", "accuracy", "throughput")
RANKED_BY: Mapping[Measure, str] = MappingProxyType(
    {"latency": "e2e_p99", "cost": "usd_per_1000_requests", "accuracy": "accuracy", "throughput": "throughput_per_s"}
)
"""The figure of the matrix that each weight is about."""
LEAST_ERROR = 1e-4
"""A score of 1 counts as one error in 10,000 where errors are compared as ratios."""
_LEAST = 1e-9
"""Likewise what costs nothing, or takes no time."""
_SLACK = 1e-12
_LATENCIES = tuple(f"{metric}_{edge}" for metric in ("ttft", "tpot", "e2e") for edge in ("p50", "p95", "p99"))


@dataclass(frozen=True, slots=True)
class Requirement:
    """One limit of the needs."""

    key: str
    limit: float
    better: Literal["low", "high"]
    unit: Literal["s", "per_s", "share", "usd"]


@dataclass(frozen=True, slots=True)
class Value:
    """What was measured, with its interval where it has one."""

    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Profile:
    """What is measured of a strategy, by the key of the requirement; what is absent is unknown."""

    strategy: str
    values: Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Cell:
    """One requirement of one strategy."""

    requirement: Requirement
    value: Value | None
    verdict: Verdict
    sure: bool | None
    """Whether the whole interval says the same; None without an interval."""


@dataclass(frozen=True)
class Row:
    """One strategy against every requirement."""

    strategy: str
    cells: tuple[Cell, ...]
    figures: Mapping[str, Value]
    """Everything that is known of it, also what is not required."""

    @property
    def verdict(self) -> Verdict:
        """fail where any requirement fails, else unknown where any is, else pass."""
        found = {each.verdict for each in self.cells}
        return "fail" if "fail" in found else "unknown" if "unknown" in found else "pass"

    @property
    def surely(self) -> bool:
        """Whether no interval says that the verdict might be another."""
        if self.verdict == "fail":
            return any(each.verdict == "fail" and each.sure is not False for each in self.cells)
        return self.verdict == "pass" and all(each.sure is not False for each in self.cells)

    def of(self, verdict: Verdict) -> tuple[str, ...]:
        """Keys of the requirements with this verdict."""
        return tuple(each.requirement.key for each in self.cells if each.verdict == verdict)


@dataclass(frozen=True, slots=True)
class Ranked:
    """One strategy in the ranking; ranks from 1, those that tie share one."""

    strategy: str
    score: float | None
    """The weighted geometric mean; the least is the best. None where a figure that has a weight is unknown."""
    rank: int | None
    sum_score: float | None
    """The weighted sum of texts, whose weights depend on units."""
    sum_rank: int | None
    unknown: tuple[Measure, ...]
    """Measures that have a weight and no figure."""


@dataclass(frozen=True)
class PerformanceMatrix:
    """The matrix and its ranking, the best first, those that cannot be ranked last."""

    requirements: tuple[Requirement, ...]
    rows: tuple[Row, ...]
    weights: Mapping[Measure, float]
    """Adding up to one."""
    references: Mapping[Measure, float]
    """What each measure is held against: the limit, else the best; of accuracy the error."""
    ranking: tuple[Ranked, ...]

    @property
    def passing(self) -> tuple[str, ...]:
        """Strategies that fail nothing; what is unknown of them is in their row."""
        return tuple(row.strategy for row in self.rows if row.verdict != "fail")

    @property
    def orders_differ(self) -> bool:
        """Whether the sum of texts would rank otherwise."""
        return any(each.rank != each.sum_rank for each in self.ranking)


def requirements_of(needs: Needs) -> tuple[Requirement, ...]:
    """The limits that needs give, in the order of the matrix: latency, throughput, completed, accuracy, cost for 1,000 requests."""
    found = [
        Requirement(key, limit, "low", "s") for key in _LATENCIES if (limit := getattr(needs.latency, key)) is not None
    ]  # fmt: skip
    if needs.throughput_per_s is not None:
        found.append(Requirement("throughput_per_s", needs.throughput_per_s, "high", "per_s"))
    if needs.completed is not None:
        found.append(Requirement("completed", needs.completed, "high", "share"))
    if needs.accuracy is not None:
        found.append(Requirement("accuracy", needs.accuracy.target, "high", "share"))
    if needs.usd_per_1000_requests is not None:
        found.append(Requirement("usd_per_1000_requests", needs.usd_per_1000_requests, "low", "usd"))
    return tuple(found)


def profile_of(facts: StrategyFacts) -> Profile:
    """What was simulated of a strategy, and the user's score of it; cost is what suppliers charge, p50 with p5 and p95 over futures."""
    values: dict[str, Value] = {}
    for metric, found in (("ttft", facts.ttft_s), ("tpot", facts.tpot_s), ("e2e", facts.e2e_s)):
        values.update(_quantiles(metric, found))
    if facts.throughput_per_s is not None:
        values["throughput_per_s"] = Value(facts.throughput_per_s)
    if facts.completed_share is not None:
        values["completed"] = Value(facts.completed_share)
    if facts.quality is not None:
        values["accuracy"] = Value(facts.quality.score, facts.quality.low, facts.quality.high)
    cost = facts.usd_per_1000_requests
    if cost is not None and facts.strategy.served:
        values["usd_per_1000_requests"] = Value(cost.p50, cost.p5, cost.p95)
    return Profile(facts.name, MappingProxyType(values))


def performance(needs: Needs, facts: Sequence[StrategyFacts]) -> PerformanceMatrix:
    """The matrix of what was simulated."""
    return performance_matrix(requirements_of(needs), [profile_of(each) for each in facts], needs.performance_weights)


def performance_matrix(
    requirements: Sequence[Requirement], profiles: Sequence[Profile], weights: Mapping[Measure, float]
) -> PerformanceMatrix:
    """The matrix of profiles; weights need not add up to one, and none at all (or all 0) means that each counts the same."""
    rows = tuple(Row(each.strategy, tuple(_cell(one, each) for one in requirements), each.values) for each in profiles)
    total = sum(weights.values())
    shares = MappingProxyType({key: weights.get(key, 0.0) / total if total > 0 else 1 / len(MEASURES) for key in MEASURES})
    costs = {each.strategy: _badness(each) for each in profiles}
    limits = {each.key: each.limit for each in requirements}
    references = MappingProxyType({key: _reference(key, limits, costs.values()) for key in MEASURES})
    return PerformanceMatrix(tuple(requirements), rows, shares, references, _ranking(costs, shares, references))


def weighted_sum(badness: Mapping[Measure, float], weights: Mapping[Measure, float]) -> float:
    """The formula of texts on latency p99 in seconds, USD for 1,000 requests, error as a share, and seconds a request (1 / throughput)."""
    scale = {"latency": 1.0, "cost": 1.0, "accuracy": 100.0, "throughput": 1000.0}
    return sum(weight * scale[key] * badness[key] for key, weight in weights.items() if weight > 0)


def _quantiles(metric: str, found: Quantiles | None) -> dict[str, Value]:
    if found is None:
        return {}
    return {f"{metric}_{edge}": Value(value) for edge in ("p50", "p95", "p99") if (value := getattr(found, edge)) is not None}


def _cell(requirement: Requirement, profile: Profile) -> Cell:
    found = profile.values.get(requirement.key)
    if found is None:
        return Cell(requirement, None, "unknown", None)
    met = _met(requirement, found.value)
    sure = None
    if found.low is not None and found.high is not None:
        sure = _met(requirement, found.low) == _met(requirement, found.high) == met
    return Cell(requirement, found, "pass" if met else "fail", sure)


def _met(requirement: Requirement, value: float) -> bool:
    slack = _SLACK * max(abs(value), abs(requirement.limit))
    return value <= requirement.limit + slack if requirement.better == "low" else value >= requirement.limit - slack


def _badness(profile: Profile) -> dict[Measure, float]:
    """Each measure so that less is better and none is nought: errors for accuracy, seconds a request for throughput."""
    found: dict[Measure, float] = {}
    for key, name in RANKED_BY.items():
        if name in profile.values:
            found[key] = _bad(key, profile.values[name].value)
    return found


def _bad(key: Measure, value: float) -> float:
    if key == "accuracy":
        return max(LEAST_ERROR, 1 - value)
    if key == "throughput":
        return 1 / value if value > 0 else math.inf
    return max(_LEAST, value)


def _reference(key: Measure, limits: Mapping[str, float], costs: Iterable[Mapping[Measure, float]]) -> float:
    limit = limits.get(RANKED_BY[key])
    if limit is not None and (limit > 0 or key == "accuracy"):
        return _bad(key, limit)
    return min((each[key] for each in costs if key in each and math.isfinite(each[key])), default=1.0)


def _ranking(
    costs: Mapping[str, Mapping[Measure, float]], weights: Mapping[Measure, float], references: Mapping[Measure, float]
) -> tuple[Ranked, ...]:
    weighed = [key for key in MEASURES if weights[key] > 0]
    unknown = {name: tuple(key for key in weighed if key not in bad) for name, bad in costs.items()}
    scores = {
        name: None if unknown[name] else math.exp(sum(weights[key] * math.log(bad[key] / references[key]) for key in weighed))
        for name, bad in costs.items()
    }
    sums = {name: None if unknown[name] else weighted_sum(bad, weights) for name, bad in costs.items()}
    ranks, sum_ranks = ranked(scores), ranked(sums)
    found = [Ranked(name, scores[name], ranks[name], sums[name], sum_ranks[name], unknown[name]) for name in costs]
    return tuple(sorted(found, key=lambda each: math.inf if each.rank is None else each.rank))


def ranked(scores: Mapping[str, float | None]) -> dict[str, int | None]:
    """Ranks from 1, the least first; those within rounding of each other share one, and the next is as many further on."""
    known = sorted((score, name) for name, score in scores.items() if score is not None)
    found: dict[str, int | None] = dict.fromkeys(scores)
    for place, (score, name) in enumerate(known):
        before = known[place - 1] if place else None
        tied = before is not None and math.isclose(score, before[0], rel_tol=1e-9)
        found[name] = found[before[1]] if before is not None and tied else place + 1
    return found
