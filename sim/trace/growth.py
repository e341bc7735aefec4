"""More or less of the same traffic: three laws of growth by name, and why compressing time is none of them.

Let counts in a bin be Poisson given a rate that varies (variance over mean, IDC, says by how much). A demand of s times means:

* `clients`: every client sends s times as much, in its own pattern, and the time of day stays: IDC becomes 1 + (IDC - 1)·s.
* `thin`: each request stays with probability s < 1; the same law, exactly.
* `superpose`: new clients, each a copy of one client's days in another order, independent of the old ones: IDC stays, except for
  what the hour of the day does to all of them.

What grows is a conversation where the trace has sessions (all its turns move together), else a request.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.errors import InputError, nearest
from sim.sampling import stream
from sim.trace.closed_loop import refuse_times
from sim.trace.columns import Floats, Ints
from sim.trace.trace import Trace, from_table, table_of
from sim.units import SECONDS_PER_DAY

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa

LAWS = ("clients", "superpose", "thin")
MOST_ROWS = 20_000_000
_SCALES_S = (3600.0, 60.0, 10.0, 1.0)
_NEIGHBOURS = 25
_SHIFT_S = 1800.0


@dataclass(frozen=True)
class _Units:
    """What grows: conversations or single requests, in order of their first arrival."""

    start: Floats
    client: Ints
    of_row: Ints
    """The unit of each row of the table."""


def grow(trace: Trace, factor: float, law: str = "clients", *, seed: int = 1, clients: Mapping[str, float] | None = None) -> Trace:
    """The trace with `factor` times its demand by a law; `clients` gives some clients factors of their own (law `clients`).

    Raises InputError for an unknown law, a factor out of its range, an unknown client, or a result of more than 20 million rows.
    """
    refuse_times(trace.closed_loop, str(trace.info.path), "scale")
    _check(trace, factor, law, clients or {})
    table = table_of(trace)
    units = _units(trace)
    generator = stream(seed, f"growth/{law}")
    duration_s = trace.info.duration_s
    if law == "thin":
        kept = generator.random(len(units.start)) < factor
        rows = np.flatnonzero(kept[units.of_row])
        grown = table.take(rows)
    elif law == "superpose":
        grown = _superposed(table, units, factor, duration_s, generator)
    else:
        factors = np.full(len(trace.clients) + 1, factor)
        for name, own in (clients or {}).items():
            factors[trace.clients.index(name)] = own
        grown = _by_client(table, units, factors, duration_s, generator)
    if not grown.num_rows:
        raise InputError(f"factor {factor:g} leaves no requests of {trace.info.rows:,}")
    note = f"scaled by {factor:g} with the law {law}"
    return from_table(grown.replace_schema_metadata(noted(trace, note, duration_s)), f"{trace.info.path}")


def noted(trace: Trace, note: str, duration_s: float) -> dict[str, str]:
    """The metadata of a trace made from another: its duration, and one more note."""
    import json

    own = json.loads(trace.metadata.get("sim.notes", "[]"))
    return {**trace.metadata, "sim.duration_s": repr(float(duration_s)), "sim.notes": json.dumps([*own, note])}


def _check(trace: Trace, factor: float, law: str, clients: Mapping[str, float]) -> None:
    if law in ("compress", "compression", "speed", "speedup", "time"):
        raise InputError(
            f"law {law!r}: compressing time is not growth: it shortens the day, makes bursts shorter as well as higher, and "
            f"ends sessions sooner, which no growing team does; allowed: {', '.join(LAWS)}"
        )
    if law not in LAWS:
        raise InputError(f"law {law!r}; allowed: {', '.join(LAWS)}{nearest(law, LAWS)}")
    for name, own in clients.items():
        if law != "clients":
            raise InputError(f"client {name!r}: factors of single clients belong to the law clients, not {law}")
        if name not in trace.clients:
            known = ", ".join(trace.clients[:8]) or "none"
            raise InputError(f"client {name!r}: not in the trace; it has {known}{nearest(name, trace.clients)}")
        if not 0 <= own < math.inf:
            raise InputError(f"client {name!r}: found the factor {own}; a number from 0 is needed")
    least, most = (1.0, math.inf) if law == "superpose" else (0.0, 1.0 if law == "thin" else math.inf)
    if not (least <= factor <= most and 0 < factor < math.inf):
        hint = "; use the law thin" if law == "superpose" else "; use the law clients or superpose" if law == "thin" else ""
        raise InputError(f"factor {factor}: the law {law} takes factors from {least:g} to {most:g}, above 0{hint}")
    if trace.info.rows * max([factor, 1.0, *clients.values()]) > MOST_ROWS:
        raise InputError(f"the result would have more than {MOST_ROWS:,} requests; scale a window of the trace (--from, --to)")


def _units(trace: Trace) -> _Units:
    """Each conversation, or request without one, by its first row."""
    columns = [(chunk.arrival_s, chunk.client_id, chunk.session_id) for chunk in trace.chunks()]
    arrival, client, session = (np.concatenate(parts) for parts in zip(*columns, strict=True))
    own = np.where(session >= 0, session, -1 - np.arange(len(session)))
    _, first, of_row = np.unique(own, return_index=True, return_inverse=True)
    order = np.argsort(first, kind="stable")
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    return _Units(arrival[first[order]], client[first[order]].astype(np.int64), rank[of_row])


def _by_client(table: pa.Table, units: _Units, factors: Floats, end_s: float, generator: np.random.Generator) -> pa.Table:
    """Clients of one factor together: thinned below one, given extra units like their own above one.

    Together, because what they have in common (the hour, an event) shows in their sum and is lost in the noise of each; an extra
    unit is a copy of one near in time, so that each client keeps its own pattern too.
    """
    factor_of_unit = factors[units.client]
    kept = np.ones(len(units.start), bool)
    times, sources = [], []
    for factor in np.unique(factor_of_unit):
        members = np.flatnonzero(factor_of_unit == factor)
        if factor < 1:
            kept[members] = generator.random(len(members)) < factor
        else:
            extra, source = _extra(units.start[members], factor, end_s, generator)
            times.append(extra)
            sources.append(members[source])
    old = table.take(np.flatnonzero(kept[units.of_row]))
    if not times:
        return old
    return _joined(old, _copies(table, units, np.concatenate(sources), np.concatenate(times)), end_s)


def _extra(start: Floats, factor: float, end_s: float, generator: np.random.Generator) -> tuple[Floats, Ints]:
    """Times of extra units that follow the pattern of `start`, and the unit each is a copy of (one near in time).

    The rate that the pattern stands for is not seen, only counts N of it, whose variance V is signal S plus Poisson noise M. On each
    scale (the minutes of an hour, ...) extras follow N with weight a and are spread evenly with weight 1 - a. Originals and extras
    together have variance s·M + s²·S when (s-1)·a² + 2·a = (s+1)·S/V, which fixes a.
    """
    number = generator.poisson((factor - 1) * len(start))
    times = start[generator.integers(len(start), size=number)]
    following = np.ones(number, bool)
    for coarse, fine in pairwise(_SCALES_S):
        follow = following & (generator.random(number) < _weight(start, coarse, fine, factor))
        begin = np.floor(times / coarse) * coarse
        width = np.minimum(begin + coarse, max(end_s, fine)) - begin
        moved = begin + generator.random(number) * width
        times = np.where(follow, times, moved)
        # A moved unit goes on from an original of its new bin, if there is one, so that finer patterns are kept.
        low, high = _of_bins(start, times, fine)
        some = high > low
        picked = start[np.clip(low + (generator.random(number) * (high - low)).astype(int), 0, len(start) - 1)]
        times = np.where(follow | ~some, times, picked)
        following = follow | some
    begin = np.floor(times)
    times = begin + generator.random(number) * np.clip(end_s - begin, 0.0, 1.0)
    offset = generator.integers(-_NEIGHBOURS, _NEIGHBOURS + 1, size=number)
    source = np.clip(np.searchsorted(start, times) + offset, 0, len(start) - 1)
    return times, source


def _of_bins(start: Floats, times: Floats, width: float) -> tuple[Ints, Ints]:
    """Where the units that start in the bin of each time begin and end."""
    place = np.floor(times / width)
    bins = int(place.max(initial=0.0)) + 2
    if bins > 4 * (len(times) + len(start)):
        return np.searchsorted(start, place * width), np.searchsorted(start, place * width + width)
    # Edges in order are found faster than times in none.
    edges = np.searchsorted(start, np.arange(bins) * width)
    number = place.astype(np.int64)
    return edges[number], edges[number + 1]


def _weight(start: Floats, coarse: float, fine: float, factor: float) -> float:
    """The weight a of `_extra` for the bins of width `fine` inside those of width `coarse`."""
    in_fine = np.unique(np.floor(start / fine), return_counts=True)[1].astype(float)
    in_coarse = np.unique(np.floor(start / coarse), return_counts=True)[1].astype(float)
    bins = coarse / fine
    variance = float((in_fine**2).sum() - (in_coarse**2).sum() / bins)
    noise = float(in_coarse.sum() * (1 - 1 / bins))
    signal = max(0.0, 1 - noise / variance) if variance > 0 else 0.0
    if factor - 1 < 1e-9:
        return signal
    return (math.sqrt(1 + (factor**2 - 1) * signal) - 1) / (factor - 1)


def _superposed(table: pa.Table, units: _Units, factor: float, end_s: float, generator: np.random.Generator) -> pa.Table:
    """New clients: copies of a client's days, the days drawn anew and all its units moved by one time of up to half an hour."""
    days = max(1, math.ceil(end_s / SECONDS_PER_DAY))
    times, sources, copies = [], [], []
    for copy in range(1, math.ceil(factor)):
        share = min(1.0, factor - copy)
        for client in np.unique(units.client):
            members = np.flatnonzero(units.client == client)
            start = units.start[members]
            shift = generator.uniform(-_SHIFT_S, _SHIFT_S)
            for day in range(days):
                source_day = int(generator.choice(_like(day, days)))
                own = members[(start >= source_day * SECONDS_PER_DAY) & (start < (source_day + 1) * SECONDS_PER_DAY)]
                own = own[generator.random(len(own)) < share]
                moved = units.start[own] + (day - source_day) * SECONDS_PER_DAY + shift
                times.append(np.mod(moved, end_s))
                sources.append(own)
                copies.append(np.full(len(own), copy))
    if not times:
        return table
    new = _copies(table, units, np.concatenate(sources), np.concatenate(times), np.concatenate(copies))
    return _joined(table, new, end_s)


