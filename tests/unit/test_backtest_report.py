"""A backtest in words, tables and JSON: what is inside the bands, what only one side has, and that nothing of the bill is lost."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest

from sim.futures.forecast import Forecast
from sim.planning.backtest import backtest
from sim.planning.invoices import Paid
from sim.report.backtest_report import BacktestReport, backtest_answer, backtest_json, backtest_markdown, backtest_sections, backtest_text
from sim.report.run_report import TraceSummary
from tests.made.forecast import forecast

MONTHS = ("2026-11", "2026-12", "2027-01")


def made(months: int = 3) -> Forecast:
    """GPUs of 1,000 USD a month give or take 50, and tokens of 500 give or take 100."""
    random = np.random.default_rng(1)
    lines: Any = {
        ("own", "gpu_used", "invoice"): random.normal(1000, 50, (200, months)),
        ("api", "api_input", "invoice"): random.normal(500, 100, (200, months)),
        ("shared", "people_devops", "tco"): 300.0,
    }
    return forecast(lines, futures=200, months=months, stack="hybrid", assumed=("growth of demand",))


def report(*paid: Paid, months: int = 3) -> BacktestReport:
    found = made(months)
    return BacktestReport(
        TraceSummary("bursty", "0" * 64, 1000, 86_400.0, 1, 1, (), 1), "hybrid", "2026-11-21", "bill.csv", backtest(found, paid), found
    )


def whole(factor: float = 1.0) -> list[Paid]:
    return [Paid(month, line, "", usd * factor) for month in MONTHS for line, usd in (("own", 1000.0), ("api_input", 500.0))]


def section(found: BacktestReport, title: str) -> Any:
    return next((each for each in backtest_sections(found) if each.title == title), None)


def test_a_bill_inside_the_band_is_said_to_be() -> None:
    found = report(*whole())
    said = backtest_answer(found)
    assert said.startswith("$4,500 was paid in 2026-11 to 2027-01 where $4,")
    assert "inside the band" in said
    assert "Of 6 amounts paid, by line and month, 6 are inside the band from p5 to p95 (100 %; about 90 % would be" in said
    assert "does not have" not in said
    assert not section(found, "Not predicted").rows and not section(found, "Not billed").rows


@pytest.mark.parametrize(("factor", "where", "how"), [(1.5, "above", "33.3 % too low"), (0.5, "below", "100 % too high")])
def test_a_bill_outside_of_the_band_is_said_with_how_far(factor: float, where: str, how: str) -> None:
    found = report(*whole(factor))
    assert found.found.total is not None and found.found.total.relative_error is not None
    off = abs(found.found.total.relative_error)
    said = backtest_answer(found)
    assert f"{where} the band, and the prediction is" in said and how.split(" %")[1] in said
    assert off == pytest.approx(float(how.split(" ")[0]) / 100, abs=0.02)
    assert {row[-1] for row in section(found, "Invoice").rows} == {where}


def test_lines_hold_their_months_and_add_up() -> None:
    found = report(*whole(), Paid("2026-11", "support", "", 70.0))
    lines = {each.line: each for each in found.lines}
    assert [each.line for each in found.lines] == ["own/gpu_used", "api/api_input"]
    assert lines["own/gpu_used"].months == 3 and lines["own/gpu_used"].paid_usd == 3000
    assert lines["own/gpu_used"].predicted_usd == pytest.approx(found.forecast.usd[:, :, 0].sum(axis=1).mean())
    data = json.loads(backtest_json(found))
    assert math.fsum(row["paid_usd"] for row in data["rows"]) + 70 == data["total"]["paid_usd"]
    assert data["matched_total"]["paid_usd"] == 4500
    assert data["coverage_share"] == sum(row["inside"] for row in data["rows"]) / 6
    assert data["not_predicted"] == [{"month": "2026-11", "line": "support", "deployment": None, "usd": 70.0}]


def test_what_only_one_side_has_is_listed() -> None:
    found = report(
        Paid("2026-11", "gpu_used", "own", 990.0), Paid("2026-12", "support", "eu", 60.0), Paid("2027-01", "support", "eu", 10.5)
    )
    assert section(found, "Not predicted").rows == [("eu/support", "$70.50", "2: 2026-12 to 2027-01")]
    notes = section(found, "Not predicted").notes[0]
    assert "gpu_used, api_input" in notes and "own, api" in notes and "people" not in notes
    assert section(found, "Not billed").rows[0][0] == "api/api_input"
    assert "$70.50 of the bill is for 1 line that the forecast does not have." in backtest_answer(found)


def test_a_bill_without_any_known_line() -> None:
    found = report(Paid("2026-11", "support", "", 60.0))
    assert json.loads(backtest_json(found))["coverage_share"] is None
    assert "amounts paid" not in backtest_answer(found)
    assert backtest_text(found)


def test_long_bills_show_what_is_outside() -> None:
    months = 48
    names = made(months).months
    paid = [Paid(month, line, "", 1000.0 if line == "gpu_used" else 1500.0) for month in names for line in ("gpu_used", "api_input")]
    found = report(*paid, months=months)
    shown = section(found, "Line by month")
    outside = sum(not row.inside for row in found.found.rows)
    assert outside >= 48 and len(shown.rows) == 36
    assert shown.notes == ["The 36 that are furthest off, of 96; --format json has them all."]
    calm = report(*(Paid(month, "gpu_used", "", 1000.0) for month in names), Paid(names[0], "api_input", "", 1.0), months=months)
    assert [row[0] for row in section(calm, "Line by month").rows] == [f"{names[0]} api/api_input"]
    assert section(calm, "Line by month").notes == ["The other 48 are inside their bands; --format json has them all."]


def test_80_columns_and_no_steering() -> None:
    found = report(*whole(1e6), Paid("2026-11", "\x1b[2J" + "long name " * 12, "<b>", 1e12))
    text = backtest_text(found)
    assert max(map(len, text.splitlines())) <= 80 and "\x1b" not in text
    assert "<b>" not in backtest_markdown(found) and "\x1b" not in backtest_markdown(found)
