"""The options that let clients send the requests of a trace, each waiting for its answer: those of every command that replays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

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
