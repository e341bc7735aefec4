"""What would change a recommendation: weights, scores that are not known, traffic, requirements, and signals on the way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from sim.decision.facts import StrategyFacts
from sim.decision.gate_case import listed
from sim.decision.needs_parts import CRITERIA
from sim.decision.recommendation import Recommendation
from sim.decision.relaxation import Relaxation
from sim.decision.triggers import Triggers
from sim.decision.weighted import Move, WeightedMatrix, distance
from sim.planning.crossover import BreakEven, break_even

LIKELY = 0.1
"""Signals that fire in fewer futures are not named."""
_FEW = 2


@dataclass(frozen=True, slots=True)
class WouldChange:
    """One thing that would, and what it would change to."""

    what: Literal["weight", "score", "traffic", "requirement", "signal"]
    to: str | None
    """The strategy that would be taken; None: the question is open again."""
    says: str


def would_change(
    found: Recommendation, own: StrategyFacts, facts: Sequence[StrategyFacts], matrix: WeightedMatrix, relax: Sequence[Relaxation],
    signals: Triggers | None, *, seed: int,
) -> tuple[WouldChange, ...]:  # fmt: skip
    """Everything that is known to, the nearest of each sort first."""
    second = next((each for each in facts if each.name == found.runner_up), None)
    cheaper = [each for each in relax if _tco(each.strategy, facts) < own.tco_usd.mean][:1]
    return (
        *(_weight(each) for each in sorted(matrix.moves, key=distance)[:_FEW] if each.below is not None or each.above is not None),
        *_scores(matrix),
        *(() if second is None else _traffic(own, second, seed)),
        *(_requirement(each, own, facts) for each in cheaper),
        *(() if signals is None else _signals(signals)),
    )


def _weight(move: Move) -> WouldChange:
    """The nearer end of what a weight may be."""
    down = move.weight - move.low if move.below is not None else 2.0
    up = move.high - move.weight if move.above is not None else 2.0
    to, at, where = (move.below, move.low, "below") if down <= up else (move.above, move.high, "above")
    words = CRITERIA[move.criterion]
    return WouldChange("weight", to, f"a weight of {words} {where} {at:.1%} in place of {move.weight:.1%}: {to}")


def _scores(matrix: WeightedMatrix) -> list[WouldChange]:
    """Strategies that would win if what is not known of them were good enough."""
    found = []
    for row in matrix.rows:
        if row.wins_from is not None:
            unknown = [CRITERIA[key] for key, score in row.scores.items() if score.value is None and matrix.weights[key] > 0]
            says = f"{listed(unknown)} of {row.strategy} shown to be worth {row.wins_from:.1f} of 5 or more: {row.strategy}"
            found.append(WouldChange("score", row.strategy, says))
    return found


def _traffic(own: StrategyFacts, other: StrategyFacts, seed: int) -> list[WouldChange]:
    """The traffic at which both cost the same."""
    requests = (own.requests_by_month + other.requests_by_month) / 2
    mean = float(requests.mean())
    per_request = own.tokens_per_month / mean if mean else 0.0
    level: BreakEven = break_even(
        (own.name, other.name), own.tco_usd_by_month, other.tco_usd_by_month, requests, tokens_per_request=per_request, seed=seed
    )
    if level.requests_per_month is None:
        return []
    cheaper_above = level.cheaper_above == own.name
    where = "below" if cheaper_above else "above"
    now = "cheaper now" if (level.requests_per_month < mean) == cheaper_above else "dearer now"
    guess = ", outside of all traffic seen" if level.extrapolated else ""
    says = f"{where} {level.requests_per_month:,.0f} requests a month{guess} {other.name} costs less ({own.name} is {now}, at {mean:,.0f})"
    return [WouldChange("traffic", other.name, says)]


def _requirement(each: Relaxation, own: StrategyFacts, facts: Sequence[StrategyFacts]) -> WouldChange:
    """A cheaper strategy that does not pass, and what would let it in."""
    needed = [change.says for change in each.changes]
    needed += [f"a limit of {missed.key} of {missed.needed:.4g} in place of {missed.limit:.4g}" for missed in each.missed]
    saved = own.tco_usd.mean - _tco(each.strategy, facts)
    return WouldChange("requirement", each.strategy, f"{listed(needed)}: {each.strategy} comes in, USD {saved:,.0f} cheaper in the mean")


def _signals(signals: Triggers) -> list[WouldChange]:
    """Signals that are likely to fire, the likeliest first."""
    likely = sorted((each for each in signals.fired if each.p_fires >= LIKELY), key=lambda each: -each.p_fires)
    return [
        WouldChange("signal", None, f"{each.name} ({each.p_fires:.0%} of futures, by month {each.p50} in half of them): {each.do}")
        for each in likely
    ]


def _tco(name: str, facts: Sequence[StrategyFacts]) -> float:
    return next(each.tco_usd.mean for each in facts if each.name == name)
