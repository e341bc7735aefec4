"""Autoscaling laws: one file each, listed once in LAWS, called through `decide`.

A law is a compiled pure function of numbers and of its rows in `setting` and `memory`: it keeps what it needs in its memory (zeros at the
start of a run) and returns how many replicas it wants; sim/engine/ticks.py clips that to the pool's bounds. SETTINGS of each file names
what it is told, in the order of its row from position 1 on; position 0 is the length of a second, shorter window of the metric in seconds
(knative's panic window; 0: none).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from sim.engine.autoscalers import fixed, hpa, keda, knative, plan, schedule, target_tracking
from sim.engine.compiled import compiled
from sim.engine.layout import State
from sim.engine.system import Autoscaler

LAWS = ("fixed", "schedule", "plan", "hpa", "keda", "knative", "target_tracking")
SETTINGS = tuple(law.SETTINGS for law in (fixed, schedule, plan, hpa, keda, knative, target_tracking))
FIXED, SCHEDULE, PLAN, HPA, KEDA, KNATIVE, TARGET_TRACKING = range(7)
WIDTH = 16
SHORT_WINDOW = 0


@compiled
def decide(s: State, d: int, t: float, present: int, metric: float, short: float) -> int:
    """The number of replicas that the law of pool d wants at time t.

    `present` are starting or ready; `metric` and `short` are means over the two windows of the metric.
    """
    law = s.dep[d].law
    if law == SCHEDULE:
        return schedule.wants(s, d, t)
    if law == PLAN:
        return plan.wants(s, d, t)
    if law == HPA:
        return hpa.wants(s, d, t, present, metric)
    if law == KEDA:
        return keda.wants(s, d, t, present, metric)
    if law == KNATIVE:
        return knative.wants(s, d, t, metric, short)
    if law == TARGET_TRACKING:
        return target_tracking.wants(s, d, t, present, metric)
    return fixed.wants(s, d)


def settings_of(autoscaler: Autoscaler) -> np.ndarray[Any, np.dtype[np.float64]]:
    """The law's row of settings, by name. ValueError for a name it does not know or one that is missing."""
    names = SETTINGS[LAWS.index(autoscaler.law)]
    given = dict(autoscaler.settings)
    wrong = [f"{name} is unknown" for name in given if name not in names] + [f"{name} is missing" for name in names if name not in given]
    if wrong:
        raise ValueError(f"settings of the autoscaler {autoscaler.law}: {', '.join(wrong)}; it has: {', '.join(names) or 'none'}")
    row = np.zeros(WIDTH)
    row[1 : 1 + len(names)] = [given[name] for name in names]
    row[SHORT_WINDOW] = given.get("panic_window", 0.0) * autoscaler.average_s
    return row


def memory_of(autoscaler: Autoscaler) -> int:
    """How many numbers the law remembers."""
    if autoscaler.law in ("hpa", "keda"):
        return hpa.memory_of(dict(autoscaler.settings), autoscaler.sync_s)
    return max(knative.MEMORY, target_tracking.MEMORY)
