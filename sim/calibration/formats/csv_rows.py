"""CSV rows with the line and column of each cell, for messages; sizes are bounded."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from sim.catalog.places import Place, raise_all, shown
from sim.errors import InputError, visible

MOST_BYTES = 512 << 20
MOST_ROWS = 100_000
MOST_COLUMNS = 2_000
_LONGEST_NAME = 100


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its line in the file, its cells, and the text of the line for the columns of messages."""

    line: int
    cells: tuple[str, ...]
    text: str


@dataclass(frozen=True)
class CsvTable:
    """A header (normalised: lower case, `_` for spaces and `-`) and its rows."""

    name: str
    header: tuple[str, ...]
    rows: tuple[Row, ...]
    delimiter: str
    header_line: int

    def place(self, key: str, row: Row | None = None, column: int | None = None) -> Place:
        """Where a cell stands, or a whole row, or the header."""
        if row is None:
            return Place(self.name, key, self.header_line)
        at = None if column is None else _character(row.text, column, self.delimiter)
        return Place(self.name, key, row.line, at)


def read_text(path: Path, name: str | None = None) -> str:
    """The text of a file; InputError when it is absent, empty, too large or not UTF-8."""
    name = visible(name or str(path))
    try:
        if path.is_dir():
            raise InputError(f"{name}: a folder; a file is needed")
        size, content = path.stat().st_size, b""
        if size <= MOST_BYTES:
            # Pipes and devices have no size, and some no end.
            with path.open("rb") as file:
                content = file.read(MOST_BYTES + 1)
            size = max(size, len(content))
        if size > MOST_BYTES:
            raise InputError(f"{name}: {size >> 20:,} MiB; at most {MOST_BYTES >> 20} MiB of a benchmark are read")
        text = content.decode("utf-8-sig")
    except FileNotFoundError:
        raise InputError(f"{name}: no such file") from None
    except UnicodeDecodeError as error:
        raise InputError(f"{name}: not UTF-8 text (byte {error.start})") from None
    except OSError as error:
        raise InputError(f"{name}: cannot be read: {error.strerror}") from None
    if not text.strip():
        raise InputError(f"{name}: an empty file")
    return text


def csv_table(text: str, name: str) -> CsvTable:
    """The table of a CSV text; InputError for a broken, doubled or empty header, ragged rows, or too much of either."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    delimiter = delimiter_of(text)
    pairs = list(_rows(text, name, delimiter))
    head = pairs[0]
    header = column_names(head.cells)
    problems = []
    if len(header) > MOST_COLUMNS:
        raise InputError(f"{name}:{head.line}: {len(header)} columns; at most {MOST_COLUMNS} are read")
    for column, key in enumerate(header):
        if key and key in header[:column]:
            problems.append(Place(name, "", head.line, _character(head.text, column, delimiter)).problem(f"column {shown(key)} twice"))
    for row in pairs[1:]:
        if len(row.cells) != len(header):
            problems.append(Place(name, "", row.line).problem(f"{len(row.cells)} cells", f"{len(header)}, as in the header"))
    raise_all(problems)
    return CsvTable(name, header, tuple(pairs[1:]), delimiter, head.line)


def column_names(cells: Iterable[str]) -> tuple[str, ...]:
    """Names of columns in one spelling: lower case, `_` for spaces and `-`; printable, and no longer than a line."""
    return tuple(visible("_".join(cell.lower().replace("-", " ").split()))[:_LONGEST_NAME] for cell in cells)


def delimiter_of(text: str) -> str:
    """The delimiter of the first line that holds anything: a comma, a semicolon or a tab, whichever there is most of."""
    return max(",;\t", key=text.lstrip().split("\n", 1)[0].count)


def _rows(text: str, name: str, delimiter: str) -> Iterator[Row]:
    lines = text.split("\n")
    reader = csv.reader(io.StringIO(text), delimiter=delimiter, strict=True)
    line, count = 1, 0
    try:
        for cells in reader:
            start, line = line, reader.line_num + 1
            if not any(cell.strip() for cell in cells):
                continue
            count += 1
            if count > MOST_ROWS + 1:
                raise InputError(f"{name}:{start}: more than {MOST_ROWS:,} rows")
            yield Row(start, tuple(cells), lines[start - 1] if start <= len(lines) else "")
    except csv.Error as error:
        raise InputError(f"{name}:{reader.line_num}: not CSV: {error}") from None


def _character(text: str, column: int, delimiter: str) -> int:
    """The position in its line, from 1, at which a cell begins."""
    quoted, passed = False, 0
    for position, character in enumerate(text, 1):
        if passed == column:
            return position
        if character == '"':
            quoted = not quoted
        elif character == delimiter and not quoted:
            passed += 1
    return len(text) + 1
