"""The bands and probabilities that a forecast is reported with, each computed once: text, JSON and tables are made from these.

Money is USD, times are seconds. The error that comes from the choice of windows is common to all months, so it is added to every standard
error of money: to those of the invoice as a share, to those of the TCO as what it is of the invoice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

from sim.cost.discount import present_value_usd
from sim.futures.bands import bands
from sim.futures.forecast import Band, FloatArray, Forecast, LineName
from sim.futures.risk import Budget, MonthRisk, Shortfall, budget, expected_shortfall, months_at_risk, outgrown_from

Total = Literal["invoice", "tco"]
TOTALS: tuple[Total, ...] = ("invoice", "tco")
Period = tuple[int, int]
"""Months from the first to the one after the last."""

AT_RISK = 0.05
"""A month is at risk when the service levels are missed in more than this share of futures."""


_ROUNDING = 1e-9


@dataclass(frozen=True)
class LineBands:
    """One line of the bill: its band over all months together, and by month."""

    name: LineName
    total: Band
    monthly: tuple[Band, ...]


@dataclass(frozen=True)
class ForecastReport:
    """A forecast of M months with its bands. `budget_usd` is what all months together may cost, where one was given."""

    found: Forecast
    budget_usd: float | None = None

    @property
    def span(self) -> str:
        """`12 months, 2026-11 to 2027-10`."""
        months = self.found.months
        return f"{len(months)} months, {months[0]} to {months[-1]}" if len(months) > 1 else f"1 month, {months[0]}"

    @property
    def length(self) -> str:
        """`12 months`."""
        return self.span.partition(",")[0]

    @cached_property
    def total(self) -> dict[Total, Band]:
        """The band of the whole horizon."""
        whole = [(0, len(self.found.months))]
        return {kind: self.over(kind, whole)[0] for kind in TOTALS}

    @cached_property
    def monthly(self) -> dict[Total, tuple[Band, ...]]:
        """[M] the band of every month."""
        return {kind: self.over(kind, self.periods(1)) for kind in TOTALS}

    def over(self, kind: Total, periods: Sequence[Period]) -> tuple[Band, ...]:
        """The bands of periods of months."""
        usd = self._summed(kind, periods)
        if kind == "invoice":
            return bands(usd, relative_se=self.found.window_se)
        invoice = self._summed("invoice", periods).mean(axis=0)
        return bands(usd, extra_variance=(self.found.window_se * invoice) ** 2)

    def _summed(self, kind: Total, periods: Sequence[Period]) -> FloatArray:
        usd = self.found.total(kind)
        return np.stack([usd[:, first:after].sum(axis=1) for first, after in periods], axis=1)

    @cached_property
    def lines(self) -> tuple[LineBands, ...]:
        """The lines of the bill that are not zero in every future, in their order."""
        usd = self.found.usd
        futures, months, _ = usd.shape
        used = [k for k in range(len(self.found.lines)) if usd[:, :, k].any()]
        # The choice of windows moves what suppliers charge, not people.
        relative = np.array([self.found.window_se * (self.found.lines[k].kind == "invoice") for k in used])
        whole = bands(usd[:, :, used].sum(axis=1), relative_se=relative)
        by_month = np.moveaxis(usd[:, :, used], 2, 1).reshape(futures, len(used) * months)
        single = bands(by_month, relative_se=np.repeat(relative, months))
        return tuple(
            LineBands(self.found.lines[k], whole[i], single[i * months : (i + 1) * months]) for i, k in enumerate(used)
        )  # fmt: skip

    def periods(self, months_each: int) -> list[Period]:
        """The horizon in parts of so many months; the last one may be shorter."""
        months = len(self.found.months)
        return [(first, min(first + months_each, months)) for first in range(0, months, months_each)]

    @cached_property
    def budgets(self) -> dict[Total, Budget] | None:
        """The budget against the whole horizon; None where none was given."""
        if self.budget_usd is None:
            return None
        return {kind: budget(self.found.total(kind).sum(axis=1), self.budget_usd, relative_se=self._relative_se(kind)) for kind in TOTALS}

    @cached_property
    def spent_by_month(self) -> tuple[float, ...]:
        """[M] in which share of futures the invoices up to and with a month exceed the budget; empty without a budget."""
        if self.budget_usd is None:
            return ()
        spent = np.cumsum(self.found.total("invoice"), axis=1)
        return tuple(budget(spent[:, m], self.budget_usd).p_exceed for m in range(spent.shape[1]))

    @cached_property
    def shortfall(self) -> dict[Total, Shortfall]:
        """The mean of the most expensive 5 % of futures, over the whole horizon."""
        return {kind: expected_shortfall(self.found.total(kind).sum(axis=1), relative_se=self._relative_se(kind)) for kind in TOTALS}

    def _relative_se(self, kind: Total) -> float:
        """The error from the choice of windows as a share of a total, which is that of the invoice in it."""
        invoice, whole = (float(self.found.total(each).sum(axis=1).mean()) for each in ("invoice", kind))
        return self.found.window_se * invoice / whole if whole > 0 else 0.0

    @cached_property
    def present_value(self) -> dict[Total, float] | None:
        """The mean of the whole horizon at its value in the first month; None where the stack gives no discount rate."""
        rate = self.found.discount_rate_per_year
        if rate is None:
            return None
        month = np.arange(len(self.found.months))
        today = {kind: present_value_usd(usd=self.found.total(kind), month=month, rate_per_year=rate) for kind in TOTALS}
        return {kind: float(usd.sum(axis=1).mean()) for kind, usd in today.items()}

    def missed(self, first: int, after: int) -> MonthRisk:
        """In which share of futures a service level is missed in any of these months."""
        return months_at_risk(np.all(self.found.slo.met[:, first:after], axis=1, keepdims=True))[0]

    @cached_property
    def missed_by_month(self) -> tuple[MonthRisk, ...]:
        """[M] in which share of futures a service level is missed."""
        return months_at_risk(self.found.slo.met)

    @cached_property
    def months_at_risk(self) -> tuple[int, ...]:
        """Numbers of the months whose service levels are missed in more than AT_RISK of futures."""
        return tuple(m for m, risk in enumerate(self.missed_by_month) if risk.p_miss > AT_RISK + _ROUNDING)

    @cached_property
    def outgrown_from(self) -> int | None:
        """The month from which demand has outgrown the stack: each to the last is missed in most futures, those before are not."""
        first = outgrown_from(self.found.slo.met)
        return first if first else None

    @cached_property
    def slo(self) -> dict[str, tuple[Band, ...]]:
        """[M] bands of what service levels are about, by its name in SloForecast; NaN where no future shows it."""
        found = self.found.slo
        names = ("good_share", "completed_share", "ttft_p95_s", "ttft_p99_s", "tpot_p95_s")
        return {name: bands(_finite(getattr(found, name)), missing="ignore") for name in names}

    @cached_property
    def incident_hours(self) -> tuple[Band, ...] | None:
        """[M] bands of the hours of incidents that begin in a month; None where they were not kept."""
        return None if self.found.incident_hours is None else bands(self.found.incident_hours)

    def capacity(self, name: str) -> tuple[FloatArray, FloatArray]:
        """[M, D] p50 and p95 over futures of one column of Capacity; NaN where no future has it."""
        values = _finite(getattr(self.found.capacity, name))
        futures, months, deployments = values.shape
        found = bands(values.reshape(futures, months * deployments), missing="ignore")
        shape = (months, deployments)
        return np.array([each.p50 for each in found]).reshape(shape), np.array([each.p95 for each in found]).reshape(shape)


def _finite(values: FloatArray) -> FloatArray:
    """A latency of a request that never completed is infinite: for a band it does not exist."""
    return np.where(np.isfinite(values), values, np.nan)
