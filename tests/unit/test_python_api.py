"""The Python calls: typed results whose tables are those of the command's files, to the last bit, and nothing written unless asked."""

from __future__ import annotations

import csv
import datetime
import json
from pathlib import Path

import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

import sim
from sim.futures.cell_store import CellStore
from sim.futures.forecast import Forecast
from sim.futures.run import Question
from sim.planning.point_store import PointStore
from tests.made import command
from tests.made.ahead import ahead
from tests.made.command import Capture
from tests.made.told import tell
from tests.made.world import write_world

AHEAD = ("--months", "2", "--futures", "20", "--workers", "1")


def months(name: str, question: Question) -> Forecast:
    """Months made by hand, at once."""
    return ahead(
        question.calendar.months, question.futures, start=question.calendar.start, outlook=question.outlook_name, stack=name,
        scale=1.0 if name == "small" else 0.3, seed=question.seed,
    )  # fmt: skip


def silent(_text: str, _done: float, _whole: float) -> None:
    """Hears how far a call is."""


@pytest.fixture(autouse=True)
def world(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with trace.parquet and small.yaml, and an empty store elsewhere."""
    write_world(tmp_path)
    monkeypatch.chdir(tmp_path)
    store, points = CellStore(tmp_path_factory.mktemp("cells")), PointStore(tmp_path_factory.mktemp("points"))
    monkeypatch.setattr(CellStore, "default", staticmethod(lambda: store))
    monkeypatch.setattr(PointStore, "default", staticmethod(lambda: points))
    return tmp_path


def files_of(folder: Path) -> dict[str, bytes]:
    """The files of a folder by name; run.json without the command line, report.html, which shows it, left out."""
    found = {file.relative_to(folder).as_posix(): file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file()}
    found.pop("report.html", None)
    record = json.loads(found.pop("run.json"))
    record.pop("argv")
    return found | {"run.json": json.dumps(record).encode()}


def csv_equals(table: pd.DataFrame, file: Path) -> None:
    """A table and a CSV file hold the same: the same columns, and the same texts and numbers to the last digit."""
    with file.open(newline="", encoding="utf-8") as text:
        header, *rows = csv.reader(text)
    assert list(table.columns) == header and len(table) == len(rows)
    for k, name in enumerate(header):
        for value, cell in zip(table[name].tolist(), (row[k] for row in rows), strict=True):
            assert cell == "" if pd.isna(value) else (float(cell) == value if isinstance(value, float) else cell == str(value)), name


def test_a_replay_is_what_the_command_writes(world: Path, capsys: Capture) -> None:
    code, out, err = command.run(
        capsys, "run", "trace.parquet", "--stack", "small.yaml", "--months", "0", "--set", "slo.ttft_p95=20ms", "--seed", "3",
        "--log-requests", "--format", "json", "-o", "theirs",
    )  # fmt: skip
    assert code == 0, err
    before = command.listing()
    found = sim.simulate("trace.parquet", "small.yaml", settings={"slo.ttft_p95": "20ms"}, seed=3, log=True)
    assert command.listing() == before
    assert found.json == out and found.summary == json.loads(out) and found.answer == found.summary["answer"]
    assert found.slo_met is False and found.usd_per_month == found.summary["bill"]["month"]["total_usd"]
    for name in ("latency", "latency_curves", "timeline", "events", "monthly", "charges", "requests"):
        assert_frame_equal(getattr(found, name), pd.read_parquet(world / "theirs" / f"{name}.parquet"), check_exact=True)
    csv_equals(found.capacity, world / "theirs" / "capacity.csv")
    assert found.bill.to_dict("records") == found.summary["bill"]["lines"]
    assert found.save("ours") == Path("ours")
    assert files_of(world / "ours") == files_of(world / "theirs")


def test_a_forecast_is_what_the_command_writes(world: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    told = tell(monkeypatch, months)
    code, out, err = command.run(
        capsys, "run", "trace.parquet", "--stack", "small.yaml", *AHEAD, "--budget", "$50k", "--start", "2027-01", "--seed", "5", "--strict",
        "--set", "outlook.demand.growth_per_month=9%", "--format", "json", "-o", "theirs",
    )  # fmt: skip
    assert code == 0, err
    found = sim.forecast(
        "trace.parquet", "small.yaml", months=2, futures=20, workers=1, budget=50_000, start=datetime.date(2027, 1, 15), seed=5, strict=True,
        settings={"outlook.demand.growth_per_month": "9%"}, progress=silent,
    )  # fmt: skip
    assert told.questions[0] == told.questions[1]
    assert found.json == out
    assert found.months == ("2027-01", "2027-02")
    assert found.invoice_usd.p50 == found.summary["total"]["invoice_usd"]["p50"]
    assert found.tco_usd.p95 == found.summary["total"]["tco_usd"]["p95"]
    assert found.p_over_budget == found.summary["budget"]["invoice"]["p_exceed"]
    for name in ("monthly", "draws", "charges", "latency"):
        assert_frame_equal(getattr(found, name), pd.read_parquet(world / "theirs" / f"{name}.parquet"), check_exact=True)
    csv_equals(found.capacity, world / "theirs" / "capacity.csv")
    assert found.requests is None
    assert found.save("ours") == Path("ours") and files_of(world / "ours") == files_of(world / "theirs")


@pytest.mark.slow
def test_real_months_are_those_of_the_command(world: Path, capsys: Capture) -> None:
    real = ("--months", "1", "--futures", "20", "--workers", "1", "--outlook", "certain")
    code, out, err = command.run(capsys, "run", "trace.parquet", "--stack", "small.yaml", *real, "--format", "json", "-o", "theirs")
    assert code == 0, err
    assert sim.forecast("trace.parquet", "small.yaml", months=1, futures=20, outlook="certain").json == out


def test_a_comparison_is_what_the_command_writes(world: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    tell(monkeypatch, months)
    gate = "monthly.tco_usd.p95 > 1"
    code, out, err = command.run(
        capsys, "compare", "trace.parquet", "--stack", "small.yaml", "--stack", "api-first", *AHEAD, "--fail-if", gate, "--format", "json",
        "-o", "theirs",
    )  # fmt: skip
    assert code == 1, err
    small = sim.load_stack("small.yaml")
    trace = sim.read_trace("trace.parquet")
    found = sim.compare(trace, [small, "api-first"], months=2, futures=20, workers=1, fail_if=[gate], progress=silent)
    assert found.json == out and found.failed and len(found.gates) == 2
    assert found.names == ("small", "api-first") and found.cheapest == found.summary["cheapest"]["tco"]
    csv_equals(found.pairs, world / "theirs" / "pairs.csv")
    csv_equals(found.pairs_monthly, world / "theirs" / "pairs_monthly.csv")
    for name in found.names:
        for table in ("monthly", "draws", "charges"):
            ours = getattr(found, table)
            read = pd.read_parquet(world / "theirs" / name / f"{table}.parquet")
            of_stack = ours[ours["stack"] == name].drop(columns="stack").reset_index(drop=True)
            assert_frame_equal(of_stack, read, check_exact=True, check_categorical=False)
            assert_frame_equal(getattr(found.runs[name], table), read, check_exact=True)
        csv_equals(found.runs[name].capacity, world / "theirs" / name / "capacity.csv")
    found.save("ours")
    assert files_of(world / "ours") == files_of(world / "theirs")
    # One of its stacks alone is what the months of that stack are.
    alone = sim.forecast(trace, small, months=2, futures=20, workers=1, progress=silent)
    assert alone.json == found.runs["small"].json


def test_a_sweep_is_what_the_command_writes(world: Path, capsys: Capture) -> None:
    key = "deployments.own.replicas.count"
    code, out, err = command.run(
        capsys, "sweep", "trace.parquet", "--stack", "small.yaml", "--over", f"{key}=1:2", "--over", "deployments.own.gpu=h100-sxm,l4",
        "--format", "json", "-o", "theirs",
    )  # fmt: skip
    assert code == 0, err
    found = sim.sweep("trace.parquet", "small.yaml", over={key: range(1, 3), "deployments.own.gpu": ["h100-sxm", "l4"]})
    assert found.json == out and found.kept == 4
    rows = found.rows
    assert_frame_equal(rows, pd.read_parquet(world / "theirs" / "sweep.parquet"), check_exact=True)
    csv_equals(rows, world / "theirs" / "sweep.csv")
    assert found.cheapest == found.summary["rows"][found.summary["cheapest"]]["point"]
    found.save("ours")
    assert files_of(world / "ours") == files_of(world / "theirs")
    as_text = sim.sweep("trace.parquet", "small.yaml", over={key: "1:2", "deployments.own.gpu": "h100-sxm,l4"})
    assert as_text.json == out


def test_a_plan_is_what_the_command_writes(world: Path, capsys: Capture) -> None:
    (world / "space.yaml").write_text("replicas: 1:3\noverflow: [stack, none]\n")
    levels = ["ttft_p95 <= 500ms", "completed >= 99%"]
    code, out, err = command.run(
        capsys, "plan", "trace.parquet", "--stack", "small.yaml", "--space", "space.yaml", "--slo", levels[0], "--slo", levels[1],
        "--redundancy", "1", "--format", "json", "-o", "theirs",
    )  # fmt: skip
    assert code == 0, err
    found = sim.plan("trace.parquet", levels, space="space.yaml", stack="small.yaml", redundancy=1)
    assert found.json == out and found.feasible
    assert found.chosen == found.summary["chosen"]["values"] and found.usd_per_month == found.summary["chosen"]["monthly_usd"]
    csv_equals(found.candidates, world / "theirs" / "candidates.csv")
    assert found.calendar.empty
    assert found.stack_yaml == (world / "theirs" / "stack.yaml").read_text()
    found.save("ours")
    assert files_of(world / "ours") == files_of(world / "theirs")
    # What was chosen replays as the plan says, as it is and from its file.
    assert found.stack is not None
    again = sim.simulate("trace.parquet", found.stack)
    assert again.usd_per_month == found.usd_per_month
    assert sim.simulate("trace.parquet", "ours/stack.yaml").usd_per_month == found.usd_per_month


def test_a_plan_without_a_way(world: Path) -> None:
    (world / "space.yaml").write_text("replicas: 1:2\n")
    found = sim.plan("trace.parquet", "ttft_p95 <= 1ms", space=world / "space.yaml", stack="small.yaml")
    assert not found.feasible and found.stack is None and found.chosen is None and found.usd_per_month is None
    assert found.stack_yaml is None and found.confidence is None and found.summary["nearest"] is not None
