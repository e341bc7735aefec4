"""Bills that were paid against forecasts: reading them, matching their lines, and what lies inside the bands."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

from sim.errors import InputError
from sim.futures.bands import band
from sim.futures.forecast import Forecast
from sim.planning.backtest import backtest
from sim.planning.invoices import Paid, read_bill
from tests.made.forecast import forecast

RANDOM = np.random.default_rng(1)
USED = RANDOM.normal(1000, 50, (100, 3))
OWN_EGRESS, API_EGRESS = RANDOM.normal(20, 1, (2, 100, 3))
TOKENS = RANDOM.normal(500, 100, (100, 3))


def made(**changed: object) -> Forecast:
    """Three months from November 2026 of a pool and an API."""
    lines = {
        ("own", "gpu_used", "invoice"): USED,
        ("own", "egress", "invoice"): OWN_EGRESS,
        ("api", "egress", "invoice"): API_EGRESS,
        ("api", "api_input", "invoice"): TOKENS,
        ("shared", "devops", "tco"): 300.0,
    }
    return forecast(lines, futures=100, months=3, **changed)  # type: ignore[arg-type]


def written(folder: Path, text: str) -> Path:
    """A bill on disk."""
    path = folder / "bill.csv"
    path.write_text(text)
    return path


# Reading.


def test_rows_of_a_month_and_line_are_added_up(tmp_path: Path) -> None:
    text = 'line,Month,deployment,usd\ngpu_used,2026-11,own,"1,000.50"\ngpu_used,2026-11-30,own,$0.25\n\nother,2026-12,,-3\ngpu_used,2026-11,,7\n'
    assert read_bill(written(tmp_path, text)) == (
        Paid("2026-11", "gpu_used", "", 7.0),
        Paid("2026-11", "gpu_used", "own", 1000.75),
        Paid("2026-12", "other", "", -3.0),
    )


@pytest.mark.parametrize(
    ("text", "usd"),
    [("1234.5", 1234.5), ("-$3", -3.0), ("$-3", -3.0), ("1,234,567.00", 1234567.0), ("1e3", 1000.0), (".5", 0.5)],
)
def test_amounts_may_be_written_as_bills_write_them(tmp_path: Path, text: str, usd: float) -> None:
    path = tmp_path / "bill.csv"
    path.write_text(f'month,line,usd\n2026-11,a,"{text}"\n')
    assert read_bill(path)[0].usd == usd


@pytest.mark.parametrize("text", ["1.234,56", "1234,56", "1,23", "12,3456", "1_000", "1.2.3", "--3", "$", "1e999", "1e16", "nan"])
def test_an_amount_that_could_mean_another_is_refused(tmp_path: Path, text: str) -> None:
    """`1.234,56` would be taken for 1.23 if commas were simply left out."""
    path = tmp_path / "bill.csv"
    path.write_text(f'month,line,usd\n2026-11,a,"{text}"\n')
    with pytest.raises(InputError, match="allowed: an amount of US dollars"):
        read_bill(path)


def test_an_export_by_focus_is_read(tmp_path: Path) -> None:
    text = "BilledCost,BillingCurrency,ChargePeriodStart,ServiceName\n8210.40,USD,2027-01-01T00:00:00Z,Chat\n0.10,usd,2027-01-31T23:00:00Z,Chat\n5,,2027-02-01,Chat\n"
    with pytest.raises(InputError, match=r"bill\.csv:4: BillingCurrency: found ''; allowed: USD"):
        read_bill(written(tmp_path, text))
    assert read_bill(written(tmp_path, text.replace("5,,", "5,USD,"))) == (
        Paid("2027-01", "Chat", "", 8210.5),
        Paid("2027-02", "Chat", "", 5.0),
    )


def test_the_bill_beside_the_repository_is_read(shared_data: Path) -> None:
    assert read_bill(shared_data / "iac" / "spend" / "constructed-focus-1.2-simulated-bill.csv") == (
        Paid("2027-01", "Chat completions API", "", 17313.9),
        Paid("2027-01", "GPU instances", "", 24882.8),
        Paid("2027-01", "Model training", "", 6400.0),
    )


def test_all_problems_of_a_bill_are_said_at_once(tmp_path: Path) -> None:
    path = written(tmp_path, "month,line,usd\n2026-13,a,1\n2026-11,,x\n2026-11,a,inf\n2026-11\n2026-11,a,5\n")
    with pytest.raises(InputError) as error:
        read_bill(path)
    assert str(error.value).splitlines() == [
        f"{path}:2: month: found '2026-13'; allowed: 2027-01, or a date",
        f"{path}:3: line: found nothing; allowed: the name of a line",
        f"{path}:3: usd: found 'x'; allowed: an amount of US dollars, such as 1234.56",
        f"{path}:4: usd: found 'inf'; allowed: an amount of US dollars, such as 1234.56",
        f"{path}:5: line: found nothing; allowed: the name of a line",
        f"{path}:5: usd: found ''; allowed: an amount of US dollars, such as 1234.56",
    ]


def test_only_the_first_problems_are_said(tmp_path: Path) -> None:
    with pytest.raises(InputError) as error:
        read_bill(written(tmp_path, "month,line,usd\n" + "2026-11,a,x\n" * 50))
    lines = str(error.value).splitlines()
    assert len(lines) == 21 and lines[-1].endswith("and 30 more of the kind")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no columns 'month', 'line', 'usd'; allowed: month, line, usd and optionally deployment; or "),
        ("month,line,usd\n", "no lines"),
        (
            "months,line,usd\n2026-11,a,1\n",
            r"no column 'month' \(is it 'months'\?\); allowed: month, line, usd and optionally deployment; or ",
        ),
        ('month,line,usd\n2026-11,"a,1\n', "not CSV"),
        ("month,line,usd\n0000-01,a,1\n", "month: found '0000-01'"),
        ("month,line,usd\n2026-11," + "a" * 200_000 + ",1\n", "not CSV: field larger than field limit"),
    ],
)
def test_what_is_no_bill_is_refused(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        read_bill(written(tmp_path, text))


def test_what_is_no_file_of_text_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, "")
    path.write_bytes(b"month,line,usd\n2026-11,\xff,1\n")
    with pytest.raises(InputError, match="not UTF-8"):
        read_bill(path)
    with pytest.raises(InputError, match="a folder"):
        read_bill(tmp_path)
    with pytest.raises(InputError, match=r"no such file; did you mean 'bill\.csv'"):
        read_bill(tmp_path / "bil.csv")


# Against a forecast.


def test_lines_are_held_against_their_bands() -> None:
    predicted = made()
    expected = band(USED[:, 0])
    found = backtest(predicted, [Paid("2026-11", "gpu_used", "own", expected.p50), Paid("2026-12", "gpu_used", "own", 2000.0)])
    first, second = found.rows
    assert (first.month, first.line, first.predicted, first.inside) == ("2026-11", "own/gpu_used", expected, True)
    assert first.relative_error == pytest.approx(expected.mean / expected.p50 - 1)
    assert not second.inside and second.relative_error == pytest.approx(USED[:, 1].mean() / 2000 - 1)
    assert found.coverage_share == 0.5
    assert found.not_predicted == ()
    assert [line for line, _ in found.not_billed] == ["own/egress", "api/egress", "api/api_input"]
    assert dict(found.not_billed)["api/api_input"] == pytest.approx(TOKENS[:, :2].sum(axis=1).mean())


def test_a_line_without_deployment_is_that_of_all() -> None:
    (row,) = backtest(made(), [Paid("2026-11", "egress", "", 40.0)]).rows
    assert row.line == "egress"
    assert row.predicted.mean == pytest.approx((OWN_EGRESS + API_EGRESS)[:, 0].mean())


@pytest.mark.parametrize(
    ("line", "deployment", "expected", "label"),
    [
        ("own", "", USED + OWN_EGRESS, "own"),
        ("own", "own", USED + OWN_EGRESS, "own"),
        ("api/api_input", "", TOKENS, "api/api_input"),
        ("egress", "api", API_EGRESS, "api/egress"),
        ("total", "", USED + OWN_EGRESS + API_EGRESS + TOKENS, "total"),
        ("devops", "", np.full((100, 3), 300.0), "shared/devops"),
        ("Chat completions", "", TOKENS + API_EGRESS, "api"),
    ],
)
def test_what_a_line_may_be_called(line: str, deployment: str, expected: np.ndarray, label: str) -> None:
    (row,) = backtest(made(), [Paid("2027-01", line, deployment, 1.0)], names={"Chat completions": "api"}).rows
    assert row.line == label
    assert row.predicted.mean == pytest.approx(expected[:, 2].mean())


def test_what_does_not_match_is_listed_and_counted_in_the_total() -> None:
    unknown, early, known = (
        Paid("2026-11", "support", "", 70.0),
        Paid("2026-10", "gpu_used", "own", 900.0),
        Paid("2026-11", "gpu_used", "own", 1000.0),
    )
    elsewhere = Paid("2026-11", "gpu_used", "api", 3.0)
    found = backtest(made(), [early, elsewhere, known, unknown])
    assert found.not_predicted == (early, elsewhere, unknown)
    assert found.total is not None and found.matched_total is not None
    assert found.total.paid_usd == 1073.0
    assert found.total.predicted.mean == pytest.approx((USED + OWN_EGRESS + API_EGRESS + TOKENS)[:, 0].mean())
    assert (found.matched_total.paid_usd, found.matched_total.predicted.mean) == (1000.0, pytest.approx(USED[:, 0].mean()))
    assert found.total_by_month == (found.total,)


def test_people_on_a_bill_are_held_against_people_and_not_the_invoice() -> None:
    found = backtest(
        made(), [Paid("2026-11", "devops", "", 300.0), Paid("2026-11", "gpu_used", "", 1000.0), Paid("2026-12", "gpu_used", "", 900.0)]
    )
    people = next(row for row in found.rows if row.line == "shared/devops")
    assert people.inside and (people.predicted.p5, people.predicted.p95) == (300.0, 300.0)
    assert found.total is not None and found.matched_total is not None
    assert found.total.paid_usd == found.matched_total.paid_usd == 1900.0
    assert found.total.month == "2026-11 to 2026-12"
    assert len(found.total_by_month) == 2


def test_the_choice_of_windows_makes_lines_of_the_invoice_unsure() -> None:
    bill = [Paid("2026-11", "devops", "", 300.0), Paid("2026-11", "gpu_used", "", 1000.0)]
    used, people = backtest(made(window_se=0.1), bill).rows
    assert (used.line, people.line, people.predicted.se) == ("own/gpu_used", "shared/devops", 0.0)
    assert used.predicted.se > 0.1 * used.predicted.mean


def test_lines_that_mean_the_same_are_added_up() -> None:
    found = backtest(
        made(), [Paid("2026-11", "Compute", "", 600.0), Paid("2026-11", "gpu_used", "own", 400.0)], names={"Compute": "gpu_used"}
    )
    (row,) = found.rows
    assert row.paid_usd == 1000.0


def test_lines_that_stand_for_parts_of_each_other_are_refused() -> None:
    with pytest.raises(InputError, match=r"lines 'own' and 'own/gpu_used' of the bill both hold own/gpu_used"):
        backtest(made(), [Paid("2026-11", "own", "", 1.0), Paid("2026-11", "gpu_used", "own", 1.0)])


def test_a_bill_of_many_lines_that_mean_nothing_takes_no_longer_than_its_length() -> None:
    """Lines that stand for nothing are in nobody's way: comparing each with each would take minutes."""
    started = time.process_time()
    found = backtest(made(), [Paid("2026-11", f"line {k}", "", 1.0) for k in range(20_000)])
    assert len(found.not_predicted) == 20_000
    assert time.process_time() - started < 5


