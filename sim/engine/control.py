"""The control plane: SimPy processes for everything that changes the rules while the data plane runs.

Replicas start, drain, stop, fail, are lent and replaced here; scripted events (outages, degradations, failures, spot notices, lack of
capacity, training jobs, changed limits and prices) are one process each. The data plane (advance) is called between control events and
comes back early when it needs a decision carried out.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Generator, Sequence
from typing import Any

import simpy
from simpy.events import NORMAL

from sim.engine import layout as L
from sim.engine.advance import begin_drain, begin_outage, lose_replica, make_ready
from sim.engine.layout import State
from sim.engine.limits import level_at
from sim.engine.random import COLD, normal, uniform
from sim.engine.result import Happening, Life, PriceStep
from sim.engine.state import make_room
from sim.engine.system import Event, Pool, System

Steps = Generator[simpy.Event, Any, None]

_COUNTS_OF_GPUS = frozenset({"fixed", "plan"})
"""Laws whose counts are of GPUs one has, lent or not; what the others want is to serve."""


class Clock(simpy.Environment):
    """A SimPy environment that can be told absolute times: now + (t - now) is not always t."""

    def at(self, t: float) -> simpy.Event:
        """An event that happens exactly at time t."""
        event = simpy.Event(self)
        event._ok = True
        event._value = None
        heapq.heappush(self._queue, (t, NORMAL, next(self._eid), event))
        return event

    def call(self, t: float, action: Callable[[], None]) -> None:
        """Carry out `action` at time t, after what is already due then."""
        event = self.at(t)
        assert event.callbacks is not None
        event.callbacks.append(lambda _: action())


class Control:
    """Carries out what autoscalers want and what scripted events say, on the State of one run."""

    def __init__(self, system: System, state: State, events: Sequence[Event], seed: int) -> None:
        self.system = system
        self.state = state
        self.seed = seed
        self.clock = Clock(0.0)  # not 0: the data plane is compiled for times that are floats
        n = len(state.rep)
        self.launch = [0] * n  # which life a replica slot is in; processes of an earlier life see that and stop
        self.usable_from = [-math.inf] * n
        self.lent_until = [-math.inf] * n
        self.started = [0.0 if r.state == L.READY else math.nan for r in state.rep]
        self.became_ready = list(self.started)
        self.end_kind = ["scaled_down"] * n
        self.launches = [0] * len(system.deployments)
        self.no_capacity = [0] * len(system.deployments)  # how many events say so
        self.lent = [0] * len(system.deployments)  # replicas that training jobs have taken
        self.base_most = [int(k.max_rep) for k in state.dep]
        self.lives: list[Life] = []
        self.happenings: list[Happening] = []
        self.price_steps = [PriceStep(d, 0, 0.0, 1.0) for d in range(len(system.deployments))]
        self.slow: dict[int, list[Event]] = {d: [] for d in range(len(system.deployments))}
        self.tightened: dict[int, list[Event]] = {d: [] for d in range(len(system.deployments))}
        self.base_error = [float(state.dep[d].error_rate) for d in range(len(system.deployments))]
        self.base_limits = [(float(k.limit), float(k.burst)) for k in state.limit]
        for event in events:
            self.clock.process(self._script(event))

    def note(self, kind: str, deployment: int, replica: int = -1, detail: str = "") -> None:
        """Remember that something happened now."""
        self.happenings.append(Happening(float(self.clock.now), kind, deployment, replica, detail))

    def _settle_room(self) -> None:
        self.state = make_room(self.state)

    # --- replicas ---

    def _replicas(self, d: int) -> range:
        k = self.state.dep[d]
        return range(int(k.rep0), int(k.rep0 + k.n_rep))

    def reconcile(self, d: int) -> None:
        """Start or stop replicas of pool d until as many are starting or ready as are wanted, or no slot or machine is to be had."""
        rep = self.state.rep
        wanted = max(0, int(self.state.dep[d].wanted) - (self.lent[d] if self._counts_gpus(d) else 0))
        present = sum(rep[r].state in (L.STARTING, L.READY) for r in self._replicas(d))
        for r in self._replicas(d):
            if present >= wanted or self.no_capacity[d]:
                break
            if rep[r].state == L.OFF and self.usable_from[r] <= self.clock.now:
                rep[r].state = L.STARTING
                self.clock.process(self._start(d, r))
                present += 1
        for r in reversed(self._replicas(d)):
            if present <= wanted:
                break
            if rep[r].state == L.STARTING:
                self._end_life(r, "scaled_down")
                present -= 1
        while present > wanted:
            ready = [r for r in self._replicas(d) if rep[r].state == L.READY]
            r = min(ready, key=lambda x: (int(rep[x].n_run + rep[x].n_wait), -x))
            self._drain(r, float(self._pool(d).drain_s), "scaled_down")
            present -= 1

    def carry_out(self) -> None:
        """What was decided or became due in the data plane, in every pool: it may be several things at one time."""
        for d, one in enumerate(self.system.deployments):
            if isinstance(one, Pool):
                for r in self._replicas(d):
                    p = self.state.rep[r]
                    if p.state == L.DRAINING and p.n_run == 0 and p.n_wait == 0:
                        self._end_life(r, self.end_kind[r])
                self.reconcile(d)

    def _pool(self, d: int) -> Pool:
        pool = self.system.deployments[d]
        assert isinstance(pool, Pool)
        return pool

    def _counts_gpus(self, d: int) -> bool:
        return self._pool(d).autoscaler.law in _COUNTS_OF_GPUS

    def _start(self, d: int, r: int) -> Steps:
        """Provisioning, image pull, weight load and warm-up of replica r, then it is ready."""
        self.launch[r] += 1
        life = self.launch[r]
        self.started[r] = float(self.clock.now)
        self.became_ready[r] = math.nan
        self.end_kind[r] = "scaled_down"
        ordinal = self.launches[d]
        self.launches[d] += 1
        self.note("start", d, r)
        total = 0.0
        for k, stage in enumerate(self._pool(d).cold_start):
            total += stage.median_s * math.exp(stage.sigma * normal(uniform(self.seed, COLD, ordinal, d, 0, k)))
        yield self.clock.at(self.clock.now + total)
        if self.launch[r] != life or self.state.rep[r].state != L.STARTING:
            return
        self.became_ready[r] = float(self.clock.now)
        self.note("ready", d, r)
        self._settle_room()
        make_ready(self.state, r, float(self.clock.now))

    def _drain(self, r: int, limit_s: float, kind: str) -> None:
        self.end_kind[r] = kind
        self.note("drain", int(self.state.rep[r].dep), r)
        if begin_drain(self.state, r):
            self._end_life(r, kind)
        elif math.isfinite(limit_s):
            self.clock.process(self._stop_after(r, self.launch[r], limit_s, kind))

    def _stop_after(self, r: int, life: int, limit_s: float, kind: str) -> Steps:
        yield self.clock.at(self.clock.now + limit_s)
        if self.launch[r] == life and self.state.rep[r].state == L.DRAINING:
            self._lose(r, kind)
            self.reconcile(int(self.state.rep[r].dep))

    def _lose(self, r: int, kind: str) -> None:
        self._settle_room()
        self._end_life(r, kind, lost=True)

    def _end_life(self, r: int, kind: str, *, lost: bool = False) -> None:
        p = self.state.rep[r]
        d = int(p.dep)
        self.lives.append(Life(d, int(p.index), self.started[r], self.became_ready[r], float(self.clock.now), kind))
        self.launch[r] += 1
        self.note("lost" if lost else "stop", d, r, kind)
        if lost:
            lose_replica(self.state, r, float(self.clock.now))
        else:
            p.state = L.OFF
        if self.clock.now < self.lent_until[r]:
            p.state = L.LENT
            self.started[r], self.became_ready[r] = float(self.clock.now), math.nan
            self.note("lend", d, r)

    def finish(self, end_s: float) -> None:
        """Close the lives of replicas that are still there, or lent, at the end."""
        for r, p in enumerate(self.state.rep):
            if p.state != L.OFF and r < int(self.state.g[0].n_replicas):
                self.lives.append(Life(int(p.dep), int(p.index), self.started[r], self.became_ready[r], end_s, "running"))
        self.lives.sort(key=lambda x: (x.deployment, x.start_s, x.replica))

    # --- scripted events ---

    def _script(self, event: Event) -> Steps:
        yield self.clock.at(event.at_s)
        d = event.deployment
        self.note(event.kind, d, -1, f"factor {event.factor:g}, for {event.duration_s:g} s, count {event.count}")
        if event.kind == "api_outage":
            self._settle_room()
            begin_outage(self.state, d, event.at_s)
            yield self.clock.at(event.at_s + event.duration_s)
            self.state.dep[d].outage -= 1
            self.note("api_outage_end", d)
        elif event.kind == "degradation":
            yield from self._while_in_force(event, self.slow[d], lambda: self._set_speed(d))
        elif event.kind == "limit_change":
            yield from self._while_in_force(event, self.tightened[d], lambda: self._set_limits(d))
        elif event.kind == "price_change":
            self._set_price(d, event.factor)
            if event.duration_s > 0.0:
                yield self.clock.at(event.at_s + event.duration_s)
                self._set_price(d, 1.0 / event.factor)
        elif event.kind == "gpu_failure":
            for r in self._highest_ready(d, event.count):
                self._lose(r, "lost")
                self.usable_from[r] = event.at_s + event.duration_s
            self.reconcile(d)
            yield self.clock.at(event.at_s + event.duration_s)
            self.reconcile(d)
        elif event.kind == "spot_preemption":
            for r in self._highest_ready(d, event.count):
                if event.notice_s > 0.0:
                    self._drain(r, event.notice_s, "preempted")
                else:
                    self._lose(r, "preempted")
            self.reconcile(d)
        elif event.kind == "no_capacity":
            self.no_capacity[d] += 1
            yield self.clock.at(event.at_s + event.duration_s)
            self.no_capacity[d] -= 1
            self.note("no_capacity_end", d)
            self.reconcile(d)
        elif event.kind == "retraining":
            yield from self._lend(event)

    def _lend(self, event: Event) -> Steps:
        """Replicas are drained and their slots lent to a training job; when it ends they are wanted again."""
        d, until = event.deployment, event.at_s + event.duration_s
        taken = self._highest_ready(d, event.count)
        fell = 0 if self._counts_gpus(d) else min(len(taken), int(self.state.dep[d].wanted))
        self._change_lent(d, len(taken), -fell)
        for r in taken:
            self.lent_until[r] = until
            self._drain(r, float(self._pool(d).drain_s), "scaled_down")
        self.reconcile(d)
        yield self.clock.at(until)
        self.note("retraining_end", d)
        self._change_lent(d, -len(taken), fell)
        for r in taken:
            if self.state.rep[r].state == L.LENT:
                self._end_life(r, "lent")
        self.reconcile(d)

    def _change_lent(self, d: int, count: int, wanted: int) -> None:
        self.lent[d] += count
        if not self._counts_gpus(d):
            k = self.state.dep[d]
            k.max_rep = max(0, self.base_most[d] - self.lent[d])
            k.wanted = min(int(k.wanted) + wanted, int(k.n_rep))

    def _while_in_force(self, event: Event, in_force: list[Event], apply: Callable[[], None]) -> Steps:
        in_force.append(event)
        apply()
        if event.duration_s > 0.0:
            yield self.clock.at(event.at_s + event.duration_s)
            in_force.remove(event)
            apply()
            self.note(event.kind + "_end", event.deployment)

    def _highest_ready(self, d: int, count: int) -> list[int]:
        ready = [r for r in self._replicas(d) if self.state.rep[r].state == L.READY]
        return ready[::-1][:count]

    def _set_speed(self, d: int) -> None:
        k = self.state.dep[d]
        k.slow = math.prod(e.factor for e in self.slow[d])
        k.error_rate = max([self.base_error[d], *(e.error_rate for e in self.slow[d])])

    def _set_limits(self, d: int) -> None:
        k = self.state.dep[d]
        for x in range(int(k.n_lim)):
            at = int(k.lim0) + x
            factor = math.prod(e.factor for e in self.tightened[d] if e.limit in (-1, x))
            y = self.state.limit[at]
            limit, burst = self.base_limits[at][0] * factor, self.base_limits[at][1] * factor
            if y.law == L.BUCKET and (limit != y.limit or burst != y.burst):
                y.level = min(level_at(self.state, at, float(self.clock.now)), burst)
                y.since = float(self.clock.now)
            y.limit, y.burst = limit, burst

    def _set_price(self, d: int, factor: float) -> None:
        k = self.state.dep[d]
        k.price_factor *= factor
        k.segment += 1
        self.price_steps.append(PriceStep(d, int(k.segment), float(self.clock.now), float(k.price_factor)))
