"""Quantiles of gaps between tokens against a replica of which every token is timed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from types import MappingProxyType

import numpy as np
import pytest

from sim.calibration.gaps import Finished, gap_quantiles
from sim.calibration.points import Load, Server, Statistic
from sim.calibration.serving import lengths_of, profile_of, requests_of, serve, system_of
from sim.catalog.catalog import Catalog
from sim.profile import Profile, StepCoefficients
from tests.oracles.replica import ReplicaOracle, Work

SHARES: Mapping[Statistic, float] = MappingProxyType({"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99})
STEP = StepCoefficients(1.5e-3, (1.0, 64.0, 256.0, 8192.0), (5e-3, 5.2e-3, 8.4e-3, 0.24), o_s=7e-5, f_s=5e-8, h_s=9e-10)
"""About an 8B model on an H100; made up, for quantiles of gaps jump where steps with prompts begin."""


@cache
def profile() -> Profile:
    catalog = Catalog.bundled()
    server = Server(catalog.llm("llama-3.1-8b"), catalog.gpu("h100-sxm"), 1, "bf16")
    return replace(profile_of(server, longest_tokens=4096, catalog=catalog), step=STEP, front_end_s=0.0, max_num_batched_tokens=2048)


def timed(load: Load) -> list[float]:
    """All gaps of a closed loop, token by token: each client sends when its last request has ended."""
    prompts, outputs = lengths_of(load, requests_of(load))
    replica = ReplicaOracle(system_of(profile()).deployments[0].replica)  # type: ignore[union-attr]
    left = [Work(row, int(p), int(o)) for row, (p, o) in enumerate(zip(prompts, outputs, strict=True))]
    left.reverse()
    assert load.concurrency is not None
    now, last, gaps = 0.0, {}, []
    for _ in range(load.concurrency):
        replica.add(left.pop(), now)
    while (end := replica.start(now)) is not None:
        batch = [(chunk.work, chunk.work.delivered) for chunk in replica.batch]
        replica.end(end)
        now = end
        for work, before in batch:
            if work.delivered > before:
                gaps += [now - last[work.row]] if work.row in last else []
                last[work.row] = now
            if work.delivered == work.output and left:
                replica.add(left.pop(), now)
    return gaps


@pytest.mark.parametrize(
    ("load", "within", "apart"),
    [
        (Load(300, 60, concurrency=1), 0.01, 0.0),
        (Load(1000, 100, concurrency=8), 0.05, 0.0),
        (Load(200, 100, concurrency=32), 0.05, 0.0),
        (Load(3000, 60, concurrency=8), 0.02, 0.05),
        (Load(3000, 200, concurrency=8), 0.02, 0.05),
    ],
)
def test_quantiles_are_those_of_the_tokens(load: Load, within: float, apart: float) -> None:
    # Of prompts that take several steps the share of long gaps is known to 5 % of all gaps, and quantiles jump where they begin.
    found, gaps = serve(load, profile()).values, timed(load)
    assert found["itl_s", "mean"] == pytest.approx(float(np.mean(gaps)), rel=1e-9)
    for statistic, share in SHARES.items():
        least, most = np.quantile(gaps, [share - apart, min(share + apart, 1.0)])
        assert least * (1.0 - within) <= found["itl_s", statistic] <= most * (1.0 + within), statistic


def test_one_sequence_alone_has_the_gaps_of_its_growing_context() -> None:
    step = StepCoefficients(1.0, (1.0,), (0.0,), f_s=1e-3)
    output = 1001
    gaps = 1.0 + 1e-3 * (10.0 + np.arange(1, output))
    last = 5.0 + gaps.sum()
    done = Finished(np.array([5.0]), np.array([last]), np.array([10.0]), np.array([float(output)]))
    probabilities = [0.1, 0.5, 0.9]
    found = gap_quantiles(done, step, budget=100, probabilities=probabilities)
    assert found == pytest.approx(list(np.quantile(gaps, probabilities)), rel=0.05)


def test_single_tokens_have_no_gaps() -> None:
    one = np.array([1.0])
    assert gap_quantiles(Finished(one, one, one, one), StepCoefficients(1.0, (1.0,), (0.0,)), budget=10, probabilities=[0.5]) == []
