"""Gates in a report: in words, as a part of it, and as plain data."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from sim.planning.gates import GateResult
from sim.report.section import Section
from sim.wide import shortened

_NAME = 40


def gates_section(results: Sequence[GateResult], *, named: bool) -> Section:
    """Every gate with what was measured and its verdict; with the stack it is about where there are several."""
    rows = [
        (shortened(gate_words(each), _NAME), f"{f'{each.stack}: ' if named else ''}{measured(each)}; {verdict(each)}") for each in results
    ]
    start = "of a stack" if named else "of HEAD"
    return Section("Gates", [("Gates", f"each fails when what it says is so {start}"), *rows] if rows else [], facts=True)


def verdict(result: GateResult) -> str:
    """`fails by $3,200 (+-$1,900: within noise)`, `holds`."""
    said = "FAILS" if result.failed else "holds"
    if result.measured is None:
        return f"{said}: no such figure in this run"
    by = result.by
    if by is not None and (result.failed or result.noisy):
        said += f" by {result.gate.room(abs(by))}"
    if result.noisy and result.se is not None:
        said += f", standard error {result.gate.room(result.se)}: decided by noise, more --futures would tell"
    return said


def measured(result: GateResult) -> str:
    """The value that a gate was held to, with its month."""
    return f"{result.gate.shown(result.measured)}{f' ({result.month})' if result.month else ''}"


def gate_line(result: GateResult, *, named: bool) -> str:
    """A gate, what was measured, and its verdict, in one sentence; with the stack where there are several."""
    of = f"{result.stack}: " if named else ""
    return f"{of}{gate_words(result)}: measured {measured(result)}; {verdict(result)}"


def gate_words(result: GateResult) -> str:
    """A gate without the stack that it may name, its limit with a unit."""
    return f"{result.gate.name} {result.gate.op} {result.gate.wanted}"


def gate_data(result: GateResult) -> dict[str, Any]:
    """A gate and what became of it."""
    gate = result.gate
    return {
        "gate": str(gate),
        "said": gate_words(result),
        "stack": result.stack,
        "figure": gate.name,
        "op": gate.op,
        "limit": gate.limit,
        "limit_is": "share of BASE" if gate.relative else gate.figure.kind,
        "measured": finite(result.measured),
        "by": finite(result.by),
        "se": finite(result.se),
        "month": result.month or None,
        "failed": result.failed,
        "noisy": result.noisy,
    }


def finite(value: float | None) -> float | None:
    """What does not exist, or is without end, is null."""
    return None if value is None or not math.isfinite(value) else value
