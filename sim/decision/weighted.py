"""The weighted decision matrix: seven criteria from 1 to 5, weights, totals, how far a weight may move, and who wins in which futures.

A total is the sum of weight x score. Weights add up to 1 (or 100 %); without any, each criterion counts the same. A criterion that is
known of no strategy is left out, and the other weights grow in proportion. A score that is not known counts as 1, the least there is:
nobody wins by what was not shown. How good it would have to be for that strategy to win is told.

How far a weight may move: criterion c gets weight v, the others keep their proportions and share 1 - v. The lead of the winner over another
is then v x (lead by c) + (1 - v) x (lead by all others), a straight line in v, so that the v at which it is nought is known exactly.

Futures: the budget score is that of each future's own TCO, the others stay; the share of futures in which a total is the highest is how
likely the strategy is the best, given the weights. Ties are shared.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from sim.catalog.catalog import Catalog
from sim.decision.facts import StrategyFacts
from sim.decision.needs import Needs
from sim.decision.needs_parts import Criterion
from sim.decision.performance import ranked
from sim.decision.scores import FORMULAS, HIGHEST, LOWEST, Score, Scores, scores_of
from sim.errors import InputError
from sim.futures.forecast import FloatArray
from sim.futures.risk import probability_se

_TIE = 1e-9
_WHOLE = (1.0, 100.0)


@dataclass(frozen=True, slots=True)
class Move:
    """How far the weight of one criterion may move before another strategy wins; weights from 0 to 1."""

    criterion: Criterion
    weight: float
    low: float
    """The winner stays from here..."""
    high: float
    """...to here."""
    below: str | None
    """Who wins below `low`; None where nobody does."""
    above: str | None


@dataclass(frozen=True)
class WeightedRow:
    """One strategy."""

    strategy: str
    scores: Mapping[Criterion, Score]
    total: float
    """1 to 5; what is not known counts as 1."""
    most: float
    """What it would be if all that is not known were 5."""
    rank: int
    """From 1; those that tie share one."""
    wins_from: float | None
    """The score that its unknown criteria must have for it to draw level with the winner; None where none is, or 5 is not enough."""
    p_wins: float
    """Share of futures in which its total is the highest."""
    se: float


@dataclass(frozen=True)
class WeightedMatrix:
    """The matrix, the best strategy first."""

    weights: Mapping[Criterion, float]
    """Adding up to one, criteria that are left out at nought."""
    given: bool
    """Whether the user gave weights; else each counts the same."""
    left_out: tuple[Criterion, ...]
    """Criteria with a weight that are known of no strategy."""
    rows: tuple[WeightedRow, ...]
    moves: tuple[Move, ...]
    """By criterion with a weight, or that could have one; empty with one strategy."""

    @property
    def winners(self) -> tuple[str, ...]:
        """The strategy with the highest total; several where they tie."""
        return tuple(row.strategy for row in self.rows if row.rank == 1)

    @property
    def p_wins(self) -> Mapping[str, float]:
        """Share of futures in which each is the best."""
        return MappingProxyType({row.strategy: row.p_wins for row in self.rows})

    @property
    def nearest_move(self) -> Move | None:
        """The smallest change of a weight that changes the winner; None where none does."""
        able = [each for each in self.moves if each.below is not None or each.above is not None]
        return min(able, key=distance, default=None)


def distance(move: Move) -> float:
    """How much a weight has to change until another strategy wins."""
    down = move.weight - move.low if move.below is not None else 1.0
    up = move.high - move.weight if move.above is not None else 1.0
    return min(down, up)


def normalised(weights: Mapping[Criterion, float]) -> dict[Criterion, float]:
    """Weights as shares of one, each the same where none is given; InputError where they add up to neither 1 nor 100."""
    if not weights:
        return {key: 1 / len(FORMULAS) for key in FORMULAS}
    total = sum(weights.values())
    if min(weights.values()) < 0 or not any(abs(total - whole) <= 1e-6 * whole for whole in _WHOLE):
        said = " + ".join(f"{each:g}" for each in weights.values())
        raise InputError(f"weights: found {said} = {total:g}; weights must add up to 1, or to 100")
    return {key: weights.get(key, 0.0) / total for key in FORMULAS}


def weighted(needs: Needs, facts: Sequence[StrategyFacts], catalog: Catalog) -> WeightedMatrix:
    """The matrix of the strategies given: those that no gate rules out, as the cheapest and the fastest are sought among them."""
    tco = {each.name: each.tco_usd_by_month.sum(axis=1) for each in facts}
    return weighted_matrix(scores_of(needs, facts, catalog), needs.weights, tco)


def weighted_matrix(scores: Scores, weights: Mapping[Criterion, float], tco_usd: Mapping[str, FloatArray]) -> WeightedMatrix:
    """The matrix of scores. `tco_usd` [F] by strategy, in the same futures, in the order in which strategies were given."""
    names = tuple(tco_usd)
    full = normalised(weights)
    left_out = tuple(key for key in full if full[key] > 0 and all(scores[key][name].value is None for name in names))
    rest = sum(share for key, share in full.items() if key not in left_out)
    # Where nothing that has a weight is known, nothing is left to grow: all tie.
    used = full if rest <= 0 else {key: 0.0 if key in left_out else share / rest for key, share in full.items()}
    table = np.array([[_counted(scores[key][name]) for key in used] for name in names])
    shares = np.array(list(used.values()))
    totals = table @ shares
    ranks = ranked({name: -float(total) for name, total in zip(names, totals, strict=True)})
    best = int(np.argmax(totals))
    p_wins, futures = _p_wins(scores["budget"], used["budget"], totals, tco_usd)
    rows = []
    for place, name in enumerate(names):
        unknown = sum(share for key, share in used.items() if scores[key][name].value is None)
        lacks = float(totals[best] - totals[place])
        wins_from = LOWEST + lacks / unknown if place != best and 0 < lacks <= (HIGHEST - LOWEST) * unknown else None
        row = WeightedRow(
            name,
            MappingProxyType({key: scores[key][name] for key in used}),
            float(totals[place]),
            float(totals[place]) + (HIGHEST - LOWEST) * unknown,
            ranks[name] or 0,
            wins_from,
            float(p_wins[place]),
            probability_se(float(p_wins[place]), futures),
        )
        rows.append(row)
    moves = tuple(_move(names, table, shares, k, key, best) for k, key in enumerate(used) if key not in left_out) if len(names) > 1 else ()
    rows.sort(key=lambda each: each.rank)
    return WeightedMatrix(MappingProxyType(used), bool(weights), left_out, tuple(rows), moves)


def _counted(score: Score) -> float:
    return LOWEST if score.value is None else score.value


def _move(names: Sequence[str], table: FloatArray, weights: FloatArray, k: int, criterion: Criterion, best: int) -> Move:
    """Where the lines of lead cross nought, on either side of the weight that is."""
    weight = float(weights[k])
    others = np.delete(weights, k)
    # With all the weight on one criterion the others have no proportions to keep: they share alike what it gives away.
    parts = others / others.sum() if others.sum() > 0 else np.full(len(others), 1 / len(others))
    lead = table[best, k] - table[:, k]
    rest = (table[best] - table)[:, [j for j in range(len(weights)) if j != k]] @ parts
    low, high, below, above = 0.0, 1.0, None, None
    for place, name in enumerate(names):
        if place == best:
            continue
        by_it, by_others = float(lead[place]), float(rest[place])
        if by_others < -_TIE:
            at = min(weight, by_others / (by_others - by_it))
            if below is None or at > low:
                low, below = at, name
        if by_it < -_TIE:
            at = max(weight, by_others / (by_others - by_it))
            if above is None or at < high:
                high, above = at, name
    return Move(criterion, weight, low, high, below, above)


def _p_wins(budget: Mapping[str, Score], weight: float, totals: FloatArray, tco_usd: Mapping[str, FloatArray]) -> tuple[FloatArray, int]:
    """Share of futures in which each total is the highest, with the budget scores of that future; and how many futures there are."""
    usd = np.stack([np.asarray(each, np.float64) for each in tco_usd.values()], axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(usd > 0, usd.min(axis=1, keepdims=True) / usd, 1.0)
    by_future = np.clip(HIGHEST * ratio, LOWEST, HIGHEST)
    fixed = np.array([_counted(budget[name]) for name in tco_usd])
    own = np.array([budget[name].own or budget[name].value is None for name in tco_usd])
    found = totals + weight * np.where(own, 0.0, by_future - fixed)
    highest = found >= found.max(axis=1, keepdims=True) - _TIE
    return np.asarray((highest / highest.sum(axis=1, keepdims=True)).mean(axis=0)), len(usd)
