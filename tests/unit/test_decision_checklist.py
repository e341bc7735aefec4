"""The architect's checklist: every item answered, open, and not applicable where it may be."""

from __future__ import annotations

from typing import Any

import pytest

from sim.decision.checklist import Item, checklist
from sim.decision.facts import StrategyFacts
from sim.decision.triggers import triggers
from sim.report.decision_advice import advice_sections
from sim.report.section import as_text
from tests.made.advised import facts, score, trained
from tests.made.decisions import CATALOG, needs

API = facts("api-first")
OWN = facts("self-hosted")
SAID: dict[str, Any] = {
    "accuracy": {"target": 0.9}, "latency": {"ttft_p95": 1.0}, "throughput_per_s": 3.0, "data": {"sensitivity": "pii"},
    "data_available": {"examples": 5000}, "time_to_market_months": 3.0, "team": {"developers": 2, "ml_engineers": 1, "devops_engineers": 1, "security": True},
    "agreed": {"evaluation_metrics": True, "before_after": True, "ip_and_privacy": True, "labelling_effort": True},
}  # fmt: skip


def items(*of: StrategyFacts, taken: str | None = "", **said: Any) -> dict[str, Item]:
    name = of[0].name if taken == "" else taken
    chosen = next((each for each in of if each.name == name and each.forecast is not None), None)
    signals = (
        None
        if chosen is None
        else triggers(chosen, [each for each in of if each is not chosen and each.forecast is not None], needs(**said), CATALOG)
    )
    return {each.code: each for each in checklist(needs(**said), of, name, signals, CATALOG)}


def test_nothing_said_leaves_open_what_only_people_know() -> None:
    found = items(API, OWN)
    assert {code for code, each in found.items() if each.state == "open"} == {
        "requirements", "baseline", "team", "time_to_market", "evaluation_metrics", "privacy",
    }  # fmt: skip
    assert found["data"].state == "not applicable"
    assert "2 strategies over 12 months" in found["projection"].says
    assert "agreed.ip_and_privacy" in found["privacy"].says


def test_everything_said_leaves_nothing_open() -> None:
    found = items(facts("api-first", quality=score(0.9)), OWN, facts("vendor-fine-tune"), **SAID)
    assert {each.state for each in found.values()} == {"answered"}
    assert len(found) == 11
    assert "0.900" in found["baseline"].says
    assert "5,000 examples" in found["data"].says
    assert "openai" in found["privacy"].says
    assert "price rise in 0 % of futures" in found["lock_in"].says


@pytest.mark.parametrize(
    ("key", "code", "missing"),
    [
        ("accuracy", "requirements", "accuracy"),
        ("latency", "requirements", "latency"),
        ("throughput_per_s", "requirements", "throughput_per_s"),
        ("data", "requirements", "data.sensitivity"),
        ("data_available", "data", "data_available.examples"),
        ("agreed", "data", "agreed.labelling_effort"),
        ("team", "team", "team.ml_engineers"),
        ("time_to_market_months", "time_to_market", "time_to_market_months"),
        ("agreed", "evaluation_metrics", "agreed.evaluation_metrics"),
        ("agreed", "privacy", "agreed.ip_and_privacy"),
    ],
)
def test_each_key_left_out_opens_its_item(key: str, code: str, missing: str) -> None:
    found = items(API, OWN, facts("own-fine-tune"), **{name: value for name, value in SAID.items() if name != key})
    assert found[code].state == "open"
    assert missing in found[code].says


def test_where_no_vendor_is_asked_nothing_flows_to_any() -> None:
    found = items(OWN)
    assert {code for code, each in found.items() if each.state == "not applicable"} == {"baseline", "data", "lock_in", "privacy"}
    assert items(OWN, API)["lock_in"].says == "self-hosted has no vendor"


def test_nothing_that_passes_leaves_the_decision_and_prices_open() -> None:
    found = items(API, trained(), taken=None)
    assert (found["documented"].state, found["lock_in"].state) == ("open", "open")
    assert "from-scratch training alone" in found["projection"].says


def test_a_late_review_is_none() -> None:
    assert items(API, review_months=7)["review"].state == "open"
    assert items(API, review_months=6)["review"].state == "answered"


def test_the_checklist_fits_a_terminal() -> None:
    found = items(API, OWN)
    text = as_text(advice_sections((), tuple(found.values()), (), taken="api-first"))
    assert all(len(line) <= 80 for line in text.splitlines())
    assert "5 of 11 settled, 6 open" in text
