"""The Python calls: typed results whose tables are those of the command's files, to the last bit, and nothing written unless asked."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

import sim
from sim.futures.cell_store import CellStore
from tests.made import command
from tests.made.command import Capture
from tests.made.world import write_world

AHEAD = ("--months", "2", "--futures", "20", "--workers", "1")


@pytest.fixture(autouse=True)
def world(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with trace.parquet and small.yaml, and an empty store elsewhere."""
    write_world(tmp_path)
    monkeypatch.chdir(tmp_path)
    store = CellStore(tmp_path_factory.mktemp("cells"))
    monkeypatch.setattr(CellStore, "default", staticmethod(lambda: store))
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
    for name in ("latency", "timeline", "events", "monthly", "charges", "requests"):
        assert_frame_equal(getattr(found, name), pd.read_parquet(world / "theirs" / f"{name}.parquet"), check_exact=True)
    csv_equals(found.capacity, world / "theirs" / "capacity.csv")
    assert found.bill.to_dict("records") == found.summary["bill"]["lines"]
    assert found.save("ours") == Path("ours")
    assert files_of(world / "ours") == files_of(world / "theirs")


def test_a_forecast_is_what_the_command_writes(world: Path, capsys: Capture) -> None:
    code, out, err = command.run(
        capsys, "run", "trace.parquet", "--stack", "small.yaml", *AHEAD, "--budget", "$5k", "--start", "2027-01", "--set",
        "outlook.demand.growth_per_month=9%", "--format", "json", "-o", "theirs",
    )  # fmt: skip
    assert code == 0, err
    found = sim.forecast(
        "trace.parquet", "small.yaml", months=2, futures=20, workers=1, budget=5000, start="2027-01",
        settings=["outlook.demand.growth_per_month=9%"],
    )  # fmt: skip
    assert found.json == out
    assert found.months == ("2027-01", "2027-02")
    assert found.invoice_usd.p50 == found.summary["total"]["invoice_usd"]["p50"]
    assert found.p_over_budget == found.summary["budget"]["invoice"]["p_exceed"]
    for name in ("monthly", "draws", "charges", "latency"):
        assert_frame_equal(getattr(found, name), pd.read_parquet(world / "theirs" / f"{name}.parquet"), check_exact=True)
    csv_equals(found.capacity, world / "theirs" / "capacity.csv")
    assert found.requests is None
    assert found.save("ours") == Path("ours") and files_of(world / "ours") == files_of(world / "theirs")