def _like(day: int, days: int) -> list[int]:
    """The days that may stand for a day: with two whole weeks those of the same weekday, else any."""
    return [other for other in range(days) if (other - day) % 7 == 0] if days >= 14 else list(range(days))


def _copies(table: pa.Table, units: _Units, sources: Ints, times: Floats, copies: Ints | None = None) -> pa.Table:
    """Rows of copied units: all rows of each source unit, moved to start at its new time, in sessions of their own."""
    import pyarrow as pa

    order = np.argsort(units.of_row, kind="stable")
    first = np.searchsorted(units.of_row[order], np.arange(len(units.start) + 1))
    lengths = (first[1:] - first[:-1])[sources]
    copy_of_row = np.repeat(np.arange(len(sources)), lengths)
    within = np.arange(len(copy_of_row)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    rows = order[first[sources][copy_of_row] + within]
    made = table.take(rows)
    arrival = made.column("arrival_s").to_numpy() + (times - units.start[sources])[copy_of_row]
    made = _with(made, "arrival_s", np.round(arrival, 6))
    if "session_id" in table.column_names:
        known = np.asarray(made.column("session_id").is_valid())
        # Numbers of this range cannot meet those of the trace: they count down from the greatest.
        fresh = np.int64(2**63 - 1) - copy_of_row
        made = _with(made, "session_id", pa.array(fresh, pa.int64(), mask=~known))
    if copies is not None and "client_id" in table.column_names:
        names = made.column("client_id").to_pylist()
        own = [None if name is None else f"{name}~{n}" for name, n in zip(names, copies[copy_of_row].tolist(), strict=True)]
        made = _with(made, "client_id", pa.array(own, pa.string()))
    return made


def _joined(old: pa.Table, new: pa.Table, end_s: float) -> pa.Table:
    """Both in order of arrival, without what falls outside the trace."""
    import pyarrow as pa

    table = pa.concat_tables([old, new])
    arrival = table.column("arrival_s").to_numpy()
    inside = np.flatnonzero((arrival >= 0) & (arrival <= end_s))
    return table.take(inside[np.argsort(arrival[inside], kind="stable")])


def _with(table: pa.Table, name: str, values: Any) -> pa.Table:
    import pyarrow as pa

    kind = table.schema.field(name).type
    return table.set_column(table.column_names.index(name), name, pa.array(values, kind))
