"""Months of a stack beside tokens and GPU-hours: each line against its formula, worked out here by hand."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import fields, replace

import numpy as np
import numpy.typing as npt
import pytest

from sim.futures.calendar import Calendar
from sim.futures.forecast import LineName
from sim.futures.ownership import MonthFacts, ownership_lines
from sim.stack.resolved_costs import ResolvedCosts, ResolvedRetraining, ShareBand

FloatArray = npt.NDArray[np.float64]
FUTURES, MONTHS = 2, 3
ZERO = np.zeros((FUTURES, MONTHS))
ONE = np.ones((FUTURES, MONTHS))
NOTHING = ResolvedCosts(
    **{name: 0.0 for name in (each.name for each in fields(ResolvedCosts)) if name not in ("hidden_share", "retraining", "upfronts", "assumed")},
    hidden_share=ShareBand(0.0, 0.0, 0.0), retraining=(), upfronts=(), assumed=(),
)  # fmt: skip
RUN = ResolvedRetraining(
    deployment=0, name="own", every_s=90 * 86_400.0, drift_months=None, where="rented", gpu_hours=8.0, duration_s=3600.0, gpus=8, replicas=0,
    from_s=0.0, night_s=86_400.0, usd_per_gpu_hour=3.0, market_gpu="h100-sxm", purchase="on_demand", vendor_usd=0.0, labels_usd=5000.0, evaluation_usd=100.0, engineer_hours=10.0,
    failure_share=0.2, rollback_share=0.1, assumed="training reaches 40% of its GPUs' peak",
)  # fmt: skip


def facts(**changed: FloatArray | Mapping[int, FloatArray] | Mapping[str, FloatArray]) -> MonthFacts:
    nothing = MonthFacts(
        calendar=Calendar(datetime.date(2026, 11, 1), MONTHS), requests=1000 * ONE, failed_requests=ZERO, invoice_usd=ZERO, incidents=ZERO,
        migrations=ZERO, retraining_runs={}, retraining_attempts={}, rolled_back={}, training_price={}, money={},
    )  # fmt: skip
    return replace(nothing, **changed)  # type: ignore[arg-type]


def lines(costs: ResolvedCosts, happened: MonthFacts | None = None) -> dict[str, tuple[LineName, FloatArray]]:
    found = ownership_lines(costs, happened or facts())
    assert all(usd.shape == (FUTURES, MONTHS) for _, usd in found)
    return {name.item: (name, usd) for name, usd in found}


def test_a_stack_without_costs_has_no_lines() -> None:
    assert ownership_lines(NOTHING, facts(invoice_usd=ONE, incidents=ONE, migrations=ONE, failed_requests=ONE)) == []


def test_what_comes_every_month_is_the_same_in_months_of_any_length() -> None:
    found = lines(
        replace(
            NOTHING, tooling_usd_per_month=500.0, storage_gb=100.0, storage_usd_per_gb_month=0.02, egress_gb_per_month=50.0,
            egress_usd_per_gb=0.09, data_labeling_usd_per_month=2000.0, evaluation_usd_per_month=400.0, compliance_usd_per_month=1000.0,
            security_testing_usd_per_month=300.0, quality_incidents_per_year=6.0, quality_incident_usd=1500.0,
            security_incidents_per_year=0.5, security_incident_usd=24_000.0,
        )
    )  # fmt: skip
    expected = {
        "tooling": 500.0, "storage": 2.0, "egress": 4.5, "data_labeling": 2000.0, "evaluation": 400.0, "compliance_ongoing": 1000.0,
        "security_testing": 300.0, "quality_incidents": 750.0, "security_incidents": 1000.0,
    }  # fmt: skip
    assert list(found) == list(expected)
    for item, usd in expected.items():
        assert found[item][1] == pytest.approx(usd * ONE), item
        assert found[item][0].kind == ("invoice" if item in ("tooling", "storage", "egress") else "tco")


def test_people_follow_their_factor_and_development_stands_in_the_first_month() -> None:
    costs = replace(
        NOTHING, ml_engineers=0.5, ml_engineer_usd_per_month=18_000.0, devops_engineers=0.25, devops_engineer_usd_per_month=16_000.0,
        on_call=0.5, on_call_usd_per_month=1000.0, maintenance_hours_per_month=20.0, engineer_usd_per_hour=150.0, development_usd=24_000.0,
        compliance_one_off_usd=5000.0, assumed=(("ml_engineers", "0.5 ML engineers"),),
    )  # fmt: skip
    salaries = np.array([1.0, 1.2])
    found = lines(costs, facts(money={"people": salaries}))
    for item, usd in (("people_ml", 9000.0), ("people_devops", 4000.0), ("on_call", 500.0), ("maintenance", 3000.0)):
        assert found[item][1] == pytest.approx(usd * salaries[:, None] * ONE), item
    for item, usd in (("development", 24_000.0), ("compliance_one_off", 5000.0)):
        assert found[item][1].tolist() == [[usd, 0.0, 0.0]] * FUTURES
    assert {name.kind for name, _ in found.values()} == {"tco"}
    assert found["people_ml"][0].assumed == "0.5 ML engineers"
    assert found["people_devops"][0].assumed == ""


def test_retraining_pays_attempts_and_buys_labels_once_a_run() -> None:
    runs, attempts = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]), np.array([[1.0, 0.0, 0.0], [0.0, 3.0, 0.0]])
    dearer, labels = np.array([[1.0, 1.0, 1.0], [1.0, 1.5, 1.0]]), np.array([1.0, 2.0])
    costs = replace(NOTHING, retraining=(RUN,), engineer_usd_per_hour=150.0)
    found = lines(
        costs, facts(retraining_runs={0: runs}, retraining_attempts={0: attempts}, training_price={0: dearer}, money={"labels": labels})
    )  # fmt: skip
    assert found["retraining_gpu"][1] == pytest.approx(attempts * 8 * 3.0 * dearer)
    assert found["retraining_labels"][1] == pytest.approx(runs * 5000 * labels[:, None])
    assert found["retraining_engineering"][1] == pytest.approx(attempts * 10 * 150)
    assert found["retraining_evaluation"][1] == pytest.approx(attempts * 100)
    assert {item: name.kind for item, (name, _) in found.items()} == {
        "retraining_gpu": "invoice", "retraining_labels": "tco", "retraining_engineering": "tco", "retraining_evaluation": "tco",
    }  # fmt: skip
    assert {name.deployment for name, _ in found.values()} == {"own"}
    assert found["retraining_gpu"][0].assumed == RUN.assumed


def test_a_vendor_charges_attempts_and_own_gpus_are_paid_already() -> None:
    vendor = replace(
        RUN, where="vendor", name="api", gpu_hours=0.0, usd_per_gpu_hour=0.0, vendor_usd=90.0, labels_usd=0.0, evaluation_usd=0.0
    )
    own = replace(vendor, where="own", gpu_hours=8.0, vendor_usd=0.0)
    costs = replace(NOTHING, retraining=(vendor, own))
    found = lines(costs, facts(retraining_runs={0: ONE, 1: ONE}, retraining_attempts={0: 2 * ONE, 1: ONE}))
    assert list(found) == ["retraining_vendor"]
    assert found["retraining_vendor"][0] == LineName("api", "retraining_vendor", "invoice")
    assert found["retraining_vendor"][1] == pytest.approx(180.0 * ONE)


def test_incidents_rollbacks_and_standing_hours_are_answered() -> None:
    costs = replace(NOTHING, response_hours_per_incident=2.0, response_hours_per_month=5.0, engineer_usd_per_hour=100.0)
    slower, dearer = np.array([1.0, 2.0]), np.array([1.0, 1.1])
    happened = facts(incidents=4 * ONE, rolled_back={0: ONE, 1: ONE}, money={"response_hours": slower, "people": dearer})
    expected = ((4 + 2) * 2.0 + 5.0) * 100 * slower[:, None] * dearer[:, None] * ONE
    assert lines(costs, happened)["incident_response"][1] == pytest.approx(expected)


def test_refunds_are_a_share_of_the_revenue_of_failed_requests() -> None:
    costs = replace(NOTHING, refunds_share=0.5, revenue_usd_per_month=20_000.0, lost_revenue_usd_per_failed_request=0.25)
    requests = np.array([[1000.0, 0.0, 1000.0]] * FUTURES)
    found = lines(costs, facts(requests=requests, failed_requests=0.02 * requests))
    assert found["refunds"][1] == pytest.approx(np.array([[200.0, 0.0, 200.0]] * FUTURES))
    assert found["lost_revenue"][1] == pytest.approx(np.array([[5.0, 0.0, 5.0]] * FUTURES))
    assert (found["refunds"][0].kind, found["lost_revenue"][0].kind) == ("tco", "apart")


def test_estimates_a_hair_outside_their_bounds_are_no_error() -> None:
    costs = replace(NOTHING, refunds_share=1.0, revenue_usd_per_month=100.0, hidden_share=ShareBand(0.5, 0.5, 0.5))
    found = lines(costs, facts(failed_requests=1000.0001 * ONE, invoice_usd=-200 * ONE))
    assert list(found) == ["refunds"]
    assert found["refunds"][1] == pytest.approx(100 * ONE)


def test_a_migration_is_paid_when_it_is_made() -> None:
    when = np.array([[0.0, 1.0, 0.0], [2.0, 0.0, 0.0]])
    costs = replace(NOTHING, migration_usd=9000.0, assumed=(("migration_usd", "1.5 weeks"),))
    name, usd = lines(costs, facts(migrations=when, money={"migration": np.array([1.0, 1.5])}))["migration"]
    assert usd == pytest.approx(when * 9000 * np.array([[1.0], [1.5]]))
    assert name == LineName("shared", "migration", "tco", "1.5 weeks")


def test_what_is_hidden_is_a_share_of_all_that_is_paid_and_of_nothing_else() -> None:
    costs = replace(
        NOTHING, tooling_usd_per_month=100.0, data_labeling_usd_per_month=200.0, hidden_share=ShareBand(0.0, 0.15, 0.3),
        lost_revenue_usd_per_failed_request=1.0, revenue_usd_per_month=1e6, time_to_production_months=3.0,
    )  # fmt: skip
    happened = facts(invoice_usd=700 * ONE, failed_requests=10 * ONE)
    assert lines(costs, happened)["hidden"][1] == pytest.approx(0.15 * 1000 * ONE)
    drawn = np.array([0.1, 1.2])
    assert lines(costs, replace(happened, money={"hidden_share": drawn}))["hidden"][1] == pytest.approx(drawn[:, None] * 1000 * ONE)
    none = replace(costs, hidden_share=ShareBand(0.0, 0.0, 0.0))
    assert "hidden" not in lines(none, replace(happened, money={"hidden_share": drawn}))


def test_opportunity_is_the_revenue_of_the_months_before_production() -> None:
    costs = replace(NOTHING, revenue_usd_per_month=20_000.0, time_to_production_months=1.5)
    name, usd = lines(costs)["opportunity"]
    assert name.kind == "apart"
    assert usd.tolist() == [[20_000.0, 10_000.0, 0.0]] * FUTURES


def test_all_lines_come_in_one_order_and_the_people_are_no_invoice() -> None:
    numbers = {each.name: 1.0 for each in fields(ResolvedCosts) if isinstance(getattr(NOTHING, each.name), float)}
    costs = replace(NOTHING, **numbers, retraining=(replace(RUN, vendor_usd=1.0),), hidden_share=ShareBand(0.1, 0.1, 0.1))  # type: ignore[arg-type]
    happened = facts(
        failed_requests=ONE, invoice_usd=ONE, incidents=ONE, migrations=ONE, retraining_runs={0: ONE}, retraining_attempts={0: ONE}
    )  # fmt: skip
    found = ownership_lines(costs, happened)
    assert [(name.item, name.kind) for name, _ in found] == [
        ("tooling", "invoice"), ("storage", "invoice"), ("egress", "invoice"), ("people_ml", "tco"), ("people_devops", "tco"),
        ("on_call", "tco"), ("development", "tco"), ("maintenance", "tco"), ("data_labeling", "tco"), ("evaluation", "tco"),
        ("compliance_one_off", "tco"), ("compliance_ongoing", "tco"), ("security_testing", "tco"), ("retraining_gpu", "invoice"),
        ("retraining_vendor", "invoice"), ("retraining_labels", "tco"), ("retraining_engineering", "tco"), ("retraining_evaluation", "tco"),
        ("incident_response", "tco"), ("quality_incidents", "tco"), ("security_incidents", "tco"), ("refunds", "tco"),
        ("migration", "tco"), ("hidden", "tco"), ("opportunity", "apart"), ("lost_revenue", "apart"),
    ]  # fmt: skip
    again = ownership_lines(costs, happened)
    assert all(np.array_equal(a, b) for (_, a), (_, b) in zip(found, again, strict=True))
