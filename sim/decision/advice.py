"""Advice on a decision: known mistakes as checks on the facts, each with its evidence, that with the most money at stake first.

A check reads needs and facts alone, and is silent where what it is about is not known. Advice changes nothing in the decision.
"""

from __future__ import annotations

from collections.abc import Sequence

from sim.catalog.catalog import Catalog
from sim.decision.advice_case import Advice, AdviceCase
from sim.decision.advice_defaults import advice_defaults
from sim.decision.advice_model import from_scratch, no_before_after, one_time_decision, single_vendor, too_few_examples
from sim.decision.advice_money import (
    engineering_left_out,
    hardly_cheaper,
    low_volume,
    price_alone,
    salary_in_tokens,
    tokens_at_scale,
)
from sim.decision.facts import StrategyFacts
from sim.decision.hidden_costs import hidden_after_months
from sim.decision.needs import Needs
from sim.decision.quality import ninety_percent_rule
from sim.decision.rules import rules_of
from sim.stack.cost_defaults import people_defaults

CHECKS = (
    from_scratch, too_few_examples, tokens_at_scale, no_before_after, one_time_decision, single_vendor, engineering_left_out, price_alone,
    hardly_cheaper, low_volume, hidden_after_months, salary_in_tokens,
)  # fmt: skip
_ORDER = ("stop", "warning", "note")


def advice(needs: Needs, facts: Sequence[StrategyFacts], taken: str | None, catalog: Catalog) -> tuple[Advice, ...]:
    """Everything that the checks find, of all strategies; `taken` is the recommended one.

    In order of the money at stake; of equal sums what is more serious first, then as the checks come.
    """
    case = advice_case(needs, facts, taken, catalog)
    found = [each for check in CHECKS for each in check(case)]
    return tuple(sorted(found, key=lambda each: (-each.usd_at_stake, _ORDER.index(each.severity))))


def advice_case(needs: Needs, facts: Sequence[StrategyFacts], taken: str | None, catalog: Catalog) -> AdviceCase:
    """What the checks are asked."""
    return AdviceCase(
        needs=needs,
        facts=tuple(facts),
        taken=next((each for each in facts if each.name == taken), None),
        ninety=ninety_percent_rule(needs, facts),
        known=advice_defaults(catalog),
        rules=rules_of(catalog),
        people=people_defaults(catalog),
        catalog=catalog,
    )
