"""What happens on a grid of times: scrapes of an autoscaler's metric, its decisions, and the looks of the timeline."""

from __future__ import annotations

from sim.engine.autoscalers import SHORT_WINDOW, decide
from sim.engine.compiled import compiled
from sim.engine.layout import (
    M_CONCURRENCY,
    M_KV,
    M_RPS,
    M_WAITING,
    N_COMPLETED,
    N_THROTTLED,
    NEVER,
    POOL,
    READY,
    STARTING,
    WANTED,
    State,
)  # fmt: skip
from sim.engine.replica import busy_now, used_now


@compiled
def find_next_tick(s: State) -> None:
    """Set the time of the next scrape, decision or look."""
    g = s.g[0]
    t = (g.timeline_k + 1) * g.timeline_s if g.timeline_s > 0.0 else NEVER
    for d in range(s.dep.shape[0]):
        k = s.dep[d]
        if k.kind == POOL and k.law > 0:
            t = min(t, (k.scrape_k + 1) * k.scrape_s)
            t = min(t, (k.sync_k + 1) * k.sync_s)
    g.next_tick = t


@compiled
def _metric(s: State, d: int, t: float) -> float:
    """The metric of pool d at time t (docs/engine.md section 7)."""
    k = s.dep[d]
    waiting = k.gateway_n
    running = 0
    kv = 0.0
    busy = 0.0
    for r in range(k.rep0, k.rep0 + k.n_rep):
        p = s.rep[r]
        waiting += p.n_wait
        running += p.n_run
        if p.state == READY:
            if p.n_run > 0:
                busy += 1.0
            if k.metric == M_KV:
                kv += used_now(s, r, t) / k.blocks
    if k.metric == M_WAITING:
        return float(waiting)
    if k.metric == M_CONCURRENCY:
        return float(waiting + running)
    if k.metric == M_RPS:
        n = k.offered
        k.offered = 0
        return float(n / k.scrape_s)
    if k.n_ready == 0:
        return 0.0
    return float((kv if k.metric == M_KV else busy) / k.n_ready)


@compiled
def average_metric(s: State, d: int, t: float, length_s: float) -> float:
    """Mean of the samples in (t - lag - length, t - lag], or the latest before that; -1 if there is none yet."""
    k = s.dep[d]
    size = s.sample.shape[1]
    x = k.samples
    while x > 0 and x * k.scrape_s > t - k.lag_s:
        x -= 1
    if x == 0 or k.samples - x >= size:
        return -1.0
    total = 0.0
    n = 0
    y = x
    while y > 0 and y * k.scrape_s > t - k.lag_s - length_s and k.samples - y < size:
        total += s.sample[d, y % size]
        n += 1
        y -= 1
    if n == 0:
        return float(s.sample[d, x % size])
    return total / n


@compiled
def look(s: State, x: int, t: float) -> None:
    """One interval of the timeline ends at time t."""
    for d in range(s.dep.shape[0]):
        k = s.dep[d]
        row = s.timeline[x, d]
        row[0] = k.arrivals - k.m_arrivals
        row[1] = s.counter[d, N_COMPLETED] - k.m_completed
        row[2] = s.counter[d, N_THROTTLED] - k.m_throttled
        row[9] = k.in_tokens - k.m_in
        row[10] = k.out_tokens - k.m_out
        k.m_arrivals = k.arrivals
        k.m_completed = s.counter[d, N_COMPLETED]
        k.m_throttled = s.counter[d, N_THROTTLED]
        k.m_in = k.in_tokens
        k.m_out = k.out_tokens
        if k.kind != POOL:
            row[4] = k.in_flight
            continue
        waiting = k.gateway_n
        running = 0
        ready = 0
        present = 0
        kv = 0.0
        busy = 0.0
        for r in range(k.rep0, k.rep0 + k.n_rep):
            p = s.rep[r]
            waiting += p.n_wait
            running += p.n_run
            if p.state == READY:
                ready += 1
                kv += used_now(s, r, t) / k.blocks
            if p.state > 0:
                present += 1
            busy += busy_now(s, r, t)
        row[3] = waiting
        row[4] = running
        row[5] = ready
        row[6] = present
        row[7] = kv / ready if ready > 0 else 0.0
        row[8] = busy - k.m_busy
        k.m_busy = busy


@compiled
def tick(s: State, t: float) -> None:
    """Everything on the grids that is due at time t: scrapes, then decisions, then a look of the timeline."""
    g = s.g[0]
    for d in range(s.dep.shape[0]):
        k = s.dep[d]
        if k.kind == POOL and k.law > 0 and (k.scrape_k + 1) * k.scrape_s <= t:
            k.scrape_k += 1
            k.samples += 1
            s.sample[d, k.samples % s.sample.shape[1]] = _metric(s, d, t)
    for d in range(s.dep.shape[0]):
        k = s.dep[d]
        if k.kind == POOL and k.law > 0 and (k.sync_k + 1) * k.sync_s <= t:
            k.sync_k += 1
            value = average_metric(s, d, t, k.average_s)
            if value >= 0.0 or k.n_sched > 0:
                short = average_metric(s, d, t, s.setting[d, SHORT_WINDOW]) if s.setting[d, SHORT_WINDOW] > 0.0 else value
                present = 0
                for r in range(k.rep0, k.rep0 + k.n_rep):
                    if s.rep[r].state == READY or s.rep[r].state == STARTING:
                        present += 1
                wanted = decide(s, d, t, present, value, short)
                wanted = max(k.min_rep, min(k.max_rep, wanted))
                if wanted != k.wanted:
                    k.wanted = wanted
                    g.signal = WANTED
    if g.timeline_s > 0.0 and (g.timeline_k + 1) * g.timeline_s <= t:
        look(s, g.timeline_k, t)
        g.timeline_k += 1
    find_next_tick(s)