def test_a_bill_of_nothing_known_has_no_coverage() -> None:
    found = backtest(made(), [Paid("2020-01", "support", "", 1.0)])
    assert found.rows == () and found.coverage_share is None and found.total is None and found.matched_total is None
    assert len(found.not_predicted) == 1 and len(found.not_billed) == 4
    assert all(usd == 0.0 for _, usd in found.not_billed)


def test_bands_without_width_hold_what_they_say_to_the_cent() -> None:
    certain = forecast({("own", "gpu_used", "invoice"): 100.0 / 3}, futures=2)
    rows = backtest(certain, [Paid("2026-11", "gpu_used", "", 33.33)]).rows
    assert rows[0].inside
    assert not backtest(certain, [Paid("2026-11", "gpu_used", "", 33.34)]).rows[0].inside
    # Of nothing, and of a credit, there is no share to be off by.
    for paid_usd in (0.0, -20.0):
        assert backtest(certain, [Paid("2026-11", "gpu_used", "", paid_usd)]).rows[0].relative_error is None


def test_coverage_is_that_of_bands() -> None:
    truth = np.random.default_rng(2).normal(1000, 50, 3)
    hits = []
    for seed in range(100):
        lines = {("own", "gpu_used", "invoice"): np.random.default_rng([seed, 5]).normal(1000, 50, (100, 3))}
        truth = np.random.default_rng([seed, 6]).normal(1000, 50, 3)
        predicted = forecast(lines, futures=100, months=3)  # type: ignore[arg-type]
        bill = [Paid(month, "gpu_used", "own", float(usd)) for month, usd in zip(predicted.months, truth, strict=True)]
        hits.append(backtest(predicted, bill).coverage_share)
    assert np.mean(np.array(hits, float)) == pytest.approx(0.9, abs=0.05)
