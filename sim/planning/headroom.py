"""How much growth until a plan breaks: the demand at which the first level fails, by replays of the grown trace."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sim.planning.levels import ServiceLevel
from sim.planning.points import Level, Row

_MOST = 16.0
_STEP = 1.5
_RESOLUTION = 1.02


@dataclass(frozen=True, slots=True)
class Headroom:
    """Levels hold at `holds` times the demand of the trace and fail at `fails` times; None: not by the most that was tried."""

    holds: float
    fails: float | None
    level: str | None
    """The level that fails first, by the largest excess."""


def headroom(replayed: Callable[[float], Row], levels: Sequence[ServiceLevel], *, begin: float, most: float = _MOST) -> Headroom | None:
    """The demand at which a stack breaks, to 2 %, beginning at one that should hold; None where no demand down to 1/16 does.

    `replayed` gives the row of the stack at a factor of demand. Should the levels hold again above, that is not seen.
    """
    high_row: Row | None = None
    low = begin
    while not _met(row := replayed(low)):
        high_row, low = row, low / _STEP
        if low < 1 / _MOST:
            return None
    high = low * _STEP if high_row is not None else low
    while high_row is None:
        if high >= most:
            return Headroom(low, None, None)
        high = min(high * _STEP, most)
        row = replayed(high)
        if _met(row):
            low = high
        else:
            high_row = row
    while high / low > _RESOLUTION:
        middle = math.sqrt(low * high)
        row = replayed(middle)
        if _met(row):
            low = middle
        else:
            high, high_row = middle, row
    return Headroom(low, high, worst_level(high_row.slo, levels))


def worst_level(slo: Sequence[Level], levels: Sequence[ServiceLevel]) -> str | None:
    """The level that fails most, in relation to its limit; None where none fails or nothing is known."""
    failing = [
        (level.excess(measured), str(level)) for level, (_, _, measured, met) in zip(levels, slo, strict=False) if not met
    ]  # fmt: skip
    return max(failing)[1] if failing else None


def _met(row: Row) -> bool:
    return row.refused is None and all(met for *_, met in row.slo)
