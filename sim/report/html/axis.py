"""Axes: where a value stands between the ends, and which round values are labelled."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from sim.report.html.text import Unit, show

_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)
_TIME_STEPS_S = (1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1800.0, 3600.0, 7200.0, 10_800.0, 21_600.0,
                 43_200.0, 86_400.0, 172_800.0, 604_800.0)  # fmt: skip


@dataclass(frozen=True)
class Axis:
    """From `low` to `high`, straight or logarithmic; values of one unit."""

    low: float
    high: float
    unit: Unit
    log: bool = False

    def at(self, value: float) -> float:
        """Where a value stands, 0 at the low end and 1 at the high one; values outside are put at the end."""
        if self.log:
            value = max(value, self.low)
            share = math.log(value / self.low) / math.log(self.high / self.low)
        else:
            share = (value - self.low) / (self.high - self.low)
        return min(max(share, 0.0), 1.0)

    def ticks(self, most: int = 5) -> tuple[tuple[float, str], ...]:
        """Places and labels of round values, at most so many."""
        values = self._decades(most) if self.log else self._round(most)
        return tuple((self.at(value), show(value, self.unit)) for value in values)

    def _round(self, most: int) -> list[float]:
        step = _step((self.high - self.low) / most, self.unit)
        first = math.ceil(self.low / step - 1e-9)
        last = math.floor(self.high / step + 1e-9)
        return [k * step for k in range(first, last + 1)]

    def _decades(self, most: int) -> list[float]:
        first, last = math.ceil(math.log10(self.low) - 1e-9), math.floor(math.log10(self.high) + 1e-9)
        every = max(1, math.ceil((last - first + 1) / most))
        decades = [10.0**k for k in range(first, last + 1, every)]
        if len(decades) >= 3:
            return decades
        finer = [digit * 10.0**k for k in range(first - 1, last + 1) for digit in (1, 2, 5)]
        inside = [value for value in finer if self.low <= value <= self.high][: most + 1]
        return inside if len(inside) >= 2 else self._round(most)


def axis_of(values: Iterable[float], unit: Unit, *, log: bool = False, zero: bool = True) -> Axis:
    """An axis that holds all finite values; from zero unless told otherwise, for a bar or an area without it misleads."""
    known = [value for value in values if math.isfinite(value) and (value > 0 or not log)]
    if not known:
        return Axis(0.001, 1.0, unit, log=True) if log else Axis(0.0, 1.0, unit)
    low, high = min(known), max(known)
    if log:
        return Axis(low / 1.2, high * 1.2, unit, log=True) if high > low else Axis(low / 2, low * 2, unit, log=True)
    if zero:
        low, high = min(low, 0.0), max(high, 0.0)
    if high <= low:
        high = low + (abs(low) or 1.0)
    step = _step((high - low) / 5, unit)
    return Axis(math.floor(low / step + 1e-9) * step if low < 0 or not zero else 0.0, math.ceil(high / step - 1e-9) * step, unit)


def _step(rough: float, unit: Unit) -> float:
    """The next round step that is at least this wide: minutes and hours for seconds, 1, 2, 2.5 and 5 for the others."""
    if unit == "count":
        rough = max(rough, 1.0)
    if unit == "s" and rough > 1.0:
        return next((step for step in _TIME_STEPS_S if step >= rough * (1 - 1e-9)), rough)
    size = 10.0 ** math.floor(math.log10(rough))
    steps = (step * size for step in _STEPS if unit != "count" or (step * size).is_integer())
    return next(step for step in steps if step >= rough * (1 - 1e-9))
