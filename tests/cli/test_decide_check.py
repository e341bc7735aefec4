"""`sim decide --check`: an earlier decision holds or does not, and why; the record in the folder of a decision. Months are made by hand."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sim.futures.forecast import Forecast
from sim.futures.run import Question
from tests.made import command
from tests.made.ahead import ahead
from tests.made.command import Capture
from tests.made.told import Told, tell
from tests.made.world import write_world

NEEDS = """\
description: answers for customers
months: 2
latency: {e2e_p99: 10 min}
weights: {budget: 60, accuracy: 40}
quality: {gpt-6.1-sol: {score: 0.9, n: 200, source: ours}}
strategies: {mine: small.yaml, api: api-first}
"""


def months(name: str, question: Question) -> Forecast:
    """The API stack costs a third of the other."""
    return ahead(
        question.calendar.months, question.futures, start=question.calendar.start, outlook=question.outlook_name, stack=name,
        scale=0.3 if name == "api-first" else 1.0, seed=question.seed,
    )  # fmt: skip


@pytest.fixture
def record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> str:
    """The record of a decision for `api`, as it was written."""
    write_world(tmp_path)
    (tmp_path / "needs.yaml").write_text(NEEDS)
    monkeypatch.chdir(tmp_path)
    told: Told = tell(monkeypatch, months)
    code, _, err = run(capsys, "-o", "first")
    assert code == 0, err
    assert told.questions
    return "first/decision.md"


def run(capsys: Capture, *arguments: str) -> tuple[int, str, str]:
    return command.run(capsys, "decide", "trace.parquet", "--needs", "needs.yaml", "--futures", "20", *arguments)


def test_the_record_says_what_was_decided(record: str) -> None:
    page = Path(record).read_text()
    assert page.startswith("---\ndecision_record: 1\nquestion: ")
    for part in ("**Take api for trace", "## Question", "## Options", "## Figures", "## Gates", "## Review", "## Assumptions"):
        assert part in page, part
    assert "answers for customers" in page
    assert "- **data sensitivity**: any vendor may: " in page


def test_a_decision_that_holds_ends_with_zero(record: str, capsys: Capture) -> None:
    code, out, err = run(capsys, "--check", record)
    assert code == 0, err
    assert " ".join(out.split()).startswith(f"{record}: the decision to take api still holds. All inputs are those of the record. Take api")


def test_a_decision_that_a_gate_now_rules_out_ends_with_one(record: str, capsys: Capture) -> None:
    Path("needs.yaml").write_text(f"{NEEDS}data: {{sensitivity: phi}}\nteam: {{can_hire: true}}\n")
    code, out, _ = run(capsys, "--check", record, "--format", "json")
    found = json.loads(out)["check"]
    assert code == 1
    assert not found["holds"]
    assert found["because"][0].startswith("api is ruled out by gate data sensitivity: ")
    assert "needs" in found["changed"]


def test_a_review_that_is_due_ends_with_one(record: str, capsys: Capture) -> None:
    code, out, _ = run(capsys, "--check", record, "--date", "2028-01-01")
    assert code == 1
    assert "it was to be looked at again on 20" in " ".join(out.split())


def test_markdown_ends_with_the_check(record: str, capsys: Capture) -> None:
    code, out, _ = run(capsys, "--check", record, "--format", "md")
    assert code == 0
    assert "\n## Check\n" in out


def test_what_is_no_record_ends_with_two(record: str, capsys: Capture) -> None:
    Path("other.md").write_text("# Ours\n")
    code, out, err = run(capsys, "--check", "other.md")
    assert (code, out) == (2, "")
    assert "other.md: no decision record" in " ".join(err.split())
    code, _, err = run(capsys, "--check", "first/decison.md")
    assert code == 2
    assert "did you mean 'decision.md'?" in " ".join(err.split())
