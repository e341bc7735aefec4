"""Closed-loop clients: each sends its next request when its last one has ended (docs/engine.md section 10)."""

from __future__ import annotations

import math

import numpy as np

from sim.engine.compiled import compiled
from sim.engine.heap import push_timer
from sim.engine.layout import INDICES, PHASE_ARRIVAL, SERIALS, T_SEND, State
from sim.engine.random import THINK, uniform
from sim.trace.closed_loop import ClosedLoop


def start_clients(s: State, loop: ClosedLoop, rows: int) -> State:
    """Schedule the first sending of every client for whom there may be one of `rows`; the State with room for them in the heap."""
    g = s.g[0]
    g.closed = 1
    g.think_s = loop.think_s
    g.think_exponential = loop.think_law == "exponential"
    g.send_until_s = math.inf if loop.until_s is None else loop.until_s
    starts = loop.ramp_s * np.arange(min(loop.clients, rows)) / loop.clients
    starts = starts[starts <= g.send_until_s]
    n = len(starts)
    room = len(s.heap_t)
    while room < 2 * n + 8:
        room *= 2
    heap_t = np.zeros(room)
    heap_k = np.zeros((room, 3), np.int64)
    # times and serials rise with the index, so the heap is in order as it stands
    heap_t[:n] = starts
    heap_k[:n, 0] = PHASE_ARRIVAL * SERIALS + np.arange(n)
    heap_k[:n, 1] = T_SEND * INDICES
    g.serial = loop.clients
    g.timers = g.sends = n
    started: State = s.replace(heap_t=heap_t, heap_k=heap_k)
    return started


@compiled
def schedule_sending(s: State, row: int, t: float) -> None:
    """The request of `row` ended at time t: its client thinks, then sends again, if there may be a row left and it is not too late."""
    g = s.g[0]
    if g.row >= g.rows and g.last_chunk:
        return
    think_s = g.think_s
    if g.think_exponential:
        think_s = -g.think_s * math.log(1.0 - uniform(g.seed, THINK, row, 0, 0, 0))
    at = t + think_s
    if at <= g.send_until_s:
        push_timer(s, at, T_SEND, 0, 0)
        g.sends += 1
