"""A first look at a file of prices: a table with its header, JSON, or a text for the YAML reader; nothing else is read.

At most 64 MiB are read. What is no text (a zipped plan, a Parquet file) or a web page saved in place of a file is refused here.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sim.catalog.file_content import read_content, utf8_text
from sim.errors import InputError

if TYPE_CHECKING:
    from sim.catalog.catalog import Catalog
    from sim.catalog.price_file import PriceFile

MOST_BYTES = 64 * 1024 * 1024
_TABLES = (".csv", ".tsv")
_BINARY = ((b"PK", "a zip archive"), (b"\x1f\x8b", "a gzip file"), (b"PAR1", "a Parquet file"), (b"%PDF", "a PDF file"))


@dataclass(frozen=True)
class Look:
    """A file of prices before its format is known. `data` is the object of a JSON file, `header` the first line of a table."""

    path: Path
    name: str
    text: str = field(repr=False)
    data: dict[str, Any] | None = field(default=None, repr=False)
    header: tuple[str, ...] = ()

    @property
    def is_table(self) -> bool:
        """Whether the file calls itself one."""
        return self.path.suffix.lower() in _TABLES

    @property
    def delimiter(self) -> str:
        """What separates the cells of a table."""
        first = self.text.split("\n", 1)[0]
        return max(",;\t", key=first.count)


@dataclass(frozen=True)
class PriceFormat:
    """A format of price files of another tool: how it is recognised, and how it is read."""

    name: str
    about: str
    matches: Callable[[Look], bool]
    read: Callable[[Look, Catalog], PriceFile]


def look(path: Path, name: str) -> Look:
    """The first look; InputError for a file that is absent, too large, no text, or a web page."""
    text = _text(path, name)
    start = text.lstrip()
    if start[:1] == "<":
        raise InputError(f"{name}:1: found a page of a web site (HTML or XML); allowed: the file of prices itself")
    if start[:1] == "{":
        return Look(path, name, text, data=_object(text, path, name))
    first = start.split("\n", 1)[0].rstrip("\r")
    plain = Look(path, name, text)
    try:
        cells = next(csv.reader([first], delimiter=plain.delimiter), [])
    except csv.Error:
        return plain
    return Look(path, name, text, header=tuple(cell.strip() for cell in cells) if len(cells) > 1 else ())


def _text(path: Path, name: str) -> str:
    content = read_content(path, name, MOST_BYTES)
    for magic, what in _BINARY:
        if content.startswith(magic):
            raise InputError(f"{name}: found {what}; allowed: prices as YAML, as CSV of a SkyPilot catalogue, or as JSON of Infracost")
    return utf8_text(content, name)


def _object(text: str, path: Path, name: str) -> dict[str, Any] | None:
    """The object of a JSON text; None where it is none, as a mapping in YAML's flow style. InputError for a broken file named .json."""
    try:
        found = json.loads(text)
    except json.JSONDecodeError as error:
        if path.suffix.lower() == ".json":
            raise InputError(f"{name}:{error.lineno}:{error.colno}: not valid JSON: {error.msg}") from None
        return None
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
