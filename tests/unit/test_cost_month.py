"""Every line of a month's bill: twice the price is twice the line, nothing costs nothing, no price is silently zero, shapes fit."""

from __future__ import annotations

import ast
import inspect
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sim
from sim.cost import (
    break_even,
    compliance,
    discount,
    energy,
    extra,
    gpu_month,
    hidden,
    incident_cost,
    migration,
    on_premises,
    opportunity,
    people,
    quality,
    retraining,
    schedule,
    tokens_month,
)
from sim.errors import InputError
from sim.stack.on_premises import owned_usd_per_gpu_hour
from sim.stack.resolved import Upkeep

Line = tuple[Callable[..., Any], dict[str, float], str, str]
"""A function of the bill, arguments, which of them is the price, and what an unknown one is called in the message."""

PAID_BY_QUANTITY: tuple[tuple[Line, str], ...] = (
    ((tokens_month.tokens_usd, {"tokens": 3e6, "usd_per_token": 2e-6}, "usd_per_token", "tokens"), "tokens"),
    ((tokens_month.requests_usd, {"requests": 50, "usd_per_request": 0.01}, "usd_per_request", "a request"), "requests"),
    ((gpu_month.rent_usd, {"gpu_hours": 700, "usd_per_gpu_hour": 3}, "usd_per_gpu_hour", "a GPU-hour"), "gpu_hours"),
    ((on_premises.hosting_usd, {"gpus": 8, "usd_per_gpu_month": 90}, "usd_per_gpu_month", "hosting a GPU"), "gpus"),
    ((energy.power_usd, {"energy_kwh": 900, "usd_per_kwh": 0.08}, "usd_per_kwh", "a kWh"), "energy_kwh"),
    ((extra.storage_usd, {"gb": 500, "usd_per_gb_month": 0.02}, "usd_per_gb_month", "a GB of storage"), "gb"),
    ((extra.egress_usd, {"gb": 500, "usd_per_gb": 0.09}, "usd_per_gb", "a GB of egress"), "gb"),
    ((extra.tooling_usd, {"usd_per_month": 300, "months": 2}, "usd_per_month", "a month of tooling"), "months"),
    ((people.people_usd, {"fte": 0.5, "usd_per_month": 18_000}, "usd_per_month", "a month of an engineer"), "fte"),
    ((people.on_call_usd, {"people": 4, "usd_per_person_month": 900}, "usd_per_person_month", "a month on call"), "people"),
    ((people.hours_usd, {"hours": 8, "usd_per_hour": 150}, "usd_per_hour", "an hour of work"), "hours"),
    ((people.maintenance_usd, {"hours": 8, "usd_per_hour": 150}, "usd_per_hour", "an hour of maintenance"), "hours"),
    ((quality.labels_usd, {"labels": 1e4, "usd_per_label": 0.5, "overhead_share": 0.2}, "usd_per_label", "a label"), "labels"),
    ((quality.labeling_usd, {"usd_per_month": 2_000, "months": 1}, "usd_per_month", "a month of labelling"), "months"),
    (
        (quality.labeling_usd, {"usd_per_month": 0, "retrainings": 2, "labels_usd_each": 5e3}, "labels_usd_each", "the labels of"),
        "retrainings",
    ),
    ((quality.evaluation_usd, {"usd_per_month": 500, "months": 1}, "usd_per_month", "a month of evaluation"), "months"),
    (
        (quality.evaluation_usd, {"usd_per_month": 0, "attempts": 3, "usd_per_attempt": 40}, "usd_per_attempt", "evaluating an"),
        "attempts",
    ),
    ((compliance.compliance_usd, {"usd_per_month": 500, "months": 3}, "usd_per_month", "a month of compliance"), "months"),
    (
        (compliance.compliance_usd, {"usd_per_month": 0, "hours": 8, "usd_per_hour": 150}, "usd_per_hour", "an hour of compliance"),
        "hours",
    ),
    (
        (compliance.security_testing_usd, {"usd_per_month": 500, "months": 1}, "usd_per_month", "a month of security testing"),
        "months",
    ),
    (
        (
            retraining.training_gpu_usd,
            {"attempts": 2, "gpu_hours_each": 50, "usd_per_gpu_hour": 3},
            "usd_per_gpu_hour",
            "a GPU-hour of training",
        ),
        "attempts",
    ),
    ((retraining.tuning_usd, {"attempts": 2, "usd_each": 87}, "usd_each", "an attempt at tuning"), "attempts"),
    (
        (
            incident_cost.incident_response_usd,
            {"incidents": 2, "hours_per_incident": 10, "usd_per_hour": 150},
            "usd_per_hour",
            "an hour of incident response",
        ),
        "incidents",
    ),
    (
        (
            incident_cost.refunds_usd,
            {"failed_share": 0.01, "revenue_usd_per_month": 1e5, "refunds_share": 0.5},
            "revenue_usd_per_month",
            "the revenue of a month",
        ),
        "failed_share",
    ),
    (
        (incident_cost.quality_incidents_usd, {"incidents": 0.5, "usd_per_incident": 1e3}, "usd_per_incident", "a quality incident"),
        "incidents",
    ),
    (
        (incident_cost.security_incidents_usd, {"incidents": 0.1, "usd_per_incident": 1e4}, "usd_per_incident", "a security incident"),
        "incidents",
    ),
    ((migration.migration_usd, {"migrations": 1, "usd_each": 9_000}, "usd_each", "a migration"), "migrations"),
    (
        (opportunity.lost_revenue_usd, {"requests": 20, "usd_per_request": 0.3}, "usd_per_request", "the revenue of a request"),
        "requests",
    ),
)
PAID_BY_MONTH: tuple[Line, ...] = (
    (people.development_usd, {"usd": 24_000, "month": 0}, "usd", "development"),
    (compliance.compliance_setup_usd, {"setup_usd": 15_000, "month": 0}, "setup_usd", "setting up compliance"),
    (
        opportunity.opportunity_usd,
        {"revenue_usd_per_month": 20_000, "months_to_production": 3, "month": 1},
        "revenue_usd_per_month",
        "a month of revenue",
    ),
)
BY_QUANTITY = pytest.mark.parametrize(
    ("line", "quantity"), PAID_BY_QUANTITY, ids=[f"{line[0].__name__}-{quantity}" for line, quantity in PAID_BY_QUANTITY]
)
ALL_LINES = (*(line for line, _ in PAID_BY_QUANTITY), *PAID_BY_MONTH)
EVERY = pytest.mark.parametrize("line", ALL_LINES, ids=[f"{line[0].__name__}-{line[2]}" for line in ALL_LINES])


