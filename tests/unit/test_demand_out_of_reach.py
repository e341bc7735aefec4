"""Demand that grows beyond what can be replayed: the months are forecast all the same, and the run says what they leave out."""

from __future__ import annotations

import numpy as np
import pytest

from sim.futures import window_plan
from sim.futures.windows import plan_windows
from tests.made.draws import resolved
from tests.theory.forecasts import FREE, even_trace, whole_forecast

FAST = "demand: {growth_per_month: 100%}"


def test_memory_and_patience_bound_the_levels_of_a_trace() -> None:
    plan = plan_windows(even_trace(), resolved(FREE))  # 288 requests a day
    assert plan.most_level == pytest.approx(4e6 / 288)
    few = plan_windows(even_trace(10.0, days=20.0), resolved(FREE), budget_rows=20_000)
    largest, total = few.facts[:, 1].max(), few.facts[:, 1].sum()
    assert not few.contiguous and few.most_level == pytest.approx(min(4e6 / largest, 2e7 / total))


def test_no_trace_is_replayed_at_less_than_its_own_demand(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(window_plan, "_MOST_AT_ONCE", 1.0)
    assert plan_windows(even_trace(), resolved(FREE)).most_level == 1.0


def test_demand_out_of_reach_counts_as_the_most_there_is_and_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    free = whole_forecast(FAST, futures=20, months=4)
    assert not any("replayed: they count" in note for note in free.notes)
    monkeypatch.setattr(window_plan, "_MOST_AT_ONCE", 576.0)
    found = whole_forecast(FAST, futures=20, months=4)
    a_day = found.total("invoice") / np.array(found.month_days)
    assert a_day / a_day[:, :1] == pytest.approx(np.tile([1.0, 2.0, 2.0, 2.0], (20, 1)), rel=1e-9)
    share = sum(found.month_days[1:]) / sum(found.month_days)
    said = [note for note in found.notes if "replayed: they count" in note]
    assert len(said) == 1 and said[0].startswith(f"on {100 * share:.1f} % of the days demand is 2 times that of the trace or more")
