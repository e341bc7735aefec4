"""A first look at a benchmark file: JSON objects with their places, or the header of a CSV.

JSON may be one object, a list of objects, or an object a line. It is read strictly: a key twice in one object is refused, and
numbers that are none (NaN, Infinity) are told where they are needed.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from sim.calibration.formats.csv_rows import column_names, delimiter_of, read_text
from sim.calibration.points import Benchmark, Given
from sim.catalog.catalog import Catalog
from sim.catalog.places import Entry, shown
from sim.errors import InputError, visible

MOST_ENTRIES = 2_000_000


@dataclass(frozen=True)
class Look:
    """A file whose layout is known: its JSON objects, or its text and the cells of its first line."""

    path: Path
    name: str
    layout: Literal["json", "csv"]
    entries: tuple[Entry, ...] = ()
    header: tuple[str, ...] = ()
    text: str = ""

    @property
    def keys(self) -> frozenset[str]:
        """The keys of the first object."""
        return frozenset(self.entries[0].data) if self.entries else frozenset()


@dataclass(frozen=True)
class Format:
    """A format of benchmark files: how it is recognised, and how it is read."""

    name: str
    about: str
    matches: Callable[[Look], bool]
    read: Callable[[Look, Given, Catalog], Benchmark]


def look(path: Path, name: str | None = None) -> Look:
    """The first look; InputError for a file that is absent, too large, neither JSON nor CSV, or broken JSON."""
    name = visible(name or str(path))
    text = read_text(path, name)
    if text.lstrip()[0] in "{[":
        return Look(path, name, "json", entries=_entries(text, name))
    first = text.lstrip().split("\n", 1)[0].rstrip("\r")
    try:
        cells = next(csv.reader([first], delimiter=delimiter_of(text)), [])
    except csv.Error as error:
        raise InputError(f"{name}:1: neither JSON nor CSV: {error}") from None
    return Look(path, name, "csv", header=column_names(cells), text=text)


def _entries(text: str, name: str) -> tuple[Entry, ...]:
    try:
        document = load_json(text, name)
    except _MoreThanOneError:
        entries = []
        for line, part in enumerate(text.split("\n"), 1):
            if part.strip():
                entries.append(Entry(_object(load_json(part, name, line), name, line), name, line))
            if len(entries) > MOST_ENTRIES:
                raise InputError(f"{name}:{line}: more than {MOST_ENTRIES:,} entries") from None
        return tuple(entries)
    if document == []:
        raise InputError(f"{name}: an empty list; no benchmark")
    if isinstance(document, list):
        return tuple(Entry(_object(item, f"{name}: [{at}]"), name, prefix=f"[{at}].") for at, item in enumerate(document))
    return (Entry(_object(document, name), name),)


class _MoreThanOneError(Exception):
    """There is another JSON value after the first."""


class _TwiceError(Exception):
    """A key stands twice in one object."""


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        keys = [key for key, _ in pairs]
        raise _TwiceError(next(key for at, key in enumerate(keys) if key in keys[:at]))
    return made


def load_json(text: str, name: str, line: int | None = None) -> Any:
    """A JSON document, or one line of JSON lines; InputError with line and column where it breaks off."""

    try:
        return json.loads(text, object_pairs_hook=_unique)
    except _TwiceError as error:
        raise InputError(f"{name}{'' if line is None else f':{line}'}: key {shown(error.args[0])} twice in one object") from None
    except json.JSONDecodeError as error:
        if line is None and error.msg == "Extra data" and text[error.pos :].lstrip()[:1] == "{":
            raise _MoreThanOneError from None
        at = f"{error.lineno if line is None else line}:{error.colno}"
        raise InputError(f"{name}:{at}: not JSON: {error.msg}") from None
    except (ValueError, RecursionError) as error:
        what = "nested too deeply" if isinstance(error, RecursionError) else str(error)[:80]
        raise InputError(f"{name}{'' if line is None else f':{line}'}: not JSON that can be read: {what}") from None


def _object(value: Any, name: str, line: int | None = None) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InputError(f"{name}{'' if line is None else f':{line}'}: found {shown(value)}; JSON objects are needed")
    return value
