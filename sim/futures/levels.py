"""Demand levels and the traffic at each: a trace grown or thinned by the same luck every time, few of them kept in memory.

Levels are powers of 1.05. Growth multiplies every client in its own pattern (sim/trace/growth.py, law `clients`).
"""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from sim.errors import InputError
from sim.futures.pieces import Held, Piece, cut, sliced
from sim.futures.stretches import collect
from sim.futures.window_plan import Window, WindowPlan
from sim.trace.growth import grow
from sim.trace.trace import Trace, columns_of, from_table
from sim.units import SECONDS_PER_DAY, SECONDS_PER_HOUR

if TYPE_CHECKING:
    import pyarrow as pa

FloatArray = npt.NDArray[np.float64]

GRID = 1.05
COARSE = 4
"""Steps of the grid between the levels that are always replayed: a ratio of 1.22."""
_KEPT_BYTES = 256 << 20
_STRETCH_ROWS = 1 << 32
"""Stretches of a long trace are numbered apart, by the second at which they begin."""
_HELD_ROWS = 8_000_000


def level_of(step: int) -> float:
    """The level of a step of the grid; step 0 is the trace's own demand."""
    return float(GRID**step)


def steps_over(low: float, high: float, width: int = COARSE) -> list[int]:
    """The multiples of `width` steps that enclose the levels from low to high."""
    first = math.floor(math.log(low, GRID) / width + 1e-9) * width
    last = math.ceil(math.log(high, GRID) / width - 1e-9) * width
    return list(range(first, max(last, first) + width, width)) if last > first else [first]


class Traffic:
    """The requests of a plan's windows, or of any stretch of the trace, at a level of demand; safe to ask from several threads."""

    def __init__(self, trace: Trace, plan: WindowPlan, seed: int) -> None:
        self._plan = plan
        self._seed = seed
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[float, float, float], Held] = OrderedDict()
        self._kept_bytes = 0
        self._parts: dict[tuple[float, float], Trace] = {}
        self._trace = day_of(trace, plan.shape, seed) if plan.contiguous and plan.shape else trace
        self._held = Held.of(self._trace) if self._trace.info.rows <= _HELD_ROWS else None

    def piece(self, from_s: float, to_s: float, level: float) -> Piece:
        """The requests with from_s <= arrival < to_s at `level` times their demand, the clock started at from_s."""
        if self._plan.contiguous:
            return cut(self._grown(level), from_s, to_s, self._plan.period_s)
        key = (from_s, to_s, level)
        held = self._known(key)
        if held is None:
            part = self._part(from_s, to_s)
            number = int(from_s % self._plan.period_s)
            held = self._keep(key, _at_level(part, level, self._seed, number * _STRETCH_ROWS))
        return cut(held, 0.0, to_s - from_s, to_s - from_s)

    def window(self, window: Window, level: float) -> Piece:
        """A window of the plan with its warm-up."""
        return self.piece(window.start_s - window.warm_up_s, window.start_s + window.length_s, level * window.level)

    def _grown(self, level: float) -> Held:
        assert self._held is not None
        if level == 1.0:
            return self._held
        key = (0.0, 0.0, level)
        return self._known(key) or self._keep(key, _at_level(self._trace, level, self._seed, 0))

    def _known(self, key: tuple[float, float, float]) -> Held | None:
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
            return None

    def _keep(self, key: tuple[float, float, float], held: Held) -> Held:
        with self._lock:
            if key not in self._kept:
                self._kept[key] = held
                self._kept_bytes += held.bytes
            while len(self._kept) > 1 and self._kept_bytes > _KEPT_BYTES:
                self._kept_bytes -= self._kept.popitem(last=False)[1].bytes
        return held

    def _part(self, from_s: float, to_s: float) -> Trace:
        """A stretch of a long trace as a trace of its own; those of the plan are kept, since every level asks for them again."""
        key = (from_s, to_s)
        with self._lock:
            if not self._parts:
                windows = [(each.start_s - each.warm_up_s, each.start_s + each.length_s) for each in self._plan.windows]
                self._parts = dict(zip(windows, self._stretches(windows), strict=True))
            if key in self._parts:
                return self._parts[key]
        return self._stretches([key])[0]

    def _stretches(self, asked: list[tuple[float, float]]) -> list[Trace]:
        period_s, held = self._plan.period_s, self._held
        pieces = [cut(held, *each, period_s) for each in asked] if held is not None else collect(self._trace, asked, period_s)
        return [_trace_of(self._trace, piece) for piece in pieces]


def day_of(trace: Trace, shape: tuple[float, ...] | None, seed: int) -> Trace:
    """A day made of a shorter trace: it goes round and round, each hour grown to its level of the shape."""
    import pyarrow as pa

    held = Held.of(trace)
    tables = []
    for hour in range(24):
        begin = hour * SECONDS_PER_HOUR
        piece = cut(held, begin, begin + SECONDS_PER_HOUR, trace.info.duration_s)
        if not piece.info.rows:
            continue
        level = 1.0 if shape is None else shape[hour]
        part = _trace_of(trace, piece)
        grown = _grown(part, level, seed + hour + 1)
        if grown is None:
            continue
        for chunk in grown.chunks(1 << 20):
            moved = replace(chunk, arrival_s=np.round(chunk.arrival_s + begin, 6))
            tables.append(pa.table(columns_of(grown, moved)))
    return from_table(_day(trace, pa.concat_tables(tables)), str(trace.info.path))


def _day(trace: Trace, table: pa.Table) -> pa.Table:
    return table.replace_schema_metadata({**trace.metadata, "sim.duration_s": repr(float(SECONDS_PER_DAY))})


def _trace_of(trace: Trace, piece: Piece) -> Trace:
    import pyarrow as pa

    tables = [pa.table(columns_of(trace, part)) for part in piece.parts]
    table = pa.concat_tables(tables) if tables else pa.table(columns_of(trace, next(iter(trace.chunks(1)))))[:0]
    duration_s = max(piece.info.duration_s, float(piece.parts[-1].arrival_s[-1]) if piece.parts else 0.0)
    return from_table(table.replace_schema_metadata({**trace.metadata, "sim.duration_s": repr(duration_s)}), str(trace.info.path))


def _grown(trace: Trace, level: float, seed: int) -> Trace | None:
    """The trace at a level; None where no request is left."""
    if level == 1.0:
        return trace
    try:
        return grow(trace, level, seed=seed)
    except InputError:
        if level < 1.0:
            return None
        raise


def _at_level(trace: Trace, level: float, seed: int, first_row: int) -> Held:
    grown = _grown(trace, level, seed)
    if grown is not None:
        return Held.of(grown, first_row)
    whole = Held.of(trace)
    return replace(whole, rows=sliced(whole.rows, 0, 0, 0), info=replace(whole.info, rows=0))
