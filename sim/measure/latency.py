"""Latency tables: TTFT, TPOT and E2E of completed requests, by deployment and class and for any of them together.

Histograms of parts add up to that of the whole, so a merged quantile is as exact as that of a part.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from sim.engine.result import METRICS, Result
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
