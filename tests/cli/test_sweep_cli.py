"""`sim sweep`: what is printed and written, what it refuses, and that it goes on where it was ended."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path

import pyarrow.parquet as pq
import pytest

import sim.planning.evaluate
from sim.cli.main import exit_code
from sim.futures.forecast import Forecast
from sim.futures.run import Question
from sim.planning.axes import parse_over
from sim.planning.point_store import PointStore
from sim.planning.points import Point, Row, Study
from tests.made import command
from tests.made.ahead import ahead
from tests.made.command import Capture
from tests.made.world import write_world

COUNTS = ("--over", "deployments.own.replicas.count=1:3")
FILES = ("run.json", "stack.yaml", "sweep.csv", "sweep.json", "sweep.parquet", "report.html")


@pytest.fixture(autouse=True)
def store(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> PointStore:
    """A folder with trace.parquet and small.yaml, and an empty store elsewhere."""
    write_world(tmp_path)
    monkeypatch.chdir(tmp_path)
    found = PointStore(tmp_path_factory.mktemp("points"))
    monkeypatch.setattr(PointStore, "default", staticmethod(lambda: found))
    return found


def sweep(capsys: Capture, *arguments: str) -> tuple[str, str]:
    code, out, err = command.run(capsys, "sweep", "trace.parquet", "--stack", "small.yaml", *arguments)
    assert code == 0, err
    return out, err


def refused(capsys: Capture, *arguments: str) -> str:
    return command.refused(capsys, "sweep", "trace.parquet", "--stack", "small.yaml", *arguments)


def test_a_sweep_is_printed_and_written(capsys: Capture) -> None:
    out, err = sweep(capsys, *COUNTS)
    assert out.startswith("All 3 points meet the service levels; the cheapest is replicas 1: $")
    assert max(map(len, out.splitlines())) <= 80
    folders = list(Path("outputs").iterdir())
    assert len(folders) == 1 and folders[0].name.startswith("trace-sweep-") and f"note: files are in {folders[0]}" in err
    assert sorted(file.name for file in folders[0].iterdir()) == sorted(FILES)
    table = pq.read_table(folders[0] / "sweep.parquet")
    read = list(csv.DictReader(io.StringIO((folders[0] / "sweep.csv").read_text())))
    assert table.column_names == list(read[0])
    assert table.column("deployments.own.replicas.count").to_pylist() == [1, 2, 3]
    for i, each in enumerate(table.to_pylist()):
        # The text leaves out what a float leaves behind in the sixteenth digit.
        assert float(read[i]["usd_per_month"]) == pytest.approx(each["usd_per_month"], rel=1e-14, abs=0)
        assert each["gpus_most"] == i + 1 and each["refused"] is None
    record = json.loads((folders[0] / "run.json").read_text())
    assert record["inputs"]["axes"] == [["deployments.own.replicas.count", ["1", "2", "3"]]]


def test_every_format_says_the_same(capsys: Capture) -> None:
    said = json.loads(sweep(capsys, *COUNTS, "--format", "json")[0])
    read = list(csv.DictReader(io.StringIO(sweep(capsys, *COUNTS, "--format", "csv")[0])))
    assert [float(each["ttft_p99_s"]) for each in read] == [each["metrics"]["ttft_p99_s"] for each in said["rows"]]
    markdown = sweep(capsys, *COUNTS, "--format", "md")[0]
    assert said["answer"] in markdown.replace("\\", "")
    folder = next(Path("outputs").iterdir())
    assert json.loads((folder / "sweep.json").read_text()) == said


def test_bytes_do_not_depend_on_workers_or_the_store(capsys: Capture, store: PointStore) -> None:
    grid = ("--over", "deployments.own.max_num_seqs=4,16", *COUNTS)
    first, err = sweep(capsys, *grid, "-o", "one", "--workers", "1")
    assert "kept" not in err
    again, err = sweep(capsys, *grid, "-o", "kept")
    assert "note: 6 of 6 points were finished before and kept" in err
    assert store.folder is not None
    for file in store.folder.iterdir():
        file.unlink()
    other, _ = sweep(capsys, *grid, "-o", "two", "--workers", "2")
    assert first == again == other
    for name in ("stack.yaml", "sweep.csv", "sweep.json", "sweep.parquet"):
        assert (Path("one") / name).read_bytes() == (Path("two") / name).read_bytes() == (Path("kept") / name).read_bytes(), name
    folder = Path("one")
    assert sorted(each.name for each in folder.iterdir()) == sorted(FILES)


def test_the_same_points_have_the_same_luck(capsys: Capture) -> None:
    whole = json.loads(sweep(capsys, *COUNTS, "--format", "json")[0])["rows"]
    one = json.loads(sweep(capsys, "--set", "deployments.own.replicas=2", "--over", "slo.ttft_p95=3", "--format", "json")[0])["rows"]
    assert one[0]["metrics"] == whole[1]["metrics"]
    other = json.loads(sweep(capsys, *COUNTS, "--seed", "1", "--format", "json")[0])["rows"]
    assert other[0]["metrics"] != whole[0]["metrics"]


def test_total_gpus_that_cannot_be_had_are_rows(capsys: Capture) -> None:
    out, _ = sweep(capsys, "--gpus", "1:4", "--set", "deployments.own.gpus_per_node=2", "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert [row["gpus"] for row in rows] == ["1", "2", "3", "4"]
    assert [row["gpus_most"] for row in rows] == ["", "2.0", "", "4.0"]
    assert rows[0]["refused"] == "1 GPU: 1 replica of 1 GPU take 1 whole machine of 2, 2 in all"


def test_an_interrupted_sweep_goes_on(capsys: Capture, store: PointStore, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, _ = sweep(capsys, *COUNTS, "-o", "whole")
    assert store.folder is not None
    for file in store.folder.iterdir():
        file.unlink()
    real = sim.planning.evaluate.evaluate
    begun: list[int] = []

    def stopped(study: Study, point: Point) -> Row:
        begun.append(point.number)
        if len(begun) == 3:
            raise KeyboardInterrupt
        return real(study, point)

    monkeypatch.setattr(sim.planning.evaluate, "evaluate", stopped)
    code, out, err = command.run(capsys, "sweep", "trace.parquet", "--stack", "small.yaml", *COUNTS, "-o", "r")
    assert (code, out) == (130, "") and not Path("r").exists()
    assert "note: 2 of 3 points are finished and kept: the same command goes on from there" in " ".join(err.split())
    monkeypatch.setattr(sim.planning.evaluate, "evaluate", real)
    out, err = sweep(capsys, *COUNTS, "-o", "r")
    assert out == whole and "note: 2 of 3 points were finished before and kept" in err


def test_months(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Question] = []

    def forecast(_resolved: object, _trace: object, question: Question, **_more: object) -> Forecast:
        asked.append(question)
        return ahead(question.calendar.months, question.futures, scale=1.0 + question.outlook.demand.growth_per_month.p50)

    monkeypatch.setattr("sim.futures.run.forecast", forecast)
    arguments = ("--over", "outlook.demand.growth_per_month=0%,30%", "--months", "2", "--start", "2027-02", "--futures", "20")
    out, _ = sweep(capsys, *arguments, "--workers", "1", "--outlook", "stress", "--seed", "3", "--format", "json")
    assert [(each.outlook_name, each.futures, each.seed, each.calendar.names) for each in asked] == [
        ("stress", 20, 3, ("2027-02", "2027-03"))
    ] * 2
    assert sorted(each.outlook.demand.growth_per_month.p50 for each in asked) == [0.0, 0.3]
    said = json.loads(out)
    assert said["cost"] == "tco_usd_mean" and said["forecast"]["months"] == 2
    one, two = (each["metrics"] for each in said["rows"])
    assert one["usd_per_month"] == two["usd_per_month"] and two["invoice_usd_mean"] == pytest.approx(1.3 * one["invoice_usd_mean"])
    assert one["tco_usd_p5"] <= one["tco_usd_p50"] <= one["tco_usd_p95"]
    text, err = sweep(capsys, *arguments, "--outlook", "stress", "--seed", "3")
    assert len(asked) == 2 and "2 of 2 points were finished before and kept" in err
    assert "TCO mean" in text and max(map(len, text.splitlines())) <= 80


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "found nothing to vary"),
        (("--over", "deployments.own.replcas=1:2"), "did you mean 'replicas'?"),
        (("--over", "deployments.own.replicas=1-6"), "a range is start:stop[:step], as 1:6"),
        (("--over", "deployments.own.replicas=3:1"), "a range of no values"),
        (("--over", "deployments.own.replicas=1:3,3", "--gpus", "x"), "--gpus: found 'x'"),
        (("--over", "deployments.own.replicas=1:3,3", "--gpus", "x"), "found '3' twice"),
        (("--over", "outlook.demand.growth_per_month=1%"), "is about months, and with --months 0 there are none"),
        (("--set", "outlook.demand.growth_per_month=1%", *COUNTS), "is about months"),
        (("--outlook", "stress", *COUNTS), "--outlook: is about months"),
        (("--months", "2", "--start", "soon", *COUNTS), "--start: found 'soon'"),
        (("--months", "2", "--outlook", "strees", *COUNTS), "did you mean 'stress'?"),
        (("--over", "deployments.own.gpu=h100-smx,a100"), "error: --over deployments.own.gpu: unknown gpu 'h100-smx'"),
        (("--set", "slo.ttft_p95=never", *COUNTS), "--set slo.ttft_p95"),
        (("--date", "soon", *COUNTS), "--date: found 'soon'"),
        (("--prices", "none.yaml", *COUNTS), "none.yaml: no such file"),
        (("--workers", "0", *COUNTS), "--workers"),
        (("--format", "xml", *COUNTS), "--format"),
        (("-o", ".", *COUNTS), "already there"),
    ],
)
def test_mistakes(capsys: Capture, arguments: tuple[str, ...], words: str) -> None:
    assert words in refused(capsys, *arguments)


def test_a_slip_in_one_of_many_values_is_warned_of(capsys: Capture) -> None:
    slip = ("--over", "deployments.own.max_num_seqs=4,many", *COUNTS)
    out, err = sweep(capsys, *slip, "--format", "csv")
    assert [bool(each["refused"]) for each in csv.DictReader(io.StringIO(out))] == [False] * 3 + [True] * 3
    said = " ".join(err.split())
    assert said.count("warning:") == 1 and "warning: --over deployments.own.max_num_seqs: found 'many'" in said
    assert "the 3 points with it cannot be made" in said
    assert exit_code(["-q", "sweep", "trace.parquet", "--stack", "small.yaml", *slip]) == 0
    assert capsys.readouterr().err == ""


def test_what_only_some_points_cannot_have_is_no_slip(capsys: Capture) -> None:
    _, err = sweep(capsys, "--gpus", "1:4", "--set", "deployments.own.gpus_per_node=2")
    assert "warning" not in err


def test_help_has_an_example_that_is_read(capsys: Capture) -> None:
    assert exit_code(["sweep", "--help"]) == 0
    text = capsys.readouterr().out
    found = re.findall(r"--over (deployments\S+)", text.split("Options:")[0])
    assert [parse_over(each).key for each in found] == ["deployments.own.replicas", "deployments.own.gpu"]
    assert max(map(len, text.splitlines())) <= 80


def test_a_sweep_of_a_trace_that_is_not_there(capsys: Capture) -> None:
    assert "did you mean 'trace.parquet'?" in command.refused(capsys, "sweep", "trcae.parquet", *COUNTS)
    assert "no stack 'smal'" in command.refused(capsys, "sweep", "trace.parquet", "--stack", "smal", *COUNTS)


def test_quiet_says_nothing(capsys: Capture) -> None:
    assert exit_code(["-q", "sweep", "trace.parquet", "--stack", "small.yaml", *COUNTS]) == 0
    assert capsys.readouterr().err == ""
