"""The data plane: requests a second, printed; the work it does for a request, asserted, so that a slower algorithm fails without a stopwatch."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.benchmark.data_plane import SYSTEM, traffic

pytestmark = pytest.mark.benchmark

FEW, MANY = 250_000, 2_000_000
REPEATS = 3


def calls(root: Path, *arguments: str) -> dict[str, int]:
    """Calls of each function of the engine and counters of the pool, without compilation."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmark.data_plane", *arguments],
        cwd=root, env={**os.environ, "NUMBA_DISABLE_JIT": "1"}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    counted: dict[str, int] = json.loads(done.stdout)
    return counted


def total(counted: dict[str, int]) -> int:
    """Calls of all functions; the counters of the pool start with n_."""
    return sum(number for name, number in counted.items() if not name.startswith("n_"))


def test_requests_a_second() -> None:
    from sim.engine.run import simulate

    seconds = {}
    for requests in (FEW, MANY):
        trace = traffic(requests)
        simulate(SYSTEM, trace, until_s=60.0)
        taken = []
        for _ in range(REPEATS):
            begin = time.process_time()
            result = simulate(SYSTEM, trace)
            taken.append(time.process_time() - begin)
        seconds[requests] = statistics.median(taken)
        counters = {name: int(values[0]) for name, values in result.counters.items()}
        # The case is the one that is promised: the pool grows and shrinks, requests are retried, KV runs out.
        assert result.total == requests
        assert counters["retries"] > 0.01 * requests and counters["preemptions"] > 0
        assert any(life.end == "scaled_down" for life in result.lives) and any(life.start_s > 0 for life in result.lives)
    rates = {requests: requests / taken for requests, taken in seconds.items()}
    print(
        f"\ndata plane: {rates[MANY]:,.0f} requests a CPU second (median of {REPEATS}, load average {os.getloadavg()[0]:.1f}); "
        f"required 500,000, aim 1,500,000\n"
        f"time per request with {MANY // FEW} times the requests: {rates[FEW] / rates[MANY]:.2f} times (1: linear)"
    )


def test_calls_per_request_do_not_grow(root: Path) -> None:
    few, many = calls(root, "1000"), calls(root, "4000")
    per_request = total(few) / 1000, total(many) / 4000
    print(f"\ncalls of engine functions a request: {per_request[0]:.0f} of 1,000 requests, {per_request[1]:.0f} of 4,000")
    assert max(per_request) < 150
    assert per_request[1] < 1.3 * per_request[0]
    assert many["start_step"] < 3 * many["n_attempts"]
    # Admission, a look by a router or a preemption must not walk the batch or the blocks of a request.
    assert many["blocks_for"] < 10 * many["n_attempts"]


def test_steps_are_skipped(root: Path) -> None:
    short, long = calls(root, "20", "300"), calls(root, "20", "3000")
    assert long["n_steps"] == short["n_steps"] + 20 * 2700
    assert long["start_step"] == short["start_step"]
    assert total(long) < 1.01 * total(short)
