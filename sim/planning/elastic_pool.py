"""One pool of a stack under different autoscalers: each replays the whole trace, with the same requests and the same random numbers.

What is held against each other is GPU-hours provisioned, from the start of a replica's cold start to its end, and the service levels over
all requests of the trace. Whole machines, billing units and commitments are left out: they are what is bought, not what is needed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sim.engine.result import Result
from sim.engine.system import Autoscaler, Pool, System
from sim.errors import InputError, nearest
from sim.measure.fleet import fleet
from sim.measure.latency import latency_quantile
from sim.measure.load import Saturation, saturation_of
from sim.measure.mix import Mix, MixSampler
from sim.measure.slo import Slo, good_share, goodput_per_s
from sim.planning.evaluate import stack_at
from sim.planning.levels import ServiceLevel, with_own
from sim.planning.opened import Opened, open_study
from sim.planning.points import Study
from sim.stack.read import StackFile
from sim.stack.resolve import resolve
from sim.stack.resolved import ResolvedApi, ResolvedPool, ResolvedStack
from sim.units import SECONDS_PER_HOUR, parse_seconds

MEASURED = ("completed", "good_share", "goodput")
"""Levels beside quantiles of latencies that one replay of a pool can be held to."""
MOST_INTERVALS = 1000
"""Of a schedule: each is replayed several times."""
SYNC_S = 60.0
"""How often a schedule is looked at: the default of the autoscaler `plan`."""


@dataclass(frozen=True)
class Verdict:
    """What one replay came to. `measured` and `met` are in the order of the levels."""

    replica_hours: float
    gpu_hours: float
    measured: tuple[float | None, ...]
    met: tuple[bool, ...]
    mean_replicas: float
    """Provisioned, on average."""
    most_replicas: int
    """Provisioned at once, starting ones included."""

    @property
    def holds(self) -> bool:
        """Whether every level is met."""
        return all(self.met)


class ElasticPool:
    """A pool of a study's stack, its trace and levels; made once, asked for many verdicts. InputError for what cannot be asked.

    Levels on metrics that are not given are those of the stack, so that what completes is always among them.
    """

    def __init__(self, study: Study, levels: Sequence[ServiceLevel] = (), deployment: str | None = None) -> None:
        self.study = study
        self._opened: Opened = open_study(study)
        self.trace = self._opened.trace
        if self.trace.closed_loop is not None:
            raise InputError(f"{study.trace.name}: a closed loop: how many wait at a time is given, so nothing is to be scaled")
        if not self.trace.info.duration_s > 0:
            raise InputError(f"{study.trace.name}: all requests arrive at once; a trace that lasts is needed")
        self.resolved = self._resolve(())
        self.system = self._assemble(self.resolved)
        self.d = _pool_of(self.system, deployment, study.stack_name)
        self.levels = with_own(levels, self.resolved.slo)
        _check_levels(self.levels)
        self._lanes = [d for d, each in enumerate(self.resolved.deployments) if isinstance(each, ResolvedApi) and each.lane_of is not None]

    @property
    def pool(self) -> Pool:
        """The pool as the stack has it."""
        pool = self.system.deployments[self.d]
        assert isinstance(pool, Pool)
        return pool

    @property
    def name(self) -> str:
        """The deployment's."""
        return self.pool.name

    @property
    def usd_per_gpu_hour(self) -> float:
        """What the stack pays for a GPU-hour of the pool."""
        spec = next(each for each in self.resolved.deployments if each.name == self.name)
        assert isinstance(spec, ResolvedPool)
        return spec.gpu_hour.usd_per_gpu_hour

    @property
    def cold_start_s(self) -> float:
        """How long a start takes in the mean: lognormal stages one after the other."""
        return math.fsum(stage.median_s * math.exp(stage.sigma**2 / 2) for stage in self.pool.cold_start)

    def stack(self, settings: Sequence[str]) -> StackFile:
        """The stack with settings laid over it."""
        return stack_at(self.study, tuple(settings))

    def scaled(self, autoscaler: Mapping[str, Any], low: int, high: int, seed: int | None = None) -> Verdict:
        """The verdict of an autoscaler, as the stack file has it, between bounds."""
        resolved = self._resolve(self.settings(autoscaler, low, high))
        return self._verdict(self._assemble(resolved), self.study.seed if seed is None else seed)

    def settings(self, autoscaler: Mapping[str, Any], low: int, high: int) -> tuple[str, ...]:
        """The same as settings of the stack."""
        own = f"deployments.{self.name}"
        law = ", ".join(f"{name}: {value}" for name, value in autoscaler.items())
        return (f"{own}.replicas={{min: {low}, max: {high}}}", f"{own}.autoscaler={{{law}}}")

    def as_it_is(self, seed: int | None = None) -> Verdict:
        """The verdict of the stack as it is."""
        return self._verdict(self.system, self.study.seed if seed is None else seed)

    def scheduled(self, counts: Sequence[int], interval_s: float, most: int) -> Verdict:
        """The verdict of so many replicas in each interval, ordered a cold start ahead."""
        steps = steps_of(counts, interval_s, self.cold_start_s)
        law = Autoscaler(law="plan", sync_s=SYNC_S, scrape_s=SYNC_S, min_replicas=0, max_replicas=most, schedule=steps)
        pool = replace(self.pool, replicas=most, initial_replicas=steps[0][1], autoscaler=law)
        deployments = tuple(pool if d == self.d else each for d, each in enumerate(self.system.deployments))
        return self._verdict(replace(self.system, deployments=deployments), self.study.seed)

    def offered(self, interval_s: float) -> tuple[tuple[float, ...], Saturation]:
        """Requests sent to the pool in each interval, and what one replica carries of them."""
        from sim.engine.run import simulate

        sampler = MixSampler(self.system, bin_s=interval_s)
        for chunk in self.trace.chunks():
            sampler.add(chunk)
        mix: Mix | None = sampler.mix(self.d)
        if mix is None or mix.offered is None:
            raise InputError(f"{self.study.stack_name}: no rule sends requests of this trace to {self.name} first: nothing is to be scaled")
        found = saturation_of(
            self.system, self.d, mix, self.trace, _slo(self.levels), seed=self.study.seed, simulate=simulate, cache=self._opened.saturations
        )  # fmt: skip
        intervals = max(1, math.ceil(self.trace.info.duration_s / interval_s - 1e-9))
        requests = [float(each) for each in mix.offered]
        requests += [0.0] * (intervals - len(requests))
        # The last request of a trace may arrive on the very end of its last interval.
        return (*requests[: intervals - 1], math.fsum(requests[intervals - 1 :])), found

    def _resolve(self, settings: Sequence[str]) -> ResolvedStack:
        return resolve(self.stack(settings), self._opened.catalog, self._opened.book, self._opened.facts)

    def _assemble(self, resolved: ResolvedStack) -> System:
        from sim.engine.assemble import assemble

        return assemble(resolved, self.trace.classes)

    def _verdict(self, system: System, seed: int) -> Verdict:
        from sim.cost.replay import latest_end_s
        from sim.engine.run import simulate

        until_s = latest_end_s(self.trace.info.duration_s)
        result = simulate(system, self.trace, seed=seed, until_s=until_s, timeline_s=0.0)
        measured = tuple(self._measured(result, level) for level in self.levels)
        completed = int(result.outcomes[:, :, 0].sum())
        hours = float(result.present_s[self.d]) / SECONDS_PER_HOUR
        return Verdict(
            replica_hours=hours,
            gpu_hours=hours * self.pool.gpus_per_replica,
            measured=measured,
            met=tuple(level.holds(value, anything=completed > 0) for level, value in zip(self.levels, measured, strict=True)),
            mean_replicas=hours * SECONDS_PER_HOUR / result.window_s,
            most_replicas=fleet(result.lives, self.d, result.window_s).present_most,
        )

    def _measured(self, result: Result, level: ServiceLevel) -> float | None:
        if level.q is not None:
            return latency_quantile(result, str(level.latency), level.q, self._lanes)
        if level.metric == "completed":
            return int(result.outcomes[:, :, 0].sum()) / result.total if result.total else None
        return (good_share if level.metric == "good_share" else goodput_per_s)(result, self._lanes)


