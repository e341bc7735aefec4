"""The race of a plan: candidates by what they cost at least, dropped as soon as it is sure that they fail, until the cheapest is certain.

Every candidate is replayed with the same seed (common random numbers). It is left out without a replay where a bound says so, after a look
at the busiest part of the trace where that part alone has more misses than the whole trace may have, or, at last, by a replay of
everything. Candidates come in the order of what they cost at least, so that the first that meets all levels and costs no more than what
any other costs at least is the cheapest: what follows cannot be cheaper, and is not replayed.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from sim.errors import InputError
from sim.planning.assess import MISSED, Look, PlanStudy, assess
from sim.planning.bounds import Bounds, Work, busiest, least_usd_per_month, too_dear
from sim.planning.candidates import Candidate, pools_of
from sim.planning.evaluate import stack_at
from sim.planning.execute import Says, run_points
from sim.planning.levels import ServiceLevel
from sim.planning.opened import Opened, open_study
from sim.planning.point_store import PointStore
from sim.planning.points import Point, Row
from sim.planning.workplace import Workplace, load
from sim.stack.resolve import resolve
from sim.stack.resolved import ResolvedPool, ResolvedStack

_AT_ONCE = 32
"""Candidates that are looked at, or replayed, together: as many on any number of workers, so that all find the same."""
_LOOK_SHARE = 1 / 12
"""Of the trace, its busiest stretch."""
_WARM_UP_SHARE = 1 / 48
_LOOK_ROWS = 20_000
"""A trace of fewer requests is replayed as fast as looked at."""
_CLEARLY = 1.5
"""So many times the misses that the whole trace may have drop a candidate: a part begins with an empty system, the whole does not."""
_CLEARLY_SCALED = 3.0
"""The same where a law moves replicas: a part begins with the fewest."""
_WORTH_WORKERS_S = 8.0
_CENT = 0.005
_ROWS_A_SECOND = 400_000.0
"""Of a replay, roughly: decides about workers, never about results."""


@dataclass(frozen=True)
class Judged:
    """A candidate whose whole trace was replayed."""

    candidate: Candidate
    row: Row
    """Of the whole fleet, at the demand that costs are taken at."""
    held: Row
    """What the levels were read off: with replicas gone, at the demand they must hold at."""
    usd_per_month: float
    excesses: tuple[float, ...]
    """How far beyond each level, as a share of its limit; at most 0 where it holds."""
    met: bool

    @property
    def excess(self) -> float:
        """The worst level's."""
        return max(self.excesses, default=0.0)


@dataclass(frozen=True)
class Dropped:
    """A candidate that was left out, and why."""

    candidate: Candidate
    by: str
    """`refused`: it cannot be made; `spare`: nothing is left with the replicas gone; `bound`; `look`."""
    why: str
    near: float = math.inf
    """How far it is from what it would take: in a look misses over those allowed, by a bound what is needed over what there is."""


class Evaluations:
    """Rows of candidates, from the store, from this process, from others or a cluster; what is started stays until close()."""

    def __init__(self, *, workers: int = 1, cluster: str | None = None, store: PointStore | None = None, says: Says | None = None) -> None:
        self._place = Workplace(workers, cluster, load)
        self._store, self._says = store, says
        self.replays = 0
        """Whole replays asked for."""

    def tell(self, what: str, done: float, whole: float) -> None:
        """Say how far something is that is no replay."""
        if self._says is not None:
            self._says(what, done, whole)

    def rows(self, study: PlanStudy, settings: Sequence[tuple[str, ...]], what: str, rows_each: float) -> tuple[Row, ...]:
        """The row of each of these settings, in order. `rows_each` is how many requests one takes."""
        points = [Point(number, (), each) for number, each in enumerate(settings)]
        if study.look is None:
            self.replays += len(points)
        says = self._says
        told: Says | None = None if says is None else (lambda _, done, whole: says(what, done, whole))
        many = len(points) * rows_each / _ROWS_A_SECOND > _WORTH_WORKERS_S
        if self._place.cluster is not None:
            many = len(points) > 1 or study.months > 0  # one replay is done before a cluster has been greeted
        return run_points(study, points, place=self._place if many else None, store=self._store, says=told, evaluate=assess)

    def close(self) -> None:
        """End the processes that were started, or leave the cluster."""
        self._place.close()


