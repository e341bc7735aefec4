"""The start of a replica's step: who is in it, by the rules of vLLM's V1 scheduler, and how long it lasts."""

from __future__ import annotations

from sim.engine.blocks import count_hits, extend_blocks, mark_twins, take_hits
from sim.engine.compiled import compiled
from sim.engine.heap import rest_replica, set_replica_time
from sim.engine.layout import (
    CACHE_BLOCKS,
    CACHE_GIVEN,
    CACHE_OFF,
    CONTINUOUS,
    FAR,
    IDLE,
    N_HIT_TOKENS,
    N_QUERIED_TOKENS,
    PHASE_STEP_END,
    PREFILL_FIRST,
    RUN,
    RUNNING,
    STATIC,
    STEP,
    State,
)  # fmt: skip
from sim.engine.replica import blocks_for, decode_fits, find_min_fin, preempt_last
from sim.engine.steptime import run_end, step_seconds
from sim.engine.waiting import remove_waiting


@compiled
def _head_fits(s: State, r: int, threshold: int, budget: int) -> tuple[int, int]:
    """(hit tokens, new tokens) of the head of the queue if it can be admitted with this budget, else (0, 0)."""
    p = s.rep[r]
    k = s.dep[p.dep]
    i = p.head
    q = s.slot[i]
    size = k.block_tokens
    tokens = q.prompt + q.made
    hit = 0
    shared = 0
    unheld = 0
    if k.caching == CACHE_BLOCKS:
        shared, unheld = count_hits(s, r, i, size, (tokens - 1) // size)
        hit = shared * size
    elif k.caching == CACHE_GIVEN and q.started == 0:
        cached = int(k.hit_rate * q.prompt) if k.hit_rate > 0.0 else max(q.cached, 0)
        hit = min(cached, q.prompt - 1) // size * size
    new = tokens - hit
    if 0 < threshold < new:
        new = threshold
    new = min(new, budget)
    free = k.blocks - p.used
    margin = k.watermark if p.n_run > 0 else 0
    if k.reserve_full and blocks_for(tokens, size) - shared + unheld + margin > free:
        return 0, 0
    if blocks_for(hit + new, size) - shared + unheld + margin > free:
        return 0, 0
    return hit, new


@compiled
def _admit_head(s: State, r: int, hit: int, new: int) -> None:
    """Move the head of the queue into the running list with `hit` tokens present and `new` scheduled."""
    p = s.rep[r]
    k = s.dep[p.dep]
    i = p.head
    q = s.slot[i]
    size = k.block_tokens
    remove_waiting(s, r, i)
    q.where = RUNNING
    q.computed = hit
    q.chunk = new
    q.decode = 0
    if k.caching == CACHE_BLOCKS:
        take_hits(s, r, i, size, hit // size)
        extend_blocks(s, r, i, size, hit + new)
    else:
        p.used += blocks_for(hit + new, size)
    if q.started == 0:
        q.started = 1
        q.hit = hit
        if k.caching != CACHE_OFF:
            s.counter[p.dep, N_HIT_TOKENS] += hit
            s.counter[p.dep, N_QUERIED_TOKENS] += q.prompt
    if k.caching == CACHE_BLOCKS:
        mark_twins(s, r, i)
    s.run_i[r, p.n_run] = i
    s.run_fin[r, p.n_run] = FAR
    p.n_run += 1
    s.pre[r, p.n_pre] = i
    p.n_pre += 1


@compiled
def _plan_running(s: State, r: int, threshold: int, budget: int, decodes: bool) -> tuple[int, int]:
    """Chunks of the running prefills and blocks of all running sequences when nothing has to give way.

    Returns (tokens, blocks) or (-1, 0) when tokens or blocks are short in a way that only the sequence-by-sequence walk settles.
    Decodes need one token each; a prefill short of budget can only be the last of the list (those behind it would never have been
    admitted).
    """
    p = s.rep[r]
    k = s.dep[p.dep]
    size = k.block_tokens
    free = k.blocks - p.used
    total = 0
    need = 0
    if decodes:
        total = p.n_dec
        need = s.residue[r, (-p.dsteps) % size]
    for x in range(p.n_pre):
        i = s.pre[r, x]
        q = s.slot[i]
        new = q.prompt + q.made - q.computed
        if 0 < threshold < new:
            new = threshold
        if total + new > budget:
            if x != p.n_pre - 1 or s.run_i[r, p.n_run - 1] != i or total >= budget:
                return -1, 0
            new = budget - total
        q.chunk = new
        total += new
        need += blocks_for(q.computed + new, size) - blocks_for(q.computed, size)
    if need > free or total > budget:
        return -1, 0
    return total, need


@compiled
def _take_running(s: State, r: int, need: int, decodes: bool) -> None:
    """Take the blocks that _plan_running found enough of (block by block, in running order, when they have names)."""
    p = s.rep[r]
    k = s.dep[p.dep]
    if k.caching != CACHE_BLOCKS:
        p.used += need
        return
    size = k.block_tokens
    for x in range(p.n_run):
        i = s.run_i[r, x]
        q = s.slot[i]
        if q.decode:
            if decodes:
                extend_blocks(s, r, i, size, q.pos + p.dsteps + 1)
        else:
            extend_blocks(s, r, i, size, q.computed + q.chunk)


@compiled
def _walk_running(s: State, r: int, threshold: int, budget: int, decodes: bool) -> tuple[int, int]:
    """The running part of a schedule, one sequence after the other, preempting the last while blocks are short.

    Returns (tokens, preemptions). Sets `broken` if a decode was left without budget: the admission rules make that impossible.
    """
    p = s.rep[r]
    k = s.dep[p.dep]
    size = k.block_tokens
    total = 0
    preempted = 0
    x = 0
    while x < p.n_run:
        i = s.run_i[r, x]
        q = s.slot[i]
        if q.decode and not decodes:
            x += 1
            continue
        if total >= budget:
            if q.decode:
                s.g[0].broken = 1
            else:
                q.chunk = 0
            x += 1
            continue
        computed = q.pos + p.dsteps if q.decode else q.computed
        new = 1
        if not q.decode:
            new = q.prompt + q.made - computed
            if 0 < threshold < new:
                new = threshold
            new = min(new, budget - total)
        need = blocks_for(computed + new, size) - blocks_for(computed, size)
        gone = False
        while need > k.blocks - p.used:
            preempted += 1
            if preempt_last(s, r) == i:
                gone = True
                break
        if gone:
            break
        if k.caching == CACHE_BLOCKS:
            extend_blocks(s, r, i, size, computed + new)
        else:
            p.used += need
        q.chunk = new
        total += new
        x += 1
    return total, preempted


@compiled
def _schedule_running(s: State, r: int, threshold: int, budget: int, decodes: bool) -> tuple[int, int]:
    """The running part of a schedule: (tokens, preemptions)."""
    total, need = _plan_running(s, r, threshold, budget, decodes)
    if total < 0:
        return _walk_running(s, r, threshold, budget, decodes)
    _take_running(s, r, need, decodes)
    return total, 0


@compiled
def start_step(s: State, r: int, t: float) -> None:
    """Schedule the next step of replica r at time t, or let it rest."""
    p = s.rep[r]
    d = p.dep
    k = s.dep[d]
    if p.n_run == 0 and p.n_wait == 0:
        p.doing = IDLE
        rest_replica(s, r)
        return
    budget = k.budget
    eligible = p.n_run + p.n_wait
    threshold = k.threshold if eligible > 1 else 0
    if threshold > 0 and k.adaptive:
        threshold = max(threshold, budget // eligible)
    was_running = p.n_run
    decodes = True
    if k.batching == PREFILL_FIRST:
        if p.n_pre > 0:
            decodes = False
        elif p.n_wait > 0 and p.n_run < k.max_seqs:
            _, new = _head_fits(s, r, threshold, budget)
            decodes = new == 0
    total, preempted = _schedule_running(s, r, threshold, budget, decodes)
    if preempted == 0 and (k.batching == CONTINUOUS or (k.batching == STATIC and was_running == 0) or not decodes):
        while total < budget and p.n_wait > 0 and p.n_run < k.max_seqs:
            hit, new = _head_fits(s, r, threshold, budget - total)
            if new == 0:
                break
            _admit_head(s, r, hit, new)
            total += new
    if total == 0 and not decodes and p.n_dec > 0:
        decodes = True
        for x in range(p.n_pre):
            s.slot[s.pre[r, x]].chunk = 0
        total, more = _schedule_running(s, r, threshold, budget, True)
        preempted += more
    if total == 0:
        p.doing = IDLE
        rest_replica(s, r)
        return
    if p.n_pre == 0:
        _start_run(s, r, t, preempted)
        return
    sequences = p.n_dec if decodes else 0
    context = p.pos_sum + p.n_dec * p.dsteps if decodes else 0
    attention = 0.0
    prefill = 0
    for x in range(p.n_pre):
        q = s.slot[s.pre[r, x]]
        if q.chunk == 0:
            continue
        sequences += 1
        if q.chunk == 1 and q.made > 0 and q.computed == q.prompt + q.made - 1:
            context += q.computed
        else:
            attention += q.chunk * (q.computed + 0.5 * q.chunk)
            prefill += q.chunk
    p.doing = STEP
    p.decoding = 1 if decodes else 0
    p.steady = 0
    p.t0 = t
    p.a = step_seconds(s, d, total, sequences, context, attention)
    p.step_tokens = total
    p.step_prefill = prefill
    set_replica_time(s, r, t + p.a, PHASE_STEP_END)


@compiled
def _start_run(s: State, r: int, t: float, preempted: int) -> None:
    """Start, or go on with, a run of pure decode steps: the blocks of its first step are taken, the others when it is committed."""
    p = s.rep[r]
    d = p.dep
    k = s.dep[d]
    if not p.steady or preempted > 0:
        if preempted > 0:
            find_min_fin(s, r)
        p.t0 = t
        p.a = step_seconds(s, d, p.n_dec, p.n_dec, p.pos_sum + p.n_dec * p.dsteps, 0.0)
        p.b = k.f * p.n_dec
        p.j = 0
    # The first step's blocks were taken by the schedule: hand them back to be taken with the rest of the run.
    most = p.min_fin - p.dsteps
    if p.n_wait > 0 and p.n_run < k.max_seqs and (preempted > 0 or (k.caching == CACHE_BLOCKS and _may_hit_more(s, r))):
        most = 1
    if k.caching == CACHE_BLOCKS:
        more = 1 + _further_steps(s, r, most - 1)
    else:
        p.used -= s.residue[r, (-p.dsteps) % k.block_tokens]
        more = decode_fits(s, r, k.blocks - p.used, most)
    p.n = p.j + more
    p.doing = RUN
    set_replica_time(s, r, run_end(p.t0, p.a, p.b, p.n), PHASE_STEP_END)


@compiled
def _may_hit_more(s: State, r: int) -> bool:
    """Whether the head of the queue may find more of its prompt cached while only decodes run.

    Decodes enter keys of their own output alone, which no other prompt holds unless it is of the same session. Without such a one the head
    stays shut out until something finishes: evictions take from its hits at least what they add to the free blocks it needs.
    """
    p = s.rep[r]
    session = s.slot[p.head].session
    if session < 0:
        return False
    for x in range(p.n_run):
        if s.slot[s.run_i[r, x]].session == session:
            return True
    return False


@compiled
def _further_steps(s: State, r: int, most: int) -> int:
    """Decode steps after the next that the free blocks allow when blocks have names (the next one's are taken already)."""
    p = s.rep[r]
    p.dsteps += 1
    n = decode_fits(s, r, s.dep[p.dep].blocks - p.used, most)
    p.dsteps -= 1
    return n
