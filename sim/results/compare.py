"""compare(): stacks side by side over the same futures, as `sim compare` has it."""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from sim.errors import InputError
from sim.results.arguments import MOST_SEED, Settings, in_python, month_text, setting_texts, whole
from sim.results.compare_result import CompareResult
from sim.results.compare_stacks import FEWEST_STACKS, MOST_STACKS, compare_stacks, names_of, strategies
from sim.results.horizon import FEWEST_FUTURES, FUTURES, MONTHS, MOST_MONTHS, OUTLOOK, horizon
from sim.results.load import Priced, StackLike, books_for, stack_with, trace_of
from sim.results.traffic import trace_for_months

if TYPE_CHECKING:
    from sim.futures.run import Says
    from sim.trace import Trace


def compare(
    trace: str | Path | Trace,
    stacks: Iterable[StackLike],
    *,
    months: int = MONTHS,
    outlook: str | Path = OUTLOOK,
    futures: int = FUTURES,
    start: str | datetime.date | None = None,
    fail_if: Iterable[str] = (),
    settings: Settings | None = None,
    seed: int = 0,
    exact: bool = False,
    strict: bool = False,
    workers: int | None = None,
    prices: str | Path | None = None,
    date: str | datetime.date | None = None,
    models: str | Path | None = None,
    progress: Says | None = None,
) -> CompareResult:
    """Hold two to eight stacks against each other, month by month, on the same futures. The same as `sim compare`, to the bit.

    `stacks` are names, files or opened stacks. Gates of `fail_if` (`"monthly.tco_usd.p95 > 120k"`, or for one stack
    `"hybrid: ttft_p99 > 2s"`) are held to each; `failed` of the result says whether any is so. The rest is as in `forecast`.
    InputError with every problem.
    """
    from sim.planning.gate_grammar import parse_gates
    from sim.stack.outlook_read import split_settings

    with in_python():
        given = (stacks,) if isinstance(stacks, (str, Path)) else tuple(stacks)  # a text is a sequence of letters
        if not FEWEST_STACKS <= len(given) <= MOST_STACKS:
            raise InputError(f"stacks: found {len(given)}; allowed: {FEWEST_STACKS} to {MOST_STACKS}, as ['api-first', 'hybrid']")
        gates = (fail_if,) if isinstance(fail_if, str) else tuple(fail_if)
        of_stack, of_outlook = split_settings(setting_texts(settings))
        books = books_for(given, Priced(prices, date, models))
        chosen = strategies(given, lambda one: stack_with(one, books, of_stack))
        parsed = parse_gates(gates, stacks=names_of(chosen))
        asked = horizon(
            whole("months", months, 1, MOST_MONTHS), date=books.book.date, catalog=books.catalog, settings=of_outlook,
            outlook=str(outlook), futures=whole("futures", futures, FEWEST_FUTURES), start=month_text(start),
            workers=None if workers is None else whole("workers", workers, 1), exact=exact, strict=strict,
        )  # fmt: skip
        requests = trace_of(trace)
        requests = trace_for_months(requests, requests.info.path.name)
        return compare_stacks(chosen, requests, asked, gates=parsed, seed=whole("seed", seed, 0, MOST_SEED), says=progress)
