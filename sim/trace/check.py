"""The check of a trace: one streaming pass that finds every mistake a file can hold and what is needed to read it.

Mistakes end in one InputError, one line a kind; what can be mended or doubted (order, clock, units) becomes a note.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.errors import InputError
from sim.trace.columns import (
    DEFAULT_CLASS,
    DEFAULT_PREFIX_BLOCK_TOKENS,
    MOST_CLASSES,
    MOST_CLIENTS,
    MOST_SECONDS,
    MOST_TOKENS,
    TOKENS,
    Layout,
    scramble,
    seconds,
    session_numbers,
)  # fmt: skip
from sim.trace.rules import Problems, above_max, check_arrivals, check_blocks, check_columns, check_pairs, check_tokens
from sim.trace.source import Source, in_order
from sim.units import SECONDS_PER_DAY

if TYPE_CHECKING:
    import pyarrow as pa

_BATCH = 262_144
_SAMPLE_EVERY = 61
_SKETCH = 1 << 20


@dataclass(frozen=True)
class Survey:
    """What the pass found: counts, names behind ids, the source to read from (sorted if need be) and notes."""

    source: Source
    layout: Layout
    rows: int
    last_s: float
    classes: tuple[str, ...]
    clients: tuple[str, ...]
    sessions: int
    notes: tuple[str, ...]


@dataclass
class _Values:
    """The different values of a column in order of appearance, at most `most` of them."""

    most: int
    seen: dict[Any, None] = field(default_factory=dict)
    full: bool = False
    nulls: bool = False

    def add(self, column: pa.Array) -> None:
        import pyarrow.compute as pc

        if hasattr(column, "dictionary"):
            column = column.dictionary.take(pc.unique(column.indices).drop_null())
            self.nulls |= column.null_count > 0
        for value in pc.unique(column).to_pylist():
            if value is None:
                continue
            if value not in self.seen:
                if len(self.seen) >= self.most:
                    self.full = True
                    return
                self.seen[value] = None

    def array(self, kind: pa.DataType) -> pa.Array:
        import pyarrow as pa

        return pa.array(list(self.seen), kind.value_type if pa.types.is_dictionary(kind) else kind)


@dataclass
class _Sketch:
    """How many different sessions there are: exact to a million, then within 0.2 % from the smallest hashes."""

    hashes: Any = field(default_factory=lambda: np.zeros(0, np.uint64))
    full: bool = False

    def add(self, numbers: Any) -> None:
        merged = np.sort(np.concatenate([self.hashes, scramble(numbers[numbers >= 0])]))
        merged = merged[np.concatenate([[True], merged[1:] != merged[:-1]])] if len(merged) else merged
        self.full |= len(merged) > _SKETCH
        self.hashes = merged[:_SKETCH]

    def count(self) -> int:
        return round((_SKETCH - 1) / (float(self.hashes[-1]) / 2.0**64)) if self.full else len(self.hashes)


def survey(source: Source, *, timed: bool = True) -> Survey:
    """One pass over all rows; InputError with every problem, else what is needed to read the trace.

    Without `timed` arrival times mean nothing, and no rate is doubted.
    """
    check_columns(source)
    block_tokens = prefix_block_tokens(source)
    problems, sample = Problems(source.name), []
    notes: list[str] = []
    classes, clients, sessions = _Values(MOST_CLASSES), _Values(MOST_CLIENTS), _Sketch()
    rows, last, least, most, ordered = 0, -np.inf, np.inf, -np.inf, True
    null_class, all_whole, long_blocks, over_max = False, True, 0, 0
    for batch in source.batches(_BATCH):
        if not batch.num_rows:
            continue
        column = {name: batch.column(i) for i, name in enumerate(batch.schema.names)}
        times = seconds(column["arrival_s"])
        check_arrivals(times, rows, problems)
        for name in TOKENS:
            if name in column:
                check_tokens(name, column[name], rows, problems)
        if not problems.first:
            check_pairs(column, rows, problems)
            ordered = ordered and bool(times[0] >= last and np.all(times[1:] >= times[:-1]))
            last, least, most = float(times[-1]), min(least, float(times.min())), max(most, float(times.max()))
            all_whole = all_whole and bool(np.all(times == np.floor(times)))
            sample.append(times[::_SAMPLE_EVERY].copy())
            if "class" in column:
                classes.add(column["class"])
                null_class = null_class or column["class"].null_count > 0
            if "client_id" in column:
                clients.add(column["client_id"])
            if "session_id" in column:
                sessions.add(session_numbers(column["session_id"]))
            if "prefix_block_ids" in column:
                long_blocks += check_blocks(column, rows, block_tokens, problems)
            if "max_tokens" in column:
                over_max += above_max(column)
        rows += batch.num_rows
    problems.stop()
    if not rows:
        raise InputError(f"{source.name}: no requests; at least one row is needed")
    if classes.full:
        raise InputError(f"{source.name}: class: more than {MOST_CLASSES} different values; use client_id or session_id for them")
    shift = _clock(source.name, least, most, notes)
    if not ordered:
        source = in_order(source, np.concatenate(sample), rows)
        notes.append("arrivals were not in order: sorted on reading")
    if timed:
        notes += _doubts_of_time(rows, most - shift, all_whole=all_whole)
    notes += _doubts(long_blocks=long_blocks, over_max=over_max)
    names = [str(value) for value in classes.seen] or [DEFAULT_CLASS]
    if null_class and DEFAULT_CLASS not in names:
        names.append(DEFAULT_CLASS)
    people = [str(value) for value in clients.seen]
    if clients.full:
        people.append("other clients")
        notes.append(f"more than {MOST_CLIENTS:,} clients: those beyond the first are counted as one")
    if sessions.full:
        notes.append("more than a million sessions: their number is estimated")
    kind = {field.name: field.type for field in source.schema}
    layout = Layout(
        classes.array(kind["class"]) if classes.seen else None,
        names.index(DEFAULT_CLASS) if null_class else 0,
        clients.array(kind["client_id"]) if clients.seen else None,
        len(people) - 1 if clients.full else -1,
        shift,
    )
    return Survey(source, layout, rows, most - shift, tuple(names), tuple(people), sessions.count(), tuple(notes))


def prefix_block_tokens(source: Source) -> int:
    """Tokens of a prefix block: the file's metadata `sim.prefix_block_tokens`, else 512."""
    given = (source.schema.metadata or {}).get(b"sim.prefix_block_tokens")
    if given is None:
        return DEFAULT_PREFIX_BLOCK_TOKENS
    try:
        tokens = int(given)
    except ValueError:
        tokens = 0
    if not 1 <= tokens <= MOST_TOKENS:
        raise InputError(f"{source.name}: sim.prefix_block_tokens: found {given.decode()!r}; a whole number above 0 is needed")
    return tokens