@EVERY
def test_twice_the_price_is_twice_the_line(line: Line) -> None:
    function, arguments, price, _ = line
    once, twice = function(**arguments), function(**{**arguments, price: 2 * arguments[price]})
    assert float(once) > 0.0
    assert float(twice) == 2 * float(once)


@EVERY
def test_an_unknown_price_is_named_and_never_zero(line: Line) -> None:
    function, arguments, price, what = line
    with pytest.raises(InputError, match=f"no price is known for {what}"):
        function(**{**arguments, price: None})


@BY_QUANTITY
def test_nothing_costs_nothing_whatever_its_price(line: Line, quantity: str) -> None:
    function, arguments, price, _ = line
    assert float(function(**{**arguments, quantity: 0.0})) == 0.0
    assert float(function(**{**arguments, quantity: 0.0, price: None})) == 0.0  # nothing is to be paid at it


@BY_QUANTITY
def test_futures_and_months_fit_together(line: Line, quantity: str) -> None:
    function, arguments, price, _ = line
    months = np.array([1.0, 0.0, 0.5]) * arguments[quantity]
    futures = np.array([[1.0], [2.0]]) * arguments[price]
    usd = function(**{**arguments, quantity: months, price: futures})
    assert usd.shape == (2, 3)
    for f in range(2):
        for m in range(3):
            assert usd[f, m] == float(function(**{**arguments, quantity: months[m], price: futures[f, 0]}))


