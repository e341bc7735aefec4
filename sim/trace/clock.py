"""Foreign times to seconds: from the start, Unix times in any unit, or wall-clock times with or without a zone.

Text is ISO 8601. A time without a zone is read in the zone that is given, else in UTC, and a note says so. In the hour that a zone's
clock runs twice, times are taken in the order of the file; a time that the clock skipped is moved to the next one that exists.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.errors import InputError, nearest
from sim.trace.columns import Floats, nth

if TYPE_CHECKING:
    import pyarrow as pa

_UNIT_S = (("ns", 1e-9, 1e17), ("us", 1e-6, 1e14), ("ms", 1e-3, 1e11), ("s", 1.0, 1e8))
_LONG_UNITS = MappingProxyType(
    {
        "nanos": "ns", "nanoseconds": "ns", "micros": "us", "microseconds": "us", "millis": "ms", "milliseconds": "ms",
        "sec": "s", "secs": "s", "seconds": "s",
    }
)  # fmt: skip
_NAMED_UNIT = re.compile(rf"[_ .(\[-](ns|us|ms|s|{'|'.join(_LONG_UNITS)})[)\]]?$", re.IGNORECASE)
_LATEST_UNIX_S = 4e9
"""No trace is of the years after 2096: larger times are of a smaller unit."""
_ZONE = r"([Zz]|[+-]\d{2}(:?\d{2})?)$"
_TWICE_S = 1800.0


@dataclass(frozen=True)
class Times:
    """Seconds from the start of the trace (NaN for null), when that was (UTC, or empty if unknown), and notes."""

    seconds: Floats
    start_utc: str
    notes: tuple[str, ...]


def unit_of_name(name: str) -> str | None:
    """The unit that the name of a column ends with, as `arrival_time_us`; None where it says none."""
    found = _NAMED_UNIT.search(name.strip())
    return _LONG_UNITS.get(found[1].lower(), found[1].lower()) if found else None


def read_times(column: Any, name: str, *, timezone: str | None = None, unit: str | None = None) -> Times:
    """A column of numbers, texts or timestamps as times; InputError, beginning with `name`, when it holds anything else."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.types as kinds

    column = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if kinds.is_dictionary(column.type):
        column = column.dictionary_decode()
    if kinds.is_timestamp(column.type) or kinds.is_date(column.type):
        return _wall_clock(column, name, timezone)
    if kinds.is_string(column.type) or kinds.is_large_string(column.type):
        if len(column) > column.null_count and pc.all(pc.match_substring_regex(column, r"^\s*[-+]?[0-9.]+([eE][-+]?\d+)?\s*$")).as_py():
            column = pc.utf8_trim_whitespace(column).cast(pa.float64())
        else:
            return _wall_clock(column, name, timezone)
    if not (kinds.is_integer(column.type) or kinds.is_floating(column.type) or kinds.is_decimal(column.type)):
        raise InputError(f"{name}: found {column.type}; times are numbers or ISO 8601 texts")
    return _numbers(column, name, unit)


def _numbers(column: pa.Array, name: str, unit: str | None) -> Times:
    """Numbers: a unit that is given, else Unix times known by their size, else seconds from the start."""
    import pyarrow as pa

    values = np.array(column.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False))
    below = np.flatnonzero(values < 0)
    if len(below):
        more = f" (and {len(below) - 1:,} more)" if len(below) > 1 else ""
        raise InputError(f"{name}: {nth(int(below[0]))}: found {values[below[0]]:.12g}{more}; times from 0 are allowed")
    finite = values[np.isfinite(values)]
    least = float(finite.min()) if len(finite) else 0.0
    most = float(finite.max()) if len(finite) else 0.0
    by_size = next((each for each, _, above in _UNIT_S if least > above), None)
    used = unit or by_size or "s"
    scale = {each: size for each, size, _ in _UNIT_S}[used]
    unix = least * scale > 1e8
    of_most = next((each for each, _, above in _UNIT_S if most > above), None)
    if least * scale > _LATEST_UNIX_S or (by_size is not None and by_size != of_most):
        mixed = f"{least:g} to {most:g}: times of different units" if by_size != of_most else f"{least:g}: no time of our days in {used}"
        raise InputError(f"{name}: found {mixed}; allowed: Unix times of one unit, or seconds from the start; --time-unit says the unit")
    said = (f"times are read as {used}",) if used != "s" else ()
    if not unix:
        return Times(values * scale, "", said)
    # Subtracting before scaling keeps every digit of a nanosecond clock that a float64 of Unix seconds would lose.
    import pyarrow.compute as pc

    shifted = pc.subtract(column, pc.min(column)).cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    start = str(np.datetime64(round(least * scale * 1000), "ms")) + "Z"
    in_unit = f" in {used}" if said else ""
    return Times(np.array(shifted) * scale, start, (f"Unix times{in_unit}: the trace starts at {start}",))


