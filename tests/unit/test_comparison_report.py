"""Stacks side by side in text, Markdown, JSON and tables: what is said is what was found, in 80 columns for two to eight stacks."""

from __future__ import annotations

import csv
import json
import math
import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from sim.futures.forecast import Accuracy, Forecast
from sim.report.comparison_answer import comparison_answer, difference
from sim.report.comparison_files import folder_names, pairs_monthly_table, pairs_table
from sim.report.comparison_report import ComparisonReport, month_name
from sim.report.comparison_sections import comparison_sections
from sim.report.comparison_summary import comparison_json, comparison_summary
from sim.report.comparison_text import comparison_markdown, comparison_text
from sim.report.run_tables import csv_text
from tests.made.strategies import many, side_by_side, strategy


def api(**changed: Any) -> Forecast:
    """25,500 USD a month, growing with demand."""
    return strategy(**{"stack": "api", "per_request": 0.0085, **changed})


def own(**changed: Any) -> Forecast:
    """50,000 USD to start, then 25,000 a month whatever the demand."""
    return strategy(**{"stack": "own", "fixed": 25_000.0, "once": 50_000.0, **changed})


def section(report: ComparisonReport, title: str) -> Any:
    return next(each for each in comparison_sections(report) if each.title.startswith(title))


def facts(report: ComparisonReport, title: str) -> dict[str, str]:
    return {name.strip(): text for name, text in section(report, title).rows}


@pytest.mark.parametrize("months", [1, 12, 36])
@pytest.mark.parametrize("count", [2, 3, 8])
def test_everything_fits_in_80_columns(count: int, months: int) -> None:
    text = comparison_text(side_by_side(*many(count, months)))
    assert max(map(len, text.splitlines())) <= 80
    assert len(text.splitlines()) < 140
    assert "nan" not in text and "None" not in text


def test_the_answer_says_which_how_likely_and_from_when() -> None:
    report = side_by_side(api(months=36), own(months=36))
    said = comparison_answer(report)
    found = report.pair("api", "own").tco
    assert found.run_rate_crossover_month is not None and found.payback_month is not None
    assert said.startswith("own is the cheaper for bursty over 36 months, 2026-11 to 2029-10: $950 k on average with people and all else")
    assert f"cheaper than api in {round(100 * (1 - found.p_a_cheaper))} % of futures" in said
    crossover = month_name(report.found.months, found.run_rate_crossover_month.p50)
    payback = month_name(report.found.months, found.payback_month.p50)
    assert f"costs more at first than api, less a month from {crossover} on, and has made up for it by the end of {payback}" in said
    assert said.endswith("own meets its service levels in every month.")


def test_the_order_of_stacks_changes_no_word_of_the_answer() -> None:
    stacks = many(4)
    assert comparison_answer(side_by_side(*stacks)) == comparison_answer(side_by_side(*reversed(stacks)))


def test_a_stack_against_itself_is_a_tie_in_every_form() -> None:
    report = side_by_side(api(), api())
    assert comparison_answer(report).startswith("api and api (2) cost the same to the cent in every future, $")
    assert facts(report, "Pair") == {"Pair": "api against api (2)", "cost": "the same to the cent in every future: a tie"}
    assert "  cheaper" not in comparison_text(report)
    pair = comparison_summary(report)["pairs"][0]
    assert (pair["tie"], pair["p_a_cheaper"]) == (True, 0.5)
    assert pair["tco"]["difference_usd"] == dict.fromkeys(pair["tco"]["difference_usd"], 0.0)
    assert (pair["run_rate_crossover_month"], pair["payback_month"], pair["break_even_requests_per_month"]) == (None, None, None)
    assert report.p_cheapest("tco") == (0.5, 0.5)


def test_a_tie_of_the_cheapest_beside_a_third() -> None:
    said = comparison_answer(side_by_side(api(), own(once=5e5), api()))
    assert "api and api (2) cost the same" in said and "a tie, and the cheapest of 3 stacks" in said


def test_the_mean_and_the_odds_may_differ_and_the_answer_says_so() -> None:
    """A stack that is a little dearer in most futures and far cheaper in a few is cheaper in the mean alone."""
    rare = np.where(np.arange(200)[:, None] < 20, 2.0, 0.0)
    risky = strategy("risky", people=0.0, fixed=0.0)
    risky = replace(risky, usd=np.concatenate([risky.usd[:, :, :1] + (rare * 1e4)[:, :, None], risky.usd[:, :, 1:]], axis=2))
    said = comparison_answer(side_by_side(strategy("steady", fixed=1000.0), risky))
    assert "steady is the cheaper" in said
    assert "It is so in the mean alone: in 90 % of futures risky is cheaper, $12.0 k less in the median one." in said


