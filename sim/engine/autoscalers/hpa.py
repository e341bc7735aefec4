"""hpa: Kubernetes' HorizontalPodAutoscaler (autoscaling/v2) with a `behavior`.

One decision: wish = ceil(total / target), or ceil(replicas x mean / target) for a share, none within the tolerance; stabilised over the
wishes of a window a direction; at most so many replicas a period, counted with the changes of that period; within the bounds and never
below one. Sources: kubernetes/kubernetes pkg/controller/podautoscaler (replica_calculator.go, horizontal.go), KEP-853.
Left out: readiness and CPU initialisation delays (other metrics), `selectPolicy: Min`, a period of its own for each policy, and the older
limit max(2 x replicas, 4) of an HPA without `behavior`.

Memory: [0] how many decisions were made; then a ring of (time, wish, change) a decision, long enough for the longest window or period.
"""

from __future__ import annotations

import math

from sim.engine.compiled import compiled
from sim.engine.layout import M_BUSY, M_KV, State

SETTINGS = (
    "tolerance",  # share
    "up_pods",  # replicas a period
    "up_percent",  # percent of the replicas at the period's start
    "up_period",  # seconds
    "up_stabilization",  # seconds
    "down_pods",  # replicas a period
    "down_percent",  # percent of the replicas at the period's start
    "down_period",  # seconds
    "down_stabilization",  # seconds
)
TOLERANCE, UP_PODS, UP_PERCENT, UP_PERIOD, UP_WINDOW, DOWN_PODS, DOWN_PERCENT, DOWN_PERIOD, DOWN_WINDOW = range(1, 10)
DECISIONS = 0
RING0 = 4
"""Where the ring of decisions begins in the memory; keda keeps its own numbers between."""


def memory_of(settings: dict[str, float], sync_s: float) -> int:
    """How many numbers the law remembers: the decisions of its longest window or period."""
    longest_s = max(settings["up_period"], settings["up_stabilization"], settings["down_period"], settings["down_stabilization"])
    return RING0 + 3 * (math.ceil(longest_s / sync_s) + 1)


@compiled
def wish_by_total(total: float, target: float, replicas: int, down: float, up: float) -> int:
    """Replicas for a metric that is a total, with `target` for each."""
    ratio = total / (target * replicas)
    if 1.0 - down <= ratio <= 1.0 + up:
        return replicas
    return math.ceil(total / target)


@compiled
def wish_by_mean(mean: float, target: float, ready: int, replicas: int, down: float, up: float) -> int:
    """Replicas for a metric that is a mean over the ready ones; on the way up those that start count as 0, like pods without a metric."""
    ratio = mean / target
    if ratio > 1.0 and ready < replicas:
        spread = ratio * ready / replicas
        if spread <= 1.0 + up:
            return replicas
        return math.ceil(spread * replicas)
    if 1.0 - down <= ratio <= 1.0 + up:
        return replicas
    return math.ceil(ratio * ready)


@compiled
def stabilise(replicas: int, lowest: int, highest: int) -> int:
    """The replicas there are, brought between the lowest wish of the up window and the highest of the down window."""
    return min(max(replicas, lowest), highest)


@compiled
def most_after(replicas: int, added: int, removed: int, pods: float, percent: float) -> int:
    """The most replicas that a policy for scaling up allows, after `added` and `removed` within its period; never fewer than there are."""
    start = replicas - added + removed
    return max(replicas, int(max(start + pods, math.ceil(start * (1.0 + percent / 100.0)))))


@compiled
def least_after(replicas: int, added: int, removed: int, pods: float, percent: float) -> int:
    """The fewest replicas that a policy for scaling down allows, a share cut to whole replicas left; never more than there are."""
    start = replicas - added + removed
    return min(replicas, int(min(start - pods, math.trunc(start * (1.0 - percent / 100.0)))))


@compiled
def changed(s: State, d: int, t: float, period_s: float, sign: int) -> int:
    """Replicas added (sign 1) or removed (-1) by decisions younger than the period."""
    size = (s.memory.shape[1] - RING0) // 3
    newest = int(s.memory[d, DECISIONS])
    total = 0
    for x in range(newest - 1, max(newest - size, 0) - 1, -1):
        at = RING0 + 3 * (x % size)
        if t - s.memory[d, at] >= period_s:
            break
        total += max(0, sign * int(s.memory[d, at + 2]))
    return total


@compiled
def stabilised(s: State, d: int, t: float, wish: int) -> int:
    """The wish, stabilised over the wishes remembered that are younger than the windows."""
    size = (s.memory.shape[1] - RING0) // 3
    newest = int(s.memory[d, DECISIONS])
    lowest = highest = wish
    for x in range(newest - 1, max(newest - size, 0) - 1, -1):
        at = RING0 + 3 * (x % size)
        age_s = t - s.memory[d, at]
        earlier = int(s.memory[d, at + 1])
        if age_s < s.setting[d, UP_WINDOW]:
            lowest = min(lowest, earlier)
        if age_s < s.setting[d, DOWN_WINDOW]:
            highest = max(highest, earlier)
    return stabilise(s.dep[d].wanted, lowest, highest)


@compiled
def limited(s: State, d: int, t: float, wanted: int) -> int:
    """As near to `wanted` as the policies and the bounds allow."""
    k = s.dep[d]
    if wanted > k.wanted:
        period_s = s.setting[d, UP_PERIOD]
        added, removed = changed(s, d, t, period_s, 1), changed(s, d, t, period_s, -1)
        wanted = min(wanted, most_after(k.wanted, added, removed, s.setting[d, UP_PODS], s.setting[d, UP_PERCENT]))
    elif wanted < k.wanted:
        period_s = s.setting[d, DOWN_PERIOD]
        added, removed = changed(s, d, t, period_s, 1), changed(s, d, t, period_s, -1)
        wanted = max(wanted, least_after(k.wanted, added, removed, s.setting[d, DOWN_PODS], s.setting[d, DOWN_PERCENT]))
    return int(min(max(wanted, k.min_rep), k.max_rep))


@compiled
def wants(s: State, d: int, t: float, present: int, metric: float) -> int:
    """What an HPA wants at time t. At none it is switched off; without a ready replica a mean says nothing."""
    k = s.dep[d]
    mean = k.metric == M_KV or k.metric == M_BUSY
    if k.wanted == 0 or present == 0 or (mean and k.n_ready == 0):
        return int(k.wanted)
    tolerance = s.setting[d, TOLERANCE]
    if mean:
        wish = wish_by_mean(metric, k.target, k.n_ready, present, tolerance, tolerance)
    else:
        wish = wish_by_total(metric, k.target, present, tolerance, tolerance)
    wanted = max(1, limited(s, d, t, stabilised(s, d, t, wish)))
    newest = int(s.memory[d, DECISIONS])
    at = RING0 + 3 * (newest % ((s.memory.shape[1] - RING0) // 3))
    s.memory[d, at] = t
    s.memory[d, at + 1] = wish
    s.memory[d, at + 2] = wanted - k.wanted
    s.memory[d, DECISIONS] = newest + 1
    return wanted
