"""plan(): the cheapest stack of a space that meets the service levels, as `sim plan` has it."""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from sim.errors import InputError
from sim.results.arguments import MOST_SEED, Settings, in_python, month_text, setting_texts, whole
from sim.results.horizon import FEWEST_FUTURES, FUTURES, MOST_MONTHS, OUTLOOK, horizon
from sim.results.load import Priced, StackLike, books_for, file_of, stack_with, trace_of
from sim.results.plan_question import MOST_LEAD_DAYS, confidence_of, naming_growth, question_of, redundancy_of, with_growth
from sim.results.plan_result import PlanResult
from sim.results.plan_stack import plan_stack
from sim.results.traffic import trace_for_months

if TYPE_CHECKING:
    from sim.futures.run import Says
    from sim.trace import Trace


def plan(
    trace: str | Path | Trace,
    levels: str | Iterable[str] = (),
    *,
    space: str | Path | None = None,
    stack: StackLike = "hybrid",
    confidence: str | float = "95%",
    months: int = 0,
    growth: str | float | None = None,
    redundancy: int | str = 0,
    lead_days: int | None = None,
    outlook: str | Path = OUTLOOK,
    futures: int = FUTURES,
    start: str | datetime.date | None = None,
    settings: Settings | None = None,
    seed: int = 0,
    workers: int | None = None,
    cluster: str | None = None,
    prices: str | Path | None = None,
    date: str | datetime.date | None = None,
    models: str | Path | None = None,
    progress: Says | None = None,
) -> PlanResult:
    """Find the cheapest stack for a trace that meets its service levels. The same as `sim plan`, to the bit.

    `levels` are texts (`["ttft_p95 <= 3s", "completed >= 99.5%"]`); those that are not given are the stack's. `space` says what may be
    chosen (a file, docs/plan.md, or a bundled one by name; None: the default), `stack` what the search begins with. The levels must hold in
    each of `months` in a share of `confidence` (`"95%"`, or 0.95) of futures; without months in the trace as it is. `growth` of demand a
    month takes the place of the outlook's. `redundancy` replicas may be gone, or with `"node"` all on one machine; `lead_days` pass from an
    order to GPUs. The trace must lie in a file. Where nothing meets the levels, `feasible` of the result is False, and `summary["nearest"]`
    says what comes closest. The rest is as in `sweep`. InputError with every problem.
    """
    from sim.planning.levels import parse_levels
    from sim.planning.space_file import read_space
    from sim.stack.outlook_read import split_settings

    with in_python():
        wanted = parse_levels((levels,) if isinstance(levels, str) else tuple(levels))
        spare, node = redundancy_of(redundancy)
        sure = confidence_of(confidence)
        if lead_days is not None:
            whole("lead_days", lead_days, 0, MOST_LEAD_DAYS)
        of_stack, of_outlook = split_settings(setting_texts(settings))
        of_outlook = with_growth(of_outlook, growth)
        books = books_for((stack,), Priced(prices, date, models))
        chosen_from = read_space(None if space is None else str(space), books.catalog)
        begun = stack_with(stack, books, of_stack)
        at_work = None if workers is None else whole("workers", workers, 1)
        asked = None
        if whole("months", months, 0, MOST_MONTHS):
            with naming_growth(growth):
                asked = horizon(
                    months, date=books.book.date, catalog=books.catalog, settings=of_outlook, outlook=str(outlook),
                    futures=whole("futures", futures, FEWEST_FUTURES), start=month_text(start), workers=at_work, strict=False,
                )  # fmt: skip
        elif of_outlook:
            named = "growth" if growth is not None else f"--set {of_outlook[0].strip()}"
            raise InputError(f"{named}: is about months, and with months=0 there are none; allowed: months=1 or more")
        requests = trace_of(trace)
        file = file_of(requests, "a plan")
        question = question_of(
            begun, trace_for_months(requests, file.name), file, wanted, sure, asked, seed=whole("seed", seed, 0, MOST_SEED), months=months,
            outlook=str(outlook), outlook_settings=of_outlook, futures=futures, start=month_text(start), workers=at_work,
        )  # fmt: skip
        return plan_stack(
            question, asked, begun, requests, chosen_from, spare=spare, node=node, lead=lead_days, workers=at_work, cluster=cluster,
            says=progress,
        )  # fmt: skip
