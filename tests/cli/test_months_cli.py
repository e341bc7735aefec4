"""`sim run` with months: what its options ask for, what they refuse, what is printed and written. Most forecasts are made by hand here."""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow.parquet as pq
import pytest

from sim.cli.main import exit_code
from sim.futures.cell_store import CellStore
from sim.results.horizon import FUTURES, cores
from tests.made import command
from tests.made.ahead import ahead
from tests.made.command import Capture
from tests.made.world import STACK, write_trace, write_world

BASE = ("run", "trace.parquet", "--stack", "small.yaml")


class Asked:
    """Stands for the forecast of a stack: keeps what it was asked and gives months made by hand."""

    def __init__(self) -> None:
        self.question: Any = None
        self.more: dict[str, Any] = {}

    def forecast(self, _resolved: object, _trace: object, question: Any, **more: Any) -> object:
        self.question, self.more = question, more
        for done in range(3):
            more["says"]("replaying days", done, 3)
        return ahead(question.calendar.months, question.futures, start=question.calendar.start, outlook=question.outlook_name)


def question(*values: object) -> SimpleNamespace:
    names = ("outlook_name", "outlook", "calendar", "futures", "seed", "strict", "exact")
    return SimpleNamespace(**dict(zip(names, values, strict=True)))


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Asked:
    """A folder with trace.parquet and small.yaml, and a forecast that answers at once."""
    write_world(tmp_path)
    monkeypatch.chdir(tmp_path)
    found = Asked()
    monkeypatch.setitem(sys.modules, "sim.futures.run", SimpleNamespace(Question=question, forecast=found.forecast))
    return found


def good(capsys: Capture, *arguments: str) -> str:
    code, out, err = command.run(capsys, *BASE, *arguments)
    assert code == 0, err
    return out


def refused(capsys: Capture, *arguments: str) -> str:
    return command.refused(capsys, *BASE, *arguments)


def test_twelve_months_are_the_default(asked: Asked, capsys: Capture) -> None:
    out = good(capsys)
    assert out.startswith("small serves trace for $")
    assert (asked.question.outlook_name, asked.question.futures, asked.question.strict) == ("base", FUTURES, False)
    assert asked.question.calendar.names[0] == "2026-11" and asked.question.calendar.months == 12
    assert asked.more["workers"] == cores()
    assert max(map(len, out.splitlines())) <= 80 and len(out.splitlines()) < 130


def test_options_reach_the_forecast(asked: Asked, capsys: Capture) -> None:
    words = (
        "--months",
        "24",
        "--start",
        "2027-02",
        "--futures",
        "50",
        "--outlook",
        "certain",
        "--workers",
        "3",
        "--seed",
        "5",
        "--strict",
        "--exact",
    )
    good(capsys, *words, "--set", "outlook.demand.growth_per_month=2%", "--set", "deployments.own.replicas=2")
    found = asked.question
    assert (found.outlook_name, found.futures, found.seed, asked.more["workers"]) == ("certain", 50, 5, 3)
    assert found.strict and found.exact
    assert found.calendar.names[0] == "2027-02" and found.calendar.months == 24
    assert found.outlook.demand.growth_per_month.p50 == pytest.approx(0.02)
    assert asked.more["replayed"].system.deployments[0].replicas == 2


def test_json_has_months_and_replay(asked: Asked, capsys: Capture) -> None:
    found = json.loads(good(capsys, "--format", "json", "--months", "3", "--futures", "20", "--budget", "$20k", "-o", "r"))
    assert [each["month"] for each in found["monthly"]] == ["2026-11", "2026-12", "2027-01"]
    assert found["budget"]["usd"] == 20_000
    assert found["requests"]["total"] == 600 and found["latency"]["ttft_s"]["count"] > 0
    assert json.loads(Path("r/summary.json").read_text()) == found


