"""The requests that a pool is offered, as a sample: what `load` feeds a single replica with.

A request belongs to a pool's mix when the first rule that takes it (by class and prompt length, for its share) tries the pool first; a
pool that no rule tries first has the mix of the rules in which it stands at all. Where cached prefixes
are followed block by block, the sample is made of runs of consecutive requests, so that what they share stays shared.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from sim.engine.system import Pool, System
from sim.trace.columns import TraceChunk

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]

PEAK_S = 300.0
"""Over how long the busiest time is looked for."""
RUN_ROWS = 512
"""Consecutive requests that are kept together where prefixes are shared."""

_COLUMNS = ("arrival_s", "prompt_tokens", "output_tokens", "class_id", "client_id", "session_id", "cached_tokens", "max_tokens")


@dataclass(frozen=True)
class Mix:
    """Sampled requests in the order of the trace, and how many requests were offered in each bin of time."""

    rows: TraceChunk
    offered: Floats | None
    """By bin of `bin_s` seconds, in expectation over shares of rules; None for a pool that no rule tries first."""


def leads(system: System, deployment: int) -> bool:
    """Whether a rule tries this deployment first."""
    return any(rule.targets[0].deployment == deployment for rule in system.rules)


def taken_share(system: System, deployment: int, chunk: TraceChunk) -> Floats:
    """The probability that each request of a chunk is offered to a deployment (0 or 1 where no rule has a share)."""
    first_only = leads(system, deployment)
    unclaimed = np.ones(len(chunk))
    offered = np.zeros(len(chunk))
    for rule in system.rules:
        match = (chunk.prompt_tokens >= rule.min_prompt_tokens) & (chunk.prompt_tokens <= rule.max_prompt_tokens)
        if rule.classes:
            match &= np.isin(chunk.class_id, rule.classes)
        taken = unclaimed * match * rule.share
        if any(target.deployment == deployment for target in (rule.targets[:1] if first_only else rule.targets)):
            offered += taken
        unclaimed -= taken
    return offered


def fits(pool: Pool, chunk: TraceChunk) -> Bools:
    """Which requests a replica could ever hold; the others are refused whatever the load."""
    replica = pool.replica
    output = np.minimum(chunk.output_tokens, replica.max_model_len - chunk.prompt_tokens)
    blocks = -(-(chunk.prompt_tokens + output - 1) // replica.block_tokens)
    return np.asarray((chunk.prompt_tokens < replica.max_model_len) & (blocks <= replica.blocks))


def select(chunk: TraceChunk, keep: Ints) -> TraceChunk:
    """The requests at the given places of a chunk, in that order."""
    lengths = np.diff(chunk.block_offsets)[keep]
    offsets = np.zeros(len(keep) + 1, np.int64)
    np.cumsum(lengths, out=offsets[1:])
    within = np.arange(int(offsets[-1])) - np.repeat(offsets[:-1], lengths)
    blocks = chunk.block_ids[np.repeat(chunk.block_offsets[keep], lengths) + within]
    picked = {name: np.ascontiguousarray(getattr(chunk, name)[keep]) for name in _COLUMNS}
    return replace(chunk, first_row=0, block_offsets=offsets, block_ids=np.ascontiguousarray(blocks), **picked)


def join(chunks: list[TraceChunk]) -> TraceChunk:
    """Chunks one after the other as one."""
    starts = np.cumsum([0, *(len(chunk.block_ids) for chunk in chunks)])
    offsets = [chunk.block_offsets[1:] + start for chunk, start in zip(chunks, starts, strict=False)]
    joined = {name: np.concatenate([getattr(chunk, name) for chunk in chunks]) for name in (*_COLUMNS, "block_ids")}
    return TraceChunk(first_row=0, block_offsets=np.concatenate([np.zeros(1, np.int64), *offsets]), **joined)


class MixSampler:
    """Takes chunks of a trace one after the other and keeps, for each pool, between `wanted` and twice as many evenly spread requests.

    Every request is kept at first; whenever there are too many, every other run of them goes and from then on half as many are taken.
    """

    def __init__(self, system: System, wanted: int = 4000, *, bin_s: float = PEAK_S) -> None:
        self._system = system
        self._wanted = wanted
        self._bin_s = bin_s
        self._samples = {
            d: _Sample(RUN_ROWS if pool.replica.prefix_caching == "blocks" else 1)
            for d, pool in enumerate(system.deployments)
            if isinstance(pool, Pool) and pool.replicas > 0
        }

    def add(self, chunk: TraceChunk) -> None:
        """Look at the next chunk."""
        for d, sample in self._samples.items():
            pool = self._system.deployments[d]
            assert isinstance(pool, Pool)
            share = taken_share(self._system, d, chunk)
            if leads(self._system, d):
                bins = np.bincount((chunk.arrival_s // self._bin_s).astype(np.int64), share)
                longer = np.zeros(max(len(bins), len(sample.offered)))
                longer[: len(sample.offered)] = sample.offered
                longer[: len(bins)] += bins
                sample.offered = longer
            sample.add(chunk, np.flatnonzero((share > 0) & fits(pool, chunk)), most=2 * self._wanted)

    def mix(self, deployment: int) -> Mix | None:
        """The sample of a pool; None for what is no pool or was offered nothing it can hold."""
        sample = self._samples.get(deployment)
        if sample is None or not sample.kept:
            return None
        return Mix(join(sample.kept), sample.offered if leads(self._system, deployment) else None)


@dataclass
class _Sample:
    """The requests kept for one pool, with the number of each among those it can hold."""

    run: int
    stride: int = 1
    seen: int = 0
    offered: Floats = field(default_factory=lambda: np.zeros(0))
    kept: list[TraceChunk] = field(default_factory=list)
    numbers: list[Ints] = field(default_factory=list)

    def add(self, chunk: TraceChunk, places: Ints, *, most: int) -> None:
        numbers = self.seen + np.arange(len(places))
        self.seen += len(places)
        self._keep(chunk, places, numbers)
        while sum(map(len, self.numbers)) > most and sum(map(len, self.numbers)) > 2 * self.run:
            self.stride *= 2
            old, old_numbers = self.kept, self.numbers
            self.kept, self.numbers = [], []
            for part, part_numbers in zip(old, old_numbers, strict=True):
                self._keep(part, np.arange(len(part)), part_numbers)

    def _keep(self, chunk: TraceChunk, places: Ints, numbers: Ints) -> None:
        stays = (numbers // self.run) % self.stride == 0
        if stays.any():
            self.kept.append(select(chunk, places[stays]))
            self.numbers.append(numbers[stays])
