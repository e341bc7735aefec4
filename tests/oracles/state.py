"""What a run of the system oracle is made of: requests, their attempts, the list of events in the order of docs/engine.md section 1."""

from __future__ import annotations

import heapq
import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sim.engine.result import Life
from sim.engine.system import Rule, Target
from tests.oracles.api import Asked, Flight
from tests.oracles.replica import Work
from tests.oracles.table import Row

STEP_END, SETTLEMENT, AUTOSCALER, CONTROL, TIMER, ARRIVAL, STEP_START = range(7)
PATIENCE_S = 172_800.0


@dataclass(eq=False)
class Request:
    """One row on its way, and what the log will say of it."""

    number: int
    row: Row
    rule: Rule | None = None
    target: int = -1
    number_here: int = 0
    """Attempts at the present deployment before this one."""
    attempts: int = 0
    retries: int = 0
    throttled: int = 0
    preemptions: int = 0
    deployment: int = -1
    attempt: Attempt | None = None
    outcome: str = "unfinished"
    reason: str = "horizon"
    done: bool = False
    finish_s: float = math.nan

    def at(self) -> Target:
        assert self.rule is not None
        return self.rule.targets[self.target]


@dataclass(eq=False)
class Attempt:
    """One try of a request at one deployment."""

    request: Request
    deployment: int
    over: bool = False
    output: int = 0
    replica: int = -1
    work: Work | None = None
    flight: Flight | None = None
    asked: Asked | None = None
    first_token_s: float = math.nan


@dataclass
class Outcome:
    """What a run of the oracle gives."""

    log: npt.NDArray[np.void]
    counters: dict[str, npt.NDArray[np.int64]]
    lives: list[Life]
    tokens: npt.NDArray[np.int64]
    """[D, 3]: input, cached input, output."""
    api_requests: npt.NDArray[np.int64]
    busy_s: npt.NDArray[np.float64]
    """[D] time with a step in flight, within the duration of the trace."""
    sequence_s: npt.NDArray[np.float64]
    """[D] the same times the sequences running."""
    end_s: float
    window_s: float


class Agenda:
    """What is to happen: the least (time, phase, order) comes next."""

    def __init__(self) -> None:
        self.queue: list[tuple[float, int, tuple[int, ...], int, Callable[[float], None]]] = []
        self.unique = itertools.count()
        self.serial = itertools.count()
        self.now = 0.0
        self.moved_s = 0.0
        """When something last happened that counts where requests are given up (section 8)."""

    def next(self) -> tuple[float, Callable[[float], None]]:
        t, phase, _, _, act = heapq.heappop(self.queue)
        assert t >= self.now
        self.now = t
        if phase not in (AUTOSCALER, CONTROL):
            self.moved_s = t
        return t, act

    def nothing_moves(self, since_s: float) -> bool:
        """Whether to give up what is live: only scrapes and decisions follow, and those too long after `since_s` (section 8)."""
        t, phase, *_ = self.queue[0]
        return phase == AUTOSCALER and t > since_s + PATIENCE_S and all(phase != CONTROL for _, phase, *_ in self.queue)

    def at(self, t: float, phase: int, order: tuple[int, ...], act: Callable[[float], None]) -> None:
        heapq.heappush(self.queue, (t, phase, order, next(self.unique), act))

    def timer(self, t: float, act: Callable[[float], None]) -> None:
        self.at(t, TIMER, (next(self.serial),), act)

    def control(self, t: float, act: Callable[[float], None]) -> None:
        self.at(t, CONTROL, (next(self.serial),), act)
