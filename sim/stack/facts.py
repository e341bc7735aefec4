"""What resolution needs to know of a trace: how much it asks for, by class, and which optional columns it has."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sim.trace.trace import Trace


@dataclass(frozen=True, slots=True)
class ClassFacts:
    """Requests and tokens of one class; `cached_tokens` are those the trace says were cached."""

    name: str
    requests: int
    prompt_tokens: int
    cached_tokens: int
    output_tokens: int


@dataclass(frozen=True, slots=True)
class TraceFacts:
    """What is asked for, and which ways of prefix caching the trace has data for."""

    rows: int
    duration_s: float
    classes: tuple[ClassFacts, ...]
    has_prefix: bool
    """prefix_block_ids or sessions."""
    has_cached_tokens: bool
    longest_prompt_tokens: int


def facts_of(trace: Trace) -> TraceFacts:
    """The facts of a trace, in one streaming pass."""
    count = len(trace.classes)
    sums = np.zeros((4, count), np.int64)
    longest = 0
    for chunk in trace.chunks():
        columns = (np.ones(len(chunk), np.int64), chunk.prompt_tokens, np.maximum(chunk.cached_tokens, 0), chunk.output_tokens)
        for row, values in enumerate(columns):
            # Exact: float64 weights hold whole numbers up to 2**53, and a chunk's sum stays below.
            sums[row] += np.bincount(chunk.class_id, weights=values, minlength=count).astype(np.int64)
        longest = max(longest, int(chunk.prompt_tokens.max()))
    return TraceFacts(
        rows=trace.info.rows,
        duration_s=trace.info.duration_s,
        classes=tuple(ClassFacts(name, *map(int, sums[:, k])) for k, name in enumerate(trace.classes)),
        has_prefix="prefix_block_ids" in trace.info.columns or trace.info.sessions > 0,
        has_cached_tokens="cached_tokens" in trace.info.columns,
        longest_prompt_tokens=longest,
    )
