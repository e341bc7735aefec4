"""`sim backtest`: the months of a bill decide what is forecast; its lines, what is refused, what is printed. Months are made by hand."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sim.futures.cell_store import CellStore
from sim.futures.forecast import Forecast
from sim.futures.run import Question
from tests.made import command
from tests.made.ahead import ahead
from tests.made.command import Capture
from tests.made.told import Told, tell
from tests.made.world import write_trace, write_world

BILL = "month,line,usd\n2027-01,own,5500\n2027-01,Chat API,1860\n2027-02,own,5000\n2027-03,own,5600\n2027-03,Support,99.5\n"
BASE = ("trace.parquet", "--stack", "small.yaml", "--actual", "bill.csv", "--futures", "40")


def months(name: str, question: Question) -> Forecast:
    return ahead(question.calendar.months, question.futures, start=question.calendar.start, outlook=question.outlook_name, stack=name)


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Told:
    """A folder with trace.parquet, small.yaml and bill.csv, and a forecast that answers at once."""
    write_world(tmp_path)
    (tmp_path / "bill.csv").write_text(BILL)
    monkeypatch.chdir(tmp_path)
    return tell(monkeypatch, months)


def good(capsys: Capture, *arguments: str) -> str:
    code, out, err = command.run(capsys, "backtest", *arguments)
    assert code == 0, err
    return out


def test_the_months_of_the_bill_are_forecast(asked: Told, capsys: Capture) -> None:
    out = good(capsys, *BASE)
    assert asked.questions[0].calendar.names == ("2027-01", "2027-02", "2027-03")
    assert out.startswith("$18.1 k was paid in 2027-01 to 2027-03 where $")
    assert max(map(len, out.splitlines())) <= 80
    assert "Not predicted" in out and "Chat API" in out and "Support" in out
    assert not Path("outputs").exists()


def test_a_trace_from_before_the_bill_grows_into_it(asked: Told, capsys: Capture) -> None:
    found = json.loads(good(capsys, *BASE, "--start", "2026-11", "--format", "json"))
    assert asked.questions[0].calendar.names[0] == "2026-11" and asked.questions[0].calendar.months == 5
    assert [row["month"] for row in found["total_by_month"]] == ["2027-01", "2027-02", "2027-03"]


def test_lines_of_other_names_are_matched_as_said(asked: Told, capsys: Capture) -> None:
    found = json.loads(good(capsys, *BASE, "--line", "Chat API=api/api_input", "--format", "json"))
    assert [each["line"] for each in found["not_predicted"]] == ["Support"]
    rows = {(row["month"], row["line"]): row for row in found["rows"]}
    assert rows["2027-01", "api/api_input"]["paid_usd"] == 1860 and rows["2027-01", "api/api_input"]["inside"] is True
    assert found["coverage_share"] == sum(row["inside"] for row in found["rows"]) / 4
    assert found["total"]["paid_usd"] == pytest.approx(18_059.5)


def test_options_reach_the_forecast(asked: Told, capsys: Capture) -> None:
    words = ("--outlook", "certain", "--workers", "2", "--seed", "7", "--strict", "--set", "outlook.demand.growth_per_month=2%")
    good(capsys, *BASE, *words, "--set", "deployments.own.replicas=2", "--format", "md")
    found = asked.questions[0]
    assert (found.outlook_name, found.futures, found.seed, found.strict, asked.more["workers"]) == ("certain", 40, 7, True, 2)
    assert found.outlook.demand.growth_per_month.p50 == pytest.approx(0.02)
    assert asked.more["replayed"].system.deployments[0].replicas == 2


def test_prices_of_another_day_are_noted(asked: Told, capsys: Capture) -> None:
    _, _, err = command.run(capsys, "backtest", *BASE)
    assert "note: prices are those of 2026-11-21, the first month is 2027-01: --date takes the prices of another day" in " ".join(
        err.split()
    )


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            ["--start", "2027-02"],
            "--start: found 2027-02, after 2027-01, the first month of bill.csv; allowed: that month, or one before it",
        ),
        (["--start", "2010-01"], "bill.csv: from 2010-01 to 2027-03 there are 207 months; allowed: at most 120"),
        (["--start", "then"], "--start: found 'then'; allowed: a month"),
        (["--line", "Chat=own"], "the bill has no line 'Chat'; allowed: Chat API, own, Support; did you mean 'Chat API'?"),
        (["--line", "own"], "--line own: found no name and line; allowed: NAME=LINE"),
        (["--line", "own=api", "--line", "own=own"], "'own' stands for 'api' already"),
        (["--line", "Chat API=own/gpu_used"], "of the bill both hold own/gpu_used: give one of them, or name the deployment"),
        (["--stack", "hybrd"], "did you mean 'hybrid'?"),
        (["--actual", "bil.csv"], "bil.csv: no such file; did you mean 'bill.csv'?"),
    ],
    ids=lambda part: " ".join(part)[:40] if isinstance(part, list) else "",
)
def test_mistakes_end_with_one_clear_message(asked: Told, capsys: Capture, options: list[str], said: str) -> None:
    assert said in command.refused(capsys, "backtest", *BASE, *options)


def test_all_that_is_wrong_with_a_bill_is_told_with_its_lines(asked: Told, capsys: Capture) -> None:
    Path("bill.csv").write_text("month,line,usd\nJan,own,5\n2027-01,,5\n2027-01,own,five\n")
    said = command.refused(capsys, "backtest", *BASE).splitlines()
    assert [each.split(": ")[1:3] for each in said] == [["bill.csv:2", "month"], ["bill.csv:3", "line"], ["bill.csv:4", "usd"]]
    assert not asked.questions


def test_a_bill_is_needed(asked: Told, capsys: Capture) -> None:
    assert "Missing option '--actual'" in command.refused(capsys, "backtest", "trace.parquet")


def test_a_bill_as_forecast_is_met_line_by_line(tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    """No stand-in here: what `sim run` says a year would cost without any spread, given back as the bill, is inside every band."""
    write_world(tmp_path)
    write_trace(tmp_path / "trace.parquet", rows=300, rate=0.01)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(CellStore, "default", lambda: CellStore(None))
    months = ("--outlook", "certain", "--futures", "20", "--workers", "1", "--format", "json")
    code, out, err = command.run(capsys, "run", "trace.parquet", "--stack", "small.yaml", "--months", "2", *months)
    assert code == 0, err
    lines = [(month["month"], line) for month in json.loads(out)["monthly"] for line in month["lines"] if line["kind"] == "invoice"]
    rows = [f"{month},{line['item']},{line['deployment']},{line['mean']!r}" for month, line in lines]
    Path("bill.csv").write_text("\n".join(["month,line,deployment,usd", *rows]) + "\n")
    found = json.loads(good(capsys, "trace.parquet", "--stack", "small.yaml", "--actual", "bill.csv", *months))
    assert len(found["rows"]) == len(rows) >= 4 and found["coverage_share"] == 1.0
    assert found["total"]["paid_usd"] > 1000
    assert abs(found["total"]["relative_error"]) < 1e-12
    assert found["not_predicted"] == []


def test_a_vendors_bill_names_its_own_lines(asked: Told, capsys: Capture) -> None:
    """What names tokens of the only deployment of a model is held against it, and notes say so; --line goes before."""
    model = "gpt-6.1-sol-2026-08-07"
    stack = Path("small.yaml")
    stack.write_text(stack.read_text().replace("spill", "api"))
    results = [
        {"amount": {"value": usd, "currency": "usd"}, "line_item": f"{model}, {kind}"} for kind, usd in (("input", 1860), ("output", 5))
    ]
    buckets = [{"start_time": start, "results": results} for start in (1_798_761_600, 1_798_848_000)]
    Path("openai.json").write_text(json.dumps({"data": buckets, "has_more": False}))
    words = ("trace.parquet", "--stack", "small.yaml", "--actual", "openai.json", "--futures", "40", "--format", "json")
    found = json.loads(good(capsys, *words))
    assert f"{model}, input is taken for api/api_input (--line says otherwise)" in found["bill_notes"]
    assert "amounts are compared by line item, before tax" in found["bill_notes"]
    assert {(row["month"], row["line"]): row["paid_usd"] for row in found["rows"]}["2027-01", "api/api_input"] == 3720
    found = json.loads(good(capsys, *words, "--line", f"{model}, input=api"))
    assert not any("is taken for" in note for note in found["bill_notes"])
    assert [row["line"] for row in found["rows"]] == ["api"]
    assert "before tax" in good(capsys, *words[:-2])
