"""Whole processes, from the start of Python to the files written: `sim run`, `sim --help`, and the compilation of the first run.

Times are printed, never asserted; what is asserted is that nothing is loaded or compiled that the command does not need.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.benchmark.process import Used, repeated, report, use
from tests.benchmark.traffic import write_traffic

pytestmark = pytest.mark.benchmark

MILLION = 1_000_000
HEAVY = ("pandas", "numba", "scipy", "numpy", "pyarrow", "pydantic", "genai_prices", "simpy")


@pytest.fixture(scope="module")
def million(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A million requests of a day and a half, more than the default stack's own GPUs carry: many go to its APIs."""
    return write_traffic(tmp_path_factory.mktemp("million") / "million.parquet", MILLION, per_s=8.0)


def sim_run(folder: Path, trace: Path | str, *options: str, environment: dict[str, str] | None = None) -> Used:
    """A plain replay into the same folder each time."""
    return use(
        ["-m", "sim", "run", trace, "--months", "0", *options, "-o", folder / "run", "--force"], folder=folder, environment=environment
    )


def requests_done(folder: Path) -> int:
    found: int = json.loads((folder / "run" / "summary.json").read_text())["requests"]["total"]
    return found


@pytest.mark.parametrize("stack", ["hybrid", "autoscaled-hpa"])
def test_a_million_requests(tmp_path: Path, million: Path, stack: str) -> None:
    sim_run(tmp_path, "workloads/steady.parquet", "--stack", stack)
    runs = repeated(lambda: sim_run(tmp_path, million, "--stack", stack))
    report(f"sim run, 1,000,000 requests, {stack}", runs, "required 5 s, aim 3 s")
    assert requests_done(tmp_path) == MILLION


def test_the_bundled_day(tmp_path: Path) -> None:
    day = ("workloads/bursty.parquet", "--months", "12")
    sim_run(tmp_path, *day)
    report("sim run workloads/bursty.parquet", repeated(lambda: sim_run(tmp_path, *day)), "required 20 s, aim 10 s")


def test_four_replicas_of_a_large_model(tmp_path: Path) -> None:
    """The case in which other simulators were timed: 20,000 requests, four replicas of a 70B model on four GPUs each."""
    trace = write_traffic(tmp_path / "twenty.parquet", 20_000, per_s=10.0)
    own = "deployments.own."
    options = ("--stack", "self-hosted", "--set", f"{own}replicas=4", "--set", f"{own}tensor_parallel=4")
    sim_run(tmp_path, trace, *options)
    report(
        "sim run, 20,000 requests, 4 replicas of a 70B model at TP4",
        repeated(lambda: sim_run(tmp_path, trace, *options)),
        "others on this case: 5.6 s (Rust), 7 s (Go), 12 s, 60 s and 113 s (Python)",
    )
    assert requests_done(tmp_path) == 20_000


def test_help(tmp_path: Path) -> None:
    report("sim --help", repeated(lambda: use(["-m", "sim", "--help"], folder=tmp_path), 9), "required 0.3 s")
    loaded = use(
        ["-c", "import sys; from sim.cli.main import exit_code; assert exit_code(['run', '--help']) == 0; print(*sys.modules)"],
        folder=tmp_path,
    ).out.split()
    assert not set(HEAVY) & set(loaded)


def test_the_first_run_compiles(tmp_path: Path) -> None:
    cache = {"SIM_CACHE_DIR": str(tmp_path / "cache")}
    first = sim_run(tmp_path, "workloads/steady.parquet", environment=cache)
    compiled = sorted((tmp_path / "cache").rglob("*.nbc"))
    second = sim_run(tmp_path, "workloads/steady.parquet", environment=cache)
    report("sim run, first on a machine: one-time compilation", [first], "required 40 s, aim 20 s")
    size = sum(file.stat().st_size for file in compiled) / 1e6
    print(f"machine code: {len(compiled)} files, {size:.1f} MB; the second run: {second.wall_s:.2f} s, {second.cpu_s:.2f} CPU seconds")
    assert compiled
    assert sorted((tmp_path / "cache").rglob("*.nbc")) == compiled
    assert second.cpu_s < first.cpu_s / 3
