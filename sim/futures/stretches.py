"""Stretches of a trace that is too long for memory, read in one pass for all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from sim.futures.pieces import Piece, sliced
from sim.trace.columns import TraceChunk
from sim.trace.trace import Trace


def collect(trace: Trace, stretches: Sequence[tuple[float, float]], period_s: float) -> list[Piece]:
    """The requests of each stretch (from, to in seconds, at most a period long), its clock started at its beginning.

    Beyond the period and before 0 the trace's clock goes round.
    """
    laps = [
        (number, lap, max(from_s - lap * period_s, 0.0), min(to_s - lap * period_s, period_s), from_s - lap * period_s)
        for number, (from_s, to_s) in enumerate(stretches)
        for lap in range(int(from_s // period_s), int(to_s // period_s) + 1)
    ]
    wanted = [each for each in laps if each[3] > each[2]]
    last_s = max((each[3] for each in wanted), default=0.0)
    found: list[list[tuple[int, TraceChunk]]] = [[] for _ in stretches]
    for chunk in trace.chunks():
        begin, end = float(chunk.arrival_s[0]), float(chunk.arrival_s[-1])
        if begin >= last_s:
            break
        for number, lap, first_s, until_s, zero_s in wanted:
            if begin < until_s and end >= first_s:
                start, stop = (int(place) for place in np.searchsorted(chunk.arrival_s, (first_s, until_s)))
                if stop > start:
                    part = sliced(chunk, start, stop, 0)
                    found[number].append((lap, replace(part, arrival_s=part.arrival_s - zero_s)))
    made = []
    for (from_s, to_s), parts in zip(stretches, found, strict=True):
        in_order = tuple(part for _, part in sorted(parts, key=lambda each: each[0]))
        info = replace(trace.info, duration_s=to_s - from_s, rows=sum(map(len, in_order)))
        made.append(Piece(info, trace.classes, trace.clients, trace.prefix_block_tokens, in_order))
    return made
