"""What `sim sweep` reports, as plain data: text, JSON and tables are made from this. Times in seconds, money in USD."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType

from sim.planning.axes import Axis, Value
from sim.planning.front import Front, front_of
from sim.planning.points import Metric, Row, Study
from sim.report.forecast_report import AT_RISK
from sim.report.run_report import PriceUse

FRONTS = MappingProxyType({"ttft_p99": "ttft_p99_s", "goodput": "goodput_per_s"})
"""What cost is held against, and the metric that it is; the same in every table."""
_ROUNDING = 1e-9
_OF_SOMETHING = ("min", "max", "initial", "median", "sigma")
"""Ends of keys that say nothing without what is before them."""


@dataclass(frozen=True)
class SweepReport:
    """The rows of a grid, in its order, and which of them are worth choosing from."""

    study: Study
    trace_name: str
    requests: int
    duration_s: float
    date: str
    """The day of the prices."""
    axes: tuple[Axis, ...]
    """Total GPUs, where they are varied, are the last one."""
    rows: tuple[Row, ...]
    prices: tuple[PriceUse, ...] = ()
    """What the cheapest point that meets the levels pays; of none, the first that is possible."""

    @cached_property
    def metrics(self) -> Mapping[str, Metric]:
        """Of every row, by name."""
        return {metric.name: metric for metric in self.study.metrics}

    @property
    def cost(self) -> Metric:
        """What rows are compared by: the invoice of a month, or, with months, the mean TCO of all of them."""
        return self.metrics["tco_usd_mean" if self.study.months else "usd_per_month"]

    @cached_property
    def meets(self) -> tuple[bool, ...]:
        """Whether each row meets every service level: in the replay, or, with months, in all months of at least 95 % of futures."""
        if not self.study.months:
            return tuple(bool(row.slo_met) for row in self.rows)
        return tuple((row.metrics["p_met_all_months"] or 0.0) >= 1.0 - AT_RISK - _ROUNDING for row in self.rows)

    @property
    def refused(self) -> tuple[Row, ...]:
        """Rows of which nothing is known, with why."""
        return tuple(row for row in self.rows if row.refused is not None)

    @cached_property
    def fronts(self) -> Mapping[str, Front]:
        """Cost against each of FRONTS, among the rows that meet the service levels."""
        return {name: front_of(self.rows, self.cost, self.metrics[metric], self.meets) for name, metric in FRONTS.items()}

    @cached_property
    def fronts_of_all(self) -> Mapping[str, Front]:
        """The same among all rows."""
        return {name: front_of(self.rows, self.cost, self.metrics[metric]) for name, metric in FRONTS.items()}

    @property
    def shown_fronts(self) -> Mapping[str, Front]:
        """Those that tables mark: of the rows that meet the levels, or of all where none does."""
        return self.fronts if any(self.meets) else self.fronts_of_all

    @cached_property
    def cheapest(self) -> int | None:
        """The position of the cheapest row that meets the levels; of several the first. None: there is none."""
        known = [(cost, i) for i, meets in enumerate(self.meets) if meets and (cost := self.rows[i].metrics[self.cost.name]) is not None]
        return min(known)[1] if known else None

    @cached_property
    def best_service(self) -> int | None:
        """The position of the row with the largest share of good requests, the cheapest of them; None where none has one."""
        known = []
        for i, row in enumerate(self.rows):
            share, cost = row.metrics["good_share"], row.metrics[self.cost.name]
            if share is not None and cost is not None:
                known.append((-share, cost, i))
        return min(known)[2] if known else None

    def marks(self, position: int) -> str:
        """`T` on the front of TTFT, `G` on that of goodput, with a `*` where it is the knee."""
        found = []
        for letter, front in zip("TG", self.shown_fronts.values(), strict=True):
            mark = "" if position not in front.rows else f"{letter}*" if front.knee == position else letter
            found.append(f"{mark:<2}")
        return " ".join(found)

    @cached_property
    def short_names(self) -> tuple[str, ...]:
        """The axes by the end of their keys, as much of it as tells them apart: `replicas`, `own.gpu` and `tuned.gpu`."""
        keys = [axis.setting_key.split(".") for axis in self.axes]
        names = []
        for key in keys:
            least = 2 if key[-1] in _OF_SOMETHING and len(key) > 1 else 1
            length = next(n for n in range(least, len(key) + 1) if n == len(key) or sum(each[-n:] == key[-n:] for each in keys) == 1)
            names.append(".".join(key[-length:]))
        return tuple(names)

    def place(self, position: int) -> str:
        """A row by its values: `gpu h100-sxm, replicas 2`."""
        values = self.rows[position].point.values
        return ", ".join(f"{name} {shown(value)}" for name, (_, value) in zip(self.short_names, values, strict=True))


def shown(value: Value) -> str:
    """The value of an axis as a table shows it."""
    return f"{value:g}" if isinstance(value, float) else str(value)