def test_files_of_months(asked: Asked, capsys: Capture) -> None:
    good(capsys, "--months", "3", "--futures", "20", "--budget", "20000", "-o", "r")
    assert {each.name for each in Path("r").iterdir()} == {
        "run.json", "stack.resolved.yaml", "summary.json", "monthly.csv", "monthly.parquet", "draws.parquet", "capacity.csv", "charges.parquet", "latency.parquet",
        "latency_curves.parquet", "timeline.parquet", "events.parquet", "report.html",
    }  # fmt: skip
    assert pq.read_table("r/draws.parquet").num_rows == 3 * 20
    assert len(list(csv.DictReader(Path("r/capacity.csv").read_text().splitlines()))) == 3 * 2
    record = json.loads(Path("r/run.json").read_text())["forecast"]
    assert (record["months"], record["start"], record["futures"], record["budget_usd"]) == (3, "2026-11", 20, 20_000)
    assert len(record["outlook_sha256"]) == 64


def test_what_the_months_depend_on_makes_another_folder(asked: Asked, capsys: Capture) -> None:
    options: tuple[tuple[str, ...], ...] = (
        ("--months", "0"), (), ("--months", "2"), ("--futures", "30"), ("--start", "2027-01"), ("--outlook", "certain"), ("--budget", "5"),
        ("--set", "outlook.demand.growth_per_month=9%"),
    )  # fmt: skip
    for words in options:
        good(capsys, *words)
    assert len(list(Path("outputs").iterdir())) == len(options)
    good(capsys, "--workers", "1")
    assert len(list(Path("outputs").iterdir())) == len(options)


def test_the_plain_replay_asks_for_no_months(asked: Asked, capsys: Capture) -> None:
    Path("events.yaml").write_text("events:\n  - {at: 20s, kind: gpu_failure, deployment: own, duration: 1h}\n")
    plain = good(capsys, "--months", "0")
    assert plain == good(capsys, "--replay-only") == good(capsys, "--replay-only", "--months", "0")
    good(capsys, "--events", "events.yaml")
    found = json.loads(good(capsys, "--months", "0", "--format", "json"))
    assert asked.question is None
    assert (found["forecast"], found["monthly"], found["total"], found["budget"]) == (None, [], None, None)
    assert (found["drivers"], found["drivers_remainder"], found["incidents"], found["accuracy"]) == ([], None, [], None)
    assert found["slo"]["by_month"] == []


def test_a_trace_that_is_a_moment_has_no_months(asked: Asked, capsys: Capture) -> None:
    table = pq.read_table("trace.parquet").slice(0, 1)
    pq.write_table(table.set_column(0, "arrival_s", [[0.0]]), "one.parquet")
    code, out, err = command.run(capsys, "run", "one.parquet", "--stack", "small.yaml")
    assert code == 0, err
    assert "no duration" in " ".join(out.split()) and asked.question is None
    said = command.refused(capsys, "run", "one.parquet", "--stack", "small.yaml", "--months", "12", "-o", "r")
    assert "one.parquet: all requests arrive at once: no month can be made of that; allowed: --months 0" in said


