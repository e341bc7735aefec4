"""Finished rows on disk, so that a sweep or plan that was ended, however that happened, does not compute them again.

A file is named by its row's key, which stands for everything that the row depends on. It is written under another name and then renamed,
so that no reader sees half a file. What cannot be read, is torn, or is another's is as good as absent: a row is JSON with its key and a
checksum inside, and nothing else is accepted.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import math
import os
from pathlib import Path
from typing import Any

from sim.futures.cell_store import prune, with_nothing_left
from sim.planning.points import Level, Point, Row

MOST_BYTES = 200 << 20
_MOST_FILE_BYTES = 1 << 20
_LOOK_EVERY = 64
_SUFFIX = ".json"
_NOT_FINITE = frozenset({"inf", "-inf", "nan"})
_KEYS = frozenset({"key", "metrics", "refused", "slo"})


def row_text(key: str, row: Row) -> str:
    """A row as one line of JSON that gives back the same bits."""
    content = {
        "key": key,
        "metrics": {name: None if value is None else _plain(value) for name, value in row.metrics.items()},
        "slo": [[name, _plain(limit), None if measured is None else _plain(measured), bool(met)] for name, limit, measured, met in row.slo],
        "refused": row.refused,
    }
    return json.dumps(content, allow_nan=False, separators=(",", ":"))


def row_of(text: str, key: str, point: Point) -> Row | None:
    """The row of a point from its text; None for a text that is not one of that key."""
    try:
        content = json.loads(text, parse_constant=_not_finite)
        if not isinstance(content, dict) or set(content) != _KEYS or content["key"] != key:
            return None
        metrics = {name: None if value is None else _number(value) for name, value in _mapping(content["metrics"]).items()}
        slo = tuple(_level(each) for each in content["slo"])
        refused = None if content["refused"] is None else _text(content["refused"])
    except (ValueError, TypeError, RecursionError):
        return None
    return Row(point, metrics, slo, refused)


class PointStore:
    """Rows by key in one folder; a store without a folder keeps nothing."""

    def __init__(self, folder: Path | None, most_bytes: int = MOST_BYTES) -> None:
        self.folder = folder
        self._most_bytes = most_bytes
        self._serial = itertools.count()

    @staticmethod
    def default() -> PointStore:
        """The store in the user's cache folder (SIM_CACHE_DIR), where compiled code is kept too."""
        from sim.engine.compiled import CACHE_FOLDER

        folder = CACHE_FOLDER.parent / "points"
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError:
            return PointStore(None)
        return PointStore(folder)

    def get(self, key: str, point: Point) -> Row | None:
        """The row of a point by its key; None where there is none that can be read."""
        if self.folder is None:
            return None
        path = self._path(key)
        try:
            with path.open("rb") as file:
                content = file.read(_MOST_FILE_BYTES + 1)
            checksum, _, text = content.decode().partition("\n")
        except (OSError, UnicodeDecodeError):
            return None
        if len(content) > _MOST_FILE_BYTES or checksum != _checksum(text):
            return None
        row = row_of(text, key, point)
        if row is not None:
            try:
                path.touch()  # what is used is not the oldest
            except OSError:
                return row
        return row

    def put(self, key: str, text: str) -> None:
        """Keep the text of a row under its key; OSError where that cannot be done. The oldest files go when there are too many."""
        if self.folder is None:
            return
        serial = next(self._serial)
        temporary = self.folder / f".{key}.{os.getpid()}.{serial}"
        try:
            temporary.write_bytes(f"{_checksum(text)}\n{text}".encode())
            temporary.replace(self._path(key))
        finally:
            with_nothing_left(temporary)
        if serial % _LOOK_EVERY == 0:
            prune(self.folder, _SUFFIX, self._most_bytes)

    def _path(self, key: str) -> Path:
        assert self.folder is not None
        return self.folder / f"{key}{_SUFFIX}"


def _checksum(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _plain(value: float) -> float | str:
    """JSON knows no infinity: such a number is a text."""
    return float(value) if math.isfinite(value) else str(float(value))


def _not_finite(name: str) -> float:
    raise ValueError(name)


def _mapping(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise TypeError
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _number(value: Any) -> float:
    if isinstance(value, str) and value in _NOT_FINITE:
        return float(value)
    if not isinstance(value, float):
        raise TypeError
    return value


def _level(value: Any) -> Level:
    name, limit, measured, met = value
    if not isinstance(met, bool):
        raise TypeError
    return _text(name), _number(limit), None if measured is None else _number(measured), met
