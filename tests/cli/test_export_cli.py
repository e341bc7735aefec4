"""`sim export`: where it writes, what it leaves alone, and what it refuses."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from sim.cli.main import exit_code
from tests.made import command
from tests.made import openmetrics as strict
from tests.made.command import Capture
from tests.made.world import write_world

COLUMNS = "table,stack,against,month,deployment,class,kind,line,level,point,metric,statistic,unit,value"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run in outputs/."""
    world = tmp_path_factory.mktemp("world")
    write_world(world)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(world)
        assert exit_code(["-q", "run", "trace.parquet", "--stack", "small.yaml", "--months", "0"]) == 0
    return world


@pytest.fixture
def run(world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of the run, in a folder of its own."""
    found = next((world / "outputs").iterdir())
    (tmp_path / "outputs").mkdir()
    (tmp_path / "outputs" / found.name).symlink_to(found)
    monkeypatch.chdir(tmp_path)
    return found.name


def good(capsys: Capture, *arguments: str) -> str:
    code, out, err = command.run(capsys, "export", *arguments)
    assert code == 0, err
    return out


def refused(capsys: Capture, *arguments: str) -> str:
    return command.refused(capsys, "export", *arguments)


def test_a_run_by_folder_name_and_as_the_latest(run: str, capsys: Capture) -> None:
    by_folder = good(capsys, f"outputs/{run}")
    assert by_folder.splitlines()[0] == COLUMNS
    assert good(capsys, run) == good(capsys, "latest") == by_folder


def test_the_latest_is_the_newest(run: str, capsys: Capture) -> None:
    other = Path("outputs/older")
    other.mkdir()
    (other / "run.json").write_text("{}")
    os.utime(other / "run.json", (1, 1))
    assert good(capsys, "latest").splitlines()[0] == COLUMNS
    os.utime(other / "run.json", (2**33, 2**33))
    # What is newer and cannot be taken is passed over, and it is said which run it is.
    code, out, err = command.run(capsys, "export", "latest")
    assert (code, out.splitlines()[0], err) == (0, COLUMNS, f"note: latest is outputs/{run}\n")
    assert command.run(capsys, "report", "latest")[1] == f"outputs/{run}/report.html\n"
    (Path("outputs") / run).rename(".away")
    assert "latest: no run under outputs/ can be taken; outputs/older: no folder of a run that is known" in refused(capsys, "latest")
    Path(".away").rename(Path("outputs") / run)


def test_text_goes_to_stdout_and_is_the_same_each_time(run: str, capsys: Capture) -> None:
    assert json.loads(good(capsys, run, "--to", "json"))["run"]["kind"] == "run"
    assert strict.read(good(capsys, run, "--to", "openmetrics"))["sim_run_info"].kind == "gauge"
    assert good(capsys, run, "--table", "latency").startswith("stack,metric,deployment,class,count,mean_s")
    for form in ("csv", "json", "openmetrics"):
        assert good(capsys, run, "--to", form) == good(capsys, run, "--to", form)


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_all_tables_go_to_a_folder(run: str, capsys: Capture, form: str) -> None:
    assert good(capsys, run, "--to", form, "-o", "deep/out") == ""
    names = ["capacity", "charges", "columns", "events", "figures", "latency", "latency_curves", "monthly", "timeline"]
    assert sorted(each.name for each in Path("deep/out").iterdir()) == sorted([*(f"{name}.{form}" for name in names), "export.json"])
    assert json.loads(Path("deep/out/export.json").read_text())["kind"] == "run"
    assert "already there" in refused(capsys, run, "--to", form, "-o", "deep/out")
    (Path("deep/out") / "stale").write_text("")
    good(capsys, run, "--to", form, "-o", "deep/out", "--force", "--table", "monthly")
    assert sorted(each.name for each in Path("deep/out").iterdir()) == ["export.json", f"monthly.{form}"]
    assert [each.name for each in Path("deep").iterdir()] == ["out"]


def test_one_table_goes_to_a_file(run: str, capsys: Capture) -> None:
    good(capsys, run, "-o", "f.csv")
    assert Path("f.csv").read_text() == good(capsys, run)
    good(capsys, run, "--to", "parquet", "--table", "capacity", "-o", "c.parquet")
    table = pq.read_table("c.parquet")
    assert table.column("deployment").to_pylist() == ["own", "spill"]
    assert table.schema.field("gpu_hours").metadata[b"unit"] == b"GPU-hours"
    good(capsys, run, "--to", "openmetrics", "-o", "m.txt")
    strict.read(Path("m.txt").read_text())
    good(capsys, run, "-o", "f.csv", "--force")


def test_only_an_export_is_replaced(run: str, capsys: Capture) -> None:
    Path("mine").mkdir()
    Path("mine/thesis").write_text("x")
    assert "holds something else than an export" in refused(capsys, run, "-o", "mine", "--force")
    assert "is not a file" in refused(capsys, run, "--to", "json", "-o", "mine", "--force")
    Path("f.csv").write_text("x")
    assert "f.csv: already there" in refused(capsys, run, "-o", "f.csv")
    Path("empty").mkdir()
    good(capsys, run, "-o", "empty")
    assert Path("empty/figures.csv").is_file()


def test_a_bill_goes_to_stdout_a_file_or_a_folder(run: str, capsys: Capture) -> None:
    text = good(capsys, run, "--to", "focus")
    assert text.startswith("BilledCost,BillingAccountId,") and text == good(capsys, run, "--to", "focus", "--quantile", "mean")
    good(capsys, run, "--to", "focus", "-o", "bill.csv")
    good(capsys, run, "--to", "focus", "-o", "bill.parquet")
    good(capsys, run, "--to", "focus", "-o", "bills")
    assert Path("bill.csv").read_text() == Path("bills/focus-mean.csv").read_text() == text
    assert pq.read_table("bill.parquet").equals(pq.read_table("bills/focus-mean.parquet"))
    assert sorted(each.name for each in Path("bills").iterdir()) == ["export.json", "focus-mean.csv", "focus-mean.parquet"]
    assert "already there" in refused(capsys, run, "--to", "focus", "-o", "bills")
    good(capsys, run, "--to", "focus", "-o", "bills", "--force")


def test_a_bill_is_checked(run: str, capsys: Capture) -> None:
    """`sim check` on what was exported, and on the same with a cost, a time and a cell changed."""
    good(capsys, run, "--to", "focus", "-o", "bill.csv")
    code, out, err = command.run(capsys, "check", "bill.csv")
    assert (code, out, err) == (0, "bill.csv: OK: bill by FOCUS 1.2, 2 rows\n", "")
    text = Path("bill.csv").read_text()
    Path("bill.csv").write_text(text.replace("Usage-Based", "Sometimes", 1).replace("-01T00:00:00Z", "-01", 1))
    said = command.refused(capsys, "check", "bill.csv")
    assert "bill.csv:2: allowed-value: ChargeFrequency: 'Sometimes' is none of the allowed values" in said
    assert "bill.csv:2: type: BillingPeriodEnd: '2026-12-01' is not of the form YYYY-MM-DDTHH:mm:ssZ" in said
    Path("bill.csv").write_text(text + "1,2\n")
    assert "bill.csv:4: 2 cells; allowed: " in command.refused(capsys, "check", "bill.csv")
    Path("bill.csv").write_text(text.replace("ServiceName", "Service", 1))
    assert "mandatory-column: ServiceName is missing" in command.refused(capsys, "check", "bill.csv")


def test_a_bill_in_parquet_is_checked(run: str, capsys: Capture) -> None:
    good(capsys, run, "--to", "focus", "-o", "bill.parquet")
    code, out, err = command.run(capsys, "check", "bill.parquet")
    assert (code, out, err) == (0, "bill.parquet: OK: bill by FOCUS 1.2, 2 rows\n", "")
    table = pq.read_table("bill.parquet")
    often = table.schema.get_field_index("ChargeFrequency")
    wrong = table.set_column(often, "ChargeFrequency", [[*table["ChargeFrequency"].to_pylist()[:-1], "Sometimes"]])
    pq.write_table(wrong.drop_columns(["ServiceName"]), "bill.parquet")
    said = command.refused(capsys, "check", "bill.parquet")
    assert "bill.parquet:2: allowed-value: ChargeFrequency: 'Sometimes' is none of the allowed values" in said
    assert "mandatory-column: ServiceName is missing" in said
    Path("bill.parquet").write_bytes(Path("bill.parquet").read_bytes()[:-40])
    assert "bill.parquet: " in command.refused(capsys, "check", "bill.parquet")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("nope",), "nope: no such folder; allowed: the folder of a run, its name under outputs/, or latest"),
        (("outputs",), "outputs: not the folder of a run, or one that was not finished (no run.json); in it are trace-small-"),
        ((), "RUN is missing; allowed: the folder of a run"),
        (("RUN", "--to", "xlsx"), "'xlsx' is not one of 'csv', 'parquet', 'json', 'openmetrics', 'focus'"),
        (("RUN", "--to", "parquet"), "--to parquet: is no text; allowed: with -o FILE.parquet or -o DIR"),
        (
            ("RUN", "--table", "latensy"),
            "--table latensy: this run has no such table; allowed: figures, monthly, capacity, charges, latency, latency_curves, timeline, events, columns; did you mean 'latency'?",
        ),
        (("RUN", "--table", "latency", "--table", "monthly"), "--table: 2 tables do not fit into one file"),
        (("RUN", "--to", "openmetrics", "--table", "latency"), "--table: OpenMetrics holds every figure"),
        (("RUN", "--to", "focus", "--table", "latency"), "--table: FOCUS has one table; allowed with --to csv, parquet and json"),
        (("RUN", "--quantile", "p95"), "--quantile: belongs to --to focus; csv holds all quantiles and stacks"),
        (("RUN", "--to", "json", "--stack", "small"), "--stack: belongs to --to focus; json holds"),
        (("RUN", "--to", "focus", "--quantile", "p95"), "--quantile p95: a replay has one month and no spread; allowed: mean"),
        (("RUN", "--to", "focus", "--quantile", "p99"), "'p99' is not one of 'mean', 'p5', 'p50', 'p95'"),
        (("RUN", "--to", "focus", "--stack", "smal"), "--stack smal: no such stack; allowed: small; did you mean 'small'?"),
        (("RUN", "--dictionary"), "--dictionary: is of no run"),
        (("RUN", "-o", "outputs/RUN/summary.json/x"), "is a file, not a folder"),
    ],
)
def test_what_is_refused(run: str, capsys: Capture, arguments: tuple[str, ...], said: str) -> None:
    assert said in refused(capsys, *(each.replace("RUN", run) for each in arguments))


def test_a_name_that_is_nearly_right(run: str, capsys: Capture) -> None:
    assert f"did you mean {run!r}?" in refused(capsys, run[:-2])


def test_a_draft_is_refused(run: str, capsys: Capture) -> None:
    Path(".x.1234.draft").mkdir()
    assert "a run that was stopped while it was written; run it again" in refused(capsys, ".x.1234.draft")


def test_without_runs_there_is_no_latest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    monkeypatch.chdir(tmp_path)
    assert "latest: there is no run under outputs/ here" in refused(capsys, "latest")


def test_the_dictionary_is_printed(root: Path, capsys: Capture) -> None:
    assert good(capsys, "--dictionary") == (root / "docs" / "data-dictionary.md").read_text()
