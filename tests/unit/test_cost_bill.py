"""The bill: every line by its formula, lines that sum to the total on every path (law I7), no price that is silently zero."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.cost.api import cached_input_usd, input_usd, output_usd, requests_usd
from sim.cost.api_only import TraceTokens
from sim.cost.bill import SHARED, bill
from sim.cost.extra import egress_usd, storage_usd, tooling_usd
from sim.cost.gpu import billed_s, machine_lives, machines_usd
from sim.cost.price import ApiPrice, Extras, GpuPrice, TokenPrice, mean_factor
from sim.cost.share import NOBODY, OTHERS, by_class, by_client, by_deployment
from sim.engine.result import Life, PriceStep, Result
from sim.engine.system import Api, System
from sim.errors import InputError
from sim.stack.resolved import Upkeep
from sim.trace.trace import Trace
from tests.made.result import add_outcomes, empty_result, pool, stood, system

TWO_TIERS = ApiPrice("model", (TokenPrice(0, 2e-6, 0.2e-6, 10e-6), TokenPrice(1000, 4e-6, 0.4e-6, 15e-6)), request_usd=0.001)


def test_tokens_are_paid_by_tier_and_segment() -> None:
    tokens = np.array([[100, 10], [7, 3]])
    arguments = {"tokens": tokens, "price": TWO_TIERS, "factors": (1.0, 2.0)}
    assert input_usd(**arguments) == pytest.approx((100 + 2 * 10) * 2e-6 + (7 + 2 * 3) * 4e-6)
    assert cached_input_usd(**arguments) == pytest.approx((100 + 2 * 10) * 0.2e-6 + (7 + 2 * 3) * 0.4e-6)
    assert output_usd(**arguments) == pytest.approx((100 + 2 * 10) * 10e-6 + (7 + 2 * 3) * 15e-6)
    assert requests_usd(requests=np.array([5, 2]), price=TWO_TIERS, factors=(1.0, 2.0)) == pytest.approx((5 + 2 * 2) * 0.001)


def test_an_unknown_price_is_an_error_and_never_zero() -> None:
    unknown = ApiPrice("secret", (TokenPrice(0, 1e-6, None, 1e-6),), request_usd=None)
    tokens = np.array([[5]])
    assert input_usd(tokens=tokens, price=unknown, factors=(1.0,)) == pytest.approx(5e-6)
    assert cached_input_usd(tokens=np.array([[0]]), price=unknown, factors=(1.0,)) == 0.0  # nothing is paid at it
    with pytest.raises(InputError, match="no price is known for cached input tokens of secret"):
        cached_input_usd(tokens=tokens, price=unknown, factors=(1.0,))
    with pytest.raises(InputError, match="no price is known for a request to secret"):
        requests_usd(requests=np.array([1]), price=unknown, factors=(1.0,))
    result = empty_result()
    stood(result, 0, 0.0, 3600.0)
    with pytest.raises(InputError, match="no price is known for a GPU-hour"):
        bill(system=system(pool()), result=result, prices={"own": GpuPrice(None)})
    for prices in ({}, {"own": TWO_TIERS}):
        with pytest.raises(InputError, match="no price is known for the GPUs of own"):
            bill(system=system(pool()), result=result, prices=prices)
    with pytest.raises(InputError, match="no price is known for the model of v"):
        bill(system=system(Api("v", 0)), result=result, prices={"v": GpuPrice(1.0)})
    with pytest.raises(InputError, match="no price is known for a GB of storage"):
        bill(system=system(pool()), result=result, prices={"own": GpuPrice(1.0)}, extras=Extras(storage_gb=1.0))


@pytest.mark.parametrize(
    ("life_s", "unit_s", "minimum_s", "billed"),
    [
        (0.0, 60.0, 60.0, 0.0),  # no life, no bill
        (1.0, 1.0, 60.0, 60.0),  # a minute at least
        (61.0, 1.0, 60.0, 61.0),
        (61.0, 60.0, 0.0, 120.0),
        (3600.0 + 1e-7, 3600.0, 0.0, 3600.0),  # rounding noise of a clock is not another hour
        (3601.0, 3600.0, 0.0, 7200.0),
    ],
)
def test_lives_are_rounded_as_the_provider_counts(life_s: float, unit_s: float, minimum_s: float, billed: float) -> None:
    assert billed_s(life_s=life_s, billing_unit_s=unit_s, minimum_s=minimum_s) == pytest.approx(billed)


def test_machines_are_sold_whole() -> None:
    lives = [
        Life(0, 0, 0.0, 0.0, 100.0, "running"),
        Life(0, 1, 10.0, 20.0, 60.0, "scaled_down"),
        Life(0, 2, 30.0, 40.0, 50.0, "scaled_down"),
        Life(0, 3, 45.0, 55.0, 70.0, "scaled_down"),
        Life(0, 2, 90.0, 95.0, 120.0, "running"),
    ]
    found = machine_lives(lives=lives, gpus_per_replica=4, gpus_per_machine=8, window_s=100.0)
    assert [(m.start_s, m.end_s, m.gpus, m.ended) for m in found] == [
        (0.0, 100.0, 8, False),
        (30.0, 70.0, 8, True),
        (90.0, 100.0, 8, False),
    ]
    # each replica its own machine, and replicas that span two
    assert len(machine_lives(lives=lives, gpus_per_replica=4, gpus_per_machine=4, window_s=100.0)) == 5
    spanning = machine_lives(lives=lives[:1], gpus_per_replica=12, gpus_per_machine=8, window_s=100.0)
    assert [m.gpus for m in spanning] == [16]
    assert machine_lives(lives=lives, gpus_per_replica=1, gpus_per_machine=1, window_s=5.0)[0].ended is False  # cut, not ended
    assert machine_lives(lives=[], gpus_per_replica=1, gpus_per_machine=8, window_s=5.0) == []


def test_rent_follows_price_changes() -> None:
    assert mean_factor(start_s=0, end_s=10, changes=()) == 1.0
    assert mean_factor(start_s=0, end_s=10, changes=((5.0, 2.0),)) == 1.5
    assert mean_factor(start_s=6, end_s=6, changes=((5.0, 2.0),)) == 2.0
    assert mean_factor(start_s=0, end_s=10, changes=((0.0, 3.0), (5.0, 1.0), (9.0, 4.0))) == pytest.approx((15 + 4 + 4) / 10)
    machines = machine_lives(lives=[Life(0, 0, 0.0, 0.0, 7200.0, "running")], gpus_per_replica=2, gpus_per_machine=2, window_s=7200.0)
    assert machines_usd(machines=machines, price=GpuPrice(3.0), changes=((3600.0, 2.0),)) == pytest.approx(2 * 3.0 * (1 + 2))


def test_a_pool_is_split_into_used_idle_and_spare() -> None:
    result = empty_result(window_s=7200.0)
    stood(result, 0, 0.0, 7200.0)
    result.busy_s[0] = 1800.0
    found = bill(system=system(pool(gpus_per_replica=2)), result=result, prices={"own": GpuPrice(5.0, gpus_per_machine=8)})
    lines = {line.item: line for line in found.lines}
    assert lines["gpu_used"].quantity == 2 * 0.5 and lines["gpu_used"].usd == pytest.approx(2 * 0.5 * 5)
    assert lines["gpu_idle"].quantity == 2 * 1.5 and lines["gpu_idle"].usd == pytest.approx(2 * 1.5 * 5)
    assert lines["gpu_spare"].quantity == 6 * 2 and lines["gpu_spare"].usd == pytest.approx(6 * 2 * 5)
    assert found.total_usd == pytest.approx(8 * 2 * 5)
    alone = bill(system=system(pool(gpus_per_replica=2)), result=result, prices={"own": GpuPrice(5.0, gpus_per_machine=1)})
    assert [line.item for line in alone.lines] == ["gpu_used", "gpu_idle"]


def test_reserved_replicas_are_paid_whether_they_stand_or_not() -> None:
    result = empty_result(window_s=3600.0)
    stood(result, 0, 0.0, 1800.0, end="scaled_down")
    result.busy_s[0] = 900.0
    found = bill(system=system(pool(replicas=3)), result=result, prices={"own": GpuPrice(4.0, always_paid_replicas=3)})
    assert {line.item: line.usd for line in found.lines} == pytest.approx({"gpu_used": 1.0, "gpu_idle": 1.0, "gpu_spare": 10.0})


def owned(hosting_usd: float = 73.0) -> GpuPrice:
    """An hour of 2 USD for the GPU, 0.30 for a kilowatt at PUE 1.5, and hosting."""
    return GpuPrice(2.3 + hosting_usd / 730, 4, always_paid_replicas=2, upkeep=Upkeep(1000.0, 1.5, 0.2, hosting_usd))


def test_power_and_hosting_of_owned_gpus_are_lines_of_their_own() -> None:
    result = empty_result(window_s=7200.0)
    stood(result, 0, 0.0, 7200.0)
    result.busy_s[0] = 1800.0
    made = system(pool(gpus_per_replica=1, replicas=2))
    found = bill(system=made, result=result, prices={"own": owned()})
    assert {line.item: (line.quantity, line.unit) for line in found.lines} == {
        "gpu_used": (0.5, "GPU-hours"),
        "gpu_idle": (1.5, "GPU-hours"),
        "gpu_spare": (6.0, "GPU-hours"),
        "gpu_power": (pytest.approx(8 * 1.5), "kWh"),
        "gpu_hosting": (pytest.approx(8 / 730), "GPU-months"),
    }
    # The five share what the three of rented GPUs do: every hour of 2 + 0.3 + 0.1 USD.
    assert {line.item: line.usd for line in found.lines} == pytest.approx(
        {"gpu_used": 1.0, "gpu_idle": 3.0, "gpu_spare": 12.0, "gpu_power": 2.4, "gpu_hosting": 0.8}
    )
    rented = bill(system=made, result=result, prices={"own": replace(owned(), upkeep=None)})
    assert [line.item for line in rented.lines] == ["gpu_used", "gpu_idle", "gpu_spare"]
    assert found.total_usd == pytest.approx(rented.total_usd, rel=1e-15)
    assert "gpu_hosting" not in {line.item for line in bill(system=made, result=result, prices={"own": owned(0.0)}).lines}
    result.price_steps.append(PriceStep(0, 0, 0.0, 1.5))
    dearer = bill(system=made, result=result, prices={"own": owned()})
    assert [line.usd for line in dearer.lines] == pytest.approx([1.5 * line.usd for line in found.lines])


def test_gpus_that_were_a_present_cost_power_alone() -> None:
    result = empty_result(window_s=3600.0)
    stood(result, 0, 0.0, 3600.0)
    price = GpuPrice(0.3, 1, always_paid_replicas=1, upkeep=Upkeep(1000.0, 1.5, 0.2, 0.0))
    found = bill(system=system(pool()), result=result, prices={"own": price})
    assert {line.item: line.usd for line in found.lines} == pytest.approx({"gpu_used": 0.0, "gpu_idle": 0.0, "gpu_power": 0.3})
    nothing = bill(system=system(pool()), result=result, prices={"own": replace(price, usd_per_gpu_hour=0.0, upkeep=Upkeep(0, 1, 0, 0))})
    assert nothing.total_usd == 0.0


def test_the_minimum_and_rounding_are_paid_on_whole_lives_only() -> None:
    result = empty_result(window_s=3600.0)
    stood(result, 0, 0.0, 4000.0)  # goes on after the run: not rounded
    stood(result, 0, 100.0, 130.0, replica=1, end="scaled_down")  # half a minute, a minute at least
    found = bill(system=system(pool()), result=result, prices={"own": GpuPrice(36.0, billing_unit_s=60.0, minimum_s=60.0)})
    assert found.total_usd == pytest.approx((3600 + 60) / 100)


def mixed() -> tuple[System, Result, dict[str, ApiPrice | GpuPrice]]:
    """Two classes and two clients on a pool and an API whose price changes once."""
    result = empty_result(deployments=2, classes=2, clients=2, tiers=2, segments=2, window_s=7200.0)
    stood(result, 0, 0.0, 7200.0)
    result.busy_s[0] = 3000.0
    result.tokens[0, 0, :, 0, 0] = (1000, 200, 300)
    result.tokens[0, 1, :, 1, 0] = (4000, 0, 500)
    result.tokens[1, 0, :, 0, :] = ((100, 50), (20, 0), (30, 10))
    result.tokens[1, 1, :, 1, 1] = (2000, 500, 40)
    result.api_requests[1] = ((3, 1), (0, 2))
    result.client_tokens[0] = ((900, 100, 200), (4000, 0, 500))
    result.client_tokens[1] = ((150, 20, 40), (0, 0, 0))
    result.price_steps.append(PriceStep(1, 1, 3600.0, 1.5))
    add_outcomes(result, "completed", 40)
    add_outcomes(result, "completed", 6, 1, 1)
    add_outcomes(result, "rejected", 4, 2, reason="no_route")
    return system(pool(gpus_per_replica=2), Api("v", 0)), result, {"own": GpuPrice(3.0, gpus_per_machine=4), "v": TWO_TIERS}


def test_unit_costs_and_the_month() -> None:
    made, result, prices = mixed()
    found = bill(system=made, result=result, prices=prices)
    tokens = int(result.tokens.sum())
    assert found.usd_per_million_tokens == pytest.approx(found.total_usd / tokens * 1e6)
    assert found.usd_per_1000_requests == pytest.approx(found.total_usd / 46 * 1000)
    month = found.month()
    assert month is not None and found.month_factor == 730 / 2
    assert month.total_usd == pytest.approx(found.total_usd * 365)
    assert [line.item for line in month.lines] == [line.item for line in found.lines]
    assert month.usd_per_million_tokens == pytest.approx(found.usd_per_million_tokens)
    assert replace(found, window_s=0.0).month() is None
    assert (replace(found, tokens=0).usd_per_million_tokens, replace(found, completed=0).usd_per_1000_requests) == (None, None)


def test_shares_add_up_and_follow_their_causes() -> None:
    made, result, prices = mixed()
    found = bill(system=made, result=result, prices=prices)
    deployments = by_deployment(found)
    classes = by_class(bill=found, system=made, result=result, prices=prices, classes=("a", "b"))
    clients = by_client(bill=found, system=made, result=result, clients=("x", "y"))
    for shares in (deployments, classes, clients):
        assert math.fsum(shares.values()) == pytest.approx(found.total_usd, rel=1e-12)
    assert deployments["own"] == pytest.approx(4 * 2 * 3)
    a_api = 100 * 2e-6 + 1.5 * 50 * 2e-6 + 20 * 0.2e-6 + 30 * 10e-6 + 1.5 * 10 * 10e-6 + 0.001 * (3 + 1.5 * 1)
    assert classes["a"] == pytest.approx(deployments["own"] * 1500 / 6000 + a_api)
    assert NOBODY not in classes
    lines = {line.item: line.usd for line in found.lines if line.deployment == "v"}
    of_x = (
        lines["api_input"] * 150 / 2150
        + lines["api_cached_input"] * 20 / 520
        + lines["api_output"] * 40 / 80
        + lines["api_requests"] * 210 / 2750
    )
    assert clients["x"] == pytest.approx(deployments["own"] * 1200 / 6000 + of_x)
    assert clients[OTHERS] > 0


def test_a_pool_without_traffic_was_caused_by_nobody() -> None:
    result = empty_result()
    stood(result, 0, 0.0, 3600.0)
    prices = {"own": GpuPrice(7.0)}
    found = bill(system=system(pool()), result=result, prices=prices, extras=Extras(tooling_usd_per_month=730.0))
    assert by_class(bill=found, system=system(pool()), result=result, prices=prices, classes=("a",)) == {"a": 0.0, NOBODY: 8.0}
    assert by_client(
        bill=found, system=system(pool()), result=replace(result, client_tokens=np.zeros((1, 1, 3), np.int64)), clients=("x",)
    ) == {"x": 0.0, NOBODY: 8.0}
    assert by_client(bill=found, system=system(pool()), result=result, clients=()) == {}
    assert (found.usd_per_million_tokens, found.usd_per_1000_requests) == (None, None)
    assert by_deployment(found) == {"own": 7.0, SHARED: 1.0}


def test_extras_are_lines_of_their_own() -> None:
    month_s = 730 * 3600
    assert storage_usd(gb=100, usd_per_gb_month=0.1, months=0.5) == pytest.approx(5.0)
    assert egress_usd(gb=10, usd_per_gb=0.09) == pytest.approx(0.9)
    assert tooling_usd(usd_per_month=300, months=1 / 3) == pytest.approx(100.0)
    extras = Extras(storage_gb=100, storage_usd_per_gb_month=0.1, egress_gb=10, egress_usd_per_gb=0.09, tooling_usd_per_month=300)
    found = bill(system=system(pool()), result=empty_result(window_s=month_s), prices={"own": GpuPrice(1.0)}, extras=extras)
    assert {line.item: line.usd for line in found.lines if line.deployment == SHARED} == pytest.approx(
        {"storage": 10.0, "egress": 0.9, "tooling": 300.0}
    )
    assert found.total_usd == pytest.approx(310.9)


@pytest.mark.parametrize("window_s", [3600.0, 24 * 3600.0, 730 * 3600.0])
def test_what_is_paid_by_the_month_is_as_much_in_a_month_of_any_replay(window_s: float) -> None:
    """A stock of GB costs by GB-months: in a month of the replay it is the stock, however long the replay was."""
    extras = Extras(storage_gb=100, storage_usd_per_gb_month=0.1, tooling_usd_per_month=300)
    found = bill(system=system(pool()), result=empty_result(window_s=window_s), prices={"own": GpuPrice(1.0)}, extras=extras)
    month = found.month()
    assert month is not None
    lines = {line.item: line for line in month.lines if line.deployment == SHARED}
    assert lines["storage"].quantity == pytest.approx(100.0) and lines["storage"].unit == "GB-months"
    assert lines["tooling"].quantity == pytest.approx(1.0) and lines["tooling"].unit == "months"
    for line, usd in ((lines["storage"], 0.1), (lines["tooling"], 300.0)):
        assert line.usd == pytest.approx(line.quantity * usd)


lives = st.lists(st.tuples(st.integers(0, 5), st.floats(0, 4000), st.floats(0, 3000)), max_size=8)


@given(
    lives,
    st.integers(1, 9),
    st.integers(1, 9),
    st.floats(0.1, 20),
    st.sampled_from([1.0, 60.0, 3600.0]),
    st.sampled_from([0.0, 60.0]),
    st.floats(0, 1),
)
def test_lines_sum_and_doubling_a_price_doubles_its_lines(
    found: list[tuple[int, float, float]], gpus: int, machine: int, usd: float, unit_s: float, minimum_s: float, busy: float
) -> None:
    made, result, prices = mixed()
    result.lives.clear()
    result.present_s[0] = 0.0
    free_at: dict[int, float] = {}
    for replica, gap, length in found:  # lives of one slot follow one another
        start = free_at.get(replica, 0.0) + gap
        end = start + length
        free_at[replica] = end
        stood(result, 0, min(start, 7200.0), min(end, 7200.0), replica=replica, end="running" if end >= 7200.0 else "scaled_down")
    result.busy_s[0] = busy * result.present_s[0]
    made = System((pool(gpus_per_replica=gpus), made.deployments[1]), made.rules)
    prices["own"] = GpuPrice(usd, machine, unit_s, minimum_s)
    once = bill(system=made, result=result, prices=prices)
    assert math.fsum(line.usd for line in once.lines) == once.total_usd
    assert all(line.usd >= -1e-9 and line.quantity >= -1e-9 for line in once.lines)
    twice = bill(system=made, result=result, prices={**prices, "own": GpuPrice(2 * usd, machine, unit_s, minimum_s)})
    for before, after in zip(once.lines, twice.lines, strict=True):
        assert after.usd == pytest.approx(before.usd * (2 if before.deployment == "own" else 1), abs=1e-9)
    # at least what the replicas' lives cost by the second
    assert once.of("own") >= result.present_s[0] / 3600 * gpus * usd * (1 - 1e-9) - 1e-9
    if machine == 1 and unit_s == 1.0 and minimum_s == 0.0:
        assert once.of("own") <= (result.present_s[0] + len(found)) / 3600 * gpus * usd * (1 + 1e-9)


def test_zero_traffic_leaves_only_what_is_provisioned() -> None:
    made, result, prices = mixed()
    quiet = empty_result(deployments=2, classes=2, clients=2, tiers=2, segments=2, window_s=7200.0)
    stood(quiet, 0, 0.0, 7200.0)
    found = bill(system=made, result=quiet, prices=prices)
    assert found.total_usd == found.of("own") == bill(system=made, result=result, prices=prices).of("own")
    assert [line.usd for line in found.lines if line.item == "gpu_used"] == [0.0]


def test_the_same_traffic_at_an_api_alone() -> None:
    trace = Trace.from_arrays(
        arrival_s=[0, 1, 2, 3], prompt_tokens=[999, 1000, 5000, 10], output_tokens=[1, 2, 3, 4], cached_tokens=[100, None, 4000, 10]
    )
    counted = TraceTokens(TWO_TIERS)
    for chunk in trace.chunks(3):
        counted.add(chunk)
    low = 899 * 2e-6 + 100 * 0.2e-6 + 1 * 10e-6 + 10 * 0.2e-6 + 4 * 10e-6
    high = (1000 + 1000) * 4e-6 + 4000 * 0.4e-6 + 5 * 15e-6
    assert counted.usd() == pytest.approx(low + high + 4 * 0.001)
