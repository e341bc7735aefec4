"""Retraining runs of all futures: when each begins, how often it is repeated, whether its model is taken back, and which nights it takes.

By the calendar a run begins every so often, the first one period after the horizon begins; by drift when accuracy has fallen to the
threshold, counted from the run before (or from the start, where the model is fresh): the stack's own time times a factor that is drawn
for every run. Attempts are geometric: each fails its evaluation by chance and is repeated. On own replicas every attempt takes whole
nights, one after the other; these are incidents of kind `retraining`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sim.futures.calendar import Calendar
from sim.futures.draws import Retraining
from sim.futures.hazard import Hazard
from sim.futures.incident_calendar import Raw
from sim.futures.luck import Luck
from sim.stack.outlook import Retraining as Chances
from sim.stack.resolved_costs import ResolvedRetraining
from sim.units import SECONDS_PER_DAY, SECONDS_PER_MONTH

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Runs:
    """All runs, and the hazards of those that borrow replicas from serving."""

    retraining: Retraining
    hazards: tuple[Raw, ...]


def retraining_runs(chances: Chances, entries: Sequence[ResolvedRetraining], calendar: Calendar, luck: Luck) -> Runs:
    """The runs of every deployment that is retrained; two stacks that call it the same have the same luck."""
    parts, hazards = [], []
    for entry in entries:
        part = _runs(chances, entry, calendar, luck)
        parts.append(part)
        if entry.nights:
            hazards.append(_nights(entry, part))
    if not parts:
        none = np.empty(0, np.int64)
        return Runs(Retraining(none, none, none, none, np.empty(0, bool)), ())
    future = np.concatenate([part.future for part in parts])
    day = np.concatenate([part.day for part in parts])
    deployment = np.concatenate([part.deployment for part in parts])
    order = np.lexsort((deployment, day, future))
    whole = Retraining(
        future[order],
        deployment[order],
        day[order],
        np.concatenate([part.attempts for part in parts])[order],
        np.concatenate([part.rolled_back for part in parts])[order],
    )
    return Runs(whole, tuple(hazards))


def _runs(chances: Chances, entry: ResolvedRetraining, calendar: Calendar, luck: Luck) -> Retraining:
    generator = luck.stream("retraining", f"deployment/{entry.name}")
    future, start_s = (
        _by_calendar(entry, calendar, luck) if entry.every_s is not None else _by_drift(chances, entry, generator, calendar, luck)
    )
    n = len(future)
    fails = entry.failure_share if chances.may_fail else 0.0
    taken_back = entry.rollback_share if chances.may_fail else 0.0
    # Inverted, so that both numbers of a run are one uniform each, whatever the shares are.
    tries = 1 + np.floor(np.log1p(-generator.random(n)) / np.log(fails)) if fails > 0.0 else np.ones(n)
    rolled_back = generator.random(n) < taken_back
    day = (start_s // SECONDS_PER_DAY).astype(np.int64)
    return Retraining(future, np.full(n, entry.deployment, np.int64), day, tries.astype(np.int64), rolled_back)


def _by_calendar(entry: ResolvedRetraining, calendar: Calendar, luck: Luck) -> tuple[IntArray, FloatArray]:
    assert entry.every_s is not None
    starts = np.arange(entry.every_s, calendar.length_s, entry.every_s)
    return np.repeat(np.arange(luck.futures), len(starts)), np.tile(starts, luck.futures)


def _by_drift(
    chances: Chances, entry: ResolvedRetraining, generator: np.random.Generator, calendar: Calendar, luck: Luck
) -> tuple[IntArray, FloatArray]:
    assert entry.drift_months is not None
    middle_s = entry.drift_months * SECONDS_PER_MONTH
    alive, now = np.arange(luck.futures), np.zeros(luck.futures)
    futures, times = [], []
    while len(alive):
        # A draw for every future, also for those that are through, so that no future's luck depends on the others.
        wait_s = middle_s * chances.drift_time.at(generator.standard_normal(luck.futures))[alive]
        # No run begins within a day of the one before.
        now = now + np.maximum(wait_s, SECONDS_PER_DAY)
        kept = now < calendar.length_s
        alive, now = alive[kept], now[kept]
        futures.append(alive)
        times.append(now)
    future, start_s = np.concatenate(futures), np.concatenate(times)
    order = np.lexsort((start_s, future))
    return future[order], start_s[order]


def _nights(entry: ResolvedRetraining, runs: Retraining) -> Raw:
    """Every night that the attempts of some runs take, in order of (future, start)."""
    nights = runs.attempts * entry.nights
    run = np.repeat(np.arange(len(nights)), nights)
    nth = np.arange(len(run)) - np.repeat(np.cumsum(nights) - nights, nights)
    last_s = entry.duration_s - (entry.nights - 1) * entry.night_s
    duration_s = np.where(nth % entry.nights == entry.nights - 1, last_s, np.full(len(run), entry.night_s))
    start_s = ((runs.day[run] + nth) * SECONDS_PER_DAY + entry.from_s).astype(np.float64)
    future = runs.future[run]
    order = np.lexsort((start_s, future))
    n = len(run)
    hazard = Hazard("retraining", entry.name, (entry.deployment,))
    count = np.full(n, entry.replicas, np.int64)
    return Raw(hazard, future[order], start_s[order], duration_s[order], np.ones(n), np.zeros(n), count)
