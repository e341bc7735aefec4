"""What a capacity plan takes, by hand: GPUs, nodes and load of months; and totals and shares of whole forecasts."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from sim.cost.energy import IDLE_POWER_SHARE
from sim.futures.accuracy import accuracy_of
from sim.futures.calendar import Calendar
from sim.futures.capacity import capacity_of
from sim.futures.cells import Cells
from sim.futures.evaluate import Evaluator
from sim.futures.forecast import Capacity, Forecast
from sim.futures.library import build_library
from sim.futures.surfaces import surfaces
from sim.futures.usage import UsageLayout
from sim.futures.windows import plan_windows
from sim.units import show_usd
from tests.made.draws import BOOK, CATALOG, START, drawn, resolved
from tests.theory.forecasts import even_trace, whole_forecast

CALENDAR = Calendar(START, 2)  # 744 hours each
LAYOUT = UsageLayout.of(("own",), (("out", 1),))
STACK = (
    "deployments: {own: {kind: gpu, llm: llama-3.1-8b, gpu: h100-sxm, usd_per_gpu_hour: 2, gpus_per_node: 8}, "
    "out: {kind: api, model: gpt-6.1-sol}}\nrouting: [{to: [own, out]}]"
)


def capacity(usage: dict[tuple[str, str], float | list[float]], *, carries: float | None = 2.0, stack: str = STACK) -> Capacity:
    """One future of two months with these amounts of each month."""
    amounts = np.zeros((1, 2, len(LAYOUT)))
    for column, values in usage.items():
        amounts[0, :, LAYOUT.at(*column)] = values
    loads = (SimpleNamespace(saturation_per_s=carries), SimpleNamespace(saturation_per_s=None))
    replayed: Any = SimpleNamespace(measures=SimpleNamespace(loads=loads))
    return capacity_of(amounts, LAYOUT, resolved(stack), CALENDAR, CATALOG, replayed)


def column(found: Capacity, name: str, deployment: int = 0) -> list[float]:
    return list(getattr(found, name)[0, :, deployment])


def test_gpus_are_hours_paid_over_hours_of_the_month() -> None:
    found = capacity({("own", "paid_gpu_hours"): [8 * 744.0, 12 * 744.0]})
    assert column(found, "gpus") == [8.0, 12.0] and column(found, "nodes") == [1.0, 1.5]
    assert column(found, "gpu_hours") == [5952.0, 8928.0]


def test_weights_that_are_a_hair_off_leave_whole_gpus() -> None:
    found = capacity({("own", "paid_gpu_hours"): [8 * 744.0 * (1 + 2e-16 * k) for k in (3, -3)]})
    assert column(found, "gpus") == [8.0, 8.0] and column(found, "gpu_hours") == [5952.0, 5952.0]


def test_busy_share_is_of_the_time_that_replicas_stood_there() -> None:
    found = capacity(
        {("own", "paid_gpu_hours"): 744.0, ("own", "present_gpu_hours"): [372.0, 800.0], ("own", "busy_gpu_hours"): [93.0, 750.0]}
    )
    assert column(found, "busy_share") == [0.25, 1.0]  # never more than was paid


def test_load_is_what_is_offered_over_what_ready_replicas_carry() -> None:
    found = capacity({("own", "offered"): 1_000_000.0, ("own", "ready_replica_s"): [1e6, 2.5e6]}, carries=2.0)
    assert column(found, "load") == pytest.approx([0.5, 0.2])
    assert np.isnan(capacity({("own", "offered"): 1.0, ("own", "ready_replica_s"): 1.0}, carries=None).load).all()


def test_energy_is_that_of_idle_and_busy_hours() -> None:
    found = capacity({("own", "paid_gpu_hours"): 1000.0, ("own", "present_gpu_hours"): 800.0, ("own", "busy_gpu_hours"): [0.0, 250.0]})
    kw = CATALOG.gpu("h100-sxm").power_w / 1000
    idle = kw * IDLE_POWER_SHARE
    assert column(found, "energy_kwh") == pytest.approx([1000 * idle, 250 * kw + 750 * idle])
    assert column(capacity({}), "energy_kwh") == [0.0, 0.0]


def test_energy_of_owned_gpus_is_that_of_their_bill() -> None:
    owned = STACK.replace("usd_per_gpu_hour: 2, gpus_per_node: 8", "on_premises: {power_w: 1000, pue: 1.5, usd_per_kwh: 0.1}")
    found = capacity({("own", "paid_gpu_hours"): 100.0, ("own", "busy_gpu_hours"): [0.0, 50.0]}, stack=owned)
    assert column(found, "energy_kwh") == pytest.approx([150.0, 150.0])  # drawn all the time


def test_tokens_requests_and_levels_of_every_deployment() -> None:
    found = capacity(
        {
            ("own", "requests"): 100.0, ("own", "input_tokens"): 900.0, ("own", "cached_input_tokens"): 100.0, ("own", "output_tokens"): 50.0,
            ("own", "held"): [80.0, 0.0], ("own", "met"): [60.0, 0.0], ("out", "requests"): 7.0, ("out", "input_tokens"): 30.0,
            ("out", "cached_input_tokens"): 3.0, ("out", "output_tokens"): 4.0, ("out", "held"): 7.0, ("out", "met"): 7.0 + 1e-9,
        }
    )  # fmt: skip
    assert column(found, "requests") == [100.0, 100.0] and column(found, "requests", 1) == [7.0, 7.0]
    assert column(found, "input_tokens") == [1000.0, 1000.0] and column(found, "input_tokens", 1) == [33.0, 33.0]
    assert column(found, "output_tokens", 1) == [4.0, 4.0]
    assert column(found, "slo_share")[0] == 0.75 and np.isnan(column(found, "slo_share")[1])
    assert column(found, "slo_share", 1) == [1.0, 1.0]  # rounding is not better than all
    for name in ("gpus", "nodes", "gpu_hours", "busy_share", "load", "energy_kwh"):
        assert np.isnan(column(found, name, 1)).all(), name  # an API has none


# --- whole forecasts ---

PROFILE = (
    "profile: {step: {c_ms: 4, g_ms_at_tokens: [[1, 4], [8192, 120]], o_us_per_sequence: 20, f_ns_per_context_token: 10, "
    "h_ns_per_token_pair: 0.1}, kv_capacity_tokens: 200000}"
)
BOUGHT = f"deployments: {{own: {{kind: gpu, llm: llama-3.1-8b, gpu: h100-sxm, replicas: 2, client: none, on_premises: {{}}, {PROFILE}}}}}"
UNSTEADY = (
    "demand: {day_to_day_sigma: 0.2}\ngpu_failures: {per_1000_node_days: {default: 50}, owned_repair_h: 3}\n"
    "bill: {people: {p5: 0.8, p50: 1, p95: 1.3}}"
)


@cache
def bought() -> Forecast:
    """Two GPUs of one's own on a machine of eight, whose demand and failures vary."""
    return whole_forecast(UNSTEADY, BOUGHT, even_trace(1800.0), futures=30)


