"""How far a trace can be trusted as a sample: by how much the demand of its mean day might have come out otherwise.

Within a day, demand goes up and down with the hour, which is no chance, and with bursts, which are. What chance does to a block of time is
seen in second differences of three blocks next to each other, in which a level and a slope cancel: of blocks with variance v, the square
of x1 - 2·x2 + x3 is 6·v in the mean (Gasser, Sroka and Jennen-Steinmetz 1986). Blocks are long beside bursts, so that they
can be taken as independent. What differs from day to day comes on top; a trace of two weeks or more says that itself.
"""

from __future__ import annotations

import datetime
import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sim.futures.window_plan import WindowPlan
from sim.trace.trace import Trace
from sim.units import SECONDS_PER_DAY

FloatArray = npt.NDArray[np.float64]

BLOCK_S = 2400.0
"""Long beside bursts of some minutes, short beside the hours of a day."""
LEAST_DAYS = 14
"""From so many days on a trace says itself how days differ."""
_LEAST_BLOCKS = 12
_MISSING = 0.01
"""Part of its last day that a trace may lack: one that does not say how long it is ends with its last request."""


@dataclass(frozen=True)
class DaySpread:
    """Relative spreads of daily demand: requests, prompt tokens and output tokens in equal parts."""

    sample_sigma: float
    """Standard error of the mean day's demand from what chance does within days."""
    day_sigma: float | None
    """Sigma of a lognormal factor on a day's demand beside that of its weekday; None for less than 14 days."""
    week: tuple[float, ...] | None
    """[7] demand by day of the week, mean 1, the first being that on which the trace begins; None for less than 14 days."""


def day_spread(trace: Trace, plan: WindowPlan) -> DaySpread:
    """The spread of a trace, in one pass; a trace of too few blocks has no spread that could be seen, and 0 is given."""
    own_s = max(trace.info.duration_s, 1e-9)
    size_s = min(BLOCK_S, own_s / _LEAST_BLOCKS)
    count = max(1, int(own_s / size_s + 1e-9))
    blocks = np.zeros((3, count))
    for chunk in trace.chunks():
        place = np.minimum((chunk.arrival_s / size_s).astype(np.int64), count - 1)
        for row, values in enumerate((None, chunk.prompt_tokens, chunk.output_tokens)):
            blocks[row] += np.bincount(place, values, count)
    demand = (blocks / np.maximum(blocks.sum(axis=1, keepdims=True), 1.0)).mean(axis=0)
    # A last day of which more is missing is no day like the others; plans round longer traces more (sim/futures/windows.py).
    days = math.floor(own_s / SECONDS_PER_DAY + _MISSING)
    if days < LEAST_DAYS or plan.shape is not None:
        return DaySpread(sample_sigma(demand), None, None)
    whole = np.zeros(days * int(SECONDS_PER_DAY / size_s))
    whole[: len(demand)] = demand[: len(whole)]
    by_day = whole.reshape(days, -1).sum(axis=1)
    week, sigma = _weekly(by_day)
    return DaySpread(sample_sigma(demand), sigma, week)


def first_weekday(trace: Trace) -> int | None:
    """The weekday on which a trace begins (0 is Monday), where its import kept the date; else None."""
    text = trace.metadata.get("sim.start_utc", "")
    try:
        return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).weekday() if text else None
    except ValueError:
        return None


def sample_sigma(blocks: FloatArray) -> float:
    """The relative standard error of the sum of blocks of demand, in order of time."""
    triples = blocks[: len(blocks) // 3 * 3].reshape(-1, 3)
    total = float(triples.sum())
    if total <= 0:
        return 0.0
    second = triples @ np.array([1.0, -2.0, 1.0])
    return math.sqrt(3.0 * float((second**2).sum()) / 6.0) / total


def _weekly(by_day: FloatArray) -> tuple[tuple[float, ...], float]:
    """Demand by day of the week, mean 1, and the sigma of the lognormal that spreads as days do around it (degrees of freedom counted).

    From relative variances, not from logarithms: one day without demand in a month is a day less, not a spread without end.
    """
    place = np.arange(len(by_day)) % 7
    level = np.bincount(place, by_day) / np.bincount(place)
    asked = level[place] > 0
    off = by_day[asked] / level[place][asked] - 1.0
    variance = float((off**2).sum()) / max(int(asked.sum()) - int((level > 0).sum()), 1)
    return tuple(float(value) for value in level / level.mean()), math.sqrt(math.log1p(variance))
