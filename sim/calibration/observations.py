"""Which numbers of a benchmark a fit looks at, how exactly each is known, and which belong together when some are held out.

TTFT and TPOT are fitted; the gap between tokens stands in for TPOT, and end-to-end time or throughput for both, where a file has
nothing better: they follow from the other two, and would count the same run twice. Of several statistics the mean is fitted, else the
median, else the next in order; what is left over is predicted and shown all the same, as a check that the fit has not seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from types import MappingProxyType
from typing import Literal

from sim.calibration.points import Metric, ServingPoint, Statistic, StepPoint

Point = ServingPoint | StepPoint
Measured = Metric | Literal["step_s"]
"""A metric of a serving run, or the seconds of one step."""
Kind = Literal["decode", "prefill"]

NOISE = MappingProxyType({"ttft_s": 0.06, "tpot_s": 0.03, "itl_s": 0.03, "e2e_s": 0.03, "throughput_tok_s": 0.03, "step_s": 0.03})
"""Standard deviation of the logarithm of a mean, the same benchmark repeated on another machine (assumed)."""
NOISE_FACTOR = MappingProxyType({"mean": 1.0, "p50": 1.0, "p90": 1.5, "p95": 2.0, "p99": 3.0})
"""How much less exactly a tail is known than the mean (assumed)."""
_BEST_FIRST: tuple[Statistic, ...] = ("mean", "p50", "p90", "p95", "p99")


@dataclass(frozen=True)
class Observation:
    """One measured number of a point: seconds, or tokens a second."""

    point: int
    """Which of the points, counted from 0."""
    metric: Measured
    statistic: Statistic
    value: float
    kind: Kind
    """Whether decodes or prompts make most of it: which error of a profile it speaks for."""
    fitted: bool

    @property
    def noise(self) -> float:
        """Standard deviation of ln(measured/true)."""
        return NOISE[self.metric] * NOISE_FACTOR[self.statistic]


def observations(points: Sequence[Point]) -> list[Observation]:
    """Every usable number of the points, in their order; those that a fit looks at are marked."""
    found: list[Observation] = []
    for i, point in enumerate(points):
        if isinstance(point, StepPoint):
            found.append(Observation(i, "step_s", "mean", point.seconds, point.kind, fitted=True))
            continue
        usable = {key: value for key, value in point.measured.items() if isfinite(value) and value > 0.0}
        chosen = _chosen(usable)
        found += [
            Observation(i, metric, statistic, usable[metric, statistic], _kind(metric), fitted=(metric, statistic) in chosen)
            for metric, statistic in sorted(usable, key=lambda key: (_ORDER[key[0]], _BEST_FIRST.index(key[1])))
        ]
    return found


_ORDER = MappingProxyType({"ttft_s": 0, "tpot_s": 1, "itl_s": 2, "e2e_s": 3, "throughput_tok_s": 4})


def _kind(metric: Metric) -> Kind:
    return "prefill" if metric == "ttft_s" else "decode"


def _chosen(usable: Sequence[tuple[Metric, Statistic]] | dict[tuple[Metric, Statistic], float]) -> set[tuple[Metric, Statistic]]:
    """What a fit looks at of one run: at most TTFT and one measure of the tokens after it, each in its best statistic."""

    def best(metric: Metric) -> list[tuple[Metric, Statistic]]:
        return [(metric, statistic) for statistic in _BEST_FIRST if (metric, statistic) in usable][:1]

    later = best("tpot_s") or best("itl_s") or best("e2e_s") or best("throughput_tok_s")
    return {*best("ttft_s"), *later}


def batch_of(point: Point) -> str:
    """How much a point had in hand at a time: its concurrency or rate; of a step its sequences, of a prompt's step its tokens."""
    if isinstance(point, StepPoint):
        return f"batch {point.sequences:g}" if point.kind == "decode" else f"{point.tokens:g} tokens"
    load = point.load
    rate = "" if load.request_rate_per_s is None else f"{load.request_rate_per_s:g}/s"
    if load.concurrency is not None:
        return f"concurrency {load.concurrency}" + (f" at {rate}" if rate else "")
    lasted_s = max(load.arrival_s) - min(load.arrival_s) if load.arrival_s else 0.0
    return rate or (f"{len(load.arrival_s) / lasted_s:.3g}/s as recorded" if lasted_s > 0.0 else "all at once")


def shape_of(point: Point) -> str:
    """The lengths of a point: prompt and output; of a decode step the context of a sequence, of a prompt's step its attention."""
    if isinstance(point, StepPoint):
        per_sequence = point.context / max(point.sequences, 1.0)
        return f"context {per_sequence:.0f}" if point.kind == "decode" else f"{point.tokens:g} tokens"
    return f"{point.load.prompt_tokens:.0f}/{point.load.output_tokens:.0f}"


def distinct(points: Sequence[Point]) -> int:
    """How many different loads and steps the points are: a repeat says nothing new of a coefficient."""
    return len({(batch_of(point), shape_of(point)) for point in points})


def lengths_assumed(point: Point) -> bool:
    """Whether nothing says how the lengths of a closed loop were spread, and `serving.least_length_share_of` had to."""
    if isinstance(point, StepPoint):
        return False
    load = point.load
    return load.concurrency is not None and load.least_length_share is None and not load.lengths
