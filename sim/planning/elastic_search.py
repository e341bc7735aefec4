"""The fewest replicas over time that hold the service levels, found by replays: a start from the work that arrives, then reductions.

A schedule is a count of replicas for each interval of the trace. It begins as the work that arrives in an interval over what a replica
carries, times the least factor that holds the levels (bisection); then blocks of intervals, at last single ones, lose a replica each as
long as the levels hold. What is left is locally minimal: no interval can do with one replica less, the others as they are. That is no
proof that no other schedule does with less; for tiny cases the tests hold it against all schedules.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sim.planning.elastic_pool import Verdict

Counts = tuple[int, ...]
Judge = Callable[[Counts], Verdict]
Says = Callable[[str, float, float], None]

_FACTORS = (0.125, 8.0)
_HALVINGS = 6
_BLOCKS = (8, 4, 2, 1)


@dataclass(frozen=True)
class Schedule:
    """The schedule that was found, and how far it was looked for."""

    counts: Counts
    verdict: Verdict
    replays: int
    """How many schedules were replayed."""
    minimal: bool
    """Whether every schedule with one replica less in one interval was replayed and misses a level, or saves nothing."""


def fewest(
    offered: Sequence[float], carried: float, judge: Judge, *, enough: int, most_replays: int = 1000, says: Says | None = None
) -> Schedule:
    """The fewest replica-hours over time that hold the levels.

    `offered` are the requests of each interval, `carried` those that one replica carries in one, `enough` a count that holds the levels
    when it stands all the time; `judge` replays a schedule.
    """
    search = _Search(judge, most_replays, says)
    start = _start(search, offered, carried, enough)
    counts, verdict = start
    minimal = True
    for size in _BLOCKS:
        counts, verdict, minimal = _reduced(search, counts, verdict, size, offered)
    return Schedule(counts, verdict, search.replays, minimal)


class _Search:
    """Replays of schedules, each made once, up to a bound."""

    def __init__(self, judge: Judge, most: int, says: Says | None) -> None:
        self._judge, self._most, self._says = judge, most, says
        self._seen: dict[Counts, Verdict] = {}

    @property
    def replays(self) -> int:
        return len(self._seen)

    @property
    def spent(self) -> bool:
        return self.replays >= self._most

    def verdict(self, counts: Counts) -> Verdict:
        if counts not in self._seen:
            if self._says is not None:
                self._says("fewest GPUs over time", self.replays, 0.0)
            self._seen[counts] = self._judge(counts)
        return self._seen[counts]


def by_work(offered: Sequence[float], carried: float, factor: float, enough: int) -> Counts:
    """Replicas for the work of each interval, times a factor; never more than `enough`."""
    return tuple(min(math.ceil(factor * requests / carried - 1e-9), enough) for requests in offered)


def _start(search: _Search, offered: Sequence[float], carried: float, enough: int) -> tuple[Counts, Verdict]:
    """The schedule by work with the least factor that holds the levels; where none does, `enough` all the time."""
    low, high = _FACTORS
    best = by_work(offered, carried, high, enough)
    if not search.verdict(best).holds:
        best = (enough,) * len(offered)
        return best, search.verdict(best)
    for _ in range(_HALVINGS):
        middle = math.sqrt(low * high)
        counts = by_work(offered, carried, middle, enough)
        if search.verdict(counts).holds:
            high, best = middle, counts
        else:
            low = middle
    return best, search.verdict(best)


def _reduced(search: _Search, counts: Counts, verdict: Verdict, size: int, offered: Sequence[float]) -> tuple[Counts, Verdict, bool]:
    """One replica less in block after block of so many intervals, the least loaded first, until a whole round finds no such block.

    A block that failed beside other counts is tried again in the next round: fewer replicas elsewhere may change what is missing here.
    """
    found = True
    while found:
        found = False
        for block in _blocks(counts, size, offered):
            while all(counts[i] > 0 for i in block):
                if search.spent:
                    return counts, verdict, False
                trial = tuple(count - (i in block) for i, count in enumerate(counts))
                judged = search.verdict(trial)
                if not (judged.holds and judged.replica_hours < verdict.replica_hours):
                    break
                counts, verdict, found = trial, judged, True
    return counts, verdict, True


def _blocks(counts: Counts, size: int, offered: Sequence[float]) -> list[tuple[int, ...]]:
    """Runs of so many intervals, less those that have no replica; the one with the least work a replica first."""
    runs = []
    for first in range(0, len(counts), size):
        block = tuple(i for i in range(first, min(first + size, len(counts))) if counts[i] > 0)
        if block:
            runs.append((sum(offered[i] for i in block) / sum(counts[i] for i in block), block))
    return [block for _, block in sorted(runs)]
