"""Incidents of all futures: outages and degradations of vendors, failures and interruptions of machines, want of machines.

Vendors: one clustered renewal process each (sim/futures/renewal.py); every incident is an outage or a degradation by chance, its duration
lognormal. Machines: Poisson, at a rate that grows with the GPUs of the pool. None is under way when the horizon begins, and what would
outlast it ends with it. Incidents of one hazard that overlap are one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sim.futures.hazard import Hazard, Incidents
from sim.futures.luck import Luck
from sim.futures.renewal import poisson_times, renewal_times
from sim.stack.on_premises import ON_PREMISES
from sim.stack.outlook import Outlook
from sim.stack.resolved import ResolvedApi, ResolvedPool, ResolvedStack
from sim.units import SECONDS_PER_DAY, SECONDS_PER_HOUR

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]

_GPUS_OF_NODE = 8
"""GPUs of the machines whose failures were counted (Llama 3, Meta RSC)."""
_OWNED = frozenset({"reserved_1y", "reserved_3y", "capacity_block", ON_PREMISES})
"""Purchases whose machines are ours for a time: none is taken back, none is lacking, and a broken one is repaired."""


@dataclass(frozen=True)
class Raw:
    """Incidents of one hazard in order of (future, start), overlapping or not."""

    hazard: Hazard
    future: IntArray
    start_s: FloatArray
    duration_s: FloatArray
    factor: FloatArray
    error_rate: FloatArray
    count: IntArray


def incident_calendar(
    outlook: Outlook, resolved: ResolvedStack, luck: Luck, length_s: float, running: Mapping[str, float], more: Sequence[Raw] = ()
) -> tuple[tuple[Hazard, ...], Incidents]:
    """The hazards of a stack and all their incidents; `more` are those that are drawn elsewhere.

    `running` says how many replicas a pool has on average, where that is known.
    """
    found: list[Raw] = []
    vendors = dict.fromkeys(each.model.vendor for each in resolved.deployments if isinstance(each, ResolvedApi))
    for vendor in vendors:
        found += _of_vendor(outlook, resolved, vendor, luck, length_s)
    for number, pool in enumerate(resolved.deployments):
        if isinstance(pool, ResolvedPool):
            found += _of_pool(outlook, pool, number, luck, length_s, running.get(pool.name, _replicas(pool)))
    merged = [merge_overlaps(each, length_s) for each in (*found, *more)]
    return tuple(each.hazard for each in merged), _in_order(merged)


def _replicas(pool: ResolvedPool) -> float:
    """Replicas of a pool where nobody knows better: half way between its bounds."""
    return (pool.spec.replicas.min + pool.spec.replicas.max) / 2


def _of_vendor(outlook: Outlook, resolved: ResolvedStack, vendor: str, luck: Luck, length_s: float) -> list[Raw]:
    says = outlook.api_incidents.of(vendor)
    assert says.per_30_days is not None
    if says.per_30_days.middle == 0.0:
        return []
    assert says.duration_h is not None
    assert says.latency_factor is not None
    assert says.error_rate is not None
    deployments = tuple(k for k, each in enumerate(resolved.deployments) if isinstance(each, ResolvedApi) and each.model.vendor == vendor)
    generator = luck.stream("incidents", f"vendor/{vendor}")
    per_second = says.per_30_days.at(generator.standard_normal(luck.futures)) / (30 * SECONDS_PER_DAY)
    future, start_s = renewal_times(generator, per_second=per_second, shape=says.gap_shape or 1.0, length_s=length_s)
    n = len(future)
    duration_s = says.duration_h.at(generator.standard_normal(n)) * SECONDS_PER_HOUR
    outage = generator.random(n) < (says.outage_share or 0.0)
    factor = says.latency_factor.at(generator.standard_normal(n))
    error_rate = np.minimum(says.error_rate.at(generator.standard_normal(n)), 1.0)
    one = np.ones(n, np.int64)
    return [
        _chosen(Raw(Hazard("api_outage", vendor, deployments), future, start_s, duration_s, np.ones(n), np.zeros(n), one), outage),
        _chosen(Raw(Hazard("degradation", vendor, deployments), future, start_s, duration_s, factor, error_rate, one), ~outage),
    ]


def _chosen(raw: Raw, which: npt.NDArray[np.bool_]) -> Raw:
    return Raw(
        raw.hazard, raw.future[which], raw.start_s[which], raw.duration_s[which], raw.factor[which], raw.error_rate[which], raw.count[which]
    )


def _of_pool(outlook: Outlook, pool: ResolvedPool, number: int, luck: Luck, length_s: float, running: float) -> list[Raw]:
    """Failures, interruptions and want of machines of one pool."""
    spec, found = pool.spec, []
    purchase = pool.gpu_hour.purchase
    owned = purchase in _OWNED
    on_node = max(1, pool.gpus_per_node // spec.tensor_parallel)
    gpus = running * spec.tensor_parallel
    # GPUs that are sold one by one come in machines that hold a replica, up to the largest that are built.
    machines = gpus / max(pool.gpus_per_node, min(spec.tensor_parallel, _GPUS_OF_NODE))
    most = max(1, spec.replicas.max)

    failures = outlook.gpu_failures
    generator = luck.stream("incidents", f"failure/{pool.name}")
    rate = failures.rate(spec.gpu)
    if rate.middle > 0.0 and running > 0.0:
        # Machines fail as often as the GPUs in them do together: a rate for 8 GPUs is shared out to each.
        per_second = rate.at(generator.standard_normal(luck.futures)) / 1000 / SECONDS_PER_DAY * gpus / _GPUS_OF_NODE
        future, start_s = poisson_times(generator, per_second=per_second, length_s=length_s)
        repair = failures.owned_repair_h if owned else failures.rented_repair_h
        duration_s = repair.at(generator.standard_normal(len(future))) * SECONDS_PER_HOUR
        whole = generator.random(len(future)) < failures.whole_node_share
        count = np.where(whole, min(on_node, most), 1).astype(np.int64)
        found.append(_plain("gpu_failure", pool.name, number, future, start_s, duration_s, count))

    share = outlook.spot.share(spec.gpu)
    if purchase == "spot" and share.middle > 0.0 and running > 0.0:
        generator = luck.stream("incidents", f"spot/{pool.name}")
        lost = np.minimum(share.at(generator.standard_normal(luck.futures)), 0.999)
        per_second = -np.log1p(-lost) / (30 * SECONDS_PER_DAY) * max(machines, 1.0)
        future, start_s = poisson_times(generator, per_second=per_second, length_s=length_s)
        known = pool.provider.spot_notice_s if pool.provider is not None else None
        notice_s = np.full(len(future), outlook.spot.notice_s if known is None else known)
        count = np.full(len(future), min(on_node, most), np.int64)
        found.append(_plain("spot_preemption", pool.name, number, future, start_s, notice_s, count))

    lacking = outlook.no_capacity
    factor = lacking.spot_factor if purchase == "spot" else 1.0
    if not owned and lacking.per_30_days.middle * factor > 0.0:
        generator = luck.stream("incidents", f"no_capacity/{pool.name}")
        per_second = lacking.per_30_days.at(generator.standard_normal(luck.futures)) * factor / (30 * SECONDS_PER_DAY)
        future, start_s = poisson_times(generator, per_second=per_second, length_s=length_s)
        duration_s = lacking.duration_h.at(generator.standard_normal(len(future))) * SECONDS_PER_HOUR
        found.append(_plain("no_capacity", pool.name, number, future, start_s, duration_s, np.ones(len(future), np.int64)))
    return found


def _plain(kind: str, name: str, number: int, future: IntArray, start_s: FloatArray, duration_s: FloatArray, count: IntArray) -> Raw:
    n = len(future)
    return Raw(Hazard(kind, name, (number,)), future, start_s, duration_s, np.ones(n), np.zeros(n), count)


def merge_overlaps(raw: Raw, length_s: float) -> Raw:
    """One incident for those that overlap in a future: from the first start to the last end, of the mean severity over time.

    The number of replicas is rounded, at least 1. Ends are cut at `length_s`.
    """
    n = len(raw.future)
    if n == 0:
        return raw
    end_s = np.minimum(raw.start_s + raw.duration_s, length_s)
    # Futures are laid end to end, so that the latest end so far is one running maximum.
    ahead = raw.future * (2 * length_s)
    latest = np.maximum.accumulate(end_s + ahead)
    first = np.ones(n, bool)
    first[1:] = (raw.start_s + ahead)[1:] > latest[:-1]
    at = np.flatnonzero(first)
    last = np.append(at[1:], n) - 1
    start_s = raw.start_s[at]
    duration_s = latest[last] - ahead[last] - start_s
    weight = np.maximum(end_s - raw.start_s, 1e-9)
    total = np.add.reduceat(weight, at)

    def mean(values: npt.NDArray[np.float64] | IntArray) -> FloatArray:
        return np.asarray(np.where(last == at, values[at], np.add.reduceat(weight * values, at) / total), np.float64)

    # Replicas add up: those lost at once for part of the time are as many fewer for the whole of it.
    lost = np.where(last == at, raw.count[at], np.rint(np.add.reduceat(weight * raw.count, at) / np.maximum(duration_s, 1e-9)))
    count = np.maximum(lost, 1).astype(np.int64)
    return Raw(raw.hazard, raw.future[at], start_s, duration_s, mean(raw.factor), mean(raw.error_rate), count)


def _in_order(parts: Sequence[Raw]) -> Incidents:
    """All incidents in order of (future, start), then hazard."""
    if not parts:
        whole, real = np.empty(0, np.int64), np.empty(0)
        return Incidents(whole, whole, real, real, real, real, whole)
    hazard = np.concatenate([np.full(len(each.future), k, np.int64) for k, each in enumerate(parts)])
    future = np.concatenate([each.future for each in parts])
    start_s = np.concatenate([each.start_s for each in parts])
    order = np.lexsort((hazard, start_s, future))
    return Incidents(
        future=future[order],
        hazard=hazard[order],
        start_s=start_s[order],
        duration_s=np.concatenate([each.duration_s for each in parts])[order],
        factor=np.concatenate([each.factor for each in parts])[order],
        error_rate=np.concatenate([each.error_rate for each in parts])[order],
        count=np.concatenate([each.count for each in parts])[order],
    )
