"""A point becomes a row: its stack is resolved, the trace replayed through it and billed, and its months forecast where there are any.

Pure: equal studies and points give equal rows, in any process. All points of a study have the same seed, so the same request has the same
luck in each of them and a difference between rows is one of the stacks.
"""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING

from sim.catalog.yaml_document import parse_documents
from sim.errors import InputError, visible
from sim.planning.measured import of_forecast, of_replay
from sim.planning.opened import Opened, open_study
from sim.planning.points import Point, Row, Study
from sim.stack.outlook_read import read_outlook, split_settings
from sim.stack.read import StackFile, stack_of
from sim.stack.resolve import resolve
from sim.stack.resolved import ResolvedStack

if TYPE_CHECKING:
    from sim.cost.replay import Replay
    from sim.futures.forecast import Forecast


def evaluate(study: Study, point: Point) -> Row:
    """The row of a point. What is wrong with the point alone makes a row that says so; InputError for what is wrong with the study.

    MemoryError where this machine has too little for it.
    """
    if point.refused is not None:
        return refused_row(study, point, point.refused)
    opened = open_study(study)
    try:
        resolved = resolve_point(study, point, opened)
        found = replay_point(study, resolved, opened)
        metrics = of_replay(found)
        if study.months:
            metrics |= of_forecast(forecast_point(study, point, resolved, found, opened))
    except InputError as error:
        return refused_row(study, point, "; ".join(str(error).split("\n")))
    levels = tuple((level.name, level.limit, level.measured, level.met) for level in found.measures.levels)
    return Row(point, metrics, levels)


def refused_row(study: Study, point: Point, why: str) -> Row:
    """The row of a point of which nothing is known, and why."""
    return Row(point, {metric.name: None for metric in study.metrics}, (), why)


def stack_of_point(study: Study, point: Point) -> StackFile:
    """The stack of a point, with the study's settings and then its own laid over it; InputError with every problem."""
    return stack_at(study, split_settings(point.settings)[0])


def stack_at(study: Study, settings: tuple[str, ...]) -> StackFile:
    """The stack of a study with its settings, and these, laid over it; InputError with every problem."""
    shown = f"{visible(study.stack_name)}.yaml"
    documents = parse_documents(study.stack_text, shown)
    if len(documents) != 1:
        raise InputError(f"{shown}: {len(documents)} documents; one is needed")
    return stack_of(documents[0], study.stack_name, (*study.settings, *settings))


def resolve_point(study: Study, point: Point, opened: Opened) -> ResolvedStack:
    """The stack of a point in plain numbers."""
    return resolve(stack_of_point(study, point), opened.catalog, opened.book, opened.facts)


def replay_point(study: Study, resolved: ResolvedStack, opened: Opened) -> Replay:
    """The trace of a study replayed through a resolved stack, measured and billed."""
    from sim.cost.replay import replay

    return replay(
        resolved, opened.trace, catalog=opened.catalog, book=opened.book, seed=study.seed, cache=opened.saturations,
        closed_loop=study.closed_loop,
    )  # fmt: skip


def forecast_point(study: Study, point: Point, resolved: ResolvedStack, found: Replay, opened: Opened) -> Forecast:
    """The months of a study for a stack that has been replayed; the point may set keys of the outlook (`outlook.…`) too."""
    from sim.futures.calendar import Calendar
    from sim.futures.cell_store import CellStore
    from sim.futures.run import Question, forecast

    date = opened.book.date if study.start is None else datetime.date.fromisoformat(f"{study.start}-01")
    settings = (*study.outlook_settings, *split_settings(point.settings)[1])
    outlook = read_outlook(study.outlook, opened.catalog, settings)
    question = Question(outlook.name, outlook.outlook, Calendar(date.replace(day=1), study.months), study.futures, study.seed)
    return forecast(
        resolved, opened.trace, question, catalog=opened.catalog, book=opened.book, replayed=found, store=CellStore.default()
    )  # fmt: skip