def test_what_is_assumed_is_told_on_stderr(asked: Asked, capsys: Capture) -> None:
    _, out, err = command.run(capsys, *BASE)
    assert "note: the months rest on 2 assumptions of the outlook base: the report lists them" in " ".join(err.split())
    assert "Assumed" in out and "growth of demand" in out
    capsys.readouterr()
    assert exit_code(["-q", *BASE]) == 0
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--months", "3", "--replay-only"], "--replay-only and --months exclude each other"),
        (["--months", "3", "--events", "e.yaml"], "--events and --months exclude each other"),
        (["--months", "121"], "'--months': 121 is not in the range 0<=x<=120"),
        (["--months", "-1"], "'--months': -1 is not in the range 0<=x<=120"),
        (["--futures", "19"], "'--futures': 19 is not in the range x>=20"),
        (["--workers", "0"], "'--workers': 0 is not in the range x>=1"),
        (["--start", "2026-13"], "--start: found '2026-13'; allowed: a month from 2000-01 to 2099-12, as 2026-11"),
        (["--start", "2026-1"], "--start: found '2026-1'"),
        (["--start", "0001-01"], "--start: found '0001-01'"),
        (["--start", "\u0662\u0660\u0662\u0667-\u0661\u0661"], "--start: found '\u0662"),
        (["--budget", "-5"], "--budget: found '-5'; allowed: an amount of money above 0, as 90000 or $90k"),
        (["--budget", "0"], "--budget: found '0'"),
        (["--budget", "90.000"], "--budget: found '90.000', which could be 90000 or 90.00"),
        (["--budget", "nan"], "--budget: found 'nan', which is not an amount of money"),
        (["--budget", "90 s"], "--budget: found '90 s', which is not an amount of money"),
        (["--outlook", "bsae"], "no outlook 'bsae'; allowed: base"),
        (["--outlook", "bsae"], "did you mean 'base'?"),
        (["--outlook", "none.yaml"], "none.yaml: no such file"),
        (["--set", "outlook.demand.grwth_per_month=2%"], "did you mean 'growth_per_month'?"),
        (["--set", "outlook.=2"], "--set outlook.=2: found no key and value"),
        (["--months", "0", "--budget", "5"], "--budget: is about months, and with --months 0 there are none; allowed: --months 1 or more"),
        (["--replay-only", "--futures", "50"], "--futures: is about months, and with --replay-only there are none"),
        (["--events", "e.yaml", "--start", "2027-01"], "--start: is about months, and with --events there are none"),
        (["--months", "0", "--set", "outlook.demand.trace_sample=true"], "--set outlook.demand.trace_sample=true: is about months"),
    ],
    ids=lambda part: " ".join(part)[:40] if isinstance(part, list) else "",
)
def test_mistakes_end_with_one_clear_message(asked: Asked, capsys: Capture, options: list[str], said: str) -> None:
    assert said in refused(capsys, *options)
    assert asked.question is None


def test_all_mistakes_about_months_are_told_at_once(asked: Asked, capsys: Capture) -> None:
    found = refused(capsys, "--start", "soon", "--budget", "-1", "--outlook", "calmm")
    assert len(found.splitlines()) == 3


def test_a_wrong_outlook_file_is_refused_with_its_line(asked: Asked, capsys: Capture) -> None:
    Path("mine.yaml").write_text("extends: base\ndemand:\n  growth_per_month: {p5: 9%, p50: 3%, p95: 1%}\n")
    assert "mine.yaml:3:" in refused(capsys, "--outlook", "mine.yaml")


OUTLOOK = """\
extends: certain
demand:
  growth_per_month: {p5: 0%, p50: 3%, p95: 8%}
  day_to_day_sigma: 0.1
"""


@pytest.mark.slow
def test_real_months_are_the_same_on_any_number_of_workers_and_from_what_was_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    """Nothing made by hand: one process, two of them, and once more with all replays kept from before."""
    monkeypatch.chdir(tmp_path)
    write_trace(tmp_path / "trace.parquet", rows=200, rate=0.05)
    Path("small.yaml").write_text(STACK)
    Path("grow.yaml").write_text(OUTLOOK)
    kept = tmp_path / "kept"
    kept.mkdir()
    monkeypatch.setattr("sim.futures.cells.sources_hash", lambda: "while this test runs, the code is the same")

    def found(store: CellStore, workers: int) -> dict[str, Any]:
        monkeypatch.setattr(CellStore, "default", lambda: store)
        words = ("--months", "2", "--futures", "20", "--outlook", "grow.yaml", "--workers", str(workers), "--format", "json")
        return dict(json.loads(good(capsys, *words, "--budget", "9000")))

    one = found(CellStore(kept), 1)
    assert list(kept.iterdir())
    assert found(CellStore(None), 2) == one
    before = {each.name: each.stat().st_ctime_ns for each in kept.iterdir()}
    assert found(CellStore(kept), 1) == one
    assert {each.name for each in kept.iterdir()} == before.keys()
    assert [month["month"] for month in one["monthly"]] == ["2026-11", "2026-12"]
    first, second = (month["tco_usd"] for month in one["monthly"])
    assert first["p5"] <= first["p50"] <= first["p95"] and second["mean"] > 0
    assert one["accuracy"]["days"] > 0 and abs(one["accuracy"]["usd_bias"]) < 0.05
