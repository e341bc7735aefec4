"""Costs that show after half a year: which of them the bill of a strategy has as lines, and what the others would be. Money is USD.

Models that are retired, test sets that are kept up, security incidents, compliance documents, and prompts that grow. What a bill has no
line for is assumed by models/defaults/advice.yaml; it is told and never added to any total.
"""

from __future__ import annotations

from dataclasses import dataclass

from sim.decision.advice_case import MONTHS_PER_YEAR, Advice, AdviceCase, Figure, Severity, items_usd, usd
from sim.decision.advice_money import ml_engineer_usd
from sim.decision.facts import StrategyFacts

_HOURS_PER_WEEK = 40.0


@dataclass(frozen=True, slots=True)
class HiddenCost:
    """One such cost of one strategy."""

    name: str
    billed_usd_per_month: float | None
    """In the mean of months and futures; None where the bill has no line for it."""
    would_be_usd_per_month: float | None
    """Where the bill has none: assumed."""
    items: tuple[str, ...]
    """Lines of the bill that it would be on."""
    key: str
    """Of a stack, that puts it on the bill."""
    source: str


def hidden_costs(case: AdviceCase, each: StrategyFacts) -> tuple[HiddenCost, ...]:
    """All five, in the order of the text; nothing for a strategy that is costed and not served.

    A model that is retired is always on the bill of a forecast that has an API: where nothing is retired the line is empty.
    """
    if each.forecast is None:
        return ()
    known, monthly = case.known, ml_engineer_usd(case, each)
    hour = case.people.engineer_usd_per_hour if each.resolved is None else each.resolved.costs.engineer_usd_per_hour
    security = known.security_weeks_per_year * _HOURS_PER_WEEK * hour / MONTHS_PER_YEAR
    moved = items_usd(each, "migration") / case.months
    retired = "each model that is retired costs a migration, at the odds of the outlook"
    found = [HiddenCost("deprecation", moved, None, ("migration",), "costs.migration", retired)] if each.strategy.vendors else []
    for name, would_be, items, key, given in (
        (
            "evaluation upkeep",
            known.evaluation_fte * monthly,
            ("evaluation", "retraining_evaluation"),
            "costs.evaluation_usd_per_month",
            "evaluation_fte",
        ),
        ("security incidents", security, ("security_incidents",), "costs.security_incidents", "security_weeks_per_year"),
        ("compliance", known.compliance_fte * monthly, ("compliance_ongoing",), "costs.compliance.ongoing_usd_per_month", "compliance_fte"),
        ("prompt growth", known.prompt_fte * monthly, ("maintenance",), "costs.maintenance_hours_per_month", "prompt_fte"),
    ):
        billed = items_usd(each, *items) / case.months
        there = billed > 0
        found.append(HiddenCost(name, billed if there else None, None if there else would_be, items, key, known.source(given).source))
    return tuple(found)


def hidden_after_months(case: AdviceCase) -> list[Advice]:
    """Costs of the recommended strategy that its bill has no line for."""
    if case.taken is None:
        return []
    costs = hidden_costs(case, case.taken)
    missing = [each for each in costs if each.would_be_usd_per_month is not None]
    if not missing:
        return []
    after = case.known.hidden_after_months
    monthly = sum(each.would_be_usd_per_month or 0.0 for each in missing)
    covered = items_usd(case.taken, "hidden")
    stake = monthly * max(0, case.months - after)
    evidence = [Figure(f"{each.name.replace(' ', '_')}_would_be", each.would_be_usd_per_month or 0.0, "usd_per_month") for each in missing]
    evidence += [
        Figure(each.name.replace(" ", "_"), each.billed_usd_per_month, "usd_per_month")
        for each in costs
        if each.billed_usd_per_month is not None
    ]
    evidence.append(Figure("hidden_in_the_bill", covered, "usd"))
    said = ", ".join(f"{each.name} ({usd(each.would_be_usd_per_month or 0.0)})" for each in missing)
    buffer = f"; its {usd(covered)} for what no line has may cover some of it" if covered > 0 else ""
    says = f"after {after} months costs show that the bill of {case.taken.name} has no line for, a month: {said}{buffer}"
    do = f"put them on the bill ({', '.join(each.key for each in missing)})"
    severity: Severity = "note" if covered >= stake else "warning"
    return [
        Advice("hidden_costs", severity, case.taken.name, says, do, tuple(evidence), stake, case.known.source("hidden_after_months").source)
    ]
