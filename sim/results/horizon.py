"""The months that are asked for: from when, how many futures of which outlook, against which budget; and their forecast."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import datetime

    from sim.catalog.catalog import Catalog
    from sim.cost.replay import Replay
    from sim.futures.calendar import Calendar
    from sim.futures.forecast import Forecast
    from sim.futures.run import Says
    from sim.results.books import Books
    from sim.stack import ResolvedStack
    from sim.stack.outlook_read import OutlookFile
    from sim.trace import Trace

MONTHS = 12
MOST_MONTHS = 120
FUTURES = 400
FEWEST_FUTURES = 20
OUTLOOK = "base"
_YEARS = (2000, 2099)


@dataclass(frozen=True)
class Horizon:
    """The months that were asked for: from when, how many futures of which outlook, against which budget."""

    calendar: Calendar
    outlook: OutlookFile
    futures: int
    workers: int
    exact: bool
    strict: bool
    budget_usd: float | None


def horizon(
    months: int, *, date: datetime.date, catalog: Catalog, settings: Sequence[str], outlook: str, futures: int, start: str | None,
    workers: int | None, strict: bool, exact: bool = False, budget: str | float | None = None,
) -> Horizon:  # fmt: skip
    """The months as asked for, from the month of `date` unless `start` is given; InputError with every mistake."""
    from sim.errors import InputError, input_error
    from sim.futures.calendar import Calendar
    from sim.stack.blame import blaming
    from sim.stack.outlook_read import read_outlook

    problems: list[str] = []

    def read(what: Callable[[], Any]) -> Any:
        try:
            return what()
        except InputError as error:
            problems.append(str(error))
            return None

    first = read(lambda: first_month(start, date))
    usd = read(lambda: _usd(budget))
    found = read(lambda: blaming(lambda some: read_outlook(outlook, catalog, some), settings))
    if problems:
        raise input_error(problems)
    return Horizon(Calendar(first, months), found, futures, workers or cores(), exact, strict, usd)


def forecast_stack(
    asked: Horizon, resolved: ResolvedStack, trace: Trace, found: Replay, *, books: Books, seed: int, says: Says | None = None
) -> Forecast:
    """The forecast of a stack whose plain replay has been `found`; replays are kept in the user's cache folder for the next one."""
    from sim.futures.cell_store import CellStore
    from sim.futures.run import Question, forecast

    outlook = asked.outlook.strictly() if asked.strict else asked.outlook.outlook
    question = Question(asked.outlook.name, outlook, asked.calendar, asked.futures, seed, asked.strict, asked.exact)
    return forecast(
        resolved,
        trace,
        question,
        catalog=books.catalog,
        book=books.book,
        replayed=found,
        workers=asked.workers,
        store=CellStore.default(),
        says=says,
    )


def cores() -> int:
    """Cores that this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # no such call on this system
        return os.cpu_count() or 1


def first_month(text: str | None, date: datetime.date) -> datetime.date:
    """`--start` as the first day of its month, that of `date` where it is not given; InputError for what is no month."""
    import datetime
    import re

    from sim.errors import InputError

    if text is None:
        return date.replace(day=1)
    match = re.fullmatch(r"(\d{4})-(\d{2})", text.strip(), re.ASCII)
    if match is None or not 1 <= int(match[2]) <= 12 or not _YEARS[0] <= int(match[1]) <= _YEARS[1]:
        raise InputError(f"--start: found {text[:40]!r}; allowed: a month from {_YEARS[0]}-01 to {_YEARS[1]}-12, as 2026-11")
    return datetime.date(int(match[1]), int(match[2]), 1)


def _usd(budget: str | float | None) -> float | None:
    import re

    from sim.errors import InputError
    from sim.units import parse_usd

    if budget is None:
        return None
    said = str(budget)
    if isinstance(budget, str) and re.fullmatch(r"\$?\d{1,3}(\.\d{3})+", said.strip()):
        plain, cents = said.replace(".", ""), said.strip()[:-1]
        raise InputError(f"--budget: found {said[:40]!r}, which could be {plain} or {cents}; write one of them")
    try:
        usd = parse_usd(budget)
    except InputError as error:
        raise InputError(f"--budget: {error}") from None
    if usd <= 0:
        raise InputError(f"--budget: found {said[:40]!r}; allowed: an amount of money above 0, as 90000 or $90k")
    return usd
