"""The same command gives the same bytes: again, in another folder, with another hash seed, and however the trace is read."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from sim.catalog.catalog import Catalog
from sim.catalog.price_book import PriceBook
from sim.cost.replay import replay
from sim.report.run_report import report_of
from sim.report.summary import summary_json
from sim.stack import facts_of, read_stack, resolve
from sim.trace import Trace, read_trace
from tests.made.command import Capture, run
from tests.made.world import write_trace, write_world

EVENTS = """\
events:
  - {at: 10s, kind: demand_factor, factor: 2.5, duration: 60s}
  - {at: 20s, kind: gpu_failure, deployment: own, duration: 30s}
  - {at: 30s, kind: degradation, factor: 3, error_rate: 20%, duration: 40s}
  - {at: 60s, kind: price_change, factor: 1.5}
"""
OPTIONS = ("--stack", "small.yaml", "--events", "events.yaml", "--seed", "7", "--log-requests", "--months", "0")


def made(folder: Path) -> Path:
    folder.mkdir(parents=True)
    write_world(folder)
    (folder / "events.yaml").write_text(EVENTS)
    return folder


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def in_process(folder: Path, root: Path, hash_seed: str) -> tuple[str, dict[str, bytes]]:
    environment = {**os.environ, "PYTHONPATH": str(root), "PYTHONHASHSEED": hash_seed}
    command = [sys.executable, "-m", "sim", "run", "trace.parquet", *OPTIONS]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder, env=environment, timeout=300)
    assert done.returncode == 0, done.stderr
    (made_here,) = (folder / "outputs").iterdir()
    return done.stdout, {made_here.name: b""} | content(made_here)


def test_again_elsewhere_and_with_another_hash_seed(tmp_path: Path, root: Path) -> None:
    """stdout, the name of the folder, and every byte in it."""
    first = in_process(made(tmp_path / "a"), root, "0")
    assert in_process(tmp_path / "a", root, "1") == first
    assert in_process(made(tmp_path / "somewhere" / "else"), root, "12345") == first


@pytest.mark.parametrize("form", ["table", "json", "md"])
def test_every_form(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture, form: str) -> None:
    monkeypatch.chdir(made(tmp_path / "w"))
    printed = [run(capsys, "run", "trace.parquet", *OPTIONS, "--format", form) for _ in range(2)]
    assert printed[0][0] == 0
    assert printed[0] == printed[1]
    assert str(tmp_path) not in printed[0][1] + printed[0][2]


def test_a_trace_is_known_by_what_is_in_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    """Other row groups and another compression make another file, and the same figures."""
    monkeypatch.chdir(made(tmp_path / "w"))
    found = run(capsys, "run", "trace.parquet", *OPTIONS)[1]
    pq.write_table(pq.read_table("trace.parquet"), "trace.parquet", row_group_size=17, compression="gzip")
    assert run(capsys, "run", "trace.parquet", *OPTIONS)[1] == found


@pytest.mark.parametrize("stack", ["hybrid", "autoscaled-hpa", "scale-to-zero", "fallback-chain", "task-routing"])
def test_the_size_of_chunks_does_not_matter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stack: str) -> None:
    catalog = Catalog.load()
    book = PriceBook(catalog.date)
    trace = read_trace(write_trace(tmp_path / "trace.parquet", rows=2000, rate=20.0, classes=("chat", "code", "batch")))
    whole = Trace.chunks

    def report() -> str:
        resolved = resolve(read_stack(stack, catalog), catalog, book, facts_of(trace))
        return summary_json(report_of(replay(resolved, trace, catalog=catalog, book=book, seed=2, log=True), resolved, trace, seed=2))

    expected = report()
    for rows in (1999, 64, 7):
        monkeypatch.setattr(Trace, "chunks", lambda self, _rows=0, few=rows: whole(self, few))
        assert report() == expected, rows
