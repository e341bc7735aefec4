"""A replica between its steps: what is running, what KV it holds, and how a run of decode steps is brought up to date.

A decoding sequence is stored by what does not change while it decodes: `pos` = computed tokens - decode steps of the replica, and the
decode
step `run_fin` at which it finishes. A run of k decode steps is then committed in constant time: `dsteps` grows by k.
"""

from __future__ import annotations

from sim.engine.blocks import clear_cache, extend_decodes, release_blocks
from sim.engine.compiled import compiled
from sim.engine.heap import rest_replica, set_replica_time
from sim.engine.layout import (
    BOUNDARY,
    CACHE_BLOCKS,
    FAR,
    GHOST,
    IDLE,
    N_PREEMPTIONS,
    N_STEP_TOKENS,
    N_STEPS,
    PHASE_START,
    PHASE_STEP_END,
    RUN,
    STATIC,
    STEP,
    State,
)  # fmt: skip
from sim.engine.steptime import run_end, steps_until
from sim.engine.waiting import prepend_waiting


@compiled
def blocks_for(tokens: int, size: int) -> int:
    """Blocks of `size` tokens that hold `tokens` tokens."""
    return int((tokens + size - 1) // size)


@compiled
def context_of(s: State, i: int) -> int:
    """Tokens of slot i whose KV is present (computed)."""
    q = s.slot[i]
    if q.decode:
        return int(q.pos + s.rep[q.rep].dsteps)
    return int(q.computed)


@compiled
def decode_need(s: State, r: int, k: int) -> int:
    """New blocks that k more decode steps of the present batch take."""
    p = s.rep[r]
    size = s.dep[p.dep].block_tokens
    need = (k // size) * p.n_dec
    spot = (-p.dsteps) % size
    for _ in range(k % size):
        need += s.residue[r, spot]
        spot = size - 1 if spot == 0 else spot - 1
    return int(need)


@compiled
def decode_fits(s: State, r: int, free: int, most: int) -> int:
    """How many decode steps (at most `most`) the free blocks allow."""
    p = s.rep[r]
    size = s.dep[p.dep].block_tokens
    if (most // size + 1) * p.n_dec <= free:
        return most
    rounds = free // p.n_dec
    k = rounds * size
    left = free - rounds * p.n_dec
    spot = (-p.dsteps) % size
    while k < most:
        left -= s.residue[r, spot]
        if left < 0:
            break
        spot = size - 1 if spot == 0 else spot - 1
        k += 1
    return int(min(k, most))


@compiled
def _run_moments(p_a: float, p_b: float, c0: float, sequences: int, j: int) -> float:
    """Integral over the first j steps of a run of KV tokens in use, c0 tokens before the first, `sequences` more each step."""
    s1 = 0.5 * j * (j - 1.0)
    s2 = (j - 1.0) * j * (2.0 * j - 1.0) / 6.0
    first = c0 + sequences
    return j * first * p_a + (sequences * p_a + first * p_b) * s1 + sequences * p_b * s2


@compiled
def account(s: State, r: int, start: float, end: float, kv: float) -> None:
    """Add a stretch with running sequences to the replica's integrals, cut to the window that is billed."""
    p = s.rep[r]
    window = s.g[0].window_s
    if start >= window:
        return
    share = 1.0
    length = end - start
    if end > window:
        share = (window - start) / length
        length = window - start
    p.busy_s += length
    p.seq_s += length * p.n_run
    p.kv_s += kv * share


@compiled
def commit_run(s: State, r: int, j: int) -> None:
    """Commit the steps of the present run up to the j-th."""
    p = s.rep[r]
    k = j - p.j
    if k <= 0:
        return
    d = p.dep
    if s.dep[d].caching == CACHE_BLOCKS:
        extend_decodes(s, r, k)
    else:
        p.used += decode_need(s, r, k)
    begin = p.pos_sum + p.n_dec * (p.dsteps - p.j)
    kv = _run_moments(p.a, p.b, begin, p.n_dec, j) - _run_moments(p.a, p.b, begin, p.n_dec, p.j)
    account(s, r, run_end(p.t0, p.a, p.b, p.j), run_end(p.t0, p.a, p.b, j), kv)
    p.dsteps += k
    p.j = j
    s.counter[d, N_STEPS] += k
    s.counter[d, N_STEP_TOKENS] += k * p.n_dec


@compiled
def used_now(s: State, r: int, t: float) -> int:
    """KV blocks held at time t, those of the step in flight included; changes nothing."""
    p = s.rep[r]
    if p.doing != RUN:
        return int(p.used)
    k = steps_until(p.t0, p.a, p.b, t, p.n) - p.j
    if k > 0 and s.dep[p.dep].caching == CACHE_BLOCKS:
        # blocks with names of a run's next step are taken when it starts
        return int(p.used + decode_need(s, r, k) - decode_need(s, r, 1))
    return int(p.used + decode_need(s, r, k))


@compiled
def busy_now(s: State, r: int, t: float) -> float:
    """Busy seconds of replica r up to time t within the window, the stretch not yet accounted included; changes nothing."""
    p = s.rep[r]
    extra = 0.0
    if p.doing == RUN:
        extra = t - run_end(p.t0, p.a, p.b, p.j)
    elif p.doing == STEP:
        extra = t - p.t0
    over = t - s.g[0].window_s
    if over > 0.0:
        extra -= over
    return float(p.busy_s + (extra if extra > 0.0 else 0.0))


@compiled
def wake(s: State, r: int, t: float) -> None:
    """The waiting queue of replica r has a new head at time t: see to it that the next schedule looks at it."""
    p = s.rep[r]
    if p.doing == IDLE:
        p.doing = BOUNDARY
        set_replica_time(s, r, t, PHASE_START)
    elif p.doing == RUN and p.n_run < s.dep[p.dep].max_seqs and s.dep[p.dep].batching != STATIC:
        j = steps_until(p.t0, p.a, p.b, t, p.n)
        if j < p.n:
            p.n = j
            set_replica_time(s, r, run_end(p.t0, p.a, p.b, j), PHASE_STEP_END)


@compiled
def release(s: State, r: int, i: int) -> None:
    """Give back the KV blocks of slot i."""
    p = s.rep[r]
    size = s.dep[p.dep].block_tokens
    if s.dep[p.dep].caching == CACHE_BLOCKS:
        release_blocks(s, r, i)
    else:
        p.used -= blocks_for(context_of(s, i), size)


@compiled
def leave_decode(s: State, r: int, i: int) -> None:
    """Slot i no longer decodes here: take it out of the sums over decodes."""
    p = s.rep[r]
    q = s.slot[i]
    q.computed = q.pos + p.dsteps
    q.made = q.computed + 1 - q.prompt
    q.decode = 0
    p.n_dec -= 1
    p.pos_sum -= q.pos
    s.residue[r, q.pos % s.dep[p.dep].block_tokens] -= 1


@compiled
def enter_decode(s: State, r: int, i: int) -> int:
    """Slot i has its prompt computed and a token out: it decodes from now on. Returns the decode step at which it finishes."""
    p = s.rep[r]
    q = s.slot[i]
    q.decode = 1
    q.pos = q.computed - p.dsteps
    p.n_dec += 1
    p.pos_sum += q.pos
    s.residue[r, q.pos % s.dep[p.dep].block_tokens] += 1
    return int(q.prompt + q.output - 1 - q.pos)


@compiled
def find_min_fin(s: State, r: int) -> None:
    """Recompute the decode step of the first completion."""
    p = s.rep[r]
    least = FAR
    for x in range(p.n_run):
        if s.run_fin[r, x] < least:
            least = s.run_fin[r, x]
    p.min_fin = least


@compiled
def preempt_last(s: State, r: int) -> int:
    """Preempt the last running sequence: free its KV, put it at the front of the queue. Returns its slot."""
    p = s.rep[r]
    x = p.n_run - 1
    i = s.run_i[r, x]
    q = s.slot[i]
    release(s, r, i)
    if q.decode:
        leave_decode(s, r, i)
    else:
        p.n_pre -= 1
    p.n_run = x
    q.computed = 0
    q.preemptions += 1
    s.counter[p.dep, N_PREEMPTIONS] += 1
    prepend_waiting(s, r, i)
    return int(i)


@compiled
def take_out_running(s: State, r: int, i: int) -> None:
    """Remove slot i from the running list of a replica that stands at a step boundary, freeing its KV."""
    p = s.rep[r]
    q = s.slot[i]
    release(s, r, i)
    if q.decode:
        leave_decode(s, r, i)
    else:
        n = 0
        for x in range(p.n_pre):
            if s.pre[r, x] != i:
                s.pre[r, n] = s.pre[r, x]
                n += 1
        p.n_pre = n
    n = 0
    for x in range(p.n_run):
        if s.run_i[r, x] != i:
            s.run_i[r, n] = s.run_i[r, x]
            s.run_fin[r, n] = s.run_fin[r, x]
            n += 1
    p.n_run = n
    p.steady = 0
    find_min_fin(s, r)


@compiled
def abort(s: State, r: int, i: int, t: float) -> bool:
    """Give up on running slot i at time t. True if it is gone at once, False if it stays in the step in flight as a ghost."""
    p = s.rep[r]
    if p.doing == RUN:
        j = steps_until(p.t0, p.a, p.b, t, p.n)
        if run_end(p.t0, p.a, p.b, j) == t:
            commit_run(s, r, j)
            p.doing = BOUNDARY
            set_replica_time(s, r, t, PHASE_START)
        else:
            p.n = j
            set_replica_time(s, r, run_end(p.t0, p.a, p.b, j), PHASE_STEP_END)
    if p.doing == BOUNDARY:
        take_out_running(s, r, i)
        if p.n_run == 0 and p.n_wait == 0:
            p.doing = IDLE
            rest_replica(s, r)
        return True
    s.slot[i].aborted = 1
    s.slot[i].where = GHOST
    p.n_ghost += 1
    return False


@compiled
def stop_work(s: State, r: int, t: float) -> None:
    """Bring replica r up to time t and cancel the step in flight (it is being lost)."""
    p = s.rep[r]
    if p.doing == RUN:
        j = steps_until(p.t0, p.a, p.b, t, p.n)
        if run_end(p.t0, p.a, p.b, j) > t:
            j -= 1
        commit_run(s, r, j)
        cut = run_end(p.t0, p.a, p.b, j)
        if t > cut:
            account(s, r, cut, t, (p.pos_sum + p.n_dec * (p.dsteps + 1.0)) * (t - cut))
    elif p.doing == STEP and t > p.t0:
        account(s, r, p.t0, t, 0.0)
    p.doing = IDLE
    rest_replica(s, r)


@compiled
def reset_replica(s: State, r: int) -> None:
    """An empty replica with an empty KV cache, doing nothing."""
    p = s.rep[r]
    d = p.dep
    p.n_run = 0
    p.n_pre = 0
    p.n_dec = 0
    p.n_wait = 0
    p.head = -1
    p.tail = -1
    p.wait_prompt = 0
    p.n_ghost = 0
    p.used = 0
    p.dsteps = 0
    p.pos_sum = 0
    p.min_fin = FAR
    p.steady = 0
    p.doing = IDLE
    for x in range(s.dep[d].block_tokens):
        s.residue[r, x] = 0
    if s.dep[d].caching == CACHE_BLOCKS:
        clear_cache(s, r)
    rest_replica(s, r)
