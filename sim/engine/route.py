"""A request's way: rules, targets, faults, retries and fallback (docs/engine.md section 3)."""

from __future__ import annotations

import math

from sim.engine.api import attempt_api, settle_air
from sim.engine.compiled import compiled
from sim.engine.heap import push_timer, rest_replica
from sim.engine.layout import (
    AT_API,
    DRAINED,
    DRAINING,
    FAILED,
    FAILED_OUT,
    GATEWAY,
    IDLE,
    N_ATTEMPTS,
    N_FAILED,
    N_REFUSED,
    N_RETRIES,
    N_SPILLED,
    N_TIMED_OUT,
    NEVER,
    NONE,
    POOL,
    R_CLIENT_TIMEOUT,
    R_NO_ROUTE,
    R_OUTAGE,
    R_QUEUE_TIMEOUT,
    R_REPLICA_LOST,
    R_TOO_LONG,
    REFUSED,
    REJECTED,
    RUNNING,
    T_PASS,
    T_RETRY,
    TIMED_OUT,
    TIMEOUT,
    TIMER,
    WAITING,
    State,
)  # fmt: skip
from sim.engine.pool import attempt_pool, expected_wait, place
from sim.engine.random import JITTER, ROUTE, uniform
from sim.engine.record import close_request, free_slot
from sim.engine.replica import abort, wake
from sim.engine.retry import GIVE_UP, retry_delay
from sim.engine.waiting import remove_gateway, remove_waiting

FRESH, AGAIN, FAULT = 0, 1, 2


@compiled
def new_token(s: State, i: int) -> None:
    """A new attempt (or wait) of slot i begins: timers of earlier ones no longer mean it."""
    g = s.g[0]
    s.slot[i].token = g.tokens_issued
    g.tokens_issued += 1


@compiled
def drive(s: State, i: int, t: float, mode: int, fault: int, reason: int, retry_after: float, fault_t: float) -> None:
    """Move slot i on at time t until it waits for something or is done.

    mode FRESH: try its target (cooldown and expected wait looked at); AGAIN: repeat the attempt there; FAULT: an attempt ended in
    `fault` with `reason` at `fault_t` (>= t).
    """
    g = s.g[0]
    q = s.slot[i]
    rule = s.rule[q.rule]
    while True:
        goal = s.target[rule.target0 + q.target]
        d = goal.dep
        k = s.dep[d]
        last = q.target == rule.n_targets - 1
        if mode != FAULT:
            if mode == FRESH and not last:
                if t < k.cooldown_until:
                    q.target += 1
                    continue
                if k.kind == POOL and goal.max_wait_s < NEVER and expected_wait(s, d, t) > goal.max_wait_s:
                    s.counter[d, N_SPILLED] += 1
                    q.target += 1
                    continue
            new_token(s, i)
            q.dep = d
            q.rep = -1
            q.hit = 0
            q.attempts += 1
            k.arrivals += 1
            s.counter[d, N_ATTEMPTS] += 1
            fault_t = t
            retry_after = -1.0
            if k.kind == POOL:
                fault, reason = attempt_pool(s, d, i, t, goal.timeout_s)
            else:
                fault, reason, retry_after = attempt_api(s, d, i, t, goal.timeout_s)
                if fault != NONE:
                    fault_t = t + k.refusal_s
            if fault == NONE:
                return
            mode = FAULT
        if fault == REFUSED:
            s.counter[d, N_REFUSED] += 1
        elif fault == FAILED:
            s.counter[d, N_FAILED] += 1
        else:
            s.counter[d, N_TIMED_OUT] += 1
        if fault != TIMEOUT and g.cooldown_s > 0.0 and reason != R_TOO_LONG:
            k.cooldown_until = t + g.cooldown_s
        bit = 1 << fault
        n = q.attempt
        delay = GIVE_UP
        if (goal.retry_on & bit) != 0 and reason != R_TOO_LONG:
            u = uniform(g.seed, JITTER, q.row, d, n, 0)
            delay = retry_delay(
                n, goal.retries, retry_after, goal.base_s, goal.cap_s, goal.jitter, goal.jitter_add_s, goal.ra_max_s, goal.give_up, u
            )
        if delay >= 0.0:
            q.attempt = n + 1
            q.retries += 1
            s.counter[d, N_RETRIES] += 1
            q.where = TIMER
            new_token(s, i)
            push_timer(s, fault_t + delay, T_RETRY, i, q.token)
            return
        if (goal.passes & bit) != 0 and not last:
            q.attempt = 0
            q.target += 1
            if fault_t > t:
                q.where = TIMER
                new_token(s, i)
                push_timer(s, fault_t, T_PASS, i, q.token)
                return
            mode = FRESH
            continue
        outcome = REJECTED if fault == REFUSED else (FAILED_OUT if fault == FAILED else TIMED_OUT)
        close_request(s, i, outcome, reason, fault_t)
        return


