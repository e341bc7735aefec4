"""What `sim decide` reports, as plain data: text, JSON, Markdown and the decision record are made from this. Money is USD."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from sim.decision.decide import Decision
from sim.decision.facts import StrategyFacts
from sim.decision.routes import Routes
from sim.report.run_report import TraceSummary


@dataclass(frozen=True)
class DecisionReport:
    """A decision with what it was made from."""

    decision: Decision
    trace: TraceSummary
    """At the volume that is needed."""
    date: str
    """The day of the prices."""
    outlook: str
    seed: int
    futures: int
    assumed: Mapping[str, tuple[str, ...]]
    """What the months rest on, in words, with the strategies that it is assumed of."""
    routes: Routes
    """Dividing the traffic between models."""
    notes: tuple[str, ...]
    """What was done to the traffic, in words."""

    @property
    def months(self) -> tuple[str, ...]:
        """`2026-11` and those that follow."""
        return self.decision.facts[0].months

    @property
    def span(self) -> str:
        """`12 months, 2026-11 to 2027-10`."""
        months = self.months
        return f"{len(months)} months, {months[0]} to {months[-1]}" if len(months) > 1 else f"1 month, {months[0]}"

    @cached_property
    def in_order(self) -> tuple[StrategyFacts, ...]:
        """Those that pass first, the likeliest best at the top; then the others, the cheapest first."""
        found = self.decision.recommendation
        passing = () if found is None else found.passing
        by_name = {each.name: each for each in self.decision.facts}
        others = sorted((each for each in self.decision.facts if each.name not in passing), key=lambda each: each.tco_usd.mean)
        return (*(by_name[name] for name in passing), *others)
