"""A pool: which replica takes an attempt, what is refused at its door, and how long one would expect to wait."""

from __future__ import annotations

import math

from sim.engine.compiled import compiled
from sim.engine.heap import push_timer
from sim.engine.layout import (
    FAILED,
    LEAST_KV,
    LEAST_OUTSTANDING,
    N_CUT,
    NEVER,
    NONE,
    R_NO_CAPACITY,
    R_NONE,
    R_QUEUE_FULL,
    R_TOO_LONG,
    READY,
    REFUSED,
    ROUND_ROBIN,
    T_ATTEMPT,
    T_QUEUE,
    WANTED,
    State,
)  # fmt: skip
from sim.engine.random import AFFINITY, uniform
from sim.engine.replica import blocks_for, used_now, wake
from sim.engine.waiting import append_gateway, append_waiting


@compiled
def least_outstanding(s: State, d: int) -> int:
    """The READY replica with the fewest waiting and running (lowest index on ties), -1 if none is ready."""
    k = s.dep[d]
    best = -1
    fewest = 0
    for r in range(k.rep0, k.rep0 + k.n_rep):
        p = s.rep[r]
        if p.state != READY:
            continue
        n = p.n_run + p.n_wait
        if best < 0 or n < fewest:
            best = r
            fewest = n
    return best


@compiled
def choose_replica(s: State, d: int, i: int, t: float) -> int:
    """The replica that pool d's routing gives slot i at time t; -1 if none is ready."""
    k = s.dep[d]
    if k.n_ready == 0:
        return -1
    if k.routing == LEAST_OUTSTANDING:
        return least_outstanding(s, d)
    if k.routing == ROUND_ROBIN:
        for step in range(1, k.n_rep + 1):
            x = (k.last_chosen + step) % k.n_rep
            if s.rep[k.rep0 + x].state == READY:
                k.last_chosen = x
                return int(k.rep0 + x)
        return -1
    q = s.slot[i]
    best = -1
    if k.routing == LEAST_KV:
        least = 0
        fewest = 0
        for r in range(k.rep0, k.rep0 + k.n_rep):
            p = s.rep[r]
            if p.state != READY:
                continue
            used = used_now(s, r, t)
            n = p.n_run + p.n_wait
            if best < 0 or used < least or (used == least and n < fewest):
                best = r
                least = used
                fewest = n
        return best
    who = q.session if q.session >= 0 else q.row
    largest = -1.0
    for r in range(k.rep0, k.rep0 + k.n_rep):
        p = s.rep[r]
        if p.state != READY:
            continue
        u = uniform(s.g[0].seed, AFFINITY, who, p.index, 0, 0)
        if u > largest:
            best = r
            largest = u
    return best


@compiled
def expected_wait(s: State, d: int, t: float) -> float:
    """Seconds a request would expect to wait at pool d: head-of-line age, or the drain time of the prompts ahead if longer."""
    r = least_outstanding(s, d)
    if r < 0:
        return NEVER
    p = s.rep[r]
    age = t - s.slot[p.head].enqueued if p.n_wait > 0 else 0.0
    return float(max(age, p.wait_prompt * s.dep[d].prompt_token_s))


@compiled
def place(s: State, d: int, i: int, t: float) -> tuple[int, int]:
    """Put slot i on a replica of pool d, or in its gateway queue. Returns (fault, reason)."""
    k = s.dep[d]
    q = s.slot[i]
    r = choose_replica(s, d, i, t)
    if r < 0:
        if k.n_rep == 0:
            return FAILED, R_NO_CAPACITY
        if 0 <= k.gateway_limit <= k.gateway_n:
            return REFUSED, R_QUEUE_FULL
        if k.gateway_n == 0 and k.wanted == 0 and k.zero_start:
            k.wanted = 1
            s.g[0].signal = WANTED
        q.enqueued = t
        q.rep = -1
        append_gateway(s, d, i)
        return NONE, R_NONE
    p = s.rep[r]
    if 0 <= k.queue_limit <= p.n_wait:
        return REFUSED, R_QUEUE_FULL
    q.enqueued = t
    append_waiting(s, r, i)
    if p.n_wait == 1 or (k.adaptive and k.threshold > 0):
        # the adaptive threshold shrinks with every one more: the head's first chunk may fit now
        wake(s, r, t)
    return NONE, R_NONE


@compiled
def attempt_pool(s: State, d: int, i: int, t: float, timeout_s: float) -> tuple[int, int]:
    """Slot i is tried at pool d at time t. Returns (fault, reason)."""
    k = s.dep[d]
    q = s.slot[i]
    k.offered += 1
    q.output = min(q.asked, k.max_len - q.prompt)
    if q.prompt >= k.max_len or blocks_for(q.prompt + q.output - 1, k.block_tokens) > k.blocks:
        q.output = q.asked
        return REFUSED, R_TOO_LONG
    if q.output < q.asked:
        s.counter[d, N_CUT] += 1
    q.first = math.nan
    q.made = 0
    q.computed = 0
    q.decode = 0
    q.started = 0
    q.aborted = 0
    q.node = -1
    q.held = 0
    q.keyed = 0
    q.twin = 0
    fault, reason = place(s, d, i, t)
    if fault != NONE:
        return fault, reason
    if k.queue_timeout_s < NEVER:
        push_timer(s, t + k.queue_timeout_s, T_QUEUE, i, q.token)
    if timeout_s < NEVER:
        push_timer(s, t + timeout_s, T_ATTEMPT, i, q.token)
    return NONE, R_NONE
