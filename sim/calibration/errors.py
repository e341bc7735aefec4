"""How far predictions are from measurements: the error of one, and the median, mean, p90 and bias of many, by metric and by group.

An error is predicted / measured - 1, a fraction: 0.05 is 5 % too much.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from sim.calibration.points import METRICS, Metric, Statistic

Quantity = tuple[Metric, Statistic]
STATISTICS: tuple[Statistic, ...] = ("mean", "p50", "p90", "p95", "p99")


@dataclass(frozen=True)
class ErrorSummary:
    """Errors of one quantity: all fractions; absolute ones but for the bias, which is the mean with its sign."""

    n: int
    median_abs_error: float
    mean_abs_error: float
    p90_abs_error: float
    bias: float


def relative_error(predicted: float, measured: float) -> float:
    """predicted / measured - 1; both are above 0."""
    return predicted / measured - 1.0


def summarise(errors: Iterable[float]) -> ErrorSummary | None:
    """The summary of some errors, None of no error; quantiles are linear between the ordered values."""
    signed = np.asarray(list(errors), np.float64)
    if not len(signed):
        return None
    absolute = np.abs(signed)
    median, p90 = np.quantile(absolute, [0.5, 0.9])
    return ErrorSummary(len(signed), float(median), math.fsum(absolute) / len(signed), float(p90), math.fsum(signed) / len(signed))


def summaries(errors: Iterable[Mapping[Quantity, float]]) -> Mapping[Quantity, ErrorSummary]:
    """One summary for each quantity of some rows, in the order of the metrics and their statistics."""
    collected: dict[Quantity, list[float]] = {}
    for row in errors:
        for quantity, error in row.items():
            collected.setdefault(quantity, []).append(error)
    found = {quantity: summarise(collected[quantity]) for quantity in sorted(collected, key=_order)}
    return MappingProxyType({quantity: summary for quantity, summary in found.items() if summary is not None})


def quantity_name(quantity: Quantity) -> str:
    """A quantity as tables name it: `ttft_ms` and `throughput_tok_s` for means, `ttft_p99_ms` for others."""
    metric, statistic = quantity
    of = "" if statistic == "mean" else f"_{statistic}"
    return f"{metric.removesuffix('_tok_s')}{of}_tok_s" if metric.endswith("_tok_s") else f"{metric.removesuffix('_s')}{of}_ms"


def shown_value(quantity: Quantity, value: float) -> float:
    """A value in the unit of `quantity_name`: milliseconds, or tokens a second."""
    return value if quantity[0].endswith("_tok_s") else value * 1e3


def _order(quantity: Quantity) -> tuple[int, int]:
    return METRICS.index(quantity[0]), STATISTICS.index(quantity[1])
