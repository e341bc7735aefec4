"""Writing a trace in the native format: Parquet, compressed, in row groups that are read one at a time.

What is written depends on the rows and metadata alone, so the same recipe gives the same table.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING, Any

from sim.errors import InputError
from sim.trace.trace import Trace, arrow_table, columns_of

if TYPE_CHECKING:
    import pyarrow as pa

ROW_GROUP_ROWS = 131_072
_OF_OTHERS = (".csv", ".tsv", ".json", ".jsonl", ".txt", ".yaml", ".yml", ".xlsx", ".gz", ".zip")
"""Endings of what a trace is not."""


def metadata_of(
    *,
    duration_s: float | None = None,
    prefix_block_tokens: int | None = None,
    notes: Sequence[str] = (),
    facts: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """The metadata of a trace file: its duration, the tokens of a prefix block, notes, and any facts (source, licence)."""
    stated = dict(facts or {})
    if duration_s is not None:
        stated["sim.duration_s"] = repr(float(duration_s))
    if prefix_block_tokens is not None:
        stated["sim.prefix_block_tokens"] = str(prefix_block_tokens)
    if notes:
        stated["sim.notes"] = json.dumps(list(notes))
    return stated


def write_trace(
    path: str | Path,
    requests: Trace | pa.Table | Mapping[str, Any] | Iterable[pa.Table],
    metadata: Mapping[str, str] | None = None,
    *,
    force: bool = False,
) -> Path:
    """Write a trace, a table, columns by name or a stream of tables (in order of arrival) to a Parquet file.

    A trace keeps its own metadata unless other is given. Raises InputError when the file exists (without `force`) or cannot be
    written; the file appears whole or not at all.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = Path(path)
    if path.suffix.lower() in _OF_OTHERS:
        raise InputError(f"{path}: a trace is written as Parquet; allowed: {path.stem}.parquet")
    if not path.absolute().parent.is_dir():
        raise InputError(f"{path}: cannot be written: there is no folder {path.parent}; make it first")
    if path.exists() and not force:
        raise InputError(f"{path}: exists already; give another name or --force")
    if isinstance(requests, Trace):
        trace = requests
        tables: Iterable[pa.Table] = (pa.table(columns_of(trace, chunk)) for chunk in trace.chunks(ROW_GROUP_ROWS))
        metadata = trace.metadata if metadata is None else metadata
    elif isinstance(requests, pa.Table):
        tables = (requests,)
        metadata = _texts(requests.schema.metadata) if metadata is None else metadata
    elif isinstance(requests, Mapping):
        tables = (arrow_table(requests),)
    else:
        tables = requests
    # Of this run alone: another one may write the same trace.
    partial = path.with_name(f".{token_hex(8)}.partial")
    try:
        writer = None
        try:
            for table in tables:
                if writer is None:
                    schema = table.schema.remove_metadata()
                    # Without the Arrow schema the file depends on its rows alone, not on the library's version.
                    writer = pq.ParquetWriter(partial, schema, compression="zstd", compression_level=12, store_schema=False)
                writer.write_table(table.replace_schema_metadata(None), row_group_size=ROW_GROUP_ROWS)
        finally:
            if writer is not None:
                writer.add_key_value_metadata(dict(metadata or {}))
                writer.close()
        if writer is None:
            raise InputError(f"{path}: no requests to write")
        partial.replace(path)
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror or error}") from None
    finally:
        partial.unlink(missing_ok=True)
    return path


def _texts(metadata: Mapping[bytes, bytes] | None) -> dict[str, str]:
    return {key.decode(errors="replace"): value.decode(errors="replace") for key, value in (metadata or {}).items()}
