"""The replay of a closed loop: how long it takes is known only at its end, and not every request of the trace need be sent."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from sim.engine.result import Result
from sim.engine.system import System
from sim.measure.mix import select
from sim.measure.timeline import readable, timeline_interval_s
from sim.stack.events import ScriptedEvent
from sim.stack.resolved import ResolvedStack
from sim.trace.closed_loop import ClosedLoop
from sim.trace.columns import TraceChunk
from sim.trace.trace import Trace
from sim.units import SECONDS_PER_DAY

_REQUEST_S = 10.0
"""What a request is thought to take, only to choose how fine the timeline is and how many days of prices to lay down."""


def replay_clients(
    system: System, trace: Trace, resolved: ResolvedStack, events: Sequence[ScriptedEvent], loop: ClosedLoop, *, seed: int, log: bool,
    progress: Callable[[float], None] | None,
) -> Result:  # fmt: skip
    """Simulate a closed loop until its last request is answered, at the prices of every hour of that time."""
    from sim.engine.assemble import script, tariff
    from sim.engine.run import simulate

    thought_s = loop.until_s or loop.ramp_s + trace.info.rows / loop.clients * (loop.think_s + _REQUEST_S)
    priced_s = max(2 * thought_s, SECONDS_PER_DAY)
    while True:
        prices = tariff(resolved, priced_s)
        result = simulate(
            system, trace, seed=seed, events=(*script(events, resolved), *prices), log=log, timeline_s=timeline_interval_s(thought_s),
            progress=progress, closed_loop=loop,
        )  # fmt: skip
        if result.window_s <= priced_s or not prices:
            return readable(result)
        priced_s = 2 * result.window_s


def sent(trace: Trace, total: int) -> Iterator[TraceChunk]:
    """The first `total` requests of a trace: those that clients have sent."""
    for chunk in trace.chunks():
        if chunk.first_row >= total:
            return
        left = total - chunk.first_row
        yield chunk if left >= len(chunk) else select(chunk, np.arange(left))
