"""The Python calls: typed results whose tables are those of the command's files, to the last bit, and nothing written unless asked."""

from __future__ import annotations

import csv
import datetime
import html
import json
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import FrozenInstanceError
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

import sim
from sim.futures.cell_store import CellStore
from sim.futures.forecast import Forecast
from sim.futures.run import Question
from sim.planning.point_store import PointStore
from sim.results.result import Result
from sim.trace import Trace
from sim.trace.closed_loop import ClosedLoop
from sim.units import tidy
from tests.made import command
from tests.made.ahead import ahead
from tests.made.command import Capture
from tests.made.told import tell
from tests.made.world import write_world

ROOT = Path(sim.__file__).resolve().parent.parent
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
    """A table and a CSV file hold the same: the same columns, texts and numbers, but for what floats leave behind."""
    with file.open(newline="", encoding="utf-8") as text:
        header, *rows = csv.reader(text)
    assert list(table.columns) == header and len(table) == len(rows)
    for k, name in enumerate(header):
        for value, cell in zip(table[name].tolist(), (row[k] for row in rows), strict=True):
            assert cell == "" if pd.isna(value) else (float(cell) == tidy(value) if isinstance(value, float) else cell == str(value)), name


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
    # What was chosen replays as the plan says, as it is and from its file, which has a sentence of its own where it is another stack.
    assert found.stack is not None
    said = found.stack.file.stack.description
    assert said.startswith("small, as sim plan chose it: replicas ") and said in " ".join(found.stack_yaml.split())
    again = sim.simulate("trace.parquet", found.stack)
    assert again.usd_per_month == found.usd_per_month
    assert sim.simulate("trace.parquet", "ours/stack.yaml").usd_per_month == found.usd_per_month


def test_a_plan_without_a_way(world: Path) -> None:
    (world / "space.yaml").write_text("replicas: 1:2\n")
    found = sim.plan("trace.parquet", "ttft_p95 <= 1ms", space=world / "space.yaml", stack="small.yaml")
    assert not found.feasible and found.stack is None and found.chosen is None and found.usd_per_month is None
    assert found.stack_yaml is None and found.confidence is None and found.summary["nearest"] is not None


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: sim.simulate("trace.parquet", "smal.yaml"), "smal.yaml: no such file; did you mean 'small.yaml'?"),
        (lambda: sim.simulate("trace.parqet", "small.yaml"), "trace.parqet: no such file; did you mean 'trace.parquet'?"),
        (lambda: sim.load_stack("hybird"), "no stack 'hybird'; allowed: "),
        (lambda: sim.load_stack("small.yaml", {"slo.tft_p95": "2s"}), "settings: slo.tft_p95: unknown key 'tft_p95'; allowed: ttft_p95, "),
        (lambda: sim.load_stack("small.yaml", {"slo.ttft_p95": {1}}), "settings: found {1}; allowed: texts, finite numbers, "),
        (lambda: sim.load_stack("small.yaml", "slo.ttft_p95=2s"), "settings: 'slo.ttft_p95=2s': found a text; allowed: a mapping"),
        (lambda: sim.load_stack("small.yaml", {"outlook.demand.growth_per_month": "5%"}), "settings: outlook.demand.growth_per_month=5%: is"),
        (lambda: sim.load_stack("small.yaml", date="21.11.2026"), "date: found '21.11.2026'; a day as 2026-11-21 is needed"),
        (lambda: sim.simulate("trace.parquet", "small.yaml", seed=-1), "seed: found -1; allowed: a whole number from 0 to 9,223,"),
        (lambda: sim.simulate("trace.parquet", "small.yaml", think="2s"), "think 2s: needs closed_loop=N, so many clients that wait"),
        (lambda: sim.simulate("trace.parquet", "small.yaml", closed_loop=0), "closed_loop: found 0; allowed: a whole number from 1"),
        (lambda: sim.simulate("trace.parquet", "small.yaml", settings=["outlook.x=1"]), "settings: outlook.x=1: is about months, and a replay"),
        (lambda: sim.simulate("trace.parquet", sim.load_stack("small.yaml"), date="2026-01-01"), "date: the stack small is opened already"),
        (lambda: sim.forecast("trace.parquet", "small.yaml", months=0), "months: found 0; allowed: a whole number from 1 to 120"),
        (lambda: sim.forecast("trace.parquet", "small.yaml", futures=True), "futures: found True; allowed: a whole number from 20"),
        (lambda: sim.forecast("trace.parquet", "small.yaml", budget="90.000"), "budget: found '90.000', which could be 90000 or 90.00"),
        (lambda: sim.forecast("trace.parquet", "small.yaml", start="11/2026"), "start: found '11/2026'; allowed: a month from 2000-01"),
        (lambda: sim.forecast("trace.parquet", "small.yaml", outlook="bse"), "no outlook 'bse'; allowed: base, "),
        (lambda: sim.compare("trace.parquet", ["small.yaml"]), "stacks: found 1; allowed: 2 to 8, as ['api-first', 'hybrid']"),
        (lambda: sim.compare("trace.parquet", "small.yaml"), "stacks: found 1; allowed: 2 to 8"),
        (lambda: sim.compare("trace.parquet", ["small.yaml", "api-first"], fail_if=["tco > 1"]), "fail_if: column 1: unknown figure 'tco'; did you mean total.tco_usd.p50"),
        (lambda: sim.sweep("trace.parquet", "small.yaml"), "over: found nothing to vary; allowed: {'deployments.own.replicas.count': range"),
        (lambda: sim.sweep("trace.parquet", "small.yaml", {"slo.ttft_p95": []}), "over: slo.ttft_p95: found no values; allowed: a list"),
        (lambda: sim.sweep("trace.parquet", "small.yaml", gpus=[1, 1]), "gpus: found '1' twice; give every value once"),
        (lambda: sim.plan("trace.parquet", "ttft < ", stack="small.yaml"), "levels: "),
        (lambda: sim.plan("trace.parquet", stack="small.yaml", confidence=1.0), "confidence: found '1.0'; allowed: from 50 % to below 100 %"),
        (lambda: sim.plan("trace.parquet", stack="small.yaml", redundancy="two"), "redundancy: found 'two'; allowed: replicas that may be"),
        (lambda: sim.load_stack(""), "found an empty name; the name of a stack, or of its file, is needed"),
        (lambda: sim.simulate("trace.parquet", ""), "found an empty name; the name of a stack, or of its file, is needed"),
        (lambda: sim.plan("trace.parquet", stack="small.yaml", growth=0.05), "growth: is about months, and with months=0 there are none"),
    ],
)  # fmt: skip
def test_mistakes_are_said_in_the_words_of_python(call: Callable[[], object], said: str) -> None:
    before = command.listing()
    with pytest.raises(sim.InputError) as error:
        call()
    assert str(error.value).startswith(said)
    assert " --" not in str(error.value)
    assert command.listing() == before


