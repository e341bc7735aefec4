"""A Result put together by hand: only what a test names is not zero."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from sim.engine.result import (
    COUNTERS,
    HIST_BUCKETS,
    HIST_GROWTH,
    HIST_MIN_S,
    METRICS,
    OUTCOMES,
    REASONS,
    TIMELINE_FIELDS,
    Life,
    PriceStep,
    Result,
)
from sim.engine.system import Api, Pool, Replica, Rule, StepTime, System, Target


def bucket(value_s: float) -> int:
    """The log bucket of a latency by its definition, one comparison after the other around the logarithm's guess."""
    if value_s < HIST_MIN_S:
        return 0
    i = 1 + int(math.log(value_s / HIST_MIN_S) / math.log(HIST_GROWTH))
    return min(i, HIST_BUCKETS - 1)


def empty_result(
    *, deployments: int = 1, classes: int = 1, clients: int = 0, tiers: int = 1, segments: int = 1, window_s: float = 3600.0
) -> Result:
    """A run in which nothing happened."""
    d, k = deployments, classes
    return Result(
        window_s=window_s,
        end_s=window_s,
        total=0,
        outcomes=np.zeros((d + 1, k, len(OUTCOMES)), np.int64),
        reasons=np.zeros(len(REASONS), np.int64),
        histogram=np.zeros((3, d, k, HIST_BUCKETS), np.int64),
        latency_sum_ns=np.zeros((3, d, k), np.int64),
        latency_max_s=np.zeros((3, d, k)),
        met_slo=np.zeros((d, k), np.int64),
        counters={name: np.zeros(d, np.int64) for name in COUNTERS},
        tokens=np.zeros((d, k, 3, tiers, segments), np.int64),
        api_requests=np.zeros((d, k, segments), np.int64),
        client_tokens=np.zeros((d, clients, 3), np.int64),
        busy_s=np.zeros(d),
        sequence_s=np.zeros(d),
        kv_token_s=np.zeros(d),
        ready_s=np.zeros(d),
        present_s=np.zeros(d),
        lives=[],
        happenings=[],
        timeline_s=60.0,
        timeline=np.zeros((math.ceil(window_s / 60), d, len(TIMELINE_FIELDS))),
        price_steps=[PriceStep(i, 0, 0.0, 1.0) for i in range(d)],
    )


def add_latencies(result: Result, metric: str, values_s: Sequence[float], deployment: int = 0, class_id: int = 0) -> None:
    """Put latencies of one metric into a result."""
    m = METRICS.index(metric)
    for value in values_s:
        result.histogram[m, deployment, class_id, bucket(value)] += 1
        result.latency_sum_ns[m, deployment, class_id] += round(value * 1e9)
        result.latency_max_s[m, deployment, class_id] = max(result.latency_max_s[m, deployment, class_id], value)


def add_outcomes(result: Result, outcome: str, count: int, deployment: int = 0, class_id: int = 0, reason: str = "none") -> None:
    """Put requests of one outcome into a result."""
    result.total += count
    result.outcomes[deployment, class_id, OUTCOMES.index(outcome)] += count
    if outcome == "completed":
        result.counters["completed"][deployment] += count
    else:
        result.reasons[REASONS.index(reason)] += count


def stood(
    result: Result, deployment: int, start_s: float, end_s: float, *, replica: int = 0, ready_s: float | None = None, end: str = "running"
) -> None:
    """Let a replica live."""
    life = Life(deployment, replica, start_s, start_s if ready_s is None else ready_s, end_s, end)
    result.lives.append(life)
    result.present_s[deployment] += max(0.0, min(end_s, result.window_s) - start_s)
    result.ready_s[deployment] += max(0.0, min(end_s, result.window_s) - life.ready_s)


def pool(name: str = "own", **changes: object) -> Pool:
    """A pool of one small replica."""
    replica = Replica(StepTime(0.01, (1.0,), (0.0,)), blocks=100, block_tokens=16)
    return Pool(**{"name": name, "replica": replica, "replicas": 1, "initial_replicas": 1, **changes})


def system(*deployments: Pool | Api) -> System:
    """Everything goes to the first deployment, then down the list."""
    return System(deployments, (Rule(tuple(Target(d, ("429", "5xx", "timeout")) for d in range(len(deployments)))),))
