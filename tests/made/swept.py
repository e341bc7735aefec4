"""Sweeps made by hand: rows with figures that a test chooses."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sim.planning.axes import Axis, Value
from sim.planning.points import Point, Row, Study
from sim.report.sweep_report import SweepReport

KEY = "deployments.own.replicas.count"
LEVELS = (("ttft_p95", 3.0), ("tpot_p95", 0.05), ("completed", 0.995))


def study(months: int = 0) -> Study:
    """Of a trace that is nowhere."""
    return Study(Path("trace.parquet"), "ab" * 32, "description: x\n", "small", date="2026-11-21", months=months)


def row(
    given: Study, number: int, values: Sequence[tuple[str, Value]], *, met: bool = True, refused: str | None = None, **figures: float
) -> Row:
    """Metrics that are not given do not exist."""
    point = Point(number, tuple(values), ())
    metrics = {metric.name: None if refused else figures.get(metric.name) for metric in given.metrics}
    slo = tuple((name, limit, figures.get(f"{name}_s"), met) for name, limit in LEVELS)
    return Row(point, metrics, () if refused else slo, refused)


def report(rows: Sequence[Row], axes: Sequence[Axis], given: Study | None = None) -> SweepReport:
    """Of a day with 1,000 requests."""
    return SweepReport(given or study(), "trace", 1000, 86_400.0, "2026-11-21", tuple(axes), tuple(rows))


def axis(key: str, *values: Value) -> Axis:
    """Each value written as it is."""
    return Axis(key, values, tuple(map(str, values)))


def replicas(figures: Sequence[tuple[float, float, bool]]) -> SweepReport:
    """One, two ... replicas with USD a month, TTFT p99 in seconds, and whether the levels are met; goodput grows as TTFT falls."""
    given = study()
    rows = [
        row(
            given, i, [(KEY, i + 1)], met=met, usd_per_month=usd, ttft_p99_s=ttft_s, goodput_per_s=10.0 - ttft_s, good_share=1 - ttft_s / 10,
            completed_share=1.0, tpot_p95_s=0.02, load=0.5, load_peak=1.25,
        )
        for i, (usd, ttft_s, met) in enumerate(figures)
    ]  # fmt: skip
    return report(rows, [axis(KEY, *range(1, len(rows) + 1))], given)