def test_every_stack_that_is_wrong_is_said(world: Path) -> None:
    with pytest.raises(sim.InputError) as error:
        sim.compare("trace.parquet", ["smal.yaml", "api-frst"])
    first, second = str(error.value).split("\n")
    assert first.startswith("smal.yaml: no such file") and second.startswith("no stack 'api-frst'")


def test_stacks_of_other_prices_are_not_compared(world: Path) -> None:
    (one, other) = sim.load_stack("small.yaml"), sim.load_stack("api-first", date="2026-06-01")
    with pytest.raises(sim.InputError, match="api-first: opened with other prices or another catalogue than small"):
        sim.compare("trace.parquet", [one, other])


def test_an_opened_stack_takes_more_settings(world: Path) -> None:
    stack = sim.load_stack("small.yaml", {"deployments.own.replicas": 2})
    assert stack.name == "small" and stack.deployments == ("own", "spill") and stack.settings == ("deployments.own.replicas=2",)
    assert repr(stack) == f"<Stack small: own, spill; prices of {stack.books.book.date}, settings=['deployments.own.replicas=2']>"
    found = sim.simulate("trace.parquet", stack, settings={"slo.ttft_p95": np.float64(0.02)})
    alike = sim.simulate("trace.parquet", "small.yaml", settings=["deployments.own.replicas=2", "slo.ttft_p95=20ms"])
    assert found.json == alike.json and not found.slo_met
    assert stack.settings == ("deployments.own.replicas=2",)


def test_a_trace_in_memory_is_replayed_but_not_swept(world: Path) -> None:
    trace = Trace.from_arrays(arrival_s=np.arange(50.0), prompt_tokens=[100] * 50, output_tokens=[10] * 50, name="mine")
    assert repr(trace) == "<Trace mine: 50 requests over 49.0 s>"
    assert repr(sim.read_trace("trace.parquet")).endswith("; classes chat, code; 3 clients>")
    assert sim.simulate(trace, "small.yaml").summary["trace"]["name"] == "mine"
    for call in (lambda: sim.sweep(trace, "small.yaml", {"seed": [1]}), lambda: sim.plan(trace, stack="small.yaml")):
        with pytest.raises(sim.InputError, match=r"^mine: a trace in memory, and a (sweep|plan) reads it from several processes"):
            call()


