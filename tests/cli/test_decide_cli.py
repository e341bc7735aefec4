"""`sim decide`: what its options ask for, what they refuse, what is printed and written. Months are made by hand, but for one real decision."""

from __future__ import annotations

import csv
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

NEEDS = """\
description: answers for customers
months: 2
latency: {e2e_p99: 10 min}
weights: {budget: 60, accuracy: 40}
quality: {gpt-6.1-sol: {score: 0.9, n: 200, source: ours}}
routing: {cheaper: gpt-6-luna}
strategies: {mine: small.yaml, api: api-first}
"""
SHORT = ("--needs", "needs.yaml", "--futures", "20")


def months(name: str, question: Question) -> Forecast:
    """The API stack costs a third of the other."""
    return ahead(
        question.calendar.months, question.futures, start=question.calendar.start, outlook=question.outlook_name, stack=name,
        scale=0.3 if name == "api-first" else 1.0, seed=question.seed,
    )  # fmt: skip


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Told:
    """A folder with trace.parquet, small.yaml and needs.yaml, and a forecast that answers at once."""
    write_world(tmp_path)
    (tmp_path / "needs.yaml").write_text(NEEDS)
    monkeypatch.chdir(tmp_path)
    return tell(monkeypatch, months)


def run(capsys: Capture, *arguments: str) -> tuple[int, str, str]:
    return command.run(capsys, "decide", "trace.parquet", *arguments)


def test_a_decision_is_printed_in_eighty_columns(asked: Told, capsys: Capture) -> None:
    code, out, err = run(capsys, *SHORT)
    assert code == 0, err
    assert out.startswith("Take api for trace: in 100 % of futures it is the best of all 2.")
    assert max(map(len, out.splitlines())) <= 80
    # Both stacks, and the recommended one without its fallbacks.
    assert [(each.calendar.months, each.futures, each.outlook_name) for each in asked.questions] == [(2, 20, "base")] * 3
    for part in ("\nGates", "1 data sensitivity", "\nStrategies", "\nPerformance", "\nCriteria", "\nSignals", "\nReview"):
        assert part in out, part


def test_json_has_what_a_program_takes(asked: Told, capsys: Capture) -> None:
    code, out, _ = run(capsys, *SHORT, "--format", "json", "--months", "3", "--set", "outlook.demand.growth_per_month=2%")
    assert code == 0
    found = json.loads(out)
    assert {key: found["recommendation"][key] for key in ("strategy", "probability", "runner_up")} == {
        "strategy": "api", "probability": 1.0, "runner_up": "mine",
    }  # fmt: skip
    assert found["months"] == ["2026-11", "2026-12", "2027-01"]
    assert found["gates"][0]["name"] == "data sensitivity"
    assert {row["strategy"] for row in found["matrix"]["weighted"]["rows"]} == {"api", "mine"}
    assert found["matrix"]["performance"]["requirements"][0]["key"] == "e2e_p99"
    assert {"name", "p_fires", "p50", "what", "do"} <= set(found["triggers"][0])
    assert {"code", "severity", "says", "do", "evidence"} <= set(found["advice"][0])
    assert len(found["checklist"]) == 11
    assert found["routing"]["routing"]["dearer"] == "gpt-6.1-sol"
    assert {each["vendor"] for each in found["lock_in"]} == {"openai", "anthropic"}
    assert found["strategies"]["api"]["tco_usd"]["p50"] < found["strategies"]["mine"]["tco_usd"]["p50"]
    assert asked.questions[0].outlook.demand.growth_per_month.p50 == 0.02