@EVERY
@pytest.mark.parametrize("wrong", [-1.0, math.nan, math.inf])
def test_what_is_no_number_is_refused_by_name(line: Line, wrong: float) -> None:
    function, arguments, price, what = line
    with pytest.raises(InputError, match=what):
        function(**{**arguments, price: wrong})
    for name in arguments:
        if name not in ("month", price):
            with pytest.raises(InputError, match="found"):
                function(**{**arguments, name: wrong})


@EVERY
def test_a_factor_is_a_factor(line: Line) -> None:
    function, arguments, _, _ = line
    if "factor" in inspect.signature(function).parameters:
        assert float(function(**arguments, factor=1.5)) == pytest.approx(1.5 * float(function(**arguments)), rel=1e-15)


def test_every_line_is_here_and_takes_keywords_only() -> None:
    """A function that ends in `_usd` and takes a price stands in the tables above; others have tests of their own."""
    elsewhere = {"hidden_usd", "used_usd", "spare_usd", "idle_usd", "present_value_usd"}
    tested = {line[0].__name__ for line in ALL_LINES}
    of_a_replay = {
        "api.py",
        "api_only.py",
        "bill.py",
        "gpu.py",
        "price.py",
        "share.py",
        "from_stack.py",
        "replay.py",
        "clients_replay.py",
        "amount.py",
    }
    for source in sorted((Path(sim.__file__).parent / "cost").glob("*.py")):
        if source.name in of_a_replay:
            continue
        for node in ast.parse(source.read_text()).body:
            if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
                assert node.args.kwonlyargs and not node.args.args, f"{source.name}: {node.name}"
                if node.name.endswith("_usd"):
                    assert node.name in tested | elsewhere, f"{source.name}: {node.name}"


def test_one_off_costs_fall_when_they_fall() -> None:
    month = np.arange(6)
    assert schedule.once(month=month, at_month=2).tolist() == [0, 0, 1, 0, 0, 0]
    assert schedule.once(month=month, at_month=np.array([[0], [5]])).tolist() == [[1, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 1]]
    assert schedule.spread(month=month, over_months=4, from_month=1).tolist() == [0, 0.25, 0.25, 0.25, 0.25, 0]
    assert schedule.spread(month=month, over_months=2.5).tolist() == pytest.approx([0.4, 0.4, 0.2, 0, 0, 0])
    assert schedule.spread(month=month, over_months=4, from_month=-3).tolist() == [0.25, 0, 0, 0, 0, 0]
    with pytest.raises(InputError, match="over_months: found 0"):
        schedule.spread(month=month, over_months=0)


@given(st.floats(0, 1e6), st.floats(0, 1e5), st.floats(0, 1), st.floats(0, 1))
@settings(max_examples=50, deadline=None)
def test_parts_of_a_rent_add_up_to_it(rent: float, hours: float, present: float, busy: float) -> None:
    stood = hours * present
    used = gpu_month.used_usd(rent_usd=rent, gpu_hours=hours, busy_gpu_hours=stood * busy)
    spare = gpu_month.spare_usd(rent_usd=rent, gpu_hours=hours, replica_gpu_hours=stood)
    idle = gpu_month.idle_usd(rent_usd=rent, used_usd=used, spare_usd=spare)
    assert float(used + spare + idle) == pytest.approx(rent, abs=1e-9)
    assert min(float(used), float(spare), float(idle)) >= -1e-9 * rent
    if hours > 1e-300:
        assert float(used) == pytest.approx(rent * present * busy, abs=1e-9)


