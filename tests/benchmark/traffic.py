"""Traffic for the benchmarks: a product with three classes and a few hundred clients, written row group by row group.

Arrivals are a Poisson stream whose rate follows the hours of the day and doubles in bursts of five minutes; lengths are lognormal, as
in chat. The columns are those of the bundled `bursty`, so that class and client cost what they cost there.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

GROUP_ROWS = 131_072
CLASSES = ("chat", "summarise", "extract")
CLASS_SHARES = (0.78, 0.08, 0.14)
CLIENTS = 200
DAY_S = 86_400.0
BURST_S = 300.0
BURST_SHARE = 0.1
PROMPT_MEDIAN, PROMPT_SIGMA = 700.0, 0.9
OUTPUT_MEDIAN, OUTPUT_SIGMA = 150.0, 0.9


def write_traffic(path: Path, rows: int, per_s: float, seed: int = 1) -> Path:
    """A trace of so many requests at a mean rate; memory does not depend on how many."""
    writer = None
    for table in _groups(rows, per_s, seed):
        writer = writer or pq.ParquetWriter(path, table.schema, compression="zstd", store_schema=False)
        writer.write_table(table, row_group_size=GROUP_ROWS)
    assert writer is not None
    writer.close()
    return path


def _groups(rows: int, per_s: float, seed: int) -> Iterator[pa.Table]:
    random = np.random.default_rng(seed)
    weights = 1.0 / np.arange(1, CLIENTS + 1) ** 1.2
    share_below = np.cumsum(weights / weights.sum())
    clients = pa.array([f"client-{k}" for k in range(CLIENTS)])
    classes = pa.array(CLASSES)
    bursts = np.random.default_rng([seed, 1]).random(4096) < BURST_SHARE
    at_s = 0.0
    for first in range(0, rows, GROUP_ROWS):
        n = min(GROUP_ROWS, rows - first)
        steady_s = at_s + np.cumsum(random.standard_exponential(n)) / per_s
        rate = (1.0 + 0.4 * np.sin(2 * math.pi * steady_s / DAY_S)) * (1.0 + bursts[(steady_s // BURST_S).astype(np.int64) % 4096])
        gaps = np.diff(steady_s, prepend=at_s) / (rate / (1.0 + BURST_SHARE))
        arrival_s = at_s + np.cumsum(gaps)
        at_s = float(arrival_s[-1])
        cls = np.searchsorted(np.cumsum(CLASS_SHARES)[:-1], random.random(n))
        client = np.searchsorted(share_below[:-1], random.random(n))
        yield pa.table(
            {
                "arrival_s": arrival_s,
                "prompt_tokens": _lognormal(random, PROMPT_MEDIAN, PROMPT_SIGMA, n, most=16_000),
                "output_tokens": _lognormal(random, OUTPUT_MEDIAN, OUTPUT_SIGMA, n, most=4_000),
                "class": pa.DictionaryArray.from_arrays(pa.array(cls, pa.int32()), classes),
                "client_id": pa.DictionaryArray.from_arrays(pa.array(client, pa.int32()), clients),
            }
        )


def _lognormal(random: np.random.Generator, median: float, sigma: float, n: int, *, most: int) -> pa.Array:
    return pa.array(np.clip(np.rint(median * np.exp(sigma * random.standard_normal(n))), 1, most), pa.int32())
