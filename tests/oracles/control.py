"""The control plane of the system oracle: lives of replicas, autoscalers (docs/engine.md section 7) and scripted events."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from sim.engine.system import Autoscaler, Event
from tests.oracles.api import ApiOracle, Meter
from tests.oracles.pool import PoolOracle, State
from tests.oracles.replica import Work
from tests.oracles.state import AUTOSCALER, Agenda, Attempt


@dataclass
class View:
    """What an autoscaler's law may see at a decision."""

    now_s: float
    metric: float | None
    """Mean of the samples in its window; None before the first."""
    ready: int
    present: int
    wanted: int
    memory: dict[str, object]
    """The law's own, kept from decision to decision."""


Law = Callable[[Autoscaler, View], int]


class ControlPlane(Agenda):
    """Everything that changes the rules; the data plane (tests/oracles/system.py) is built on it."""

    deployments: list[PoolOracle | ApiOracle]
    flying: list[Attempt]

    def __init__(self, laws: dict[str, Law]) -> None:
        super().__init__()
        self.laws = laws
        self.samples: dict[int, list[tuple[float, float]]] = {}
        self.memory: dict[int, dict[str, object]] = {}

    @abstractmethod
    def fault(self, attempt: Attempt, fault: str, reason: str, at: float) -> None: ...

    @abstractmethod
    def join(self, pool: PoolOracle, attempt: Attempt, t: float) -> bool: ...

    @abstractmethod
    def settle(self, api: ApiOracle, attempt: Attempt, t: float, *, broken: bool = False) -> None: ...

    def attempt_of(self, work: Work) -> Attempt:
        assert isinstance(work.owner, Attempt)
        return work.owner

    # Lives of replicas (section 7).

    def want(self, pool: PoolOracle, wanted: int, t: float) -> None:
        if wanted != pool.wanted:
            pool.wanted = wanted
            self.control(t, lambda t: self.reconcile(pool, t))

    def reconcile(self, pool: PoolOracle, t: float) -> None:
        for r in pool.surplus():
            if pool.slots[r].state is State.STARTING:
                pool.switch_off(r, t, "scaled_down")
            else:
                self.drain(pool, r, t, pool.spec.drain_s, "scaled_down")
        self.fill(pool, t)

    def fill(self, pool: PoolOracle, t: float) -> None:
        for r in pool.shortage():
            ready_s = pool.launch(r, t)
            life = pool.slots[r].life
            self.control(ready_s, partial(self.become_ready, pool, r, life))

    def become_ready(self, pool: PoolOracle, r: int, life: int, t: float) -> None:
        if pool.slots[r].life != life:
            return
        self.moved_s = t
        pool.make_ready(pool.slots[r], t)
        queued, pool.gateway = pool.gateway, []
        for attempt in queued:
            assert isinstance(attempt, Attempt)
            self.join(pool, attempt, t)

    def drain(self, pool: PoolOracle, r: int, t: float, patience_s: float, end: str) -> None:
        slot = pool.slots[r]
        slot.state, slot.doomed = State.DRAINING, end
        life = slot.life
        if pool.replica(r).outstanding == 0:
            pool.switch_off(r, t, end)
        elif patience_s < math.inf:
            self.control(t + patience_s, lambda t: self.lose(pool, r, life, t, end))

    def retire_if_empty(self, pool: PoolOracle, r: int, t: float) -> None:
        slot = pool.slots[r]
        life = slot.life
        if slot.state is State.DRAINING and pool.replica(r).outstanding == 0:
            self.control(t, lambda t: self.lose(pool, r, life, t, slot.doomed))

    def lose(self, pool: PoolOracle, r: int, life: int, t: float, end: str) -> None:
        if pool.slots[r].life != life:
            return
        self.take_away(pool, r, t, end)
        self.fill(pool, t)

    def take_away(self, pool: PoolOracle, r: int, t: float, end: str) -> None:
        self.moved_s = t
        for work in pool.switch_off(r, t, end):
            self.fault(self.attempt_of(work), "5xx", "replica_lost", t)

    # Autoscalers (section 7).

    def scrape_at(self, pool: PoolOracle, k: int) -> None:
        def scrape(t: float) -> None:
            self.samples[pool.index].append((t, pool.metric()))
            self.scrape_at(pool, k + 1)

        self.at(k * pool.spec.autoscaler.scrape_s, AUTOSCALER, (0, pool.index), scrape)

    def decide_at(self, pool: PoolOracle, k: int) -> None:
        def decide(t: float) -> None:
            self.decide(pool, t)
            self.decide_at(pool, k + 1)

        self.at(k * pool.spec.autoscaler.sync_s, AUTOSCALER, (1, pool.index), decide)

    def decide(self, pool: PoolOracle, t: float) -> None:
        settings = pool.spec.autoscaler
        if settings.law != "plan":
            settings = replace(settings, max_replicas=max(0, settings.max_replicas - pool.lent))
        latest = t - settings.lag_s
        seen = [(at, value) for at, value in self.samples[pool.index] if at <= latest]
        recent = [value for at, value in seen if at > latest - settings.average_s] or [value for _, value in seen[-1:]]
        view = View(
            now_s=t,
            metric=sum(recent) / len(recent) if recent else None,
            ready=len(pool.in_state(State.READY)),
            present=len(pool.in_state(State.READY, State.STARTING)),
            wanted=pool.wanted,
            memory=self.memory[pool.index],
        )
        if view.metric is None and settings.law not in ("schedule", "plan"):
            return
        wanted = self.laws[settings.law](settings, view)
        self.want(pool, max(min(wanted, settings.max_replicas), settings.min_replicas), t)

    # Scripted events.

    def happen(self, event: Event, t: float) -> None:
        deployment = self.deployments[event.deployment]
        if event.kind == "no_capacity":
            assert isinstance(deployment, PoolOracle)
            deployment.shut += 1
            self.control(t + event.duration_s, partial(self.reopen, deployment))
        elif event.kind == "retraining":
            assert isinstance(deployment, PoolOracle)
            self.lend_replicas(deployment, event, t)
        elif isinstance(deployment, PoolOracle):
            self.lose_replicas(deployment, event, t)
        elif event.kind == "api_outage":
            self.moved_s = t
            deployment.outages += 1
            self.control(t + event.duration_s, lambda _: self.end_outage(deployment))
            for attempt in [attempt for attempt in self.flying if attempt.deployment == event.deployment]:
                self.settle(deployment, attempt, t, broken=True)
        elif event.kind == "degradation":
            worse = (event.factor, event.error_rate)
            deployment.degradations.append(worse)
            self.control(t + event.duration_s, lambda _: deployment.degradations.remove(worse))
        elif event.kind == "limit_change":
            meters = [meter for i, meter in enumerate(deployment.meters) if event.limit in (-1, i)]
            for meter in meters:
                meter.rescale(t, event.factor)
            if event.duration_s > 0:
                self.control(t + event.duration_s, partial(self.restore, meters, 1 / event.factor))

    def restore(self, meters: list[Meter], factor: float, t: float) -> None:
        for meter in meters:
            meter.rescale(t, factor)

    def end_outage(self, api: ApiOracle) -> None:
        api.outages -= 1

    def lose_replicas(self, pool: PoolOracle, event: Event, t: float) -> None:
        victims = sorted(pool.in_state(State.READY), reverse=True)[: event.count]
        for r in victims:
            if event.kind == "gpu_failure":
                pool.slots[r].usable = False
                self.take_away(pool, r, t, "lost")
            elif event.notice_s <= 0:
                self.take_away(pool, r, t, "preempted")
            else:
                self.drain(pool, r, t, event.notice_s, "preempted")
        if event.kind == "gpu_failure":
            self.control(t + event.duration_s, partial(self.repair, pool, victims))
        self.fill(pool, t)

    def repair(self, pool: PoolOracle, slots: list[int], t: float) -> None:
        for r in slots:
            pool.slots[r].usable = True
        self.fill(pool, t)

    def reopen(self, pool: PoolOracle, t: float) -> None:
        pool.shut -= 1
        self.fill(pool, t)

    def lend_replicas(self, pool: PoolOracle, event: Event, t: float) -> None:
        lent = sorted(pool.in_state(State.READY), reverse=True)[: event.count]
        pool.lent += len(lent)
        before = pool.wanted
        if pool.spec.autoscaler.law not in ("fixed", "plan"):
            pool.wanted = max(0, pool.wanted - len(lent))
        self.control(t + event.duration_s, partial(self.take_back, pool, lent, before - pool.wanted))
        for r in lent:
            pool.slots[r].lent_until_s = t + event.duration_s
            self.drain(pool, r, t, pool.spec.drain_s, "scaled_down")
        self.reconcile(pool, t)

    def take_back(self, pool: PoolOracle, lent: list[int], fell: int, t: float) -> None:
        pool.lent -= len(lent)
        pool.wanted = min(pool.wanted + fell, len(pool.slots))
        for r in lent:
            if pool.slots[r].state is State.LENT:
                pool.switch_off(r, t, "lent")
        self.reconcile(pool, t)
