"""Latency tables: TTFT, TPOT and E2E of completed requests, by deployment and class and for any of them together.

Histograms of parts add up to that of the whole, so a merged quantile is as exact as that of a part.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from sim.engine.result import HIST_GROWTH, HIST_MIN_S, METRICS, Result
from sim.measure.histogram import Spread, quantile_s, spread

ALL = None
"""Stands for every deployment or every class: no name, since a trace may have a class of any name."""


@dataclass(frozen=True, slots=True)
class LatencyRow:
    """The spread of one metric (`ttft`, `tpot`, `e2e`) over the completed requests of a deployment and class, or of `ALL`."""

    metric: str
    deployment: str | None
    class_name: str | None
    spread: Spread


@dataclass(frozen=True, slots=True)
class LatencyShares:
    """The share of completed requests of a deployment and class, or of `ALL`, whose metric is at most each of `at_most_s` seconds."""

    metric: str
    deployment: str | None
    class_name: str | None
    at_most_s: tuple[float, ...]
    shares: tuple[float, ...]


_CURVE_POINTS = 60
"""Steps of a cumulative curve at most: finer ones are not seen."""


def _select(index: int | None, size: int) -> slice:
    return slice(0, size) if index is None else slice(index, index + 1)


def latency(result: Result, metric: str, deployment: int | None = None, class_id: int | None = None) -> Spread:
    """The spread in seconds of a metric over one deployment and class, or over all where None is given."""
    m = METRICS.index(metric)
    _, deployments, classes, _ = result.histogram.shape
    d, k = _select(deployment, deployments), _select(class_id, classes)
    largest = result.latency_max_s[m, d, k]
    counts = result.histogram[m, d, k].sum(axis=(0, 1))
    return spread(counts, int(result.latency_sum_ns[m, d, k].sum()), float(np.max(largest, initial=0.0)))


def latency_quantile(result: Result, metric: str, q: float, without: Collection[int] = ()) -> float | None:
    """Quantile q in seconds of a metric over all completed requests but those of some deployments; None when there is none."""
    m = METRICS.index(metric)
    counted = [d for d in range(result.histogram.shape[1]) if d not in without]
    largest = float(np.max(result.latency_max_s[m, counted], initial=0.0))
    return quantile_s(result.histogram[m, counted].sum(axis=(0, 1)), q, largest)


def latency_table(result: Result, deployments: Sequence[str], classes: Sequence[str]) -> list[LatencyRow]:
    """Every metric over all, by deployment, by class, and by both; groups in which no request completed are left out."""
    rows = []
    places: list[tuple[int | None, str | None]] = [(None, ALL), *enumerate(deployments)]
    kinds: list[tuple[int | None, str | None]] = [(None, ALL), *enumerate(classes)]
    for metric in METRICS:
        for d, deployment in places:
            for k, class_name in kinds:
                found = latency(result, metric, d, k)
                if found.count or (d is None and k is None):
                    rows.append(LatencyRow(metric, deployment, class_name, found))
    return rows


def latency_curves(result: Result, deployments: Sequence[str], classes: Sequence[str]) -> list[LatencyShares]:
    """Cumulative curves of every metric over all, by deployment and by class; those of one metric have the same `at_most_s`.

    Their steps are edges of the histogram's buckets, so that shares are counted, not interpolated.
    """
    curves = []
    groups: list[tuple[int | None, int | None]] = [(None, None), *((d, None) for d in range(len(deployments)))]
    groups += [(None, k) for k in range(len(classes))] if len(classes) > 1 else []
    for m, metric in enumerate(METRICS):
        used = np.flatnonzero(result.histogram[m].sum(axis=(0, 1)))
        if not len(used):
            continue
        every = -(-int(used[-1] - used[0] + 2) // _CURVE_POINTS)
        edges = np.arange(int(used[0]), int(used[-1]) + every, every)
        upper_s = tuple(float(HIST_MIN_S * HIST_GROWTH ** int(edge)) for edge in edges)
        for d, k in groups:
            counts = result.histogram[m, _select(d, len(deployments)), _select(k, result.histogram.shape[2])].sum(axis=(0, 1))
            below = np.cumsum(counts)[np.minimum(edges, len(counts) - 1)]
            if below[-1]:
                name, class_name = None if d is None else deployments[d], None if k is None else classes[k]
                curves.append(LatencyShares(metric, name, class_name, upper_s, tuple(float(b) for b in below / below[-1])))
    return curves
