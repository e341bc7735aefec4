"""A run as amounts: the same as what is measured and billed of it, and parts of it add up whatever the cut."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from sim.cost.bill import bill
from sim.cost.from_stack import stack_prices
from sim.cost.price import GpuPrice
from sim.engine.assemble import assemble
from sim.engine.result import Life, Result
from sim.engine.run import simulate
from sim.engine.system import Event, System
from sim.futures.pieces import Held, cut
from sim.futures.usage import ALL, ALL_ITEMS, COMMON_ITEMS, POOL_ITEMS, SLO_ITEMS, Usage, UsageLayout, priced_item
from sim.futures.usage_of import usage_of
from sim.measure.slo import good_share
from sim.trace.trace import Trace
from tests.made.days import API, SCALED, day_trace, resolved_for
from tests.made.result import empty_result
from tests.made.result import pool as made_pool

LAYOUT = UsageLayout.of(["own"], [("spill", 2)])


@pytest.fixture(scope="module")
def trace() -> Trace:
    return day_trace(rows=2500)


def ran(trace: Any, text: str = SCALED, **more: Any) -> tuple[Result, System, dict[str, Any]]:
    resolved = resolved_for(text)
    system = assemble(resolved, trace.classes)
    return simulate(system, trace, log=True, timeline_s=0.0, **more), system, dict(stack_prices(resolved))


def test_a_whole_run_is_what_is_measured_and_billed_of_it(trace: Trace) -> None:
    result, system, prices = ran(trace, events=[Event(50_000.0, "api_outage", 1, 600.0)])
    usage, blocks = usage_of(result, system, prices, LAYOUT, block_s=600.0, blocks=144)

    def amount(deployment: str, item: str) -> float:
        return float(usage.amounts[LAYOUT.at(deployment, item)])

    assert amount(ALL, "requests") == result.total == sum(amount(ALL, name) for name in ALL_ITEMS[1:6])
    assert amount(ALL, "completed") == result.outcomes[:, :, 0].sum()
    assert amount(ALL, "met") == result.met_slo.sum() and amount(ALL, "met") / amount(ALL, "held") == good_share(result)
    assert (usage.histogram == result.histogram.sum(axis=(1, 2))).all()
    assert blocks.sum(axis=0) == pytest.approx([amount(ALL, item) for item in SLO_ITEMS], abs=0)
    assert len(blocks) == 144 and blocks[60, 0] > 5 * np.median(blocks[:, 0])  # the burst at ten o'clock
    lines = {(line.deployment, line.item): line.quantity for line in bill(system=system, result=result, prices=prices).lines}
    paid = sum(lines.get(("own", item), 0.0) for item in ("gpu_used", "gpu_idle", "gpu_spare"))
    assert amount("own", "paid_gpu_hours") == pytest.approx(paid)
    assert amount("own", "busy_gpu_hours") == pytest.approx(lines["own", "gpu_used"])
    for item in ("input", "output"):
        assert amount("spill", f"{item}_tokens") == lines["spill", f"api_{item}"]
        assert (
            sum(amount("spill", priced_item(("input", "cached_input", "output").index(item), t)) for t in range(2))
            == lines["spill", f"api_{item}"]
        )
        assert amount("own", f"{item}_tokens") == result.tokens[0, :, ("input", "cached_input", "output").index(item)].sum()
    for d, name in enumerate(("own", "spill")):
        assert amount(name, "attempts") == result.counters["attempts"][d]
        assert amount(name, "throttled") == result.counters["throttled"][d]
        assert amount(name, "fallback_completed") == result.counters["fallback_completed"][d]
        assert amount(name, "completed") == result.counters["completed"][d]
    assert amount("spill", "fallback_completed") > 0


def test_parts_of_a_run_add_up(trace: Trace) -> None:
    held = Held.of(trace)
    whole = cut(held, 0.0, 86_400.0, 86_400.0)
    result, system, prices = ran(whole)
    at_s = 36_300.0  # in the burst
    before, _, _ = ran(whole.until(at_s))
    first, _ = usage_of(before, system, prices, LAYOUT)
    second, blocks = usage_of(result, system, prices, LAYOUT, before=before, counted_from_s=at_s, block_s=600.0, blocks=84)
    both, _ = usage_of(result, system, prices, LAYOUT)
    assert blocks[0, 0] > 10
    # Requests, tokens and time add up exactly; outcomes of the few requests around the cut may differ, since the first part has nothing after it.
    exact = [("own", item) for item in ("present_gpu_hours", "busy_gpu_hours", "ready_replica_s", "kv_token_s")]
    for column in [*exact, (ALL, "requests"), ("spill", "attempts"), ("spill", "admitted"), ("spill", "output_tokens")]:
        k = LAYOUT.at(*column)
        assert first.amounts[k] + second.amounts[k] == pytest.approx(both.amounts[k], rel=1e-9), column
    k = LAYOUT.at("own", "output_tokens")
    assert first.amounts[k] + second.amounts[k] == pytest.approx(both.amounts[k], rel=2e-3)
    assert 0 < second.amounts[LAYOUT.at("own", "paid_gpu_hours")] < both.amounts[LAYOUT.at("own", "paid_gpu_hours")]


def hours(lives: list[Life], window_s: float, from_s: float, price: GpuPrice) -> float:
    result = empty_result(window_s=window_s)
    result = replace(result, lives=lives, log=np.zeros(0, _LOG))
    system = System((replace(made_pool(), name="own"),), ())
    layout = UsageLayout.of(["own"], [])
    before = empty_result(window_s=from_s) if from_s else None
    usage, _ = usage_of(result, system, {"own": price}, layout, before=before, counted_from_s=from_s)
    return float(usage.amounts[layout.at("own", "paid_gpu_hours")])


_LOG = np.dtype([(name, "f8") for name in ("arrival_s", "outcome", "first_token_s", "finish_s", "target")]
                + [(name, "i8") for name in ("deployment", "output_tokens", "cached_tokens", "prompt_tokens")])  # fmt: skip


def test_a_life_is_rounded_once_and_where_it_ends() -> None:
    price = GpuPrice(1.0, billing_unit_s=3600.0)
    lives = [Life(0, 0, 0.0, 0.0, 5400.0, "scaled_down"), Life(0, 1, 0.0, 0.0, 7200.0, "running")]
    gpus = made_pool().gpus_per_replica
    assert hours(lives, 7200.0, 0.0, price) == pytest.approx((2.0 + 2.0) * gpus)
    # Half an hour of the first life, the half hour it is rounded up by, and an hour of the second.
    assert hours(lives, 7200.0, 3600.0, price) == pytest.approx((0.5 + 0.5 + 1.0) * gpus)
    # The first hour alone: nothing ends in it, nothing is rounded.
    assert hours([replace(life, end_s=3600.0, end="running") for life in lives], 3600.0, 0.0, price) == pytest.approx(2.0 * gpus)
    assert hours(lives, 7200.0, 6000.0, price) == pytest.approx(1200 / 3600 * gpus)


def test_reserved_machines_are_paid_whether_they_stand_or_not() -> None:
    price = GpuPrice(1.0, always_paid_replicas=2)
    assert hours([], 7200.0, 1800.0, price) == pytest.approx(2 * 1.5 * made_pool().gpus_per_replica)


def test_tokens_are_weighted_by_the_hour_they_were_charged_in(trace: Trace) -> None:
    result, system, prices = ran(trace, API, events=[Event(43_200.0, "price_change", 0, factor=3.0)])
    layout = UsageLayout.of([], [("api", 1)])
    usage, _ = usage_of(result, system, prices, layout)
    cheap, dear, later = result.tokens[0].sum(axis=(0, 2))[2]
    assert dear > cheap > 0 == later
    assert usage.amounts[layout.at("api", "output_tokens")] == cheap + dear
    assert usage.amounts[layout.at("api", priced_item(2, 0))] == cheap + 3.0 * dear
    assert usage.amounts[layout.at("api", "priced_requests")] == pytest.approx(result.api_requests[0].sum(axis=0)[:2] @ [1.0, 3.0])


def test_lanes_are_held_to_no_latency(trace: Trace) -> None:
    result, system, prices = ran(trace, API)
    layout = UsageLayout.of([], [("api", 1)])
    held, _ = usage_of(result, system, prices, layout)
    free, blocks = usage_of(result, system, prices, layout, lanes=(0,))
    assert held.amounts[layout.at(ALL, "held")] == result.total
    assert free.amounts[layout.at("api", "held")] == 0.0 == free.histogram.sum() == blocks[:, 1:].sum()
    assert free.amounts[layout.at(ALL, "held")] == np.count_nonzero(result.log["deployment"] < 0)
    assert free.amounts[layout.at("api", "completed")] == held.amounts[layout.at("api", "completed")] > 0


def test_every_amount_of_the_layout_is_filled() -> None:
    result, system, prices = ran(day_trace(rows=300))
    usage, _ = usage_of(result, system, prices, LAYOUT)
    assert isinstance(usage, Usage) and np.isfinite(usage.amounts).all()
    for item in (*COMMON_ITEMS, *POOL_ITEMS):
        assert usage.amounts[LAYOUT.at("own", item)] >= 0.0
    assert usage.amounts[LAYOUT.at("own", "ready_replica_s")] > 0.0