def test_odds_near_a_half_are_no_difference() -> None:
    noisy = strategy("noisy")
    toss = np.random.default_rng(5).standard_normal((200, 1, 1)) * np.ones((200, 12, 1))
    noisy = replace(noisy, usd=np.concatenate([10_000.0 + 500 * toss, noisy.usd[:, :, 1:]], axis=2))
    other = strategy("other", fixed=10_000.0 + 500 * float(toss.mean()) + 30)
    report = side_by_side(noisy, other)
    assert 0.5 < report.facing("noisy", "other").p_cheaper < 0.6
    assert "That is hardly a difference: it is cheaper than other in 5" in comparison_answer(report)


def test_a_cheaper_invoice_is_told_apart() -> None:
    report = side_by_side(api(), strategy("own", fixed=20_000.0, people=40_000.0))
    said = comparison_answer(report)
    assert (
        said.startswith("api is the cheaper")
        and "On invoices alone own is the cheapest: $240 k, cheaper than api in 100 % of futures." in said
    )
    assert "people" not in comparison_answer(side_by_side(api(), strategy("own", fixed=20_000.0)))


def test_a_later_turn_is_said() -> None:
    report = side_by_side(api(), own(once=500_000.0))
    assert "of futures own comes to cost less a month, to the last: a longer horizon may turn this." in comparison_answer(report)


def test_costs_that_come_seldom_are_told_by_their_months() -> None:
    """Cheaper in two months by more than it is dearer in ten: no month from which it costs less on would say that."""
    lumps = np.where(np.arange(12) % 6 == 0, 9000.0, 900.0)
    said = comparison_answer(side_by_side(strategy("steady", fixed=1000.0), strategy("lumpy", fixed=lumps)))
    assert "Month by month it costs less than lumpy in 2 of 12." in said


def test_missed_levels_are_said_with_who_holds_them() -> None:
    late = np.arange(12) < 9
    said = comparison_answer(side_by_side(api(met=late), own(once=500_000.0)))
    assert "But api misses its service levels in 3 of 12 months (missed in 100 % of futures in 2027-08)" in said
    assert "the cheapest that holds its own in every month is own, $800 k." in said
    assert comparison_answer(side_by_side(api(met=late), own(met=late, once=5e5))).endswith("and no other holds its own in every month.")
    seldom = np.random.default_rng(0).random((200, 12)) > 0.1
    assert "has its service levels at risk in" in comparison_answer(side_by_side(api(met=seldom), own(once=5e5)))


def test_tables_hold_what_was_found() -> None:
    report = side_by_side(api(months=24), own(months=24, energy_kwh=900.0))
    cost, service = section(report, "Cost"), section(report, "Service")
    assert [row[0] for row in cost.rows] == [each.name for each in report.cheapest_first]
    assert [row[1:3] for row in service.rows if row[0] == "own"] == [("24 of 24", "100 %")]
    assert {row[0]: row[-1] for row in service.rows} == {"api": "-", "own": "21.6 MWh"}
    assert {row[-2] for row in service.rows} == {"3 mo*"}
    months = section(report, f"{report.cheapest_first[0].name} cheaper")
    assert list(months.header) == [str(m) for m in range(2, 25, 2)]
    by_month = report.facing(report.cheapest_first[0].name, report.cheapest_first[1].name).p_cheaper_by_month
    assert [cell.strip("<>") for cell in months.rows[0][1:]] == [
        str(round(100 * by_month[m])) if 0.005 <= by_month[m] < 0.995 or by_month[m] in (0, 1) else ("1" if by_month[m] < 0.5 else "99")
        for m in range(1, 24, 2)
    ]


def test_a_facing_seen_from_either_side_is_the_same_pair() -> None:
    report = side_by_side(api(), own())
    one, other = report.facing("api", "own"), report.facing("own", "api")
    assert one.p_cheaper + other.p_cheaper == 1
    assert (one.difference_usd.p5, one.difference_usd.se_p5) == (-other.difference_usd.p95, other.difference_usd.se_p95)
    assert one.below_from == other.other_below_from and one.break_even is other.break_even


def test_break_even_is_where_the_costs_meet() -> None:
    report = side_by_side(api(months=36), own(months=36, once=0.0))
    said = facts(report, "Pair")["break-even"]
    assert said.startswith(f"{25_000 / 0.0085 / 1e6:.3g} M requests a month") and said.endswith("above, own is cheaper")
    none = facts(side_by_side(api(), strategy("dear", per_request=0.02)), "Pair")["break-even"]
    assert none.startswith("none: ") or "Outside of all traffic seen" in none


def test_more_than_three_pairs_are_a_table_against_the_cheapest_and_a_matrix() -> None:
    report = side_by_side(*many(5))
    best = report.cheapest_first[0].name
    assert [row[0] for row in section(report, f"{best} against").rows] == [each.name for each in report.cheapest_first[1:]]
    matrix = section(report, "Row cheaper").rows
    for i in range(5):
        assert matrix[i][i + 1] == ""
        for j in range(i):
            a, b = (float(cell.strip("<>")) for cell in (matrix[i][j + 1], matrix[j][i + 1]))
            assert a + b == pytest.approx(100, abs=1)


