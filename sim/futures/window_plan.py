"""Windows of a trace, and the plan that they make: stretches whose weighted sum stands for the trace's mean day."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sim.units import SECONDS_PER_DAY, SECONDS_PER_HOUR

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

_MOST_AT_ONCE = 4_000_000.0
"""Requests of one window that are held in memory at a level of demand: about 1.5 GB."""
_MOST_ROWS = 20_000_000.0
"""Requests of all windows at a level: half a minute a replay."""


@dataclass(frozen=True, slots=True)
class Window:
    """One stretch that is replayed: requests from `start_s` on, those of the warm-up before it not counted."""

    start_s: float
    length_s: float
    warm_up_s: float
    weight: float
    """Times that it stands in the mean day."""
    level: float = 1.0
    """Its demand over that of the trace, for a day that is made of a shorter trace."""
    clock_s: float = 0.0
    """Second of the UTC day at `start_s`."""
    chance: float = 1.0
    """With which it was drawn."""


@dataclass(frozen=True)
class WindowPlan:
    """Windows and what is known of them."""

    windows: tuple[Window, ...]
    days: float
    """Of the trace."""
    period_s: float
    """After which the trace's clock starts again: its whole days."""
    mode: str
    """In words, for the reader."""
    contiguous: bool
    """Whether the whole trace is replayed, so that nothing comes from the choice of windows."""
    block_s: float
    blocks: int
    strata: IntArray
    """[blocks] which blocks may stand for each other: the hour of the day, or all where windows were drawn."""
    facts: FloatArray
    """[windows, 4] hours, requests, prompt tokens and output tokens of each at the trace's own demand."""
    known: FloatArray
    """[windows, columns] what their weights were calibrated to."""
    tail_resolved: bool
    """Whether they cover at least 24 hours, below which quantiles of a tail say nothing."""
    seed: int
    shape: tuple[float, ...] | None = None
    """Demand by hour of the day, mean 1, that a trace of less than a day was given."""
    notes: tuple[str, ...] = ()
    assumed: tuple[str, ...] = ()

    @property
    def rows(self) -> float:
        """Requests that one replay of all windows takes at the trace's own demand, without warm-ups."""
        return float(self.facts[:, 1].sum())

    @property
    def most_level(self) -> float:
        """Times the trace's own demand that is replayed at most: beyond it memory and patience end; at least 1."""
        largest = float(self.facts[:, 1].max())
        return max(1.0, min(_MOST_AT_ONCE / max(largest, 1.0), _MOST_ROWS / max(self.rows, 1.0)))

    @property
    def blocks_a_window(self) -> int:
        """Blocks of each window."""
        return self.blocks // len(self.windows)

    def level_at(self, second: float) -> float:
        """What the demand of the trace is multiplied by at a second of the day, where a day is made of windows of a shorter trace."""
        if self.shape is None or self.contiguous:
            return 1.0
        return self.shape[int(second % SECONDS_PER_DAY // SECONDS_PER_HOUR)]

    def sampling_se(self, amounts: FloatArray) -> FloatArray:
        """[I] standard errors of the mean day's amounts that come from the choice of windows; `amounts` [windows, I] by window.

        Residuals of a regression on what the windows were calibrated to, times their weights (Deville and Särndal 1992); zero where all
        was replayed.
        """
        weights, chance = (np.array([getattr(window, name) for window in self.windows]) for name in ("weight", "chance"))
        drawn = chance < 1.0
        known, root = self.known, np.sqrt(weights)[:, None]
        free = int(drawn.sum()) - known.shape[1] + 1
        if self.contiguous or free < 1:
            return np.zeros(amounts.shape[1])
        slope = np.linalg.lstsq(known * root, amounts * root, rcond=None)[0]
        off = ((amounts - known @ slope) * weights[:, None])[drawn] * np.sqrt(1.0 - chance[drawn])[:, None]
        return np.asarray(np.sqrt(drawn.sum() / free * (off**2).sum(axis=0)))