def steps_of(counts: Sequence[int], interval_s: float, lead_s: float) -> tuple[tuple[float, int], ...]:
    """When a schedule asks for how many replicas: those of an interval a lead before it begins, to its end.

    Times are whole minutes, earlier rather than later; the first step is at 0, from where on the first count stands ready.
    """
    begins = [max(0.0, math.floor((i * interval_s - lead_s) / SYNC_S) * SYNC_S) if i else 0.0 for i in range(len(counts))]
    ends = [math.floor((i + 1) * interval_s / SYNC_S) * SYNC_S for i in range(len(counts))]
    steps: list[tuple[float, int]] = []
    for at in sorted({*begins, *ends[:-1]}):
        wanted = max(count for count, begin, end in zip(counts, begins, ends, strict=True) if begin <= at < end)
        if not steps or steps[-1][1] != wanted:
            steps.append((at, wanted))
    return tuple(steps)


def _check_levels(levels: Sequence[ServiceLevel]) -> None:
    for level in levels:
        if level.q is None and level.metric not in MEASURED:
            raise InputError(
                f"--slo {level}: {level.metric} is no level of a pool; allowed: ttft_pQ, tpot_pQ, e2e_pQ, {', '.join(MEASURED)}"
            )


def _slo(levels: Sequence[ServiceLevel]) -> Slo:
    """The levels as what a replica carries is measured by; what is not among them does not limit it.

    Of several on one latency the first counts, so that one that was given goes before the stack's.
    """
    slo = Slo(ttft_s=math.inf, tpot_s=math.inf, completed=0.0)
    for level in reversed(levels):
        if level.latency == "ttft" and level.q is not None:
            slo = replace(slo, ttft_s=level.limit, ttft_quantile=level.q)
        elif level.latency == "tpot" and level.q is not None:
            slo = replace(slo, tpot_s=level.limit, tpot_quantile=level.q)
        elif level.metric == "completed":
            slo = replace(slo, completed=level.limit)
    return slo


