"""The end of a replica's step: tokens come out, prompts turn to decodes, finished sequences leave."""

from __future__ import annotations

from sim.engine.compiled import compiled
from sim.engine.heap import rest_replica, set_replica_time
from sim.engine.layout import (
    BOUNDARY,
    COMPLETED,
    DRAINING,
    FAR,
    IDLE,
    N_PREFILL_TOKENS,
    N_STEP_TOKENS,
    N_STEPS,
    PHASE_START,
    R_NONE,
    RUN,
    State,
)  # fmt: skip
from sim.engine.record import close_request, free_slot
from sim.engine.replica import account, commit_run, enter_decode, find_min_fin, leave_decode, release


@compiled
def end_step(s: State, r: int, t: float) -> bool:
    """The step or run in flight of replica r ends at time t. True if the replica was draining and is now empty: control retires it."""
    p = s.rep[r]
    d = p.dep
    finished = False
    if p.doing == RUN:
        commit_run(s, r, p.n)
        p.steady = 1
        finished = p.dsteps >= p.min_fin
    else:
        context = p.pos_sum + p.n_dec * (p.dsteps + p.decoding)
        n = 0
        # Decodes have moved before positions are taken: a sequence that starts to decode now takes its first decode step next.
        p.dsteps += p.decoding
        for x in range(p.n_pre):
            i = s.pre[r, x]
            q = s.slot[i]
            q.computed += q.chunk
            context += q.computed
            if q.computed == q.prompt + q.made:
                q.made += 1
                if q.made == 1:
                    q.first = t
                if q.made == q.output or q.aborted:
                    finished = True
                q.chunk = -1
            else:
                s.pre[r, n] = i
                n += 1
        account(s, r, p.t0, t, context * p.a)
        s.counter[d, N_STEPS] += 1
        s.counter[d, N_STEP_TOKENS] += p.step_tokens
        s.counter[d, N_PREFILL_TOKENS] += p.step_prefill
        if n < p.n_pre:
            p.n_pre = n
            _turn_to_decode(s, r)
        if p.dsteps >= p.min_fin:
            finished = True
    if finished or p.n_ghost > 0:
        _remove_finished(s, r, t)
    if p.n_run == 0 and p.n_wait == 0:
        p.doing = IDLE
        rest_replica(s, r)
        return bool(p.state == DRAINING)
    p.doing = BOUNDARY
    set_replica_time(s, r, t, PHASE_START)
    return False


@compiled
def _turn_to_decode(s: State, r: int) -> None:
    """Sequences whose prompt was completed in this step (chunk = -1) decode from now on, unless that token was their last."""
    p = s.rep[r]
    for x in range(p.n_run):
        i = s.run_i[r, x]
        q = s.slot[i]
        if q.chunk == -1:
            q.chunk = 0
            fin = enter_decode(s, r, i)
            s.run_fin[r, x] = fin
            if fin < p.min_fin:
                p.min_fin = fin


@compiled
def _remove_finished(s: State, r: int, t: float) -> None:
    """Close the sequences whose last token came out, then drop the aborted ones, each in running order."""
    p = s.rep[r]
    n = 0
    least = FAR
    for x in range(p.n_run):
        i = s.run_i[r, x]
        fin = s.run_fin[r, x]
        if fin <= p.dsteps and not s.slot[i].aborted:
            release(s, r, i)
            leave_decode(s, r, i)
            close_request(s, i, COMPLETED, R_NONE, t)
        else:
            s.run_i[r, n] = i
            s.run_fin[r, n] = fin
            n += 1
            if fin < least:
                least = fin
    if n < p.n_run:
        p.steady = 0
    p.n_run = n
    p.min_fin = least
    if p.n_ghost > 0:
        _remove_ghosts(s, r)


@compiled
def _remove_ghosts(s: State, r: int) -> None:
    p = s.rep[r]
    n = 0
    kept = 0
    for x in range(p.n_pre):
        if not s.slot[s.pre[r, x]].aborted:
            s.pre[r, kept] = s.pre[r, x]
            kept += 1
    p.n_pre = kept
    for x in range(p.n_run):
        i = s.run_i[r, x]
        if s.slot[i].aborted:
            release(s, r, i)
            if s.slot[i].decode:
                leave_decode(s, r, i)
            free_slot(s, i)
        else:
            s.run_i[r, n] = i
            s.run_fin[r, n] = s.run_fin[r, x]
            n += 1
    p.n_run = n
    p.n_ghost = 0
    p.steady = 0
    find_min_fin(s, r)