def _wall_clock(column: pa.Array, name: str, timezone: str | None) -> Times:
    """ISO 8601 texts or timestamps."""
    import pandas as pd
    import pyarrow.compute as pc
    import pyarrow.types as kinds

    notes: list[str] = []
    if kinds.is_string(column.type) or kinds.is_large_string(column.type):
        texts = pc.utf8_trim_whitespace(column)
        zoned = pc.sum(pc.match_substring_regex(texts, _ZONE).cast("int64")).as_py() or 0
        present = len(texts) - texts.null_count
        # The zone of a bare date such as 2026-11-02 would be its day: only texts with a time of day can have one.
        with_time = pc.sum(pc.match_substring_regex(texts, r"\d[T ]\d").cast("int64")).as_py() or 0
        zoned = zoned if with_time else 0
        if 0 < zoned < present:
            raise InputError(f"{name}: {zoned:,} times with a zone and {present - zoned:,} without; one way or the other is needed")
        try:
            series = pd.to_datetime(pd.Series(texts.to_pandas()), format="ISO8601", utc=zoned > 0)
        except ValueError:
            raise InputError(_first_bad(texts, name)) from None
    else:
        series = pd.Series(column.to_pandas())
        series = pd.to_datetime(series)
        zoned = int(series.dt.tz is not None)
    if zoned:
        utc = series.dt.tz_convert("UTC")
    else:
        notes.append(f"times without a zone: taken as {timezone or 'UTC'}")
        utc = _localised(series, timezone or "UTC", name, notes)
    start = utc.min()
    seconds = np.asarray((utc - start).dt.total_seconds().to_numpy(), dtype=np.float64)
    return Times(seconds, start.isoformat().replace("+00:00", "Z"), tuple(notes))


def _localised(series: Any, timezone: str, name: str, notes: list[str]) -> Any:
    """Local times of a zone in UTC, minding the hour that runs twice and the one that is skipped."""
    import zoneinfo

    try:
        zone = zoneinfo.ZoneInfo(timezone)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError):
        known = zoneinfo.available_timezones()
        raise InputError(f"{name}: unknown zone {timezone!r}; names such as Europe/Berlin are allowed{nearest(timezone, known)}") from None
    rows = len(series)
    first, second = (
        series.dt.tz_localize(zone, ambiguous=np.full(rows, early), nonexistent="shift_forward").dt.tz_convert("UTC")
        for early in (True, False)
    )
    twice = ((first != second) & series.notna()).to_numpy()
    skipped = int((first.dt.tz_convert(zone).dt.tz_localize(None) != series)[series.notna()].sum())
    if skipped:
        notes.append(f"{skipped:,} times that the clock of {timezone} skipped: moved to the next one that exists")
    if not twice.any():
        return first
    notes.append(f"{int(twice.sum()):,} times in the hour that {timezone} runs twice: taken in the order of the file")
    places = np.flatnonzero(twice)
    local = series.astype("datetime64[ns]").to_numpy().astype(np.int64)[places] / 1e9
    late = np.zeros(len(places), bool)
    for place, gap in enumerate(np.diff(local), 1):
        # A jump back within the hour is the clock set back; a long gap either way is another autumn.
        late[place] = abs(gap) < 2 * 3600.0 and (late[place - 1] or gap < -_TWICE_S)
    chosen = first.copy()
    chosen.iloc[places[late]] = second.iloc[places[late]]
    return chosen


def _first_bad(texts: pa.Array, name: str) -> str:
    import pandas as pd

    series = pd.Series(texts.to_pandas())
    numbers = pd.to_numeric(series, errors="coerce").notna()
    parsed = pd.to_datetime(series, format="ISO8601", utc=True, errors="coerce")
    wrong = parsed.isna() & pd.Series(np.asarray(texts.is_valid()))
    # Of a column of numbers it is the text among them.
    bad = np.flatnonzero((wrong & ~numbers if (wrong & ~numbers).any() else wrong).to_numpy())
    row = int(bad[0]) if len(bad) else 0
    return (
        f"{name}: {nth(row)}: found {texts[row].as_py()!r} (and {max(len(bad) - 1, 0):,} more); times are numbers or ISO 8601, "
        "such as 2026-11-02T09:00:00+01:00"
    )
