"""An export as CSV, Parquet or JSON: the long table of figures, the wide tables of the run, and what their columns mean.

Wide tables of all stacks of a run stand in one table, with the stack in its first column. Tables are read and written piece by piece: a
log of requests may be larger than memory.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from sim.errors import InputError, nearest
from sim.report import run_tables
from sim.report.export_columns import Column, key
from sim.report.export_figures import FIGURES, LONG, figures
from sim.report.export_source import FoundTable, RunFolder, arrow_schema

if TYPE_CHECKING:
    import pyarrow as pa

TableForm = Literal["csv", "parquet"]
COLUMNS = "columns"
"""The name of the table that describes the others."""
SCHEMA_VERSION = 1
MARK = "export.json"
"""What makes a folder that of an export."""
_STACK = key("stack", "name of the stack")
_ROWS = 65536


@dataclass(frozen=True)
class ExportTable:
    """One table of an export: its name, columns, and where its rows come from."""

    name: str
    columns: tuple[Column, ...]
    run: RunFolder
    parts: tuple[FoundTable, ...] = ()

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Its rows piece by piece; at least one piece, which may be empty."""
        import pyarrow as pa

        schema = arrow_schema(self.columns)
        yield pa.RecordBatch.from_pylist([], schema=schema)
        if self.name == FIGURES:
            yield from _long(self.run, schema)
        elif self.name == COLUMNS:
            yield _described(tables_of(self.run), schema)
        for part in self.parts:
            for batch in part.batches():
                owned = [pa.repeat(pa.scalar(part.stack), len(batch))] if part.stack else []
                yield pa.RecordBatch.from_arrays([*owned, *batch.columns], schema=schema)


def tables_of(run: RunFolder, wanted: Sequence[str] = ()) -> tuple[ExportTable, ...]:
    """The tables of an export, the long one first; of those only the `wanted`, if any are named. InputError for a name that is none."""
    if run.kind == "decision":
        raise InputError(
            f"{run.folder}: a decision is not exported; allowed: the folder of a run, comparison, sweep, plan or elastic; its tables are "
            "strategies.csv and strategies_monthly.csv there"
        )
    if run.kind == "diff":
        raise InputError(
            f"{run.folder}: a diff is not exported; allowed: the folder of a run, comparison, sweep, plan or elastic; what a diff says is "
            "in its diff.json, the tables of both sides are in base/ and head/"
        )
    found = [ExportTable(FIGURES, LONG, run)]
    for name in dict.fromkeys(part.table.name for part in run.tables):
        parts = tuple(part for part in run.tables if part.table.name == name)
        if len({part.columns for part in parts}) > 1:
            raise InputError(f"{run.folder}: {name} differs in form between stacks; run it again")
        columns = parts[0].columns
        found.append(ExportTable(name, (_STACK, *columns) if parts[0].stack else columns, run, parts))
    found.append(ExportTable(COLUMNS, _DESCRIBED, run))
    names = [each.name for each in found]
    for name in wanted:
        if name not in names:
            raise InputError(f"--table {name}: this run has no such table; allowed: {', '.join(names)}{nearest(name, names)}")
    return tuple(each for each in found if not wanted or each.name in wanted)


_DESCRIBED = (
    key("table", "name of the table"),
    key("column", "name of the column"),
    key("type", "text, integer, number or boolean"),
    key("unit", "unit of what it holds; empty: none"),
    key("meaning", "what it holds"),
)


def _described(tables: Sequence[ExportTable], schema: pa.Schema) -> pa.RecordBatch:
    import pyarrow as pa

    rows = [(table.name, each.name, each.kind, each.unit, each.said) for table in tables for each in table.columns]
    return pa.RecordBatch.from_pylist([dict(zip(schema.names, row, strict=True)) for row in rows], schema=schema)


def _long(run: RunFolder, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    import pyarrow as pa

    rows: list[dict[str, Any]] = []
    for each in figures(run):
        rows.append(dict(zip(schema.names, each.row(), strict=True)))
        if len(rows) == _ROWS:
            yield pa.RecordBatch.from_pylist(rows, schema=schema)
            rows = []
    yield pa.RecordBatch.from_pylist(rows, schema=schema)


def csv_pieces(table: ExportTable) -> Iterator[str]:
    """A table as CSV, piece by piece, the header first; texts cannot become formulas of a spreadsheet."""
    for number, batch in enumerate(table.batches()):
        text = run_tables.csv_text(batch.to_pydict())
        yield text if number == 0 else text.partition("\n")[2]


def json_pieces(run: RunFolder, tables: Sequence[ExportTable]) -> Iterator[str]:
    """One JSON document, piece by piece: what was run, and every table with its columns and rows as objects; NaN is null."""
    yield '{"schema_version": ' + f"{SCHEMA_VERSION}, " + '"run": ' + _dumped(about(run)) + ', "tables": {'
    for number, table in enumerate(tables):
        columns = [{"name": each.name, "type": each.kind, "unit": each.unit, "meaning": each.said} for each in table.columns]
        yield (",\n" if number else "\n") + f'{_dumped(table.name)}: {{"columns": {_dumped(columns)}, "rows": ['
        first = True
        for batch in table.batches():
            rows = [{name: _plain(value) for name, value in row.items()} for row in batch.to_pylist()]
            if rows:
                yield ("\n" if first else ",\n") + ",\n".join(_dumped(row) for row in rows)
                first = False
        yield "]}"
    yield "}}\n"


def _plain(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _dumped(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def about(run: RunFolder) -> dict[str, Any]:
    """What was run: kind, trace, stacks, version, seed, date of the prices."""
    record = run.record
    return {
        "kind": run.kind,
        "trace": run.trace,
        "stacks": list(run.names),
        "version": str(record.get("version")),
        "seed": record.get("seed") if isinstance(record.get("seed"), int) else None,
        "price_date": str(record.get("price_date")),
    }


def write_table(path: Path, table: ExportTable, form: TableForm) -> None:
    """One table as a file."""
    if form == "csv":
        with path.open("w", encoding="utf-8", newline="") as file:
            file.writelines(csv_pieces(table))
        return
    import pyarrow.parquet as pq

    with pq.ParquetWriter(path, arrow_schema(table.columns), compression="zstd") as writer:
        for batch in table.batches():
            if batch.num_rows:  # the header is in the schema
                writer.write_batch(batch)


def write_tables(folder: Path, run: RunFolder, tables: Sequence[ExportTable], form: TableForm) -> None:
    """Every table as a file of a folder that is there, and export.json, which says what it is of."""
    for table in tables:
        write_table(folder / f"{table.name}.{form}", table, form)
    content = {"schema_version": SCHEMA_VERSION, **about(run), "tables": [table.name for table in tables]}
    (folder / MARK).write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
