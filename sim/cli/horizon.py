"""The options that are about months, and what they ask for together: those of `sim run`, and those of commands that need months."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from sim.cli.clients import refuse_months

if TYPE_CHECKING:
    import datetime

    from sim.catalog.catalog import Catalog
    from sim.futures.calendar import Calendar
    from sim.stack.outlook_read import OutlookFile

MONTHS = 12
MOST_MONTHS = 120
FUTURES = 400
FEWEST_FUTURES = 20
OUTLOOK = "base"
_YEARS = (2000, 2099)
_ABOUT_MONTHS = ("outlook", "futures", "start", "budget", "exact", "strict")


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


_months_or_none = click.option(
    "--months", type=click.IntRange(0, MOST_MONTHS), help=f"Months to forecast; 0 is the plain replay.  [default: {MONTHS}]"
)
_replay_only = click.option("--replay-only", is_flag=True, help="Replay the trace once, no months: the same as --months 0.")
_outlook = click.option("--outlook", default=OUTLOOK, show_default=True, metavar="NAME|FILE", help="What may happen over the months.")
_futures = click.option(
    "--futures", type=click.IntRange(min=FEWEST_FUTURES), default=FUTURES, show_default=True, help="How often it is drawn."
)
start_option = click.option("--start", metavar="YYYY-MM", help="The first month.  [default: that of the prices]")
_budget = click.option("--budget", metavar="USD", help="For all months together, as 90000 or $90k: how likely it is exceeded.")
_workers = click.option("--workers", type=click.IntRange(min=1), help="Processes at work; results are the same.  [default: all cores]")
_exact = click.option("--exact", is_flag=True, help="Replay every day of every future: for checks, as it takes hours.")
_strict = click.option("--strict", is_flag=True, help="Refuse what would otherwise be assumed: the shape of a day, successors of models.")

_months_of_points = click.option(
    "--months", type=click.IntRange(0, MOST_MONTHS), default=0, show_default=True, help="Months to forecast of each point; 0: replays."
)

months_option = click.option("--months", type=click.IntRange(1, MOST_MONTHS), default=MONTHS, show_default=True, help="Months to forecast.")


def options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Those of `sim run`, in the order in which help shows them."""
    for option in reversed((_months_or_none, _replay_only, _outlook, _futures, start_option, _budget, _workers, _exact, _strict)):
        command = option(command)
    return command


def futures_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Those of every command whose months are many futures."""
    for option in reversed((_outlook, _futures, _workers, _exact, _strict)):
        command = option(command)
    return command


def points_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Those of a command that holds many points against each other, each a plain replay unless months are asked for."""
    for option in reversed((_months_of_points, _outlook, _futures, start_option, _workers)):
        command = option(command)
    return command


def months_wanted(
    ctx: click.Context, *, months: int | None, replay_only: bool, settings: Sequence[str], events: str | None, clients: int | None
) -> int | None:
    """How many months: 0 for the plain replay, None where nothing was said. UsageError for options that contradict each other."""
    if months and replay_only:
        raise click.UsageError(f"--months {months}: --replay-only and --months exclude each other; allowed: --months 0, the plain replay")
    if months and events is not None:
        raise click.UsageError(
            f"--months {months}: --events and --months exclude each other, as events are scripted for the time of the trace; "
            "allowed: --months 0, the plain replay"
        )
    refuse_months(months, clients)
    if months == 0 or replay_only or events is not None or clients is not None:
        why = "--months 0" if months == 0 else "--replay-only" if replay_only else "--events" if events is not None else "--closed-loop"
        refuse_about_months(ctx, settings, why, "--months 1 or more")
        return 0
    return months


def refuse_about_months(ctx: click.Context, settings: Sequence[str], why: str, allowed: str) -> None:
    """UsageError for an option that is about months where there are none, with why and what is allowed."""
    from sim.stack.outlook_read import PREFIX

    default = click.core.ParameterSource.DEFAULT
    given = [f"--{name}" for name in _ABOUT_MONTHS if ctx.get_parameter_source(name) not in (None, default)]
    given += [f"--set {setting}" for setting in settings if setting.strip().startswith(PREFIX)]
    if given:
        raise click.UsageError(f"{given[0]}: is about months, and with {why} there are none; allowed: {allowed}")


def horizon(
    months: int, *, date: datetime.date, catalog: Catalog, settings: Sequence[str], outlook: str, futures: int, start: str | None,
    workers: int | None, strict: bool, exact: bool = False, budget: str | None = None,
) -> Horizon:  # fmt: skip
    """The months as asked for, from the month of `date` unless `start` is given; InputError with every mistake."""
    from sim.errors import InputError, input_error
    from sim.futures.calendar import Calendar
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
    found = read(lambda: read_outlook(outlook, catalog, settings))
    if problems:
        raise input_error(problems)
    return Horizon(Calendar(first, months), found, futures, workers or cores(), exact, strict, usd)


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


def _usd(text: str | None) -> float | None:
    import re

    from sim.errors import InputError
    from sim.units import parse_usd

    if text is None:
        return None
    if re.fullmatch(r"\$?\d{1,3}(\.\d{3})+", text.strip()):
        plain, cents = text.replace(".", ""), text.strip()[:-1]
        raise InputError(f"--budget: found {text[:40]!r}, which could be {plain} or {cents}; write one of them")
    try:
        usd = parse_usd(text)
    except InputError as error:
        raise InputError(f"--budget: {error}") from None
    if usd <= 0:
        raise InputError(f"--budget: found {text[:40]!r}; allowed: an amount of money above 0, as 90000 or $90k")
    return usd
