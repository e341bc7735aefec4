"""The tidy table of a sweep: one row a point; axes first, then why it was refused, every metric, the service levels and the fronts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from sim.planning.axes import Value
from sim.report.run_tables import Table
from sim.report.sweep_report import SweepReport

if TYPE_CHECKING:
    import pyarrow as pa

_LEVEL_UNITS = ("_s", "_share")


def sweep_table(report: SweepReport) -> Table:
    """Columns by name, in the order in which every file has them; what does not exist is None, as all of a point that was refused."""
    table: dict[str, Sequence[Any]] = {}
    for k, axis in enumerate(report.axes):
        table[axis.key] = _axis([row.point.values[k][1] for row in report.rows])
    made = [row.refused is None for row in report.rows]
    table["refused"] = [row.refused for row in report.rows]
    for metric in report.study.metrics:
        table[metric.name] = [_finite(row.metrics[metric.name]) for row in report.rows]
    table["slo_met"] = [row.slo_met if made[i] else None for i, row in enumerate(report.rows)]
    for name in dict.fromkeys(level[0] for row in report.rows for level in row.slo):
        found = [next((level for level in row.slo if level[0] == name), None) for row in report.rows]
        table[f"{name}_limit{_LEVEL_UNITS[name == 'completed']}"] = [None if level is None else float(level[1]) for level in found]
        table[f"{name}_met"] = [None if level is None else level[3] for level in found]
    for suffix, fronts in (("", report.fronts), ("_of_all", report.fronts_of_all)):
        for name, front in fronts.items():
            on = frozenset(front.rows)
            table[f"front_{name}{suffix}"] = [i in on if made[i] else None for i in range(len(report.rows))]
            table[f"knee_{name}{suffix}"] = [i == front.knee if made[i] else None for i in range(len(report.rows))]
    return table


def sweep_arrow(report: SweepReport) -> pa.Table:
    """The same with types: metrics are numbers, marks truth values, reasons texts, axes whole numbers, numbers or texts."""
    import pyarrow as pa

    metrics = set(report.metrics)
    columns = {}
    for name, values in sweep_table(report).items():
        if name in metrics or "_limit_" in name:
            columns[name] = pa.array(values, pa.float64())
        elif name == "refused":
            columns[name] = pa.array(values, pa.string())
        elif name in {axis.key for axis in report.axes}:
            columns[name] = pa.array(values)
        else:
            columns[name] = pa.array(values, pa.bool_())
    return pa.table(columns)


def _axis(values: Sequence[Value]) -> list[Any]:
    """The values of an axis as one kind: whole numbers, numbers, or, where any is a text, texts."""
    if any(isinstance(value, str) for value in values):
        return [str(value) for value in values]
    if any(isinstance(value, float) or abs(value) >= 2**63 for value in values if not isinstance(value, str)):
        return [float(value) for value in values]
    return list(values)


def _finite(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else float(value)
