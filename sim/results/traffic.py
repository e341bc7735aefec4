"""The traffic that is asked about: a trace by file or as it was opened, and the clients of a closed loop."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from sim.errors import InputError

if TYPE_CHECKING:
    from sim.trace import Trace
    from sim.trace.closed_loop import ClosedLoop


def read_trace(path: str | Path) -> Trace:
    """A trace (Parquet, docs/workloads.md) by path, checked in one pass; `workloads/...` finds the bundled ones from any folder.

    InputError with every problem; what was mended or doubted is in `info.notes` of the trace.
    """
    from sim.catalog.location import find_input
    from sim.trace import read_trace as read

    return read(find_input(str(path)), str(path))


def trace_for_months(trace: Trace, name: str) -> Trace:
    """A trace of which months can be made; InputError for one that is but a moment, or a closed loop. `name` is shown for it."""
    if trace.closed_loop is not None:
        raise InputError(
            f"{name}: {trace.closed_loop}: no month can be made of that, as it has no rate of its own to grow; a trace of arrivals is "
            f"needed (the replay of a closed loop is sim run {name})"
        )
    if trace.info.duration_s <= 0:
        raise InputError(f"{name}: all requests arrive at once: no month can be made of that; a trace that lasts is needed")
    return trace


def loop_of(trace: Trace, name: str, clients: int | None, think: str | float | None) -> ClosedLoop | None:
    """The clients that send the requests: those of the trace, if any, with what was asked for instead; InputError for a mistake."""
    from sim.trace.closed_loop import MOST_CLIENTS, ClosedLoop
    from sim.units import parse_seconds

    loop = trace.closed_loop
    if clients is not None:
        if clients > MOST_CLIENTS:
            raise InputError(f"--closed-loop: found {clients}; allowed: 1 to {MOST_CLIENTS:,}")
        loop = ClosedLoop(clients) if loop is None else replace(loop, clients=clients)
    if think is None:
        return loop
    if loop is None:
        raise InputError(
            f"--think {think}: needs --closed-loop N, so many clients that wait for their answers: {name} is a trace of arrivals"
        )
    try:
        return replace(loop, think_s=parse_seconds(think))
    except InputError as error:
        raise InputError(f"--think: {error}") from None


def clients_of(trace: Trace, given: int | ClosedLoop | None, think: str | float | None) -> ClosedLoop | None:
    """The clients that send the requests: so many, or those that were given, else the trace's own; InputError for a mistake."""
    from sim.results.arguments import whole
    from sim.trace.closed_loop import ClosedLoop

    if not isinstance(given, ClosedLoop):
        return loop_of(trace, trace.info.path.name, None if given is None else whole("closed_loop", given, 1), think)
    if think is not None:
        raise InputError(f"--think {think}: the clients that were given say it themselves; allowed: ClosedLoop(..., think_s=...)")
    return given