def _clock(name: str, least: float, most: float, notes: list[str]) -> float:
    """The shift that lets the clock start at zero: only times that can be nothing but Unix times are shifted."""
    if most <= MOST_SECONDS:
        return 0.0
    if most - least > MOST_SECONDS or least > 1e11:
        raise InputError(
            f"{name}: arrival_s: found {least!r} to {most!r}; seconds from the start are needed (these look like "
            "milliseconds or smaller units; `sim trace import` reads Unix times and wall-clock times)"
        )
    notes.append(f"arrival_s held Unix times: shifted by {least:.3f} s to start at zero")
    return least


def _doubts_of_time(rows: int, last_s: float, *, all_whole: bool) -> list[str]:
    """Warnings about arrivals that may not be in seconds."""
    notes = []
    rate = rows / last_s if last_s > 0 else 0.0
    days = last_s / SECONDS_PER_DAY
    if rows >= 20 and rate > 0 and (rate < 0.01 or days > 400 or (days > 35 and rate < 0.5)):
        notes.append(
            f"warning: {rows:,} requests over {days:,.1f} days, one every {1 / rate:,.1f} s: if arrival_s is in "
            f"milliseconds, divide it by 1000 ({rate * 1000:,.2f} requests/s over {last_s / 1000:,.0f} s)"
        )
    elif rows >= 20 and (rate > 50_000 or last_s == 0):
        what = f"{rate:,.0f} requests/s" if last_s > 0 else "all requests arrive at the same moment"
        notes.append(f"warning: {what}: is arrival_s in seconds?")
    if all_whole and rows >= 20 and last_s > 0 and rate > 0.2:
        notes.append("arrivals have a resolution of 1 s: bursts within a second are arrivals at the same moment")
    return notes


def _doubts(*, long_blocks: int, over_max: int) -> list[str]:
    """Warnings about a trace that is readable but may not mean what it says."""
    notes = []
    if long_blocks:
        notes.append(f"warning: prefix_block_ids reach beyond the prompt in {long_blocks:,} rows; blocks past it are ignored")
    if over_max:
        notes.append(f"warning: output_tokens exceed max_tokens in {over_max:,} rows")
    return notes
