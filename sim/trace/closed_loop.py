"""A closed loop of clients: each sends its next request when its last one has ended (docs/engine.md, closed-loop clients)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

from sim.errors import InputError, nearest

ThinkLaw = Literal["constant", "exponential"]
THINK_LAWS: tuple[ThinkLaw, ...] = get_args(ThinkLaw)
MOST_CLIENTS = 10_000_000


@dataclass(frozen=True)
class ClosedLoop:
    """So many clients that take the rows of a trace in order, one at a time each; the rows' own arrival times are not looked at.

    Without think time it is a load generator that keeps `clients` requests outstanding. Raises InputError for what makes no sense.
    """

    clients: int
    think_s: float = 0.0
    """Mean of the time from the end of a client's request (completed or not) to its next one."""
    think_law: ThinkLaw = "constant"
    ramp_s: float = 0.0
    """Clients begin evenly over so many seconds; 0: all at time 0."""
    until_s: float | None = None
    """No client sends after this time; None: until the rows are used up."""

    def __post_init__(self) -> None:
        if not 1 <= self.clients <= MOST_CLIENTS:
            raise InputError(f"a closed loop: clients: found {self.clients}; allowed 1 to {MOST_CLIENTS:,}")
        for name, value in (("think_s", self.think_s), ("ramp_s", self.ramp_s)):
            if not 0.0 <= value < math.inf:
                raise InputError(f"a closed loop: {name}: found {value:g}; allowed: 0 or more seconds, and finite")
        if self.until_s is not None and not 0.0 < self.until_s < math.inf:
            raise InputError(f"a closed loop: until_s: found {self.until_s:g}; allowed: above 0 seconds, and finite")
        if self.think_law not in THINK_LAWS:
            raise InputError(
                f"a closed loop: think_law: found '{self.think_law}'; allowed: {', '.join(THINK_LAWS)}{nearest(self.think_law, THINK_LAWS)}"
            )
