"""`--fail-if` as several commands have it: read and held against what a run can show before it, said after it, and the exit code."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from sim.cli.progress import say

if TYPE_CHECKING:
    from sim.planning.gate_figures import Known
    from sim.planning.gates import Gate, GateResult

FAILED = 1

option: Callable[[Any], Any] = click.option(
    "--fail-if",
    "fail_if",
    multiple=True,
    metavar="GATE",
    help="Exit with 1 when this is so: monthly.tco_usd.p95 > 120k, ttft_p99 > 1.5s. May be given again.",
)


def check_figures(gates: Sequence[Gate], known: Mapping[str, Known], base: str | None = None) -> None:
    """InputError for a gate on a figure that a run, by the name of its stack, will not have; of `delta.`, that of `base` neither."""
    from sim.errors import input_error
    from sim.planning.gate_figures import why_missing

    problems: list[str] = []
    for gate in gates:
        for name, each in known.items():
            if gate.stack not in ("", name) or (name == base and not gate.delta):
                continue
            why = why_missing(gate.figure, each)
            if why:
                of = f" of {name}" if len(known) > 1 and not gate.figure.months else ""
                problems.append(f"--fail-if {str(gate)!r}: {gate.figure.name}{of} {why}")
    if problems:
        raise input_error(dict.fromkeys(problems))


def note_direction(gates: Sequence[Gate]) -> None:
    """A word on gates that fail where their figure is good."""
    for gate in gates:
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
