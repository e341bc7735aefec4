"""A trace: an ordered table of requests, read batch by batch as often as needed, never held whole.

Every request has `arrival_s`, `prompt_tokens` and `output_tokens`; a class, client, session, known cached prefix, prefix blocks and
max_tokens are optional. The file's own metadata may state its duration, the size of a prefix block and notes (docs/workloads.md).
"""

from __future__ import annotations

import hashlib
import json
import logging
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.errors import InputError, visible
from sim.trace.check import prefix_block_tokens, survey
from sim.trace.closed_loop import ClosedLoop, closed_loop_of
from sim.trace.columns import MOST_SECONDS, OPTIONAL, REQUIRED, Layout, TraceChunk, chunk_of
from sim.trace.source import Source, TableSource, open_file
from sim.units import show_seconds

if TYPE_CHECKING:
    import pyarrow as pa

_LOG = logging.getLogger(__name__)
_SHOWN = 8
"""Classes that are named where a trace is shown in a line."""


@dataclass(frozen=True)
class TraceInfo:
    """What is known of a trace without replaying it; `notes` say what was mended, assumed or doubted on reading."""

    path: Path
    rows: int
    duration_s: float
    columns: tuple[str, ...]
    classes: tuple[str, ...]
    clients: tuple[str, ...]
    sessions: int
    sha256: str
    notes: tuple[str, ...]


class Trace:
    """Requests in order of arrival; `chunks` may be called any number of times and reads anew each time."""

    closed_loop: ClosedLoop | None = None
    """The clients that send the requests, whose arrival times then mean nothing; None for requests that arrive when they say."""

    def __init__(
        self, info: TraceInfo, source: Source, layout: Layout, block_tokens: int, metadata: Mapping[str, str],
        closed_loop: ClosedLoop | None = None,
    ) -> None:  # fmt: skip
        self.info = info
        self.classes = info.classes
        self.clients = info.clients
        self.prefix_block_tokens = block_tokens
        self.metadata = dict(metadata)
        self.closed_loop = closed_loop
        self._source = source
        self._layout = layout

    def chunks(self, rows: int = 65536) -> Iterator[TraceChunk]:
        """The requests as arrays, about `rows` at a time; arrivals do not decrease within or between chunks."""
        first = 0
        for batch in self._source.batches(rows):
            if batch.num_rows:
                yield chunk_of(batch, first, self._layout)
                first += batch.num_rows

    def __repr__(self) -> str:
        said = f"{visible(self.info.path.stem)}: {self.info.rows:,} requests over {show_seconds(self.info.duration_s)}"
        classes = f"; classes {visible(', '.join(self.classes[:_SHOWN]))}" if len(self.classes) > 1 else ""
        clients = f"; {len(self.clients):,} clients" if len(self.clients) > 1 else ""
        return f"<Trace {said}{classes}{clients}>"

    @staticmethod
    def from_arrays(
        *,
        arrival_s: Any,
        prompt_tokens: Any,
        output_tokens: Any,
        class_: Sequence[str | None] | None = None,
        client_id: Any = None,
        session_id: Any = None,
        cached_tokens: Any = None,
        max_tokens: Any = None,
        prefix_block_ids: Sequence[Sequence[int]] | None = None,
        metadata: Mapping[str, str] | None = None,
        name: str = "arrays",
    ) -> Trace:
        """A trace in memory, one entry a request; checked like a file. None in an optional column means unknown."""
        given = {
            "arrival_s": arrival_s, "prompt_tokens": prompt_tokens, "output_tokens": output_tokens, "class": class_,
            "session_id": session_id, "client_id": client_id, "cached_tokens": cached_tokens,
            "prefix_block_ids": prefix_block_ids, "max_tokens": max_tokens,
        }  # fmt: skip
        return from_table(arrow_table({key: value for key, value in given.items() if value is not None}, metadata), name)


def arrow_table(columns: Mapping[str, Any], metadata: Mapping[str, str] | None = None) -> pa.Table:
    """Columns of equal length as an Arrow table in the order the format has; InputError when lengths differ."""
    import pyarrow as pa

    arrays = {}
    for name in (*REQUIRED, *OPTIONAL):
        if name in columns:
            values = columns[name]
            if name == "prefix_block_ids" and not isinstance(values, pa.Array | pa.ChunkedArray):
                values = pa.array([list(map(int, ids)) for ids in values], pa.list_(pa.int64()))
            arrays[name] = values
    lengths = {name: len(values) for name, values in arrays.items()}
    if len(set(lengths.values())) > 1:
        raise InputError("columns of different length: " + ", ".join(f"{name} {n}" for name, n in lengths.items()))
    return pa.table(arrays).replace_schema_metadata(dict(metadata or {}))


