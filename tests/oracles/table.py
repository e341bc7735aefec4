"""The requests of a run as plain rows, for the oracles; the same rows as a Trace for the engine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sim.trace import Trace


@dataclass(frozen=True)
class Row:
    """One request as asked for; -1 where the trace does not say."""

    arrival_s: float
    prompt_tokens: int
    output_tokens: int
    class_id: int = 0
    client_id: int = -1
    session_id: int = -1
    cached_tokens: int = -1
    max_tokens: int = -1
    block_ids: tuple[int, ...] = ()


@dataclass(frozen=True)
class Table:
    """Rows in order of arrival, classes numbered as they first appear; how long each prefix block is; the duration of the trace."""

    rows: tuple[Row, ...]
    prefix_block_tokens: int = 512
    window_s: float = -1.0

    @property
    def duration_s(self) -> float:
        return self.window_s if self.window_s >= 0 else self.rows[-1].arrival_s


def trace_of(table: Table, chunk_rows: int = 65536) -> Trace:
    """The table as a trace that is always read `chunk_rows` at a time."""
    rows = table.rows

    columns: dict[str, Any] = {}
    for name in ("session_id", "cached_tokens", "max_tokens"):
        values = [getattr(row, name) for row in rows]
        if max(values) >= 0:
            columns[name] = [None if value < 0 else value for value in values]
    if any(row.block_ids for row in rows):
        columns["prefix_block_ids"] = [row.block_ids for row in rows]
    trace = Trace.from_arrays(
        arrival_s=[row.arrival_s for row in rows],
        prompt_tokens=[row.prompt_tokens for row in rows],
        output_tokens=[row.output_tokens for row in rows],
        class_=[str(row.class_id) for row in rows],
        metadata={"sim.prefix_block_tokens": str(table.prefix_block_tokens), "sim.duration_s": repr(table.duration_s)},
        **columns,
    )
    as_read = trace.chunks
    trace.chunks = lambda rows=65536: as_read(min(rows, chunk_rows))
    return trace
