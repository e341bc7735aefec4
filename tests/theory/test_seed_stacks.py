"""The same examples written as stacks: what a file states comes out as the lines of a year, by kind, and adds up to the calculators."""

from __future__ import annotations

import datetime

import numpy as np
import pytest

from sim.catalog.catalog import Catalog
from sim.catalog.price_book import PriceBook
from sim.catalog.yaml_document import parse_documents
from sim.cost.tokens_month import requests_usd
from sim.futures.calendar import Calendar
from sim.futures.ownership import MonthFacts, ownership_lines
from sim.stack.read import stack_of
from sim.stack.resolve import resolve
from tests.made.seeds import API, API_FIRST, FINE_TUNED, RAG, SELF_HOSTED, CostComponents, TcoComponents, total

CATALOG = Catalog.load()
ONE_API = "deployments: {main: {kind: api, model: gpt-6.1-sol}}"
NONE_HIDDEN = "hidden_share: {p5: 0, p50: 0, p95: 0}"

API_FIRST_STACK = f"""{ONE_API}
people: {{ml_engineers: 0, devops_engineers: 0.1}}
costs:
  compliance: {{one_off_usd: 5000, ongoing_usd_per_month: 500}}
  revenue_usd_per_month: 20000
  time_to_production_months: 1
  {NONE_HIDDEN}
"""
SELF_HOSTED_STACK = f"""{ONE_API}
people: {{ml_engineers: 1, devops_engineers: 0.25}}
costs:
  data_labeling_usd_per_month: 2000
  evaluation_usd_per_month: 500
  compliance: {{one_off_usd: 15000, ongoing_usd_per_month: 1000, security_testing_usd_per_month: 500}}
  revenue_usd_per_month: 20000
  time_to_production_months: 3
  {NONE_HIDDEN}
"""
LEGAL_STACK = f"""{ONE_API}
people: {{ml_engineers: 0.5, devops_engineers: 0}}
costs:
  data_labeling_usd_per_month: 3000
  evaluation_usd_per_month: 2000
  compliance: {{ongoing_usd_per_month: 4000}}
  incident_response_hours_per_incident: 10
  {NONE_HIDDEN}
"""


def year(text: str, *, invoice_usd: float, incidents: float = 0.0, months: int = 12) -> dict[str, dict[str, float]]:
    """USD of a year by kind and line of a stack whose tokens and GPUs cost so much a month."""
    costs = resolve(stack_of(parse_documents(text, "stack.yaml")[0], "stack"), CATALOG, PriceBook(CATALOG.date)).costs
    every = np.ones((1, months))
    facts = MonthFacts(
        calendar=Calendar(datetime.date(2026, 11, 1), months),
        requests=every * 1e6, failed_requests=every * 0.0, invoice_usd=every * invoice_usd, incidents=every * incidents,
        migrations=every * 0.0, retraining_runs={}, retraining_attempts={}, rolled_back={}, training_price={}, money={},
    )  # fmt: skip
    found: dict[str, dict[str, float]] = {"invoice": {"usage": invoice_usd * months}, "tco": {}, "apart": {}}
    for name, usd in ownership_lines(costs, facts):
        found[name.kind][name.item] = float(usd.sum())
    return found


def tco(found: dict[str, dict[str, float]]) -> float:
    """Invoice and what comes on top."""
    return sum(found["invoice"].values()) + sum(found["tco"].values())


@pytest.mark.parametrize(
    ("text", "invoice_usd", "calculator", "tco_usd", "opportunity_usd"),
    [
        (API_FIRST_STACK, 3_000, API_FIRST, 66_200, 20_000),
        (SELF_HOSTED_STACK, 4_500, SELF_HOSTED, 381_000, 60_000),
    ],
)
def test_two_strategies_as_stacks(
    text: str, invoice_usd: float, calculator: CostComponents, tco_usd: float, opportunity_usd: float
) -> None:
    """86,200 and 441,000 a year (printed: 75,200 and 366,000), of which 20,000 and 60,000 are revenue not earned, in no total."""
    found = year(text, invoice_usd=invoice_usd)
    assert tco(found) == pytest.approx(tco_usd)
    assert found["apart"] == {"opportunity": pytest.approx(opportunity_usd)}
    assert tco(found) + found["apart"]["opportunity"] == pytest.approx(total(calculator.year()))


def test_the_legal_startup_as_a_stack() -> None:
    """28,000 a month with the 7,000 of GPUs: people, labels, evaluation, compliance and two incidents of ten hours."""
    found = year(LEGAL_STACK, invoice_usd=7_000, incidents=2, months=1)
    assert tco(found) == pytest.approx(28_000)
    assert sorted(found["tco"].values()) == pytest.approx([2_000, 3_000, 3_000, 4_000, 9_000])


def text_of(components: TcoComponents) -> str:
    """A stack with the same hours and amounts; labels and training as they are: something that is bought before the first request."""
    ahead = components.development_hours * 150 + components.labeling_usd + components.training_usd
    return f"""{ONE_API}
people: {{ml_engineers: 0, devops_engineers: 0}}
costs:
  tooling_usd_per_month: {components.tooling_usd}
  development: {{usd: {ahead}}}
  engineer_usd_per_hour: 150
  maintenance_hours_per_month: {components.maintenance_hours}
  incident_response_hours_per_month: {components.incident_hours}
  compliance: {{ongoing_usd_per_month: {components.compliance_hours * 150}}}
  {NONE_HIDDEN}
"""


@pytest.mark.parametrize("components", [API, FINE_TUNED, RAG], ids=["api", "fine-tuned", "rag"])
@pytest.mark.parametrize("requests", [100_000, 500_000, 2_000_000, 10_000_000])
def test_the_four_volumes_as_stacks(components: TcoComponents, requests: int) -> None:
    """A year of the stack is twelve months of the calculator: one-off costs stand in the first month instead of in twelve parts."""
    usage_usd = components.infrastructure_usd + float(requests_usd(requests=requests, usd_per_request=components.usd_per_request))
    assert tco(year(text_of(components), invoice_usd=usage_usd)) == pytest.approx(12 * total(components.month(requests)))
