"""Parquet files whose columns have other names or whose times are Unix or wall-clock times; native files pass as they are."""

from __future__ import annotations

from sim.trace.foreign import Format, Imported, Options, requests
from sim.trace.formats.csv import known_columns
from sim.trace.look import Look


def _matches(found: Look) -> bool:
    return found.layout == "parquet"


def _read(found: Look, options: Options) -> Imported:
    return requests(found, known_columns(found, options), options)


FORMAT = Format("parquet", "Parquet with any columns (--map)", _matches, _read)
