"""`sim elastic`: what is printed and written, what it ends with, and what it refuses."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from sim.cli.main import exit_code
from tests.made import command
from tests.made.command import Capture
from tests.unit.test_elastic import POOL, SPILL, study

ASKED = ("elastic", "trace.parquet", "--stack", "small.yaml", "--interval", "1m")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a trace, two stacks, and what was found for one of them."""
    world = tmp_path_factory.mktemp("world")
    study(world, (2.0, 14.0, 2.0, 2.0))
    (world / "small.yaml").write_text(POOL)
    (world / "spill.yaml").write_text(SPILL)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(world)
        assert exit_code(["-q", *ASKED, "-o", "found"]) == 0
    return world


@pytest.fixture
def here(world: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(world)
    return world


def test_text_json_and_files_say_the_same(here: Path, capsys: Capture) -> None:
    found = json.loads((here / "found" / "elastic.json").read_text())
    code, out, err = command.run(capsys, *ASKED, "-o", "again")
    assert code == 0 and "note: files are in again" in err
    assert out.startswith("With perfect foresight own needs ") and max(map(len, out.splitlines())) <= 80
    assert " ".join(out.split("\n\n")[0].split()) == found["answer"]
    assert (here / "again" / "elastic.json").read_text() == (here / "found" / "elastic.json").read_text()
    assert sorted(each.name for each in (here / "found").iterdir()) == [
        "elastic.json", "laws.csv", "report.html", "run.json", "schedule.csv", "stack.recommended.yaml",
    ]  # fmt: skip
    assert found["feasible"] and found["perfect"]["met"] and found["perfect"]["locally_minimal"]
    best = found["autoscalers"][found["recommended"]]
    assert best["met"] and best["seeds_met"] == 4 and best["gpu_hours"] >= found["perfect"]["gpu_hours"]
    laws = list(csv.DictReader((here / "found" / "laws.csv").read_text().splitlines()))
    assert [row["gpu_hours"] for row in laws] == [str(each["gpu_hours"]) for each in (found["perfect"], *found["autoscalers"])]
    assert [row["recommended"] for row in laws].index("True") == found["recommended"] + 1
    schedule = list(csv.DictReader((here / "found" / "schedule.csv").read_text().splitlines()))
    assert [int(row["replicas"]) for row in schedule] == found["perfect"]["replicas"]
    assert sum(float(row["requests"]) for row in schedule) == found["trace"]["requests"]


def test_what_is_recommended_runs(here: Path, capsys: Capture) -> None:
    """The stack as advised, and the same as settings: the levels are met, as was said."""
    found = json.loads((here / "found" / "elastic.json").read_text())
    best = found["autoscalers"][found["recommended"]]
    as_file = command.replayed(capsys, "trace.parquet", "--stack", "found/stack.recommended.yaml")
    as_settings = command.replayed(
        capsys, "trace.parquet", "--stack", "small.yaml", *(part for each in best["settings"] for part in ("--set", each))
    )
    for run in (as_file, as_settings):
        assert run["slo"]["met"]
        assert run["slo"]["levels"]["ttft_p95"]["measured"] == best["measured"]["ttft_p95"]
        assert run["deployments"]["own"]["gpu_hours"] == pytest.approx(best["gpu_hours"])


def test_the_schedule_runs(here: Path, capsys: Capture) -> None:
    found = json.loads((here / "found" / "elastic.json").read_text())["perfect"]
    steps = [{"at": each["at_s"], "replicas": each["replicas"]} for each in found["steps"]]
    plan = (
        "--set",
        f"deployments.own.replicas={{min: 0, max: {max(found['replicas'])}}}",
        "--set",
        f"deployments.own.autoscaler={{law: plan, steps: {steps}}}",
    )
    run = command.replayed(capsys, "trace.parquet", "--stack", "small.yaml", *plan)
    assert run["slo"]["met"] and run["deployments"]["own"]["gpu_hours"] == pytest.approx(found["gpu_hours"])


def test_levels_that_cannot_be_met_end_with_1(here: Path, capsys: Capture) -> None:
    code, out, _ = command.run(capsys, *ASKED, "--slo", "tpot_p50 <= 5ms", "-o", "none")
    assert code == 1
    assert " ".join(out.split()).startswith("No count of replicas up to 256 meets the service levels of own for trace: tpot_p50 ")
    found = json.loads((here / "none" / "elastic.json").read_text())
    assert (found["feasible"], found["perfect"], found["recommended"]) == (False, None, None)
    assert found["autoscalers"][0]["worst"]["excess_share"] > 0


def test_markdown(here: Path, capsys: Capture) -> None:
    code, out, _ = command.run(capsys, *ASKED, "--format", "md", "-o", "page")
    assert code == 0 and out.startswith("# GPUs over time of small on trace\n\n**With perfect foresight own needs")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("nope.parquet",), "nope.parquet"),
        (("trace.parquet", "--stack", "spill.yaml"), "spill: requests of own may go to api instead"),
        (("trace.parquet", "--stack", "small.yaml", "--slo", "ttft_p95 < soon"), "--slo 'ttft_p95 < soon'"),
        (
            ("trace.parquet", "--stack", "small.yaml", "--interval", "90s"),
            "--interval: found '90s'; allowed: whole minutes from 1m for this trace",
        ),
        (
            ("trace.parquet", "--stack", "small.yaml", "--deployment", "mine"),
            "--deployment mine: is no deployment of kind gpu; allowed: own",
        ),
        (("trace.parquet", "--stack", "small.yaml", "--set", "outlook.x=1"), "nothing is forecast here"),
        (("trace.parquet", "--stack", "small.yaml", "--set", "deployments.own.replicaz=1"), "replicas"),
        (("trace.parquet", "--stack", "small.yaml", "-o", "found"), "found: already there"),
    ],
)
def test_what_is_refused(here: Path, capsys: Capture, arguments: tuple[str, ...], said: str) -> None:
    assert said in command.refused(capsys, "elastic", *arguments)
