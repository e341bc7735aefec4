"""The data plane: everything that happens between two control events, in strict order of time (docs/engine.md section 1)."""

from __future__ import annotations

from sim.engine.api import settle_air
from sim.engine.compiled import compiled
from sim.engine.finish import end_step
from sim.engine.heap import pop_timer, rest_replica
from sim.engine.layout import (
    COMPLETED,
    DONE,
    DRAINED,
    DRAINING,
    FAILED,
    IDLE,
    INDICES,
    NEED_ROOM,
    NEED_ROWS,
    NEVER,
    NONE,
    OFF,
    PHASE_ARRIVAL,
    PHASE_CONTROL,
    PHASE_STEP_END,
    PHASE_TICK,
    R_API_ERROR,
    R_NONE,
    REACHED,
    READY,
    SERIALS,
    T_ATTEMPT,
    T_PASS,
    T_QUEUE,
    T_RETRY,
    T_SETTLE,
    State,
)  # fmt: skip
from sim.engine.record import close_request
from sim.engine.replica import reset_replica, stop_work
from sim.engine.route import (
    AGAIN,
    FAULT,
    FRESH,
    arrive,
    attempt_times_out,
    drive,
    fail_in_flight,
    flush_gateway,
    lose_requests,
    queue_times_out,
)
from sim.engine.schedule import start_step
from sim.engine.ticks import tick

GIVE_UP_S = 172800.0
"""Requests that wait where nothing moves any more, not even after two days of an autoscaler's daily schedule, are left unfinished."""


@compiled
def _settlement(s: State, y: int, serial: int, t: float) -> None:
    """Attempt y at an API comes to its end, unless an outage ended it before."""
    a = s.air[y]
    if not a.used or a.serial != serial:
        return
    i = a.slot
    error = a.error
    first = a.first
    settle_air(s, y, t, 0 if error else a.output, not error)
    if i < 0:
        return
    s.slot[i].air = -1
    if error:
        drive(s, i, t, FAULT, FAILED, R_API_ERROR, -1.0, t)
    else:
        s.slot[i].first = first
        close_request(s, i, COMPLETED, R_NONE, t)


@compiled
def _fire_timer(s: State, t: float) -> None:
    """The first timer of the heap is due."""
    serial = s.heap_k[0, 0] % SERIALS
    kind = s.heap_k[0, 1] // INDICES
    i = s.heap_k[0, 1] % INDICES
    token = s.heap_k[0, 2]
    pop_timer(s)
    if kind == T_SETTLE:
        _settlement(s, i, serial, t)
        return
    if s.slot[i].token != token:
        return
    if kind == T_RETRY:
        drive(s, i, t, AGAIN, NONE, 0, -1.0, t)
    elif kind == T_PASS:
        drive(s, i, t, FRESH, NONE, 0, -1.0, t)
    elif kind == T_ATTEMPT:
        attempt_times_out(s, i, t)
    elif kind == T_QUEUE:
        queue_times_out(s, i, t)


@compiled
def short_of_room(s: State) -> bool:
    """Whether some array could overflow in the next event (the caller grows them and calls again)."""
    g = s.g[0]
    live = g.live
    if g.free_slots < 2 or g.free_airs <= live:
        return True
    if g.timers + 4 * live + 8 > s.heap_t.shape[0]:
        return True
    if g.ring_most + live + 2 > s.ring.shape[1]:
        return True
    if g.log_on and g.n_log + live + 2 > s.log.shape[0]:
        return True
    return bool(g.timeline_k + 1 >= s.timeline.shape[0])


@compiled
def advance(s: State, until: float) -> tuple[float, int]:
    """Process every event before control at time `until`; returns early with (time, reason) when the control plane has to look."""
    g = s.g[0]
    while True:
        if g.signal != 0:
            reason = g.signal
            g.signal = 0
            return g.now, reason
        if short_of_room(s):
            return g.now, NEED_ROOM
        if g.row >= g.rows and not g.last_chunk:
            return g.now, NEED_ROWS
        t = g.next_tick
        phase = PHASE_TICK
        if g.timers > 0:
            ht = s.heap_t[0]
            hp = s.heap_k[0, 0] // SERIALS
            if hp == PHASE_ARRIVAL and g.row >= g.rows:
                # a client for whom there is no row left
                pop_timer(s)
                continue
            if ht < t or (ht == t and hp < phase):
                t = ht
                phase = hp
        if g.n_replicas > 0:
            p = s.rep[s.rheap[0]]
            if p.t < t or (p.t == t and p.phase < phase):
                t = p.t
                phase = p.phase
        if g.row < g.rows and not g.closed:
            at = s.row[g.row].arrival
            if at < t or (at == t and phase > PHASE_ARRIVAL):
                t = at
                phase = PHASE_ARRIVAL
        elif g.row >= g.rows or g.sends == 0:
            stuck = phase == PHASE_TICK and until == NEVER and t > max(g.least_end_s, g.last_move) + GIVE_UP_S
            if stuck or (g.live == 0 and t > max(g.least_end_s, g.now)):
                return g.now, DONE
        if t > until or (t == until and phase > PHASE_CONTROL):
            return until, REACHED
        if t == NEVER:
            return g.now, DONE
        g.now = t
        if phase != PHASE_TICK:
            g.last_move = t
        if phase == PHASE_ARRIVAL:
            if g.closed:
                pop_timer(s)
                g.sends -= 1
            x = g.row
            g.row = x + 1
            arrive(s, x, t)
        elif phase == PHASE_STEP_END:
            if end_step(s, s.rheap[0], t):
                return t, DRAINED
        elif phase == PHASE_TICK:
            tick(s, t)
        elif phase > PHASE_ARRIVAL:
            start_step(s, s.rheap[0], t)
        else:
            _fire_timer(s, t)


@compiled
def _control_acts(s: State, t: float) -> None:
    """The control plane changes something at time t: what it sets off in the data plane happens then."""
    g = s.g[0]
    g.now = t
    g.last_move = t


@compiled
def make_ready(s: State, r: int, t: float) -> None:
    """Replica r has started: it takes work from now on, first what waits in front of its pool."""
    _control_acts(s, t)
    p = s.rep[r]
    reset_replica(s, r)
    p.state = READY
    s.dep[p.dep].n_ready += 1
    flush_gateway(s, p.dep, t)


@compiled
def begin_drain(s: State, r: int) -> bool:
    """Replica r takes no new work. True if it is empty and so OFF at once."""
    p = s.rep[r]
    s.dep[p.dep].n_ready -= 1
    p.state = DRAINING
    if p.n_run == 0 and p.n_wait == 0:
        p.state = OFF
        p.doing = IDLE
        rest_replica(s, r)
        return True
    return False


@compiled
def lose_replica(s: State, r: int, t: float) -> None:
    """Replica r is gone at time t with all it held."""
    _control_acts(s, t)
    p = s.rep[r]
    stop_work(s, r, t)
    if p.state == READY:
        s.dep[p.dep].n_ready -= 1
    p.state = OFF
    n_run = p.n_run
    head = p.head
    for x in range(n_run):
        q = s.slot[s.run_i[r, x]]
        q.rep = r
    reset_replica(s, r)
    lose_requests(s, r, n_run, head, t)


@compiled
def begin_outage(s: State, d: int, t: float) -> None:
    """API d stops answering at time t: attempts in flight end in a 5xx."""
    _control_acts(s, t)
    k = s.dep[d]
    k.outage += 1
    if k.outage == 1:
        fail_in_flight(s, d, t)
