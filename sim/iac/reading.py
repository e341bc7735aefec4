"""Foreign nested data, read key by key while it is remembered what was read: what is left at the end was ignored."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Path = tuple[str | int, ...]


class Reading:
    """A part of a document; `taken` is shared by all parts of it."""

    def __init__(self, data: Any, path: Path = (), taken: set[Path] | None = None) -> None:
        self.data = data
        self.path = path
        self.taken: set[Path] = set() if taken is None else taken

    def __bool__(self) -> bool:
        return bool(self.data)

    def at(self, *keys: str | int) -> Reading:
        """The part below some keys, not yet read; empty where there is none."""
        data: Any = self.data
        for key in keys:
            known = key in data if isinstance(data, dict) else isinstance(data, list) and isinstance(key, int) and key < len(data)
            if not known:
                return Reading(None, (*self.path, *keys), self.taken)
            data = data[key]
        return Reading(data, (*self.path, *keys), self.taken)

    def take(self, *keys: str | int) -> Any:
        """The value below some keys, with all it holds, now read; None where there is none."""
        part = self.at(*keys)
        if part.data is not None:
            self.taken.add(part.path)
        return part.data

    def text(self, *keys: str | int) -> str:
        """The value as a text, empty where there is none or it is no plain value."""
        value = self.take(*keys)
        return "" if value is None or isinstance(value, (dict, list)) else str(value)

    def number(self, *keys: str | int) -> float | None:
        """The value as a finite number, written as one or as a text; None where it is neither."""
        value = self.take(*keys)
        try:
            number = float("nan" if isinstance(value, (bool, dict, list)) else value)
            return int(number) if number == round(number) else number
        except (TypeError, ValueError, OverflowError):
            self.taken.discard(self.at(*keys).path)
            return None

    def count(self, *keys: str | int) -> int | None:
        """The value as a whole number; None where it is none."""
        found = self.number(*keys)
        if isinstance(found, float):
            self.taken.discard(self.at(*keys).path)
            return None
        return found

    def items(self, *keys: str | int) -> Iterator[Reading]:
        """The parts of a list."""
        part = self.at(*keys)
        if isinstance(part.data, list):
            for position in range(len(part.data)):
                yield part.at(position)

    def ignored(self) -> list[str]:
        """Paths of what was never read, the highest of each branch."""
        return [".".join(map(str, path)) for path in self._unread(self.data, self.path)]

    def _unread(self, data: Any, path: Path) -> Iterator[Path]:
        if path in self.taken:
            return
        inside = any(taken[: len(path)] == path for taken in self.taken)
        if inside and isinstance(data, dict):
            for key, value in data.items():
                yield from self._unread(value, (*path, key))
        elif inside and isinstance(data, list):
            for position, value in enumerate(data):
                yield from self._unread(value, (*path, position))
        else:
            yield path
