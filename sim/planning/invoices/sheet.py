"""A bill as rows: CSV (also compressed by gzip), Parquet, JSON or JSON lines, read one row at a time and never trusted.

Names of columns are looked up without case and signs between words, for `lineItem/UnblendedCost`, `line_item_unblended_cost` and
`LineItemUnblendedCost` are one column in three exports of the same tool.
"""

from __future__ import annotations

import csv
import gzip
import json
import re
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from sim.catalog.file_content import not_opened
from sim.catalog.places import Entry, Place, shown
from sim.errors import InputError, Problem, input_error, visible

MOST_BYTES = 2 << 30
"""Of the text of a CSV or of a Parquet file, which are streamed."""
MOST_JSON_BYTES = 256 << 20
_LONGEST_LINE = 16 << 20
"""Of CSV; JSON in one longer line comes in parts."""
_HEAD_BYTES = 4096


def folded(name: str) -> str:
    """A name of a column without case and signs."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


@dataclass(frozen=True, slots=True)
class Row:
    """One row or record: where it stands, and its values by folded name; what is absent is an empty text."""

    file: str
    line: int
    values: Mapping[str, Any]
    names: Mapping[str, str]
    """Folded name to that of the file."""

    def get(self, *names: str) -> Any:
        """The first value there is under any of the names; an empty text where there is none."""
        for name in names:
            value = self.values.get(folded(name))
            if value is not None and value != "":
                return value
        return ""

    def text(self, *names: str) -> str:
        """The same as a text."""
        return str(self.get(*names)).strip()

    def place(self, *names: str) -> Place:
        """Where the value of a column stands, under the name that the file has for it."""
        known = next((self.names[folded(name)] for name in names if folded(name) in self.names), names[0])
        return Place(self.file, known, self.line)


@dataclass(frozen=True)
class Sheet:
    """A bill whose layout is known."""

    path: Path
    name: str
    layout: Literal["csv", "parquet", "json"]
    columns: tuple[str, ...] = ()
    """Of a table, as the file writes them."""
    entries: tuple[Entry, ...] = field(default=(), repr=False)
    """Of JSON: its objects."""

    def has(self, *names: str) -> bool:
        """Whether a table has all these columns."""
        return {folded(name) for name in names} <= {folded(column) for column in self.columns}

    @property
    def keys(self) -> frozenset[str]:
        """The keys of the first object of JSON."""
        return frozenset(self.entries[0].data) if self.entries else frozenset()

    @property
    def buckets(self) -> list[Entry]:
        """The buckets of time of an API's pages, which hold them under `data`, or the objects themselves."""
        return [bucket for entry in self.entries for bucket in (entry.entries("data") if "data" in entry.data else [entry])]

    @property
    def unfinished(self) -> list[str]:
        """What is to be said of an API's pages where another follows the last."""
        more = any(entry.data.get("has_more") is True for entry in self.entries[-1:])
        return ["the last page says has_more: the export is not complete"] if more else []

    def rows(self, *wanted: str) -> Iterator[Row]:
        """The rows of a table with the columns wanted (none said: all), or the objects of JSON."""
        if self.layout == "json":
            return self._objects()
        return self._parquet(wanted) if self.layout == "parquet" else self._csv()

    def _csv(self) -> Iterator[Row]:
        names = _names(self.columns)
        keys = [folded(column) for column in self.columns]
        reader = csv.reader(_text(self.path, self.name), strict=True)
        try:
            next(reader, None)
            for values in reader:
                if any(value.strip() for value in values):
                    found: dict[str, Any] = {}
                    for key, value in zip(keys, values, strict=False):
                        found.setdefault(key, value.strip())
                    yield Row(self.name, reader.line_num, found, names)
        except csv.Error as error:
            raise input_error([Problem(self.name, f"not CSV: {error}", line=reader.line_num)]) from None

    def _parquet(self, wanted: tuple[str, ...]) -> Iterator[Row]:
        import pyarrow as pa
        import pyarrow.parquet as pq

        names = _names(self.columns)
        keys = {folded(name) for name in wanted or self.columns}
        chosen = [column for column in self.columns if folded(column) in keys]
        row = 0
        try:
            with pq.ParquetFile(self.path) as file:
                for batch in file.iter_batches(columns=chosen):
                    for values in batch.to_pylist():
                        row += 1
                        yield Row(self.name, row, {folded(column): _plain(value) for column, value in values.items()}, names)
        except (pa.ArrowException, OSError) as error:
            raise InputError(f"{self.name}: cannot be read: {str(error).splitlines()[0][:200]}") from None

    def _objects(self) -> Iterator[Row]:
        for at, entry in enumerate(self.entries, 1):
            flat = _flat(entry.data)
            yield Row(self.name, entry.line or at, {folded(key): value for key, value in flat.items()}, _names(flat))


