"""`sim plan`: what it finds, what it refuses, what is printed and written."""

from __future__ import annotations

import csv
import json
import math
import re
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sim.catalog.catalog import Catalog
from sim.errors import InputError
from sim.futures.forecast import Forecast
from sim.futures.run import Question
from sim.planning.point_store import PointStore
from sim.report.plan_report import outgrown_in_months
from sim.results.plan_question import lead_days_of
from sim.results.plan_stack import _median_growth
from tests.made import command
from tests.made.ahead import ahead
from tests.made.command import Capture
from tests.made.world import STACK, write_trace

LEVELS = ("--slo", "ttft_p95 <= 500ms", "--slo", "tpot_p95 <= 20ms", "--slo", "completed >= 99%")
SPACE = "replicas: 1:4\nmax_num_seqs: [2, 16]\noverflow: [stack, none]\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with trace.parquet, small.yaml and space.yaml, and a cache of its own."""
    write_trace(tmp_path / "trace.parquet", rate=8.0)
    (tmp_path / "small.yaml").write_text(STACK)
    (tmp_path / "space.yaml").write_text(SPACE)
    monkeypatch.chdir(tmp_path)
    # Months made by hand must not be found by anybody else.
    monkeypatch.setattr(PointStore, "default", lambda: PointStore(_made(tmp_path.parent / f"{tmp_path.name}-points")))
    return tmp_path


