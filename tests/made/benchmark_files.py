"""Hand-made benchmark documents of the tools that are read, each a small whole run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sim.calibration.formats import read_benchmark
from sim.calibration.points import Benchmark, Given
from sim.catalog.catalog import Catalog
from sim.errors import InputError

CATALOG = Catalog.bundled()
GIVEN = Given(llm=CATALOG.llm("llama-3.1-8b"), gpu=CATALOG.gpu("h100-sxm"), tensor_parallel=1, precision="bf16", engine="vllm")

VLLM = {
    "backend": "vllm", "model_id": "meta-llama/Llama-3.1-8B-Instruct", "num_prompts": 40, "request_rate": "inf", "burstiness": 1.0,
    "max_concurrency": 4, "duration": 10.0, "completed": 40, "total_input_tokens": 40_960, "total_output_tokens": 10_240,
    "output_throughput": 1024.0, "total_token_throughput": 5120.0, "mean_ttft_ms": 50.0, "median_ttft_ms": 45.0, "p99_ttft_ms": 90.0,
    "mean_tpot_ms": 3.5, "median_tpot_ms": 3.4, "std_tpot_ms": 0.1, "mean_itl_ms": 3.6, "p99_itl_ms": 9.0, "mean_e2el_ms": 950.0,
}  # fmt: skip


def saved(tmp_path: Path, document: Any, name: str = "result.json") -> Path:
    path = tmp_path / name
    path.write_text(document if isinstance(document, str) else json.dumps(document))
    return path


def read(tmp_path: Path, document: Any, given: Given = GIVEN) -> Benchmark:
    return read_benchmark(saved(tmp_path, document), given, CATALOG)


def refused(tmp_path: Path, document: Any, given: Given = GIVEN) -> str:
    with pytest.raises(InputError) as error:
        read(tmp_path, document, given)
    return str(error.value)


def detailed(starts: list[float], *, rate: object = 2.0, limit: int | None = None) -> dict[str, Any]:
    count = len(starts)
    return {
        "backend": "vllm", "model_id": "llama-3.1-8b", "num_prompts": count, "request_rate": rate, "max_concurrency": limit,
        "duration": 100.0, "completed": count, "total_input_tokens": 100 * count, "total_output_tokens": 5 * count,
        "output_throughput": 12.5, "mean_ttft_ms": 200.0, "input_lens": [100 + at for at in range(count)], "output_lens": [5] * count,
        "ttfts": [0.2] * count, "itls": [[0.01, 0.01, 0.01, 0.03]] * count, "errors": [""] * count, "start_times": starts,
    }  # fmt: skip


INFERENCEX = {
    "hw": "h200-nv", "conc": 64, "model": "meta-llama/Llama-3.1-70B-Instruct", "framework": "vllm", "precision": "fp8",
    "spec_decoding": "none", "disagg": False, "isl": 1024, "osl": 8192, "is_multinode": False, "tp": 4, "ep": 1, "dp_attention": "false",
    "tput_per_gpu": 900.0, "output_tput_per_gpu": 800.0, "mean_ttft": 0.25, "median_ttft": 0.2, "p99_ttft": 1.5, "median_tpot": 0.02,
    "median_intvty": 50.0, "median_e2el": 160.0,
}  # fmt: skip


def guidellm(strategy: dict[str, Any], **totals: int) -> dict[str, Any]:
    def block(mean: float, median: float, **more: float) -> dict[str, Any]:
        return {"successful": {"mean": mean, "median": median, "std_dev": 0.0, "percentiles": more}, "errored": {"mean": 0.0}}

    metrics = {
        "request_totals": {"successful": 24, "errored": 0, "incomplete": 0, **totals},
        "time_to_first_token_ms": block(125.0, 120.0, p99=215.0),
        "time_per_output_token_ms": block(16.0, 15.0),
        "inter_token_latency_ms": block(12.5, 12.4, p90=13.0),
        "request_latency": block(0.51, 0.5, p95=0.58),
        "output_tokens_per_second": block(240.0, 150.0),
        "prompt_token_count": block(124.75, 125.0),
        "output_token_count": block(32.0, 32.0),
    }
    return {"config": {"strategy": strategy, "backend": {"model": "llama-3.1-8b"}}, "metrics": metrics}


def aiperf_record(start_s: float, *, ttft_ms: float = 40.0, e2e_ms: float = 240.0, **metadata: Any) -> dict[str, Any]:
    start_ns = 1_793_527_200_000_000_000 + round(start_s * 1e9)
    return {
        "metadata": {"request_start_ns": start_ns, "request_end_ns": start_ns + round(e2e_ms * 1e6), "benchmark_phase": "profiling", **metadata},
        "metrics": {
            "input_sequence_length": {"value": 550, "unit": "tokens"},
            "output_sequence_length": {"value": 21, "unit": "tokens"},
            "time_to_first_token": {"value": ttft_ms, "unit": "ms"},
            "request_latency": {"value": e2e_ms * 1e6, "unit": "ns"},
            "inter_chunk_latency": {"value": [10.0] * 20, "unit": "ms"},
        },
        "error": None,
    }  # fmt: skip


def lines(records: list[dict[str, Any]]) -> str:
    return "\n".join(json.dumps(record) for record in records)


AIPERF_SUMMARY = {
    "input_config": {"endpoint": {"model_names": ["meta-llama/Llama-3.1-8B"]}, "loadgen": {"concurrency": 16, "request_count": 160}},
    "time_to_first_token": {"unit": "ms", "avg": 60.0, "p50": 55.0, "p99": 120.0},
    "inter_token_latency": {"unit": "ms", "avg": 9.0, "p50": 8.9},
    "request_latency": {"unit": "ms", "avg": 2600.0},
    "request_throughput": {"unit": "requests/sec", "avg": 6.1},
    "output_token_throughput": {"unit": "tokens/sec", "avg": 1600.0},
    "input_sequence_length": {"unit": "tokens", "avg": 550.0},
    "output_sequence_length": {"unit": "tokens", "avg": 256.0},
    "request_count": {"unit": "requests", "avg": 160.0},
    "telemetry_data": {"endpoints": {"localhost:9400": {"gpus": {"gpu_0": {"gpu_name": "NVIDIA H100 80GB HBM3"}}}}},
}  # fmt: skip