def test_the_bill_of_bought_gpus_has_power_and_a_purchase_and_no_spread() -> None:
    found = bought()
    lines = {line.item: found.usd[:, :, k] for k, line in enumerate(found.lines) if line.kind == "invoice"}
    assert set(lines) >= {"gpu_used", "gpu_idle", "gpu_spare", "gpu_power"} and "gpu_hosting" not in lines
    hours = 8 * 24.0 * np.array(found.month_days)
    pool: Any = resolved(BOUGHT).deployments[0]
    assert found.total("invoice") == pytest.approx(np.tile(hours * pool.gpu_hour.usd_per_gpu_hour, (30, 1)), rel=1e-12)
    power_w, pue = pool.upkeep.power_w, pool.upkeep.pue
    assert lines["gpu_power"] == pytest.approx(np.tile(hours * power_w / 1000 * pue * pool.upkeep.usd_per_kwh, (30, 1)), rel=1e-12)
    assert (lines["gpu_used"].std(axis=0) > 0).all()  # demand moves money between lines, not their sum


def test_rounding_is_attributed_to_nobody() -> None:
    found = bought()
    assert {each.kind for each in found.hazards} == {"gpu_failure"}
    assert found.remainder is None and [each.share for each in found.drivers] == [0.0] * len(found.drivers)
    assert found.tco_remainder is not None and max(each.share for each in found.tco_drivers) > 0.5
    assert (found.capacity.gpus == 8.0).all() and (found.capacity.nodes == 1.0).all()


def test_what_is_bought_is_said() -> None:
    (paid,) = resolved(BOUGHT).costs.upfronts
    assert any(note.startswith(f"own: its GPUs cost {show_usd(paid.usd)} before the first hour") for note in bought().notes)


def test_lines_add_up_to_totals_in_every_future_and_month() -> None:
    found = bought()
    for kinds in (("invoice",), ("invoice", "tco")):
        chosen = [k for k, line in enumerate(found.lines) if line.kind in kinds]
        total = found.total(kinds[-1])  # type: ignore[arg-type]
        assert total == pytest.approx(found.usd[:, :, chosen].sum(axis=2), rel=1e-13)
    assert (found.usd >= 0).all() and (found.usage >= 0).all()


def test_cells_say_what_exact_days_do_where_nothing_bends() -> None:
    """An API that takes everything: a day costs its demand, at levels between those that were replayed."""
    stack = resolved(
        "deployments: {api: {kind: api, model: gpt-6.1-sol, limits: [], client: none, latency: {ttft: {median_s: 0.4, sigma: 0.1}}}}"
    )
    trace = even_trace()
    plan = plan_windows(trace, stack, seed=1, shape=None, strict=False)
    cells = Cells(stack, trace, catalog=CATALOG, book=BOOK, seed=1, plan=plan)
    draws = drawn("demand: {day_to_day_sigma: 0.2}", stack, months=1, futures=6)
    evaluator = Evaluator(stack, CATALOG, BOOK, cells, surfaces(cells, draws), build_library(cells, draws))
    found = accuracy_of(evaluator, draws, seed=1, workers=1)
    assert found.days > 5 and found.usd_rms is not None
    assert found.usd_rms < 0.05 and abs(found.usd_bias or 0.0) < 0.03 and found.slo_rms == pytest.approx(0.0, abs=1e-9)
    # Told of twice the amounts, it says so.
    curves = evaluator.surfaces
    assert curves is not None
    twice = replace(curves, own={k: replace(curve, amounts=2 * curve.amounts) for k, curve in curves.own.items()})
    doubled = accuracy_of(replace(evaluator, surfaces=twice), draws, seed=1, workers=1)
    assert doubled.usd_bias == pytest.approx(1.0, abs=0.1)
