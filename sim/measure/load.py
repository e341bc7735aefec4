"""Load: offered work over the most a pool can carry within its service level, for the mix of requests that it is offered.

The most is simulated: one replica of the pool is fed a Poisson stream of the mix at rising rates, with the same random numbers
at each, and the largest rate at which TTFT, TPOT and completion hold is found by bisection, to within 1 %. Load is then the
offered rate a ready replica over that rate: at 1 the pool is full, and how full it must not be depends on the bursts. Busy share
does not say this: one running sequence makes a replica busy.
Left out: pool routing (replicas are loaded evenly) and what bursts do; `peak` is the load of the busiest five minutes.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from sim.engine.result import TIMELINE_FIELDS, Result
from sim.engine.system import Api, Autoscaler, Client, Limit, Pool, Rule, System, Target
from sim.measure.mix import PEAK_S, RUN_ROWS, Mix, select
from sim.measure.slo import Slo
from sim.trace.columns import TraceChunk
from sim.trace.trace import Trace

Simulate = Callable[..., Result]
SaturationCache = dict[Any, "Saturation"]

_LEAST_REQUESTS, _MOST_REQUESTS = 2000, 16_000
_LEAST_SECONDS = 120.0
"""A run must last long enough for a queue that grows to show."""
_WARM_UP = 0.1
_STEPS = 9
_LOWEST = 1 / 64


@dataclass(frozen=True, slots=True)
class Saturation:
    """The largest rate in requests a second that one replica carries within the service level, and its throughput without one."""

    requests_per_s: float | None
    """None when the service level is missed even by a replica that is nearly idle."""
    throughput_per_s: float


class _Stream(Trace):
    """Requests of a mix that arrive one after the other at the given times."""

    def __init__(self, trace: Trace, rows: TraceChunk, arrival_s: Any) -> None:
        info = replace(trace.info, rows=len(rows), duration_s=float(arrival_s[-1]))
        self.info = info
        self.classes, self.clients = trace.classes, trace.clients
        self.prefix_block_tokens, self.metadata = trace.prefix_block_tokens, {}
        self._rows = replace(rows, arrival_s=arrival_s)

    def chunks(self, rows: int = 65536) -> Iterator[TraceChunk]:  # noqa: ARG002  (a mix is small: one chunk)
        yield self._rows


def _requests(mix: Mix, count: int, *, keep_runs: bool, random: np.random.Generator) -> TraceChunk:
    """So many requests of a mix, drawn singly or by whole runs of consecutive ones."""
    have = len(mix.rows)
    if not keep_runs:
        return select(mix.rows, random.integers(0, have, count))
    starts = np.arange(0, have, RUN_ROWS)
    order = np.concatenate([np.arange(s, min(s + RUN_ROWS, have)) for s in random.permutation(starts)])
    return select(mix.rows, np.resize(order, count))


def saturation(pool: Pool, mix: Mix, trace: Trace, slo: Slo, *, seed: int, simulate: Simulate) -> Saturation:
    """What one replica of a pool carries of a mix within a service level; the same for the same seed."""
    random = np.random.Generator(np.random.Philox(key=[seed, 0x10AD]))
    keep_runs = pool.replica.prefix_caching == "blocks"
    alone = replace(pool, replicas=1, initial_replicas=1, autoscaler=Autoscaler(), cold_start=())
    open_door = replace(alone, queue_limit=-1, queue_timeout_s=math.inf)
    first = _requests(mix, _LEAST_REQUESTS, keep_runs=keep_runs, random=random)
    flood = simulate(_system(open_door, slo), _Stream(trace, first, np.zeros(len(first))), seed=seed, timeline_s=0.0)
    throughput = len(first) / flood.end_s
    count = int(min(max(_LEAST_REQUESTS, throughput * _LEAST_SECONDS), _MOST_REQUESTS))
    rows = _requests(mix, count, keep_runs=keep_runs, random=random)
    unit_s = np.cumsum(random.standard_exponential(count))
    system = _system(alone, slo)

    def holds(rate: float) -> bool:
        return _holds(simulate(system, _Stream(trace, rows, unit_s / rate), seed=seed, log=True, timeline_s=0.0), slo)

    low, high = throughput * _LOWEST, throughput
    if not holds(low):
        return Saturation(None, throughput)
    for _ in range(_STEPS):
        middle = math.sqrt(low * high)
        low, high = (middle, high) if holds(middle) else (low, middle)
    return Saturation(low, throughput)


def saturation_of(
    system: System, d: int, mix: Mix, trace: Trace, slo: Slo, *, seed: int, simulate: Simulate, cache: SaturationCache
) -> Saturation:
    """The saturation of pool d of a system, looked up in `cache` first: equal replicas fed with an equal mix saturate alike."""
    pool = system.deployments[d]
    assert isinstance(pool, Pool)
    like = replace(pool, name="", replicas=1, initial_replicas=1, autoscaler=Autoscaler(), cold_start=(), routing="round_robin")
    key = (like, _digest(mix), trace.prefix_block_tokens, slo, seed)
    if key not in cache:
        cache[key] = saturation(pool, mix, trace, slo, seed=seed, simulate=simulate)
    return cache[key]


def _digest(mix: Mix) -> bytes:
    digest = hashlib.sha256()
    for name in ("prompt_tokens", "output_tokens", "session_id", "cached_tokens", "max_tokens", "block_offsets", "block_ids"):
        digest.update(np.ascontiguousarray(getattr(mix.rows, name)).tobytes())
    return digest.digest()


def _system(pool: Pool, slo: Slo) -> System:
    once = Rule((Target(0, client=Client(retries=0)),))
    return System((pool,), (once,), ttft_slo_s=slo.ttft_s, tpot_slo_s=slo.tpot_s)


def _holds(result: Result, slo: Slo) -> bool:
    """Whether the service level holds, the first arrivals (an empty replica) not counted."""
    assert result.log is not None
    log = result.log[int(len(result.log) * _WARM_UP) :]
    done = log[log["outcome"] == 0]
    if len(done) < slo.completed * len(log):
        return False
    ttft = done["first_token_s"] - done["arrival_s"]
    long = done["output_tokens"] > 1
    tpot = (done["finish_s"] - done["first_token_s"])[long] / (done["output_tokens"][long] - 1)
    checks = ((ttft, slo.ttft_quantile, slo.ttft_s), (tpot, slo.tpot_quantile, slo.tpot_s))
    return all(not len(values) or np.quantile(values, q, method="inverted_cdf") <= limit for values, q, limit in checks)


@dataclass(frozen=True, slots=True)
class Load:
    """Load of a deployment on average and in its busiest five minutes, and the rate a replica carries; None where not defined."""

    mean: float | None
    peak: float | None
    saturation_per_s: float | None


def pool_load(result: Result, d: int, found: Saturation | None, mix: Mix | None = None) -> Load:
    """The load of pool d: requests offered a ready replica and second, over what a replica carries.

    Offered is what the rules send to the pool first (`mix`), or, where that is more, first attempts there and requests passed on
    because of the wait: a fallback is offered what others pass on, and scripted demand is in no trace.
    """
    if found is None or found.requests_per_s is None:
        return Load(None, None, None)
    came = int(result.counters["attempts"][d] - result.counters["retries"][d] + result.counters["spilled"][d])
    sent = float(mix.offered.sum()) if mix is not None and mix.offered is not None else 0.0
    carried = found.requests_per_s * float(result.ready_s[d])
    mean = max(came, sent) / carried if carried > 0 else None
    return Load(mean, _pool_peak(result, d, found.requests_per_s, mix), found.requests_per_s)


def bin_s(timeline_s: float) -> float:
    """The bins of the busiest time: five minutes, or an interval of the timeline where that is longer."""
    return timeline_s * max(1, round(PEAK_S / timeline_s))


def _pool_peak(result: Result, d: int, rate: float, mix: Mix | None) -> float | None:
    """The largest load of a bin: requests offered over what the replicas ready at the ends of its intervals carry."""
    width = round(bin_s(result.timeline_s) / result.timeline_s)
    intervals = min(len(result.timeline), math.ceil(result.window_s / result.timeline_s))
    if intervals == 0:
        return None
    starts = np.arange(0, intervals, width)
    arrivals, ready = (result.timeline[:intervals, d, TIMELINE_FIELDS.index(name)] for name in ("arrivals", "ready"))
    # The end of the trace may cut the last interval short.
    length_s = np.minimum(result.window_s - np.arange(intervals) * result.timeline_s, result.timeline_s)
    came, ready_s = np.add.reduceat(arrivals, starts), np.add.reduceat(ready * length_s, starts)
    if mix is not None and mix.offered is not None:
        sent = np.zeros(len(starts))
        seen = mix.offered[: len(starts)]
        sent[: len(seen)] = seen
        came = np.maximum(came, sent)
    if len(starts) > 1 and intervals % width:
        came, ready_s = came[:-1], ready_s[:-1]  # a last bin cut short says little
    carried = ready_s * rate
    served = carried > 0
    return float(np.max(came[served] / carried[served])) if served.any() else None


def api_load(result: Result, api: Api, d: int) -> Load:
    """The load of API d: what was offered over what its tightest rate limit lets through on average."""
    offered = int(result.counters["attempts"][d] - result.counters["retries"][d])
    admitted = int(result.api_requests[d].sum())
    if not api.limits or not offered or result.window_s <= 0:
        return Load(None, None, None)
    fresh, cached, output = (float(n) for n in result.tokens[d].sum(axis=(0, 2, 3)))
    scale = offered / admitted if admitted else 0.0
    uses = [_limit_use(limit, offered, fresh * scale, cached * scale, output * scale, result.window_s) for limit in api.limits]
    known = [use for use in uses if use is not None]
    return Load(max(known), None, None) if known else Load(None, None, None)


def _limit_use(limit: Limit, requests: float, fresh: float, cached: float, output: float, window_s: float) -> float | None:
    """Offered amount over the amount that a limit lets through; None for limits that are not a rate of requests or tokens."""
    if limit.law in ("concurrency", "acceleration") or limit.unit == "usd":
        return None
    read = fresh + (cached if limit.counts_cached else 0.0)
    written = output * limit.output_multiplier
    amounts = {"requests": requests, "input_tokens": read, "output_tokens": written, "total_tokens": read + written}
    return amounts[limit.unit] / (limit.limit * max(window_s, limit.window_s) / limit.window_s)
