"""The two heaps of the data plane: timers by (time, phase, serial) and replicas by (time, phase, index)."""

from __future__ import annotations

from sim.engine.compiled import compiled
from sim.engine.layout import INDICES, NEVER, PHASE_ARRIVAL, PHASE_SETTLE, PHASE_TIMER, SERIALS, T_SEND, T_SETTLE, State


@compiled
def push_timer(s: State, t: float, kind: int, index: int, token: int) -> int:
    """Add a timer; returns its serial. Settlements go before other timers of the same time, sendings after them; then serials decide."""
    g = s.g[0]
    serial = g.serial
    g.serial = serial + 1
    phase = PHASE_TIMER
    if kind == T_SETTLE:
        phase = PHASE_SETTLE
    elif kind == T_SEND:
        phase = PHASE_ARRIVAL
    key = phase * SERIALS + serial
    what = kind * INDICES + index
    i = g.timers
    g.timers = i + 1
    while i > 0:
        parent = (i - 1) >> 1
        if s.heap_t[parent] < t or (s.heap_t[parent] == t and s.heap_k[parent, 0] < key):
            break
        s.heap_t[i] = s.heap_t[parent]
        s.heap_k[i, 0] = s.heap_k[parent, 0]
        s.heap_k[i, 1] = s.heap_k[parent, 1]
        s.heap_k[i, 2] = s.heap_k[parent, 2]
        i = parent
    s.heap_t[i] = t
    s.heap_k[i, 0] = key
    s.heap_k[i, 1] = what
    s.heap_k[i, 2] = token
    return int(serial)


@compiled
def pop_timer(s: State) -> None:
    """Remove the first timer (read it from position 0 before)."""
    g = s.g[0]
    n = g.timers - 1
    g.timers = n
    if n == 0:
        return
    t = s.heap_t[n]
    key = s.heap_k[n, 0]
    what = s.heap_k[n, 1]
    token = s.heap_k[n, 2]
    i = 0
    while True:
        child = 2 * i + 1
        if child >= n:
            break
        right = child + 1
        if right < n and (
            s.heap_t[right] < s.heap_t[child] or (s.heap_t[right] == s.heap_t[child] and s.heap_k[right, 0] < s.heap_k[child, 0])
        ):
            child = right
        if t < s.heap_t[child] or (t == s.heap_t[child] and key < s.heap_k[child, 0]):
            break
        s.heap_t[i] = s.heap_t[child]
        s.heap_k[i, 0] = s.heap_k[child, 0]
        s.heap_k[i, 1] = s.heap_k[child, 1]
        s.heap_k[i, 2] = s.heap_k[child, 2]
        i = child
    s.heap_t[i] = t
    s.heap_k[i, 0] = key
    s.heap_k[i, 1] = what
    s.heap_k[i, 2] = token


@compiled
def _before(s: State, x: int, y: int) -> bool:
    p = s.rep[x]
    q = s.rep[y]
    if p.t != q.t:
        return bool(p.t < q.t)
    if p.phase != q.phase:
        return bool(p.phase < q.phase)
    return x < y


@compiled
def set_replica_time(s: State, r: int, t: float, phase: int) -> None:
    """Give replica r its next event and restore the heap around it (replicas are numbered by deployment, then index)."""
    p = s.rep[r]
    earlier = t < p.t or (t == p.t and phase < p.phase)
    p.t = t
    p.phase = phase
    i = p.place
    if earlier:
        while i > 0:
            parent = (i - 1) >> 1
            other = s.rheap[parent]
            if not _before(s, r, other):
                break
            s.rheap[i] = other
            s.rep[other].place = i
            i = parent
    else:
        n = s.g[0].n_replicas
        while True:
            child = 2 * i + 1
            if child >= n:
                break
            if child + 1 < n and _before(s, s.rheap[child + 1], s.rheap[child]):
                child += 1
            other = s.rheap[child]
            if _before(s, r, other):
                break
            s.rheap[i] = other
            s.rep[other].place = i
            i = child
    s.rheap[i] = r
    p.place = i


@compiled
def rest_replica(s: State, r: int) -> None:
    """Replica r has no next event."""
    set_replica_time(s, r, NEVER, PHASE_TIMER)