def test_parts_of_rents_of_many_months() -> None:
    rent, hours = np.array([[100.0, 0.0], [50.0, 80.0]]), np.array([[10.0, 0.0], [5.0, 8.0]])
    assert gpu_month.used_usd(rent_usd=rent, gpu_hours=hours, busy_gpu_hours=hours / 2).tolist() == [[50, 0], [25, 40]]
    assert gpu_month.spare_usd(rent_usd=rent, gpu_hours=hours, replica_gpu_hours=hours * 0.9).tolist() == [
        [pytest.approx(10), 0],
        [pytest.approx(5), pytest.approx(8)],
    ]


def test_a_reservation_pays_idle_hours_and_an_api_does_not() -> None:
    """A GPU at 4 USD that could write 3,600,000 tokens an hour costs 1.11 USD a million when full and ten times that at a tenth of it."""
    usd = gpu_month.rent_usd(gpu_hours=730, usd_per_gpu_hour=4)
    full, tenth = 730 * 3.6e6, 73 * 3.6e6
    found = gpu_month.usd_per_million_tokens(paid_usd=usd, tokens=np.array([full, tenth, 0.0]))
    assert found[:2] == pytest.approx([4 / 3.6, 40 / 3.6])
    assert math.isnan(found[2])


def test_energy_is_that_of_idle_and_working_gpus() -> None:
    given = {"gpu_hours": 100.0, "power_w": 700.0, "pue": 1.2}
    full = energy.energy_kwh(**given, busy_share=1.0)
    assert float(full) == pytest.approx(100 * 0.7 * 1.2)
    assert float(energy.energy_kwh(**given, busy_share=0.0)) == pytest.approx(energy.IDLE_POWER_SHARE * float(full))
    assert float(energy.energy_kwh(**given, busy_share=0.5, idle_power_share=0.2)) == pytest.approx(0.6 * float(full))
    assert float(energy.energy_kwh(**given, busy_share=0.25, idle_power_share=1.0)) == pytest.approx(float(full))
    assert energy.energy_kwh(gpu_hours=np.ones((3, 2)), power_w=700, busy_share=np.ones(2)).shape == (3, 2)
    for name, wrong in (("pue", 0.9), ("busy_share", 1.2), ("idle_power_share", -0.1), ("busy_share", None)):
        with pytest.raises(InputError, match=name):
            energy.energy_kwh(**{**given, "busy_share": 0.5, name: wrong})


def test_an_hour_of_an_owned_gpu_is_its_charge_power_and_room() -> None:
    """The price of a GPU-hour of a stack, times a month of them, is what the lines of that month come to when the GPU draws its rated power."""
    hour_usd = owned_usd_per_gpu_hour(
        capital_usd_per_gpu=35_000, residual_share=0.1, life_months=36, power_w=700, pue=1.2, usd_per_kwh=0.08, hosting_usd_per_gpu_month=90
    )
    found = on_premises.upkeep_of(gpu_hours=8 * 730, upkeep=Upkeep(700, 1.2, 0.08, 90))
    assert (float(found.energy_kwh), float(found.power_usd)) == pytest.approx((8 * 730 * 0.7 * 1.2, 8 * 730 * 0.7 * 1.2 * 0.08))
    assert (float(found.gpu_months), float(found.hosting_usd)) == pytest.approx((8, 8 * 90))
    written_off = 8 * 35_000 * 0.9 / 36
    rent = gpu_month.rent_usd(gpu_hours=8 * 730, usd_per_gpu_hour=hour_usd)
    assert float(rent) == pytest.approx(float(found.power_usd + found.hosting_usd) + written_off)
    dearer = on_premises.upkeep_of(gpu_hours=8 * 730, upkeep=Upkeep(700, 1.2, 0.08, 90), factor=2.0)
    assert (float(dearer.energy_kwh), float(dearer.power_usd)) == (float(found.energy_kwh), 2 * float(found.power_usd))
    assert float(dearer.hosting_usd) == 2 * float(found.hosting_usd)


def test_what_is_hidden_is_a_share_of_the_rest() -> None:
    rest = np.array([[100.0, 200.0], [50.0, 0.0]])
    assert hidden.hidden_usd(rest_usd=rest, hidden_share=np.array([[0.5], [2.0]])).tolist() == [[50, 100], [100, 0]]
    with pytest.raises(InputError, match=r"hidden_share: found -0\.1"):
        hidden.hidden_usd(rest_usd=rest, hidden_share=-0.1)


