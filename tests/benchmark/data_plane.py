"""The case in which the data plane is timed, and what it costs in calls when it runs as plain Python.

A pool of up to eight replicas under a Kubernetes HPA that decides every 15 s: KV counted in blocks and short enough for preemptions, a
queue limit, retries with backoff, a time-out, histograms. `python -m tests.benchmark.data_plane N` prints the calls of each function
of the engine for N requests, and the counters of the result, as JSON; `N OUTPUT` does so for N requests of so many output tokens, each
alone in the pool. It wants NUMBA_DISABLE_JIT=1.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np

from sim.engine.system import Autoscaler, Client, Pool, Replica, Rule, Stage, StepTime, System, Target
from sim.trace import Trace

PER_S = 22.0
"""About what six of the eight replicas carry."""

STEP = StepTime(c_s=0.0, g_tokens=(1.0, 256.0, 8192.0), g_s=(0.016, 0.022, 0.56), o_s=3e-5, f_s=6e-8, h_s=2e-10)
REPLICA = Replica(STEP, blocks=5000, watermark_blocks=50, max_num_seqs=128, max_num_batched_tokens=8192, max_model_len=32_768)
BEHAVIOR = (
    ("tolerance", 0.1), ("up_pods", 4.0), ("up_percent", 100.0), ("up_period", 15.0), ("up_stabilization", 0.0), ("down_pods", 0.0),
    ("down_percent", 100.0), ("down_period", 15.0), ("down_stabilization", 300.0),
)  # fmt: skip
HPA = Autoscaler(
    "hpa", "concurrency", 64.0, sync_s=15.0, scrape_s=15.0, average_s=15.0, min_replicas=2, max_replicas=8, settings=BEHAVIOR
)  # fmt: skip
POOL = Pool(
    "own", REPLICA, replicas=8, initial_replicas=5, queue_limit=32, autoscaler=HPA,
    cold_start=(Stage("start", 90.0, 0.2),), drain_s=600.0,
)  # fmt: skip
STEADY = System((replace(POOL, autoscaler=Autoscaler(min_replicas=5, max_replicas=5)),), (Rule((Target(0),)),))
SYSTEM = System((POOL,), (Rule((Target(0, client=Client(timeout_s=600.0)),)),))


def traffic(requests: int, seed: int = 1) -> Trace:
    """Poisson arrivals whose rate rises and falls by half every two hours, lognormal lengths."""
    random = np.random.default_rng(seed)
    steady_s = np.cumsum(random.standard_exponential(requests)) / PER_S
    gaps = np.diff(steady_s, prepend=0.0) / (1.0 + 0.6 * np.sin(steady_s * 2 * np.pi / 7200.0))
    return Trace.from_arrays(
        arrival_s=np.cumsum(gaps),
        prompt_tokens=_lengths(random, 700.0, 0.9, requests, most=16_000),
        output_tokens=_lengths(random, 150.0, 0.9, requests, most=4_000),
    )


def _lengths(random: np.random.Generator, median: float, sigma: float, n: int, *, most: int) -> Any:
    return np.clip(np.rint(median * np.exp(sigma * random.standard_normal(n))), 1, most).astype(np.int64)


def alone(requests: int, output_tokens: int) -> Trace:
    """Requests so far apart that each is served alone."""
    ones = np.ones(requests, np.int64)
    return Trace.from_arrays(arrival_s=np.arange(requests) * 10_000.0, prompt_tokens=100 * ones, output_tokens=output_tokens * ones)


def counted_calls(trace: Trace, *, system: System = SYSTEM) -> dict[str, int]:
    """Calls of each function of the engine, and the counters of the pool, for a run as plain Python."""
    from sim.engine import run

    folder = str(Path(run.__file__).parent)
    calls: Counter[str] = Counter()

    def see(frame: FrameType, event: str, _argument: Any) -> None:
        code = frame.f_code
        if event == "call" and code.co_filename.startswith(folder):
            calls[code.co_name] += 1

    sys.setprofile(see)
    try:
        result = run.simulate(system, trace)
    finally:
        sys.setprofile(None)
    return {**calls, **{f"n_{name}": int(values[0]) for name, values in result.counters.items()}}


if __name__ == "__main__":
    count, *lengths = map(int, sys.argv[1:])
    print(json.dumps(counted_calls(alone(count, *lengths), system=STEADY) if lengths else counted_calls(traffic(count))))
