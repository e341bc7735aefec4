"""Closed-loop clients in the system oracle, by docs/engine.md section 10: who sends which row, when, and when the run is over."""

from __future__ import annotations

import heapq
import math
from collections.abc import Sequence
from dataclasses import replace

from sim.engine import random
from sim.engine.system import Event, System
from sim.trace.closed_loop import ClosedLoop
from tests.oracles.control import Law
from tests.oracles.state import ARRIVAL, PATIENCE_S, Request
from tests.oracles.system import SystemOracle
from tests.oracles.table import Table


class ClosedLoopOracle(SystemOracle):
    """A run in which the rows of the table are sent by clients; `undone` are the requests under way."""

    def __init__(
        self, system: System, table: Table, seed: int, events: Sequence[Event], until_s: float, laws: dict[str, Law], loop: ClosedLoop
    ) -> None:  # fmt: skip
        super().__init__(system, table, seed, events, until_s, laws)
        self.loop = loop
        self.left = list(enumerate(table.rows))
        self.requests = []
        self.undone = 0

    def schedule_arrivals(self) -> None:
        for i in range(self.loop.clients):
            self.schedule_sending(self.loop.ramp_s * i / self.loop.clients)

    def schedule_sending(self, t: float) -> None:
        if self.left and (self.loop.until_s is None or t <= self.loop.until_s):
            self.at(t, ARRIVAL, (next(self.serial),), self.send)

    def sendings(self) -> int:
        return sum(1 for _, phase, *_ in self.queue if phase == ARRIVAL)

    def send(self, t: float) -> None:
        number, row = self.left.pop(0)
        request = Request(number, replace(row, arrival_s=t))
        self.requests.append(request)
        self.undone += 1
        assert self.undone <= self.loop.clients
        if not self.left:
            # a sending without a row is no event
            self.queue = [each for each in self.queue if each[1] != ARRIVAL]
            heapq.heapify(self.queue)
        self.arrive(request, t)

    def finish(self, request: Request, outcome: str, reason: str, t: float) -> None:
        super().finish(request, outcome, reason, t)
        think_s = self.loop.think_s
        if self.loop.think_law == "exponential":
            think_s *= -math.log(1.0 - random.uniform(self.seed, random.THINK, request.number, 0, 0, 0))
        self.schedule_sending(t + think_s)

    def over(self, following: float) -> bool:
        done = not self.undone and not self.sendings() and following > self.now
        return done or (self.until_s == math.inf and self.nothing_moves(self.moved_s))

    def window_s(self) -> float:
        if self.undone or self.sendings():
            return self.until_s if self.until_s < math.inf else self.moved_s + PATIENCE_S
        return self.end_s