class Race:
    """The candidates of a space that meet all levels, the cheapest first, each as soon as it is certain."""

    def __init__(
        self, candidates: Sequence[Candidate], costs: PlanStudy, held: PlanStudy, work: Work, evaluations: Evaluations
    ) -> None:  # fmt: skip
        """`costs` is the study that costs are taken from, `held` the one that levels must hold in; equal ones are replayed once."""
        self._costs, self._held, self._work = costs, held, work
        self._evaluations = evaluations
        self.judged: list[Judged] = []
        self.dropped: list[Dropped] = []
        self._ready: list[tuple[float, float, int, Judged]] = []
        self._look = _look_of(work) if held.trace_rows >= _LOOK_ROWS else None
        self._allowed = _allowed(held.levels, len(work.arrival_s) * held.factor)
        self._least: dict[int, float] = {}
        self._scaled: set[int] = set()
        self._left = self._sorted(candidates)

    @property
    def left(self) -> int:
        """Candidates not looked at: they cost too much to matter."""
        return len(self._left)

    def __iter__(self) -> Iterator[Judged]:
        while True:
            found = self._next()
            if found is None:
                return
            yield found

    def _next(self) -> Judged | None:
        while self._left:
            bound = self._ready[0][0] if self._ready else math.inf
            # One that costs exactly as much is replayed too: which of them has more room decides.
            some = [each for each in self._left[:_AT_ONCE] if self._least[each.number] <= bound + _CENT]
            if not some:
                break
            self._left = self._left[len(some) :]
            self._judge(self._looked(some))
        return heapq.heappop(self._ready)[3] if self._ready else None

    def _sorted(self, candidates: Sequence[Candidate]) -> list[Candidate]:
        """Those that can be made and that no bound leaves out, by what they cost at least."""
        opened = open_study(self._costs)
        bounds = Bounds(self._work, self._held.levels)
        kept: list[Candidate] = []
        for number, each in enumerate(candidates):
            if number % _AT_ONCE == 0:
                self._evaluations.tell("reading the candidates", number, len(candidates))
            resolved = self._resolved(each, each.settings, opened, "refused")
            if resolved is None:
                continue
            if each.short_settings is None:
                self.dropped.append(Dropped(each, "spare", "it has fewer replicas than may be gone"))
                continue
            short = resolved if each.short_settings == each.settings else self._resolved(each, each.short_settings, opened, "spare")
            if short is None:
                continue
            least = least_usd_per_month(resolved)
            cannot = too_dear(least, self._held.levels) or bounds.cannot(short)
            if cannot is not None:
                self.dropped.append(Dropped(each, "bound", cannot.why, cannot.near))
                continue
            self._least[each.number] = least
            pools = [pool for pool in short.deployments if isinstance(pool, ResolvedPool)]
            if any(pool.spec.replicas.min < pool.spec.replicas.max for pool in pools):
                self._scaled.add(each.number)
            kept.append(each)
        return sorted(kept, key=lambda each: (self._least[each.number], each.number))

    def _resolved(self, each: Candidate, settings: tuple[str, ...], opened: Opened, by: str) -> ResolvedStack | None:
        """A candidate in plain numbers; None, and dropped, where it cannot be made."""
        try:
            return resolve(stack_at(self._costs, settings), opened.catalog, opened.book, opened.facts)
        except InputError as error:
            why = _plain(str(error))
            if by == "spare":
                none_left = not any(replicas for _, replicas in pools_of(settings))
                why = "no replica is left, and there is no other place" if none_left else f"with replicas gone: {why}"
            self.dropped.append(Dropped(each, by, why))
            return None

    def _looked(self, some: Sequence[Candidate]) -> list[Candidate]:
        """Those that a look at the busiest part does not drop."""
        if self._look is None:
            return list(some)
        study = replace(self._held, look=self._look)
        rows = self._evaluations.rows(study, [_short(each) for each in some], "looking at the busiest hours", self._rows(_LOOK_SHARE))
        kept = []
        for each, row in zip(some, rows, strict=True):
            if row.refused is not None:
                self.dropped.append(Dropped(each, "refused", row.refused))
                continue
            near, why = self._worst(row)
            if near > (_CLEARLY_SCALED if each.number in self._scaled else _CLEARLY):
                self.dropped.append(Dropped(each, "look", why, near))
            else:
                kept.append(each)
        return kept

    def _worst(self, row: Row) -> tuple[float, str]:
        """The misses of a look over those that the whole trace may have, of the level where they are most, and in words."""
        worst, words = 0.0, ""
        for number, level in enumerate(self._held.levels):
            missed, allowed = row.metrics.get(f"{MISSED}{number}"), self._allowed[number]
            if missed is None or allowed is None or missed / max(allowed, 1.0) <= worst:
                continue
            worst = missed / max(allowed, 1.0)
            words = f"{level}: {missed:,.0f} requests outside in the busiest part alone, {allowed:,.0f} allowed in all"
        return worst, words

    def _judge(self, some: Sequence[Candidate]) -> None:
        """Replay the whole trace through candidates; those that meet all levels become ready."""
        if not some:
            return
        held = self._evaluations.rows(self._held, [_short(each) for each in some], "replaying candidates", self._rows(1.0))
        rows = held
        if self._costs != self._held or any(_short(each) != each.settings for each in some):
            rows = self._evaluations.rows(self._costs, [each.settings for each in some], "replaying candidates", self._rows(1.0))
        for each, row, short in zip(some, rows, held, strict=True):
            refused = row.refused or short.refused
            usd = row.metrics.get("usd_per_month")
            if refused is not None or usd is None:
                self.dropped.append(Dropped(each, "refused", refused or "a trace without duration makes no month"))
                continue
            found = judged_of(each, row, short, self._held.levels)
            self.judged.append(found)
            if found.met:
                heapq.heappush(self._ready, (round(usd, 2), found.excess, each.number, found))

    def nearest(self, count: int = 5) -> Judged | None:
        """Of candidates that fail, the one that comes closest; those that only looks or bounds dropped are replayed, the nearest first."""
        if not self.judged:
            left = [each for each in self.dropped if each.by in ("look", "bound")]
            some = sorted(left, key=lambda each: (each.by != "look", each.near, each.candidate.number))[:count]
            self.dropped = [each for each in self.dropped if each not in some]
            self._judge([each.candidate for each in some])
        failing = [each for each in self.judged if not each.met]
        return min(failing, key=lambda each: (each.excess, each.usd_per_month, each.candidate.number), default=None)

    def _rows(self, share: float) -> float:
        return self._held.trace_rows * self._held.factor * share


