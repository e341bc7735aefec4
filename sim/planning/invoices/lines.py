"""What the rows of a bill add up to: months, amounts and currencies are checked where they stand, and sums are exact.

All amounts are US dollars: a bill in another currency is refused, for no rate of the day it was paid is known here.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from sim.catalog.places import Place, shown
from sim.errors import Problem, input_error, visible
from sim.planning.invoices.paid import Meaning, Paid
from sim.planning.invoices.sheet import Row

MOST_PROBLEMS = 20
MOST_LINE_CHARACTERS = 300
_USD = re.compile(r"[+-]?\$?[+-]?(?:\d+|\d{1,3}(?:,\d{3})+)?(?:\.\d*)?(?:[eE][+-]?\d+)?", re.ASCII)
"""A point before the cents; commas between thousands alone, so that `1.234,56` is not taken for little more than 1."""
_MONTH = re.compile(r"([1-9]\d{3}-(?:0[1-9]|1[0-2]))(?:-\d{2}(?:[T ].*)?)?", re.ASCII)
_MOST_USD = 1e15
"""Of one row: what is beyond is no money, and cents are lost in the sum."""


class Lines:
    """The lines of one bill while it is read."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.notes: list[str] = []
        self.meanings: dict[str, Meaning] = {}
        self._sums: dict[tuple[str, str, str], list[float]] = {}
        self._left_out: dict[str, list[float]] = {}
        self._problems: list[Problem] = []
        self._more = 0

    def problem(self, problem: Problem) -> None:
        """Remember what is wrong; the first twenty are told."""
        self._more += 1
        if len(self._problems) < MOST_PROBLEMS:
            self._problems.append(problem)

    def month(self, row: Row, *columns: str) -> str | None:
        """The month of a date or time under a column; None with a problem where there is none."""
        found = month_of(row.get(*columns))
        if found is None:
            self.problem(row.place(*columns).problem(f"found {shown(row.text(*columns))}", "2027-01, or a date"))
        return found

    def usd(self, row: Row, *columns: str, place: Place | None = None) -> float | None:
        """An amount under a column; None with a problem where there is none."""
        value = amount(row.get(*columns))
        if value is None:
            where = place or row.place(*columns)
            self.problem(where.problem(f"found {shown(row.text(*columns))}", "an amount of US dollars, such as 1234.56"))
        return value

    def dollars(self, row: Row, *columns: str) -> bool:
        """Whether the currency under a column is US dollars; a problem where it is another, or none."""
        if row.text(*columns).upper() == "USD":
            return True
        self.problem(row.place(*columns).problem(f"found {shown(row.text(*columns))}", "USD"))
        return False

    def add(self, month: str | None, line: str, usd: float | None, deployment: str = "", meaning: Meaning | None = None) -> None:
        """One row; what is None for being wrong has its problem already."""
        if month is None or usd is None:
            return
        line = visible(" ".join(line.split()))[:MOST_LINE_CHARACTERS]
        self._sums.setdefault((month, line, deployment), []).append(usd)
        if meaning is not None:
            self.meanings.setdefault(line, meaning)

    def leave_out(self, what: str, usd: float | None) -> None:
        """An amount that is not compared, such as tax."""
        if usd is not None:
            self._left_out.setdefault(what, []).append(usd)

    def paid(self) -> tuple[Paid, ...]:
        """All lines in order of month and name; InputError with every problem of the file (the first twenty)."""
        if self._problems:
            rest = [f"{self.name}: and {self._more - len(self._problems)} more of the kind"] if self._more > len(self._problems) else []
            raise input_error([*self._problems, *rest])
        for what, amounts in sorted(self._left_out.items()):
            self.notes.append(f"not counted: {what}, {math.fsum(amounts):,.2f} USD")
        if not self._sums:
            raise input_error([Problem(self.name, "no lines", allowed="a header, and a row a month and line")])
        # Exact sums: the order of the rows of a bill moves no cent.
        return tuple(Paid(*key, math.fsum(self._sums[key])) for key in sorted(self._sums))

    def known(self) -> Mapping[str, Meaning]:
        """What lines are known to mean."""
        return MappingProxyType(dict(self.meanings))


def month_of(value: Any) -> str | None:
    """The month of `2027-01`, a date, or a time in ISO 8601."""
    found = _MONTH.fullmatch(str(value).strip())
    return found[1] if found else None


def amount(value: Any) -> float | None:
    """US dollars of a text or number; credits are negative. None for what is no amount, or could mean another."""
    if isinstance(value, bool) or value == "":
        return None
    if isinstance(value, (int, float, Decimal)):
        # A whole number of hundreds of digits is larger than any float, and NaN is in no range.
        return float(value) if -_MOST_USD <= value <= _MOST_USD else None
    text = str(value).strip()
    if _USD.fullmatch(text) is None:
        return None
    try:
        found = float(text.replace("$", "").replace(",", ""))
    except ValueError:
        return None
    return found if abs(found) <= _MOST_USD else None
