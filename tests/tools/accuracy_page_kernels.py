"""What is below the steps and beside them in docs/accuracy.md: kernels, the prefix cache, and the latency of APIs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from sim.calibration.points import Server
from sim.calibration.serving import profile_of, system_of
from sim.catalog.catalog import Catalog
from sim.engine.run import simulate
from sim.engine.system import Pool, StepTime
from sim.profile.coefficients import load_coefficients
from sim.trace.trace import read_trace
from tests.tools import fit_kernels, perf_data
from tests.tools.accuracy_page_tables import ERRORS, error_cells, markdown, percent

MATRICES = (("a100", "bf16"), ("h100", "bf16"), ("h100", "fp8"), ("h200", "bf16"), ("h200", "fp8"))
WORK = MappingProxyType(
    {
        "generation": (("decodes that read 0.1 to 1 GB", 1e8, 1e9), ("decodes that read more", 1e9, 1e15)),
        "context": (("prompts of 0.1 to 1 TFLOP", 1e11, 1e12), ("prompts of more", 1e12, 1e18)),
    }
)
"""Kernels by their bytes and operations; smaller ones are launches and idle processors for the most part."""
TRACE = "mooncake_synthetic.parquet"
PREFIX_BLOCK_TOKENS = 512
UNBOUNDED_TOKENS = 1 << 27
"""More than all prompts of the trace together."""


def kernels_table() -> str:
    """Matrix products by GPU and precision, and the median error of their law."""
    lines = []
    for gpu, precision in MATRICES:
        found = fit_kernels.fit_matrices(gpu, precision)
        shares = (f"{found['weights']:.2f}", f"{found['compute']:.2f}")
        lines.append((f"matrix products, {gpu.upper()} {precision}", *shares, percent(found["error"])))
    for gpu in ("a100", "h100", "a40"):
        found = fit_kernels.fit_operators(gpu)
        shares = (f"{found['weights']:.2f}", f"{found['compute']:.2f}")
        lines.append((f"all matrix products of a layer, {gpu.upper()} bf16", *shares, percent(found["error"])))
    return markdown(("kernels", "share of bandwidth", "share of peak", "median error"), lines)


def attention_table() -> str:
    """Attention kernels by their work, against the shipped shares of bandwidth and of the bf16 peak alone."""
    import pyarrow.parquet as parquet

    table = parquet.read_table(perf_data.PERF / "aic_attention_vllm.parquet").to_pylist()
    lines = []
    for gpu in ("a100", "h100"):
        bandwidth, peak = fit_kernels.SPECS[gpu]
        family = next(each for each in load_coefficients().hardware if each.name == gpu)
        rates = {
            "generation": family.kv_share_of_bandwidth.bf16 * bandwidth,
            "context": family.attention_share_of_peak * peak,
        }
        for phase, sizes in WORK.items():
            for words, least, most in sizes:
                errors = []
                for row in table:
                    if row["gpu"].lower() == gpu and row["phase"] == phase and least <= (work := _work(row)) < most:
                        errors.append(work / rates[phase] / (row["latency_ms"] * 1e-3) - 1.0)
                lines.append((gpu.upper(), words, *error_cells(errors)))
    return markdown(("GPU", "attention kernels", *ERRORS), lines, words=2)


def _work(row: Mapping[str, Any]) -> float:
    """Bytes of keys and values that a decode kernel reads, operations of a prompt kernel; heads of 128 in 16 bits."""
    each = 4.0 * 128 * float(row["batch_size"])
    if row["phase"] == "generation":
        return float(each * row["num_key_value_heads"] * (row["step"] + 1.0))
    return float(each * row["num_heads"] * row["isl"] ** 2 / 2.0)


@cache
def hit_share(kv_tokens: int) -> tuple[float, float]:
    """Shares of the trace's 512-token blocks and of its prompt tokens that a cache of a size has, when nothing waits."""
    trace = read_trace(_trace_path())
    server = Server(perf_data.llm_named("llama-3.1-8b"), perf_data.gpu_named("h100-sxm"), 1, "bf16")
    system = system_of(profile_of(server, longest_tokens=1, estimated=True))
    (pool,) = system.deployments
    assert isinstance(pool, Pool)
    # Steps that take no time: what is found is then a matter of the order of the requests and of the size of the cache alone.
    replica = replace(
        pool.replica, step=StepTime(1e-6, (1.0,), (0.0,)), blocks=kv_tokens // 16, block_tokens=16, max_num_seqs=1024,
        max_num_batched_tokens=1 << 20, max_model_len=1 << 20, prefix_caching="blocks",
    )  # fmt: skip
    found = simulate(replace(system, deployments=(replace(pool, replica=replica),)), trace, log=True, timeline_s=0.0)
    assert found.log is not None
    prompt = found.log["prompt_tokens"]
    blocks = -(-prompt // PREFIX_BLOCK_TOKENS)
    # A prompt that is cached whole computes its last 16-token block again: rounded up, as the trace counts.
    cached = found.log["cached_tokens"]
    hits = -(-cached // PREFIX_BLOCK_TOKENS)
    return float(hits.sum() / blocks.sum()), float(cached.sum() / prompt.sum())


@cache
def expected_share() -> float:
    """Share of the trace's blocks that were in it before, counted from their ids alone."""
    seen: set[int] = set()
    hits = total = 0
    for chunk in read_trace(_trace_path()).chunks():
        for start, end in zip(chunk.block_offsets[:-1], chunk.block_offsets[1:], strict=True):
            ids = chunk.block_ids[start:end].tolist()
            hits += sum(each in seen for each in ids)
            total += len(ids)
            seen.update(ids)
    return hits / total


def prefix_table() -> str:
    """Hit shares of the trace by the size of the cache."""
    sizes = [("unbounded", UNBOUNDED_TOKENS)]
    for gpus in (8, 4, 2, 1):
        server = Server(perf_data.llm_named("llama-3.1-70b"), perf_data.gpu_named("h200-sxm"), gpus, "fp8")
        tokens = profile_of(server, longest_tokens=1, estimated=True).kv_capacity_tokens
        sizes.append((f"Llama 3.1 70B fp8, {gpus} x H200: {tokens:,} tokens", tokens))
    lines = [("counted from the ids of the trace", percent(expected_share()), "")]
    for words, tokens in sizes:
        of_blocks, of_tokens = hit_share(tokens)
        lines.append((f"simulated, {words}", percent(of_blocks), percent(of_tokens)))
    return markdown(("cache", "blocks of 512 tokens that hit", "prompt tokens that hit"), lines)


def api_table() -> str:
    """How far the shape of API latency is off on deployments left out, as the model files state it."""
    latency = Catalog.load().api("gpt-5-mini").latency
    lines = []
    for metric in ("ttft", "tpot"):
        line = next(each for each in latency.evidence if each.keys == (f"{metric}.over_median",))
        lines.append(
            (metric.upper(), str(line.requests), str(line.deployments), f"{line.left_out_ks:.2f}", f"{line.left_out_p95_error:.2f}")
        )
    return markdown(("shape of", "requests", "deployments", "KS, deployment left out", "error of ln(p95/p50)"), lines)


def _trace_path() -> Path:
    return perf_data.PERF.parent / "traces" / TRACE


TABLES: Mapping[str, Callable[[], str]] = MappingProxyType(
    {"kernels": kernels_table, "attention": attention_table, "prefix": prefix_table, "api": api_table}
)
