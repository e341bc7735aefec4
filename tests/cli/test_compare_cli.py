"""`sim compare`: what its options ask for, what they refuse, what is printed and written. Months are made by hand, but for one real pair."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from sim.cli.main import exit_code
from sim.futures.cell_store import CellStore
from sim.futures.forecast import Forecast
from sim.futures.run import Question
from sim.results.horizon import FUTURES, cores
from tests.made import command
from tests.made.ahead import ahead
from tests.made.command import Capture
from tests.made.told import Told, tell
from tests.made.world import write_trace, write_world

TWO = ("--stack", "small.yaml", "--stack", "api-first")
SHORT = ("--months", "2", "--futures", "20")


def months(name: str, question: Question) -> Forecast:
    """Small costs the same under any name; the API stack a third of it."""
    scale = 1.0 if name in ("small", "copy") else 0.3
    return ahead(
        question.calendar.months, question.futures, start=question.calendar.start, outlook=question.outlook_name, stack=name, scale=scale,
        seed=question.seed,
    )  # fmt: skip


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Told:
    """A folder with trace.parquet and small.yaml, and a forecast that answers at once."""
    write_world(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tell(monkeypatch, months)


def good(capsys: Capture, *arguments: str) -> str:
    code, out, err = command.run(capsys, "compare", "trace.parquet", *arguments)
    assert code == 0, err
    return out


def refused(capsys: Capture, *arguments: str) -> str:
    return command.refused(capsys, "compare", "trace.parquet", *arguments)


def test_two_stacks_over_twelve_months(asked: Told, capsys: Capture) -> None:
    out = good(capsys, *TWO)
    assert out.startswith("api-first is the cheaper for trace over 12 months, 2026-11 to 2027-10: $")
    assert max(map(len, out.splitlines())) <= 80
    assert [each.name for each in asked.stacks] == ["small", "api-first"]
    for each in asked.questions:
        assert (each.outlook_name, each.futures, each.seed, each.strict, each.calendar.months) == ("base", FUTURES, 0, False, 12)
    assert asked.more["workers"] == cores()


def test_options_reach_every_forecast(asked: Told, capsys: Capture) -> None:
    words = (
        "--months",
        "36",
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
    good(capsys, *TWO, *words, "--set", "outlook.demand.growth_per_month=2%", "--set", "slo.ttft_p95=1s")
    assert len(asked.questions) == 2
    for found, stack in zip(asked.questions, asked.stacks, strict=True):
        assert (found.outlook_name, found.futures, found.seed, found.strict, found.exact, asked.more["workers"]) == (
            "certain",
            50,
            5,
            True,
            True,
            3,
        )
        assert (found.calendar.names[0], found.calendar.months) == ("2027-02", 36)
        assert found.outlook.demand.growth_per_month.p50 == pytest.approx(0.02)
        assert stack.slo.ttft_p95 == 1.0


def test_a_stack_against_itself_is_a_tie_and_forecast_once(asked: Told, capsys: Capture) -> None:
    out = good(capsys, *SHORT, "--stack", "small.yaml", "--stack", "small.yaml", "-o", "r")
    assert out.startswith("small and small (2) cost the same to the cent in every future")
    assert len(asked.stacks) == 1
    assert {each.name for each in Path("r").iterdir() if each.is_dir()} == {"small", "small-2"}


def test_json_is_the_file_too(asked: Told, capsys: Capture) -> None:
    found = json.loads(good(capsys, *TWO, *SHORT, "--format", "json", "-o", "r"))
    assert json.loads(Path("r/comparison.json").read_text()) == found
    assert list(found["stacks"]) == ["small", "api-first"] and found["months"] == ["2026-11", "2026-12"]
    assert found["stacks"]["api-first"]["days_to_production"] == pytest.approx(0.5 * 730 / 24)
    assert "months to production" in found["stacks"]["small"]["days_to_production_assumed"]
    assert found["stacks"]["small"]["slo"]["levels"] == "TTFT p95 3 s, TPOT p95 50 ms, 99.5 % completed"
    assert {"code", "cause", "remedy"} == found["stacks"]["small"]["warnings"][0].keys()
    assert found["pairs"][0]["p_a_cheaper"] == 0


def test_files(asked: Told, capsys: Capture) -> None:
    good(capsys, *TWO, *SHORT, "-o", "r")
    assert {each.name for each in Path("r").iterdir()} == {
        "run.json",
        "comparison.json",
        "pairs.csv",
        "report.html",
        "pairs_monthly.csv",
        "small",
        "api-first",
    }
    tables = {"stack.resolved.yaml", "summary.json", "monthly.csv", "monthly.parquet", "capacity.csv", "charges.parquet", "draws.parquet"}
    assert {each.name for each in Path("r/small").iterdir()} == tables == {each.name for each in Path("r/api-first").iterdir()}
    assert pq.read_table("r/api-first/draws.parquet").num_rows == 2 * 20
    assert len(list(csv.DictReader(Path("r/pairs.csv").read_text().splitlines()))) == 2
    record = json.loads(Path("r/run.json").read_text())
    assert list(record["stacks"]) == ["small", "api-first"] and record["stacks"]["small"]["forecast"]["months"] == 2


def test_folders_follow_the_rules_of_runs(asked: Told, capsys: Capture) -> None:
    good(capsys, *TWO, *SHORT)
    good(capsys, *TWO, *SHORT, "--workers", "1")
    (folder,) = Path("outputs").iterdir()
    assert folder.name.startswith("trace-compare-") and len(folder.name) == len("trace-compare-") + 8
    good(capsys, *TWO, *SHORT, "--seed", "1")
    good(capsys, "--stack", "api-first", "--stack", "small.yaml", *SHORT)
    assert len(list(Path("outputs").iterdir())) == 3
    good(capsys, *TWO, *SHORT, "-o", "r")
    assert "r: already there; give another folder with -o, or --force to replace it" in refused(capsys, *TWO, *SHORT, "-o", "r")
    good(capsys, *TWO, *SHORT, "-o", "r", "--force")
    Path("mine").mkdir()
    Path("mine/letter.txt").write_text("dear")
    assert "holds something else than a run" in refused(capsys, *TWO, *SHORT, "-o", "mine", "--force")


def test_output_is_the_same_to_the_byte(asked: Told, capsys: Capture) -> None:
    for form in ("table", "json", "md"):
        assert good(capsys, *TWO, *SHORT, "--format", form) == good(capsys, *TWO, *SHORT, "--format", form, "--workers", "1")
    assert good(capsys, *TWO, *SHORT, "--format", "md").startswith("# small, api-first on trace\n\n**api-first is the cheaper")


def test_notes_and_quiet(asked: Told, capsys: Capture) -> None:
    _, _, err = command.run(capsys, "compare", "trace.parquet", *TWO, *SHORT)
    said = " ".join(err.split())
    assert "note: the months rest on" in said and "assumptions of the outlook base" in said
    assert "warning: small: 20 futures leave a standard error" in said and "note: files are in outputs/trace-compare-" in said
    capsys.readouterr()
    assert exit_code(["-q", "compare", "trace.parquet", *TWO, *SHORT]) == 0
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([], "--stack: found no --stack; allowed: at least two"),
        (["--stack", "hybrid"], "--stack: found only --stack hybrid; allowed: at least two, as --stack api-first --stack hybrid"),
        (["--stack", "hybrid"] * 9, "--stack: found 9 stacks; allowed: two to 8"),
        (["--stack", "hybrd", "--stack", "api-first"], "no stack 'hybrd'; allowed: api-first"),
        (["--stack", "hybrd", "--stack", "api-first"], "did you mean 'hybrid'?"),
        (["--stack", "smal.yaml", "--stack", "api-first"], "smal.yaml: no such file; did you mean 'small.yaml'?"),
        ([*TWO, "--months", "0"], "'--months': 0 is not in the range 1<=x<=120"),
        ([*TWO, "--futures", "5"], "'--futures': 5 is not in the range x>=20"),
        ([*TWO, "--start", "soon"], "--start: found 'soon'; allowed: a month"),
        ([*TWO, "--outlook", "bsae"], "did you mean 'base'?"),
        ([*TWO, "--set", "deployments.own.replicas=2"], "api-first: --set deployments.own.replicas: unknown deployment 'own'"),
        ([*TWO, "--budget", "5"], "No such option"),
    ],
    ids=lambda part: " ".join(part)[:40] if isinstance(part, list) else "",
)
def test_mistakes_end_with_one_clear_message(asked: Told, capsys: Capture, options: list[str], said: str) -> None:
    assert said in refused(capsys, *options)
    assert not asked.questions


def test_what_is_wrong_with_each_stack_is_told_at_once(asked: Told, capsys: Capture) -> None:
    assert len(refused(capsys, "--stack", "hybrd", "--stack", "smal.yaml").splitlines()) == 2


def test_a_trace_that_is_a_moment_cannot_be_compared(asked: Told, capsys: Capture) -> None:
    table = pq.read_table("trace.parquet").slice(0, 1)
    pq.write_table(table.set_column(0, "arrival_s", [[0.0]]), "one.parquet")
    said = command.refused(capsys, "compare", "one.parquet", *TWO)
    assert "one.parquet: all requests arrive at once: no month can be made of that" in said


def test_copies_of_a_stack_tie_to_the_cent_through_all_of_it(tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    """No stand-in here, and nothing kept from the first to the second: the name of a file changes no cent."""
    write_world(tmp_path)
    write_trace(tmp_path / "trace.parquet", rows=300, rate=0.01)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(CellStore, "default", lambda: CellStore(None))
    shutil.copy("small.yaml", "copy.yaml")
    stacks = ("--stack", "small.yaml", "--stack", "copy.yaml", "--stack", "api-first")
    found = json.loads(good(capsys, *stacks, *SHORT, "--workers", "1", "--format", "json"))
    assert {(each["a"], each["b"]): each["tie"] for each in found["pairs"]} == {
        ("small", "copy"): True,
        ("small", "api-first"): False,
        ("copy", "api-first"): False,
    }
    for kind in ("invoice_usd", "tco_usd"):
        small = found["stacks"]["small"][kind]
        assert small == found["stacks"]["copy"][kind]
        assert 0 < small["p5"] <= small["p50"] <= small["p95"]