def test_hours_of_incidents_and_beside_them() -> None:
    usd = incident_cost.incident_response_usd(incidents=np.array([0, 2]), hours_per_incident=3, hours_beside=5, usd_per_hour=100)
    assert usd.tolist() == [500, 1_100]
    with pytest.raises(InputError, match=r"failed_share: found 1\.5"):
        incident_cost.refunds_usd(failed_share=1.5, revenue_usd_per_month=1.0, refunds_share=1.0)


def test_revenue_waits_for_production() -> None:
    usd = opportunity.opportunity_usd(revenue_usd_per_month=1_000, months_to_production=2.25, month=np.arange(5))
    assert usd.tolist() == [1_000, 1_000, 250, 0, 0]
    none = opportunity.opportunity_usd(revenue_usd_per_month=0.0, months_to_production=6, month=np.arange(5))
    assert none.tolist() == [0] * 5


def test_later_money_is_worth_less() -> None:
    usd = np.array([-100.0, 121.0, 121.0])
    found = discount.present_value_usd(usd=usd, month=np.array([0, 12, 24]), rate_per_year=0.1)
    assert found == pytest.approx([-100.0, 110.0, 100.0])
    assert discount.present_value_usd(usd=usd, month=np.arange(3), rate_per_year=0.0).tolist() == usd.tolist()
    with pytest.raises(InputError, match="rate_per_year"):
        discount.present_value_usd(usd=usd, month=0, rate_per_year=-0.1)


@pytest.mark.parametrize(
    ("a", "b", "requests"),
    [
        ((0.0, 0.01), (1_000.0, 0.0), 100_000.0),
        ((1_000.0, 0.0), (0.0, 0.01), 100_000.0),  # the other way round
        ((0.0, 0.02), (0.0, 0.01), 0.0),  # they part at once
        ((0.0, 0.01), (1_000.0, 0.01), math.nan),  # side by side
        ((0.0, 0.01), (1_000.0, 0.02), math.nan),  # apart from the start
        ((5.0, 0.01), (5.0, 0.01), math.nan),  # the same
        ((-500.0, 0.02), (500.0, 0.0), 50_000.0),  # a line that was fitted
    ],
)
def test_where_two_lines_meet(a: tuple[float, float], b: tuple[float, float], requests: float) -> None:
    given = {"fixed_a_usd": a[0], "per_request_a_usd": a[1], "fixed_b_usd": b[0], "per_request_b_usd": b[1]}
    assert float(break_even.crossing_requests(**given)) == pytest.approx(requests, nan_ok=True)


@given(*[st.floats(0, 1e6)] * 2, *[st.floats(0, 1)] * 2)
@settings(max_examples=50, deadline=None)
def test_two_lines_cost_the_same_where_they_meet(fixed_a: float, fixed_b: float, a: float, b: float) -> None:
    found = float(break_even.crossing_requests(fixed_a_usd=fixed_a, per_request_a_usd=a, fixed_b_usd=fixed_b, per_request_b_usd=b))
    if math.isnan(found):
        # One is never dearer than the other: not at nothing, not at a great deal.
        assert (fixed_a - fixed_b) * (a - b) >= 0.0
    elif found < 1e15:
        assert fixed_a + a * found == pytest.approx(fixed_b + b * found, rel=1e-9, abs=1e-6)


def test_meetings_of_many_futures() -> None:
    found = break_even.crossing_requests(
        fixed_a_usd=0.0, per_request_a_usd=np.array([0.01, 0.02, 0.0]), fixed_b_usd=np.array([[1_000.0], [2_000.0]]), per_request_b_usd=0.0
    )
    assert found[:, :2].tolist() == [[100_000, 50_000], [200_000, 100_000]]
    assert np.isnan(found[:, 2]).all()