def from_table(table: pa.Table, name: str) -> Trace:
    """An Arrow table as a trace; InputError with every problem."""
    kept = table.select([column for column in (*REQUIRED, *OPTIONAL) if column in table.column_names])
    source = TableSource(kept, name)
    digest = hashlib.sha256()
    for batch in kept.combine_chunks().to_batches():
        digest.update(batch.serialize())
    return _surveyed(source, Path(name), digest.hexdigest())


def read_trace(path: str | Path, name: str | None = None) -> Trace:
    """A native Parquet trace, checked in one streaming pass; InputError with every problem, notes in `info.notes`.

    `name` is shown in messages instead of the path.
    """
    path = Path(path)
    source = open_file(path, name or str(path))
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    found = _surveyed(source, path, digest)
    _LOG.info("read %s: %s requests", path, f"{found.info.rows:,}")
    return found


def _surveyed(source: Source, path: Path, sha256: str) -> Trace:
    metadata = {
        key.decode(errors="replace"): value.decode(errors="replace")
        for key, value in (source.schema.metadata or {}).items()
        if not key.startswith((b"ARROW:", b"pandas"))
    }
    loop = closed_loop_of(metadata, source.name)
    try:
        found = survey(source, timed=loop is None)
    except UnicodeDecodeError:
        raise InputError(f"{source.name}: class or client_id: text that is not UTF-8") from None
    duration_s = _duration(metadata, found.last_s, source.name)
    notes = (*_own_notes(metadata), *found.notes)
    columns = tuple(name for name in (*REQUIRED, *OPTIONAL) if name in source.schema.names)
    info = TraceInfo(
        path, found.rows, duration_s, columns, found.classes, found.clients, found.sessions, sha256, notes
    )  # fmt: skip
    return Trace(info, found.source, found.layout, prefix_block_tokens(source), metadata, loop)


def _duration(metadata: Mapping[str, str], last_s: float, name: str) -> float:
    """What the file states as `sim.duration_s`, else the last arrival."""
    if "sim.duration_s" not in metadata:
        return last_s
    try:
        stated = float(metadata["sim.duration_s"])
    except ValueError:
        stated = math.nan
    if not last_s <= stated <= MOST_SECONDS:
        raise InputError(
            f"{name}: sim.duration_s: found {metadata['sim.duration_s']!r}; seconds not below the last arrival ({last_s:g}) are needed"
        )
    return stated


def _own_notes(metadata: Mapping[str, str]) -> tuple[str, ...]:
    try:
        notes = json.loads(metadata.get("sim.notes", "[]"))
    except ValueError:
        return ()
    return tuple(str(note)[:500] for note in notes[:50]) if isinstance(notes, list) else ()


def table_of(trace: Trace) -> pa.Table:
    """All requests of a trace as one Arrow table of its columns, classes and clients by name; for traces that fit memory."""
    import pyarrow as pa

    tables = [pa.table(columns_of(trace, chunk)) for chunk in trace.chunks(1 << 20)]
    return pa.concat_tables(tables).replace_schema_metadata(trace.metadata)


def columns_of(trace: Trace, chunk: TraceChunk) -> dict[str, Any]:
    """A chunk as the columns of the file format, in its order and with its types."""
    import pyarrow as pa

    def known(values: Any, kind: pa.DataType) -> pa.Array:
        return pa.array(values, kind, mask=values < 0)

    def named(ids: Any, names: tuple[str, ...]) -> pa.Array:
        return pa.DictionaryArray.from_arrays(known(ids, pa.int32()), pa.array(names, pa.string())).cast(pa.string())

    columns = trace.info.columns
    given: dict[str, Any] = {
        "arrival_s": pa.array(chunk.arrival_s),
        "prompt_tokens": pa.array(chunk.prompt_tokens, pa.int32()),
        "output_tokens": pa.array(chunk.output_tokens, pa.int32()),
    }
    if "class" in columns:
        given["class"] = named(chunk.class_id, trace.classes)
    if "session_id" in columns:
        given["session_id"] = known(chunk.session_id, pa.int64())
    if "client_id" in columns:
        given["client_id"] = named(chunk.client_id, trace.clients)
    if "cached_tokens" in columns:
        given["cached_tokens"] = known(chunk.cached_tokens, pa.int32())
    if "prefix_block_ids" in columns:
        given["prefix_block_ids"] = pa.LargeListArray.from_arrays(np.asarray(chunk.block_offsets), pa.array(chunk.block_ids)).cast(
            pa.list_(pa.int64())
        )
    if "max_tokens" in columns:
        given["max_tokens"] = known(chunk.max_tokens, pa.int32())
    return given
