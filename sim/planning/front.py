"""Which of many rows are worth choosing from: the Pareto front of two figures, and its knee.

A row is on the front when no other is at least as good in both figures and better in one; rows alike in both are on it together. A row
without one of the figures is on none. The knee is the row of the front farthest, on the side of the better, from the straight line between
the two ends of the front, both figures scaled to 0 to 1 over it: I. Das, On characterizing the knee of the Pareto curve based on
Normal-Boundary Intersection, Structural Optimization 18 (1999), which in two figures is the largest value of the difference curve of
Satopää et al., Finding a Kneedle in a Haystack (ICDCS Workshops 2011). It depends on what the front holds: one more expensive row moves it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from sim.planning.points import Better, Metric, Row

_ROUNDING = 1e-12


@dataclass(frozen=True)
class Front:
    """A front among rows: their positions, the cheapest first, and that of its knee; None where no row is off the line of its ends."""

    rows: tuple[int, ...]
    knee: int | None


def front_of(rows: Sequence[Row], cost: Metric, other: Metric, among: Sequence[bool] | None = None) -> Front:
    """The front of a cost and another metric among rows (those that `among` says, or all); positions are those in `rows`."""
    taken = [i for i in range(len(rows)) if among is None or among[i]]
    pairs = [(_lower(rows[i].metrics.get(cost.name), cost.better), _lower(rows[i].metrics.get(other.name), other.better)) for i in taken]
    on = pareto(pairs)
    place = knee([pairs[k] for k in on])
    return Front(tuple(taken[k] for k in on), None if place is None else taken[on[place]])


def pareto(pairs: Sequence[tuple[float | None, float | None]]) -> list[int]:
    """Positions of the pairs, lower being better in both, that no other pair beats; by the first figure, equal pairs in their order."""
    known = sorted((x, y, i) for i, (x, y) in enumerate(pairs) if x is not None and y is not None and not (math.isnan(x) or math.isnan(y)))
    found: list[int] = []
    best: tuple[float, float] | None = None
    for x, y, i in known:
        if best is None or y < best[1] or (x, y) == best:
            best = (x, y)
            found.append(i)
    return found


def knee(front: Sequence[tuple[float | None, float | None]]) -> int | None:
    """The position of the knee on a front, lower being better in both figures; of several as far the cheapest. None: there is none."""
    known = [(x, y) for x, y in front if x is not None and y is not None and math.isfinite(x) and math.isfinite(y)]
    if len(known) != len(front) or len(known) < 3:
        return None
    (low_x, high_y), (high_x, low_y) = known[0], known[-1]
    if not (high_x > low_x and high_y > low_y):
        return None
    # On the line between the ends the two shares sum to one; what is below it is on the side of the better.
    below = [1.0 - (x - low_x) / (high_x - low_x) - (y - low_y) / (high_y - low_y) for x, y in known]
    most = max(below)
    return next(i for i, value in enumerate(below) if value >= most - _ROUNDING) if most > _ROUNDING else None


def _lower(value: float | None, better: Better) -> float | None:
    return value if value is None or better != "high" else -value
