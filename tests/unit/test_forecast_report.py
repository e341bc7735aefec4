"""Months in a report: figures that add up in text, JSON and tables, 80 columns at any horizon, and the answer in plain words."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sim.futures.forecast import Accuracy, Driver, Forecast, HazardEffect, LineName
from sim.report import forecast_tables, run_tables
from sim.report.amounts import about, chance, column_usd, error, item_name
from sim.report.forecast_answer import answer_of
from sim.report.forecast_report import ForecastReport
from sim.report.forecast_sections import forecast_sections
from sim.report.run_report import RunReport
from sim.report.run_sections import run_sections
from sim.report.run_text import run_markdown, run_text
from sim.report.summary import summary, summary_json
from tests.made.ahead import ahead
from tests.unit.test_report_run import Ran


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    return Ran(tmp_path_factory.mktemp("world"))


def report(ran: Ran, found: Forecast, budget_usd: float | None = None) -> RunReport:
    return replace(ran.report, ahead=ForecastReport(found, budget_usd))


def answer_to(ran: Ran, found: Forecast, budget_usd: float | None = None) -> str:
    return answer_of(report(ran, found, budget_usd))


def section(ran: Ran, found: Forecast, title: str, budget_usd: float | None = None) -> Any:
    whole = report(ran, found, budget_usd)
    assert whole.ahead is not None
    return next(each for each in forecast_sections(whole, whole.ahead, run_sections(whole)) if each.title == title)


def test_lines_and_months_add_up_in_the_mean(ran: Ran) -> None:
    found = ahead()
    data = summary(report(ran, found))
    for period in (*data["monthly"], data["total"]):
        sums = {kind: math.fsum(line["mean"] for line in period["lines"] if line["kind"] == kind) for kind in ("invoice", "tco", "apart")}
        assert period["invoice_usd"]["mean"] == pytest.approx(sums["invoice"], rel=1e-12)
        assert period["tco_usd"]["mean"] == pytest.approx(sums["invoice"] + sums["tco"], rel=1e-12)
        assert sums["apart"] > 0
    for kind in ("invoice_usd", "tco_usd"):
        assert math.fsum(month[kind]["mean"] for month in data["monthly"]) == pytest.approx(data["total"][kind]["mean"], rel=1e-12)
    assert data["total"]["invoice_usd"]["mean"] == pytest.approx(found.usd[:, :, :4].sum() / found.futures)


def test_later_months_are_worth_less_where_a_rate_is_given(ran: Ran) -> None:
    found = ahead()
    assert summary(report(ran, found))["total"]["tco_usd"]["present_value_mean"] is None
    for rate in (0.0, 0.1):
        data = summary(report(ran, replace(found, discount_rate_per_year=rate)))
        for kind in ("invoice_usd", "tco_usd"):
            expected = math.fsum(month[kind]["mean"] / (1 + rate) ** (m / 12) for m, month in enumerate(data["monthly"]))
            assert data["total"][kind]["present_value_mean"] == pytest.approx(expected, rel=1e-12)
        assert data["total"]["tco_usd"]["mean"] == summary(report(ran, found))["total"]["tco_usd"]["mean"]


def test_percentiles_do_not_add_up_and_are_those_of_the_sums(ran: Ran) -> None:
    """Months that vary on their own even out over a year: the year's band is narrower than the sum of the months' bands."""
    own = np.random.default_rng(3).lognormal(0.0, 0.5, (2000, 12))
    found = ahead(futures=2000)
    found = replace(found, usd=np.where(np.arange(7) == 0, own[:, :, None] * 1000, 0.0))
    data = summary(report(ran, found))
    year = data["total"]["invoice_usd"]
    assert sum(month["invoice_usd"]["p95"] for month in data["monthly"]) > 1.3 * year["p95"]
    assert year["p95"] == pytest.approx(np.quantile(own.sum(axis=1) * 1000, 0.95), rel=0.01)


def test_bands_are_in_order_and_have_errors(ran: Ran) -> None:
    data = summary(report(ran, ahead()))
    bands = [data["total"][kind] for kind in ("invoice_usd", "tco_usd")]
    bands += [month[kind] for month in data["monthly"] for kind in ("invoice_usd", "tco_usd")]
    for band in bands:
        assert band["p5"] <= band["p50"] <= band["p95"]
        assert min(band["se"], band["se_p5"], band["se_p50"], band["se_p95"]) > 0


def test_the_error_of_windows_is_in_every_error_of_money_once(ran: Ran) -> None:
    plain, windowed = (ForecastReport(ahead(window_se=se), 50_000.0) for se in (0.0, 0.05))
    for without, line in zip(plain.lines, windowed.lines, strict=True):
        for one, other in ((without.total, line.total), *zip(without.monthly, line.monthly, strict=True)):
            added = 0.05 * one.mean if line.name.kind == "invoice" else 0.0
            assert other.se == pytest.approx(math.hypot(one.se, added), rel=1e-12)
    # Of the total cost of ownership they move what the invoice is of it.
    of_invoice = windowed.total["invoice"].mean / windowed.total["tco"].mean
    for of, part in (("invoice", 1.0), ("tco", of_invoice)):
        before, after = plain.shortfall[of].se, windowed.shortfall[of]  # type: ignore[index]
        assert after.se == pytest.approx(math.hypot(before, 0.05 * part * after.usd), rel=1e-9)
    share = 0.05 * plain.total["invoice"].mean
    for kind in ("invoice", "tco"):
        assert windowed.total[kind].se ** 2 == pytest.approx(plain.total[kind].se ** 2 + share**2)
        assert windowed.total[kind].mean == plain.total[kind].mean


def test_an_outlook_without_spread_has_bands_without_width(ran: Ran) -> None:
    found = ahead(spread=0.0, window_se=0.0, met=True)
    data = summary(report(ran, found))
    for period in (*data["monthly"], data["total"]):
        for kind in ("invoice_usd", "tco_usd"):
            band = period[kind]
            assert band["mean"] == band["p5"] == band["p50"] == band["p95"]
            assert band["se"] == band["se_p95"] == 0
    assert "(p5" not in answer_to(ran, found)
    assert "met in every month of every future" in answer_to(ran, found)


def test_budget_and_shortfall_are_those_of_the_draws(ran: Ran) -> None:
    found = ahead(futures=200, window_se=0.0)
    total = found.usd[:, :, :4].sum(axis=(1, 2))
    usd = float(np.sort(total)[150])
    data = summary(report(ran, found, usd - 1.0))
    over = total > usd - 1.0
    assert data["budget"]["invoice"]["p_exceed"] == np.mean(over) == 0.25
    assert data["budget"]["invoice"]["excess_if_exceeded_usd"] == pytest.approx(np.mean(total[over] - usd + 1.0))
    assert data["budget"]["tco"]["p_exceed"] == 1.0
    assert data["total"]["invoice_usd"]["expected_shortfall"] == pytest.approx(np.sort(total)[-10:].mean())
    spent = [each["spent_share"] for each in data["budget"]["by_month"]]
    assert spent == sorted(spent) and spent[0] == 0 and spent[-1] == 0.25
    assert "The budget of $" in data["answer"] and "is exceeded in 25 % of futures, then by $" in data["answer"]
    assert "is exceeded in 0 % of futures. " in answer_to(ran, found, 1e9)
    rows = dict(section(ran, found, "Budget", usd / 3).rows)
    assert "in most futures it is spent in 2027-0" in rows["Budget"] and "The TCO exceeds it in 100 %." in rows["Budget"]


def missed(shares: list[float], futures: int = 100) -> Forecast:
    met = np.arange(futures)[:, None] >= futures * np.array(shares)
    return ahead(len(shares), futures, met=met)


@pytest.mark.parametrize(
    ("shares", "said"),
    [
        ([0.0, 0.0], "Its service levels are met in every month of every future."),
        ([0.01, 0.05], "Its service levels are met in every month, each in at least 95 % of futures."),
        ([0.01, 0.06, 0.2], "at risk in 2 of 3 months, first in 2026-12: missed in 20 % of futures in 2027-01."),
        ([0.6, 0.9], "Its service levels are missed in every month: missed in 90 % of futures in 2026-12."),
        ([0.2], "Its service levels are at risk in 2026-11: missed in 20 % of futures."),
    ],
)
def test_the_answer_about_service_levels(ran: Ran, shares: list[float], said: str) -> None:
    assert said in answer_to(ran, missed(shares))


def test_the_answer_names_both_totals(ran: Ran) -> None:
    said = answer_to(ran, ahead())
    assert said.startswith("small serves trace for $")
    assert " over 12 months, 2026-11 to 2027-10 (p5 $" in said and " with people and all else that suppliers do not charge (p5 $" in said
    found = ahead()
    bare = replace(found, usd=found.usd[:, :, :4], lines=found.lines[:4])
    assert "people" not in answer_to(ran, bare)


def test_service_levels_by_month(ran: Ran) -> None:
    data = summary(report(ran, missed([0.0, 0.05, 0.5])))
    months = data["slo"]["by_month"]
    assert [each["missed_share"] for each in months] == pytest.approx([0.0, 0.05, 0.5])
    assert [each["at_risk"] for each in months] == [False, False, True]
    assert all(each["missed_share_se"] > 0 for each in months)
    assert months[0]["good_share"]["p5"] <= months[0]["good_share"]["p95"] <= 1
    assert data["slo"]["levels"].keys() == {"ttft_p95", "tpot_p95", "completed"}  # of the replay, as ever


def test_months_at_risk_in_a_row_are_told_as_one(ran: Ran) -> None:
    (_, note) = section(ran, missed([0.0, 0.1, 0.2, 0.3, 0.0, 0.1]), "Service ahead").notes
    assert note == "Months at risk (missed in more than 5 % of futures): 2026-12 to 2027-02, 2027-04."
    (_, note) = section(ran, missed([0.1, 0.0] * 12), "Service ahead").notes
    assert note.endswith("2027-11, 2028-01 and 4 more.")


def test_what_no_future_shows_is_null(ran: Ran) -> None:
    found = ahead(good_share=np.nan, met=False, tail_resolved=False, remainder=None, drivers=(), tco_drivers=(), tco_remainder=None)
    found = replace(found, slo=replace(found.slo, ttft_p95_s=np.full((400, 12), np.inf)))
    data = json.loads(summary_json(report(ran, found)), parse_constant=pytest.fail)
    month = data["slo"]["by_month"][0]
    assert month["good_share"]["mean"] is None and month["ttft_p95_s"]["p50"] is None and month["tpot_p95_s"]["p50"] > 0
    assert data["drivers"] == [] and data["drivers_remainder"] is None
    text = run_text(report(ran, found))
    assert "p99 of latencies is not resolved" in text and "Spread" not in text


def test_the_total_counts_futures_with_any_month_missed(ran: Ran) -> None:
    """Of 400 futures 40 miss the first month, other 20 the last, 10 of the 40 both: 60 in all, and no mean of months."""
    met = np.ones((400, 12), bool)
    met[:40, 0] = met[30:60, 11] = False
    found = ahead()
    whole = report(ran, replace(found, slo=replace(found.slo, met=met)))
    (row,) = [line for line in run_text(whole).splitlines() if line.startswith("Total  ")]
    assert row.split()[-2:] == ["15", "%"]
    months = json.loads(summary_json(whole))["slo"]["by_month"]
    assert [month["missed_share"] for month in months] == pytest.approx([0.1, *[0.0] * 10, 0.075])


def test_one_future_has_no_errors(ran: Ran) -> None:
    whole = report(ran, ahead(3, 1, window_se=0.0), 10_000.0)
    data = json.loads(summary_json(whole), parse_constant=pytest.fail)
    assert data["total"]["invoice_usd"]["se"] is None
    assert max(map(len, run_text(whole).splitlines())) <= 80


@pytest.mark.parametrize("months", [1, 2, 12, 24, 25, 36, 72, 73, 120])
@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e4, 1e9])
def test_the_text_fits_a_terminal_at_any_horizon(ran: Ran, months: int, scale: float) -> None:
    text = run_text(report(ran, ahead(months, 40, scale=scale), 90_000.0))
    lines = text.splitlines()
    assert max(map(len, lines)) <= 80
    assert len(lines) <= 137
    assert " ".join(text.split()).startswith(answer_to(ran, ahead(months, 40, scale=scale), 90_000.0))


def test_long_names_and_many_lines_fit_too(ran: Ran) -> None:
    found = ahead(12, 40)
    names = tuple(LineName(f"deployment-of-a-very-long-name-{k}", f"item_of_a_very_long_name_{k}", "invoice") for k in range(40))
    usd = np.concatenate([found.usd, 5.0 * np.ones((40, 12, 40))], axis=2)
    hazard = HazardEffect("spot_preemption", "x" * 60, 123.4, 500.0, 50, 1e7, 1e7, 1e7, -1e7)
    found = replace(
        found, lines=(*found.lines, *names), usd=usd, hazards=(hazard,), deployments=("d" * 60, "api"), notes=("word " * 60, "x" * 200),
        drivers=(Driver("gpu_prices", 1.0, 0.994, 1.0, "w" * 200),),
        tco_drivers=(Driver("gpu_prices", 0.994, 0.994, 0.995, "w" * 200),), accuracy=Accuracy(3, 123.0, 456.0, -0.5, 0.9),
    )  # fmt: skip
    text = run_text(report(ran, found))
    assert max(map(len, text.splitlines())) <= 80
    assert "40 smaller lines" in text


def test_months_are_joined_where_there_are_many(ran: Ran) -> None:
    def labels(months: int) -> list[str]:
        return [row[0] for row in section(ran, ahead(months, 20), "Month").rows][:-2]

    assert labels(24)[0] == "2026-11" and len(labels(24)) == 24
    assert labels(36)[0] == "2026-11 to 01" and len(labels(36)) == 12
    assert labels(120)[-1] == "year 10" and len(labels(120)) == 10
    found = ahead(36, 20)
    rows = section(ran, found, "Month").rows
    quarter = found.usd[:, :3, :4].sum(axis=(1, 2)).mean()
    assert rows[0][1] == f"${quarter:,.0f}"


def test_markdown_holds_the_same(ran: Ran) -> None:
    page = run_markdown(report(ran, ahead(), 90_000.0))
    for part in ("## Month", "## Bill of 12 months", "## Budget", "## Spread", "## Assumed", "| Total |", "| TCO |"):
        assert part in page
    for block in page.split("\n\n"):
        if block.startswith("|"):
            assert len({line.count("|") for line in block.splitlines()}) == 1
    assert "****" not in page


def test_hostile_texts_stay_harmless(ran: Ran) -> None:
    evil = "<script>|\x1b[31m\n"
    driver = Driver(evil, 0.5, 0.4, 0.6, evil)
    found = ahead(2, 20, notes=(evil,), assumed=(evil,), mode=evil, drivers=(driver,), tco_drivers=(driver,))
    whole = report(ran, found)
    assert all(line.isprintable() for line in run_text(whole).split("\n"))
    assert "<script>" not in run_markdown(whole)


def test_the_months_are_the_rows_of_the_monthly_table(ran: Ran) -> None:
    found = ForecastReport(ahead(3, 50))
    table = forecast_tables.monthly(found)
    assert tuple(table) == forecast_tables.MONTHLY
    rows = [dict(zip(table, row, strict=True)) for row in zip(*table.values(), strict=True)]
    lines = len(found.lines)
    assert lines == 6  # that of nothing but zeros is left out
    assert len(rows) == (3 + 1) * (lines + 2)
    for month in ("2026-11", "all"):
        of_month = [row for row in rows if row["month"] == month]
        invoice = next(row for row in of_month if (row["deployment"], row["line"], row["kind"]) == ("all", "invoice", "total"))
        assert math.fsum(row["mean"] for row in of_month if row["kind"] == "invoice") == pytest.approx(invoice["mean"])
        assert invoice["note"] == "the mean is the sum of the lines; percentiles do not add up"
    assert rows[4]["note"] == "" and {row["note"] for row in rows if row["line"] == "people_ml"} == {
        "assumed: half a machine learning engineer"
    }
    typed = forecast_tables.monthly_table(table)
    assert [str(typed.schema.field(name).type) for name in ("kind", "mean", "note")] == ["string", "double", "string"]


def test_draws_hold_every_future_and_month(ran: Ran) -> None:
    found = ahead(2, 30, good_share=np.where(np.arange(30)[:, None] == 4, np.nan, 0.9))
    table = forecast_tables.draws(report(ran, found), ForecastReport(found))
    rows = table.to_pylist()
    assert len(rows) == 60
    assert [rows[61 - 60]["future"], rows[1]["month"], rows[2]["future"]] == [0, "2026-12", 1]
    assert rows[3]["tco_usd"] == pytest.approx(found.usd[1, 1, :6].sum())
    assert rows[8]["good_share"] is None and rows[0]["good_share"] == 0.9
    a_day = ran.report.trace.requests / ran.report.trace.duration_s * 86_400
    assert rows[0]["level"] == pytest.approx(rows[0]["requests"] / 30 / a_day)


def test_capacity_is_ready_for_a_plan(ran: Ran) -> None:
    found = ahead(3, 200)
    table = forecast_tables.capacity(report(ran, found), ForecastReport(found))
    assert list(table)[:5] == ["month", "deployment", "kind", "gpus_p50", "gpus_p95"]
    assert {
        f"{name}_{edge}"
        for name in ("nodes", "gpu_hours", "input_tokens", "output_tokens", "load", "slo_share", "energy_kwh")
        for edge in ("p50", "p95")
    } <= set(table)
    assert list(table["deployment"]) == ["own", "api"] * 3 and table["kind"][0] == "gpu"
    assert table["gpu_hours_p50"][0] == pytest.approx(2 * 720)
    assert table["load_p95"][4] == pytest.approx(np.quantile(found.capacity.load[:, 2, 0], 0.95), rel=0.02)
    cells = run_tables.csv_text(table).splitlines()[2].split(",")
    assert cells[1] == "api" and cells[3] == ""  # an API has no GPUs


def test_incidents_drivers_and_accuracy_are_told(ran: Ran) -> None:
    text = " ".join(run_text(report(ran, ahead())).split())
    assert "api outage groq 0.4 54.0 min 12 3 310 $1.20" in text
    assert "gpu failure own 0.3 2.00 h 100 4,000 900 -$35.00" in text
    assert "spot preemption" not in text  # there was none
    assert "demand 52 % (43 % to 61 %) 12 % (7 % to 17 %)" in text and "people 0 % (0 % to 0 %) 76 % (70 % to 82 %)" in text
    assert "demand: growth of 3 % a month" in text and "remainder 18 % 4 %" in text
    assert "cost of a day off by -0.30 % on average, 1.20 % rms" in text
    assert "400 of the outlook base; 350 would do for a standard error of 2 %" in text
    assert "--months 0 prints all of it" in text
    few = " ".join(run_text(report(ran, ahead(futures_needed=900))).split())
    assert "400 of the outlook base; 900 are needed for" in few


def test_assumptions_are_short_in_text_and_whole_in_json(ran: Ran) -> None:
    keys = ", ".join(f"incidents.key_{k}" for k in range(30))
    whole = report(ran, ahead(2, 20, assumed=(f"incidents: {keys}", "salaries")))
    rows = section(ran, ahead(2, 20, assumed=(f"incidents: {keys}", "salaries")), "Assumed").rows
    assert rows[0] == ("Assumed", "ML engineers: half a machine learning engineer")
    assert rows[1][1].startswith("incidents: incidents.key_0, ") and rows[1][1].endswith(" and 23 more") and rows[2] == ("", "salaries")
    assert summary(whole)["forecast"]["assumed"][0] == f"incidents: {keys}"


def test_the_plain_replay_is_untouched(ran: Ran, tmp_path: Path) -> None:
    assert run_text(ran.report) == run_text(replace(ran.report, ahead=None))
    assert "Month " not in run_text(ran.report) and "Latency " in run_text(ran.report)
    assert summary(ran.report)["forecast"] is None


def test_words_of_amounts() -> None:
    assert [about(usd) for usd in (0.0, 3.2, 999.0, 1000.0, 81_240.0, -81_240.0, 1.234e6, 2e12, math.nan)] == [
        "$0.00", "$3.20", "$999.00", "$1,000", "$81.2 k", "-$81.2 k", "$1.23 M", "$2e+12", "-",
    ]  # fmt: skip
    assert [column_usd(usd, 5000.0) for usd in (0.0, 0.3, -0.3, -0.7, 700.21, 1.2e7)] == ["$0", "$0", "$0", "-$1", "$700", "$12.0 M"]
    assert [column_usd(usd, 900.0) for usd in (0.0, -0.0, 0.3, -35.0)] == ["$0.00", "$0.00", "$0.30", "-$35.00"]
    assert [error(se, 1e4) for se in (0.0, math.nan, 1e-14, 0.0123, 3.456, 651.77, 1234.0, 2.34e8)] == [
        "", "", "", "+-$0.012", "+-$3.5", "+-$650", "+-$1,200", "+-$230 M",
    ]  # fmt: skip
    assert [chance(p) for p in (0.0, 0.001, 0.005, 0.314, 0.994, 0.996, 1.0, math.nan)] == [
        "0 %", "<1 %", "0 %", "31 %", "99 %", ">99 %", "100 %", "-",
    ]  # fmt: skip
    assert item_name("gpu_used") == "GPUs at work" and item_name("security_testing") == "security testing"
