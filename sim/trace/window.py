"""A part of a trace, and a trace repeated: the two ways to change its length without changing its traffic."""

from __future__ import annotations

import math

import numpy as np

from sim.errors import InputError
from sim.trace.closed_loop import refuse_times
from sim.trace.growth import MOST_ROWS, noted
from sim.trace.trace import Trace, from_table, table_of
from sim.units import SECONDS_PER_DAY


def window(trace: Trace, from_s: float = 0.0, to_s: float | None = None) -> Trace:
    """The requests with from_s <= arrival < to_s, their clock started at from_s; InputError when the window is empty."""
    import pyarrow as pa

    refuse_times(trace.closed_loop, str(trace.info.path), "cut")
    end_s = trace.info.duration_s
    stop_s = end_s if to_s is None else to_s
    if not 0 <= from_s < stop_s:
        raise InputError(f"window from {from_s:g} s to {stop_s:g} s: the trace lasts {end_s:g} s; from >= 0 and below to is needed")
    table = table_of(trace)
    arrival = table.column("arrival_s").to_numpy()
    inside = (arrival >= from_s) & ((arrival < stop_s) | ((arrival == stop_s) & (stop_s >= end_s)))
    if not inside.any():
        raise InputError(f"window from {from_s:g} s to {stop_s:g} s: no requests; the trace lasts {end_s:g} s")
    part = table.filter(pa.array(inside))
    part = part.set_column(0, "arrival_s", pa.array(arrival[inside] - from_s))
    length = min(stop_s, end_s) - from_s
    note = f"window from {from_s:g} s to {min(stop_s, end_s):g} s"
    return from_table(part.replace_schema_metadata(noted(trace, note, length)), str(trace.info.path))


def tile(trace: Trace, days: float) -> Trace:
    """The trace repeated until it lasts `days` days, each repetition in sessions of its own, the last one cut.

    A trace that ends within 1 % of a whole number of days is taken to last that long, so that repetitions keep the hour of the day.
    InputError when the result would be shorter than the trace or have more than 20 million rows.
    """
    import pyarrow as pa

    refuse_times(trace.closed_loop, str(trace.info.path), "repeat")
    own_s = trace.info.duration_s
    whole = round(own_s / SECONDS_PER_DAY) * SECONDS_PER_DAY
    period_s = whole if whole and abs(whole - own_s) <= 0.01 * whole and whole >= own_s else own_s
    target_s = days * SECONDS_PER_DAY
    if not own_s <= target_s < math.inf or not period_s:
        raise InputError(f"{days:g} days: the trace lasts {own_s / SECONDS_PER_DAY:.3g}; as many or more are needed")
    repeats = math.ceil(target_s / period_s)
    if trace.info.rows * repeats > MOST_ROWS:
        raise InputError(f"{days:g} days would be more than {MOST_ROWS:,} requests; tile a window of the trace")
    table = table_of(trace)
    arrival = table.column("arrival_s").to_numpy()
    parts = []
    for repeat in range(repeats):
        part = table.set_column(0, "arrival_s", pa.array(np.round(arrival + repeat * period_s, 6)))
        if repeat and "session_id" in table.column_names:
            place = table.column_names.index("session_id")
            own, renamed = np.unique(table.column("session_id").drop_null().to_numpy(), return_inverse=True)
            known = np.asarray(table.column("session_id").is_valid())
            fresh = np.zeros(table.num_rows, np.int64)
            fresh[known] = np.int64(2**63 - 1) - repeat * len(own) - renamed
            part = part.set_column(place, "session_id", pa.array(fresh, pa.int64(), mask=~known))
        parts.append(part)
    tiled = pa.concat_tables(parts)
    tiled = tiled.filter(pa.array(tiled.column("arrival_s").to_numpy() < target_s))
    note = f"repeated to {days:g} days: every repetition is the same, without a spread from day to day"
    return from_table(tiled.replace_schema_metadata(noted(trace, note, target_s)), str(trace.info.path))
