"""The tables of a run's folder as columns of numbers and texts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from sim.report.export_source import RunFolder
from sim.report.html.chart import FloatArray

Columns = Mapping[str, "FloatArray | list[str]"]
_MOST_ROWS = 5_000_000


def columns(run: RunFolder, name: str, stack: str | None = None) -> dict[str, Any] | None:
    """A table by name, of a stack where there are several: numbers as arrays (NaN: none), texts as lists; None where there is none."""
    import pyarrow as pa

    found = next((each for each in run.tables if each.table.name == name and stack in (None, each.stack)), None)
    if found is None:
        return None
    batches, rows = [], 0
    for batch in found.batches():
        batches.append(batch)
        rows += batch.num_rows
        if rows > _MOST_ROWS:
            break
    if not batches:
        return None
    table = pa.Table.from_batches(batches)
    made: dict[str, Any] = {}
    for column in found.columns:
        values = table.column(column.name)
        made[column.name] = values.to_pylist() if column.kind == "text" else _numbers(values)
    return made


def _numbers(values: Any) -> FloatArray:
    import pyarrow as pa

    return np.asarray(values.cast(pa.float64()).fill_null(float("nan")).to_numpy(), dtype=np.float64)


def where(table: Mapping[str, Any], **wanted: str) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Which rows have these texts."""
    rows = np.ones(len(next(iter(table.values()))), dtype=bool)
    for name, text in wanted.items():
        rows &= np.array([each == text for each in table[name]], dtype=bool)
    return rows
