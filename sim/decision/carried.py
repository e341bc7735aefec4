"""How many requests a second a stack can carry: its pools at full size and the rate limits of its APIs, for the mix of a trace.

Every place counts as a stand-in for the others, as in a fallback chain: the sum of what each carries. Where rules keep classes apart, a
class can be throttled below that. A pool carries what one replica does within the service level (`Load.saturation_per_s`) times the most
replicas that it may have; an API the smallest of its rates of requests and tokens, each over what a mean request takes of it. Limits that
are no rate (concurrency, spend) are not counted. Unknown as a whole where one place has neither.
"""

from __future__ import annotations

from sim.catalog.api import Limit
from sim.cost.replay import Replay
from sim.stack.resolved import ResolvedApi, ResolvedPool, ResolvedStack

_NO_RATE = ("concurrency", "acceleration")


def carried_per_s(found: Replay, resolved: ResolvedStack) -> float | None:
    """Requests a second of the mix that was replayed; None where it is not known of a place."""
    total = 0.0
    requests = found.measures.outcomes.total
    for each, load in zip(resolved.deployments, found.measures.loads, strict=True):
        if isinstance(each, ResolvedPool):
            rate = None if load.saturation_per_s is None else load.saturation_per_s * each.spec.replicas.max
        elif each.lane_of is not None:
            continue
        else:
            rate = _limited(each, found.prompt_tokens / requests, found.output_tokens / requests) if requests else None
        if rate is None:
            return None
        total += rate
    return total


def _limited(api: ResolvedApi, prompt_tokens: float, output_tokens: float) -> float | None:
    """Requests a second that the rate limits of an API let through; None where it has none."""
    rates = [_rate(limit, prompt_tokens, output_tokens) for limit in api.limits if limit.law not in _NO_RATE and limit.unit != "usd"]
    return min(rates) if rates else None


def _rate(limit: Limit, prompt_tokens: float, output_tokens: float) -> float:
    """One limit in requests a second; cached prompt tokens are taken as counted."""
    written = output_tokens * limit.output_multiplier
    takes = {"requests": 1.0, "input_tokens": prompt_tokens, "output_tokens": written, "total_tokens": prompt_tokens + written}[limit.unit]
    return float("inf") if takes == 0 else limit.limit / limit.window_s / takes
