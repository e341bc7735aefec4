"""knative: the Knative pod autoscaler (KPA), over concurrency or requests a second.

Wish = ceil(total / (target x utilization)), over the stable window and over the short panic window. Panic begins when the short one wants
`panic_threshold` times the ready replicas and lasts until it has not for a stable window; in panic the higher of the two counts and
nothing is given back. One decision grows at most `up_rate` times, shrinks at most `down_rate` times. The wish for none is followed when the
pool has been ready for a stable window and the wish has lasted for `grace` since. While none of those wanted is ready, the pool is being
activated and keeps at least one. Sources: knative/serving pkg/autoscaler/scaling, pkg/reconciler/autoscaling/kpa.
Assumed: the grace period, an upper limit there, is used in full. Left out: activation scale, scale-down delay, target burst capacity.
"""

from __future__ import annotations

import math

from sim.engine.compiled import compiled
from sim.engine.layout import State

SETTINGS = (
    "panic_window",  # share of the stable window, which is how long the metric is averaged
    "utilization",  # share of the target
    "panic_threshold",  # times the ready replicas
    "up_rate",  # times, a decision
    "down_rate",  # times, a decision
    "grace",  # seconds
)
UTILIZATION, PANIC_THRESHOLD, UP_RATE, DOWN_RATE, GRACE = range(2, 7)
IN_PANIC, PANIC_SINCE, PANIC_MOST, IS_READY, READY_SINCE, IDLE, IDLE_SINCE = range(7)
"""Positions in the memory: flags (0 or 1), times, and the most replicas wanted in this panic."""
MEMORY = 7


@compiled
def within_rates(wish: int, ready: int, up_rate: float, down_rate: float) -> int:
    """The wish, at most up_rate times the ready replicas (rounded up) and at least a down_rate-th of them (rounded down)."""
    return min(max(wish, math.floor(ready / down_rate)), math.ceil(ready * up_rate))


@compiled
def panics(wish: int, ready: int, threshold: float) -> bool:
    """Whether the panic window's wish is too far from the replicas that are ready."""
    return wish / ready >= threshold


@compiled
def _wish(s: State, d: int, t: float, stable: float, short: float) -> int:
    """The wish of the two windows, with the memory of panic."""
    k = s.dep[d]
    memory = s.memory
    ready = max(1, k.n_ready)  # as Knative, which counts none as one
    per_replica = k.target * s.setting[d, UTILIZATION]
    by_short = math.ceil(short / per_replica)
    wish = within_rates(math.ceil(stable / per_replica), ready, s.setting[d, UP_RATE], s.setting[d, DOWN_RATE])
    if panics(by_short, ready, s.setting[d, PANIC_THRESHOLD]):
        memory[d, IN_PANIC] = 1.0
        memory[d, PANIC_SINCE] = t
    elif memory[d, IN_PANIC] > 0.0 and t - memory[d, PANIC_SINCE] > k.average_s:
        memory[d, IN_PANIC] = 0.0
        memory[d, PANIC_MOST] = 0.0
    if memory[d, IN_PANIC] > 0.0:
        in_panic = within_rates(by_short, ready, s.setting[d, UP_RATE], s.setting[d, DOWN_RATE])
        wish = max(wish, in_panic, int(memory[d, PANIC_MOST]))
        memory[d, PANIC_MOST] = wish
    return wish


@compiled
def wants(s: State, d: int, t: float, stable: float, short: float) -> int:
    """What the KPA wants at time t of a pool whose metric averages to `stable` and `short` over its two windows."""
    k = s.dep[d]
    memory = s.memory
    wish = _wish(s, d, t, stable, short)
    if k.wanted == 0:
        memory[d, IS_READY] = 0.0
        return max(wish, 1) if k.gateway_n > 0 else wish
    if k.n_ready == 0:
        memory[d, IS_READY] = 0.0
    elif memory[d, IS_READY] == 0.0:
        memory[d, IS_READY] = 1.0
        memory[d, READY_SINCE] = t
    if wish > 0 or k.n_ready == 0 or t - memory[d, READY_SINCE] < k.average_s:
        memory[d, IDLE] = 0.0
        return max(wish, 1)
    if memory[d, IDLE] == 0.0:
        memory[d, IDLE] = 1.0
        memory[d, IDLE_SINCE] = t
    return 1 if t - memory[d, IDLE_SINCE] < s.setting[d, GRACE] else 0
