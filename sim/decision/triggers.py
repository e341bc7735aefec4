"""When each switch signal fires in the futures of a strategy, how likely, and when the decision is looked at again.

A signal fires at the end of the month in which it has held for so many months in a row. Nothing that lies ahead of a month moves it, so
that a plan may wait for a signal (sim/decision/progression.py).
"""

from __future__ import annotations

import datetime
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sim.catalog.catalog import Catalog
from sim.decision.facts import StrategyFacts
from sim.decision.needs import Needs
from sim.decision.needs_parts import TriggerSetting
from sim.decision.trigger_defaults import trigger_defaults
from sim.decision.trigger_rules import BoolArray, Watched
from sim.decision.trigger_words import SIGNALS, Direction, Signal, direction_of, shown
from sim.futures.risk import probability_se

IntArray = npt.NDArray[np.int64]

REVIEW_SHARE = 0.25
"""Share of futures in which a signal must have fired for the decision to be looked at."""
_QUANTILES = (0.05, 0.5, 0.95)


@dataclass(frozen=True)
class TriggerResult:
    """One signal over the futures of a strategy; months count from 1."""

    name: str
    direction: Direction
    strategy: str
    """What is watched."""
    against: str | None
    """What it is held against; None where nothing is."""
    threshold: float
    unit: str
    months_in_a_row: int
    p_fires: float
    """Within the horizon."""
    se: float
    p5: int | None
    """Quantiles of the month over the futures in which it fires; None where it fires in none."""
    p50: int | None
    p95: int | None
    first_month: IntArray
    """[F] from 0; M where it does not fire."""
    standing: bool
    """Whether it is known today: it does not depend on what is to come."""
    what: str
    do: str
    assumed: str
    """What of it is assumed, in words; empty: nothing."""


@dataclass(frozen=True, slots=True)
class NotWatched:
    """A signal that cannot be told, and why."""

    name: str
    why: str


@dataclass(frozen=True, slots=True)
class Review:
    """When the decision is looked at again."""

    after_months: int
    date: datetime.date
    """The first day after these months."""
    why: str


@dataclass(frozen=True)
class Triggers:
    """Every signal that bears on a strategy."""

    strategy: str
    fired: tuple[TriggerResult, ...]
    not_watched: tuple[NotWatched, ...]
    review: Review

    def named(self, name: str) -> TriggerResult | None:
        """One of them; None where it does not bear on the strategy, or cannot be told."""
        return next((each for each in self.fired if each.name == name), None)


def triggers(
    own: StrategyFacts, others: Sequence[StrategyFacts], needs: Needs, catalog: Catalog, *, against: StrategyFacts | None = None
) -> Triggers:
    """The signals of a strategy that is served, held against the cheapest of the others on own GPUs, alone if there is one, and on APIs
    alone; or against what it is planned to go over to.

    Facts must be of the same futures.
    """
    assert own.forecast is not None
    defaults = trigger_defaults(catalog)
    planned = [each for each in (against,) if each is not None]
    hosted = [each for each in planned if each.strategy.own_gpus] or [each for each in others if each.strategy.own_gpus]
    alone = [each for each in hosted if not each.strategy.vendors]
    rented = _rented(planned) or _rented(others)
    seen = Watched(own, _cheapest(alone or hosted), _cheapest(rented), needs, defaults, own.forecast.seed)
    fired: list[TriggerResult] = []
    silent: list[NotWatched] = []
    for signal in SIGNALS:
        direction, setting = direction_of(signal, own.strategy), needs.triggers.get(signal.name, TriggerSetting())
        if direction is None:
            continue
        if setting.ignored:
            silent.append(NotWatched(signal.name, "left out by the needs"))
            continue
        level = defaults.level(signal.name)
        threshold = level.threshold if setting.threshold is None else setting.threshold
        in_a_row = setting.months or level.months
        holds = signal.rule(seen, threshold)
        if isinstance(holds, str):
            silent.append(NotWatched(signal.name, holds))
            continue
        source = defaults.source(signal.name)
        own_words = setting.threshold is not None and (setting.months is not None or signal.chance)
        assumed = "" if own_words or not source.assumed else f"{shown(signal, threshold)}{_unit(signal)}: {source.source}"
        fired.append(_result(signal, direction, seen, holds, threshold, in_a_row, assumed))
    return Triggers(own.name, tuple(fired), tuple(silent), review(fired, own.months, needs.review_months))


def first_in_a_row(holds: BoolArray, months: int) -> IntArray:
    """[F] the month, from 0, that completes the first run of so many months that hold [F, M]; M where there is none."""
    run = np.zeros(len(holds), np.int64)
    first = np.full(len(holds), holds.shape[1], np.int64)
    for m in range(holds.shape[1]):
        run = np.where(holds[:, m], run + 1, 0)
        first = np.where((run >= months) & (first > m), m, first)
    return first


def review(fired: Sequence[TriggerResult], months: Sequence[str], at_latest: int) -> Review:
    """After `at_latest` months, or once a signal has fired in a quarter of the futures; what is known today moves no date."""
    after, why = at_latest, f"{at_latest} months: models improve and costs fall"
    for each in fired:
        if each.standing:
            continue
        by = int(np.sort(each.first_month)[math.ceil(REVIEW_SHARE * len(each.first_month)) - 1]) + 1
        if by < min(after, len(months) + 1):
            after, why = by, f"{each.name} has fired by then in a quarter of the futures"
    year, month = (int(part) for part in months[0].split("-"))
    index = year * 12 + month - 1 + after
    return Review(after, datetime.date(index // 12, index % 12 + 1, 1), why)


def _rented(facts: Sequence[StrategyFacts]) -> list[StrategyFacts]:
    return [each for each in facts if each.strategy.served and not each.strategy.own_gpus]


def _cheapest(facts: Sequence[StrategyFacts]) -> StrategyFacts | None:
    return min(facts, key=lambda each: each.tco_usd.mean, default=None)


def _unit(signal: Signal) -> str:
    return {"share": "", "USD a month": " a month"}.get(signal.unit, f" {signal.unit}")


def _result(
    signal: Signal, direction: Direction, seen: Watched, holds: BoolArray, threshold: float, in_a_row: int, assumed: str
) -> TriggerResult:
    months = holds.shape[1]
    first = first_in_a_row(holds, in_a_row)
    came = np.sort(first[first < months])
    share = len(came) / len(first)
    p5, p50, p95 = (int(came[math.ceil(p * len(came)) - 1]) + 1 if len(came) else None for p in _QUANTILES)
    against = {"bill_above_self_hosting": seen.self_hosted, "talent_there": seen.self_hosted, "compliance_above_savings": seen.api}
    other = against.get(signal.name)
    return TriggerResult(
        name=signal.name,
        direction=direction,
        strategy=seen.own.name,
        against=None if other is None else other.name,
        threshold=threshold,
        unit=signal.unit,
        months_in_a_row=in_a_row,
        p_fires=share,
        se=probability_se(share, len(first)),
        p5=p5,
        p50=p50,
        p95=p95,
        first_month=first,
        standing=bool(holds.all() or not holds.any()) and signal.name in _STANDING,
        what=signal.what.format(level=shown(signal, threshold), months=f"{in_a_row} month{'s' if in_a_row > 1 else ''}"),
        do=signal.do,
        assumed=assumed,
    )


_STANDING = frozenset({"customisation_outgrown", "talent_there", "tasks_differ"})
"""Signals that may be a matter of what is known today."""
