"""schedule: so many replicas from each time of the day on, every day the same."""

from __future__ import annotations

from sim.engine.compiled import compiled
from sim.engine.layout import State

SETTINGS: tuple[str, ...] = ()
DAY_S = 86400.0


@compiled
def wants(s: State, d: int, t: float) -> int:
    """The count of the latest step at or before the time of the day; before the first step, of the last one of the day before."""
    k = s.dep[d]
    clock_s = (t + s.g[0].clock_offset_s) % DAY_S
    x = k.n_sched - 1
    while x > 0 and s.schedule[k.sched0 + x, 0] > clock_s:
        x -= 1
    if k.n_sched > 0 and s.schedule[k.sched0 + x, 0] > clock_s:
        x = k.n_sched - 1
    return int(s.schedule[k.sched0 + x, 1]) if k.n_sched > 0 else int(k.wanted)
