"""Replayed mean days over levels of demand: single cells, curves of them, and how far a straight line between two is off."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sim.futures.usage import ALL, UsageLayout

FloatArray = npt.NDArray[np.float64]

COST_TOLERANCE = 0.005
"""Of the day's cost."""
SHARE_TOLERANCE = 0.005
"""Of the requests held to the latency levels: those within them."""
WHOLE_TOLERANCE = 0.0005
"""What one interval may add to the error of all days together."""
LEAST_SHARE = 0.005
"""Part of all days below which an interval is not looked into."""


@dataclass(frozen=True)
class Cell:
    """One replayed mean day."""

    amounts: FloatArray
    """[I]."""
    histogram: FloatArray
    """[3, HIST_BUCKETS]."""
    blocks: FloatArray
    """[NB, 6] SLO_ITEMS by block."""
    se: FloatArray
    """[I + 1] standard errors of the amounts, and of the day's cost, from the choice of windows."""
    demand: FloatArray
    """[3] requests, prompt tokens and output tokens that it came from."""

    def level(self, own: FloatArray) -> float:
        """Requests, prompt tokens and output tokens over those of the trace's own demand, on average."""
        return float((self.demand / own).mean())


@dataclass(frozen=True)
class Curve:
    """A state over n levels of demand, all per mean day."""

    levels: FloatArray
    """[n] ascending: demand over that of the trace's mean day."""
    amounts: FloatArray
    """[n, I]."""
    histogram: FloatArray
    """[n, 3, HIST_BUCKETS]."""
    blocks: FloatArray
    """[n, NB, 6] SLO_ITEMS by block."""
    se: FloatArray
    """[n, I + 1] standard errors from the choice of windows, the last of the day's cost."""
    cost_error: float
    """The most that a straight line was off in the middle of two levels that were left as they are, over the day's cost."""
    share_error: float
    """The same of the share of requests within their latency levels."""

    @staticmethod
    def of(cells: Sequence[Cell], own: FloatArray, cost_error: float, share_error: float) -> Curve:
        """Cells in order of level; of two with the same demand the first is taken."""
        levels, first = np.unique([cell.level(own) for cell in cells], return_index=True)
        chosen = [cells[int(place)] for place in first]
        amounts, histogram, blocks, se = (
            np.stack([getattr(cell, part) for cell in chosen]) for part in ("amounts", "histogram", "blocks", "se")
        )
        return Curve(levels, amounts, histogram, blocks, se, cost_error, share_error)


@dataclass(frozen=True)
class AxisCurve:
    """The same replays at few levels with step times or prompt lengths times each of k values."""

    levels: FloatArray
    """[n]."""
    values: tuple[float, ...]
    amounts: FloatArray
    """[n, k, I]."""
    histogram: FloatArray
    """[n, k, 3, HIST_BUCKETS]."""
    blocks: FloatArray
    """[n, k, NB, 6]."""


@dataclass(frozen=True)
class Off:
    """How far the straight line between two cells is off in the middle: over the day's cost, and of the share of requests met."""

    cost: float
    share: float

    def too_far(self, days: float = 1.0) -> bool:
        """Whether there should be a cell between, where `days` of all days lie between the outer ones."""
        far = self.cost > COST_TOLERANCE or self.share > SHARE_TOLERANCE
        return far and max(self.cost, self.share) * days > WHOLE_TOLERANCE

    @staticmethod
    def of(left: Cell, middle: Cell, right: Cell, own: FloatArray, usd: FloatArray, layout: UsageLayout) -> Off:
        """At the middle one of three; `usd` [I] is what one unit of each amount costs."""
        a, m, b = (cell.level(own) for cell in (left, middle, right))
        part = (m - a) / (b - a) if b > a else 0.0
        line = left.amounts * (1.0 - part) + right.amounts * part
        total = float(middle.amounts @ usd)
        cost = abs(float((line - middle.amounts) @ usd)) / total if total > 0 else 0.0
        held, met = (layout.at(ALL, item) for item in ("held", "met"))
        share = abs(float(line[met] - middle.amounts[met])) / max(float(middle.amounts[held]), 1.0)
        return Off(cost, share)
