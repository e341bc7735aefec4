"""Calls of the Python interface as mypy must see them: what they take, what they give, and what it refuses (an ignore must be needed)."""

from __future__ import annotations

from pathlib import Path
from typing import assert_type

import pandas as pd

import sim
from sim.futures.forecast import Band
from sim.results.compare_result import CompareResult
from sim.results.plan_result import PlanResult
from sim.results.run_result import ForecastResult, SimulateResult
from sim.results.stack import Stack
from sim.results.sweep_result import SweepResult
from sim.trace import Trace


def calls() -> None:
    """Never run."""
    trace = assert_type(sim.read_trace("trace.parquet"), Trace)
    stack = assert_type(sim.load_stack("hybrid", {"slo.ttft_p95": "2s", "routing.cooldown": 3}, date="2026-11-21"), Stack)
    sim.load_stack(terraform=Path("plan.json"), kubernetes=["manifests"])

    replay = assert_type(sim.simulate(trace, stack, seed=1, events="events.yaml", log=True), SimulateResult)
    sim.simulate(Path("trace.parquet"), "hybrid", closed_loop=8, think="2s", settings=["slo.ttft_p95=2s"])
    assert_type(replay.latency, pd.DataFrame)
    assert_type(replay.requests, pd.DataFrame | None)
    assert_type(replay.usd_per_month, float | None)
    assert_type(replay.save(), Path)

    ahead = assert_type(sim.forecast(trace, "hybrid", months=6, budget="90k", outlook="stress", workers=2), ForecastResult)
    assert_type(ahead.tco_usd, Band)
    assert_type(ahead.p_over_budget, float | None)
    assert_type(ahead.monthly, pd.DataFrame)

    pair = assert_type(sim.compare(trace, ["api-first", stack], fail_if=["monthly.tco_usd.p95 > 120k"]), CompareResult)
    assert_type(pair.runs["api-first"], ForecastResult)
    assert_type(pair.cheapest, str)

    grid = assert_type(sim.sweep(trace, stack, {"deployments.own.replicas.count": range(1, 9)}, gpus="2:8:2"), SweepResult)
    assert_type(grid.rows, pd.DataFrame)

    found = assert_type(sim.plan(trace, ["ttft_p95 <= 3s"], space="default", confidence=0.9, redundancy="node"), PlanResult)
    assert_type(found.stack, Stack | None)

    sim.simulate(trace, stack, 1)  # type: ignore[call-arg, arg-type]
    sim.simulate(trace, stack, seed="1")  # type: ignore[arg-type]
    sim.forecast(trace, stack, month=6)  # type: ignore[call-arg]
    sim.simulation(trace)  # type: ignore[attr-defined]
    ahead.seed = 1  # type: ignore[attr-defined]
    ahead.report = replay.report  # type: ignore[misc]
