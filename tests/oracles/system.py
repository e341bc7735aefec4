"""The whole system by docs/engine.md, one object a request and one list of events: slow, and meant to be read against that page.

`simulate` takes what the engine takes (a Table instead of a Trace) and gives the rows of the log, the main counters and the lives.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Sequence
from functools import partial

import numpy as np

from sim.engine import random
from sim.engine.result import COUNTERS, LOG_DTYPE, OUTCOMES, REASONS, Life
from sim.engine.system import Event, Pool, System
from tests.oracles.api import ApiOracle, Asked, Refusal
from tests.oracles.control import ControlPlane, Law
from tests.oracles.kv import Contents
from tests.oracles.pool import PoolOracle, State
from tests.oracles.replica import Work
from tests.oracles.state import ARRIVAL, SETTLEMENT, STEP_END, STEP_START, Attempt, Outcome, Request
from tests.oracles.table import Table

OUTCOME_OF = {"429": "rejected", "5xx": "failed", "timeout": "timed_out"}
COUNTER_OF = {"429": "refused", "5xx": "failed", "timeout": "timed_out"}


class SystemOracle(ControlPlane):
    """All state of a run."""

    def __init__(self, system: System, table: Table, seed: int, events: Sequence[Event], until_s: float, laws: dict[str, Law]) -> None:
        super().__init__(laws)
        self.system, self.table, self.seed, self.events, self.until_s = system, table, seed, events, until_s
        contents = Contents()
        self.deployments: list[PoolOracle | ApiOracle] = [
            PoolOracle(spec, d, self.seed, contents) if isinstance(spec, Pool)
            else ApiOracle(spec, d, self.seed, self.system.clock_offset_s)
            for d, spec in enumerate(self.system.deployments)
        ]  # fmt: skip
        count = len(self.deployments)
        self.cooldown_until = [-math.inf] * count
        self.count = {name: np.zeros(count, np.int64) for name in COUNTERS}
        self.tokens = np.zeros((count, 3), np.int64)
        self.api_requests = np.zeros(count, np.int64)
        self.requests = [Request(i, row) for i, row in enumerate(self.table.rows)]
        self.flying: list[Attempt] = []
        self.undone = len(self.requests)
        self.end_s = 0.0

    def pools(self) -> list[PoolOracle]:
        return [deployment for deployment in self.deployments if isinstance(deployment, PoolOracle)]

    def schedule_arrivals(self) -> None:
        for request in self.requests:
            self.at(request.row.arrival_s, ARRIVAL, (request.number,), partial(self.arrive, request))

    def run(self) -> Outcome:
        self.schedule_arrivals()
        for event in self.events:
            self.control(event.at_s, partial(self.happen, event))
        for pool in self.pools():
            if pool.spec.autoscaler.law != "fixed":
                self.samples[pool.index], self.memory[pool.index] = [], {}
                self.scrape_at(pool, 1)
                self.decide_at(pool, 1)
        while self.queue:
            following = self.queue[0][0]
            if self.over(following):
                break
            if following > self.until_s:
                self.now = self.until_s
                break
            t, act = self.next()
            act(t)
        return self.result()

    def over(self, following: float) -> bool:
        """Whether the run ends before what follows (section 8)."""
        done = not self.undone and following > max(self.now, self.table.duration_s)
        return done or (self.until_s == math.inf and self.nothing_moves(max(self.moved_s, self.table.duration_s)))

    def window_s(self) -> float:
        return self.table.duration_s

    # A request's way (section 3).

    def arrive(self, request: Request, t: float) -> None:
        row = request.row
        for k, rule in enumerate(self.system.rules):
            if (
                (not rule.classes or row.class_id in rule.classes)
                and rule.min_prompt_tokens <= row.prompt_tokens <= rule.max_prompt_tokens
                and random.uniform(self.seed, random.ROUTE, request.number, 0, 0, k) < rule.share
            ):
                request.rule = rule
                self.try_target(request, 0, t)
                return
        self.finish(request, "rejected", "no_route", t)

    def try_target(self, request: Request, i: int, t: float) -> None:
        assert request.rule is not None
        targets = request.rule.targets
        while i < len(targets) - 1:
            target = targets[i]
            deployment = self.deployments[target.deployment]
            if t < self.cooldown_until[target.deployment]:
                i += 1
            elif isinstance(deployment, PoolOracle) and target.max_wait_s < math.inf and deployment.expected_wait(t) > target.max_wait_s:
                self.count["spilled"][target.deployment] += 1
                i += 1
            else:
                break
        request.target, request.number_here = i, 0
        self.make_attempt(request, t)

    def make_attempt(self, request: Request, t: float) -> None:
        d = request.at().deployment
        attempt = Attempt(request, d)
        request.attempt, request.deployment = attempt, d
        request.attempts += 1
        self.count["attempts"][d] += 1
        deployment = self.deployments[d]
        if isinstance(deployment, PoolOracle):
            self.offer(deployment, attempt, t)
        else:
            self.call(deployment, attempt, t)

    def fault(self, attempt: Attempt, fault: str, reason: str, at: float, retry_after_s: float | None = None) -> None:
        """The attempt ended badly now; for the caller it did at `at`."""
        attempt.over = True
        request, d = attempt.request, attempt.deployment
        target = request.at()
        policy, n = target.client, request.number_here
        if attempt.work is not None:
            request.preemptions += attempt.work.preemptions
        self.count[COUNTER_OF[fault]][d] += 1
        if fault != "timeout" and reason != "too_long" and self.system.cooldown_s > 0:
            self.cooldown_until[d] = self.now + self.system.cooldown_s
        h = retry_after_s
        given_up = h is not None and h > policy.retry_after_max_s and policy.give_up_above
        if n < policy.retries and fault in policy.retry_on and reason != "too_long" and not given_up:
            u = random.uniform(self.seed, random.JITTER, request.number, d, n, 0)
            if h is not None and 0 < h <= policy.retry_after_max_s:
                delay = h + policy.jitter_add_s * u
            else:
                delay = min(policy.base_s * 2**n, policy.cap_s) * (1 - policy.jitter * u) + policy.jitter_add_s * u
            request.number_here = n + 1
            request.retries += 1
            self.count["retries"][d] += 1
            self.timer(at + delay, lambda t: self.make_attempt(request, t))
            return
        assert request.rule is not None
        if fault in target.passes_on and request.target + 1 < len(request.rule.targets):
            following = request.target + 1
            if at > self.now:
                self.timer(at, lambda t: self.try_target(request, following, t))
            else:
                self.try_target(request, following, at)
            return
        self.finish(request, OUTCOME_OF[fault], reason, at)

    def finish(self, request: Request, outcome: str, reason: str, t: float) -> None:
        assert not request.done
        request.outcome, request.reason, request.done, request.finish_s = outcome, reason, True, t
        self.undone -= 1
        self.end_s = max(self.end_s, t)

    def complete(self, attempt: Attempt, first_s: float, t: float) -> None:
        attempt.over = True
        request, d = attempt.request, attempt.deployment
        attempt.first_token_s = first_s
        if attempt.work is not None:
            request.preemptions += attempt.work.preemptions
        self.finish(request, "completed", "none", t)
        self.count["completed"][d] += 1
        self.count["fallback_completed"][d] += request.target > 0
        ttft, e2e = first_s - request.row.arrival_s, t - request.row.arrival_s
        tpot = (e2e - ttft) / (attempt.output - 1) if attempt.output > 1 else 0.0
        self.count["met_slo"][d] += ttft <= self.system.ttft_slo_s and tpot <= self.system.tpot_slo_s

    # A pool (section 4).

    def offer(self, pool: PoolOracle, attempt: Attempt, t: float) -> None:
        request, d = attempt.request, attempt.deployment
        pool.offered += 1
        output = pool.output_of(request.row.prompt_tokens, request.row.output_tokens)
        if output is None:
            self.fault(attempt, "429", "too_long", t)
            return
        attempt.output = output
        self.count["cut_outputs"][d] += output < request.row.output_tokens
        if not pool.in_state(State.READY):
            if pool.spec.autoscaler.max_replicas == 0:
                self.fault(attempt, "5xx", "no_capacity", t)
                return
            if 0 <= pool.spec.gateway_queue_limit <= len(pool.gateway):
                self.fault(attempt, "429", "queue_full", t)
                return
            if not pool.gateway and pool.wanted == 0 and pool.can_rest:
                self.want(pool, 1, t)
            pool.gateway.append(attempt)
        elif not self.join(pool, attempt, t):
            return
        if pool.spec.queue_timeout_s < math.inf:
            self.timer(t + pool.spec.queue_timeout_s, lambda t: self.time_out(attempt, "queue_timeout", t))
        timeout_s = request.at().client.timeout_s
        if timeout_s < math.inf:
            self.timer(t + timeout_s, lambda t: self.time_out(attempt, "client_timeout", t))

    def join(self, pool: PoolOracle, attempt: Attempt, t: float) -> bool:
        """Put the attempt into a replica's queue; False if that queue is full."""
        request, row = attempt.request, attempt.request.row
        r = pool.choose(request.number, row.session_id)
        replica = pool.replica(r)
        if 0 <= pool.spec.queue_limit <= len(replica.waiting):
            self.fault(attempt, "429", "queue_full", t)
            return False
        rate = pool.spec.replica.hit_rate
        given = math.floor(rate * row.prompt_tokens) if rate > 0 else max(0, row.cached_tokens)
        attempt.replica = r
        attempt.work = Work(request.number, row.prompt_tokens, attempt.output, given, self.contents_of(request))
        attempt.work.owner = attempt
        replica.add(attempt.work, t)
        self.wake(pool, r, t)
        return True

    def contents_of(self, request: Request) -> Callable[[int], Hashable]:
        row, attempt, size = request.row, request.attempts, self.table.prefix_block_tokens

        def token(p: int) -> Hashable:
            if p < row.prompt_tokens and p // size < len(row.block_ids):
                return "block", row.block_ids[p // size], p % size
            if row.session_id >= 0:
                return "session", row.session_id, p
            return ("row", request.number, p) if p < row.prompt_tokens else ("generated", request.number, attempt, p)

        return token

    def time_out(self, attempt: Attempt, reason: str, t: float) -> None:
        work = attempt.work
        if attempt.over or (reason == "queue_timeout" and work is not None and work.scheduled_once):
            return
        pool = self.deployments[attempt.deployment]
        if isinstance(pool, PoolOracle):
            if work is None:
                pool.gateway.remove(attempt)
            else:
                pool.replica(attempt.replica).abort(work)
                self.retire_if_empty(pool, attempt.replica, t)
        self.fault(attempt, "timeout", reason, t)

    def wake(self, pool: PoolOracle, r: int, t: float) -> None:
        """The replica, if no step is in flight, starts one in phase 6 of now."""
        life = pool.slots[r].life
        if not pool.replica(r).in_flight:
            self.at(t, STEP_START, (pool.index, r), lambda t: self.start_step(pool, r, life, t))

    def start_step(self, pool: PoolOracle, r: int, life: int, t: float) -> None:
        slot = pool.slots[r]
        if slot.life != life or slot.replica is None or slot.replica.in_flight:
            return
        end = slot.replica.start(t)
        if end is not None:
            slot.step_began_s = t
            self.at(end, STEP_END, (pool.index, r), lambda t: self.end_step(pool, r, life, t))

    def end_step(self, pool: PoolOracle, r: int, life: int, t: float) -> None:
        slot = pool.slots[r]
        if slot.life != life or slot.replica is None:
            return
        pool.note_step(slot, t)
        for work in slot.replica.end(t):
            front_end_s = pool.spec.front_end_s
            self.complete(self.attempt_of(work), work.first_token_s + front_end_s, t + front_end_s)
            self.tokens[pool.index] += (work.prompt - work.cached, work.cached, work.output)
        if slot.replica.outstanding:
            self.wake(pool, r, t)
        else:
            self.retire_if_empty(pool, r, t)

    # An API (section 6).

    def call(self, api: ApiOracle, attempt: Attempt, t: float) -> None:
        request, row = attempt.request, attempt.request.row
        cached = min(max(0, row.cached_tokens), row.prompt_tokens)
        asked = attempt.asked = Asked(request.number, row.prompt_tokens, row.output_tokens, cached, row.max_tokens)
        answer = api.ask(asked, request.number_here, t)
        self.count["cut_outputs"][api.index] = api.cut_outputs
        if isinstance(answer, Refusal):
            if answer.fault == "429" and answer.reason != "too_long":
                request.throttled += 1
                self.count["throttled"][api.index] += 1
            self.fault(attempt, answer.fault, answer.reason, t + api.spec.refusal_s, answer.retry_after_s)
            return
        attempt.flight, attempt.output = answer, answer.output
        self.flying.append(attempt)
        self.api_requests[api.index] += 1
        self.at(answer.last_s, SETTLEMENT, (next(self.serial),), lambda t: self.settle(api, attempt, t))
        timeout_s = request.at().client.timeout_s
        if timeout_s < math.inf:
            self.timer(t + timeout_s, lambda t: self.time_out(attempt, "client_timeout", t))

    def settle(self, api: ApiOracle, attempt: Attempt, t: float, *, broken: bool = False) -> None:
        flight, asked = attempt.flight, attempt.asked
        assert flight is not None
        assert asked is not None
        if flight.settled:
            return
        self.flying.remove(attempt)
        billed = api.settle(flight, asked, t, broken=broken)
        if billed is not None:
            self.tokens[api.index] += (asked.prompt - asked.cached, asked.cached, billed)
        if attempt.over:
            return
        if broken:
            self.fault(attempt, "5xx", "outage", t)
        elif flight.error:
            self.fault(attempt, "5xx", "api_error", t)
        else:
            self.complete(attempt, flight.first_s, t)

    # The end (sections 8 and 9).

    def result(self) -> Outcome:
        for attempt in list(self.flying):
            api = self.deployments[attempt.deployment]
            assert isinstance(api, ApiOracle)
            assert attempt.flight is not None
            assert attempt.asked is not None
            billed = api.settle(attempt.flight, attempt.asked, attempt.flight.last_s)
            if billed is not None:
                self.tokens[api.index] += (attempt.asked.prompt - attempt.asked.cached, attempt.asked.cached, billed)
        busy_s, sequence_s = np.zeros(len(self.deployments)), np.zeros(len(self.deployments))
        lives: list[Life] = []
        for pool in self.pools():
            for r, slot in enumerate(pool.slots):
                if slot.replica is not None:
                    pool.add_counters(slot.replica)
                    if slot.replica.in_flight:
                        pool.note_step(slot, self.now)
                if slot.state is not State.OFF:
                    lives.append(Life(pool.index, r, slot.start_s, slot.ready_s, math.nan, "running"))
            lives += pool.lives
            for name, value in pool.closed.items():
                self.count[name][pool.index] = value
            most = self.window_s()
            steps_s = [min(end, most) - min(start, most) for start, end in pool.busy_s]
            busy_s[pool.index] = math.fsum(steps_s)
            sequence_s[pool.index] = math.fsum(s * n for s, n in zip(steps_s, pool.sequences, strict=True))
        rows = [self.log_row(request) for request in self.requests if request.row.arrival_s <= self.until_s]
        lives.sort(key=lambda life: (life.deployment, life.start_s, life.replica))
        return Outcome(
            np.array(rows, LOG_DTYPE), self.count, lives, self.tokens, self.api_requests, busy_s, sequence_s, self.end_s, self.window_s()
        )  # fmt: skip

    def log_row(self, request: Request) -> tuple[object, ...]:
        row, attempt, completed = request.row, request.attempt, request.outcome == "completed"
        first_s, cached = math.nan, 0
        preemptions = request.preemptions
        if attempt is not None:
            first_s = attempt.first_token_s
        if attempt is not None and attempt.asked is not None:
            cached = attempt.asked.cached
        if attempt is not None and attempt.work is not None:
            cached = max(0, attempt.work.cached)
            if not attempt.over:
                preemptions += attempt.work.preemptions
        return (
            request.number, row.arrival_s, row.class_id, row.client_id, row.prompt_tokens,
            attempt.output if completed and attempt is not None else 0,
            OUTCOMES.index(request.outcome), REASONS.index(request.reason), request.deployment,
            request.target, attempt.replica if attempt is not None else -1, request.attempts, request.retries, request.throttled,
            first_s if completed else math.nan, request.finish_s if request.outcome != "unfinished" else math.nan,
            preemptions, cached,
        )  # fmt: skip


def simulate(
    system: System,
    table: Table,
    *,
    seed: int = 0,
    events: Sequence[Event] = (),
    until_s: float = math.inf,
    laws: dict[str, Law] | None = None,
) -> Outcome:
    """One run, by the letter of docs/engine.md; `laws` gives the autoscalers' laws by name."""
    return SystemOracle(system, table, seed, events, until_s, laws or {}).run()
