"""sweep(): every combination of the values of some keys of a stack, as `sim sweep` has it."""

from __future__ import annotations

import datetime
import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sim.errors import InputError, input_error, visible
from sim.results.arguments import MOST_SEED, Settings, in_python, month_text, setting_texts, value_text, whole
from sim.results.horizon import FEWEST_FUTURES, FUTURES, MOST_MONTHS, OUTLOOK, cores, horizon
from sim.results.load import Priced, StackLike, books_for, file_of, stack_with, trace_of
from sim.results.sweep_points import study_of, sweep_points
from sim.results.sweep_result import SweepResult
from sim.results.traffic import clients_of, trace_for_months

if TYPE_CHECKING:
    from sim.futures.run import Says
    from sim.planning.axes import Axis
    from sim.trace import Trace
    from sim.trace.closed_loop import ClosedLoop

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_./-]*|\d+(\.\d+)?[A-Za-z%]*", re.ASCII)
"""A text that an axis reads as one value."""


def sweep(
    trace: str | Path | Trace,
    stack: StackLike = "hybrid",
    over: Mapping[str, Any] | None = None,
    *,
    gpus: str | int | Iterable[int] | None = None,
    months: int = 0,
    outlook: str | Path = OUTLOOK,
    futures: int = FUTURES,
    start: str | datetime.date | None = None,
    settings: Settings | None = None,
    seed: int = 0,
    closed_loop: int | ClosedLoop | None = None,
    think: str | float | None = None,
    workers: int | None = None,
    cluster: str | None = None,
    prices: str | Path | None = None,
    date: str | datetime.date | None = None,
    models: str | Path | None = None,
    progress: Says | None = None,
) -> SweepResult:
    """Replay a trace through every combination of the values of some keys. The same as `sim sweep`, to the bit.

    `over` gives each key its values, as a list (`{"deployments.own.gpu": ["h100-sxm", "l4"]}`), a range of Python
    (`{"deployments.own.replicas.count": range(1, 9)}`) or a text of the command line (`"1:8"`, both ends included). `gpus` varies the
    total of GPUs of the only gpu deployment. With `months` each point is forecast, too. `workers` are processes, by default as many as
    there are cores where that is worth it; `cluster` (`"dask://host:port"`) computes elsewhere; neither changes the result. The trace
    must lie in a file. Finished points are kept in the user's cache folder: the same sweep again, or a larger one, goes on from there.
    The rest is as in `simulate` and `forecast`. InputError with every problem.
    """
    from sim.planning.workplace import Workplace, load
    from sim.stack.outlook_read import split_settings

    with in_python():
        axes = _axes(over or {})
        total = None if gpus is None else _total(gpus)
        if not axes and total is None:
            raise InputError("over: found nothing to vary; allowed: {'deployments.own.replicas.count': range(1, 9)}, or gpus='2:32:2'")
        of_stack, of_outlook = split_settings(setting_texts(settings))
        books = books_for((stack,), Priced(prices, date, models))
        opened = stack_with(stack, books, of_stack)
        if whole("months", months, 0, MOST_MONTHS):
            if closed_loop is not None:
                raise InputError("closed_loop: clients that wait for their answers have no rate of their own to grow; allowed: months=0")
            horizon(
                months, date=books.book.date, catalog=books.catalog, settings=of_outlook, outlook=str(outlook),
                futures=whole("futures", futures, FEWEST_FUTURES), start=month_text(start), workers=None, strict=False,
            )  # fmt: skip
        elif of_outlook:
            raise InputError(f"--set {of_outlook[0].strip()}: is about months, and with months=0 there are none; allowed: months=1 or more")
        requests = trace_of(trace)
        file = file_of(requests, "a sweep")
        if months:
            trace_for_months(requests, file.name)
        study = study_of(
            opened, requests, file, seed=whole("seed", seed, 0, MOST_SEED), loop=clients_of(requests, closed_loop, think), months=months,
            outlook=str(outlook), outlook_settings=of_outlook, futures=futures, start=month_text(start),
        )  # fmt: skip
        at_work = cores() if workers is None else whole("workers", workers, 1)
        with Workplace(at_work, cluster, load) as place:
            wanted = workers is not None or cluster is not None
            return sweep_points(study, opened, requests, axes, total, place, wanted=wanted, says=progress)


def _axes(over: Mapping[str, Any]) -> tuple[Axis, ...]:
    """Keys with their values; InputError with every mistake."""
    from sim.planning.axes import parse_over

    axes, problems = [], []
    for key, values in over.items():
        try:
            axes.append(parse_over(f"{key}={_spec(key, values)}"))
        except InputError as error:
            problems.append(str(error))
    if problems:
        raise input_error(problems)
    return tuple(axes)


def _total(gpus: str | int | Iterable[int]) -> Axis:
    from sim.planning.axes import parse_gpus

    return parse_gpus(_spec("gpus", gpus))


def _spec(key: str, values: Any) -> str:
    """Values as the command line writes them."""
    if isinstance(values, str):
        return values
    if isinstance(values, Mapping) or not isinstance(values, Iterable):
        values = (values,)
    items = [_item(value) for value in values]
    if not items:
        raise InputError(f"--over {visible(str(key)[:80])}: found no values; allowed: a list, a range, or a text as '1:8'")
    return ",".join(items)


def _item(value: Any) -> str:
    """One value; a text with signs that separate values is put in quotes."""
    if isinstance(value, str) and not _PLAIN.fullmatch(value):
        return json.dumps(value, ensure_ascii=False)
    return value_text(value)