def open_sheet(path: str | Path) -> Sheet:
    """A first look at a bill; InputError for a file that is absent, a folder, too large, or neither text, gzip nor Parquet."""
    path = Path(path)
    name = visible(str(path))
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
    except OSError as error:
        raise not_opened(path, name, error) from None
    if size > MOST_BYTES:
        raise InputError(f"{name}: more than {MOST_BYTES} bytes; at most that many are read")
    if head[:4] == b"PAR1":
        return Sheet(path, name, "parquet", _schema(path, name))
    if head[:4] == b"PK\x03\x04":
        raise InputError(f"{name}: a ZIP archive; unpack it first")
    first = ""
    for line in _text(path, name):
        first = line.lstrip()
        if first:
            break
    if first[:1] in ("{", "["):
        return Sheet(path, name, "json", entries=_entries(path, name))
    try:
        header = next(csv.reader(_text(path, name)), [])
    except csv.Error as error:
        raise InputError(f"{name}:1: not CSV: {error}") from None
    return Sheet(path, name, "csv", tuple(column.strip() for column in header))


def _schema(path: Path, name: str) -> tuple[str, ...]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return tuple(pq.read_schema(path).names)
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{name}: cannot be read: {str(error).splitlines()[0][:200]}") from None


def _text(path: Path, name: str, most: int = MOST_BYTES) -> Iterator[str]:
    """The lines of a text file, unpacked if need be; InputError when it is not UTF-8, broken, or longer than allowed."""
    with path.open("rb") as raw:
        packed = raw.read(2) == b"\x1f\x8b"
    length = 0
    try:
        with gzip.open(path, "rt", encoding="utf-8-sig", newline="") if packed else path.open(encoding="utf-8-sig", newline="") as file:
            while line := file.readline(_LONGEST_LINE):
                length += len(line)
                if length > most:
                    raise InputError(f"{name}: more than {most} bytes of text; at most that many are read")
                yield line
    except UnicodeDecodeError:
        raise InputError(f"{name}: not UTF-8 text") from None
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{name}: cannot be read: {str(error)[:80]}") from None


def _entries(path: Path, name: str) -> tuple[Entry, ...]:
    """The objects of JSON (one, or a list) or of JSON lines."""
    text = "".join(_text(path, name, MOST_JSON_BYTES))
    try:
        document = json.loads(text, parse_float=str, parse_constant=str)
    except json.JSONDecodeError as error:
        if error.msg != "Extra data":
            raise InputError(f"{name}:{error.lineno}:{error.colno}: not JSON: {error.msg}") from None
    except RecursionError:
        raise InputError(f"{name}: not JSON: nested too deep") from None
    except ValueError as error:
        raise InputError(f"{name}: not JSON: {str(error)[:80]}") from None
    else:
        items = document if isinstance(document, list) else [document]
        prefixes = [f"[{at}]." for at in range(len(items))] if isinstance(document, list) else [""]
        return tuple(Entry(_object(item, name), name, prefix=prefix) for item, prefix in zip(items, prefixes, strict=True))
    made = []
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            try:
                found = json.loads(line, parse_float=str, parse_constant=str)
            except (ValueError, RecursionError) as error:
                raise InputError(f"{name}:{number}: not a JSON object: {str(error)[:80]}") from None
            made.append(Entry(_object(found, f"{name}:{number}"), name, number))
    return tuple(made)


def _object(value: Any, place: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InputError(f"{place}: found {shown(value)}; objects are needed")
    return value


def _names(columns: Any) -> dict[str, str]:
    """Folded name to name; of several the first."""
    made: dict[str, str] = {}
    for column in columns:
        made.setdefault(folded(column), visible(str(column))[:100])
    return made


def _flat(data: Mapping[str, Any], prefix: str = "", depth: int = 0) -> dict[str, Any]:
    """An object whose inner objects' keys are joined to theirs by a point."""
    made: dict[str, Any] = {}
    for key, value in data.items():
        if isinstance(value, Mapping) and depth < 4:
            made.update(_flat(value, f"{prefix}{key}.", depth + 1))
        else:
            made[f"{prefix}{key}"] = value
    return made


def _plain(value: Any) -> Any:
    """Times as ISO 8601; other values as they are."""
    return value.isoformat() if hasattr(value, "isoformat") else value