@compiled
def arrive(s: State, x: int, t: float) -> None:
    """Row x of the chunk in memory arrives at time t."""
    g = s.g[0]
    source = s.row[x]
    g.free_slots -= 1
    i = s.free_slot[g.free_slots]
    q = s.slot[i]
    g.live += 1
    g.arrived += 1
    q.where = TIMER
    q.row = source.id
    q.arrival = t
    q.prompt = source.prompt
    q.output = source.output
    q.asked = source.output
    q.cls = source.cls
    q.client = source.client
    q.session = source.session
    q.cached = source.cached
    q.max_tokens = source.max_tokens
    q.ids0 = source.ids0
    q.n_ids = source.n_ids
    q.rule = -1
    q.target = 0
    q.attempt = 0
    q.dep = -1
    q.rep = -1
    q.air = -1
    q.prev = -1
    q.next = -1
    q.first = math.nan
    q.attempts = 0
    q.retries = 0
    q.throttled = 0
    q.preemptions = 0
    q.aborted = 0
    q.hit = 0
    q.node = -1
    for y in range(s.rule.shape[0]):
        rule = s.rule[y]
        if not rule.any_class and s.rule_class[y, q.cls] == 0:
            continue
        if q.prompt < rule.min_prompt or q.prompt > rule.max_prompt:
            continue
        if rule.share < 1.0 and uniform(g.seed, ROUTE, q.row, 0, 0, y) >= rule.share:
            continue
        q.rule = y
        break
    if q.rule < 0:
        close_request(s, i, REJECTED, R_NO_ROUTE, t)
        return
    drive(s, i, t, FRESH, NONE, 0, -1.0, t)


@compiled
def _leave_ghost(s: State, i: int) -> int:
    """Slot i stays behind in a step in flight: the request lives on in a new slot, which is returned."""
    g = s.g[0]
    g.free_slots -= 1
    y = s.free_slot[g.free_slots]
    s.slot[y] = s.slot[i]
    s.slot[i].token = -1
    p = s.slot[y]
    p.aborted = 0
    p.node = -1
    p.prev = -1
    p.next = -1
    return int(y)


@compiled
def attempt_times_out(s: State, i: int, t: float) -> None:
    """The client gives up on slot i's present attempt."""
    q = s.slot[i]
    here = i
    if q.where == WAITING:
        _leave_queue(s, i, t)
    elif q.where == GATEWAY:
        remove_gateway(s, q.dep, i)
    elif q.where == RUNNING:
        if abort(s, q.rep, i, t):
            _retire_if_empty(s, q.rep)
        else:
            here = _leave_ghost(s, i)
    elif q.where == AT_API:
        s.air[q.air].slot = -1
        q.air = -1
    drive(s, here, t, FAULT, TIMEOUT, R_CLIENT_TIMEOUT, -1.0, t)


@compiled
def _leave_queue(s: State, i: int, t: float) -> None:
    """Take slot i out of its replica's waiting queue; whoever is at the head now may fit."""
    r = s.slot[i].rep
    was_head = s.rep[r].head == i
    remove_waiting(s, r, i)
    if was_head and s.rep[r].n_wait > 0:
        wake(s, r, t)
    _retire_if_empty(s, r)


@compiled
def _retire_if_empty(s: State, r: int) -> None:
    """A draining replica that its last request has left is done."""
    p = s.rep[r]
    if p.state == DRAINING and p.n_run == 0 and p.n_wait == 0:
        p.doing = IDLE
        rest_replica(s, r)
        s.g[0].signal = DRAINED


@compiled
def queue_times_out(s: State, i: int, t: float) -> None:
    """Slot i has waited long enough, if it never was in a step."""
    q = s.slot[i]
    if q.where == GATEWAY:
        remove_gateway(s, q.dep, i)
    elif q.where == WAITING and q.started == 0:
        _leave_queue(s, i, t)
    else:
        return
    drive(s, i, t, FAULT, TIMEOUT, R_QUEUE_TIMEOUT, -1.0, t)


@compiled
def flush_gateway(s: State, d: int, t: float) -> None:
    """Dispatch everything that waits in front of pool d, in order."""
    k = s.dep[d]
    i = k.gateway_head
    k.gateway_head = -1
    k.gateway_tail = -1
    k.gateway_n = 0
    while i >= 0:
        following = s.slot[i].next
        s.slot[i].prev = -1
        s.slot[i].next = -1
        fault, reason = place(s, d, i, t)
        if fault != NONE:
            drive(s, i, t, FAULT, fault, reason, -1.0, t)
        i = following


@compiled
def lose_requests(s: State, r: int, n_run: int, head: int, t: float) -> None:
    """Everything replica r held is lost: a 5xx for each, running order first, then waiting order (run_i and the links are as they were)."""
    for x in range(n_run):
        i = s.run_i[r, x]
        if s.slot[i].aborted:
            free_slot(s, i)
        else:
            drive(s, i, t, FAULT, FAILED, R_REPLICA_LOST, -1.0, t)
    i = head
    while i >= 0:
        following = s.slot[i].next
        s.slot[i].prev = -1
        s.slot[i].next = -1
        drive(s, i, t, FAULT, FAILED, R_REPLICA_LOST, -1.0, t)
        i = following


@compiled
def fail_in_flight(s: State, d: int, t: float) -> None:
    """An outage of API d begins at time t: attempts in flight end now, in the order they were admitted."""
    while True:
        first = -1
        for y in range(s.air.shape[0]):
            if s.air[y].used and s.air[y].dep == d and (first < 0 or s.air[y].serial < s.air[first].serial):
                first = y
        if first < 0:
            return
        a = s.air[first]
        made = 0
        if t >= a.first and not a.error:
            made = min(a.output, 1 + math.floor((t - a.first) / a.tpot))
        i = a.slot
        settle_air(s, first, t, made, False)
        if i >= 0:
            s.slot[i].air = -1
            drive(s, i, t, FAULT, FAILED, R_OUTAGE, -1.0, t)
