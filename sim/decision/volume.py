"""The traffic that needs speak of, where it is more or less than a trace has: thinned or grown to it, its times and sizes kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.decision.needs_parts import Volume
from sim.units import SECONDS_PER_MONTH

if TYPE_CHECKING:
    from sim.trace.trace import Trace

_SAME = 1e-3
"""A factor this near to one changes nothing."""


def at_volume(trace: Trace, volume: Volume, tokens_per_month: float) -> tuple[Trace, str]:
    """A trace of so many prompt and output tokens a month at the volume that is needed, and in words what was done; nothing: nothing.

    Less is each request (or conversation) kept with the same chance, more is every client sending more: both keep how bursty the traffic
    is per client. InputError where too little or too much would be left.
    """
    wanted = volume.tokens_per_month if volume.tokens_per_month is not None else volume.requests_per_month
    if wanted is None:
        return trace, ""
    from sim.trace.growth import grow

    of = "tokens" if volume.tokens_per_month is not None else "requests"
    now = tokens_per_month if of == "tokens" else trace.info.rows * SECONDS_PER_MONTH / trace.info.duration_s
    factor = wanted / now
    if abs(factor - 1.0) < _SAME:
        return trace, ""
    changed = grow(trace, factor, "thin" if factor < 1 else "clients")
    return changed, f"the trace has {now:,.0f} {of} a month; it was {'thinned' if factor < 1 else 'grown'} to {wanted:,.0f} of them"