def test_shares_of_being_the_cheapest_add_up() -> None:
    report = side_by_side(*many(6))
    for kind in ("tco", "invoice"):
        assert math.fsum(report.p_cheapest(kind)) == pytest.approx(1)  # type: ignore[arg-type]


def test_json_has_the_promised_names() -> None:
    report = side_by_side(*many(3))
    data = json.loads(comparison_json(report))
    assert data["schema_version"] == 1 and list(data["stacks"]) == list(report.names) and len(data["pairs"]) == 3
    for stack in data["stacks"].values():
        for kind in ("invoice_usd", "tco_usd"):
            assert {"mean", "p5", "p50", "p95", "se"} <= stack[kind].keys()
            assert math.fsum(month[kind]["mean"] for month in stack["monthly"]) == pytest.approx(stack[kind]["mean"])
    for pair in data["pairs"]:
        named = {"a", "b", "p_a_cheaper", "run_rate_crossover_month", "payback_month", "break_even_requests_per_month"}
        assert named <= pair.keys()
        assert pair["p_a_cheaper"] == pair["tco"]["p_a_cheaper"]
        assert len(pair["tco"]["by_month"]) == len(data["months"]) == 12
        crossover = pair["tco"]["run_rate_crossover"]
        assert pair["run_rate_crossover_month"] == (crossover and crossover["p50"])
    assert "NaN" not in comparison_json(side_by_side(api(good_share=np.nan), own()))


def test_no_figure_is_only_in_text() -> None:
    """What a table prints of money is in the JSON."""
    report = side_by_side(*many(4))
    tco = comparison_summary(report)["stacks"][report.cheapest_first[0].name]["tco_usd"]
    assert section(report, "Cost").rows[0][4] == f"${tco['p5'] / 1e3:.3g} k"


def test_assumptions_say_of_which_stacks() -> None:
    report = side_by_side(*many(4))
    said = [text for _, text in section(report, "Assumed").rows]
    assert said[0] == "demand: growth_per_month"
    assert any(text.startswith("api-first: DevOps engineers $18") and text.endswith("(a quarter of an engineer)") for text in said)
    assert "prices: rise_0, rise_1, rise_2, rise_3" in said
    alone = side_by_side(api(assumed=("one thing, and another",)), own(), strategy("third"))
    assert "one thing, and another (api)" in [text for _, text in section(alone, "Assumed").rows]


def test_levels_that_differ_are_told() -> None:
    report = side_by_side(api(), own(), levels=("TTFT p95 3 s", "TTFT p95 1 s"))
    notes = " ".join(section(report, "Service").notes)
    assert "Service levels differ" in notes and "api: TTFT p95 3 s." in notes and "own: TTFT p95 1 s." in notes


def test_accuracy_is_shown_where_it_is_known() -> None:
    report = side_by_side(api(accuracy=Accuracy(20, -0.003, 0.012, 0.0, 0.0)), own())
    assert facts(report, "Futures")["Accuracy"].endswith("api off by -0.30 % on average, 1.20 % rms")
    assert "Accuracy" not in facts(side_by_side(api(), own()), "Futures")


def test_hostile_names_steer_nothing() -> None:
    report = side_by_side(api(stack="a|<b>\x1b[31m"), own(assumed=("=1+1",)))
    page, text = comparison_markdown(report), comparison_text(report)
    assert "\x1b" not in page + text
    assert "<b>" not in page and re.search(r"&#124;&#60;b&#62;", page)
    assert "'=cmd" in csv_text(pairs_table(side_by_side(api(stack="=cmd"), own())))


def test_pairs_tables_hold_pairs_and_months() -> None:
    report = side_by_side(*many(3))
    pairs = list(csv.DictReader(csv_text(pairs_table(report)).splitlines()))
    assert [(row["a"], row["kind"]) for row in pairs[:2]] == [("api-first", "tco"), ("api-first", "invoice")] and len(pairs) == 6
    tco = report.found.pairs[0].tco
    assert float(pairs[0]["difference_usd_p50"]) == tco.difference_usd.p50
    assert (pairs[0]["payback_p50"] or None) == (
        None if tco.payback_month is None or tco.payback_month.p50 is None else str(tco.payback_month.p50)
    )
    monthly = list(csv.DictReader(csv_text(pairs_monthly_table(report)).splitlines()))
    assert len(monthly) == 6 * 13 and monthly[12]["month"] == "all"
    means = [float(row["difference_usd_mean"]) for row in monthly[:13]]
    assert math.fsum(means[:12]) == pytest.approx(means[12])


def test_folders_of_stacks_are_told_apart() -> None:
    assert folder_names(["hybrid", "hybrid (2)", "Hybrid", "a b", "a/b"]) == ["hybrid", "hybrid-2", "Hybrid-3", "a-b", "a-b-2"]


def test_differences_in_words() -> None:
    assert [difference(usd) for usd in (-1234.0, 0.0, 0.004, 12_345.0)] == ["$1,234 less", "the same", "the same", "$12.3 k more"]
