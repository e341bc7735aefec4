"""The library of replayed incidents: what an episode of each type adds to a month, from some of them replayed one by one.

Of every type of episode (sim/futures/episodes.py) a sample is replayed on the mean day with its events and without; the paired
difference of usage is an entry. Every episode of every future takes the entry that is most like it, in proportion to demand and, where
the effect lasts as long as the incident, to duration. Months are therefore products of sparse weights and entries (docs/incidents.md).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from sim.engine.result import HIST_BUCKETS
from sim.engine.system import Api, Event, Pool
from sim.futures.draws import Draws
from sim.futures.episodes import LONGEST_S, RECOVERY_S, Episodes, events_between, kept_whole, shares, traits, within
from sim.futures.hazard import Hazard, Incidents
from sim.futures.nearest import Replayed, level_nodes, spread
from sim.futures.parallel import in_parallel
from sim.futures.rule_state import NORMAL, RuleState
from sim.futures.usage import ALL, Usage, UsageLayout
from sim.futures.window_plan import WindowPlan
from sim.units import SECONDS_PER_DAY, SECONDS_PER_HOUR

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]
Progress = Callable[[int, int], None]
"""Replays done and all of them."""

PER_TYPE = 50
MOST_COMPOUND = 60
"""Replays of episodes of several hazards, of all types together."""
LEAD_S = 900.0
"""Before an episode, so that queues and fleet are what they are at that hour; longer where a fleet takes longer to be there."""


class Replayer(Protocol):
    """What the library asks of the cells (sim/futures/cells.py)."""

    @property
    def layout(self) -> UsageLayout: ...

    @property
    def plan(self) -> WindowPlan: ...

    @property
    def deployments(self) -> Sequence[Pool | Api]: ...

    def replay_piece(
        self, state: RuleState, level: float, from_s: float, to_s: float, events: Sequence[Event] = (), *, warm: bool = True
    ) -> Usage:
        """Usage of a stretch of the trace, whose clock starts again after its last day; times of events count from `from_s`.

        `warm` says whether there is a warm-up before it, which is not counted.
        """
        ...


@dataclass(frozen=True)
class SelfError:
    """How well entries of one type are predicted from their nearest other one, over the sum of what they are."""

    hazards: tuple[int, ...]
    entries: int
    episodes: int
    lasting: bool
    """Whether the effect is taken in proportion to the duration."""
    cost_bias: float
    cost_rms: float
    slo_bias: float
    """Of requests outside the service level."""
    slo_rms: float


@dataclass(frozen=True)
class HazardSum:
    """What one hazard did in the mean over futures, a month: counts, requests and the amounts that a bill takes."""

    hazard: Hazard
    per_month: float
    hours_per_month: float
    replayed: int
    failed: float
    """More requests that did not complete."""
    saved: float
    """More requests that a fallback completed."""
    late: float
    """More completed requests outside the latency levels."""
    amounts: FloatArray
    """[I]"""


@dataclass(frozen=True)
class Library:
    """N entries, and for each of E episodes which it takes and how often."""

    layout: UsageLayout
    draws: Draws
    incidents: Incidents
    """Cut to the horizon."""
    episodes: Episodes
    level: FloatArray
    """[E] demand of the day an episode begins."""
    replayed: Replayed
    """The episode that each entry is a replay of, type after type, and at what level."""
    amounts: FloatArray
    """[N, I] what the episode adds."""
    histogram: FloatArray
    """[N, 3, B]"""
    lasting: BoolArray
    """[Y] whether the effect of a type is in proportion to its duration."""
    entry: IntArray
    """[E]"""
    scale: FloatArray
    """[E]"""
    notes: tuple[str, ...]

    @cached_property
    def _pieces(self) -> tuple[IntArray, IntArray, FloatArray]:
        """(episode, day, share): what an episode adds is booked the day it begins; what lasts, the first day in each of its months."""
        found, calendar = self.episodes, self.draws.calendar
        first = calendar.month_of_day[_days(found.start_s, self.draws)]
        lasts = self.lasting[found.type_of] if len(found) else np.zeros(0, np.bool_)
        last = np.where(lasts, calendar.month_of_day[_days(np.nextafter(found.end_s, 0.0), self.draws)], first)
        count = np.maximum(last - first, 0) + 1
        episode = np.repeat(np.arange(len(found)), count)
        month = first[episode] + np.arange(len(episode)) - np.repeat(np.cumsum(count) - count, count)
        begins_s = np.concatenate([[0], np.cumsum(calendar.days)]) * SECONDS_PER_DAY
        from_s = np.maximum(found.start_s[episode], begins_s[month])
        inside_s = np.minimum(found.end_s[episode], begins_s[month + 1]) - from_s
        whole_s = found.end_s[episode] - found.start_s[episode]
        share = np.where(count[episode] > 1, inside_s / np.maximum(whole_s, 1e-9), 1.0)
        return episode, _days(from_s, self.draws), share

    def weights(self, factor: FloatArray | None = None) -> Any:
        """[F * M, N] scipy.sparse csr: how often each entry happens in a month; `factor` [F, T] multiplies what happens on a day."""
        from scipy.sparse import csr_array

        calendar = self.draws.calendar
        episode, day, share = self._pieces
        future = self.episodes.future[episode]
        weight = self.scale[episode] * share if factor is None else self.scale[episode] * share * factor[future, day]
        shape = (self.draws.futures * calendar.months, len(self.amounts))
        return csr_array((weight, (future * calendar.months + calendar.month_of_day[day], self.entry[episode])), shape=shape)

    def month_sums(self, factor: FloatArray | None = None) -> FloatArray:
        """[F, M, I] what incidents add to each month of each future."""
        total = self.weights(factor) @ self.amounts
        return np.asarray(total, np.float64).reshape(self.draws.futures, self.draws.calendar.months, len(self.layout))

    def on_day(self, future: int, day: int) -> FloatArray:
        """[I] what incidents add to one day of one future: lasting effects as far as they lie in it, others where they begin."""
        found = self.episodes
        from_s, to_s = day * SECONDS_PER_DAY, (day + 1) * SECONDS_PER_DAY
        inside = np.minimum(found.end_s, to_s) - np.maximum(found.start_s, from_s)
        begins = (found.start_s >= from_s) & (found.start_s < to_s)
        spread_out = self.lasting[found.type_of] & (found.end_s > found.start_s)
        share = np.where(spread_out, np.maximum(inside, 0.0) / np.maximum(found.end_s - found.start_s, 1e-9), begins)
        own = np.flatnonzero((found.future == future) & (share > 0.0))
        return np.asarray((share * self.scale)[own] @ self.amounts[self.entry[own]], np.float64)

    def hazard_sums(self) -> tuple[HazardSum, ...]:
        """What each hazard did; an episode of several is laid at their doors by duration."""
        from scipy.sparse import csr_array

        hazards = self.draws.hazards
        months = self.draws.futures * self.draws.calendar.months
        episode, hazard, share = shares(self.episodes, self.incidents, len(hazards))
        weights = csr_array((share * self.scale[episode], (hazard, self.entry[episode])), shape=(len(hazards), len(self.amounts)))
        sums = np.asarray(weights @ self.amounts) / months
        count = np.bincount(self.incidents.hazard, minlength=len(hazards)) / months
        hours = np.bincount(self.incidents.hazard, self.incidents.duration_s, len(hazards)) / SECONDS_PER_HOUR / months
        kinds = [self.episodes.types[k] for k in self.episodes.type_of[self.replayed.episode].tolist()]
        return tuple(
            HazardSum(
                hazard=each,
                per_month=float(count[h]),
                hours_per_month=float(hours[h]),
                replayed=sum(h in kind for kind in kinds),
                failed=float(sums[h] @ _failed(self.layout)),
                saved=float(sums[h] @ _every(self.layout, "fallback_completed")),
                late=float(sums[h] @ _late(self.layout)),
                amounts=sums[h],
            )
            for h, each in enumerate(hazards)
        )

    def self_error(self, usd: FloatArray) -> tuple[SelfError, ...]:
        """Leave one out, by type, where there are two entries or more; `usd` [I] is about what an amount costs."""
        found = []
        lost = _at(self.layout, {"held": 1.0, "met": -1.0})
        for kind, hazards in enumerate(self.episodes.types):
            lasting = bool(self.lasting[kind])
            own, near, scale = self.replayed.left_out(kind, lasting=lasting)
            if not len(own):
                continue
            errors = []
            for what in (usd, lost):
                true = self.amounts[own] @ what
                wrong = self.amounts[near] @ what * scale - true
                size = float(np.abs(true).mean()) or 1.0
                errors += [float(wrong.mean()) / size, math.sqrt(float((wrong**2).mean())) / size]
            found.append(SelfError(hazards, len(own), int((self.episodes.type_of == kind).sum()), lasting, *errors))
        return tuple(found)


def build_library(
    cells: Replayer, draws: Draws, *, per_type: int = PER_TYPE, most_compound: int = MOST_COMPOUND, workers: int = 1,
    progress: Progress | None = None,
) -> Library:  # fmt: skip
    """Replay a sample of the episodes of every type, at least `per_type` of each (all if there are fewer), and assign all of them.

    The same for any number of workers (threads).
    """
    warm_s = cells.plan.windows[0].warm_up_s
    lead_s, recovery_s = max(LEAD_S, warm_s), max(RECOVERY_S, warm_s)
    incidents = within(draws.incidents, draws.calendar.length_s)
    found, notes = kept_whole(incidents, recovery_s, per_type, most_compound)
    level = draws.level[found.future, _days(found.start_s, draws)]
    nodes = level_nodes(level)
    node = nodes[np.abs(np.log(level)[:, None] - np.log(nodes)[None, :]).argmin(axis=1)] if len(found) else level
    of_type = [traits(found, incidents, kind, node) for kind in range(len(found.types))]
    chosen = np.concatenate([own[spread(points, found.active_s[own], per_type)] for own, points in of_type] or [np.zeros(0, np.int64)])

    def replay(episode: int) -> Usage:
        start_s = float(found.start_s[episode]) - lead_s
        end_s = min(float(found.end_s[episode]), float(found.start_s[episode]) + LONGEST_S)
        events = events_between(incidents, found.members(episode), draws.hazards, start_s, end_s)
        from_s = _on_the_clock(cells.plan, start_s)
        to_s = from_s + (end_s - start_s) + recovery_s
        level = float(node[episode])
        plain = cells.replay_piece(NORMAL, level, from_s, to_s, warm=False)
        if not any(_can_change(event, plain, cells) for event in events):
            return Usage(np.zeros_like(plain.amounts), np.zeros_like(plain.histogram))
        hit = cells.replay_piece(NORMAL, level, from_s, to_s, events, warm=False)
        return Usage(hit.amounts - plain.amounts, hit.histogram - plain.histogram)

    # Level after level, so that traffic made for one is used up before the next is made.
    order = np.lexsort((chosen, node[chosen]))
    done = list(in_parallel(replay, chosen[order].tolist(), workers, progress))
    place = np.argsort(order)
    amounts = np.array([done[k].amounts for k in place]).reshape(len(chosen), len(cells.layout))
    histogram = np.array([done[k].histogram for k in place]).reshape(len(chosen), 3, HIST_BUCKETS)
    replayed = Replayed(found, incidents, chosen, node[chosen])
    lasting = replayed.lasting(draws.hazards, amounts)
    entry, scale = replayed.assigned(level, lasting)
    return Library(cells.layout, draws, incidents, found, level, replayed, amounts, histogram, lasting, entry, scale, notes)


def _days(start_s: FloatArray, draws: Draws) -> IntArray:
    return np.clip(start_s // SECONDS_PER_DAY, 0, draws.level.shape[1] - 1).astype(np.int64)


def _can_change(event: Event, plain: Usage, cells: Replayer) -> bool:
    """Whether an event could change what happened without it: not what befalls an API that nobody asked, or keeps none from starting."""
    each = cells.deployments[event.deployment]
    if event.kind in ("api_outage", "degradation"):
        return bool(plain.amounts[cells.layout.at(each.name, "attempts")] > 0.0)
    if event.kind == "no_capacity" and isinstance(each, Pool) and each.cold_start:
        # A replica that starts is there before it is ready.
        present_s = plain.amounts[cells.layout.at(each.name, "present_gpu_hours")] * SECONDS_PER_HOUR / each.gpus_per_replica
        return bool(present_s > plain.amounts[cells.layout.at(each.name, "ready_replica_s")] + 1e-3)
    return True


def _on_the_clock(plan: WindowPlan, at_s: float) -> float:
    """The second of the trace at the hour of a second of the horizon, on its days in turn (of a trace read in parts, the first week)."""
    days = max(1, round(plan.period_s / SECONDS_PER_DAY))
    days = days if plan.contiguous else min(days, 7)
    return (at_s // SECONDS_PER_DAY % days) * SECONDS_PER_DAY + at_s % SECONDS_PER_DAY


def _at(layout: UsageLayout, items: dict[str, float]) -> FloatArray:
    weights = np.zeros(len(layout))
    for item, weight in items.items():
        weights[layout.at(ALL, item)] = weight
    return weights


def _failed(layout: UsageLayout) -> FloatArray:
    return _at(layout, dict.fromkeys(("rejected", "timed_out", "failed", "unfinished"), 1.0))


def _late(layout: UsageLayout) -> FloatArray:
    return _at(layout, {"completed_held": 1.0, "met": -1.0})


def _every(layout: UsageLayout, item: str) -> FloatArray:
    return np.array([float(name != ALL and each == item) for name, each in layout.columns])