def _made(folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    return folder


def planned(capsys: Capture, *arguments: str, code: int = 0) -> tuple[str, str]:
    found, out, err = command.run(capsys, "plan", "trace.parquet", "--stack", "small.yaml", "--space", "space.yaml", *arguments)
    assert found == code, err
    return out, err


def summary(capsys: Capture, *arguments: str, code: int = 0) -> dict[str, Any]:
    out, _ = planned(capsys, *arguments, "--format", "json", code=code)
    found: dict[str, Any] = json.loads(out)
    return found


def refused(capsys: Capture, *arguments: str) -> str:
    return command.refused(capsys, "plan", "trace.parquet", "--stack", "small.yaml", *arguments)


def test_what_is_found_and_written(folder: Path, capsys: Capture) -> None:
    found = summary(capsys, *LEVELS, "-o", "p")
    assert found["feasible"] is True
    chosen = found["chosen"]
    assert set(chosen["slo"]) == {"ttft_p95", "tpot_p95", "completed"} and all(each["met"] for each in chosen["slo"].values())
    assert found["candidates"] == 16 and 0 < found["evaluated"] <= 16
    assert found["evaluated"] + sum(found["left_out"].values()) - found["left_out"]["look"] == found["candidates"]
    assert chosen["confidence"]["low"] <= chosen["confidence"]["met"] <= chosen["confidence"]["high"] <= 1
    ranked = found["ranked"]
    assert [each["monthly_usd"] for each in ranked] == sorted(each["monthly_usd"] for each in ranked)
    assert ranked[0]["values"] == chosen["values"] and all(each["met"] for each in ranked)
    assert found["runner_up"]["values"] in [each["values"] for each in ranked[1:]] and found["runner_up"]["why"].startswith("costs")
    assert all(not each["met"] and each["why"] for each in found["failed"])
    frontier = [(each["replayed_usd"], each["room"]) for each in found["frontier"]]
    assert frontier and frontier == sorted(frontier)
    assert found["growth_until_it_breaks"]["holds"] > 0
    names = {path.name for path in Path("p").iterdir()}
    assert names == {"plan.json", "candidates.csv", "stack.yaml", "run.json", "report.html"}
    assert json.loads(Path("p/plan.json").read_text()) == found
    with Path("p/candidates.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 16 - found["left_out"]["dearer"]
    assert sum(row["result"] == "meets" for row in rows) == sum(1 + len(each["same"]) for each in ranked)
    assert found["search"]["proved"] is True and found["search"]["not_forecast"] == []


def test_the_chosen_stack_runs_and_gives_the_same(folder: Path, capsys: Capture) -> None:
    chosen = summary(capsys, *LEVELS, "--seed", "3", "-o", "p")["chosen"]
    Path("again.yaml").write_text(json.dumps(chosen["stack"]))
    for stack in ("p/stack.yaml", "again.yaml"):
        run = command.replayed(capsys, "trace.parquet", "--stack", stack, "--seed", "3")
        assert run["bill"]["month"]["total_usd"] == pytest.approx(chosen["monthly_usd"], rel=1e-12)
        assert {name: level["measured"] for name, level in run["slo"]["levels"].items()} == {
            name: level["measured"] for name, level in chosen["slo"].items()
        }
        assert {name: level["limit"] for name, level in run["slo"]["levels"].items()} == {
            "ttft_p95": 0.5,
            "tpot_p95": 0.02,
            "completed": 0.99,
        }
        assert run["slo"]["met"] is True


def test_the_same_on_any_number_of_workers_and_again(folder: Path, capsys: Capture) -> None:
    first, _ = planned(capsys, *LEVELS, "-o", "a")
    second, _ = planned(capsys, *LEVELS, "--workers", "2", "-o", "b")
    assert first == second
    assert first.startswith(("seqs", "x")) and max(map(len, first.splitlines())) <= 80
    page, _ = planned(capsys, *LEVELS, "--format", "md", "-o", "c")
    assert page.startswith("# Plan of small for trace\n") and "| " in page


def test_where_to_ask_for_fewer_gpus_over_time(folder: Path, capsys: Capture) -> None:
    """The command as it is printed runs in the folder of the plan."""
    for fallback in ("none", "stack"):
        Path("space.yaml").write_text(f"replicas: 1:3\noverflow: none\nfallback: {fallback}\n")
        out, _ = planned(capsys, *LEVELS, "-o", "p", "--force")
        (said,) = re.findall(r"sim elastic TRACE .*", " ".join(out.partition("USD a month")[0].split()))
        words = shlex.split(said.partition(" Meets the levels")[0].replace("TRACE", "trace.parquet").replace("stack.yaml", "p/stack.yaml"))
        assert ("--set" in words) == (fallback == "stack") or "spill" not in Path("p/stack.yaml").read_text()
        code, _, err = command.run(capsys, *words[1:], "--interval", "1m", "-o", f"e-{fallback}")
        assert code == 0, err


def test_months_are_held_against_fresh_futures(folder: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("space.yaml").write_text("replicas: 1:4\noverflow: none\n")
    asked: list[Question] = []

    def months(resolved: Any, _trace: object, question: Question, **_: object) -> Forecast:
        asked.append(question)
        return ahead(question.calendar.months, question.futures, start=question.calendar.start, seed=question.seed, spread=0.0)

    monkeypatch.setattr("sim.futures.run.forecast", months)
    words = (*LEVELS, "--months", "2", "--futures", "300", "--outlook", "calm", "--growth", "10%", "--lead-time", "45", "-o", "p")
    found = summary(capsys, *words)
    chosen = found["chosen"]
    searched, fresh = asked
    assert (searched.seed, searched.futures) == (0, 200) and fresh.seed == chosen["confidence"]["seed"] != 0
    assert chosen["confidence"] == {
        "met": 1.0, "low": pytest.approx(0.05 ** (1 / 300)), "high": 1.0, "of": 300, "kind": "futures", "seed": fresh.seed, "all_months": 1.0
    }  # fmt: skip
    assert chosen["monthly_usd"] == pytest.approx(float(ahead(2, 300, spread=0.0).total("invoice").mean()))
    assert fresh.outlook.demand.growth_per_month.p50 == 0.1
    assert [each["month"] for each in found["calendar"]] == found["forecast"]["months"] == ["2026-11", "2026-12"]
    assert found["lead_time"] == {"days": 45, "assumed": False, "source": "given"}
    assert found["forecast"]["demand_held"] == pytest.approx(1.1)
    assert found["calendar"][0]["order_by"] == "2026-09-17"
    assert (Path("p") / "calendar.csv").is_file()
    out, _ = planned(capsys, *words, "--force")
    # One price of the chosen stack, wherever it is shown.
    assert found["ranked"][0]["monthly_usd"] == chosen["monthly_usd"]
    own = [each for each in found["frontier"] if each["values"] == chosen["values"]]
    assert all(each["monthly_usd"] == chosen["monthly_usd"] for each in own)
    assert [each["monthly_usd"] for each in found["frontier"]] == sorted(each["monthly_usd"] for each in found["frontier"])
    assert found["runner_up"]["monthly_usd"] - chosen["monthly_usd"] > 0
    assert found["search"]["proved"] is False and found["search"]["forecast"] == 1
    assert {(each["reason"], each["could_win"]) for each in found["search"]["not_forecast"]} == {("dearer", False)}
    assert "cost more on the same GPUs, bought alike, and cannot be cheaper" in " ".join(out.split())
    assert "futures that the search has not used" in " ".join(out.split()) and "Capacity" in out


def test_months_that_nothing_holds(folder: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("space.yaml").write_text("replicas: 1:4\noverflow: none\n")

    def months(_resolved: object, _trace: object, question: Question, **_: object) -> Forecast:
        met = np.ones((question.futures, question.calendar.months), bool)
        met[: question.futures // 4, 1] = False
        return ahead(question.calendar.months, question.futures, start=question.calendar.start, spread=0.0, met=met)

    monkeypatch.setattr("sim.futures.run.forecast", months)
    found = summary(capsys, *LEVELS, "--months", "3", "--futures", "40", "-o", "p", code=1)
    assert found["feasible"] is False and found["calendar"] == []
    assert found["nearest"]["why"] == "2026-12 meets them in 75.0 % of futures" and found["nearest"]["futures_met"] == 0.75
    assert "2026-12 meets them in 75.0 % of futures" in found["answer"]


def test_real_months(folder: Path, capsys: Capture) -> None:
    write_trace(folder / "trace.parquet", rows=900, rate=0.02)
    Path("space.yaml").write_text("replicas: 1:2\noverflow: none\nfallback: none\n")
    found = summary(capsys, *LEVELS, "--months", "2", "--futures", "20", "--outlook", "certain", "-o", "p")
    chosen = found["chosen"]
    assert (chosen["values"]["replicas"], chosen["confidence"]["met"]) == ("1", 1.0)
    assert chosen["monthly_usd"] == pytest.approx(3.6 * 24 * 61 / 2, rel=0.02)
    assert [each["demand_p50"] for each in found["calendar"]] == pytest.approx([1.0, 1.0], rel=0.1)


def test_replicas_to_spare(folder: Path, capsys: Capture) -> None:
    Path("space.yaml").write_text("replicas: 1:5\noverflow: none\nfallback: none\n")
    alone = summary(capsys, *LEVELS, "-o", "a")["chosen"]["values"]["replicas"]
    spare = summary(capsys, *LEVELS, "--redundancy", "2", "-o", "b")
    assert int(spare["chosen"]["values"]["replicas"]) == int(alone) + 2
    assert spare["spare"] == "2 replicas"
    machine = summary(capsys, *LEVELS, "--redundancy", "node", "-o", "c")
    assert int(machine["chosen"]["values"]["replicas"]) == int(alone) + 1


def test_a_budget_is_held_against_the_whole_fleet(folder: Path, capsys: Capture) -> None:
    """At 3.6 USD an hour two replicas are 5,256 USD of a month: with one of them gone they still cost as much."""
    Path("space.yaml").write_text("replicas: 1:4\noverflow: none\nfallback: none\n")
    spare = ("--slo", "ttft_p95 <= 60s", "--slo", "tpot_p95 <= 60s", "--slo", "completed >= 10%", "--redundancy", "1")
    found = summary(capsys, *spare, "--slo", "usd_per_month <= $5256", "-o", "a")
    assert found["chosen"]["values"]["replicas"] == "2" and found["chosen"]["monthly_usd"] == pytest.approx(5256.0)
    assert found["chosen"]["slo_held"]["usd_per_month"]["measured"] == pytest.approx(5256.0)
    poor = summary(capsys, *spare, "--slo", "usd_per_month <= $3000", "-o", "b", code=1)
    assert poor["nearest"]["values"]["replicas"] == "2" and poor["nearest"]["why"].startswith(
        "usd_per_month <= $3,000: $5,256, 75 % beyond"
    )
    assert poor["left_out"]["spare"] == 1


def test_nothing_is_feasible(folder: Path, capsys: Capture) -> None:
    words = ("--slo", "tpot_p95 <= 8500us", "--set", "deployments.own.max_num_seqs=64", "-o", "p")
    Path("space.yaml").write_text("replicas: 1:3\noverflow: none\nfallback: none\n")
    found = summary(capsys, *words, code=1)
    assert found["feasible"] is False and found["chosen"] is None
    assert found["nearest"]["why"].startswith("tpot_p95 <= 8.50 ms: ") and found["nearest"]["room"] < 0
    assert found["answer"].startswith("None of the 3 candidates meets tpot_p95 <= 8.5 ms")
    assert not (Path("p") / "stack.yaml").exists()
    out, err = planned(capsys, *words, "--force", code=1)
    assert "% beyond" in out and "Traceback" not in err


def test_a_space_of_which_nothing_can_be_made(folder: Path, capsys: Capture) -> None:
    Path("space.yaml").write_text("settings: {deployments.own.llm: [llama-3.1-7b, no-such-model]}\n")
    found = summary(capsys, "-o", "p", code=1)
    assert found["feasible"] is False and found["chosen"] is found["nearest"] is None
    assert found["answer"].startswith("The space space is empty: none of its 2 candidates can be made. Of 1: ")
    assert found["left_out"]["refused"] == found["candidates"] == 2
    assert any("did you mean" in each["why"] for each in found["reasons"])


@pytest.mark.parametrize("text", ["", "{}\n", "replicas: []\n", "gpu: []\nreplicas: 1:2\n", "settings: {}\n"])
def test_a_space_of_nothing(folder: Path, capsys: Capture, text: str) -> None:
    Path("space.yaml").write_text(text)
    found = summary(capsys, "-o", "p", code=1)
    assert (found["feasible"], found["candidates"], found["frontier"], found["ranked"]) == (False, 0, [], [])
    assert found["answer"].startswith("The space space is empty: ") and len(found["empty"]) == 1
    out, err = planned(capsys, "-o", "p", "--force", code=1)
    assert out.startswith("The space space is empty") and "note: space.yaml" in err and "Traceback" not in err
    assert {path.name for path in Path("p").iterdir()} == {"plan.json", "candidates.csv", "run.json", "report.html"}


def test_a_file_that_is_wrong_is_no_empty_space(folder: Path, capsys: Capture) -> None:
    Path("wrong.yaml").write_text("gpu: [h100-smx]\nreplicas: 1:2\n")
    err = refused(capsys, "--space", "wrong.yaml")
    assert "wrong.yaml:1:7: gpu.0: found 'h100-smx'" in err and "did you mean 'h100-sxm'?" in err
    Path("wrong.yaml").write_text("gpu: [h100-sxm\n")
    assert "wrong.yaml:2:1: not valid YAML" in refused(capsys, "--space", "wrong.yaml")


def test_more_replicas_may_be_gone_than_there_are(folder: Path, capsys: Capture) -> None:
    Path("space.yaml").write_text("replicas: 1:3\noverflow: none\nfallback: none\n")
    found = summary(capsys, *LEVELS, "--redundancy", "3", "-o", "p", code=1)
    assert found["left_out"]["spare"] == found["candidates"] == 3
    assert found["answer"].endswith("with 3 replicas gone. None has a replica left then: the most that any has is 3.")
    assert {each["why"] for each in found["reasons"]} == {
        "it has fewer replicas than may be gone", "no replica is left, and there is no other place"
    }  # fmt: skip


def test_what_bounds_leave_out_is_replayed_to_say_by_how_much(folder: Path, capsys: Capture) -> None:
    Path("space.yaml").write_text("replicas: 1:9\noverflow: none\nfallback: none\n")
    found = summary(capsys, "--slo", "ttft_p95 <= 1ms", "-o", "p", code=1)
    assert found["left_out"]["bound"] + found["evaluated"] == found["candidates"] == 9 and found["evaluated"] == 5
    assert re.match(r"ttft_p95 <= 1.00 ms: .* times the limit$", found["nearest"]["why"])
    out, _ = planned(capsys, "--slo", "ttft_p95 <= 1ms", "-o", "p", "--force", code=1)
    assert "Comes closest" in out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--slo", "tfft_p95 <= 3s"), "did you mean 'ttft_p95'?"),
        (("--slo", "ttft_p95"), "METRIC OP VALUE"),
        (("--confidence", "100%"), "below 100 %"),
        (("--confidence", "lots"), "--confidence"),
        (("--redundancy", "-1"), "--redundancy"),
        (("--redundancy", "machine"), "or node"),
        (("--growth", "5%"), "--months 1 or more"),
        (("--outlook", "calm"), "--months 1 or more"),
        (("--months", "3", "--growth", "fast"), "growth_per_month"),
        (("--space", "nowhere.yaml"), "no such file"),
        (("--space", "defualt"), "did you mean 'default'"),
        (("--stack", "api-first"), "no deployment of kind gpu"),
        (("--cluster", "dsk://x:1", "--space", "space.yaml"), "dask://"),
    ],
)
def test_bad_input(folder: Path, capsys: Capture, words: tuple[str, ...], said: str) -> None:
    assert said in refused(capsys, *words)


@pytest.mark.parametrize(
    ("fails", "per_month", "months"),
    [(1.1, 0.03, math.log(1.1) / math.log(1.03)), (1.42, 0.03, 11.863), (1.43, 0.03, None), (1.1, 0.0, None), (1.1, -0.02, None)],
)
def test_months_until_growth_uses_up_the_room(fails: float, per_month: float, months: float | None) -> None:
    """1.03 to the power of 12 is 1.4258."""
    assert outgrown_in_months(fails, per_month) == pytest.approx(months, abs=1e-3)


def test_a_plan_that_growth_soon_uses_up_is_warned_of(folder: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sim.results.plan_stack._median_growth", lambda *_: 0.5)
    found = summary(capsys, *LEVELS, "-o", "p")
    months = math.log(found["growth_until_it_breaks"]["fails"]) / math.log(1.5)
    assert [each["code"] for each in found["warnings"]] == ["soon_outgrown"]
    assert f"reaches in {months:.0f} month" in found["warnings"][0]["cause"]
    assert f"At the outlook's median growth, 50.0 % a month, it is outgrown in {months:.0f} month" in found["answer"]
    assert "[soon_outgrown]" in planned(capsys, *LEVELS, "-o", "q")[1]
    monkeypatch.setattr("sim.results.plan_stack._median_growth", lambda *_: 0.0)
    calm = summary(capsys, *LEVELS, "-o", "r")
    assert calm["warnings"] == [] and "--months says how it holds ahead" in calm["answer"]


def test_the_growth_is_the_median_of_the_outlook() -> None:
    assert _median_growth("base", Catalog.load()) == pytest.approx(0.03)


@pytest.mark.parametrize(("given", "days"), [("45", 45), ("45d", 45), ("6w", 42), (" 6 weeks ", 42), ("1 week", 7), ("0", 0), (None, None)])
def test_lead_times_with_their_unit(given: str | None, days: int | None) -> None:
    assert lead_days_of(given) == days


@pytest.mark.parametrize("given", ["6x", "-1", "1.5w", "", "999999", "3651", "6 weeks!"])
def test_what_is_no_lead_time(given: str) -> None:
    with pytest.raises(InputError, match=r"--lead-time: found .*; allowed: days up to 3,650, as 45, 45d or 6 weeks"):
        lead_days_of(given)


def test_a_range_as_others_write_it(folder: Path, capsys: Capture) -> None:
    for text in ("1-3", "1..3", "1 to 3"):
        (folder / "odd.yaml").write_text(f"replicas: {text}\n")
        assert "allowed: stack or a whole number from 0 to 10,000, or a range; did you mean '1:3'?" in refused(
            capsys, "--space", "odd.yaml"
        )
