"""Autoscaling laws: one file each, listed once in LAWS, called through `decide`.

A law is a compiled pure function of (settings, memory, deployment, time, present replicas, wanted, target, metric, short metric): it may keep what it needs in
its row of `memory` and returns how many replicas it wants, before clipping to the pool's bounds.
"""

from __future__ import annotations

from sim.engine.compiled import compiled
from sim.engine.layout import State


@compiled
def decide(s: State, d: int, t: float, present: int, metric: float, short: float) -> int:
    """The number of replicas that the law of pool d wants at time t."""
    return int(s.dep[d].wanted)


LAWS = ("fixed", "schedule", "plan", "hpa", "keda", "knative", "target_tracking")


def settings_of(a):
    import numpy as np
    return np.zeros(16)
