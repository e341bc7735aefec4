"""Rate limits of an API: five laws over requests, tokens or dollars (docs/engine.md section 6). Nothing is charged until all pass."""

from __future__ import annotations

import math

from sim.engine.compiled import compiled
from sim.engine.layout import (
    ACCELERATION,
    BUCKET,
    CONCURRENCY,
    NEVER,
    SLIDING,
    U_INPUT,
    U_OUTPUT,
    U_REQUESTS,
    U_TOTAL,
    WINDOW,
    State,
)  # fmt: skip


@compiled
def amount_at_admission(s: State, x: int, prompt: int, cached: int, reserve: int) -> float:
    """What limit x charges when an attempt is let in."""
    k = s.limit[x]
    if k.unit == U_REQUESTS:
        return 1.0
    held = float(reserve) if k.reserve else 0.0
    if k.unit == U_INPUT:
        return float(prompt if k.cached else prompt - cached)
    if k.unit == U_OUTPUT:
        return held
    if k.unit == U_TOTAL:
        return float(prompt if k.cached else prompt - cached) + held
    return 0.0


@compiled
def amount_at_settlement(s: State, x: int, prompt: int, cached: int, output: int, usd: float) -> float:
    """What limit x turns out to owe for an attempt once its output is known."""
    k = s.limit[x]
    if k.unit == U_REQUESTS:
        return 1.0
    if k.unit == U_INPUT:
        return float(prompt if k.cached else prompt - cached)
    if k.unit == U_OUTPUT:
        return float(output * k.multiplier)
    if k.unit == U_TOTAL:
        return float(float(prompt if k.cached else prompt - cached) + output * k.multiplier)
    return usd


@compiled
def _bring_up(s: State, x: int, t: float) -> None:
    """Bring limit x to time t: a new window, or forget what left the sliding window (a bucket's level changes only when charged)."""
    k = s.limit[x]
    if k.law == WINDOW or k.law == ACCELERATION:
        index = math.floor((t + k.phase_s) / k.window_s)
        if index != k.index:
            k.before = k.used if index == k.index + 1 else 0.0
            k.used = 0.0
            k.index = index
    elif k.law == SLIDING:
        size = s.ring.shape[1]
        edge = t - k.window_s
        while k.n > 0 and s.ring[k.ring, k.head % size, 0] <= edge:
            k.used -= s.ring[k.ring, k.head % size, 1]
            k.head += 1
            k.n -= 1
        if k.n == 0:
            k.used = 0.0


@compiled
def level_at(s: State, x: int, t: float) -> float:
    """Tokens in bucket x at time t."""
    k = s.limit[x]
    return float(min(k.burst, k.level + (t - k.since) * k.limit / k.window_s))


@compiled
def wait_for(s: State, x: int, t: float, amount: float) -> float:
    """0 if limit x lets `amount` pass at time t, else seconds until it would (infinite: it gives no hint). Brings the limit to t."""
    _bring_up(s, x, t)
    k = s.limit[x]
    wait = NEVER
    if k.law == BUCKET:
        level = level_at(s, x, t)
        if amount <= level:
            return 0.0
        if amount <= k.burst:
            wait = (amount - level) * k.window_s / k.limit
    elif k.law == ACCELERATION:
        if k.used + amount <= max(k.burst, k.growth * k.before):
            return 0.0
        wait = (k.index + 1) * k.window_s - k.phase_s - t
    elif k.law == WINDOW:
        if (amount > 0.0 and k.used + amount <= k.limit) or (amount == 0.0 and k.used < k.limit):
            return 0.0
        if amount <= k.limit:
            wait = (k.index + 1) * k.window_s - k.phase_s - t
    elif k.law == SLIDING:
        if (amount > 0.0 and k.used + amount <= k.limit) or (amount == 0.0 and k.used < k.limit):
            return 0.0
        if amount <= k.limit:
            size = s.ring.shape[1]
            used = k.used
            for j in range(k.n):
                used -= s.ring[k.ring, (k.head + j) % size, 1]
                if (amount > 0.0 and used + amount <= k.limit) or (amount == 0.0 and used < k.limit):
                    wait = s.ring[k.ring, (k.head + j) % size, 0] + k.window_s - t
                    break
    elif k.flight + amount <= k.limit:
        return 0.0
    if k.silent:
        return NEVER
    return max(wait, 1e-9)


@compiled
def charge(s: State, x: int, t: float, amount: float) -> int:
    """Charge `amount` to limit x at time t (brought up to t). Returns what settlement needs to find the charge again."""
    k = s.limit[x]
    if k.law == BUCKET:
        k.level = level_at(s, x, t) - amount
        k.since = t
        return 0
    if k.law == WINDOW or k.law == ACCELERATION:
        k.used += amount
        return int(k.index)
    if k.law == SLIDING:
        size = s.ring.shape[1]
        entry = k.head + k.n
        s.ring[k.ring, entry % size, 0] = t
        s.ring[k.ring, entry % size, 1] = amount
        k.n += 1
        k.used += amount
        g = s.g[0]
        if k.n > g.ring_most:
            g.ring_most = k.n
        return int(entry)
    k.flight += amount
    return 0


@compiled
def settle(s: State, x: int, t: float, charged: float, entry: int, actual: float) -> None:
    """Correct limit x at time t: `charged` was taken at admission (found again by `entry`), `actual` is owed."""
    k = s.limit[x]
    if k.law == CONCURRENCY:
        k.flight -= charged
        return
    more = actual - charged
    if more == 0.0:
        return
    _bring_up(s, x, t)
    if k.law == BUCKET:
        k.level = min(k.burst, level_at(s, x, t) - more)
        k.since = t
    elif k.law == WINDOW or k.law == ACCELERATION:
        if more > 0.0 or entry == k.index:
            k.used += more
    elif more > 0.0:
        charge(s, x, t, more)
    elif entry >= k.head:
        size = s.ring.shape[1]
        s.ring[k.ring, entry % size, 1] += more
        k.used += more


@compiled
def charge_refusal(s: State, x: int, t: float) -> None:
    """A refused attempt that the provider counts: one request more on limit x (a bucket is not driven below empty)."""
    k = s.limit[x]
    if k.law == BUCKET:
        level = level_at(s, x, t)
        if level > 0.0:
            k.level = max(0.0, level - 1.0)
            k.since = t
    elif k.law != CONCURRENCY:
        charge(s, x, t, 1.0)
