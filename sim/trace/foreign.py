"""What importers share: the rows of a file as a table, and foreign columns to those of a trace.

A row that names no prompt or output tokens, or none above zero, is a request that failed; it is left out, and a note says how many.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.errors import InputError, nearest, visible
from sim.trace.clock import read_times, unit_of_name
from sim.trace.columns import OPTIONAL, REQUIRED, nth
from sim.trace.look import Look, objects
from sim.trace.usage import Usage

if TYPE_CHECKING:
    import pyarrow as pa

_MOST_SHOWN_COLUMNS = 12
_TEXTS = ("class", "client_id", "session_id")


@dataclass(frozen=True)
class Options:
    """What the user says about a file: native column = foreign column, the zone of bare times, the unit of numeric times, a seed."""

    mapping: Mapping[str, str] = field(default_factory=dict)
    timezone: str | None = None
    unit: str | None = None
    seed: int | None = None
    """Of the random numbers of a format that describes requests instead of listing them."""


@dataclass(frozen=True)
class Imported:
    """Requests as native columns, in the order of the file, and what was noted on the way."""

    table: pa.Table
    notes: tuple[str, ...]
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Format:
    """A foreign format: how it is recognised, and how it is read into requests or totals."""

    name: str
    about: str
    matches: Callable[[Look], bool]
    read: Callable[[Look, Options], Imported | Usage]


def raw_table(found: Look, texts: tuple[str, ...] = ()) -> pa.Table:
    """All columns of a file as they are; those named in `texts` as text."""
    import pyarrow as pa
    import pyarrow.csv as pacsv
    import pyarrow.parquet as pq

    if found.layout in ("lines", "json"):
        entries = objects(found)
        keys = dict.fromkeys(key for entry in entries for key in entry)
        return pa.table({key: _column([entry.get(key) for entry in entries]) for key in keys})
    try:
        if found.layout == "parquet":
            return pq.read_table(found.path)
        kinds = {name: pa.string() for name in texts}
        table = pacsv.read_csv(
            found.path,
            convert_options=pacsv.ConvertOptions(column_types=kinds, strings_can_be_null=True, timestamp_parsers=["%s!"]),
        )
        return table.rename_columns([name.strip().removeprefix("\ufeff") for name in table.column_names])
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{found.name}: cannot be read: {visible(str(error).splitlines()[0])[:200]}") from None


def _column(values: list[Any]) -> pa.Array:
    """Values of one key; what is no plain column (objects, mixtures) becomes text."""
    import pyarrow as pa

    try:
        return pa.array(values)
    except (pa.ArrowException, OverflowError):
        return pa.array([value if value is None or isinstance(value, str) else json.dumps(value) for value in values], pa.string())


def requests(found: Look, columns: Mapping[str, str], options: Options, *, unit: str | None = None) -> Imported:
    """The requests of a file whose columns are known: native = foreign; the user's own mapping goes first."""
    wanted = _wanted(found, {**columns, **options.mapping})
    texts = tuple(wanted[name] for name in ("arrival_s", *_TEXTS) if name in wanted)
    table = raw_table(found, texts if found.layout == "csv" else ())
    columns = {name: table.column(source) for name, source in wanted.items()}
    read = from_columns(columns, found.name, wanted, options, unit=unit or unit_of_name(wanted["arrival_s"]))
    return replace(read, notes=(*read.notes, *not_read(set(table.column_names) - set(wanted.values()))))


def listed(columns: Iterable[str]) -> str:
    """Names of columns for a message: the first twenty, each no longer than a line."""
    return ", ".join(visible(name)[:60] for name in islice(columns, 20))


def not_read(names: Iterable[str]) -> tuple[str, ...]:
    """The note that names columns or keys of which nothing was made; none where there are none."""
    ordered = sorted(visible(name)[:60] for name in names)
    if not ordered:
        return ()
    more = f" and {len(ordered) - _MOST_SHOWN_COLUMNS:,} more" if len(ordered) > _MOST_SHOWN_COLUMNS else ""
    return (f"not read: {', '.join(ordered[:_MOST_SHOWN_COLUMNS])}{more}",)


def _wanted(found: Look, columns: Mapping[str, str]) -> dict[str, str]:
    known = (*REQUIRED, *OPTIONAL)
    problems = []
    for name, source in columns.items():
        if name not in known:
            problems.append(f"--map {name}={source}: no column {name!r} in a trace; allowed: {', '.join(known)}{nearest(name, known)}")
        elif source not in found.columns:
            hint = nearest(source, found.columns)
            problems.append(f"{found.name}: {name}: no column {source!r}; the file has {listed(found.columns)}{hint}")
    for name in REQUIRED:
        if name not in columns:
            problems.append(
                f"{found.name}: {name}: no column is known to hold it; the file has {listed(found.columns)}; say --map {name}=COLUMN"
            )
    if problems:
        raise InputError("\n".join(problems))
    return dict(columns)