def test_the_folder_holds_the_decision(asked: Told, capsys: Capture) -> None:
    code, out, err = run(capsys, *SHORT, "-o", "kept-apart", "--format", "json")
    assert code == 0, err
    assert (Path("kept-apart") / "decision.json").read_text() == out
    assert "kept-apart" not in out
    record = json.loads((Path("kept-apart") / "run.json").read_text())
    assert len(record["stacks"]) == 2
    page = (Path("kept-apart") / "report.html").read_text()
    assert page.count("<section") >= 9
    assert "Take api for trace" in page
    with (Path("kept-apart") / "strategies.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [(row["strategy"], row["state"]) for row in rows] == [("api", "recommended"), ("mine", "passes")]
    code, _, err = run(capsys, *SHORT, "-o", "kept-apart")
    assert code == 2
    assert "already there" in err


def test_markdown_and_stacks_in_place_of_strategies(asked: Told, capsys: Capture) -> None:
    code, out, _ = run(capsys, *SHORT, "--stack", "small.yaml", "--stack", "api-first", "--format", "md")
    assert code == 0
    assert out.startswith("# needs on trace\n\n**Take api-first for trace")
    assert "## Strategies" in out


def test_where_nothing_passes_the_exit_code_is_one(asked: Told, capsys: Capture) -> None:
    Path("needs.yaml").write_text(NEEDS.replace("10 min", "1ms"))
    code, out, _ = run(capsys, *SHORT)
    assert code == 1
    assert out.startswith("None of 2 strategies passes for trace. What to relax, the least first: for ")
    assert "allow E2E p99 " in " ".join(out.split())
    assert "in place of 1.00 ms" in " ".join(out.split()) or "in place of 1 ms" in " ".join(out.split())


def test_gates_that_exclude_everything_say_what_to_relax(asked: Told, capsys: Capture) -> None:
    Path("needs.yaml").write_text(f"{NEEDS}data: {{must_stay_home: true}}\n")
    code, out, _ = run(capsys, *SHORT)
    assert code == 1
    assert "let the data leave home (data.must_stay_home: false)" in " ".join(out.split())


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("budget: 60", "budget: 50", "weights: found 50 + 40 = 90; weights must add up to 1, or to 100"),
        ("months: 2", "scores: {team: {mine: 6}}", "scores.team.mine: found 6; it should be less than or equal to 5"),
        ("api-first", "api-fist", "strategies.api: no stack 'api-fist'"),
        ("months: 2", "triggers: {slo_mised: {months: 2}}", "did you mean 'slo_missed'?"),
        ("months: 2", "months: 0", "months: found 0; it should be greater than 0"),
    ],
)
def test_mistakes_of_needs_end_with_two(asked: Told, capsys: Capture, old: str, new: str, says: str) -> None:
    Path("needs.yaml").write_text(NEEDS.replace(old, new))
    code, out, err = run(capsys, *SHORT)
    assert (code, out) == (2, "")
    assert "needs.yaml:" in err
    assert says in " ".join(err.split())
    assert not asked.questions


def test_needs_are_asked_for(capsys: Capture) -> None:
    code, _, err = run(capsys)
    assert code == 2
    assert "--needs" in err


def test_a_progression_stands_beside_the_others(asked: Told, capsys: Capture) -> None:
    Path("needs.yaml").write_text(
        NEEDS.replace(
            "{mine: small.yaml, api: api-first}", "{mine: small.yaml, api: {stack: api-first, then: {stack: small.yaml, when: 2}}}"
        )
    )
    code, out, err = run(capsys, *SHORT)
    assert code == 0, err
    assert "Path" in out
    assert "api: api, then small" in out


@pytest.mark.nightly
def test_one_real_decision_is_the_same_again(tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    """No stand-in here, and nothing kept from the first to the second."""
    write_world(tmp_path)
    write_trace(tmp_path / "trace.parquet", rows=300, rate=0.01)
    (tmp_path / "needs.yaml").write_text(NEEDS)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(CellStore, "default", lambda: CellStore(None))
    quick = ("--needs", "needs.yaml", "--futures", "20", "--months", "1", "--workers", "1", "--format", "json")
    code, first, err = run(capsys, *quick)
    assert code == 0, err
    assert run(capsys, *quick)[1] == first


def test_past_decisions_are_listed_and_their_report_made_again(asked: Told, capsys: Capture) -> None:
    assert run(capsys, *SHORT)[0] == 0
    (folder,) = Path("outputs").iterdir()
    whole = (folder / "report.html").read_bytes()
    (folder / "report.html").unlink()
    code, out, err = command.run(capsys, "runs")
    assert code == 0, err
    assert "decision" in out
    assert "Take api for trace" in out
    assert command.run(capsys, "report", str(folder))[0] == 0
    assert (folder / "report.html").read_bytes() == whole
    code, _, err = command.run(capsys, "export", str(folder), "-o", "out")
    assert code == 2
    assert "a decision is not exported" in err
