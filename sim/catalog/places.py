"""Where something stands in a file of another tool, and what is wrong there: values are read leniently in form, strictly in meaning.

Benchmarks, traces and bills are read this way. A reader collects the problems of the whole file and raises them together (`raise_all`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from math import isfinite
from typing import Any, TypeGuard

from sim.errors import InputError, Problem, input_error, visible

MOST_SHOWN = 20
LONGEST_S = 7 * 86400.0
"""No latency is longer than a week."""
SHORTEST_S = 1e-6
MOST_TOKENS = 1e8
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?")
_MISSING = frozenset({"", "-", "na", "n/a", "nan", "null", "none", "not measured"})


@dataclass(frozen=True, slots=True)
class Place:
    """A value's place: file, key path or column name, and in text files line and column, from 1."""

    file: str
    key: str = ""
    line: int | None = None
    column: int | None = None

    def problem(self, found: str, allowed: str = "", suggestion: str = "") -> Problem:
        """What is wrong here."""
        return Problem(self.file, found, self.key, self.line, self.column, allowed, suggestion)

    def wraps(self, error: InputError) -> Problem:
        """An error of a look-up by name, told where the name stands."""
        return self.problem(str(error).removeprefix(f"{self.key}: "))

    def __str__(self) -> str:
        place = ":".join(str(part) for part in (self.file, self.line) if part is not None)
        return f"{place}: {self.key}" if self.key and self.line is None else place


def raise_all(problems: Iterable[Problem]) -> None:
    """Raise InputError with the problems, in the order of the file, the first twenty of them, if there are any.

    What is wrong in the same way in several lines is told once, at the first, with the number of lines.
    """
    ordered = sorted(problems, key=lambda problem: (problem.line or 0, problem.column or 0))
    alike: dict[Problem, dict[int | None, Problem]] = {}
    for each in ordered:
        alike.setdefault(replace(each, line=None, column=None), {}).setdefault(each.line, each)
    lines = []
    for by_line in alike.values():
        first = next(iter(by_line.values()))
        lines.append(f"{first} (so in {len(by_line):,} lines)" if len(by_line) > 1 else str(first))
    if len(lines) > MOST_SHOWN:
        lines = [*lines[:MOST_SHOWN], f"and {len(lines) - MOST_SHOWN} more"]
    if lines:
        raise input_error(lines)


def shown(value: object) -> str:
    """A value of the user's, short and printable."""
    text = visible(value if isinstance(value, str) else str(value))
    return repr(text if len(text) <= 60 else f"{text[:57]}...")


def is_missing(value: object) -> bool:
    """Whether a cell or key holds nothing: absent, empty, or one of the words for it."""
    return value is None or (isinstance(value, str) and value.strip().lower() in _MISSING)


def is_plain(value: object, least: float, most: float) -> TypeGuard[float]:
    """Whether a value of JSON is a number in (least, most]; the quick way for the many that are."""
    return (type(value) is float or type(value) is int) and least < value <= most


def number(value: object, place: Place, problems: list[Problem], *, most: float, least: float = 0.0, above: bool = True) -> float | None:
    """A finite number in (least, most], or [least, most] without `above`; None when missing, and when wrong with a problem added."""
    if is_missing(value):
        return None
    found: float | None = None
    if isinstance(value, str) and _NUMBER.fullmatch(value.strip()):
        found = float(value)
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        # A whole number of hundreds of digits is larger than any float.
        found = float(value) if abs(value) < 1e300 else float("inf") * (1 if value > 0 else -1)
    bound = f"above {least:g}" if above else f"at least {least:g}"
    allowed = f"a plain number {bound}, at most {most:,.10g}"
    if found is None or not isfinite(found) or found < least or (above and found == least) or found > most:
        problems.append(place.problem(f"found {shown(value)}", allowed))
        return None
    return found