def test_clients_and_events(world: Path, capsys: Capture) -> None:
    (world / "events.yaml").write_text("events:\n- {at: 10s, kind: gpu_failure, deployment: own, duration: 30s}\n")
    theirs = command.replayed(capsys, "trace.parquet", "--stack", "small.yaml", "--events", "events.yaml")
    found = sim.simulate("trace.parquet", "small.yaml", events="events.yaml")
    assert found.summary == theirs and not found.events.empty
    theirs = command.replayed(capsys, "trace.parquet", "--stack", "small.yaml", "--closed-loop", "4", "--think", "1s")
    assert sim.simulate("trace.parquet", "small.yaml", closed_loop=4, think=1).summary == theirs
    assert sim.simulate("trace.parquet", "small.yaml", closed_loop=ClosedLoop(4, think_s=1.0)).summary == theirs


def test_a_folder_that_is_there_is_kept(world: Path) -> None:
    found = sim.simulate("trace.parquet", "small.yaml")
    assert found.save("r") == Path("r")
    with pytest.raises(sim.InputError, match=r"^r: already there; give another folder, or force=True to replace it$"):
        found.save("r")
    (world / "r" / "mine").write_text("")
    assert found.save("r", force=True) == Path("r") and not (world / "r" / "mine").exists()
    default = found.save()
    assert default.parent == Path("outputs") and default == found.default_folder and found.save() == default


def test_results_do_not_change(world: Path) -> None:
    found = sim.simulate("trace.parquet", "small.yaml")
    table = found.latency
    table["mean_s"] = 0.0
    found.summary["bill"].clear()
    assert (found.latency["mean_s"] > 0).all() and found.summary["bill"]
    with pytest.raises(FrozenInstanceError):
        found.report = None  # type: ignore[misc, assignment]
    assert repr(found) == f"<SimulateResult: {found.answer}>"


def test_a_notebook_shows_the_answer_and_charts_and_no_name_escapes(world: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tell(monkeypatch, months)
    hostile = '"><script>alert(1)</script><img src=x onerror=alert(1)>'
    (world / "space.yaml").write_text("replicas: 1:2\n")
    path = world / f"{hostile.replace('/', '')}.parquet"
    path.write_bytes((world / "trace.parquet").read_bytes())
    ahead_of = sim.forecast(path, "small.yaml", months=2, futures=20, progress=silent)
    shown: list[Result] = [
        sim.simulate(path, "small.yaml"), ahead_of,
        sim.compare(path, ["small.yaml", "api-first"], months=2, futures=20, progress=silent),
        sim.sweep(path, "small.yaml", {"deployments.own.replicas.count": "1:3"}),
        sim.plan(path, "ttft_p95 <= 500ms", stack="small.yaml", space="space.yaml"),
    ]  # fmt: skip
    for found in shown:
        frame = found._repr_html_()
        inside = re.fullmatch(
            r'<iframe title="[^"<>]*" sandbox="allow-scripts" style="[^"<>]*" srcdoc="([^"]*)"></iframe>', frame, re.DOTALL
        )
        assert inside is not None
        document = html.unescape(inside[1])
        assert document.count("<script") == 1 and "<img" not in document and "default-src 'none'" in document
        assert not re.search(r"""<[a-z][^>]*\s(?:src|href)=["']?[^#"']|url\(|@import|https?://""", document.split("<script>")[0])
        assert "<svg" in document or "class=bars" in document.replace('"', "")
        assert html.escape(found.answer.split(" ")[0]) in document
        assert len(frame) < 150_000


def test_import_waits_for_nothing() -> None:
    heavy = "numba, pandas, pyarrow, scipy, numpy, pydantic, click"
    code = f"import sim, sys; sys.exit(bool(set('{heavy}'.split(', ')) & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


@pytest.mark.slow
def test_calls_are_typed() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--config-file", "pyproject.toml", "tests/made/typed_calls.py"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode in (0, 1) and "typed_calls.py" not in done.stdout, done.stdout + done.stderr
    assert (Path(sim.__file__).parent / "py.typed").is_file()
