"""Which strategy to take, how sure that is, what comes second, and when the choice has paid for itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from sim.decision.facts import StrategyFacts
from sim.futures.bands import band
from sim.futures.forecast import Band
from sim.futures.risk import probability_se
from sim.planning.crossover import HALF_A_CENT, MonthOf, dearer_to_start, month_of, paid_back_in


@dataclass(frozen=True)
class Recommendation:
    """The strategy that is best of those that pass, by the weighted decision matrix in most futures."""

    strategy: str
    probability: float
    """Share of futures in which it is the best of those that pass."""
    se: float
    runner_up: str | None
    """The best in most of the other futures; None where nothing else passes."""
    runner_up_probability: float | None
    saves_usd: Band | None
    """What the runner-up costs more over all months, future by future; below 0: less."""
    payback: MonthOf | None
    """After which month all that it has cost is less than what the runner-up has, to the last month; None where it is not dearer to start,
    or there is nothing to hold it against."""
    passing: tuple[str, ...]
    """Strategies that no gate rules out and that fail no requirement, the likeliest best first."""
    p_best: Mapping[str, float]
    """Of the passing ones."""
    p_cheapest: Mapping[str, float]
    """Of the passing ones: share of futures in which the TCO is the lowest; those that tie share the future."""
    unknown: tuple[str, ...]
    """Requirements of which nobody can say whether the recommended strategy meets them."""


def recommend(
    passing: Sequence[StrategyFacts], p_best: Mapping[str, float], *, unknown: Mapping[str, Sequence[str]], futures: int
) -> Recommendation | None:
    """What to take of strategies that pass, by the share of futures in which each is the best; None where nothing passes.

    `unknown` are requirements by strategy that nothing is known of. Of equal shares the cheaper one in the mean goes first.
    """
    if not passing:
        return None
    order = sorted(passing, key=lambda each: (-p_best[each.name], each.tco_usd.mean))
    best, second = order[0], order[1] if len(order) > 1 else None
    saves, payback = (None, None) if second is None else _against(best, second)
    p = p_best[best.name]
    return Recommendation(
        strategy=best.name,
        probability=p,
        se=probability_se(p, futures),
        runner_up=None if second is None else second.name,
        runner_up_probability=None if second is None else p_best[second.name],
        saves_usd=saves,
        payback=payback,
        passing=tuple(each.name for each in order),
        p_best={each.name: p_best[each.name] for each in order},
        p_cheapest=p_cheapest(order),
        unknown=tuple(unknown.get(best.name, ())),
    )


def p_cheapest(facts: Sequence[StrategyFacts]) -> dict[str, float]:
    """In which share of futures each strategy has the lowest TCO, to the cent; those that tie share the future."""
    totals = np.stack([each.tco_usd_by_month.sum(axis=1) for each in facts])
    least = totals < totals.min(axis=0) + HALF_A_CENT
    shares = (least / least.sum(axis=0)).mean(axis=1)
    return {each.name: float(share) for each, share in zip(facts, shares, strict=True)}


def _against(own: StrategyFacts, other: StrategyFacts) -> tuple[Band, MonthOf | None]:
    """What the other costs more, and when the own has paid for itself, where it costs more at first."""
    a, b = own.tco_usd_by_month, other.tco_usd_by_month
    payback = None
    if dearer_to_start(a, b) == 0:
        payback = month_of(own.name, paid_back_in(a, b), a.shape[1])
    return band((b - a).sum(axis=1)), payback
