"""Stretches of a trace in memory, as the engine reads them: cut out anywhere on a clock that starts again after the last day."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from sim.measure.mix import join
from sim.trace.columns import TraceChunk
from sim.trace.trace import Trace, TraceInfo

_LAPS = 1024
_LAP_ROWS = 1 << 40
"""Rows of a lap are numbered apart, so that a request that comes again has luck of its own."""
_LAP_SESSIONS = 1 << 50


@dataclass(frozen=True)
class Held:
    """The requests of a trace (or of a part) in memory. `first_row` is added to the number of each, from which its luck is drawn."""

    info: TraceInfo
    classes: tuple[str, ...]
    clients: tuple[str, ...]
    prefix_block_tokens: int
    rows: TraceChunk
    first_row: int = 0

    @staticmethod
    def of(trace: Trace, first_row: int = 0) -> Held:
        """All requests of a trace, read once."""
        chunks = list(trace.chunks(1 << 20))
        rows = chunks[0] if len(chunks) == 1 else join(chunks)
        return Held(trace.info, trace.classes, trace.clients, trace.prefix_block_tokens, rows, first_row)

    @cached_property
    def bytes(self) -> int:
        """Memory of the arrays."""
        return sum(value.nbytes for value in vars(self.rows).values() if isinstance(value, np.ndarray))


@dataclass(frozen=True)
class Piece:
    """What simulate() takes: requests of one stretch, their clock started at its beginning."""

    info: TraceInfo
    classes: tuple[str, ...]
    clients: tuple[str, ...]
    prefix_block_tokens: int
    parts: tuple[TraceChunk, ...]

    def chunks(self, rows: int = 65536) -> Iterator[TraceChunk]:
        """The requests in order of arrival, at most `rows` at a time."""
        for part in self.parts:
            for start in range(0, len(part), rows):
                yield sliced(part, start, min(start + rows, len(part)), part.first_row + start)

    def until(self, to_s: float) -> Piece:
        """The requests that arrive before `to_s`, in a run that lasts no longer."""
        kept = []
        for part in self.parts:
            count = int(np.searchsorted(part.arrival_s, to_s))
            if count:
                kept.append(sliced(part, 0, count, part.first_row))
        return replace(self, info=replace(self.info, duration_s=to_s, rows=sum(map(len, kept))), parts=tuple(kept))

    def demand(self, from_s: float) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        """[3] requests, prompt tokens and output tokens that arrive from `from_s` on."""
        total = np.zeros(3)
        for part in self.parts:
            start = int(np.searchsorted(part.arrival_s, from_s))
            total += len(part) - start, part.prompt_tokens[start:].sum(), part.output_tokens[start:].sum()
        return total

    def with_prompts(self, factor: float, context_tokens: int) -> Piece:
        """Prompts times a factor, rounded, at least one token; none grows beyond what the context leaves beside its output."""
        return replace(self, parts=tuple(_with_prompts(part, factor, context_tokens) for part in self.parts))


def sliced(chunk: TraceChunk, start: int, stop: int, first_row: int) -> TraceChunk:
    """Requests start..stop of a chunk, without copies but of the block offsets."""
    offsets = chunk.block_offsets[start : stop + 1]
    return TraceChunk(
        first_row,
        chunk.arrival_s[start:stop],
        chunk.prompt_tokens[start:stop],
        chunk.output_tokens[start:stop],
        chunk.class_id[start:stop],
        chunk.client_id[start:stop],
        chunk.session_id[start:stop],
        chunk.cached_tokens[start:stop],
        chunk.max_tokens[start:stop],
        offsets - offsets[0],
        chunk.block_ids[offsets[0] : offsets[-1]],
    )


def cut(held: Held, from_s: float, to_s: float, period_s: float) -> Piece:
    """The requests with from_s <= arrival < to_s; before 0 and beyond the end the clock goes round with `period_s`.

    What comes round again is in sessions of its own. A stretch to the end of what is held has its last arrival too.
    """
    own_s = max(held.info.duration_s, period_s)
    parts = []
    if to_s <= own_s:
        if from_s < 0:
            parts = [_lap(held, from_s, 0.0, period_s, lap) for lap in range(math.floor(from_s / period_s), 0)]
        parts.append(_stretch(held, max(from_s, 0.0), to_s, from_s, 0, ends=to_s >= own_s))
    else:
        laps = range(math.floor(from_s / period_s), math.ceil(to_s / period_s))
        parts = [_lap(held, from_s, to_s, period_s, lap) for lap in laps]
    kept = tuple(part for part in parts if len(part))
    info = replace(held.info, duration_s=to_s - from_s, rows=sum(map(len, kept)))
    return Piece(info, held.classes, held.clients, held.prefix_block_tokens, kept)


def _lap(held: Held, from_s: float, to_s: float, period_s: float, lap: int) -> TraceChunk:
    begin_s = lap * period_s
    first, last = max(from_s - begin_s, 0.0), min(to_s - begin_s, period_s)
    return _stretch(held, first, last, from_s - begin_s, lap, ends=last >= max(held.info.duration_s, period_s))


def _stretch(held: Held, first_s: float, last_s: float, zero_s: float, lap: int, *, ends: bool) -> TraceChunk:
    start, stop = (int(place) for place in np.searchsorted(held.rows.arrival_s, (first_s, last_s)))
    code = lap % _LAPS
    part = sliced(held.rows, start, len(held.rows) if ends else stop, held.first_row + code * _LAP_ROWS + start)
    if zero_s != 0.0:
        part = replace(part, arrival_s=part.arrival_s - zero_s)
    if code:
        own = part.session_id
        part = replace(part, session_id=np.where(own >= 0, own ^ np.int64(code * _LAP_SESSIONS), own))
    return part


def _with_prompts(part: TraceChunk, factor: float, context_tokens: int) -> TraceChunk:
    old = part.prompt_tokens
    room = np.maximum(old, context_tokens - part.output_tokens)
    new = np.clip(np.rint(old * factor).astype(np.int64), 1, room)
    cached = np.where(part.cached_tokens >= 0, np.minimum(np.rint(part.cached_tokens * factor).astype(np.int64), new), -1)
    return replace(part, prompt_tokens=new, cached_tokens=cached)
