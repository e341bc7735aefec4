"""Futures in which only incidents happen, and traffic so even that what they do can be computed beside it."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from sim.engine.result import HIST_BUCKETS
from sim.engine.system import Api, Event, Pool
from sim.futures.calendar import Calendar
from sim.futures.draws import Draws, Retraining
from sim.futures.hazard import Hazard, Incidents
from sim.futures.rule_state import RuleState
from sim.futures.usage import ALL, Usage, UsageLayout
from sim.futures.window_plan import Window, WindowPlan
from tests.made.result import pool as made_pool

HOUR = 3600.0
DAY = 24 * HOUR
FIRST, SECOND, LOST, SLOW = range(4)
HAZARDS = (
    Hazard("api_outage", "first", (0,)),
    Hazard("api_outage", "second", (1,)),
    Hazard("gpu_failure", "own", (2,)),
    Hazard("degradation", "first", (0,)),
)
"""Hazards of the even stack: API 0, API 1 to fall back on, pool 2."""


def incidents(
    *rows: tuple[int, int, float, float], factor: float | Sequence[float] = 1.0, error_rate: float = 0.0, count: int = 1
) -> Incidents:
    """Rows of (future, hazard, start in hours, duration in hours)."""
    n = len(rows)
    future, hazard, start, duration = (np.array(column) for column in zip(*rows, strict=True)) if rows else (np.zeros(0),) * 4
    factors = np.broadcast_to(np.asarray(factor, np.float64), (n,)).copy()
    return Incidents(
        future.astype(np.int64), hazard.astype(np.int64), start * HOUR, duration * HOUR, factors, np.full(n, error_rate), np.full(n, count)
    )


def draws(
    given: Incidents, *, futures: int = 1, months: int = 1, hazards: tuple[Hazard, ...] = HAZARDS, deployments: int = 3, level: float = 1.0
) -> Draws:
    """Futures of the same demand every day, in which nothing but the given incidents happens."""
    calendar = Calendar(datetime.date(2026, 11, 1), months)
    days = int(calendar.days.sum())
    never = np.full((futures, deployments), days + 1)
    one = np.ones((futures, days, deployments))
    nothing = np.zeros(0, np.int64)
    return Draws(
        futures=futures, calendar=calendar, level=np.full((futures, days), level), sample=np.ones(futures),
        prompt=np.ones((futures, months)), step=np.ones((futures, deployments)), token_price=one, gpu_price=one,
        limits_from=never, limits_factor=np.ones(deployments), retired_from=never, successors=(None,) * deployments,
        hazards=hazards, incidents=given, retraining=Retraining(nothing, nothing, nothing, nothing, np.zeros(0, np.bool_)),
        money={}, labels={},
    )  # fmt: skip


def even_plan(days: int = 1, *, contiguous: bool = True) -> WindowPlan:
    """The plan of a trace of whole days."""
    return WindowPlan(
        windows=(Window(0.0, days * DAY, 900.0, 1.0 / days),), days=days, period_s=days * DAY, mode="", contiguous=contiguous,
        block_s=600.0, blocks=144 * days, strata=np.zeros(144 * days, np.int64), facts=np.ones((1, 4)), known=np.ones((1, 1)),
        tail_resolved=True, seed=0,
    )  # fmt: skip


@dataclass
class EvenStack:
    """A stack in formulas: `per_s` requests a second at level 1 go to the first API, to the second while that is out, and else fail.

    A degradation of factor x makes (1 - 1/x) of completed requests late. A lost replica takes 2 GPUs off the pool for an hour at most.
    """

    per_s: float = 2.0
    pieces: list[tuple[float, float, float, tuple[Event, ...]]] = field(default_factory=list)
    """What was asked for: level, from, to, events."""
    plan: WindowPlan = field(default_factory=even_plan)

    @property
    def deployments(self) -> tuple[Pool | Api, ...]:
        """In the order that hazards number them by."""
        return Api("first", 0), Api("second", 1), made_pool("own")

    @property
    def layout(self) -> UsageLayout:
        """Amounts of a pool and two APIs."""
        return UsageLayout.of(("own",), (("first", 1), ("second", 1)))

    def replay_piece(
        self, state: RuleState, level: float, from_s: float, to_s: float, events: Sequence[Event] = (), *, warm: bool = True
    ) -> Usage:
        """Usage of the even traffic from one second to another; the library brings its own lead."""
        assert state == RuleState() and not warm
        self.pieces.append((level, from_s, to_s, tuple(events)))
        rate, lasts_s = self.per_s * level, to_s - from_s
        out = {d: [(e.at_s, e.at_s + e.duration_s) for e in events if e.kind == "api_outage" and e.deployment == d] for d in (0, 1)}
        first_s, both_s = _meet(out[0], out[0]), _meet(out[0], out[1])
        late_s = sum(e.duration_s * (1 - 1 / e.factor) for e in events if e.kind == "degradation")
        lost_h = sum(min(e.duration_s, HOUR) / HOUR * e.count for e in events if e.kind == "gpu_failure")
        assert all(e.at_s >= 0 and e.at_s + e.duration_s <= lasts_s + 1e-6 for e in events)
        amounts = np.zeros(len(self.layout))
        for name, item, value in (
            (ALL, "requests", rate * lasts_s),
            (ALL, "held", rate * lasts_s),
            (ALL, "completed", rate * (lasts_s - both_s)),
            (ALL, "completed_held", rate * (lasts_s - both_s)),
            (ALL, "failed", rate * both_s),
            (ALL, "met", rate * (lasts_s - both_s - late_s)),
            ("first", "attempts", rate * lasts_s),
            ("second", "attempts", rate * first_s),
            ("first", "input_tokens", 100 * rate * (lasts_s - first_s)),
            ("second", "input_tokens", 100 * rate * (first_s - both_s)),
            ("second", "fallback_completed", rate * (first_s - both_s)),
            ("own", "paid_gpu_hours", 8 * lasts_s / HOUR - 2 * lost_h),
        ):
            amounts[self.layout.at(name, item)] = value
        histogram = np.zeros((3, HIST_BUCKETS))
        histogram[:, 1000] = rate * (lasts_s - both_s - late_s)
        histogram[:, 1200] = rate * late_s
        return Usage(amounts, histogram)


def _meet(some: list[tuple[float, float]], others: list[tuple[float, float]]) -> float:
    """Seconds in which one of some and one of others last; those of one list do not overlap."""
    return sum(max(0.0, min(b, d) - max(a, c)) for a, b in some for c, d in others)
