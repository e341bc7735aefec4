"""Which load a run was, from the rate and the limit that its load generator was given."""

from __future__ import annotations

from dataclasses import replace
from math import inf

from sim.calibration.points import Load

_BINDING_SHARE = 0.9


def sent(load: Load, rate_per_s: float | None, limit: int | None, mean_outstanding: float | None) -> tuple[Load, str | None]:
    """The load with how it was sent, and a note where that was judged.

    An infinite rate (or none) keeps as many outstanding as the limit allows, without a limit all requests at once. With a finite rate
    and a limit the run is a closed loop if nine tenths of the limit were outstanding in the mean (Little's law), else an open stream.
    """
    if rate_per_s is None or rate_per_s == inf:
        at_once = limit if limit is not None else load.requests
        if at_once is None:
            return load, None
        held = min(at_once, load.requests or at_once)
        note = None if limit is not None else f"all {held:,} requests were sent at once: {held:,} outstanding"
        return replace(load, concurrency=held), note
    if limit is None:
        return replace(load, request_rate_per_s=rate_per_s), None
    if mean_outstanding is not None and mean_outstanding >= _BINDING_SHARE * limit:
        return replace(load, concurrency=limit), (
            f"the limit of {limit} was reached ({mean_outstanding:.1f} outstanding in the mean): taken as a closed loop of {limit}"
        )
    return replace(load, request_rate_per_s=rate_per_s), f"the limit of {limit} outstanding was not reached: an open stream"
