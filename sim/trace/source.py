"""Where the rows of a trace come from: a Parquet file or a table in memory, read batch by batch, in order of arrival.

A file whose arrivals are not in order is read range by range of time, each range sorted in memory: as many passes over those row
groups that touch it, never more than about `RANGE_ROWS` rows at once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from sim.errors import InputError, visible
from sim.trace.columns import OPTIONAL, REQUIRED, Floats

if TYPE_CHECKING:
    import pyarrow as pa

RANGE_ROWS = 4_000_000
_LOOK_BYTES = 1 << 16


class Source(Protocol):
    """Rows of known columns, readable many times."""

    @property
    def name(self) -> str: ...

    @property
    def schema(self) -> pa.Schema: ...

    def batches(self, rows: int) -> Iterator[pa.RecordBatch]: ...


@dataclass(frozen=True)
class FileSource:
    """A Parquet file; texts of classes and clients come as dictionaries."""

    path: Path
    name: str
    schema: pa.Schema
    columns: tuple[str, ...]

    def batches(self, rows: int) -> Iterator[pa.RecordBatch]:
        return self._read(rows, None)

    def between(self, rows: int, first: float, last: float) -> Iterator[pa.RecordBatch]:
        """The batches of those row groups that may hold arrivals in first <= t < last."""
        return self._read(rows, (first, last))

    def _read(self, rows: int, within: tuple[float, float] | None) -> Iterator[pa.RecordBatch]:
        import pyarrow as pa

        try:
            with _opened(self.path, self.schema) as file:
                groups = None if within is None else _touched(file.metadata, *within)
                yield from file.iter_batches(rows, columns=list(self.columns), row_groups=groups)
        except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
            raise damaged(self.name, error) from None


@dataclass(frozen=True)
class TableSource:
    """A table in memory."""

    table: pa.Table
    name: str

    @property
    def schema(self) -> pa.Schema:
        return self.table.schema

    def batches(self, rows: int) -> Iterator[pa.RecordBatch]:
        yield from self.table.to_batches(max_chunksize=rows)


@dataclass(frozen=True)
class SortedSource:
    """Another source in order of arrival (equal arrivals in the order of the file), a range of time after another."""

    source: Source
    edges: tuple[float, ...]
    """The inner edges between ranges, ascending."""

    @property
    def name(self) -> str:
        return self.source.name

    @property
    def schema(self) -> pa.Schema:
        return self.source.schema

    def batches(self, rows: int) -> Iterator[pa.RecordBatch]:
        import pyarrow as pa
        import pyarrow.compute as pc

        bounds = [-np.inf, *self.edges, np.inf]
        for first, last in pairwise(bounds):
            kept: list[pa.RecordBatch] = []
            for batch in self._between(rows, first, last):
                times = batch.column("arrival_s")
                if len(bounds) > 2:
                    inside = pc.and_(pc.greater_equal(times, first), pc.less(times, last))
                    batch = batch.filter(inside)
                kept.append(batch)
            table = pa.Table.from_batches(kept, kept[0].schema if kept else self.schema)
            order = np.argsort(table.column("arrival_s").to_numpy(), kind="stable")
            yield from table.unify_dictionaries().take(order).combine_chunks().to_batches(max_chunksize=rows)

    def _between(self, rows: int, first: float, last: float) -> Iterator[pa.RecordBatch]:
        if isinstance(self.source, FileSource):
            return self.source.between(rows, first, last)
        return self.source.batches(rows)


def in_order(source: Source, sample: Floats, rows: int) -> SortedSource:
    """A source read in order of arrival; `sample` are some of its arrivals, from which the ranges are cut."""
    ranges = -(-rows // RANGE_ROWS)
    edges = np.unique(np.quantile(sample, np.arange(1, ranges) / ranges)) if ranges > 1 else ()
    return SortedSource(source, tuple(float(edge) for edge in edges))


def open_file(path: Path, name: str) -> FileSource:
    """A Parquet file as a source; InputError when it is missing, empty, truncated or not Parquet, or lacks columns."""
    import pyarrow as pa

    if not path.exists():
        raise InputError(f"{name}: no such file")
    if path.is_dir():
        raise InputError(f"{name}: a folder; a Parquet file is needed")
    try:
        with path.open("rb") as file:
            head = file.read(4)
            size = file.seek(0, 2)
            file.seek(max(size - 4, 0))
            tail = file.read(4)
    except OSError as error:
        raise InputError(f"{name}: cannot be read: {error.strerror}") from None
    if size == 0:
        raise InputError(f"{name}: an empty file; a Parquet file with the columns {', '.join(REQUIRED)} is needed")
    if head != b"PAR1":
        raise InputError(f"{name}: not a Parquet file; {_instead(path)}")
    if tail != b"PAR1":
        raise InputError(f"{name}: a truncated Parquet file (its end is missing); copy or write it again")
    try:
        with _opened(path, None) as parquet:
            schema = parquet.schema_arrow
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise damaged(name, error) from None
    return FileSource(path, name, schema, tuple(c for c in (*REQUIRED, *OPTIONAL) if c in schema.names))


def _instead(path: Path) -> str:
    """What to do with a file that is no Parquet."""
    shown = visible(path.name)
    if path.suffix.lower() in (".yaml", ".yml"):
        with path.open("rb") as file:
            if re.search(rb"^traffic\s*:", file.read(_LOOK_BYTES), re.MULTILINE):
                return f"a recipe, of which a trace is made: `sim trace synth {shown} -o {visible(path.stem)}.parquet`"
    return f"other formats are read by `sim trace import {shown} --format auto -o OUT.parquet`"


def damaged(name: str, error: Any) -> InputError:
    """The error for a file that starts as Parquet and then is not."""
    reason = str(error).strip().splitlines() or [type(error).__name__]
    return InputError(f"{name}: a damaged Parquet file ({reason[0][:160]}); copy or write it again")


def _opened(path: Path, schema: pa.Schema | None) -> Any:
    import pyarrow.parquet as pq
    import pyarrow.types as kinds

    # Classes and clients are few, so that finding them in a dictionary is cheap; sessions are many, and a dictionary of them is not.
    few = [field for field in schema or () if field.name in ("class", "client_id")]
    texts = [field.name for field in few if kinds.is_string(field.type) or kinds.is_large_string(field.type)]
    return pq.ParquetFile(path, read_dictionary=texts, pre_buffer=False)


def _touched(metadata: Any, first: float, last: float) -> list[int]:
    """The row groups whose arrivals, as far as their statistics tell, meet first <= t < last."""
    places = [i for i in range(metadata.num_columns) if metadata.schema.column(i).path == "arrival_s"]
    groups = []
    for group in range(metadata.num_row_groups):
        statistics = metadata.row_group(group).column(places[0]).statistics
        if statistics is None or not statistics.has_min_max or (statistics.max >= first and statistics.min < last):
            groups.append(group)
    return groups
