"""Statistics of recorded requests, and whether they were sent by a closed loop of clients."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from sim.calibration.points import Load, Metric, Statistic

_PERCENTILES: tuple[tuple[Statistic, float], ...] = (("p50", 50.0), ("p90", 90.0), ("p95", 95.0), ("p99", 99.0))
_SHARE = 0.9
"""So many of the later requests have to follow the end of another for a loop to be closed."""
_LEAST_WAIT_S = 0.02
_WAIT_SHARE = 0.05
"""A client of a closed loop sends its next request within 20 ms, or 5 % of a mean latency."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request that came back whole; times in seconds from any one moment. None where the tool does not record it."""

    prompt_tokens: int
    output_tokens: int
    ttft_s: float | None
    e2e_s: float | None
    sent_s: float | None = None
    gaps_s: tuple[float, ...] = ()


def measured(requests: Sequence[Request]) -> dict[tuple[Metric, Statistic], float]:
    """Mean and percentiles (linear between order statistics) of TTFT, TPOT, gaps and E2E; the throughput if times were recorded."""
    made: dict[tuple[Metric, Statistic], float] = {}
    made.update(_statistics("ttft_s", (each.ttft_s for each in requests if each.ttft_s is not None)))
    made.update(
        _statistics(
            "tpot_s",
            (
                (each.e2e_s - each.ttft_s) / (each.output_tokens - 1)
                for each in requests
                if each.ttft_s is not None and each.e2e_s is not None and each.output_tokens > 1
            ),
        )
    )
    made.update(_statistics("itl_s", (gap for each in requests for gap in each.gaps_s)))
    made.update(_statistics("e2e_s", (each.e2e_s for each in requests if each.e2e_s is not None)))
    spans = [(each.sent_s, each.sent_s + each.e2e_s) for each in requests if each.sent_s is not None and each.e2e_s is not None]
    if spans and len(spans) == len(requests):
        lasted = max(end for _, end in spans) - min(start for start, _ in spans)
        if lasted > 0.0:
            made["throughput_tok_s", "mean"] = sum(each.output_tokens for each in requests) / lasted
    return made


def _statistics(metric: Metric, values: Iterable[float]) -> dict[tuple[Metric, Statistic], float]:
    array = np.fromiter(values, dtype=np.float64)
    if not array.size or float(array.mean()) <= 0.0:
        return {}
    made: dict[tuple[Metric, Statistic], float] = {(metric, "mean"): float(array.mean())}
    for (name, _), value in zip(_PERCENTILES, np.percentile(array, [share for _, share in _PERCENTILES]), strict=True):
        if value > 0.0:
            made[metric, name] = float(value)
    return made


def closed_loop_clients(requests: Sequence[Request]) -> int | None:
    """How many were always outstanding, if each request after the first ones was sent when another had just ended; else None."""
    timed = sorted((each.sent_s, each.sent_s + each.e2e_s) for each in requests if each.sent_s is not None and each.e2e_s is not None)
    if len(timed) < len(requests) or len(timed) < 4:
        return None
    starts, ends = [start for start, _ in timed], sorted(end for _, end in timed)
    soon = max(_LEAST_WAIT_S, _WAIT_SHARE * sum(end - start for start, end in timed) / len(timed))
    # An answer may be booked as ended a moment after the next request was sent.
    before = [at - bisect_right(ends, start + soon / 10.0) for at, start in enumerate(starts)]
    clients = max(before) + 1
    later = range(clients, len(starts))
    if len(later) < max(3, clients // 2):
        return None
    following = 0
    for at in later:
        ended = bisect_right(ends, starts[at] + soon / 10.0)
        following += bool(ended and starts[at] - ends[ended - 1] <= soon and before[at] >= clients - 2)
    return clients if following >= _SHARE * len(later) else None


def load_of(requests: Sequence[Request]) -> Load:
    """The load of recorded requests without its sending: their lengths in order of sending, and the means of them."""
    ordered = sorted(requests, key=lambda each: each.sent_s or 0.0)
    return Load(
        prompt_tokens=sum(each.prompt_tokens for each in requests) / len(requests),
        output_tokens=sum(each.output_tokens for each in requests) / len(requests),
        requests=len(requests),
        lengths=tuple((each.prompt_tokens, each.output_tokens) for each in ordered),
    )


def as_recorded(load: Load, requests: Sequence[Request]) -> Load:
    """The load sent when it was recorded to be sent, from zero; times of sending are known."""
    times = sorted(each.sent_s or 0.0 for each in requests)
    return replace(load, arrival_s=tuple(time - times[0] for time in times))
