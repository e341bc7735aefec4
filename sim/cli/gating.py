"""`--fail-if` as several commands have it: said after a run, and the exit code."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import click

from sim.cli.progress import say

if TYPE_CHECKING:
    from sim.planning.gates import Gate, GateResult

FAILED = 1

option: Callable[[Any], Any] = click.option(
    "--fail-if",
    "fail_if",
    multiple=True,
    metavar="GATE",
    help="Exit with 1 when this is so: monthly.tco_usd.p95 > 120k, ttft_p99 > 1.5s. May be given again.",
)


def note_odd(gates: Sequence[Gate]) -> None:
    """A word on gates that fail where their figure is good, and on plain numbers that are odd as seconds."""
    for gate in gates:
        if gate.note:
            say("note", gate.note)
        if gate.asks_for_good:
            say("note", f"--fail-if {str(gate)!r} fails where that is so, and {gate.figure.name} is better {gate.figure.better}")


def close(ctx: click.Context, results: Sequence[GateResult], *, named: bool) -> None:
    """Say on stderr which gates failed, and end with 1 when any did."""
    from sim.report.gate_report import gate_line

    failed = [each for each in results if each.failed]
    for each in failed:
        say("failed", gate_line(each, named=named))
    if failed:
        ctx.exit(FAILED)