def latency(value: object, place: Place, problems: list[Problem], factor: float) -> float | None:
    """A time in seconds, `factor` seconds a unit of the file. Zero is "not measured", as tools write it; under a microsecond is no time."""
    found = number(value, place, problems, most=LONGEST_S / factor, above=False)
    if not found:
        return None
    if found * factor < SHORTEST_S:
        problems.append(place.problem(f"found {shown(value)}: less than a microsecond", "a time in the unit of its name"))
        return None
    return found * factor


def whole(value: object, place: Place, problems: list[Problem], *, most: float, least: int = 1) -> int | None:
    """A whole number in [least, most] (`8.0` is one); None when missing, and when wrong with a problem added."""
    found = number(value, place, problems, most=most, least=least, above=False)
    if found is not None and found != int(found):
        problems.append(place.problem(f"found {shown(value)}", "a whole number"))
        return None
    return None if found is None else int(found)


def truth(value: object, place: Place, problems: list[Problem]) -> bool | None:
    """Yes or no; None when missing, and when wrong with a problem added."""
    if is_missing(value):
        return None
    text = str(value).strip().lower()
    if text in ("true", "yes", "on", "1"):
        return True
    if text in ("false", "no", "off", "0"):
        return False
    problems.append(place.problem(f"found {shown(value)}", "true, false"))
    return None


@dataclass(frozen=True)
class Entry:
    """One JSON object of a file and where it stands."""

    data: Mapping[str, Any]
    file: str
    line: int | None = None
    prefix: str = ""

    def place(self, key: str = "") -> Place:
        """Where a key stands."""
        return Place(self.file, f"{self.prefix}{key}".rstrip("."), self.line)

    def within(self, *keys: str) -> Entry | None:
        """The object under keys, one in another; None where there is none."""
        found: Any = self.data
        for key in keys:
            found = found.get(key) if isinstance(found, Mapping) else None
        return Entry(found, self.file, self.line, f"{self.prefix}{'.'.join(keys)}.") if isinstance(found, Mapping) else None

    def number(self, key: str, problems: list[Problem], *, most: float, least: float = 0.0, above: bool = True) -> float | None:
        """A number under a key; None when missing, and when wrong with a problem added."""
        value = self.data.get(key)
        if is_plain(value, least, most):
            return float(value)
        return number(value, self.place(key), problems, most=most, least=least, above=above)

    def latency(self, key: str, problems: list[Problem], factor: float) -> float | None:
        """Seconds under a key, `factor` to a unit of the file; None when not measured, and when wrong with a problem added."""
        value = self.data.get(key)
        if is_plain(value, SHORTEST_S / factor, LONGEST_S / factor):
            return float(value) * factor
        return latency(value, self.place(key), problems, factor)

    def whole(self, key: str, problems: list[Problem], *, most: float = 1e9, least: int = 1) -> int | None:
        """A whole number under a key; None when missing, and when wrong with a problem added."""
        return whole(self.data.get(key), self.place(key), problems, most=most, least=least)

    def numbers(self, key: str, problems: list[Problem], *, most: float) -> list[float] | None:
        """An array of numbers of at least zero; None when there is none, and when one is wrong with a problem added."""
        values = self.data.get(key)
        if values is None:
            return None
        if not isinstance(values, list):
            problems.append(self.place(key).problem(f"found {shown(values)}", "a list of numbers"))
            return None
        for at, value in enumerate(values):
            # NaN is in no range, and whole numbers of any length compare.
            if not is_plain(value, -1e-300, most):
                number(value, self.place(f"{key}[{at}]"), problems, most=most, above=False)
                if is_missing(value):
                    problems.append(self.place(f"{key}[{at}]").problem("missing", "a number"))
                return None
        return [float(value) for value in values]

    def entries(self, key: str) -> list[Entry]:
        """The objects of a list under a key."""
        items = self.data.get(key)
        found = enumerate(items) if isinstance(items, list) else ()
        return [Entry(item, self.file, self.line, f"{self.prefix}{key}[{at}].") for at, item in found if isinstance(item, Mapping)]
