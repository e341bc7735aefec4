"""One stack for one trace: the replay and, where months are asked for, their forecast. `sim run` and the Python calls come here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sim.results.run_result import ForecastResult, SimulateResult

if TYPE_CHECKING:
    from sim.futures.run import Says
    from sim.results.horizon import Horizon
    from sim.results.stack import Stack
    from sim.stack import ResolvedStack
    from sim.stack.events import ScriptedEvent
    from sim.trace import Trace
    from sim.trace.closed_loop import ClosedLoop

Events = str | Path | Sequence["ScriptedEvent"]
"""A file of scripted events, or events."""


def run_stack(
    stack: Stack, trace: Trace, asked: Horizon | None, *, seed: int, events: Events | None = None, loop: ClosedLoop | None = None,
    log: bool = False, says: Says | None = None, begins: Callable[[], None] | None = None,
) -> SimulateResult:  # fmt: skip
    """The replay of a trace through a stack, with a horizon a ForecastResult; InputError with what is wrong with either.

    `loop` are the clients that send the requests, where it is not arrivals. `begins` is called when everything is checked, before
    anything takes long; `says` is told how far it is.
    """
    from sim.stack import facts_of

    resolved = stack.resolved(facts_of(trace))
    scripted = events_of(events, resolved)
    if begins is not None:
        begins()
    return run_resolved(stack, resolved, trace, asked, seed=seed, scripted=scripted, loop=loop, log=log, says=says)


def run_resolved(
    stack: Stack, resolved: ResolvedStack, trace: Trace, asked: Horizon | None, *, seed: int, scripted: Sequence[ScriptedEvent] = (),
    loop: ClosedLoop | None = None, log: bool = False, says: Says | None = None,
) -> SimulateResult:  # fmt: skip
    """The same of a stack whose numbers are known."""
    from sim.cost.replay import replay
    from sim.report.forecast_report import ForecastReport
    from sim.report.run_record import inputs
    from sim.report.run_report import report_of
    from sim.results.horizon import forecast_stack

    books = stack.books
    found = replay(
        resolved, trace, catalog=books.catalog, book=books.book, seed=seed, events=scripted, log=log,
        progress=_replaying(trace, loop, says), closed_loop=loop,
    )  # fmt: skip
    ahead = None
    if asked is not None:
        ahead = ForecastReport(forecast_stack(asked, resolved, trace, found, books=books, seed=seed, says=says), asked.budget_usd)
    report = report_of(found, resolved, trace, seed=seed, events=scripted, ahead=ahead, closed_loop=loop)
    exact = asked is not None and asked.exact
    given = inputs(report, stack.file, resolved, scripted, None if asked is None else asked.outlook, exact=exact)
    made = SimulateResult if asked is None else ForecastResult
    return made(report, found, trace, stack, resolved, given)


def events_of(events: Events | None, resolved: ResolvedStack) -> tuple[ScriptedEvent, ...]:
    """Scripted events, those of a file read for a stack; InputError with every problem."""
    if events is None:
        return ()
    if not isinstance(events, (str, Path)):
        return tuple(events)
    from sim.catalog.location import find_input
    from sim.stack.events import read_events

    return read_events(find_input(str(events)), resolved, str(events))


def _replaying(trace: Trace, loop: ClosedLoop | None, says: Says | None) -> Callable[[float], None] | None:
    """Tells how far a replay is; of a closed loop nobody knows when it ends."""
    if says is None:
        return None
    text = f"replaying {trace.info.path.name}"
    if loop is not None:
        says(text, 0.0, 0.0)
        return None
    whole = trace.info.duration_s
    says(text, 0.0, whole)
    return lambda at_s: says(text, at_s, whole)
