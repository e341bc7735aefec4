"""A closed loop of clients: each sends its next request when its last one has ended (docs/engine.md, closed-loop clients)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class ClosedLoop:
    """So many clients that take the rows of a trace in order, one at a time each; the rows' own arrival times are not looked at.

    Without think time it is a load generator that keeps `clients` requests outstanding.
    """

    clients: int
    think_s: float = 0.0
    """Mean of the time from the end of a client's request (completed or not) to its next one."""
    think_law: Literal["constant", "exponential"] = "constant"
    ramp_s: float = 0.0
    """Clients begin evenly over so many seconds; 0: all at time 0."""
    until_s: float | None = None
    """No client sends after this time; None: until the rows are used up."""
