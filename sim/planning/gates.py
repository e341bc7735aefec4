"""Gates: what must not be of a stack, or of a change, and what becomes of each when it is held to what was measured.

How they are written is in sim/planning/gate_grammar.py, what they may be about in sim/planning/gate_figures.py. A gate fails when what it
says is so, and whatever does not exist never passes. Limits are in base units: seconds, USD, shares of one.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from sim.errors import input_error
from sim.planning.gate_figures import Figure, Known, why_missing
from sim.stack.quantity import odd_seconds
from sim.units import show_share

Op = Literal[">", ">=", "<", "<=", "=="]
NOISE = 2.0
"""A limit within so many standard errors of what was measured is decided by noise."""
OPTION = "--fail-if"
"""By which gates are given."""
DELTA = "delta."
"""Before a figure: HEAD less BASE."""
_NUMBER = re.compile(r"[-+]?\s*[\d.,_]*\d(\.|[eE][-+]?\d+)?\s*(k|K|M|B|bn)?", re.ASCII)
"""Without a unit."""
_ROUNDING = 1e-12
_POINTS = 0.01


@dataclass(frozen=True, slots=True)
class Gate:
    """What must not be of a figure: `limit` is in seconds, USD, a share of one or a plain number; a share of BASE where `relative`."""

    figure: Figure
    edge: str
    """`p5`, `p50`, `p95` or `mean` over futures; empty for a figure that has none."""
    delta: bool
    op: Op
    limit: float
    relative: bool
    said: str
    """The limit as it was written."""
    stack: str = ""
    """Of which stack alone it is said; empty: of every one."""

    @property
    def name(self) -> str:
        """`delta.monthly.tco_usd.p50`."""
        return (DELTA if self.delta else "") + self.figure.short + (f".{self.edge}" if self.edge else "")

    @property
    def asks_for_good(self) -> bool:
        """Whether it fails where the figure is good: most likely the wrong way round."""
        return (self.figure.better, self.op[0]) in (("low", "<"), ("high", ">"))

    def fails(self, measured: float | None) -> bool:
        """Whether what it says is so; what does not exist, or is no number, never passes."""
        if measured is None or math.isnan(measured):
            return True
        if math.isinf(measured):
            return self.op[0] == (">" if measured > 0 else "<")
        # 0.995 is met by 199 of 200, whatever the division leaves.
        slack = _ROUNDING * max(abs(self.limit), abs(measured))
        return {
            ">": measured > self.limit + slack,
            ">=": measured >= self.limit - slack,
            "<": measured < self.limit - slack,
            "<=": measured <= self.limit + slack,
            "==": abs(measured - self.limit) <= slack,
        }[self.op]

    def shown(self, value: float | None) -> str:
        """A value of this gate for people; a difference with its sign."""
        if value is None or math.isnan(value):
            return "-"
        if math.isinf(value):
            return "from nothing to something" if value > 0 else "from something to nothing"
        if not self.delta:
            return self.figure.shown(value)
        if value == 0:
            return "no difference"
        size = show_share(abs(value)) if self.relative else self.room(abs(value))
        return f"{'+' if value > 0 else '-'}{size}"

    def room(self, size: float) -> str:
        """How far apart two values of this gate are, for people: of shares in percentage points."""
        if self.relative or self.figure.kind in ("share", "ratio"):
            return f"{show_share(size).removesuffix(' %')} pp" if size < 1 - _POINTS else f"{size * 100:,.3g} pp"
        return self.figure.shown(size)

    @property
    def wanted(self) -> str:
        """The limit for people, always with its unit: as it was written where that has one."""
        if _NUMBER.fullmatch(self.said) is None:
            return self.said
        if not self.delta:
            return self.figure.shown(self.limit)
        return f"{'-' if self.limit < 0 else ''}{self.room(abs(self.limit))}"

    @property
    def note(self) -> str:
        """How a plain number was understood where so many seconds are odd; nothing elsewhere."""
        odd = odd_seconds(self.figure.name, self.said) if self.figure.kind == "duration" else ""
        return f"{OPTION} {str(self)!r}: {odd}" if odd else ""

    def __str__(self) -> str:
        """As it is written."""
        return f"{f'{self.stack}: ' if self.stack else ''}{self.name} {self.op} {self.said}"


@dataclass(frozen=True, slots=True)
class Measured:
    """What a gate is held to: the value, its standard error where one is known, and of which month it is."""

    value: float | None
    se: float | None = None
    month: str = ""


@dataclass(frozen=True, slots=True)
class GateResult:
    """A gate and what became of it for one stack."""

    gate: Gate
    stack: str
    measured: float | None
    se: float | None
    month: str
    failed: bool

    @property
    def by(self) -> float | None:
        """What was measured less the limit; None where nothing was, or it is without end."""
        if self.measured is None or not math.isfinite(self.measured):
            return None
        return self.measured - self.gate.limit

    @property
    def noisy(self) -> bool:
        """Whether the limit is within two standard errors of what was measured: another seed may decide otherwise."""
        known = self.by is not None and self.se is not None and self.se > 0
        return known and abs(self.by or 0.0) <= NOISE * (self.se or 0.0)


def check_figures(gates: Sequence[Gate], known: Mapping[str, Known], base: str | None = None) -> None:
    """InputError for a gate on a figure that a run, by the name of its stack, will not have; of `delta.`, that of `base` neither."""
    problems: list[str] = []
    for gate in gates:
        for name, each in known.items():
            if gate.stack not in ("", name) or (name == base and not gate.delta):
                continue
            why = why_missing(gate.figure, each)
            if why:
                of = f" of {name}" if len(known) > 1 and not gate.figure.months else ""
                problems.append(f"{OPTION} {str(gate)!r}: {gate.figure.name}{of} {why}")
    if problems:
        raise input_error(dict.fromkeys(problems))


def check(gates: Iterable[Gate], stacks: Sequence[str], measure: Callable[[Gate, str], Measured]) -> tuple[GateResult, ...]:
    """Every gate held to what `measure` finds of it for each stack that it is about."""
    results = []
    for gate in gates:
        for stack in dict.fromkeys(stacks):
            if gate.stack in ("", stack):
                found = measure(gate, stack)
                value = None if found.value is None or math.isnan(found.value) else found.value
                results.append(GateResult(gate, stack, value, found.se, found.month, gate.fails(value)))
    return tuple(results)
