"""A bill that was paid, read from a file: by month and line, and by deployment where it says so.

A CSV file with the columns `month`, `line`, `usd` and optionally `deployment`; or an export by FOCUS 1.2 (the FinOps Open Cost and Usage
Specification), of which ChargePeriodStart, ServiceName, BilledCost and BillingCurrency are read. Rows of the same month and line are added
up.
"""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TextIO

from sim.errors import InputError, Problem, input_error, nearest, nearest_name

MAX_BYTES = 256 * 2**20
MOST_PROBLEMS = 20
_OWN = ("month", "line", "usd")
_FOCUS = ("ChargePeriodStart", "ServiceName", "BilledCost")
_USD = re.compile(r"[+-]?\$?[+-]?(?:\d+|\d{1,3}(?:,\d{3})+)?(?:\.\d*)?(?:[eE][+-]?\d+)?", re.ASCII)
"""A point before the cents; commas between thousands alone, so that `1.234,56` is not taken for little more than 1."""
_MONTH = re.compile(r"([1-9]\d{3}-(?:0[1-9]|1[0-2]))(?:-\d{2}(?:[T ].*)?)?", re.ASCII)
_MOST_USD = 1e15
"""Of one row: what is beyond is no money, and cents are lost in the sum."""


@dataclass(frozen=True, slots=True)
class Paid:
    """What one line of a bill cost in one month; `deployment` is empty where the bill does not say."""

    month: str
    line: str
    deployment: str
    usd: float


def read_bill(path: str | Path) -> tuple[Paid, ...]:
    """The lines of a bill in order of month and name; InputError with every problem of the file (the first twenty)."""
    path = Path(path)
    name = str(path)
    try:
        if path.stat().st_size > MAX_BYTES:
            raise InputError(f"{name}: more than {MAX_BYTES} bytes; at most that many are read")
        with path.open(encoding="utf-8-sig", newline="") as file:
            return _read(file, name)
    except FileNotFoundError:
        siblings = [entry.name for entry in path.parent.iterdir()] if path.parent.is_dir() else []
        raise InputError(f"{name}: no such file{nearest(path.name, siblings)}") from None
    except IsADirectoryError:
        raise InputError(f"{name}: a folder; a file is needed") from None
    except OSError as error:
        raise InputError(f"{name}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise InputError(f"{name}: not UTF-8 text") from None


def _read(file: TextIO, name: str) -> tuple[Paid, ...]:
    reader = csv.reader(file, strict=True)
    sums: dict[tuple[str, str, str], list[float]] = {}
    problems: list[Problem] = []
    more = 0
    try:
        columns = _columns(next(reader, []), name)
        for values in reader:
            if not any(value.strip() for value in values):
                continue
            paid, found = _row(values, columns, name, reader.line_num)
            if paid is not None:
                sums.setdefault((paid.month, paid.line, paid.deployment), []).append(paid.usd)
            more += len(found)
            problems += found[: max(0, MOST_PROBLEMS - len(problems))]
    except csv.Error as error:
        raise input_error([Problem(name, f"not CSV: {error}", line=reader.line_num)]) from None
    if problems:
        rest = [f"{name}: and {more - len(problems)} more of the kind"] if more > len(problems) else []
        raise input_error([*problems, *rest])
    if not sums:
        raise input_error([Problem(name, "no lines", allowed="a header, and a row a month and line")])
    # Exact sums: the order of the rows of a bill moves no cent.
    return tuple(Paid(*key, math.fsum(sums[key])) for key in sorted(sums))


def _columns(header: Sequence[str], name: str) -> Mapping[str, int]:
    """Where month, line, usd and, if they are there, deployment and currency stand."""
    places: dict[str, int] = {}
    for k, column in enumerate(header):
        places.setdefault(column.strip().lower(), k)
    focus = all(column.lower() in places for column in _FOCUS)
    found = {own: places[(theirs if focus else own).lower()] for own, theirs in zip(_OWN, _FOCUS, strict=True) if focus or own in places}
    if len(found) < len(_OWN):
        missing = [column for column in _OWN if column not in found]
        raise input_error(
            [
                Problem(
                    name,
                    f"no column {column!r}",
                    line=1,
                    allowed=f"{', '.join(_OWN)} and optionally deployment; or {', '.join(_FOCUS)} (FOCUS 1.2)",
                    suggestion=nearest_name(column, [each for each in places if each not in found]),
                )
                for column in missing
            ]
        )
    optional = "billingcurrency" if focus else "deployment"
    if optional in places:
        found["currency" if focus else "deployment"] = places[optional]
    return MappingProxyType(found)


def _row(values: Sequence[str], columns: Mapping[str, int], name: str, line: int) -> tuple[Paid | None, list[Problem]]:
    """A row, or what is wrong with it."""
    problems: list[Problem] = []
    taken = {key: values[place].strip() if place < len(values) else "" for key, place in columns.items()}
    month = _MONTH.fullmatch(taken["month"])
    if month is None:
        problems.append(Problem(name, f"found {taken['month']!r}", key="month", line=line, allowed="2027-01, or a date"))
    if not taken["line"]:
        problems.append(Problem(name, "found nothing", key="line", line=line, allowed="the name of a line"))
    usd = _amount(taken["usd"])
    if usd is None:
        problems.append(Problem(name, f"found {taken['usd']!r}", key="usd", line=line, allowed="an amount of US dollars, such as 1234.56"))
    if taken.get("currency", "USD").upper() != "USD":
        problems.append(Problem(name, f"found {taken['currency']!r}", key="BillingCurrency", line=line, allowed="USD"))
    if problems or month is None or usd is None:
        return None, problems
    return Paid(month[1], taken["line"], taken.get("deployment", ""), usd), []


def _amount(text: str) -> float | None:
    """US dollars; credits are negative."""
    if _USD.fullmatch(text) is None:
        return None
    try:
        value = float(text.replace("$", "").replace(",", ""))
    except ValueError:
        return None
    return value if abs(value) <= _MOST_USD else None
