"""Memory does not grow with the trace: a million requests, ten million, and, where the disk has room, a hundred million."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.benchmark.process import Used, report, use
from tests.benchmark.traffic import write_traffic

pytestmark = pytest.mark.benchmark

PER_S = 38.0
"""A hundred million in a month."""
STACK = ("--stack", "self-hosted", "--set", "deployments.own.replicas=12")
BYTES_PER_ROW = 20
MILLION = 1_000_000
ALLOWED = 1e9


def replayed(folder: Path, requests: int) -> Used:
    """One replay of so many requests by twelve replicas; the trace is removed afterwards."""
    need = 1.5 * BYTES_PER_ROW * requests
    if shutil.disk_usage(folder).free < need:
        pytest.skip(f"{need / 1e9:.1f} GB of free disk are needed")
    trace = write_traffic(folder / "trace.parquet", requests, PER_S)
    try:
        assert trace.stat().st_size < BYTES_PER_ROW * requests
        return use(["-m", "sim", "run", trace, *STACK, "--months", "0", "-o", folder / "run", "--force"], folder=folder)
    finally:
        trace.unlink()


def test_memory_does_not_grow(tmp_path: Path) -> None:
    replayed(tmp_path, 10_000)
    few, many = replayed(tmp_path, MILLION), replayed(tmp_path, 10 * MILLION)
    report("sim run, 1,000,000 requests, 12 replicas", [few], "memory below 1 GB")
    report("sim run, 10,000,000 requests, 12 replicas", [many], "memory below 1 GB")
    print(f"memory with ten times the requests: {many.peak_bytes / few.peak_bytes:.2f} times")
    assert many.peak_bytes < 1.25 * few.peak_bytes
    assert many.peak_bytes < ALLOWED


def test_a_hundred_million_requests(tmp_path: Path) -> None:
    replayed(tmp_path, 10_000)
    used = replayed(tmp_path, 100 * MILLION)
    report("sim run, 100,000,000 requests, 12 replicas", [used], "required 1 GB and 300 s, aim 120 s")
    assert used.peak_bytes < ALLOWED
