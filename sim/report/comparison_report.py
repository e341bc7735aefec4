"""What `sim compare` reports, as plain data: text, JSON and tables are made from this. Money is USD; months count from 1."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

from sim.futures.forecast import Band, Forecast
from sim.planning.comparison import Comparison, Kind, Pair, PairCosts, StackSummary
from sim.planning.crossover import HALF_A_CENT, BreakEven, MonthOf
from sim.planning.gates import GateResult
from sim.report.amounts import line_name
from sim.report.cautions import Caution
from sim.report.forecast_report import AT_RISK
from sim.report.run_report import TraceSummary
from sim.report.section import brief
from sim.stack.schema import Slo
from sim.units import HOURS_PER_MONTH, SECONDS_PER_DAY, SECONDS_PER_HOUR, show_ms, show_seconds, show_share

DAYS_PER_MONTH = HOURS_PER_MONTH * SECONDS_PER_HOUR / SECONDS_PER_DAY


@dataclass(frozen=True, slots=True)
class Facing:
    """A pair by one kind of cost, seen from one of its stacks: differences are its own costs less the other's."""

    own: str
    other: str
    costs: PairCosts
    is_a: bool

    @property
    def p_cheaper(self) -> float:
        """Probability that its own cost less in total."""
        return self.costs.p_a_cheaper if self.is_a else 1.0 - self.costs.p_a_cheaper

    @property
    def p_cheaper_by_month(self) -> tuple[float, ...]:
        """The same of every month."""
        by_month = self.costs.p_a_cheaper_by_month
        return by_month if self.is_a else tuple(1.0 - p for p in by_month)

    @property
    def difference_usd(self) -> Band:
        """Of the total."""
        found = self.costs.difference_usd
        if self.is_a:
            return found
        return Band(
            mean=-found.mean, p5=-found.p95, p50=-found.p50, p95=-found.p5,
            se=found.se, se_p5=found.se_p95, se_p50=found.se_p50, se_p95=found.se_p5,
        )  # fmt: skip

    @property
    def below_from(self) -> MonthOf:
        """The first month from which its own cost less a month, to the last."""
        return self.costs.a_stays_below if self.is_a else self.costs.b_stays_below

    @property
    def other_below_from(self) -> MonthOf:
        """The first month from which the other's cost less a month, to the last."""
        return self.costs.b_stays_below if self.is_a else self.costs.a_stays_below

    @property
    def break_even(self) -> BreakEven:
        """At how much traffic they cost the same."""
        return self.costs.break_even


@dataclass(frozen=True)
class ComparisonReport:
    """Stacks side by side. What is said of each stack is in the order of the stacks of the comparison."""

    trace: TraceSummary
    date: str
    """The day of the prices."""
    found: Comparison
    forecasts: tuple[Forecast, ...]
    levels: tuple[str, ...]
    """The service levels of each stack, in words."""
    ready_assumed: tuple[str, ...]
    """What of the time to production is assumed, in words; empty: nothing."""
    cautions: tuple[tuple[Caution, ...], ...]
    """What a reader must know of each stack."""
    gates: tuple[GateResult, ...] = ()
    """Gates and what became of them, stack by stack."""

    @property
    def names(self) -> tuple[str, ...]:
        """Of the stacks, in the order given."""
        return tuple(each.name for each in self.found.stacks)

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
    def cheapest_first(self) -> tuple[StackSummary, ...]:
        """By the mean TCO; those that cost the same in the order given."""
        return tuple(sorted(self.found.stacks, key=lambda each: each.tco_usd.mean))

    @cached_property
    def cheapest_by_invoice(self) -> StackSummary:
        """By the mean invoice; of several the one that is cheapest by TCO."""
        return min(self.cheapest_first, key=lambda each: each.invoice_usd.mean)

    @cached_property
    def beyond_invoice(self) -> bool:
        """Whether any stack costs something that suppliers do not charge."""
        return any(line.kind == "tco" and each.usd[:, :, k].any() for each in self.forecasts for k, line in enumerate(each.lines))

    def forecast(self, name: str) -> Forecast:
        """That of a stack."""
        return self.forecasts[self.names.index(name)]

    def pair(self, one: str, other: str) -> Pair:
        """The pair of two stacks, whichever comes first in it."""
        return next(pair for pair in self.found.pairs if {pair.a, pair.b} == {one, other})

    def facing(self, own: str, other: str, kind: Kind = "tco") -> Facing:
        """Two stacks, seen from the first."""
        pair = self.pair(own, other)
        return Facing(own, other, pair.tco if kind == "tco" else pair.invoice, pair.a == own)

    def p_cheapest(self, kind: Literal["invoice", "tco"]) -> tuple[float, ...]:
        """In which share of futures each stack costs the least of all, to the cent; those that tie share the future."""
        totals = np.stack([each.total(kind).sum(axis=1) for each in self.forecasts])
        least = totals < totals.min(axis=0) + HALF_A_CENT
        return tuple(map(float, (least / least.sum(axis=0)).mean(axis=1)))

    def months_met(self, stack: StackSummary) -> int:
        """Months that meet every service level in at least 95 % of futures."""
        return sum(p >= 1.0 - AT_RISK for p in stack.p_met_by_month)

    def meets_levels(self, stack: StackSummary) -> bool:
        """Whether all months do."""
        return self.months_met(stack) == len(self.found.months)

    def assumptions(self) -> dict[str, list[str]]:
        """What the outlook and the way of forecasting assume, in words, with the stacks that it is assumed of."""
        return _by_text([each.assumed for each in self.forecasts], self.names)

    def notes(self) -> dict[str, list[str]]:
        """What happens on dates, in words, with the stacks that it happens to."""
        return _by_text([each.notes for each in self.forecasts], self.names)

    def assumed_lines(self, name: str) -> list[tuple[str, str, float]]:
        """Lines of a stack's TCO that rest on assumptions: line, what is assumed, mean USD; the largest first."""
        found = self.forecast(name)
        rows = [
            (line_name(line), line.assumed, float(found.usd[:, :, k].sum(axis=1).mean()))
            for k, line in enumerate(found.lines)
            if line.assumed and line.kind != "apart" and found.usd[:, :, k].any()
        ]
        return sorted(rows, key=lambda row: -row[2])


def _by_text(texts: Sequence[Sequence[str]], names: Sequence[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, each in zip(names, texts, strict=True):
        for text in each:
            stacks = found.setdefault(text, [])
            if name not in stacks:
                stacks.append(name)
    return found


def levels_in_words(slo: Slo) -> str:
    """`TTFT p95 3 s, TPOT p95 50 ms, 99.5 % completed`."""
    return f"TTFT p95 {brief(show_seconds(slo.ttft_p95))}, TPOT p95 {brief(show_ms(slo.tpot_p95))}, {show_share(slo.completed)} completed"


def month_name(months: Sequence[str], number: int | None) -> str:
    """Month 7 as `2027-05`; `-` for none."""
    return "-" if number is None else months[number - 1]


def months_to_production(stack: StackSummary) -> float | None:
    """Months of 730 hours until a stack can serve at all."""
    return None if stack.days_to_production is None else stack.days_to_production / DAYS_PER_MONTH
