"""Every combination of the values of some keys of a stack, for one trace. `sim sweep` and the Python call come here."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from sim.errors import InputError, input_error
from sim.results.sweep_result import SweepResult

if TYPE_CHECKING:
    from sim.futures.run import Says
    from sim.planning.axes import Axis
    from sim.planning.points import Point, Row, Study
    from sim.planning.workplace import Workplace
    from sim.report.run_report import PriceUse
    from sim.report.sweep_report import SweepReport
    from sim.results.stack import Stack
    from sim.trace import Trace
    from sim.trace.closed_loop import ClosedLoop

Notes = Callable[[str], None]

_MOST_REASONS = 12
_WORTH_WORKERS = 3_000_000
"""Requests to replay in all, from which several processes are worth their start: two or three seconds of one."""


def axes_of(overs: Sequence[str], gpus: str | None) -> tuple[tuple[Axis, ...], Axis | None]:
    """What is varied, as options write it; InputError with every mistake."""
    from sim.planning.axes import parse_gpus, parse_over

    axes, total, problems = [], None, []
    for text in overs:
        try:
            axes.append(parse_over(text))
        except InputError as error:
            problems.append(str(error))
    if gpus is not None:
        try:
            total = parse_gpus(gpus)
        except InputError as error:
            problems.append(str(error))
    if problems:
        raise input_error(problems)
    return tuple(axes), total


def study_of(
    stack: Stack, trace: Trace, file: Path, *, seed: int, loop: ClosedLoop | None, months: int, outlook: str,
    outlook_settings: tuple[str, ...], futures: int, start: str | None,
) -> Study:  # fmt: skip
    """What all points share; `file` is where the trace lies."""
    from sim.planning.points import Study

    models = stack.books.models
    return Study(
        trace=file.resolve(),
        trace_sha256=trace.info.sha256,
        stack_text=stack.text,
        stack_name=stack.name,
        settings=stack.settings,
        models=None if models is None else models.resolve(),
        prices_text=stack.books.book.prices_text,
        date=stack.books.date,
        seed=seed,
        closed_loop=loop,
        months=months,
        outlook=outlook,
        outlook_settings=outlook_settings,
        futures=futures,
        start=None if start is None else start.strip(),
    )


def sweep_points(
    study: Study, stack: Stack, trace: Trace, axes: tuple[Axis, ...], total: Axis | None, place: Workplace, *, wanted: bool,
    says: Says | None = None, notes: Notes | None = None, begins: Callable[[], None] | None = None,
) -> SweepResult:  # fmt: skip
    """The rows of all points; InputError with the reasons where no point at all can be made.

    `place` is where points are computed; unless it is `wanted`, a few short ones are computed in this process. `begins` is called when
    everything is checked, before anything takes long; `notes` is told what went otherwise than asked for.
    """
    from sim.planning.grid import grid
    from sim.report.sweep_files import sweep_inputs
    from sim.report.sweep_report import SweepReport

    every = (*axes, total) if total is not None else axes
    replayed = trace.info.rows * math.prod(len(axis.values) for axis in every)
    here = not wanted and not study.months and replayed < _WORTH_WORKERS
    if not here:
        place.begin()
    points = grid(study, axes, total)
    if begins is not None:
        begins()
    rows, kept = _run(study, points, None if here else place, says, notes)
    _refuse_nothing(rows, axes)
    info = trace.info
    report = SweepReport(study, info.path.stem, info.rows, info.duration_s, stack.books.book.date.isoformat(), every, rows)
    report = replace(report, prices=_prices(report, stack, trace))
    return SweepResult(report, stack, kept, sweep_inputs(report))


def _prices(report: SweepReport, stack: Stack, trace: Trace) -> tuple[PriceUse, ...]:
    """What the cheapest point that meets the levels pays; of none, the first that could be replayed."""
    from sim.planning.evaluate import stack_of_point
    from sim.report.run_report import prices_used
    from sim.stack import facts_of, resolve

    possible = [row for row in report.rows if row.refused is None]
    if not possible:
        return ()
    row = possible[0] if report.cheapest is None else report.rows[report.cheapest]
    own = stack_of_point(report.study, row.point)
    return prices_used(resolve(own, stack.books.catalog, stack.books.book, facts_of(trace)))


def _run(
    study: Study, points: tuple[Point, ...], place: Workplace | None, says: Says | None, notes: Notes | None
) -> tuple[tuple[Row, ...], int]:
    """The rows of all points, and how many of them were there before; what is finished when it is interrupted stays."""
    from sim.planning.execute import run_points
    from sim.planning.point_store import PointStore

    told: list[tuple[float, float]] = []

    def told_of(_: str, done: float, whole: float) -> None:
        told.append((done, whole))
        if says is not None:
            says(f"sweeping {whole:,.0f} points", done, whole)

    # In an order of their own, so that workers seldom begin with points alike: what one of these needs, the others then find.
    order = sorted(points, key=study.key)
    store = PointStore.default()
    try:
        rows = run_points(study, order, place=place, store=store, says=told_of, notes=notes)
    except (KeyboardInterrupt, SystemExit):
        if told and store.folder is not None and notes is not None:
            done, whole = told[-1]
            notes(f"{done:,.0f} of {whole:,.0f} points are finished and kept: the same command goes on from there")
        raise
    return tuple(sorted(rows, key=lambda row: row.point.number)), int(told[0][0]) if told else 0


def _refuse_nothing(rows: tuple[Row, ...], axes: tuple[Axis, ...]) -> None:
    """InputError with the reasons where no point at all could be made."""
    reasons = list(dict.fromkeys(row.refused for row in rows if row.refused is not None))
    if any(row.refused is None for row in rows):
        return
    said = []
    for reason in reasons[:_MOST_REASONS]:
        for axis in axes:
            reason = reason.replace(f"--set {axis.setting_key}:", f"--over {axis.key}:")
        said.append(reason)
    more = len(reasons) - _MOST_REASONS
    raise input_error([*said, *([f"and {more:,} more reasons"] if more > 0 else [])])
