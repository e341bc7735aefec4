"""A CSV or Parquet file held against FOCUS 1.2, for `sim check`: whether it is such a bill, and everything in it that is against a rule."""

from __future__ import annotations

import csv
import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from sim.errors import InputError, Problem, input_error, visible
from sim.report.focus_columns import VERSION
from sim.report.focus_row_rules import Row
from sim.report.focus_rules import check

_KNOWN_BY = frozenset({"BilledCost", "ChargePeriodStart"})
_MOST_BYTES = 256 * 2**20
_LONGEST_HEADER = 2**16
_MOST_PROBLEMS = 20
_MOST_ROWS = 1_000_000
_PARQUET = ".parquet"


def is_bill(path: Path) -> bool:
    """Whether a CSV or Parquet file, by its ending, has columns that only bills by FOCUS have."""
    suffix = path.suffix.lower()
    if suffix == _PARQUET:
        return _names_in_parquet(path) >= _KNOWN_BY
    if suffix != ".csv":
        return False
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return set(next(csv.reader([file.readline(_LONGEST_HEADER)]), [])) >= _KNOWN_BY
    except (OSError, UnicodeDecodeError, csv.Error):
        return False


def check_bill(path: Path, name: str) -> str:
    """What the file is, in words; InputError with what is against a rule (the first twenty), each with its line (of Parquet: its row) and
    the rule's name."""
    columns, rows, lines = _read_parquet(path, name) if path.suffix.lower() == _PARQUET else _read(path, name)
    found = check(columns, rows)
    if found:
        problems = [
            Problem(name, visible(each.words), key=each.rule, line=lines[each.row - 1] if each.row else None)
            for each in found[:_MOST_PROBLEMS]
        ]
        rest = [f"{visible(name)}: and {len(found) - _MOST_PROBLEMS} more of the kind"] if len(found) > _MOST_PROBLEMS else []
        raise input_error([*problems, *rest])
    return f"bill by FOCUS {VERSION}, {len(rows)} row{'' if len(rows) == 1 else 's'}"


def _read(path: Path, name: str) -> tuple[list[str], list[Row], list[int]]:
    """Columns, rows with null for empty cells, and the line that each row ends on."""
    if path.stat().st_size > _MOST_BYTES:
        raise InputError(f"{name}: more than {_MOST_BYTES} bytes; at most that many are checked")
    rows: list[Row] = []
    lines: list[int] = []
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            columns = next(reader, [])
            for values in reader:
                if len(values) != len(columns):
                    raise input_error(
                        [Problem(name, f"{len(values)} cells", line=reader.line_num, allowed=f"{len(columns)}, as the header has")]
                    )
                rows.append({column: value or None for column, value in zip(columns, values, strict=True)})
                lines.append(reader.line_num)
    except UnicodeDecodeError:
        raise InputError(f"{name}: not UTF-8 text") from None
    except csv.Error as error:
        raise InputError(f"{name}: not CSV: {error}") from None
    return columns, rows, lines


def _names_in_parquet(path: Path) -> set[str]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return set(pq.read_schema(path).names)
    except (OSError, pa.ArrowException):
        return set()


def _read_parquet(path: Path, name: str) -> tuple[list[str], list[Row], list[int]]:
    """The same of Parquet: values as a CSV file would have them, and rows counted from 1."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            columns = file.schema_arrow.names
            if file.metadata.num_rows > _MOST_ROWS:
                raise InputError(f"{name}: more than {_MOST_ROWS:,} rows; at most that many are checked")
            rows: list[Row] = [
                {column: _text(value) for column, value in values.items()} for batch in file.iter_batches() for values in batch.to_pylist()
            ]
    except (OSError, pa.ArrowException) as error:
        raise InputError(f"{name}: cannot be read: {str(error).splitlines()[0][:200]}") from None
    return columns, rows, list(range(1, len(rows) + 1))


def _text(value: Any) -> str | None:
    """A value of Parquet as a cell: times in UTC, decimals without exponent, None for null."""
    if isinstance(value, datetime.datetime):
        in_utc = value if value.tzinfo is None else value.astimezone(datetime.UTC)
        return in_utc.strftime("%Y-%m-%dT%H:%M:%SZ")
    if isinstance(value, (Decimal, float)):
        return f"{Decimal(str(value)):f}"
    return None if value is None else str(value)
