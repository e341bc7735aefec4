"""Columns of plain tables: which names stand for which field, and what a measured column holds, by its name.

A measured column is `METRIC_UNIT` with a statistic before or between, as `ttft_ms`, `ttft_p99_ms`, `median_tpot_ms`, `e2e_s`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from sim.calibration.formats.csv_rows import CsvTable, Row
from sim.calibration.points import Metric, Statistic
from sim.catalog.places import Place
from sim.errors import Problem, nearest_name

SERVER_COLUMNS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("llm", ("llm", "model", "model_id")),
    ("gpu", ("gpu", "system", "hardware", "hw")),
    ("tensor_parallel", ("tensor_parallel", "tp_size", "tp", "tensor_parallel_size")),
    ("precision", ("precision",)),
    ("kv_precision", ("kv_precision", "kv_cache_dtype")),
    ("engine", ("engine", "backend", "framework")),
    ("engine_era", ("engine_era",)),
    ("utilisation", ("utilisation", "gpu_memory_utilization")),
    ("max_num_batched_tokens", ("max_num_batched_tokens",)),
    ("max_num_seqs", ("max_num_seqs",)),
    ("max_model_len", ("max_model_len",)),
    ("prefix_caching", ("prefix_caching", "enable_prefix_caching")),
)
"""Fields of a server and the columns that hold them; the first that is there is read."""
REFUSED_COLUMNS: tuple[tuple[tuple[str, ...], str], ...] = (
    (("pipeline_parallel", "pp_size", "pp"), "pipeline parallelism"),
    (("data_parallel", "dp_size", "dp"), "several replicas behind one address (data parallelism); the row of one replica"),
    (("num_speculative_tokens",), "speculative decoding"),
)
"""Columns whose value above 1 (or 0) says something that no profile describes."""

_STATISTICS: Mapping[str, Statistic] = MappingProxyType(
    {
        "mean": "mean", "avg": "mean", "average": "mean", "median": "p50", "p50": "p50", "p90": "p90", "p95": "p95", "p99": "p99",
    }
)  # fmt: skip
_METRICS: Mapping[str, Metric] = MappingProxyType(
    {
        "ttft": "ttft_s", "time_to_first_token": "ttft_s", "tpot": "tpot_s", "time_per_output_token": "tpot_s",
        "itl": "itl_s", "inter_token_latency": "itl_s",
        "e2e": "e2e_s", "e2el": "e2e_s", "e2e_latency": "e2e_s", "request_latency": "e2e_s",
    }
)  # fmt: skip
_LATENCY = re.compile(
    rf"(?:(?P<before>{'|'.join(_STATISTICS)})_)?(?P<metric>{'|'.join(_METRICS)})(?:_(?P<after>{'|'.join(_STATISTICS)}))?(?P<unit>_ms|_s)?"
)
_THROUGHPUT = re.compile(
    r"(?:output_)?(?:throughput|tput)_(?:tok_s|tok_per_s|tokens_s|tokens_per_s|tokens_per_sec)(?P<per_gpu>_per_gpu)?|output_throughput"
)


@dataclass(frozen=True)
class Measured:
    """What a measured column holds: the metric, its statistic if the name says it, and the factor to seconds or tokens a second."""

    metric: Metric
    statistic: Statistic | None
    factor: float | None
    """None: the name has no unit."""
    per_gpu: bool = False


def measured_column(name: str) -> Measured | None:
    """What a column measures by its name; None for any other column."""
    throughput = _THROUGHPUT.fullmatch(name)
    if throughput:
        return Measured("throughput_tok_s", "mean", 1.0, per_gpu=bool(throughput["per_gpu"]))
    found = _LATENCY.fullmatch(name)
    if not found or (found["before"] and found["after"]):
        return None
    said = found["before"] or found["after"]
    factor = {"_ms": 1e-3, "_s": 1.0, None: None}[found["unit"]]
    return Measured(_METRICS[found["metric"]], _STATISTICS[said] if said else None, factor)


def statistic_named(name: str) -> Statistic | None:
    """The statistic that a word stands for, None for any other word."""
    return _STATISTICS.get(name.strip().lower())


STATISTIC_WORDS = tuple(_STATISTICS)


@dataclass(frozen=True)
class Columns:
    """The columns of a table by field."""

    table: CsvTable
    at: Mapping[str, int]

    def value(self, row: Row, field: str) -> str | None:
        """The cell of a field, None where the table has no such column."""
        return row.cells[self.at[field]] if field in self.at else None

    def place(self, row: Row, field: str) -> Place:
        """Where the cell of a field stands, the row if there is no such column; messages name the column as the file does."""
        if field not in self.at:
            return self.table.place(field, row)
        return self.table.place(self.table.header[self.at[field]], row, self.at[field])


def lacking(
    table: CsvTable, wanted: tuple[str, ...], known: tuple[tuple[str, tuple[str, ...]], ...], found: str, allowed: str = ""
) -> Problem:
    """That a table lacks a column; told at one that nobody knows where its name is near to one `wanted`."""
    spelled = {name for _, names in known for name in names}
    for at, column in enumerate(table.header):
        meant = nearest_name(column, wanted) if column not in spelled and measured_column(column) is None else ""
        if meant and meant not in table.header:
            return table.place(table.header[at]).problem(f"unknown column, where {' or '.join(wanted)} is needed", "", meant)
    return table.place(wanted[0]).problem(found, allowed)


def find_columns(table: CsvTable, known: tuple[tuple[str, tuple[str, ...]], ...]) -> Columns:
    """For each field the first of its column names that the table has."""
    at = {}
    for field, names in known:
        for name in names:
            if name in table.header:
                at[field] = table.header.index(name)
                break
    return Columns(table, MappingProxyType(at))
