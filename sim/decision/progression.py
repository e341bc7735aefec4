"""Buy now and go over later, as one path: from a fixed month, from the month that is best, or when a signal fires.

A path is made of two forecasts of the same futures (sim/decision/progression_bill.py) and has [F, M] arrays of its own, so that it stands
beside the others as one more strategy. A plan that waits for a signal knows of each month what has happened by its end: it builds from
the month after, and traffic goes over once what is new is built. F futures, M months.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from sim.decision.facts import StrategyFacts
from sim.decision.progression_bill import MoveBill, move_bill
from sim.decision.progression_move import Move
from sim.decision.progression_time import NEVER, BoolArray, FloatArray, Timeline, timeline
from sim.decision.strategies import Progression
from sim.decision.triggers import TriggerResult
from sim.futures.bands import band
from sim.futures.forecast import Band
from sim.futures.risk import probability_se
from sim.planning.crossover import HALF_A_CENT, BreakEven, MonthOf, break_even, month_of, paid_back_in
from sim.sampling import stream

IntArray = npt.NDArray[np.int64]

_STREAM = "decision/progression/rollback"


@dataclass(frozen=True)
class Path:
    """A strategy that goes over to another, over F futures and M months."""

    strategy: str
    then: str
    invoice_usd_by_month: FloatArray
    tco_usd_by_month: FloatArray
    moved_share: FloatArray
    """[F, M] of the traffic that the new stack answers."""
    month: IntArray
    """[F] in which traffic first goes over, from 0; M: not within the horizon."""
    switches: MonthOf
    """The same over futures."""
    p_second_try: float
    """Taken back, and tried again, within the horizon."""
    p_given_up: float
    """That, too, taken back."""
    move_usd: Band
    """What moving costs: migration, rework, development, and people while it is built."""
    ramp_beyond_usd: Band
    """At most so much is counted too much: pools are paid in full while traffic goes over."""
    p_cheaper: float
    """Than staying, by everything, in total; futures in which both cost the same count half."""
    se: float
    saves_usd: Band
    """Against staying, by everything."""
    payback: MonthOf
    """The first month after which all that the path has cost is less than all that staying has, to the last."""
    break_even: BreakEven
    """At how much traffic the two stacks themselves cost the same."""
    move: Move
    timeline: Timeline


@dataclass(frozen=True, slots=True)
class MonthCost:
    """Going over from one month."""

    month: int | None
    """From 1; None: never."""
    tco_usd: Band
    p_cheaper: float
    """Than never."""
    se: float


@dataclass(frozen=True)
class BestMonth:
    """From which month to go over, by the mean cost over futures."""

    month: int | None
    """From 1; None: never."""
    costs: tuple[MonthCost, ...]
    """Never, and each month."""


def path(
    then: Progression, old: StrategyFacts, new: StrategyFacts, move: Move, *, signal: TriggerResult | None = None, rollback: bool = True
) -> Path:
    """The path from `old` to `new`, of the same futures; where it waits for a signal, `signal` says when it fires.

    Without `rollback` every move holds.
    """
    assert old.forecast is not None
    start = starts(then, old.tco_usd_by_month.shape, move, signal)
    fails = _fails(len(start), old.forecast.seed, move.rollback_share if rollback else 0.0)
    time, bill = _follow(old, new, move, start, fails)
    months = len(old.months)
    staying = old.tco_usd_by_month
    month = np.minimum(np.floor(start), months).astype(np.int64)
    difference = (bill.tco_usd - staying).sum(axis=1)
    p, se = _cheaper(difference)
    tokens, asked = old.tokens_per_month, float(old.requests_by_month.mean())
    return Path(
        strategy=old.name,
        then=new.name,
        invoice_usd_by_month=bill.invoice_usd,
        tco_usd_by_month=bill.tco_usd,
        moved_share=time.moved,
        month=month,
        switches=month_of(new.name, month, months),
        p_second_try=float(time.second_try.mean()),
        p_given_up=float(time.given_up.mean()),
        move_usd=band(bill.move_usd.sum(axis=1)),
        ramp_beyond_usd=band(bill.ramp_beyond_usd.sum(axis=1)),
        p_cheaper=p,
        se=se,
        saves_usd=band(-difference),
        payback=month_of(old.name, paid_back_in(bill.tco_usd, staying), months),
        break_even=break_even(
            (old.name, new.name), staying, new.tco_usd_by_month, old.requests_by_month,
            tokens_per_request=tokens / asked if asked else 0.0, seed=old.forecast.seed,
        ),
        move=move,
        timeline=time,
    )  # fmt: skip


def starts(then: Progression, shape: Sequence[int], move: Move, signal: TriggerResult | None) -> FloatArray:
    """[F] when traffic goes over, in months from the start; NEVER where it does not.

    A fixed month is its first moment. A signal that fires in a month, or has before the first month in which it counts, is known at the
    end of it; people are then hired, and the new stack is built.
    """
    futures, months = shape
    if then.month is not None:
        return np.full(futures, float(then.month - 1))
    if signal is None:
        return np.full(futures, NEVER)
    known = np.maximum(signal.first_month, then.not_before - 1) + 1.0
    return np.where(signal.first_month < months, known + math.ceil(move.hiring_months + move.pace.build), NEVER)


def best_month(then: Progression, old: StrategyFacts, new: StrategyFacts, move: Move) -> BestMonth:
    """The month from which going over costs least in the mean, the same for all futures: a plan that is made today."""
    assert old.forecast is not None
    futures, months = old.tco_usd_by_month.shape
    fails = _fails(futures, old.forecast.seed, move.rollback_share)
    staying = old.tco_usd_by_month.sum(axis=1)
    costs = [MonthCost(None, band(staying), 0.5, 0.0)]
    for k in range(1, months + 1):
        start = starts(replace(then, month=k), (futures, months), move, None)
        total = _follow(old, new, move, start, fails)[1].tco_usd.sum(axis=1)
        costs.append(MonthCost(k, band(total), *_cheaper(total - staying)))
    return BestMonth(min(costs, key=lambda each: each.tco_usd.mean).month, tuple(costs))


def _follow(old: StrategyFacts, new: StrategyFacts, move: Move, start: FloatArray, fails: BoolArray) -> tuple[Timeline, MoveBill]:
    time = timeline(start, fails, move.pace, old.tco_usd_by_month.shape[1])
    return time, move_bill(old, new, time, move.migration_usd, move.rework_usd)


def _fails(futures: int, seed: int, share: float) -> BoolArray:
    """[F, 2] whether a first and a second try are taken back; the same draws for every path."""
    return np.asarray(stream(seed, _STREAM).random((futures, 2)) < share)


def _cheaper(difference: FloatArray) -> tuple[float, float]:
    """Probability that a difference [F] is below zero, ties counted half, and its standard error."""
    if not np.any(np.abs(difference) >= HALF_A_CENT):
        return 0.5, 0.0
    p = float(np.mean(np.where(difference <= -HALF_A_CENT, 1.0, np.where(difference < HALF_A_CENT, 0.5, 0.0))))
    return p, probability_se(p, len(difference))
