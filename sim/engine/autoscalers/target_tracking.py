"""target_tracking: Amazon's target tracking, two alarms that each need a row of datapoints and have their cool-down.

Every decision is a datapoint: the metric per replica (or the share) is above the target, or below 90 % of it, or between.
`out_datapoints` above in a row and no scale-out within `out_cooldown`: ceil(total / target) replicas, at least as many as there are.
`in_datapoints` below in a row and no change within `in_cooldown`: the same formula, never below one. An alarm stays on while datapoints go
on like that. Sources: Amazon EC2 and Application Auto Scaling user guides (target tracking); the 90 % are those of the alarms that EC2
Auto Scaling creates.
Left out: a larger scale-out within the cool-down; instance warm-up other than the cold start itself.
"""

from __future__ import annotations

import math

from sim.engine.compiled import compiled
from sim.engine.layout import M_BUSY, M_KV, State

SETTINGS = (
    "out_datapoints",  # decisions in a row
    "in_datapoints",  # decisions in a row
    "out_cooldown",  # seconds
    "in_cooldown",  # seconds
)
OUT_DATAPOINTS, IN_DATAPOINTS, OUT_COOLDOWN, IN_COOLDOWN = range(1, 5)
ABOVE, BELOW, OUT_FROM, IN_FROM = range(4)
"""Positions in the memory: datapoints in a row above and below; from when on it may scale out and in."""
MEMORY = 4
LOW = 0.9
"""Scale-in alarm: below this share of the target."""


@compiled
def needed(metric: float, target: float, counted: int) -> int:
    """Replicas that would bring the metric to its target: `counted` replicas have `metric` each."""
    return math.ceil(counted * metric / target)


@compiled
def wants(s: State, d: int, t: float, present: int, metric: float) -> int:
    """What target tracking wants at time t. Without replicas to measure there is no datapoint."""
    k = s.dep[d]
    memory = s.memory
    mean = k.metric == M_KV or k.metric == M_BUSY
    counted = k.n_ready if mean else present
    if counted == 0:
        memory[d, ABOVE] = 0.0
        memory[d, BELOW] = 0.0
        return int(k.wanted)
    value = metric if mean else metric / counted
    memory[d, ABOVE] = memory[d, ABOVE] + 1.0 if value > k.target else 0.0
    memory[d, BELOW] = memory[d, BELOW] + 1.0 if value < LOW * k.target else 0.0
    wish = needed(metric, k.target, counted if mean else 1)
    if memory[d, ABOVE] >= s.setting[d, OUT_DATAPOINTS] and t >= memory[d, OUT_FROM]:
        wanted = min(max(wish, k.wanted), k.max_rep)
        if wanted > k.wanted:
            memory[d, OUT_FROM] = t + s.setting[d, OUT_COOLDOWN]
            memory[d, IN_FROM] = t + s.setting[d, IN_COOLDOWN]
        return int(wanted)
    if memory[d, BELOW] >= s.setting[d, IN_DATAPOINTS] and t >= memory[d, IN_FROM]:
        wanted = max(min(wish, k.wanted), k.min_rep, 1)
        if wanted < k.wanted:
            memory[d, IN_FROM] = t + s.setting[d, IN_COOLDOWN]
        return int(wanted)
    return int(k.wanted)
