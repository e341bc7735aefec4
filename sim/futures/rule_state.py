"""Which rules hold on a day: what a cell is replayed under."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class RuleState:
    """What differs from the stack as it was written. The default is the stack itself."""

    tightened: tuple[tuple[int, float], ...] = ()
    """(deployment, factor) of APIs whose limits were changed, in order."""
    successors: tuple[tuple[int, str], ...] = ()
    """(deployment, API model) of APIs whose model was retired, in order."""
    month: int = 0
    """For the autoscaler law `plan`, whose counts are by month; 0 for stacks without one."""


NORMAL = RuleState()
