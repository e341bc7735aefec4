"""keda: KEDA's own switch between none and one replica, and the HPA it drives from one up.

The pool is active while its metric is above `activation` or a request is held in front of it, and at the moment such a request woke it. Not
active for longer than `cooldown`, it goes to none (only where its minimum is none); at none, an active one gets a replica. The start of
the run counts as a moment of activity. Sources: the ScaledObject specification, kedacore/keda pkg/scaling/executor.
Left out: idleReplicaCount, fallback and several triggers.
"""

from __future__ import annotations

from sim.engine.autoscalers import hpa
from sim.engine.compiled import compiled
from sim.engine.layout import State

SETTINGS = (
    *hpa.SETTINGS,
    "cooldown",  # seconds
    "activation",  # in units of the metric
)
COOLDOWN, ACTIVATION = len(hpa.SETTINGS) + 1, len(hpa.SETTINGS) + 2
LAST_ACTIVE, ASLEEP = 1, 2
"""Positions in the memory: when the pool was last active; whether none was wanted when last decided."""


@compiled
def wants(s: State, d: int, t: float, present: int, metric: float) -> int:
    """What KEDA and its HPA want at time t."""
    k = s.dep[d]
    memory = s.memory
    active = metric > s.setting[d, ACTIVATION] or k.gateway_n > 0
    if active or (memory[d, ASLEEP] > 0.0 and k.wanted > 0):
        memory[d, LAST_ACTIVE] = t
    if k.wanted == 0:
        wanted = 1 if active else 0
    elif k.min_rep == 0 and t - memory[d, LAST_ACTIVE] > s.setting[d, COOLDOWN]:
        wanted = 0
    else:
        wanted = hpa.wants(s, d, t, present, metric)
    memory[d, ASLEEP] = 1.0 if wanted == 0 else 0.0
    return wanted
