"""One replica, every step by itself, by docs/engine.md section 5."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field

from sim.engine.system import Replica, StepTime
from tests.oracles.kv import Blocks, Contents


def blocks_for(tokens: int, block_tokens: int) -> int:
    return -(-tokens // block_tokens)


def interpolate(x: float, xs: tuple[float, ...], ys: tuple[float, ...]) -> float:
    """The line through the two knots around x; beyond an end, the line of the two nearest knots."""
    if len(xs) == 1:
        return ys[0]
    i = 0
    while i < len(xs) - 2 and x > xs[i + 1]:
        i += 1
    return ys[i] + (ys[i + 1] - ys[i]) * (x - xs[i]) / (xs[i + 1] - xs[i])


def g(step: StepTime, tokens: int) -> float:
    if tokens <= step.g_tokens[0]:
        return step.g_s[0]
    return interpolate(tokens, step.g_tokens, step.g_s)


@dataclass(eq=False)
class Work:
    """One attempt of a request at a replica. `token(p)` names the content of the token at position p."""

    row: int
    prompt: int
    output: int
    given: int = 0
    """Cached tokens that the trace or the hit rate promises (prefix_caching `given`)."""
    token: Callable[[int], Hashable] | None = None
    enqueued_s: float = 0.0
    delivered: int = 0
    computed: int = 0
    held: list[int] = field(default_factory=list)
    keys: list[int] = field(default_factory=list)
    cached: int = -1
    preemptions: int = 0
    prefilling: bool = True
    """No token has come out since its last admission."""
    aborted: bool = False
    first_token_s: float = math.nan
    finish_s: float = math.nan
    owner: object = None

    @property
    def num_tokens(self) -> int:
        return self.prompt + self.delivered

    @property
    def scheduled_once(self) -> bool:
        return self.cached >= 0


@dataclass
class Chunk:
    """What one request does in one step; `before` is its computed tokens at the start, `decode` as the step-time formula means it."""

    work: Work
    new: int
    before: int
    decode: bool


class ReplicaOracle:
    """The state machine of a replica: `add`, `abort`, `start` (schedule a step, returns its end) and `end` (commit it)."""

    def __init__(self, spec: Replica, contents: Contents | None = None) -> None:
        self.spec = spec
        self.contents = contents or Contents()
        self.blocks = Blocks(spec.blocks)
        self.running: list[Work] = []
        self.waiting: list[Work] = []
        self.batch: list[Chunk] = []
        self.in_flight = False
        self.steps = self.step_tokens = self.prefill_tokens = self.preemptions = self.hit_tokens = self.queried_tokens = 0
        self.preempted_now = False
        self.budget = 0
        self.threshold = 0
        self.last_batch: tuple[list[Work], list[Work]] | None = None
        """The running list and the scheduled requests of the step before if that was a step of decodes only."""
        self.t0 = self.first_s = self.growth_s = 0.0
        self.j = 0

    @property
    def outstanding(self) -> int:
        return len(self.waiting) + len(self.running)

    @property
    def used_blocks(self) -> int:
        return self.spec.blocks - len(self.blocks.free)

    def add(self, work: Work, now: float) -> None:
        work.enqueued_s = now
        self.waiting.append(work)

    def abort(self, work: Work) -> None:
        if work in self.waiting:
            self.waiting.remove(work)
        elif self.in_flight:
            work.aborted = True
        else:
            self._leave(work)

    def _leave(self, work: Work) -> None:
        self.running.remove(work)
        self.blocks.release(work.held)
        work.held = []

    # A step's start.

    def start(self, now: float) -> float | None:
        """Schedule the next step at `now`; the time of its end, or None when there is nothing to do."""
        spec = self.spec
        assert not self.in_flight
        self.batch = []
        self.preempted_now = False
        self.budget = spec.max_num_batched_tokens
        eligible = len(self.running) + len(self.waiting)
        self.threshold = spec.long_prefill_threshold if eligible > 1 else 0
        if self.threshold > 0 and spec.long_prefill_adaptive:
            self.threshold = max(self.threshold, self.budget // eligible)
        if spec.batching == "continuous":
            self._schedule_running(lambda _: True)
            self._admit()
        elif spec.batching == "static":
            alone = not self.running
            self._schedule_running(lambda _: True)
            if alone:
                self._admit()
        else:
            self._schedule_running(lambda work: work.prefilling)
            self._admit()
            if not self.batch:
                self._schedule_running(lambda work: not work.prefilling)
        if not self.batch:
            self.last_batch = None
            return None
        self.in_flight = True
        return self._end_time(now)

    def _end_time(self, now: float) -> float:
        step = self.spec.step
        tokens = sum(chunk.new for chunk in self.batch)
        sequences = len(self.batch)
        context = sum(chunk.before for chunk in self.batch if chunk.decode)
        attention = sum(chunk.new * (chunk.before + chunk.new / 2) for chunk in self.batch if not chunk.decode)
        duration = step.c_s + g(step, tokens) + step.o_s * sequences + step.f_s * context + step.h_s * attention
        pure = all(chunk.decode for chunk in self.batch)
        batch = list(self.running), [chunk.work for chunk in self.batch]
        if pure and self.last_batch == batch:
            self.j += 1
        else:
            self.t0, self.first_s, self.j = now, duration, 1
            self.growth_s = step.f_s * sequences if pure else 0.0
        self.last_batch = batch if pure else None
        return self.t0 + self.j * self.first_s + self.growth_s * self.j * (self.j - 1) / 2

    def _schedule_running(self, may: Callable[[Work], bool]) -> None:
        for work in list(self.running):
            if self.budget == 0:
                return
            if work not in self.running or not may(work):
                continue
            new = work.num_tokens - work.computed
            if 0 < self.threshold < new:
                new = self.threshold
            new = min(new, self.budget)
            need = blocks_for(work.computed + new, self.spec.block_tokens) - len(work.held)
            while need > len(self.blocks.free) and work in self.running:
                self._preempt_last()
            if work not in self.running:
                return
            self._schedule(work, new, self.blocks.take(need))

    def _preempt_last(self) -> None:
        last = self.running[-1]
        self._leave(last)
        last.computed = 0
        last.preemptions += 1
        self.preemptions += 1
        self.preempted_now = True
        self.waiting.insert(0, last)

    def _admit(self) -> None:
        spec = self.spec
        while not self.preempted_now and self.budget > 0 and self.waiting and len(self.running) < spec.max_num_seqs:
            work = self.waiting[0]
            hit, shared = self._hit(work)
            new = work.num_tokens - hit
            if 0 < self.threshold < new:
                new = self.threshold
            new = min(new, self.budget)
            watermark = spec.watermark_blocks if self.running else 0
            hit_but_free = sum(1 for block in shared if self.blocks.references[block] == 0)
            beyond = hit_but_free + watermark - len(shared)
            if spec.reserve_full_prompt and blocks_for(work.num_tokens, spec.block_tokens) + beyond > len(self.blocks.free):
                return
            if blocks_for(hit + new, spec.block_tokens) + beyond > len(self.blocks.free):
                return
            self.waiting.pop(0)
            self.running.append(work)
            self.blocks.share(shared)
            work.held = list(shared)
            work.computed = hit
            work.prefilling = True
            if not work.scheduled_once:
                work.cached = hit
                if spec.prefix_caching != "off":
                    self.queried_tokens += work.num_tokens
                    self.hit_tokens += hit
            need = blocks_for(hit + new, spec.block_tokens) - len(shared)
            self._schedule(work, new, self.blocks.take(need))

    def _schedule(self, work: Work, new: int, taken: list[int]) -> None:
        work.held = work.held + taken
        decode = work.delivered > 0 and new == 1 and work.computed == work.num_tokens - 1
        self.batch.append(Chunk(work, new, work.computed, decode))
        self.budget -= new
        if self.spec.prefix_caching == "blocks":
            for i in range((work.computed + new) // self.spec.block_tokens):
                self.blocks.enter(work.held[i], self._key(work, i))

    def _hit(self, work: Work) -> tuple[int, list[int]]:
        """Tokens found computed for the request at the head of the queue, and the blocks that it would share."""
        spec = self.spec
        if spec.prefix_caching == "given" and not work.scheduled_once:
            return spec.block_tokens * (min(work.given, work.prompt - 1) // spec.block_tokens), []
        if spec.prefix_caching != "blocks":
            return 0, []
        shared: list[int] = []
        for i in range((work.num_tokens - 1) // spec.block_tokens):
            block = self.blocks.find(self._key(work, i))
            if block is None:
                break
            shared.append(block)
        return len(shared) * spec.block_tokens, shared

    def _key(self, work: Work, i: int) -> int:
        size = self.spec.block_tokens
        assert work.token is not None, "prefix_caching `blocks` needs the contents of a request"
        while len(work.keys) <= i:
            first = len(work.keys) * size
            before = work.keys[-1] if work.keys else -1
            work.keys.append(self.contents.number(before, tuple(work.token(p) for p in range(first, first + size))))
        return work.keys[i]

    # A step's end.

    def end(self, now: float) -> list[Work]:
        """Commit the step in flight; the requests that completed, in the order of scheduling."""
        assert self.in_flight
        self.in_flight = False
        self.steps += 1
        done = []
        for chunk in self.batch:
            self.step_tokens += chunk.new
            self.prefill_tokens += 0 if chunk.decode else chunk.new
            work = chunk.work
            if work.aborted:
                continue
            work.computed += chunk.new
            if work.computed < work.num_tokens:
                continue
            work.delivered += 1
            work.prefilling = False
            if work.delivered == 1:
                work.first_token_s = now
            if work.delivered == work.output:
                work.finish_s = now
                self._leave(work)
                done.append(work)
        for work in [work for work in self.running if work.aborted]:
            self._leave(work)
        for work in self.running:
            assert len(work.held) == blocks_for(work.computed, self.spec.block_tokens)
        return done


def replay(spec: Replica, works: Iterable[tuple[float, Work]]) -> list[Work]:
    """Feed one replica alone with (arrival, work) pairs in order of arrival; run until all are done."""
    replica = ReplicaOracle(spec)
    coming = list(works)
    all_works = [work for _, work in coming]
    now = 0.0
    end: float | None = None
    while coming or end is not None:
        now = min(coming[0][0] if coming else math.inf, math.inf if end is None else end)
        if end == now:
            replica.end(now)
            end = None
        while coming and coming[0][0] == now:
            replica.add(coming.pop(0)[1], now)
        if end is None:
            end = replica.start(now)
    assert not replica.running and not replica.waiting
    assert len(replica.blocks.free) == spec.blocks
    return all_works
