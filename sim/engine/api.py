"""A commercial API: admission by its limits, latency, errors, and settlement when the output is known."""

from __future__ import annotations

import math

from sim.engine.compiled import compiled
from sim.engine.heap import push_timer
from sim.engine.layout import (
    AT_API,
    FAILED,
    N_CUT,
    N_THROTTLED,
    NEVER,
    NONE,
    R_NONE,
    R_OUTAGE,
    R_RATE_LIMITED,
    R_SPEND_CAP,
    R_TOO_LONG,
    RA_NONE,
    RA_SECONDS,
    REFUSED,
    T_ATTEMPT,
    T_SETTLE,
    U_REQUESTS,
    U_USD,
    State,
)  # fmt: skip
from sim.engine.limits import amount_at_admission, amount_at_settlement, charge, charge_refusal, settle, wait_for
from sim.engine.random import ERROR, HOUR, TPOT, TTFT, normal, uniform
from sim.engine.record import count_tokens, price_tier


@compiled
def quantile(s: State, first: int, n: int, z: float) -> float:
    """ln of a latency at normal score z: linear between n knots from position `first`, continued beyond both ends."""
    if n == 1:
        return float(s.knot[first, 1])
    lo = first
    while lo < first + n - 2 and s.knot[lo + 1, 0] <= z:
        lo += 1
    z0 = s.knot[lo, 0]
    y0 = s.knot[lo, 1]
    return float(y0 + (s.knot[lo + 1, 1] - y0) * (z - z0) / (s.knot[lo + 1, 0] - z0))


@compiled
def usd_of(s: State, d: int, prompt: int, cached: int, output: int) -> float:
    """What a request costs at API d, at the rate of its prompt's tier (changed prices included)."""
    k = s.dep[d]
    y = k.rate0 + price_tier(s, d, prompt)
    return float(((prompt - cached) * s.rate[y, 1] + cached * s.rate[y, 2] + output * s.rate[y, 3]) * k.price_factor)


@compiled
def attempt_api(s: State, d: int, i: int, t: float, timeout_s: float) -> tuple[int, int, float]:
    """Slot i is tried at API d at time t. Returns (fault, reason, Retry-After in seconds or -1)."""
    g = s.g[0]
    k = s.dep[d]
    q = s.slot[i]
    q.first = math.nan
    cached = min(max(q.cached, 0), q.prompt)
    q.hit = cached
    k.offered += 1
    if k.outage > 0:
        return FAILED, R_OUTAGE, -1.0
    if q.prompt >= k.context:
        return REFUSED, R_TOO_LONG, -1.0
    q.output = min(q.asked, k.context - q.prompt)
    if q.output < q.asked:
        s.counter[d, N_CUT] += 1
    reserve = q.max_tokens if q.max_tokens >= 0 else k.default_max
    longest = 0.0
    first_unit = -1
    for x in range(k.lim0, k.lim0 + k.n_lim):
        wait = wait_for(s, x, t, amount_at_admission(s, x, q.prompt, cached, reserve))
        if wait > 0.0:
            if first_unit < 0:
                first_unit = s.limit[x].unit
            longest = max(longest, wait)
    if first_unit >= 0:
        q.throttled += 1
        s.counter[d, N_THROTTLED] += 1
        if k.refused_counts:
            for x in range(k.lim0, k.lim0 + k.n_lim):
                if s.limit[x].unit == U_REQUESTS:
                    charge_refusal(s, x, t)
        after = -1.0
        if longest < NEVER and k.retry_after != RA_NONE:
            after = math.ceil(longest) if k.retry_after == RA_SECONDS else math.ceil(longest * 1000.0) / 1000.0
        return REFUSED, R_SPEND_CAP if first_unit == U_USD else R_RATE_LIMITED, after
    g.free_airs -= 1
    y = s.free_air[g.free_airs]
    a = s.air[y]
    for x in range(k.n_lim):
        amount = amount_at_admission(s, k.lim0 + x, q.prompt, cached, reserve)
        a.charge[x] = amount
        a.entry[x] = charge(s, k.lim0 + x, t, amount)
    hour = math.floor((t + g.clock_offset_s) / 3600.0)
    factor = math.exp(k.hour_sigma * normal(uniform(g.seed, HOUR, hour, k.vendor, 0, 0))) * k.slow
    z = normal(uniform(g.seed, TTFT, q.row, d, q.attempt, 0))
    ttft = math.exp(quantile(s, k.ttft0, k.n_ttft, z)) * factor + k.per_prompt_s * q.prompt
    z = normal(uniform(g.seed, TPOT, q.row, d, q.attempt, 0))
    tpot = math.exp(quantile(s, k.tpot0, k.n_tpot, z)) * factor
    a.used = 1
    a.dep = d
    a.slot = i
    a.first = t + ttft
    a.tpot = tpot
    a.error = 1 if uniform(g.seed, ERROR, q.row, d, q.attempt, 0) < k.error_rate else 0
    a.end = a.first if a.error else a.first + tpot * (q.output - 1)
    a.prompt = q.prompt
    a.output = q.output
    a.cached = cached
    a.cls = q.cls
    a.client = q.client
    q.air = y
    q.where = AT_API
    k.in_flight += 1
    s.api_requests[d, q.cls, k.segment] += 1
    a.serial = push_timer(s, a.end, T_SETTLE, y, 0)
    if timeout_s < NEVER:
        push_timer(s, t + timeout_s, T_ATTEMPT, i, q.token)
    return NONE, R_NONE, -1.0


@compiled
def settle_air(s: State, y: int, t: float, output: int, billed: bool) -> None:
    """Attempt y at an API is over at time t with `output` tokens made: limits learn it, the bill counts it, the record is given back."""
    g = s.g[0]
    a = s.air[y]
    d = a.dep
    k = s.dep[d]
    usd = usd_of(s, d, a.prompt, a.cached, output) if billed else 0.0
    for x in range(k.n_lim):
        owed = amount_at_settlement(s, k.lim0 + x, a.prompt, a.cached, output, usd)
        settle(s, k.lim0 + x, t, a.charge[x], a.entry[x], owed)
    if billed:
        count_tokens(s, d, a.cls, a.client, a.prompt, a.cached, output)
    k.in_flight -= 1
    a.used = 0
    a.serial = -1
    s.free_air[g.free_airs] = y
    g.free_airs += 1
