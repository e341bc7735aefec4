"""Whether what a stack has left undone at the end of a busy hour keeps it busy for longer than a warm-up would show."""

from __future__ import annotations

import numpy as np

from sim.futures.levels import Traffic
from sim.futures.window_plan import WindowPlan
from sim.stack.resolved import ResolvedStack
from sim.trace.trace import Trace

_LOOKED_AT = 3
_SHARE = 0.01
"""Of the requests: so many may take longer, as long answers do."""


def outlives(plan: WindowPlan, trace: Trace, resolved: ResolvedStack, seed: int) -> bool:
    """Whether more than one in a hundred requests of one of the busiest windows is done later than a warm-up after its end."""
    from sim.cost.replay import latest_end_s
    from sim.engine.assemble import assemble
    from sim.engine.run import simulate

    traffic = Traffic(trace, plan, seed)
    for place in np.argsort(-plan.facts[:, 2:].sum(axis=1), kind="stable")[:_LOOKED_AT]:
        window = plan.windows[int(place)]
        piece = traffic.window(window, 1.0)
        system = assemble(resolved, piece.classes, clock_offset_s=(window.clock_s - window.warm_up_s) % 86_400.0)
        end_s = piece.info.duration_s
        log = simulate(system, piece, seed=seed, until_s=latest_end_s(end_s), log=True, timeline_s=0.0).log
        assert log is not None
        late = np.count_nonzero(log["finish_s"] > end_s + window.warm_up_s)
        if late > _SHARE * max(len(log), 1):
            return True
    return False
