"""Small traces and stacks on disk, for tests that run the whole command."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

STACK = """\
description: one small pool that spills to an API
deployments:
  own:
    kind: gpu
    llm: llama-3.1-8b
    gpu: h100-sxm
    replicas: 1
    usd_per_gpu_hour: 3.6
    gpus_per_node: 1
    profile:
      step: {c_ms: 4, g_ms_at_tokens: [[1, 4], [256, 6], [8192, 120]], o_us_per_sequence: 20, f_ns_per_context_token: 10, h_ns_per_token_pair: 0.1}
      kv_capacity_tokens: 200000
    client: none
  spill:
    kind: api
    model: gpt-6.1-sol
routing:
  - to: [{deployment: own, max_wait: 2s}, spill]
"""


def write_trace(
    path: Path, rows: int = 600, rate: float = 4.0, seed: int = 1, *, classes: tuple[str, ...] = ("chat", "code"), clients: int = 3
) -> Path:
    """A Poisson trace of moderate lengths."""
    random = np.random.default_rng(seed)
    table = pa.table(
        {
            "arrival_s": np.cumsum(random.exponential(1 / rate, rows)),
            "prompt_tokens": pa.array(random.integers(20, 2000, rows), pa.int32()),
            "output_tokens": pa.array(random.geometric(1 / 150, rows), pa.int32()),
            "class": pa.array([classes[i % len(classes)] for i in range(rows)]),
            "client_id": pa.array([f"team-{i % clients}" for i in range(rows)]),
        }
    )
    pq.write_table(table, path)
    return path


def write_world(folder: Path) -> tuple[Path, Path]:
    """A trace and a stack in a folder."""
    stack = folder / "small.yaml"
    stack.write_text(STACK)
    return write_trace(folder / "trace.parquet"), stack
