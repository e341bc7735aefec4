"""Bookkeeping of what happened: outcomes, latency histograms, tokens, the log. Sums are integers, so that order does not matter."""

from __future__ import annotations

import math

from sim.engine.clients import schedule_sending
from sim.engine.compiled import compiled
from sim.engine.layout import (
    COMPLETED,
    FREE,
    N_COMPLETED,
    N_FALLBACK,
    N_MET_SLO,
    POOL,
    UNFINISHED,
    State,
)  # fmt: skip
from sim.engine.result import HIST_BUCKETS


@compiled
def bucket_of(s: State, x: float) -> int:
    """Log bucket of a latency (sim/engine/result.py)."""
    g = s.g[0]
    if x < g.hist_min_s:
        return 0
    b = 1 + int(math.log(x / g.hist_min_s) * g.inv_log_growth)
    return b if b < HIST_BUCKETS else HIST_BUCKETS - 1


@compiled
def _latency(s: State, metric: int, d: int, cls: int, x: float) -> None:
    s.hist[metric, d, cls, bucket_of(s, x)] += 1
    s.lat_sum[metric, d, cls] += int(x * 1e9 + 0.5)
    if x > s.lat_max[metric, d, cls]:
        s.lat_max[metric, d, cls] = x


@compiled
def price_tier(s: State, d: int, prompt: int) -> int:
    """The tier of deployment d's prices for a prompt of so many tokens: the last whose start it reaches (0 where there are none)."""
    k = s.dep[d]
    tier = 0
    for x in range(k.n_rates):
        if prompt >= s.rate[k.rate0 + x, 0]:
            tier = x
    return tier


@compiled
def count_tokens(s: State, d: int, cls: int, client: int, prompt: int, cached: int, output: int) -> None:
    """Add to the token table of deployment d (price tier by prompt, present tariff segment) and to its client's."""
    p = s.dep[d]
    tier = price_tier(s, d, prompt)
    s.tokens[d, cls, 0, tier, p.segment] += prompt - cached
    s.tokens[d, cls, 1, tier, p.segment] += cached
    s.tokens[d, cls, 2, tier, p.segment] += output
    p.in_tokens += prompt
    p.out_tokens += output
    if client >= 0:
        s.client_tokens[d, client, 0] += prompt - cached
        s.client_tokens[d, client, 1] += cached
        s.client_tokens[d, client, 2] += output


@compiled
def _write_log(s: State, i: int, outcome: int, reason: int, t: float) -> None:
    g = s.g[0]
    q = s.slot[i]
    x = s.log[g.n_log]
    g.n_log += 1
    done = outcome == COMPLETED
    x.row = q.row
    x.arrival_s = q.arrival
    x.class_id = q.cls
    x.client_id = q.client
    x.prompt_tokens = q.prompt
    x.output_tokens = q.output if done else 0
    x.outcome = outcome
    x.reason = reason
    x.deployment = q.dep
    x.target = q.target if q.rule >= 0 else -1
    x.replica = s.rep[q.rep].index if q.rep >= 0 else -1
    x.attempts = q.attempts
    x.retries = q.retries
    x.throttled = q.throttled
    x.first_token_s = q.first if done else math.nan
    x.finish_s = t
    x.preemptions = q.preemptions
    x.cached_tokens = q.hit


@compiled
def free_slot(s: State, i: int) -> None:
    """Give slot i back."""
    g = s.g[0]
    s.slot[i].where = FREE
    s.slot[i].token = -1
    s.free_slot[g.free_slots] = i
    g.free_slots += 1


@compiled
def close_request(s: State, i: int, outcome: int, reason: int, t: float) -> None:
    """The request in slot i has its outcome at time t: count it, log it, let its client go on, free the slot."""
    g = s.g[0]
    q = s.slot[i]
    d = q.dep
    s.outcome[d if d >= 0 else s.dep.shape[0], q.cls, outcome] += 1
    if outcome == COMPLETED:
        if s.dep[d].kind == POOL:
            q.first += s.dep[d].front_end_s
            t += s.dep[d].front_end_s
        ttft = q.first - q.arrival
        e2e = t - q.arrival
        _latency(s, 0, d, q.cls, ttft)
        _latency(s, 2, d, q.cls, e2e)
        good = ttft <= g.ttft_slo_s
        if q.output > 1:
            tpot = (e2e - ttft) / (q.output - 1)
            _latency(s, 1, d, q.cls, tpot)
            good = good and tpot <= g.tpot_slo_s
        if good:
            s.met[d, q.cls] += 1
            s.counter[d, N_MET_SLO] += 1
        s.counter[d, N_COMPLETED] += 1
        if q.target > 0:
            s.counter[d, N_FALLBACK] += 1
        if s.dep[d].kind == POOL:
            count_tokens(s, d, q.cls, q.client, q.prompt, q.hit if q.hit < q.prompt else q.prompt, q.output)
    else:
        s.reason[reason] += 1
    if g.log_on:
        _write_log(s, i, outcome, reason, t)
    if t > g.last_done:
        g.last_done = t
    g.live -= 1
    if g.closed and outcome != UNFINISHED:
        schedule_sending(s, q.row, t)
    free_slot(s, i)
