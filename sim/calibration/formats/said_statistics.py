"""Summaries that tools write of each metric (mean, median, percentiles) as statistics of ours."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from sim.calibration.formats.look import Entry
from sim.calibration.formats.problems import LONGEST_S
from sim.calibration.points import Metric, Statistic
from sim.errors import Problem

SPELLINGS: Mapping[str, Statistic] = MappingProxyType(
    {"mean": "mean", "avg": "mean", "median": "p50", "p50": "p50", "p90": "p90", "p95": "p95", "p99": "p99"}
)


def add_statistics(
    into: dict[tuple[Metric, Statistic], float], metric: Metric, block: Entry | None, factor: float, problems: list[Problem]
) -> None:
    """Add what a block of statistics says of a metric; `factor` turns its unit into seconds. Zero stands for "not measured"."""
    if block is None:
        return
    for key, statistic in SPELLINGS.items():
        value = block.number(key, problems, most=LONGEST_S / factor, above=False)
        if value:
            into[metric, statistic] = value * factor
