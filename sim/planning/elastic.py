"""How few GPUs over time would do for a trace, and what each autoscaler takes: perfect foresight against laws that see only the past.

Every autoscaler replays the same trace with the same random numbers. A recommendation must meet the levels with other random numbers too
(other cold starts); it is chosen on this trace, and other days may differ.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from types import MappingProxyType
from typing import Any

from sim.planning.elastic_pool import ElasticPool, Verdict, steps_of
from sim.planning.elastic_search import Says, Schedule, fewest
from sim.planning.levels import ServiceLevel
from sim.units import SECONDS_PER_HOUR

MOST_REPLICAS = 256
"""Up to here a count that holds the levels all the time is looked for."""
SEEDS = 4
"""A recommendation must meet the levels with so many other seeds."""
_CANDIDATES = 12
_SHARES = (0.5, 0.65, 0.8, 0.95)
"""Of what a replica carries, as targets of requests a second."""
_FROM_NONE = ("keda", "knative")
_WAITING = (1.0, 5.0, 20.0)
_REFINEMENTS = 2
_WORK = 0.95
"""Of the work of all requests: what is below leaves a good part of them, more than throughput is uncertain by."""


@dataclass(frozen=True)
class Tried:
    """One autoscaler with its settings and bounds, and what it came to."""

    law: str
    autoscaler: Mapping[str, Any]
    """As a stack has it; what is not named has the law's default."""
    low: int
    high: int
    settings: tuple[str, ...]
    """The same as settings of the stack; none for the stack as it is."""
    verdict: Verdict
    own: bool = False
    """Whether it is the stack as it is."""
    seeds_met: int | None = None
    """With how many of SEEDS other seeds the levels are met; None: not tried."""


@dataclass(frozen=True)
class Elastic:
    """The answer for one pool."""

    deployment: str
    levels: tuple[ServiceLevel, ...]
    gpus_per_replica: int
    interval_s: float
    cold_start_s: float
    """In the mean: how far ahead the schedule orders."""
    offered: tuple[float, ...]
    """Requests sent to the pool in each interval."""
    carried_per_s: float
    """Requests a second that one replica carries within the levels; its throughput where it misses them even when idle."""
    bound_gpu_hours: float
    """For the work alone: every replica at full throughput all the time, no level but completion, replicas in parts."""
    usd_per_gpu_hour: float
    """As the stack buys it, billing units and whole machines left out."""
    standing: Verdict
    """Of the fewest replicas that hold the levels all the time; where none do, of the most that were tried."""
    schedule: Schedule | None
    """With perfect foresight; None where no count of replicas holds the levels."""
    tried: tuple[Tried, ...]
    """The stack as it is, the fewest that hold the levels all the time, then each autoscaler."""
    recommended: Tried | None

    @property
    def steps(self) -> tuple[tuple[float, int], ...]:
        """When the schedule asks for how many replicas."""
        return () if self.schedule is None else steps_of(self.schedule.counts, self.interval_s, self.cold_start_s)

    @property
    def fixed(self) -> Tried | None:
        """The fewest replicas that hold the levels when they stand all the time."""
        return next((each for each in self.tried if each.law == "fixed" and not each.own and each.verdict.holds), None)

    @property
    def work_gpu_hours(self) -> float | None:
        """The work alone of every request, those that need not complete included; None where none need to."""
        completed = next(level.limit for level in self.levels if level.metric == "completed")
        return self.bound_gpu_hours / completed if completed > 0 else None

    @property
    def leaves_work(self) -> bool:
        """Whether the levels are met with fewer GPU-hours than the work of all requests takes: many are not served."""
        if self.schedule is None:
            return False
        work = self.work_gpu_hours
        return work is None or self.schedule.verdict.gpu_hours < _WORK * work

    def over_perfect(self, verdict: Verdict) -> float | None:
        """GPU-hours over those of perfect foresight."""
        if self.schedule is None or self.schedule.verdict.gpu_hours <= 0:
            return None
        return verdict.gpu_hours / self.schedule.verdict.gpu_hours


def elastic(pool: ElasticPool, interval_s: float, says: Says | None = None) -> Elastic:
    """The fewest GPUs over time for a pool, and what autoscalers take; the same for the same pool."""
    offered, saturation = pool.offered(interval_s)
    carried_per_s = saturation.requests_per_s or saturation.throughput_per_s
    completed = next(level.limit for level in pool.levels if level.metric == "completed")
    bound = math.fsum(offered) * completed / saturation.throughput_per_s / SECONDS_PER_HOUR * pool.pool.gpus_per_replica
    enough, standing = _enough(pool, offered, carried_per_s * interval_s, says)
    rows = [_as_it_is(pool)]
    schedule = None
    if enough is not None:
        rows.append(
            Tried("fixed", MappingProxyType({"law": "fixed"}), enough, enough, pool.settings({"law": "fixed"}, enough, enough), standing)
        )
        schedule = fewest(
            offered, carried_per_s * interval_s, lambda counts: pool.scheduled(counts, interval_s, enough), enough=enough, says=says
        )
        rows += _autoscalers(pool, enough, carried_per_s, says)
    tried, recommended = _recommended(pool, rows, says)
    return Elastic(
        deployment=pool.name,
        levels=pool.levels,
        gpus_per_replica=pool.pool.gpus_per_replica,
        interval_s=interval_s,
        cold_start_s=pool.cold_start_s,
        offered=offered,
        carried_per_s=carried_per_s,
        bound_gpu_hours=bound,
        usd_per_gpu_hour=pool.usd_per_gpu_hour,
        standing=standing,
        schedule=schedule,
        tried=tried,
        recommended=recommended,
    )


