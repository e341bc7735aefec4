"""The replicas of one gpu deployment and their lives, by docs/engine.md sections 4 and 7."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import Enum

from sim.engine import random
from sim.engine.result import Life
from sim.engine.system import Pool
from tests.oracles.kv import Contents
from tests.oracles.replica import ReplicaOracle, Work, blocks_for, g


class State(Enum):
    OFF = "off"
    STARTING = "starting"
    READY = "ready"
    DRAINING = "draining"
    LENT = "lent"


@dataclass
class Slot:
    """A place for a replica, and the replica in it if there is one."""

    state: State = State.OFF
    usable: bool = True
    replica: ReplicaOracle | None = None
    life: int = 0
    """How many lives this slot has had: what was planned for an earlier one is void."""
    start_s: float = math.nan
    ready_s: float = math.nan
    doomed: str = "scaled_down"
    step_began_s: float = math.nan
    lent_until_s: float = -math.inf
    """When the training job ends that has this slot's GPUs as soon as it is empty."""


@dataclass
class PoolOracle:
    """Routing, expected wait, states of the slots; what happens when is the system's part."""

    spec: Pool
    index: int
    seed: int
    contents: Contents
    slots: list[Slot] = field(init=False)
    gateway: list[object] = field(default_factory=list)
    wanted: int = 0
    lent: int = 0
    """Replicas lent to training jobs under way."""
    shut: int = 0
    """Events in force that say that no machine is to be had."""
    launches: int = 0
    last_chosen: int = -1
    offered: int = 0
    """Attempts since the last scrape."""
    lives: list[Life] = field(default_factory=list)
    busy_s: list[tuple[float, float]] = field(default_factory=list)
    """(start, end) of every step, cut where its replica was lost."""
    sequences: list[int] = field(default_factory=list)
    """How many were running in each of them."""
    closed: dict[str, int] = field(default_factory=dict)
    """Counters of replicas that are gone."""

    def __post_init__(self) -> None:
        self.slots = [Slot() for _ in range(self.spec.replicas)]
        self.wanted = self.spec.initial_replicas
        for slot in self.slots[: self.spec.initial_replicas]:
            self._begin(slot, 0.0)
            self.make_ready(slot, 0.0)

    def in_state(self, *states: State) -> list[int]:
        return [r for r, slot in enumerate(self.slots) if slot.state in states]

    def replica(self, r: int) -> ReplicaOracle:
        replica = self.slots[r].replica
        assert replica is not None
        return replica

    # Choosing.

    def output_of(self, prompt: int, output: int) -> int | None:
        """The output after the cut to the model's length; None when the request is too long to be served."""
        spec = self.spec.replica
        if prompt >= spec.max_model_len:
            return None
        output = min(output, spec.max_model_len - prompt)
        return output if blocks_for(prompt + output - 1, spec.block_tokens) <= spec.blocks else None

    def choose(self, row: int, session: int) -> int:
        ready = self.in_state(State.READY)
        routing = self.spec.routing
        if routing == "round_robin":
            self.last_chosen = min(ready, key=lambda r: (r <= self.last_chosen, r))
            return self.last_chosen
        if routing == "least_outstanding":
            return min(ready, key=lambda r: (self.replica(r).outstanding, r))
        if routing == "least_kv":
            return min(ready, key=lambda r: (self.replica(r).used_blocks, self.replica(r).outstanding, r))
        name = session if session >= 0 else row
        return max(ready, key=lambda r: random.uniform(self.seed, random.AFFINITY, name, r, 0, 0))

    def expected_wait(self, t: float) -> float:
        ready = self.in_state(State.READY)
        if not ready:
            return math.inf
        replica = self.replica(min(ready, key=lambda r: (self.replica(r).outstanding, r)))
        age = t - replica.waiting[0].enqueued_s if replica.waiting else 0.0
        step, most = self.spec.replica.step, self.spec.replica.max_num_batched_tokens
        a_token = (step.c_s + g(step, most) + step.o_s) / most
        return max(age, sum(work.prompt for work in replica.waiting) * a_token)

    def metric(self) -> float:
        """The autoscaler's metric now; `rps` starts to count anew."""
        ready = [self.replica(r) for r in self.in_state(State.READY)]
        alive = [slot.replica for slot in self.slots if slot.replica is not None]
        waiting = sum(len(replica.waiting) for replica in alive) + len(self.gateway)
        offered, self.offered = self.offered, 0
        blocks = self.spec.replica.blocks
        match self.spec.autoscaler.metric:
            case "waiting":
                return waiting
            case "concurrency":
                return waiting + sum(len(replica.running) for replica in alive)
            case "kv":
                return sum(replica.used_blocks / blocks for replica in ready) / len(ready) if ready else 0.0
            case "busy":
                return sum(1 for replica in ready if replica.running) / len(ready) if ready else 0.0
            case "rps":
                return offered / self.spec.autoscaler.scrape_s

    # Lives.

    def _begin(self, slot: Slot, t: float) -> None:
        slot.state, slot.start_s, slot.ready_s, slot.doomed = State.STARTING, t, math.nan, "scaled_down"
        slot.life += 1

    def launch(self, r: int, t: float) -> float:
        """Start a replica in slot r; the time at which it will be ready."""
        self._begin(self.slots[r], t)
        total = 0.0
        for k, stage in enumerate(self.spec.cold_start):
            z = random.normal(random.uniform(self.seed, random.COLD, self.launches, self.index, 0, k))
            total += stage.median_s * math.exp(stage.sigma * z)
        self.launches += 1
        return t + total

    def make_ready(self, slot: Slot, t: float) -> None:
        slot.state, slot.ready_s = State.READY, t
        slot.replica = ReplicaOracle(self.spec.replica, self.contents)

    def switch_off(self, r: int, t: float, end: str) -> list[Work]:
        """The replica in slot r is gone; the requests it had, running ones first."""
        slot = self.slots[r]
        left: list[Work] = []
        if slot.replica is not None:
            replica = slot.replica
            left = [work for work in [*replica.running, *replica.waiting] if not work.aborted]
            if replica.in_flight:
                self.note_step(slot, t)
            self.add_counters(replica)
        self.lives.append(Life(self.index, r, slot.start_s, slot.ready_s, t, end))
        slot.state, slot.replica = State.OFF, None
        slot.life += 1
        if t < slot.lent_until_s:
            slot.state, slot.start_s, slot.ready_s = State.LENT, t, math.nan
        return left

    def note_step(self, slot: Slot, t: float) -> None:
        assert slot.replica is not None
        self.busy_s.append((slot.step_began_s, t))
        self.sequences.append(len(slot.replica.running))

    def add_counters(self, replica: ReplicaOracle) -> None:
        for name in ("steps", "step_tokens", "prefill_tokens", "preemptions", "hit_tokens", "queried_tokens"):
            self.closed[name] = self.closed.get(name, 0) + getattr(replica, name)

    @property
    def to_serve(self) -> int:
        """How many are to be starting or ready: where `wanted` counts GPUs, those that are lent are among them."""
        return max(0, self.wanted - self.lent) if self.spec.autoscaler.law in ("fixed", "plan") else self.wanted

    @property
    def can_rest(self) -> bool:
        """Whether its law may want none, and so is woken by the first request."""
        return self.spec.autoscaler.law in ("keda", "knative") and self.spec.autoscaler.min_replicas == 0

    def surplus(self) -> list[int]:
        """Slots to give up to come down to what is to serve, in order."""
        present = self.in_state(State.STARTING, State.READY)
        starting = sorted(self.in_state(State.STARTING), reverse=True)
        ready = sorted(self.in_state(State.READY), key=lambda r: (self.replica(r).outstanding, -r))
        return (starting + ready)[: max(0, len(present) - self.to_serve)]

    def shortage(self) -> list[int]:
        """Slots to start a replica in to come up to what is to serve."""
        if self.shut:
            return []
        off = [r for r in self.in_state(State.OFF) if self.slots[r].usable]
        return off[: max(0, self.to_serve - len(self.in_state(State.STARTING, State.READY)))]
