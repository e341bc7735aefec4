"""Summaries that tools write of each metric (mean, median, percentiles) as statistics of ours."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from sim.calibration.points import Metric, Statistic
from sim.catalog.places import Entry, Place
from sim.errors import Problem

SPELLINGS: Mapping[str, Statistic] = MappingProxyType(
    {"mean": "mean", "avg": "mean", "median": "p50", "p50": "p50", "p90": "p90", "p95": "p95", "p99": "p99"}
)


def check_order(values: Mapping[tuple[Metric, Statistic], float], place: Place, problems: list[Problem]) -> None:
    """Add a problem where requests end before their first token in the mean or the median, as mistaken units make them."""
    for statistic in ("mean", "p50"):
        first, whole = values.get(("ttft_s", statistic)), values.get(("e2e_s", statistic))
        if first is not None and whole is not None and whole < first:
            found = f"requests end after {whole:g} s, before their first token at {first:g} s ({statistic})"
            problems.append(place.problem(found, "times in the units of their names"))


def add_statistics(
    into: dict[tuple[Metric, Statistic], float], metric: Metric, block: Entry | None, factor: float, problems: list[Problem]
) -> None:
    """Add what a block of statistics says of a metric; `factor` turns its unit into seconds. Zero stands for "not measured"."""
    if block is None:
        return
    for key, statistic in SPELLINGS.items():
        value = block.latency(key, problems, factor)
        if value is not None:
            into[metric, statistic] = value
