"""What gates are held to, against formulas: the worst month, differences of paired futures and their shares of BASE, probabilities."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from sim.futures.bands import band
from sim.futures.forecast import Forecast
from sim.planning.gate_grammar import parse_gate
from sim.planning.gate_values import Side, measure
from sim.planning.gates import Measured
from tests.made.ahead import ahead
from tests.made.forecast import forecast

F, M = 60, 3
RANDOM = np.random.default_rng(7)
BASE_USD = 1000.0 * np.exp(0.3 * RANDOM.standard_normal((F, 1))) * np.array([1.0, 1.5, 1.2])
EXTRA_USD = np.abs(RANDOM.standard_normal((F, M))) * np.array([50.0, 10.0, 80.0])
PEOPLE_USD = 300.0


def months(usd: Any, **changed: Any) -> Forecast:
    lines = {("own", "gpu_used", "invoice"): usd, ("shared", "people_ml", "tco"): PEOPLE_USD}
    return forecast(lines, futures=F, months=M, **{"window_se": 0.0, **changed})  # type: ignore[arg-type]


def side(ahead: Forecast) -> Side:
    """A side of which only months are asked."""
    return Side(None, ahead)  # type: ignore[arg-type]


BASE, HEAD = side(months(BASE_USD)), side(months(BASE_USD + EXTRA_USD))


def found(text: str, head: Side = HEAD, base: Side | None = BASE) -> Measured:
    return measure(parse_gate(f"{text} > 0", pair=True), head, base)


def relative(text: str, head: Side = HEAD, base: Side = BASE) -> Measured:
    return measure(parse_gate(f"{text} > 5%", pair=True), head, base)


@pytest.mark.parametrize("edge", ["p5", "p50", "p95", "mean"])
def test_a_month_is_the_dearest_of_that_edge(edge: str) -> None:
    tco = BASE_USD + EXTRA_USD + PEOPLE_USD
    each = [getattr(band(tco[:, m]), edge) for m in range(M)]
    got = found(f"monthly.tco_usd.{edge}")
    assert got.value == pytest.approx(max(each), rel=1e-12)
    assert HEAD.ahead is not None and got.month == HEAD.ahead.months[int(np.argmax(each))]
    worst = band(tco[:, int(np.argmax(each))])
    assert got.se == pytest.approx(worst.se if edge == "mean" else getattr(worst, f"se_{edge}"), rel=1e-9)


def test_a_total_is_that_of_all_months() -> None:
    total = (BASE_USD + EXTRA_USD).sum(axis=1)
    got = found("total.invoice_usd.p95")
    assert got.value == pytest.approx(band(total).p95, rel=1e-12) and got.month == ""
    assert found("total.tco_usd.mean").value == pytest.approx(total.mean() + M * PEOPLE_USD, rel=1e-12)


@pytest.mark.parametrize("edge", ["p5", "p50", "p95", "mean"])
def test_a_difference_is_taken_in_each_future_first(edge: str) -> None:
    assert found(f"delta.total.tco_usd.{edge}").value == pytest.approx(getattr(band(EXTRA_USD.sum(axis=1)), edge), rel=1e-9)
    each = [getattr(band(EXTRA_USD[:, m]), edge) for m in range(M)]
    assert found(f"delta.monthly.invoice_usd.{edge}").value == pytest.approx(max(each), rel=1e-9)


@pytest.mark.parametrize("edge", ["p5", "p50", "p95", "mean"])
def test_a_share_of_base_is_taken_in_each_future_first(edge: str) -> None:
    share = EXTRA_USD.sum(axis=1) / (BASE_USD + PEOPLE_USD).sum(axis=1)
    assert relative(f"delta.total.tco_usd.{edge}").value == pytest.approx(getattr(band(share), edge), rel=1e-9)


def test_the_error_of_windows_is_in_the_error_of_a_gate() -> None:
    base, head = side(months(BASE_USD, window_se=0.01)), side(months(BASE_USD + EXTRA_USD, window_se=0.01))
    mean = [float((BASE_USD + more).sum(axis=1).mean()) for more in (0.0 * EXTRA_USD, EXTRA_USD)]
    apart = band(EXTRA_USD.sum(axis=1))
    expected = math.sqrt(apart.se**2 + (0.01 * mean[0]) ** 2 + (0.01 * mean[1]) ** 2)
    assert found("delta.total.tco_usd.mean", head, base).se == pytest.approx(expected, rel=1e-9)
    own = band((BASE_USD + EXTRA_USD).sum(axis=1))
    assert found("total.invoice_usd.p50", head).se == pytest.approx(math.hypot(own.se_p50, 0.01 * own.p50), rel=1e-9)


@pytest.mark.parametrize("figure", ["total.tco_usd.p95", "monthly.invoice_usd.p50", "monthly.gpus.p95", "total.gpu_hours.mean", "monthly.load.p95",
                                    "monthly.good_share.p5", "p_slo_met", "monthly.p_slo_met", "months_at_risk"])  # fmt: skip
def test_the_same_is_no_difference_and_no_error(figure: str) -> None:
    same = side(ahead(futures=50))
    for got in (found(f"delta.{figure}", same, same), relative(f"delta.{figure}", same, same)):
        assert got.value == 0.0 and not got.se
    assert found("p_dearer", same, same).value == 0.5


def test_less_than_half_a_cent_is_no_difference() -> None:
    assert found("delta.total.tco_usd.p95", side(months(BASE_USD + 0.001)), BASE).value == 0.0


def test_what_was_nothing_has_no_share() -> None:
    nothing, something = side(months(0.0)), side(months(EXTRA_USD))
    assert relative("delta.total.invoice_usd.p50", something, nothing).value == math.inf
    assert relative("delta.total.invoice_usd.p50", nothing, something).value == pytest.approx(-1.0)
    assert relative("delta.total.invoice_usd.p50", nothing, nothing).value == 0.0


def test_gpus_hours_and_load_are_of_all_pools_and_of_the_fullest() -> None:
    made = ahead(futures=50)
    gpus, hours, load = made.capacity.gpus, made.capacity.gpu_hours, made.capacity.load
    doubled = np.stack([gpus[:, :, 0], 2 * gpus[:, :, 0]], axis=2)
    loads = np.stack([load[:, :, 0], 0.5 * load[:, :, 0]], axis=2)
    two = side(ahead(futures=50, capacity=replaced(made, gpus=doubled, load=loads)))
    months_of = [band(3 * gpus[:, m, 0]).p95 for m in range(12)]
    assert found("monthly.gpus.p95", two).value == pytest.approx(max(months_of), rel=1e-12)
    assert found("total.gpu_hours.p50", two).value == pytest.approx(band(np.nansum(hours, axis=(1, 2))).p50, rel=1e-12)
    fullest = [band(load[:, m, 0]).p95 for m in range(12)]
    assert found("monthly.load.p95", two).value == pytest.approx(max(fullest), rel=1e-12)
    nothing = side(ahead(futures=50, capacity=replaced(made, load=np.full_like(load, np.nan))))
    assert found("monthly.load.p95", nothing).value is None


def replaced(made: Forecast, **changed: Any) -> Any:
    from dataclasses import replace

    return replace(made.capacity, **changed)


def test_good_share_is_that_of_the_worst_month() -> None:
    good = np.array([0.99, 0.9, 0.95]) - 0.01 * RANDOM.random((F, M))
    good[0, 1] = np.nan  # a month of a future without requests
    made = side(months(BASE_USD, good_share=good))
    got = found("monthly.good_share.p5", made)
    assert got.value == pytest.approx(band(good[1:, 1]).p5, rel=1e-9) and made.ahead is not None and got.month == made.ahead.months[1]


def test_probabilities_are_shares_of_futures_with_wilsons_error() -> None:
    met = RANDOM.random((F, M)) < np.array([0.99, 0.7, 0.9])
    made, always = side(months(BASE_USD, met=met)), side(months(BASE_USD, met=True))
    p = float(met.all(axis=1).mean())
    got = found("p_slo_met", made)
    assert got.value == p
    assert got.se == pytest.approx(math.sqrt(p * (1 - p) / F + 0.25 / F**2) / (1 + 1 / F), rel=1e-12)
    assert found("monthly.p_slo_met", made).value == met.mean(axis=0).min()
    assert found("months_at_risk", made).value == sum(1 - met.mean(axis=0) > 0.05)
    apart = met.all(axis=1).astype(float) - 1.0
    fall = found("delta.p_slo_met", made, always)
    assert fall.value == pytest.approx(p - 1.0) and fall.se == pytest.approx(apart.std(ddof=1) / math.sqrt(F), rel=1e-9)
    assert relative("delta.p_slo_met", made, always).value == pytest.approx(p - 1.0)
    assert found("delta.monthly.p_slo_met", made, always).value == pytest.approx(met.mean(axis=0).min() - 1.0)


def test_p_dearer_is_the_share_of_futures_in_which_head_costs_more() -> None:
    swing = np.where(np.arange(F)[:, None] < 15, -20.0, 20.0)
    head = side(months(BASE_USD + swing))
    assert found("p_dearer", head).value == pytest.approx(45 / F)
    assert found("p_dearer_invoice", head).value == pytest.approx(45 / F)
    assert found("p_dearer").value == 1.0
