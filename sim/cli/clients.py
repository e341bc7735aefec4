"""The options that let clients send the requests of a trace, each waiting for its answer: those of every command that replays."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from sim.trace import Trace
    from sim.trace.closed_loop import ClosedLoop

_clients = click.option(
    "--closed-loop",
    "clients",
    type=click.IntRange(min=1),
    metavar="N",
    help="So many clients, each waiting for its answer, send the requests.",
)
_think = click.option("--think", metavar="TIME", help="What they wait before the next one, as 2s.  [default: that of the trace, or none]")


def options(command: Callable[..., Any]) -> Callable[..., Any]:
    """`--closed-loop` and `--think`."""
    return _clients(_think(command))


def refuse_months(months: int | None, clients: int | None) -> None:
    """UsageError for months of a closed loop."""
    if months and clients is not None:
        raise click.UsageError(
            f"--months {months}: --closed-loop and --months exclude each other, as clients that wait for their answers have no rate of "
            "their own to grow; allowed: --months 0, the plain replay"
        )


def loop_of(requests: Trace, name: str, clients: int | None, think: str | None) -> ClosedLoop | None:
    """The clients that send the requests: those of the trace, if any, with what the options say instead; InputError for a mistake."""
    from dataclasses import replace

    from sim.errors import InputError
    from sim.trace.closed_loop import MOST_CLIENTS, ClosedLoop
    from sim.units import parse_seconds

    loop = requests.closed_loop
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