def judged_of(candidate: Candidate, row: Row, held: Row, levels: Sequence[ServiceLevel]) -> Judged:
    """A candidate with its rows. What a level says of costs is held to those of the whole fleet."""
    if held is not row:
        held = replace(held, slo=tuple((row if each.kind == "money" else held).slo[k] for k, each in enumerate(levels)))
    excesses = tuple(level.excess(measured) for level, (_, _, measured, _) in zip(levels, held.slo, strict=True))
    met = all(ok for *_, ok in held.slo)
    usd = row.metrics["usd_per_month"]
    assert usd is not None
    return Judged(candidate, row, held, usd, excesses, met)


def _short(each: Candidate) -> tuple[str, ...]:
    return each.settings if each.short_settings is None else each.short_settings


def _look_of(work: Work) -> Look:
    """The stretch in which the most tokens arrive, with a warm-up before it."""
    length_s = work.duration_s * _LOOK_SHARE
    stretch = busiest(work, work.prompt + work.output, length_s)
    begin_s = float(work.arrival_s[stretch.start])
    return Look(max(begin_s - work.duration_s * _WARM_UP_SHARE, 0.0), begin_s, min(begin_s + length_s, work.duration_s))


def _allowed(levels: Sequence[ServiceLevel], count: float) -> tuple[float | None, ...]:
    """How many of so many requests may be outside of each level; None for one that does not count requests."""
    found: list[float | None] = []
    for level in levels:
        if level.latency is not None and level.upper:
            found.append((1.0 - (level.q or 0.0)) * count)
        elif level.metric in ("completed", "good_share"):
            found.append((1.0 - level.limit) * count)
        else:
            found.append(None)
    return tuple(found)


def _plain(text: str) -> str:
    """What is wrong with a candidate without where its settings stand."""
    first = text.split("\n")[0]
    return first.partition(": ")[2] if first.startswith("--set ") else first
