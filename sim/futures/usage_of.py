"""A replay as a Usage: amounts of the time after a warm-up, latencies, and service levels by block of time.

What belongs to a request (outcome, latency, tokens a pool delivered) is counted from the request log, by arrival after the warm-up.
What belongs to time (busy, ready, present) is the difference to a replay of the warm-up alone, which is exact, since nothing sees the
future; so are counters and the tokens an API charges, but for requests that later ones got in the way of. A machine is paid for the
time that it stands after the warm-up, and what rounding its life adds is paid when it ends: parts of a day add up to the day.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping

import numpy as np
import numpy.typing as npt

from sim.cost.bill import paid_machines, price_factors
from sim.cost.gpu import MachineLife, billed_s
from sim.cost.price import GpuPrice, Price
from sim.engine.result import HIST_BUCKETS, HIST_GROWTH, HIST_MIN_S, OUTCOMES, Result
from sim.engine.system import Api, Pool, System
from sim.futures.usage import ALL, KINDS, SLO_ITEMS, Usage, UsageLayout, priced_item
from sim.units import SECONDS_PER_HOUR

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]


def usage_of(
    result: Result,
    system: System,
    prices: Mapping[str, Price],
    layout: UsageLayout,
    *,
    lanes: Collection[int] = (),
    before: Result | None = None,
    counted_from_s: float = 0.0,
    block_s: float = math.inf,
    blocks: int = 1,
) -> tuple[Usage, FloatArray]:
    """The usage of a run with a request log, and [blocks, 6] SLO_ITEMS by block of `block_s` seconds of arrival time.

    `before` is the run of the requests that arrive before `counted_from_s` alone (None where that is 0); `lanes` are the numbers of batch
    lanes, whose requests are held to no latency. Prices say which machines are paid; tokens and hours are amounts, not dollars.
    """
    assert result.log is not None
    log = result.log[result.log["arrival_s"] >= counted_from_s] if before is not None else result.log
    seen = _Seen(log, system, lanes)
    amounts = np.zeros(len(layout))
    amounts[layout.at(ALL, "requests")] = len(log)
    for number, outcome in enumerate(OUTCOMES):
        amounts[layout.at(ALL, outcome)] = np.count_nonzero(log["outcome"] == number)
    place = np.minimum(((log["arrival_s"] - counted_from_s) / block_s).astype(np.int64), blocks - 1)
    table = np.stack([np.bincount(place, shown, blocks) for shown in seen.levels], axis=1).astype(np.float64)
    for number, item in enumerate(SLO_ITEMS):
        amounts[layout.at(ALL, item)] = table[:, number].sum()
    for d, deployment in enumerate(system.deployments):
        found = _common(log, seen, d, result, before)
        if isinstance(deployment, Pool):
            price = prices[deployment.name]
            assert isinstance(price, GpuPrice)
            found |= _pool_tokens(log, seen, d) | _hours(deployment, d, price, result, before, counted_from_s)
        else:
            found |= _api_amounts(deployment, d, layout, result, before)
        for item, amount in found.items():
            amounts[layout.at(deployment.name, item)] = amount
    return Usage(amounts, seen.histogram()), table


class _Seen:
    """What the log says of each request: whether it is held to the levels, its latencies, and which levels it met."""

    def __init__(self, log: npt.NDArray[np.void], system: System, lanes: Collection[int]) -> None:
        self.completed: BoolArray = log["outcome"] == 0
        self.held: BoolArray = ~np.isin(log["deployment"], list(lanes))
        self.ttft: FloatArray = log["first_token_s"] - log["arrival_s"]
        self.e2e: FloatArray = log["finish_s"] - log["arrival_s"]
        counted = self.completed & self.held
        self.with_tpot: BoolArray = counted & (log["output_tokens"] > 1)
        self.tpot: FloatArray = (self.e2e - self.ttft) / np.maximum(log["output_tokens"] - 1, 1)
        ttft_ok = counted & (self.ttft <= system.ttft_slo_s)
        tpot_ok = self.with_tpot & (self.tpot <= system.tpot_slo_s)
        self.met: BoolArray = ttft_ok & (tpot_ok | ~self.with_tpot)
        self.counted: BoolArray = counted
        self.levels = (self.held, counted, ttft_ok, self.with_tpot, tpot_ok, self.met)

    def histogram(self) -> FloatArray:
        """[3, HIST_BUCKETS] of TTFT, TPOT and E2E, in the buckets of the engine."""
        chosen = ((self.ttft, self.counted), (self.tpot, self.with_tpot), (self.e2e, self.counted))
        return np.stack([_buckets(values[which]) for values, which in chosen])


def _buckets(values: FloatArray) -> FloatArray:
    inverse = 1.0 / math.log(HIST_GROWTH)
    place = 1 + (np.log(np.maximum(values, HIST_MIN_S) / HIST_MIN_S) * inverse).astype(np.int64)
    place = np.where(values < HIST_MIN_S, 0, np.minimum(place, HIST_BUCKETS - 1))
    return np.bincount(place, minlength=HIST_BUCKETS).astype(np.float64)


def _count(chosen: BoolArray) -> float:
    return float(np.count_nonzero(chosen))


def _common(log: npt.NDArray[np.void], seen: _Seen, d: int, result: Result, before: Result | None) -> dict[str, float]:
    here = log["deployment"] == d

    def counted(name: str) -> float:
        own = int(result.counters[name][d])
        return own - int(before.counters[name][d]) if before is not None else own

    return {
        "requests": _count(here),
        "completed": _count(here & seen.completed),
        "held": _count(here & seen.held),
        "met": _count(here & seen.met),
        "attempts": counted("attempts"),
        "throttled": counted("throttled"),
        "fallback_completed": _count(here & seen.completed & (log["target"] > 0)),
        "offered": counted("attempts") - counted("retries") + counted("spilled"),
    }


def _pool_tokens(log: npt.NDArray[np.void], seen: _Seen, d: int) -> dict[str, float]:
    done = log[(log["deployment"] == d) & seen.completed]
    hit = np.minimum(done["cached_tokens"], done["prompt_tokens"])
    return {
        "input_tokens": int((done["prompt_tokens"] - hit).sum()),
        "cached_input_tokens": int(hit.sum()),
        "output_tokens": int(done["output_tokens"].sum()),
    }


def _hours(pool: Pool, d: int, price: GpuPrice, result: Result, before: Result | None, from_s: float) -> dict[str, float]:
    def spent(name: str) -> float:
        return float(getattr(result, name)[d]) - (float(getattr(before, name)[d]) if before is not None else 0.0)

    gpu_hours = pool.gpus_per_replica / SECONDS_PER_HOUR
    machines = [(_paid_s(machine, price, from_s), machine.gpus) for machine in paid_machines(pool, d, result, price)]
    return {
        "paid_gpu_hours": math.fsum(paid_s * gpus for paid_s, gpus in machines) / SECONDS_PER_HOUR,
        "present_gpu_hours": spent("present_s") * gpu_hours,
        "busy_gpu_hours": spent("busy_s") * gpu_hours,
        "ready_replica_s": spent("ready_s"),
        "machines_s": math.fsum(paid_s for paid_s, _ in machines),
        "kv_token_s": spent("kv_token_s"),
    }


def _paid_s(machine: MachineLife, price: GpuPrice, from_s: float) -> float:
    """Seconds of a machine after `from_s`, and what is added when its life is rounded, if it ends after that."""
    if machine.end_s <= from_s:
        return 0.0
    stood = machine.end_s - max(machine.start_s, from_s)
    if not machine.ended:
        return stood
    life_s = machine.end_s - machine.start_s
    return stood + billed_s(life_s=life_s, billing_unit_s=price.billing_unit_s, minimum_s=price.minimum_s) - life_s


def _api_amounts(api: Api, d: int, layout: UsageLayout, result: Result, before: Result | None) -> dict[str, float]:
    found = {"admitted": 0.0, "priced_requests": 0.0} | dict.fromkeys((f"{kind}_tokens" for kind in KINDS), 0.0)
    tiers = sum(layout.has(api.name, priced_item(0, tier)) for tier in range(len(layout)))
    found |= {priced_item(kind, tier): 0.0 for kind in range(len(KINDS)) for tier in range(tiers)}
    for run, sign in ((result, 1.0), (before, -1.0)):
        if run is None:
            continue
        factors = np.array(price_factors(run, d))
        tokens = run.tokens[d].sum(axis=0)  # [kinds, tiers, segments]
        admitted = run.api_requests[d].sum(axis=0)
        found["admitted"] += sign * int(admitted.sum())
        found["priced_requests"] += sign * float(admitted @ factors)
        priced = tokens @ factors
        for kind, name in enumerate(KINDS):
            found[f"{name}_tokens"] += sign * int(tokens[kind].sum())
            for tier in range(tokens.shape[1]):
                found[priced_item(kind, min(tier, tiers - 1))] += sign * float(priced[kind, tier])
    return found
