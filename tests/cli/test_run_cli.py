"""`sim run`: what it prints where, what it writes, what it refuses and with which exit code."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sim.cli.main import exit_code
from tests.made import command
from tests.made.command import Capture
from tests.made.world import write_world

FILES = {
    "run.json", "stack.resolved.yaml", "summary.json", "monthly.csv", "monthly.parquet", "capacity.csv", "charges.parquet", "latency.parquet",
    "latency_curves.parquet", "timeline.parquet", "events.parquet", "report.html",
}  # fmt: skip


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with trace.parquet and small.yaml, in which the command is run."""
    write_world(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(capsys: Capture, *arguments: str) -> tuple[int, str, str]:
    """The plain replay, unless the arguments ask for months."""
    return command.run(capsys, "run", "--months", "0", *arguments)


def good(capsys: Capture, *arguments: str) -> str:
    code, out, err = run(capsys, "trace.parquet", "--stack", "small.yaml", *arguments)
    assert code == 0, err
    return out


def refused(capsys: Capture, *arguments: str) -> str:
    return command.refused(capsys, "run", "--months", "0", *arguments)


def test_the_result_and_its_folder(world: Path, capsys: Capture) -> None:
    code, out, err = run(capsys, "trace.parquet", "--stack", "small.yaml")
    assert code == 0
    assert out.startswith("small serves trace for $")
    (folder,) = (world / "outputs").iterdir()
    assert {each.name for each in folder.iterdir()} == FILES
    assert f"note: files are in outputs/{folder.name}" in err
    assert "warning: " in err and "warning: " not in out
    assert str(world) not in out and folder.name not in out


def test_the_same_again_is_the_same_to_the_byte_and_replaces_its_folder(world: Path, capsys: Capture) -> None:
    first = good(capsys)
    (folder,) = (world / "outputs").iterdir()
    content = {each.name: each.read_bytes() for each in folder.iterdir()}
    (folder / "stray").write_text("")
    assert good(capsys) == first
    assert list((world / "outputs").iterdir()) == [folder]
    assert {each.name: each.read_bytes() for each in folder.iterdir()} == content


def test_another_seed_or_setting_is_another_folder(world: Path, capsys: Capture) -> None:
    for arguments in ([], ["--seed", "1"], ["--set", "deployments.own.replicas=2"]):
        good(capsys, *arguments)
    assert len(list((world / "outputs").iterdir())) == 3


def test_json_is_the_summary(world: Path, capsys: Capture) -> None:
    out = good(capsys, "--format", "json", "-o", "r")
    assert out == (world / "r" / "summary.json").read_text()
    assert json.loads(out)["requests"]["total"] == 600


def test_markdown(world: Path, capsys: Capture) -> None:
    assert good(capsys, "--format", "md").startswith("# small on trace\n")


def test_the_log_is_written_on_demand(world: Path, capsys: Capture) -> None:
    good(capsys, "--log-requests", "-o", "r")
    assert pq.read_table(world / "r" / "requests.parquet").num_rows == 600


def test_a_folder_that_is_there_is_refused_without_force(world: Path, capsys: Capture) -> None:
    good(capsys, "-o", "r")
    assert "r: already there" in refused(capsys, "trace.parquet", "--stack", "small.yaml", "-o", "r")
    good(capsys, "-o", "r", "--force", "--seed", "5")
    assert json.loads((world / "r" / "run.json").read_text())["seed"] == 5
    (world / "mine").mkdir()
    (world / "mine" / "letter").write_text("dear")
    assert "holds something else" in refused(capsys, "trace.parquet", "--stack", "small.yaml", "-o", "mine", "--force")


def test_settings_prices_and_events(world: Path, capsys: Capture) -> None:
    plain = json.loads(good(capsys, "--format", "json", "-o", "a"))
    (world / "prices.yaml").write_text("api:\n  gpt-6.1-sol: {input_usd_per_mtok: 1, output_usd_per_mtok: 5}\n")
    priced = json.loads(good(capsys, "--format", "json", "-o", "b", "--prices", str(world / "prices.yaml")))
    assert priced["bill"]["api_only"]["total_usd"] == pytest.approx(plain["bill"]["api_only"]["total_usd"] / 2)
    assert str(world) not in json.dumps(priced)
    (world / "events.yaml").write_text("events:\n  - {at: 20s, kind: gpu_failure, deployment: own, duration: 1h}\n")
    broken = json.loads(good(capsys, "--format", "json", "-o", "c", "--events", "events.yaml"))
    assert broken["deployments"]["spill"]["requests"] > plain["deployments"]["spill"]["requests"]
    kinds = pq.read_table(world / "c" / "events.parquet")["kind"].to_pylist()
    assert "gpu_failure" in kinds


def test_a_price_change_is_billed_from_its_moment_on(world: Path, capsys: Capture) -> None:
    plain = json.loads(good(capsys, "--format", "json", "-o", "a"))
    (world / "events.yaml").write_text("events:\n  - {at: 0s, kind: price_change, factor: 3}\n")
    dearer = json.loads(good(capsys, "--format", "json", "-o", "b", "--events", "events.yaml"))
    assert dearer["bill"]["total_usd"] == pytest.approx(3 * plain["bill"]["total_usd"])
    half = plain["window_s"] / 2
    (world / "events.yaml").write_text(f"events:\n  - {{at: {half!r}, kind: price_change, deployment: own, factor: 3}}\n")
    later = json.loads(good(capsys, "--format", "json", "-o", "c", "--events", "events.yaml"))
    assert later["deployments"]["own"]["cost_usd"] == pytest.approx(2 * plain["deployments"]["own"]["cost_usd"])
    assert later["requests"] == plain["requests"] and later["latency"] == plain["latency"]


def test_quiet_says_nothing(world: Path, capsys: Capture) -> None:
    capsys.readouterr()
    assert exit_code(["-q", "run", "trace.parquet", "--stack", "small.yaml", "--months", "0"]) == 0
    captured = capsys.readouterr()
    assert captured.out and captured.err == ""


def test_a_folder_that_cannot_be_written_costs_the_files_only(world: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = good(capsys, "-o", "r")
    monkeypatch.setattr(os, "access", lambda *_: False)
    code, out, err = run(capsys, "trace.parquet", "--stack", "small.yaml")
    assert (code, out) == (0, expected)
    said = " ".join(err.split())
    assert "note: no files were written to outputs/trace-small-" in said and "no permission to write here; name a folder with -o" in said
    assert not (world / "outputs").exists()
    assert "no permission to write here" in refused(capsys, "trace.parquet", "--stack", "small.yaml", "-o", "elsewhere")


def test_a_full_disk_costs_the_files_only_unless_they_were_asked_for(world: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = good(capsys, "-o", "r")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("sim.report.run_tables.write_csv", full)
    code, out, err = run(capsys, "trace.parquet", "--stack", "small.yaml")
    assert (code, out) == (0, expected) and "No space left on device" in " ".join(err.split())
    assert not list((world / "outputs").iterdir())
    assert "r2: could not be written: No space left on device" in refused(capsys, "trace.parquet", "--stack", "small.yaml", "-o", "r2")


def test_an_interrupt_leaves_nothing(world: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("sim.report.run_tables.write_csv", interrupted)
    code, out, err = run(capsys, "trace.parquet", "--stack", "small.yaml", "-o", "r")
    assert (code, out) == (130, "") and err.endswith("interrupted\n")
    assert not (world / "r").exists() and not list(world.glob(".r*"))


def test_a_stdout_that_knows_no_bars(world: Path, root: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(root), "PYTHONIOENCODING": "ascii"}
    settings = ("deployments.own.replicas={min: 0, max: 1}", "deployments.own.autoscaler={law: knative}")
    words = [
        "run",
        "trace.parquet",
        "--stack",
        "small.yaml",
        "--months",
        "0",
        *(word for setting in settings for word in ("--set", setting)),
    ]
    done = subprocess.run([sys.executable, "-m", "sim", *words], capture_output=True, cwd=world, env=environment, timeout=120)
    assert done.returncode == 0, done.stderr
    done.stdout.decode("ascii")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nowhere.parquet"], "nowhere.parquet: no such file"),
        (["trace.parquet", "--stack", "hybird"], "did you mean 'hybrid'?"),
        (["trace.parquet", "--stack", "small.yaml", "--set", "deployments.own.replica=2"], "did you mean 'replicas'?"),
        (["trace.parquet", "--stack", "small.yaml", "--set", "deployments.won.replicas=2"], "did you mean 'own'?"),
        (["trace.parquet", "--stack", "small.yaml", "--set", "deployments.own.gpu=h100"], "h100-sxm"),
        (["trace.parquet", "--stack", "small.yaml", "--prices", "none.yaml"], "none.yaml"),
        (["trace.parquet", "--stack", "small.yaml", "--events", "none.yaml"], "none.yaml: no such file"),
        (["trace.parquet", "--stack", "small.yaml", "--date", "yesterday"], "a day as 2026-11-21 is needed"),
        (["trace.parquet", "--seed", "-1"], "--seed"),
        (["small.yaml"], "small.yaml"),
        ([], "TRACE"),
    ],
    ids=lambda part: " ".join(part)[:40] if isinstance(part, list) else "",
)
def test_mistakes_end_with_one_clear_message(world: Path, capsys: Capture, arguments: list[str], said: str) -> None:
    assert said in refused(capsys, *arguments)


def test_broken_traces_are_refused(world: Path, capsys: Capture) -> None:
    whole = Path("trace.parquet").read_bytes()
    Path("cut.parquet").write_bytes(whole[: len(whole) // 2])
    Path("empty.parquet").write_bytes(b"")
    table = pq.read_table("trace.parquet")
    pq.write_table(table.drop_columns(["output_tokens"]), "column.parquet")
    pq.write_table(table.slice(0, 0), "none.parquet")
    pq.write_table(table.set_column(1, "prompt_tokens", pa.array([10**12] * table.num_rows)), "absurd.parquet")
    pq.write_table(table.set_column(0, "arrival_s", pa.array([float("nan")] * table.num_rows)), "nan.parquet")
    for name, said in {
        "cut": "cut.parquet", "empty": "empty.parquet", "column": "output_tokens: column missing", "none": "at least one row",
        "absurd": "prompt_tokens: request 1: found 1000000000000", "nan": "arrival_s: request 1: found nothing or NaN",
    }.items():  # fmt: skip
        assert said in refused(capsys, f"{name}.parquet", "--stack", "small.yaml")


def test_unsorted_and_odd_traces_are_replayed_with_a_note(world: Path, capsys: Capture) -> None:
    table = pq.read_table("trace.parquet")
    pq.write_table(table.take(list(range(599, -1, -1))), "back.parquet")
    code, _, err = run(capsys, "back.parquet", "--stack", "small.yaml")
    assert code == 0 and "not in order" in err
    for name, rows in {"one": 1, "zero": 2}.items():
        times = [0.0] * rows
        pq.write_table(pa.table({"arrival_s": times, "prompt_tokens": [5] * rows, "output_tokens": [1] * rows}), f"{name}.parquet")
        code, out, err = run(capsys, f"{name}.parquet", "--stack", "small.yaml")
        assert code == 0, err
        assert "own (no duration)" in out and "spill (not used)" in out
        assert "no hour of a GPU is in its bill" in " ".join(out.split())
        assert "no duration, so no month" in out and "API only, same traffic: $" in out
        assert max(map(len, out.splitlines())) <= 80
