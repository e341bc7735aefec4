"""How long a client waits before it tries again: the rule of its SDK (docs/engine.md section 3, 3a)."""

from __future__ import annotations

from sim.engine.compiled import compiled

GIVE_UP = -1.0


@compiled
def retry_delay(
    n: int, retries: int, retry_after: float, base_s: float, cap_s: float, jitter: float, jitter_add_s: float, longest_s: float,
    gives_up: int, u: float,
) -> float:  # fmt: skip
    """Seconds before retry n (0 for the first) of at most `retries`, or GIVE_UP.

    A Retry-After (seconds; -1: none) is waited for when it is above 0 and at most `longest_s`; above that the client either gives up or
    backs off as without one: min(base*2^n, cap), less a random share of up to `jitter`. `jitter_add_s` times u is added in both cases.
    The openai and anthropic packages and LiteLLM's router are settings of this rule (models/clients/, tests/golden/sdk).
    """
    if n >= retries or (gives_up and retry_after > longest_s):
        return GIVE_UP
    if 0.0 < retry_after <= longest_s:
        return retry_after + jitter_add_s * u
    return float(min(base_s * 2.0**n, cap_s) * (1.0 - jitter * u) + jitter_add_s * u)