def _as_it_is(pool: ElasticPool) -> Tried:
    scaler = pool.pool.autoscaler
    own: dict[str, Any] = {"law": scaler.law}
    if scaler.law not in ("fixed", "schedule", "plan"):
        own |= {"metric": scaler.metric, "target": scaler.target}
    return Tried(scaler.law, own, scaler.min_replicas, scaler.max_replicas, (), pool.as_it_is(), own=True)


def _enough(pool: ElasticPool, offered: tuple[float, ...], carried: float, says: Says | None) -> tuple[int | None, Verdict]:
    """The fewest replicas that hold the levels all the time, by bisection, and their verdict; None, and that of the most, where none do."""

    def standing(count: int) -> Verdict:
        if says is not None:
            says(f"{count} replicas all the time", 0.0, 0.0)
        return pool.scaled({"law": "fixed"}, count, count)

    low, high = 0, max(1, math.ceil(max(offered) / carried))
    while not (verdict := standing(high)).holds:
        if high >= MOST_REPLICAS:
            return None, verdict
        low, high = high, min(2 * high, MOST_REPLICAS)
    while high - low > 1:
        middle = (low + high) // 2
        if (found := standing(middle)).holds:
            high, verdict = middle, found
        else:
            low = middle
    return high, verdict


def candidates(most_sequences: int, carried_per_s: float) -> Iterator[Mapping[str, Any]]:
    """Every autoscaler that is tried: each law with its defaults, then with targets that span what a replica can take.

    Requests in flight: powers of two up to the most sequences of a step; requests a second: shares of what a replica carries.
    """
    in_flight = [2.0**k for k in range(1, 14) if 2**k <= most_sequences]
    rates = [float(f"{share * carried_per_s:.3g}") for share in _SHARES]
    for law in ("hpa", "keda", "knative", "target_tracking"):
        if law != "target_tracking":  # whose target has no default
            yield MappingProxyType({"law": law})
        if law in ("hpa", "keda"):
            yield from (MappingProxyType({"law": law, "metric": "waiting", "target": target}) for target in _WAITING)
        for metric, targets in (("concurrency", in_flight), ("rps", rates)):
            yield from (MappingProxyType({"law": law, "metric": metric, "target": target}) for target in targets)


def bounds(law: str, enough: int) -> tuple[tuple[int, int], ...]:
    """Between how many replicas a law may move: from one and from half of those that hold the levels; those that can, from none."""
    lows = dict.fromkeys((0,) * (law in _FROM_NONE) + (1, max(1, enough // 2)))
    return tuple((low, 2 * enough) for low in lows)


def _autoscalers(pool: ElasticPool, enough: int, carried_per_s: float, says: Says | None) -> list[Tried]:
    """Every candidate within every bounds, then targets between those that hold the levels and those that do not."""

    def row(each: Mapping[str, Any], low: int, high: int) -> Tried:
        return Tried(str(each["law"]), each, low, high, pool.settings(each, low, high), pool.scaled(each, low, high))

    given = [
        (each, low, high)
        for each in candidates(pool.pool.replica.max_num_seqs, carried_per_s)
        for low, high in bounds(str(each["law"]), enough)
    ]
    rows = []
    for number, one in enumerate(given):
        if says is not None:
            says("autoscalers", number, len(given))
        rows.append(row(*one))
    for _ in range(_REFINEMENTS):
        rows += [row(each, low, high) for each, low, high in _between(rows)]
    return rows


def _between(rows: list[Tried]) -> list[tuple[Mapping[str, Any], int, int]]:
    """A target between the largest that holds the levels and the next larger one, which does not, for each law, metric and bounds."""
    groups: dict[tuple[Any, ...], list[Tried]] = {}
    for row in rows:
        if "target" in row.autoscaler:
            groups.setdefault((row.law, row.autoscaler["metric"], row.low, row.high), []).append(row)
    found: list[tuple[Mapping[str, Any], int, int]] = []
    for (_, _, low, high), group in groups.items():
        ranked = sorted(group, key=lambda row: float(row.autoscaler["target"]))
        for held, missed in pairwise(ranked):
            if held.verdict.holds and not missed.verdict.holds:
                target = float(f"{math.sqrt(held.autoscaler['target'] * missed.autoscaler['target']):.3g}")
                if held.autoscaler["target"] < target < missed.autoscaler["target"]:
                    found.append((MappingProxyType({**held.autoscaler, "target": target}), low, high))
    return found


def _recommended(pool: ElasticPool, rows: list[Tried], says: Says | None) -> tuple[tuple[Tried, ...], Tried | None]:
    """The rows, and of those that meet the levels the one with the fewest GPU-hours that meets them with other seeds too."""
    # Of two that take the same, the one that keeps more replicas standing: it never went lower here, and has no cold start to fear.
    ranked = sorted(
        (i for i, row in enumerate(rows) if row.verdict.holds), key=lambda i: (rows[i].verdict.gpu_hours, rows[i].own, -rows[i].low, i)
    )
    # What stands all the time is the last resort, so it is always among those that are looked at.
    fixed = [i for i in ranked if rows[i].law == "fixed" and not rows[i].own]
    for number, i in enumerate(dict.fromkeys([*ranked[:_CANDIDATES], *fixed])):
        if says is not None:
            says("other seeds", number, _CANDIDATES)
        row = rows[i]
        seeds = range(pool.study.seed + 1, pool.study.seed + 1 + SEEDS)
        met = sum((pool.as_it_is(seed) if row.own else pool.scaled(row.autoscaler, row.low, row.high, seed)).holds for seed in seeds)
        rows[i] = replace(row, seeds_met=met)
        if met == SEEDS:
            return tuple(rows), rows[i]
    return tuple(rows), None
