"""A plan of a pool that is an M/M/c queue finds the c that Erlang's formula says."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sim.planning.bounds import work_of
from sim.planning.opened import open_study
from sim.planning.search import Evaluations, Race
from tests.made.plans import made, study_of
from tests.theory import formulas

STEP_MS = 8
TOKENS = 125
"""In the mean, so that a request is served for a second."""
STACK = f"""\
deployments:
  own:
    kind: gpu
    llm: llama-3.1-8b
    gpu: h100-sxm
    usd_per_gpu_hour: 1
    gpus_per_node: 1
    profile: {{step: {{c_ms: {STEP_MS}, g_ms_at_tokens: [[1, 0]]}}, kv_capacity_tokens: 10000000}}
    max_num_seqs: 1
    prefix_caching: off
    client: none
"""


def erlang_c(servers: int, load: float) -> float:
    """The probability that a request waits."""
    waits = load**servers / math.factorial(servers) * servers / (servers - load)
    return waits / (sum(load**k / math.factorial(k) for k in range(servers)) + waits)


def servers_for(load: float, wait_s: float, share: float) -> int:
    """The fewest servers at which at most 1 - share of the requests wait longer: P(W > t) = C(c, a)·exp(-(c - a)·t)."""
    servers = math.floor(load) + 1
    while erlang_c(servers, load) * math.exp(-(servers - load) * wait_s) > 1 - share:
        servers += 1
    return servers


@pytest.mark.parametrize(("load", "wait_s"), [(3.4, 0.6), (3.4, 1.6), (6.3, 0.35)])
def test_sequences_of_one_replica(tmp_path: Path, load: float, wait_s: float) -> None:
    count = 150_000
    random = np.random.default_rng(7)
    trace = tmp_path / "trace.parquet"
    table = pa.table(
        {
            "arrival_s": np.cumsum(random.exponential(1 / load, count)),
            "prompt_tokens": pa.array(np.ones(count), pa.int32()),
            "output_tokens": pa.array(random.geometric(1 / TOKENS, count), pa.int32()),
        }
    )
    pq.write_table(table, trace)
    expected = servers_for(load, wait_s, 0.95)
    chances = [erlang_c(c, load) * math.exp(-(c - load) * wait_s) for c in (expected - 1, expected)]
    assert chances[0] > 0.06 and chances[1] < 0.04, "a case in which chance does not decide"
    assert erlang_c(expected, load) / (expected - load) == pytest.approx(formulas.erlang_c_wait(expected, load, 1.0))
    levels = (f"ttft_p95 <= {wait_s + STEP_MS / 1000}s", "tpot_p95 <= 1s", "completed >= 99%")
    study = study_of(trace, STACK, levels, rows=count)
    # More sequences cost no more: the race goes through all, and which of them are feasible is asked.
    every = made(study, "replicas: 1\nmax_num_seqs: 2:12\n")
    race = Race(every, study, study, work_of(open_study(study).trace), Evaluations())
    list(race)
    least = min(int(dict(each.candidate.values)["max_num_seqs"]) for each in race.judged if each.met)
    assert least == expected
