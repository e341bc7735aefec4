"""What a candidate costs at least, and what it cannot do whatever happens: bounds that leave candidates out without a replay.

A step of T tokens, S sequences, C tokens of context and A of prompt attention takes c + g(T) + o·S + f·C + h·A. So a token takes at least
the least (c + g(T))/T of all T that fit a step, and every request at least

    (prompt + output - 1)·min (c + g(T))/T + o·output + f·(context over its decodes) + h·prompt²/2

of a replica's time. Levels allow some requests to be late or lost, at most so many in all; all others must be done soon after they came. In
any stretch of the trace those with the least work that must be done have to fit the replicas' time in it. A request's TPOT is at least
a step alone with its own prompt, its TTFT at least that of its prompt alone. Prompts count nothing where prefixes may be cached.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sim.cost.from_stack import stack_extras
from sim.planning.levels import ServiceLevel
from sim.stack.resolve_hour import PAID_WHATEVER_STANDS
from sim.stack.resolved import ResolvedPool, ResolvedStack
from sim.trace.trace import Trace
from sim.units import HOURS_PER_MONTH, SECONDS_PER_MONTH, show_usd

FloatArray = npt.NDArray[np.float64]

_PARTS = (1, 2, 4, 8, 24)
"""The trace is also looked at in its busiest half, quarter, ..."""
_ROUNDING = 1e-6
_CENT = 0.005
_BUCKET = 1.01
"""Measured latencies are known to a bucket of 1 %."""


@dataclass(frozen=True)
class Work:
    """The requests of a trace as bounds need them, in order of arrival."""

    arrival_s: FloatArray
    prompt: FloatArray
    output: FloatArray
    duration_s: float


def work_of(trace: Trace) -> Work:
    """The requests of a trace."""
    columns = [(chunk.arrival_s, chunk.prompt_tokens, chunk.output_tokens) for chunk in trace.chunks()]
    arrival, prompt, output = (np.concatenate(parts).astype(np.float64) for parts in zip(*columns, strict=True))
    return Work(arrival, prompt, np.maximum(output, 1.0), trace.info.duration_s)


def least_usd_per_month(resolved: ResolvedStack) -> float:
    """What the stack costs in a month if no request comes: the GPUs that always stand, and what is charged by the month.

    A life shorter than the month costs no less an hour, and rounding up adds; a spot or scaled replica may be gone, which is why
    `replicas.min` counts.
    """
    extras = stack_extras(resolved, SECONDS_PER_MONTH)
    usd = extras.tooling_usd_per_month or 0.0
    usd += extras.storage_gb * (extras.storage_usd_per_gb_month or 0.0) + extras.egress_gb * (extras.egress_usd_per_gb or 0.0)
    for pool in resolved.deployments:
        if isinstance(pool, ResolvedPool):
            spec = pool.spec.replicas
            always = pool.gpu_hour.purchase in PAID_WHATEVER_STANDS
            usd += gpus_paid(pool, spec.max if always else spec.min) * pool.gpu_hour.usd_per_gpu_hour * HOURS_PER_MONTH
    return usd


def gpus_paid(pool: ResolvedPool, replicas: int) -> int:
    """GPUs that so many replicas take, in whole machines."""
    each, machine = pool.spec.tensor_parallel, pool.gpus_per_node
    if machine >= each:
        return -(-replicas // (machine // each)) * machine
    return replicas * -(-each // machine) * machine


@dataclass(frozen=True, slots=True)
class Cannot:
    """Why a stack cannot meet the levels, in words, and how far it is from that: what is needed at least over what there is."""

    why: str
    near: float


def too_dear(least_usd: float, levels: Sequence[ServiceLevel]) -> Cannot | None:
    """Where the GPUs that always stand cost more than a level allows."""
    limits = [level.limit for level in levels if level.metric == "usd_per_month" and level.upper]
    if not limits or least_usd <= min(limits) + _CENT:
        return None
    return Cannot(f"it costs {show_usd(least_usd)} a month at least", least_usd / max(min(limits), _CENT))


class Bounds:
    """What stacks cannot do of a trace and its levels; replicas alike are looked at once."""

    def __init__(self, work: Work, levels: Sequence[ServiceLevel]) -> None:
        self._work = work
        self._levels = tuple(level for level in levels if level.latency is not None and level.upper)
        share = max((level.limit for level in levels if level.metric == "completed"), default=0.0)
        self._lost = (1.0 - share) * len(work.arrival_s)
        self._known: dict[tuple[object, ...], tuple[Cannot | None, int]] = {}

    def cannot(self, resolved: ResolvedStack) -> Cannot | None:
        """Why a stack without APIs cannot meet the levels; None where that is not sure, or APIs may help."""
        pools = [each for each in resolved.deployments if isinstance(each, ResolvedPool)]
        if len(pools) != len(resolved.deployments) or not pools or not len(self._work.arrival_s):
            return None
        key = tuple((each.step, each.max_num_batched_tokens, each.max_model_len, each.prefix_caching, each.front_end_s) for each in pools)
        if key not in self._known:
            floor = next((found for level in self._levels if (found := self._floor(pools, level)) is not None), None)
            self._known[key] = floor, self._least_replicas(pools)
        why, least = self._known[key]
        replicas = sum(pool.spec.replicas.max for pool in pools)
        if why is None and replicas < least:
            return Cannot(f"{replicas} of at least {least} replicas that the work takes", least / max(replicas, 0.5))
        return why

    def _floor(self, pools: Sequence[ResolvedPool], level: ServiceLevel) -> Cannot | None:
        """A latency that no number of replicas brings down."""
        work, q = self._work, level.q or 0.0
        if level.latency == "ttft":
            least = np.min([_prefill_s(pool, work) + pool.front_end_s for pool in pools], axis=0)
        elif level.latency == "tpot":
            answers = work.output > 1
            least = np.min([_alone_s(pool, work.prompt[answers]) for pool in pools], axis=0)
        else:
            least = np.min([work_s(pool, work) + pool.front_end_s for pool in pools], axis=0)
        late = int((least > level.limit * _BUCKET).sum())
        if late - self._lost <= (1 - q) * len(work.arrival_s):
            return None
        words = {"ttft": "the first token takes", "tpot": "a further token takes", "e2e": "an answer takes"}[level.latency or "e2e"]
        takes_s = float(np.quantile(least, q))
        return Cannot(f"{words} an idle replica {level.shown(takes_s)} at {level.metric.partition('_')[2]}", takes_s / level.limit)

    def _least_replicas(self, pools: Sequence[ResolvedPool]) -> int:
        """Replicas below which there is less time than the requests take that must be done."""
        work = self._work
        wait = [level for level in self._levels if level.latency != "tpot"]
        if not wait or work.duration_s <= 0:
            return 0
        first = min(wait, key=lambda level: (level.latency != "ttft", level.limit))
        may_miss = (1 - (first.q or 0.0)) * len(work.arrival_s) + self._lost
        after_s, decodes = first.limit, first.latency == "e2e"
        pace = [level for level in self._levels if level.latency == "tpot"]
        if pace and not decodes:
            tightest = min(pace, key=lambda level: level.limit)
            may_miss += (1 - (tightest.q or 0.0)) * len(work.arrival_s)
            after_s, decodes = after_s + tightest.limit * float(work.output.max()), True
        needed = np.min([work_s(pool, work, decodes=decodes) for pool in pools], axis=0)
        found = 0
        for parts in _PARTS:
            length_s = work.duration_s / parts
            mine = np.sort(needed[busiest(work, needed, length_s)])
            kept = max(len(mine) - math.floor(may_miss + _ROUNDING), 0)
            found = max(found, math.ceil(float(mine[:kept].sum()) / (length_s + after_s) - _ROUNDING))
        return found


def work_s(pool: ResolvedPool, work: Work, *, decodes: bool = True) -> FloatArray:
    """Seconds of a replica that each request takes at least; without `decodes` up to its first token only."""
    step = pool.step
    room = np.maximum(pool.max_model_len - work.prompt, 0.0)  # an output is cut to what fits, a prompt that does not fit is refused
    prompt = work.prompt if pool.prefix_caching == "off" else np.zeros_like(work.prompt)
    per_token = _per_token_s(pool)
    seconds = prompt * per_token + step.o_s + step.h_s * prompt**2 / 2
    if decodes:
        more = np.maximum(np.minimum(work.output, room) - 1, 0.0)
        seconds = seconds + more * (per_token + step.o_s) + step.f_s * more * (prompt + more / 2)
    seconds = np.where(room > 0, seconds, 0.0)
    return np.asarray(seconds, np.float64)


def _per_token_s(pool: ResolvedPool) -> float:
    """The least (c + g(T))/T: between its knots that falls or rises throughout."""
    most = float(pool.max_num_batched_tokens)
    tokens = [each for each in (*pool.step.g_tokens, most) if 1 <= each <= most] or [most]
    return min((pool.step.c_s + pool.step.g(each)) / each for each in tokens)


def _prefill_s(pool: ResolvedPool, work: Work) -> FloatArray:
    alone = pool.step.c_s + min(pool.step.g_s)
    least = work_s(pool, work, decodes=False)
    return np.where(least > 0, np.maximum(least, alone), 0.0)


def _alone_s(pool: ResolvedPool, prompt: FloatArray) -> FloatArray:
    step = pool.step
    context = prompt if pool.prefix_caching == "off" else np.zeros_like(prompt)
    return np.asarray(step.c_s + min(step.g_s) + step.o_s + step.f_s * context, np.float64)


def busiest(work: Work, needed: FloatArray, length_s: float) -> slice:
    """The stretch of that length, begun at an arrival, in which the most work arrives."""
    ends = np.searchsorted(work.arrival_s, work.arrival_s + length_s, side="right")
    sums = np.concatenate([[0.0], np.cumsum(needed)])
    best = int(np.argmax(sums[ends] - sums[:-1]))
    return slice(best, int(ends[best]))
