"""Which demand replays stand for months with: a quantile of what the last month may bring, and the mean of all."""

from __future__ import annotations

from statistics import NormalDist
from typing import TYPE_CHECKING

from sim.trace.growth import MOST_ROWS

if TYPE_CHECKING:
    from sim.stack.outlook_quantity import Change

_SAME = 1e-3
_CERTAINTY = 1.2
"""So many times the share of futures that may miss the levels have more demand than the one replays must hold at. A stack that fails
there misses them in more futures than it may, as days, weekdays and incidents vary on top: one that would pass is not dropped."""


def demand_ahead(growth: Change, months: int, confidence: float, rows: int) -> tuple[float, float]:
    """Demand over that of the trace at which levels must hold, and at which costs are compared."""
    import numpy as np

    z = NormalDist().inv_cdf(min(max(1.0 - _CERTAINTY * (1.0 - confidence), 1e-9), 1 - 1e-9))
    held = float(growth.compounded(np.asarray(min(z, 0.0) if growth.is_certain else z), np.asarray(months - 1.0)))
    costs = sum(growth.mean_compounded(float(month)) for month in range(months)) / months
    most = MOST_ROWS / max(rows, 1) * 0.99
    return _plain(min(max(held, 1.0), most)), _plain(min(costs, most))


def _plain(factor: float) -> float:
    """A factor that is 1 but for rounding is 1: the trace as it is."""
    return 1.0 if abs(factor - 1.0) < _SAME else factor
