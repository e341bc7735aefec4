"""Parts of pages at their edges: many points, totals that hardly differ, futures of any number, hours that the trace covers in part."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from sim.report.html.compare_page import _months
from sim.report.html.money_parts import fan
from sim.report.html.page import LARGEST_BYTES
from sim.report.html.points_parts import Dot, cloud
from sim.report.html.spread_parts import spread
from sim.report.html.time_parts import gpus_by_month, load_by_hour

BAND = {"p5": 1.0, "p50": 2.0, "p95": 3.0}


def summary_of(usd: float) -> dict[str, Any]:
    band = {"p5": usd, "p50": usd, "p95": usd}
    return {"total": {"invoice_usd": band, "tco_usd": band}, "budget": None}


def test_a_cloud_of_many_points_stays_small_and_keeps_its_front() -> None:
    dots = [Dot(f"gpus {k}", 100.0 + k, float(k), k % 2 == 0, on_front=k % 500 == 7) for k in range(20_000)]
    drawn = cloud("front", "Cost against TTFT", dots, "TTFT", "s")
    assert len(drawn) < LARGEST_BYTES / 3
    assert all(f"gpus {k}<" in drawn for k in range(7, 20_000, 500))
    assert "300 of 20,000 points are drawn" in drawn
    assert "points are drawn" not in cloud("front", "Cost against TTFT", dots[:300], "TTFT", "s")
    every_one_on_it = [Dot(f"gpus {k}", 100.0 + k, float(k), True, on_front=True) for k in range(1000)]
    assert cloud("front", "Cost against TTFT", every_one_on_it, "TTFT", "s").count("<tr>") == 301


def test_totals_that_differ_by_rounding_alone_have_no_histogram() -> None:
    usd = np.array([1e5, np.nextafter(1e5, 2e5)] * 20)
    draws = {"future": np.arange(40.0), "invoice_usd": usd, "tco_usd": usd}
    assert spread(draws, summary_of(1e5)) == ""
    draws["tco_usd"] = usd + np.arange(40.0)
    assert spread(draws, summary_of(1e5)).count("<figure") == 1
    assert spread({name: np.zeros(40) for name in draws}, summary_of(0.0)) == ""


def test_futures_may_have_any_number() -> None:
    usd = np.linspace(10.0, 20.0, 40)
    few, far = ({"future": np.arange(40.0) * step, "invoice_usd": usd, "tco_usd": usd} for step in (1, 1e13))
    assert spread(few, summary_of(15.0)) == spread(far, summary_of(15.0)) != ""


def test_the_last_hour_is_as_long_as_the_trace_goes_on_in_it() -> None:
    start_s = np.arange(0.0, 9000.0, 60.0)
    table = {"start_s": start_s, "deployment": ["main"] * len(start_s), "arrivals": np.full(len(start_s), 120.0)}
    found = {"deployments": {"main": {"kind": "api"}}, "trace": {"duration_s": 9000.0}, "window_s": 9000.0}
    cells = re.findall(r"<td class=h\d+>([^<]*)", load_by_hour(table, found))
    assert cells == ["2", "2", "2"]


def test_an_invoice_that_the_tco_dwarfs_has_a_scale_of_its_own() -> None:
    def drawn(times: float) -> str:
        tco = {edge: usd * times for edge, usd in BAND.items()}
        monthly = [{"month": month, "invoice_usd": BAND, "tco_usd": tco, "incident_hours": None} for month in ("2026-11", "2026-12")]
        return fan({"monthly": monthly, "forecast": {}, "slo": {"by_month": []}, "budget": None})

    near, far = drawn(19.0), drawn(21.0)
    assert near.count("<svg") == 1 and far.count("<svg") == 2
    assert "<h4>TCO, USD a month</h4>" in far and not re.search("<g [^>]* hidden", near + far)


def test_pools_that_are_not_drawn_are_told() -> None:
    pools = [f"pool-{k}" for k in range(6)]
    values = {f"{key}_{edge}": np.ones(6) for key in ("gpus", "load") for edge in ("p50", "p95")}
    capacity = {"month": ["2026-11"] * 6, "deployment": pools, **values}
    assert "2 more pools are in capacity.csv" in gpus_by_month(capacity, {"deployments": {each: {"kind": "gpu"} for each in pools}})
    assert "more pool" not in gpus_by_month(capacity, {"deployments": {each: {"kind": "gpu"} for each in pools[:4]}})


def test_pairs_that_cross_in_the_same_month_are_all_marked() -> None:
    monthly = [{"tco_usd": BAND, "invoice_usd": BAND}] * 3
    stacks = {f"stack-{k}": {"monthly": monthly} for k in range(9)}
    pairs = [{"a": "stack-0", "b": f"stack-{k}", "run_rate_crossover_month": 2} for k in (1, 2)]
    drawn = _months({"months": ["2026-11", "2026-12", "2027-01"], "stacks": stacks, "pairs": pairs})
    assert ">stack-0 and stack-1 cross<" in drawn and ">stack-0 and stack-2 cross<" in drawn
    assert 'class="c7"' in drawn and 'class="c8"' not in drawn
