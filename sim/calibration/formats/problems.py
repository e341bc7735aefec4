"""Where something stands in a file, and what is wrong there: values are read leniently in form, strictly in meaning.

A reader collects the problems of the whole file and raises them together (`raise_all`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from math import isfinite
from typing import TypeGuard

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
