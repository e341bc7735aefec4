"""A first look at a foreign file of requests or totals, and its JSON objects with their places."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from sim.catalog.file_content import not_opened
from sim.catalog.places import Entry, shown
from sim.errors import InputError, visible

_HEAD_BYTES = 1 << 16
_MOST_LINE_BYTES = 256 << 20
MOST_BYTES = 4 << 30
_YAML = re.compile(r"(?:(?:#.*|---)?\n)*[A-Za-z_]\w*:(?:\s|$)", re.ASCII)


@dataclass(frozen=True)
class Look:
    """A first look at a file: what kind of text or binary it is, and the names of its columns or keys."""

    path: Path
    name: str
    layout: Literal["parquet", "csv", "lines", "json", "yaml"]
    columns: tuple[str, ...]


def look(path: str | Path, name: str | None = None) -> Look:
    """The first look; InputError when there is no such file, or it is empty or neither text nor Parquet."""
    path, name = Path(path), visible(name or str(path))
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
        size = path.stat().st_size
    except OSError as error:
        raise not_opened(path, name, error) from None
    if not head.strip():
        raise InputError(f"{name}: an empty file")
    if size > MOST_BYTES:
        raise InputError(f"{name}: more than {MOST_BYTES >> 30} GiB; import it in parts, or convert it to Parquet")
    if head[:2] == b"\x1f\x8b":
        raise InputError(f"{name}: compressed (gzip); unpack it first")
    if head[:4] == b"PAR1":
        from sim.trace.source import open_file

        return Look(path, name, "parquet", tuple(open_file(path, name).schema.names))
    try:
        text = head.decode("utf-8-sig", errors="strict" if size <= _HEAD_BYTES else "ignore")
    except UnicodeDecodeError:
        raise InputError(f"{name}: neither Parquet nor UTF-8 text") from None
    text = text.lstrip()
    if not text:
        raise InputError(f"{name}: an empty file")
    if text[0] in "{[":
        first = _first_object(text if "\n" in text or size <= _HEAD_BYTES else _first_lines(path))
        if first is not None:
            return Look(path, name, "lines", tuple(first))
        return Look(path, name, "json", tuple(_whole_keys(path, name)))
    if path.suffix.lower() in (".yaml", ".yml") or _YAML.match(text):
        return Look(path, name, "yaml", tuple(re.findall(r"^([A-Za-z_]\w*):", text, re.MULTILINE)))
    header = next(csv.reader(io.StringIO(text.splitlines()[0])), [])
    return Look(path, name, "csv", tuple(column.strip() for column in header))


def _first_lines(path: Path) -> str:
    """The first line that is longer than a head, and the beginning of the next."""
    with path.open("rb") as file:
        return (file.readline(_MOST_LINE_BYTES) + file.readline(_HEAD_BYTES)).decode("utf-8-sig", errors="replace").lstrip()


def _first_object(text: str) -> dict[str, Any] | None:
    """The first line as an object, if another line or nothing follows it."""
    line, _, rest = text.partition("\n")
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) and (not rest.strip() or rest.lstrip()[0] == "{") else None


def _whole_keys(path: Path, name: str) -> list[str]:
    document = load_json(path, name)
    if isinstance(document, list):
        document = next((entry for entry in document if isinstance(entry, dict)), {})
    return [str(key) for key in document] if isinstance(document, dict) else []


def load_json(path: Path, name: str) -> Any:
    """A JSON document; InputError with the line and column where it breaks off."""
    try:
        return json.loads(path.read_text("utf-8-sig"))
    except json.JSONDecodeError as error:
        raise InputError(f"{name}:{error.lineno}:{error.colno}: not JSON: {error.msg}") from None
    except RecursionError:
        raise InputError(f"{name}: not JSON: nested too deep") from None
    except ValueError as error:
        raise InputError(f"{name}: not JSON: {str(error)[:80]}") from None


def each_entry(found: Look) -> Iterator[Entry]:
    """The objects of a JSON document (one, or a list) or of JSON lines, with their places; InputError with the line that breaks."""
    if found.layout == "json":
        document = load_json(found.path, found.name)
        if not isinstance(document, list):
            yield Entry(_object(document, found.name), found.name)
            return
        yield from (Entry(_object(entry, f"{found.name}: entry {at}"), found.name, prefix=f"[{at}].") for at, entry in enumerate(document))
        return
    with found.path.open(encoding="utf-8-sig", errors="replace") as file:
        for number, line in enumerate(file, 1):
            if line.strip():
                try:
                    entry = json.loads(line)
                except (ValueError, RecursionError) as error:
                    raise InputError(f"{found.name}:{number}: not a JSON object: {str(error)[:80]}") from None
                yield Entry(_object(entry, f"{found.name}:{number}"), found.name, number)


def _object(entry: Any, place: str) -> dict[str, Any]:
    if not isinstance(entry, dict):
        raise InputError(f"{place}: found {shown(entry)}; objects are needed")
    return entry


def objects(found: Look) -> list[dict[str, Any]]:
    """The same without their places."""
    return [dict(entry.data) for entry in each_entry(found)]
