"""plan: so many replicas from each time of the run on, as a capacity plan gives them."""

from __future__ import annotations

from sim.engine.compiled import compiled
from sim.engine.layout import State

SETTINGS: tuple[str, ...] = ()


@compiled
def wants(s: State, d: int, t: float) -> int:
    """The count of the latest step at or before t; before the first step, no change."""
    k = s.dep[d]
    for x in range(k.n_sched - 1, -1, -1):
        if s.schedule[k.sched0 + x, 0] <= t:
            return int(s.schedule[k.sched0 + x, 1])
    return int(k.wanted)