def _pool_of(system: System, deployment: str | None, stack: str) -> int:
    """The number of the pool that is asked for, or of the only one; InputError where the answer would be about others."""
    pools = {each.name: d for d, each in enumerate(system.deployments) if isinstance(each, Pool)}
    if deployment is None:
        if len(pools) != 1:
            found = f"deployments of kind gpu: {', '.join(pools)}" if pools else "no deployment of kind gpu"
            raise InputError(f"{stack}: found {found}; {'name one with --deployment' if pools else 'there is nothing to scale'}")
        deployment = next(iter(pools))
    if deployment not in pools:
        raise InputError(
            f"--deployment {deployment}: is no deployment of kind gpu; allowed: {', '.join(pools) or 'none in this stack'}"
            f"{nearest(deployment, pools)}"
        )
    d = pools[deployment]
    others = [
        system.deployments[target.deployment].name
        for rule in system.rules
        if any(target.deployment == d for target in rule.targets)
        for target in rule.targets
        if target.deployment != d
    ]
    if others:
        raise InputError(
            f"{stack}: requests of {deployment} may go to {', '.join(dict.fromkeys(others))} instead: with fewer GPUs more would, and the "
            f"fewest would be none; allowed: rules that send to {deployment} alone, as --set 'routing=[{{to: [{deployment}]}}]'"
        )
    return d


def interval_of(text: str | None, duration_s: float) -> float:
    """How long a count of a schedule stands: what is given, or a quarter of an hour, of a long trace a 96th of it in whole minutes.

    InputError for one that is no multiple of a minute, or that makes more than MOST_INTERVALS of the trace.
    """
    if text is None:
        return max(900.0, math.ceil(duration_s / 96 / SYNC_S) * SYNC_S)
    try:
        interval_s = parse_seconds(text)
    except InputError as error:
        raise InputError(f"--interval: {error}") from None
    least_s = math.ceil(duration_s / MOST_INTERVALS / SYNC_S) * SYNC_S
    if interval_s < max(least_s, SYNC_S) or interval_s % SYNC_S:
        raise InputError(
            f"--interval: found {text[:40]!r}; allowed: whole minutes from {max(least_s, SYNC_S) / 60:g}m for this trace, as 15m"
        )
    return interval_s