def from_columns(
    columns: Mapping[str, Any], name: str, sources: Mapping[str, str], options: Options, *, unit: str | None = None
) -> Imported:
    """Foreign columns under native names as native columns: times to seconds, failed requests left out."""
    import pyarrow as pa
    import pyarrow.compute as pc

    places = {native: f"{name}: {sources.get(native, native)}" for native in columns}
    times = read_times(columns["arrival_s"], places["arrival_s"], timezone=options.timezone, unit=options.unit or unit)
    made: dict[str, Any] = {"arrival_s": pa.array(times.seconds)}
    for native in columns:
        column = columns[native]
        column = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
        if native.endswith("_tokens"):
            made[native] = _tokens(column, places[native])
        elif native in _TEXTS:
            made[native] = texts_of(column, places[native])
        elif native == "prefix_block_ids":
            made[native] = column
    table = pa.table({native: made[native] for native in (*REQUIRED, *OPTIONAL) if native in made})
    _refuse_negative(table, places)
    real = pc.and_(pc.greater(table["prompt_tokens"], 0), pc.greater(table["output_tokens"], 0)).fill_null(False)
    failed = table.num_rows - int(pc.sum(real).as_py() or 0)
    untimed = np.flatnonzero(~np.isfinite(times.seconds) & np.asarray(real))
    if len(untimed):
        more = f" (and {len(untimed) - 1:,} more)" if len(untimed) > 1 else ""
        raise InputError(f"{places['arrival_s']}: {nth(int(untimed[0]))}: found nothing or no number{more}; a time is needed")
    notes = list(times.notes)
    if failed:
        table = table.filter(real)
        notes.append(f"left out {failed:,} requests without prompt or output tokens (failed)")
    metadata = {"sim.start_utc": times.start_utc} if times.start_utc else {}
    if not table.num_rows:
        raise InputError(f"{name}: no request with prompt and output tokens")
    return Imported(table, tuple(notes), metadata)


def _refuse_negative(table: pa.Table, places: Mapping[str, str]) -> None:
    """InputError for tokens below zero: no request has them, not even one that failed."""
    import pyarrow.compute as pc

    problems = []
    for native in (name for name in table.column_names if name.endswith("_tokens")):
        column = table[native]
        below = pc.less(column, 0).fill_null(False)
        number = int(pc.sum(below).as_py() or 0)
        if number:
            row = pc.index(below, True).as_py()
            more = f" (and {number - 1:,} more)" if number > 1 else ""
            problems.append(f"{places[native]}: {nth(row)}: found {column[row].as_py()}{more}; whole numbers from 0 are allowed")
    if problems:
        raise InputError("\n".join(problems))


def texts_of(column: Any, place: str) -> Any:
    """Names as text, from text or plain values."""
    import pyarrow as pa

    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    try:
        return column.cast(pa.string())
    except pa.ArrowException:
        raise InputError(f"{place}: found {column.type}; names are needed") from None


def _tokens(column: Any, place: str) -> Any:
    """Whole numbers, from numbers or their texts; what is not one is kept for the check to name, or named here if it is text."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if pa.types.is_null(column.type):
        return column.cast(pa.int64())
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        numeric = pc.match_substring_regex(column, r"^\s*-?\d+(\.\d*)?\s*$").fill_null(True)
        if not pc.all(numeric).as_py():
            row = int(np.argmin(np.asarray(numeric)))
            raise InputError(f"{place}: {nth(row)}: found {column[row].as_py()!r}; whole numbers are allowed")
        column = pc.utf8_trim_whitespace(column).cast(pa.float64())
    if not (pa.types.is_integer(column.type) or pa.types.is_floating(column.type) or pa.types.is_decimal(column.type)):
        raise InputError(f"{place}: found {column.type}; whole numbers are allowed")
    if pa.types.is_floating(column.type):
        values = column.to_numpy(zero_copy_only=False)
        if np.isinf(values).any():
            raise InputError(f"{place}: {nth(int(np.argmax(np.isinf(values))))}: found a number without end; whole numbers are allowed")
        known = np.isfinite(values)
        if np.all(values[known] == np.floor(values[known])) and np.all(np.abs(values[known]) < 2**53):
            return pa.array(np.where(known, values, 0).astype(np.int64), mask=~known)
    return column
