"""The traces and settings on which vLLM's scheduler is recorded (tests/tools/record_vllm.py): made here, kept whole in tests/golden/vllm.

All times and coefficients are dyadic rationals, so that sums of steps are exact in float64 and a comparison needs no tolerance.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

U = 2.0**-20
"""About a microsecond."""

PROFILES: dict[str, dict[str, Any]] = {
    # Knots a power of two apart, so that slopes are exact.
    # The order of magnitude of an 8B model on an H100 and of a 70B model on two; then shapes that stress one term each.
    "8b": {
        "c_s": 4096 * U,
        "g_tokens": [64, 128, 256, 512, 1024, 2048, 4096],
        "g_s": [6144 * U, 6400 * U, 7168 * U, 11264 * U, 20480 * U, 40960 * U, 83968 * U],
        "o_s": 32 * U,
        "f_s": 2.0**-27,
        "h_s": 2.0**-34,
    },
    "70b": {
        "c_s": 8192 * U,
        "g_tokens": [32, 64, 128, 256, 512, 1024, 2048],
        "g_s": [16384 * U, 16640 * U, 17408 * U, 20480 * U, 32768 * U, 61440 * U, 122880 * U],
        "o_s": 64 * U,
        "f_s": 2.0**-26,
        "h_s": 2.0**-33,
    },
    "flat": {"c_s": 2.0**-6, "g_tokens": [1], "g_s": [0.0], "o_s": 0.0, "f_s": 0.0, "h_s": 0.0},
    "second": {"c_s": 1.0, "g_tokens": [1], "g_s": [0.0], "o_s": 0.0, "f_s": 0.0, "h_s": 0.0},
    "context": {
        "c_s": 1024 * U,
        "g_tokens": [16, 32, 64],
        "g_s": [1024 * U, 1024 * U, 4096 * U],
        "o_s": 8 * U,
        "f_s": 2.0**-17,
        "h_s": 2.0**-24,
    },
}


@dataclass
class Row:
    """One request of a trace, with the columns of the product's own trace format."""

    arrival_s: float
    prompt_tokens: int
    output_tokens: int
    session_id: int = -1
    prefix_block_ids: list[int] = field(default_factory=list)


@dataclass
class Case:
    """A trace with the settings it is recorded under; names of settings are vLLM's."""

    says: str
    rows: Callable[[random.Random], list[Row]]
    num_gpu_blocks: int
    profile: str = "8b"
    max_num_seqs: int = 256
    max_num_batched_tokens: int = 8192
    block_size: int = 16
    enable_prefix_caching: bool = False
    watermark: float = 0.0
    long_prefill_token_threshold: int = 0
    long_prefill_token_threshold_adaptive: bool = False
    scheduler_reserve_full_isl: bool = True
    max_model_len: int = 131072
    prefix_block_tokens: int = 16
    steps: bool = False
    """Also keep the log of steps."""


Length = Callable[[random.Random], int]


def tick(seconds: float) -> float:
    return round(seconds * 4096) / 4096


def some(median: float, sigma: float, most: int = 100000) -> Length:
    return lambda rng: max(1, min(most, round(rng.lognormvariate(0, sigma) * median)))


def exactly(*values: int) -> Length:
    return lambda rng: rng.choice(values)


def arrivals(rng: random.Random, rate: float) -> Iterator[float]:
    now = 0.0
    while True:
        yield tick(now)
        now += rng.expovariate(rate)


def plain(count: int, rate: float, prompt: Length, output: Length, group: int = 1) -> Callable[[random.Random], list[Row]]:
    """Poisson arrivals of `group` requests at once."""

    def rows(rng: random.Random) -> list[Row]:
        times = arrivals(rng, rate)
        made: list[Row] = []
        while len(made) < count:
            now = next(times)
            made += [Row(now, prompt(rng), output(rng)) for _ in range(group)]
        return made[:count]

    return rows


def grid(count: int, gap: int, prompt: Length, output: Length) -> Callable[[random.Random], list[Row]]:
    """Arrivals on whole seconds: ties with step ends of the profile `second`."""
    return lambda rng: [Row(float(i // 2 * gap), prompt(rng), output(rng)) for i in range(count)]


def shared(
    count: int, rate: float, roots: int, depth: int, branch: int, tail: Length, output: Length, block_tokens: int, group: int = 1
) -> Callable[[random.Random], list[Row]]:
    """Prompts that begin with a path in a tree of blocks: `roots` first blocks, each followed by one of `branch`, `depth` deep at most; the tail is the request's own."""

    def rows(rng: random.Random) -> list[Row]:
        times = arrivals(rng, rate)
        made: list[Row] = []
        while len(made) < count:
            now = next(times)
            for _ in range(group):
                ids = [rng.randrange(roots)]
                for _ in range(rng.randint(0, depth - 1)):
                    ids.append((ids[-1] + 1) * 1000 + rng.randrange(branch))
                made.append(Row(now, len(ids) * block_tokens + tail(rng), output(rng), prefix_block_ids=ids))
        return made[:count]

    return rows


def hashed(count: int, rate: float, roots: int, prompt: Length, output: Length, block_tokens: int) -> Callable[[random.Random], list[Row]]:
    """Every prompt token lies in a block of the trace, the last one cut short, as in Mooncake's traces."""

    def rows(rng: random.Random) -> list[Row]:
        times = arrivals(rng, rate)
        made: list[Row] = []
        for i in range(count):
            tokens = prompt(rng)
            blocks = -(-tokens // block_tokens)
            common = rng.randint(0, blocks)
            root = rng.randrange(roots)
            ids = [root * 1000 + k for k in range(common)] + [10**6 + i * 1000 + k for k in range(common, blocks)]
            made.append(Row(next(times), tokens, output(rng), prefix_block_ids=ids))
        return made

    return rows


def sessions(
    count: int, rate: float, turns: int, first: Length, more: Length, output: Length, think: float, system: int = 0, block_tokens: int = 16
) -> Callable[[random.Random], list[Row]]:
    """Conversations: each prompt is the one before, its answer and `more` new tokens. `system` > 0: all begin with that many common blocks."""

    def rows(rng: random.Random) -> list[Row]:
        starts = arrivals(rng, rate / turns)
        made: list[Row] = []
        for session in range(-(-count // turns)):
            now, prompt = next(starts), first(rng) + system * block_tokens
            for _ in range(turns):
                answer = output(rng)
                made.append(Row(tick(now), prompt, answer, session, list(range(system))))
                prompt += answer + more(rng)
                now += rng.expovariate(1 / think)
        made = sorted(made, key=lambda row: row.arrival_s)[:count]
        start = made[0].arrival_s
        for row in made:
            row.arrival_s -= start
        return made

    return rows


def joined(*parts: Callable[[random.Random], list[Row]]) -> Callable[[random.Random], list[Row]]:
    return lambda rng: sorted((row for part in parts for row in part(rng)), key=lambda row: row.arrival_s)
