"""How fine the timeline of a run is: round intervals, few enough to be read, made coarser where a run took longer than thought."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from sim.engine.result import TIMELINE_FIELDS, Result

_MOST_INTERVALS = 9000
_INTERVALS_S = (1.0, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0, 21_600.0, 86_400.0)
"""Each is a whole number of every one before it."""
_ADDED = ("arrivals", "completed", "throttled", "busy_s", "input_tokens", "output_tokens")
"""Fields of an interval that add up; the others are looks at its end."""


def timeline_interval_s(duration_s: float) -> float:
    """The interval of a timeline that keeps it readable: the shortest of a few round ones that gives at most 9,000."""
    return next((interval for interval in _INTERVALS_S if duration_s <= interval * _MOST_INTERVALS), _INTERVALS_S[-1])


def readable(result: Result) -> Result:
    """The result with a timeline as coarse as its window asks for; `result.timeline_s` is one of the round intervals."""
    factor = round(timeline_interval_s(result.window_s) / result.timeline_s)
    if factor <= 1 or not len(result.timeline):
        return result
    starts = np.arange(0, len(result.timeline), factor)
    ends = np.minimum(starts + factor, len(result.timeline)) - 1
    timeline = result.timeline[ends].copy()
    for name in _ADDED:
        field = TIMELINE_FIELDS.index(name)
        timeline[:, :, field] = np.add.reduceat(result.timeline[:, :, field], starts, axis=0)
    return replace(result, timeline=timeline, timeline_s=factor * result.timeline_s)
