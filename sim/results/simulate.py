"""simulate() and forecast(): one stack for one trace, as `sim run` has it."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from sim.errors import InputError
from sim.results.arguments import MOST_SEED, Settings, in_python, month_text, setting_texts, whole
from sim.results.horizon import FEWEST_FUTURES, FUTURES, MONTHS, MOST_MONTHS, OUTLOOK, horizon
from sim.results.load import Priced, StackLike, books_for, stack_with, trace_of
from sim.results.run import Events, run_stack
from sim.results.run_result import ForecastResult, SimulateResult
from sim.results.traffic import clients_of, trace_for_months

if TYPE_CHECKING:
    from sim.futures.run import Says
    from sim.trace import Trace
    from sim.trace.closed_loop import ClosedLoop


def simulate(
    trace: str | Path | Trace,
    stack: StackLike = "hybrid",
    *,
    settings: Settings | None = None,
    seed: int = 0,
    events: Events | None = None,
    closed_loop: int | ClosedLoop | None = None,
    think: str | float | None = None,
    log: bool = False,
    prices: str | Path | None = None,
    date: str | datetime.date | None = None,
    models: str | Path | None = None,
    progress: Says | None = None,
) -> SimulateResult:
    """Replay a trace through a stack once: latency, utilisation, throttling and the bill. The same as `sim run --months 0`, to the bit.

    `trace` is a path or an opened trace, `stack` a name, a file or an opened stack, `settings` lay values over it. `events` are outages,
    failures and changes at given times (a file, docs/events.md). With `closed_loop` so many clients send the requests, each waiting for
    its answer and then for `think` (`"2s"`, or seconds). `log` keeps one row a request. `prices`, `date` and `models` are as in
    `load_stack`. `progress` is told what is being done, how much of it is done, and how much there is. InputError with every problem.
    """
    with in_python():
        seed = whole("seed", seed, 0, MOST_SEED)
        of_stack, of_outlook = _split(settings)
        if of_outlook:
            raise InputError(f"--set {of_outlook[0].strip()}: is about months, and a replay has none; allowed: forecast(...)")
        opened = stack_with(stack, books_for((stack,), Priced(prices, date, models)), of_stack)
        requests = trace_of(trace)
        return run_stack(
            opened, requests, None, seed=seed, events=events, loop=clients_of(requests, closed_loop, think), log=log, says=progress
        )


def forecast(
    trace: str | Path | Trace,
    stack: StackLike = "hybrid",
    *,
    months: int = MONTHS,
    outlook: str | Path = OUTLOOK,
    futures: int = FUTURES,
    start: str | datetime.date | None = None,
    budget: str | float | None = None,
    settings: Settings | None = None,
    seed: int = 0,
    exact: bool = False,
    strict: bool = False,
    log: bool = False,
    workers: int | None = None,
    prices: str | Path | None = None,
    date: str | datetime.date | None = None,
    models: str | Path | None = None,
    progress: Says | None = None,
) -> ForecastResult:
    """Replay a trace through a stack and forecast the months that follow, with bands. The same as `sim run`, to the bit.

    `outlook` (a name or a file, docs/outlooks.md) says what may happen and is drawn `futures` times; `settings` may lay values over it,
    too (`{"outlook.demand.growth_per_month": "5%"}`). `start` is the first month (`"2027-01"`), by default that of the prices. `budget` is
    for all months together (`"90k"`, or USD). `exact` replays every day of every future, `strict` refuses what would otherwise be assumed.
    `workers` are processes at work, by default as many as there are cores; the result does not depend on them. The rest is as in
    `simulate`. Finished replays are kept in the user's cache folder for the next forecast. InputError with every problem.
    """
    with in_python():
        seed = whole("seed", seed, 0, MOST_SEED)
        of_stack, of_outlook = _split(settings)
        opened = stack_with(stack, books_for((stack,), Priced(prices, date, models)), of_stack)
        asked = horizon(
            whole("months", months, 1, MOST_MONTHS), date=opened.books.book.date, catalog=opened.books.catalog, settings=of_outlook,
            outlook=str(outlook), futures=whole("futures", futures, FEWEST_FUTURES), start=month_text(start), budget=budget,
            workers=None if workers is None else whole("workers", workers, 1), exact=exact, strict=strict,
        )  # fmt: skip
        requests = trace_of(trace)
        requests = trace_for_months(requests, requests.info.path.name)
        found = run_stack(opened, requests, asked, seed=seed, log=log, says=progress)
        assert isinstance(found, ForecastResult)
        return found


def _split(settings: Settings | None) -> tuple[tuple[str, ...], tuple[str, ...]]:
    from sim.stack.outlook_read import split_settings

    return split_settings(setting_texts(settings))
