"""What kernels alone decide of the step-time physics: how fast a GPU reads weights, multiplies, attends and moves activations.

Matrix products of vLLM on A100, H100 and H200 (16 bits and fp8) and attention kernels come with aiconfigurator-core; operators of A40 and
the element-wise ones with Vidur. A product of m tokens with an n x k matrix takes a launch, and the smooth maximum of reading n k weights
and of 2 m n k operations; above 8 tokens other kernels read at other rates, which is a factor for each doubling of m.
"""

from __future__ import annotations

from statistics import mean, median
from typing import Any

import numpy as np
from scipy.optimize import least_squares

from tests.tools import perf_data

SPECS = {"a100": (2.039e12, 312e12), "h100": (3.35e12, 989e12), "h200": (4.8e12, 989e12), "a40": (0.696e12, 149.7e12)}
"""Bandwidth (bytes/s) and bf16 peak (operations/s) of the GPUs of the kernel tables; fp8 computes at twice the rate."""
STEPS = ("upto_16", "upto_32", "upto_64", "upto_128", "more")
SMALLEST = 512
"""Smaller matrices are launches only, and no model of the catalogue has them."""
SHAPES = {
    "Qwen/Qwen-72B": (8192, 24576), "codellama/CodeLlama-34b-Instruct-hf": (8192, 22016), "internlm/internlm-20b": (5120, 13824),
    "meta-llama/Llama-2-70b-hf": (8192, 28672), "meta-llama/Llama-2-7b-hf": (4096, 11008),
    "meta-llama/Meta-Llama-3-70B": (8192, 28672), "meta-llama/Meta-Llama-3-8B": (4096, 14336),
}  # fmt: skip
"""Hidden and feed-forward size of the models of the operator timings."""


def fit_matrices(gpu: str, precision: str) -> dict[str, float]:
    """Shares, factors and exponent of one GPU's matrix products in one precision, and the median error."""
    import pyarrow.parquet as parquet

    table = parquet.read_table(perf_data.PERF / "aic_gemm_vllm.parquet").to_pydict()
    chosen = [
        i for i, name in enumerate(table["gpu"])
        if name.lower() == gpu and table["gemm_dtype"][i] == {"bf16": "bfloat16", "fp8": "fp8"}[precision]
        and min(table["n"][i], table["k"][i]) >= SMALLEST
    ]  # fmt: skip
    m, n, k, ms = (np.array([float(table[key][i]) for i in chosen]) for key in ("m", "n", "k", "latency_ms"))
    bandwidth, peak = SPECS[gpu]
    size, peak = (1.0, 2 * peak) if precision == "fp8" else (2.0, peak)
    larger = np.searchsorted([8, 16, 32, 64, 128], m)

    def predicted(x: Any) -> Any:
        factors = np.exp(np.concatenate([[0.0], x[5:]]))[larger]
        reading, computing = n * k * size / (x[1] * bandwidth) * factors, 2 * m * n * k / (x[2] * peak)
        largest = np.maximum(reading, computing)
        smooth = largest * ((reading / largest) ** x[3] + (computing / largest) ** x[3]) ** (1.0 / x[3])
        return x[0] * 1e-6 + smooth + x[4] * m * (2 * n + (4 if precision == "fp8" else 2) * k) / bandwidth

    found = least_squares(
        lambda x: np.log(predicted(x) / (ms * 1e-3)), [5.0, 0.8, 0.7, 3.0, 1.0, *[0.0] * 5],
        bounds=([0.0, 0.2, 0.3, 1.5, 0.0, *[-1.0] * 5], [40.0, 1.0, 1.0, 20.0, 6.0, *[1.0] * 5]),
        x_scale=[10.0, 1.0, 1.0, 3.0, 3.0, *[0.3] * 5], loss="soft_l1", f_scale=0.1,
    ).x  # fmt: skip
    return {
        "weights": float(found[1]), "compute": float(found[2]), "ridge": float(found[3]),
        "error": float(np.median(np.abs(np.log(predicted(found) / (ms * 1e-3))))),
        **{step: float(np.exp(x)) for step, x in zip(STEPS, found[5:], strict=True)},
    }  # fmt: skip


def fit_operators(gpu: str) -> dict[str, float]:
    """Shares, exponent and element-wise passes from the operator timings of one GPU, and the median error."""
    rows = [row for row in perf_data.rows_of("vidur_linear_ops.csv") if row["gpu"] == gpu]
    bandwidth, peak = SPECS[gpu]
    tp, tokens, gemm, other = (
        np.array([float(row[key]) for row in rows]) for key in ("tp", "num_tokens", "gemm_ms_layer", "other_ms_layer")
    )
    weights = 2.0 * np.array([float(row["layer_params"]) for row in rows]) / tp

    def predicted(x: Any) -> Any:
        reading, computing = weights / (x[0] * bandwidth), weights * tokens / (x[1] * peak)
        largest = np.maximum(reading, computing)
        return x[2] * 1e-6 + largest * ((reading / largest) ** x[3] + (computing / largest) ** x[3]) ** (1.0 / x[3])

    found = least_squares(
        lambda x: np.log(predicted(x) / (gemm * 1e-3)), [0.8, 0.7, 10.0, 3.0],
        bounds=([0.3, 0.3, 0.0, 1.0], [1.0, 1.0, 60.0, 20.0]), x_scale=[1.0, 1.0, 10.0, 1.0], loss="soft_l1", f_scale=0.1,
    ).x  # fmt: skip
    hidden, ffn = (np.array([SHAPES[row["model"]][i] for row in rows], dtype=float) for i in (0, 1))
    moved = np.column_stack([np.ones(len(rows)), tokens * hidden * 2.0 / bandwidth, tokens * ffn / tp * 2.0 / bandwidth])
    passes = np.linalg.lstsq(moved / (other * 1e-3)[:, None], np.ones(len(rows)), rcond=None)[0]
    return {
        "weights": float(found[0]), "compute": float(found[1]), "ridge": float(found[3]), "hidden_passes": float(passes[1]),
        "ffn_passes": float(passes[2]), "error": float(np.median(np.abs(np.log(predicted(found) / (gemm * 1e-3))))),
    }  # fmt: skip


def fit_attention(gpu: str) -> dict[str, float]:
    """Shares of bandwidth (decode) and bf16 peak (prompt) that attention kernels reach on one GPU, launches apart."""
    import pyarrow.parquet as parquet

    table = parquet.read_table(perf_data.PERF / "aic_attention_vllm.parquet").to_pylist()
    bandwidth, peak = SPECS[gpu]
    shares = {}
    for phase, rate in (("generation", bandwidth), ("context", peak)):
        rows = [row for row in table if row["gpu"].lower() == gpu and row["phase"] == phase]
        seconds = np.array([row["latency_ms"] * 1e-3 for row in rows])
        heads = np.array([float(row["num_heads"] * row["batch_size"]) for row in rows])
        if phase == "generation":
            work = np.array([2.0 * 2.0 * 128 * row["num_key_value_heads"] * row["batch_size"] * (row["step"] + 1.0) for row in rows])
            extra = heads * 1e-9
        else:
            work = np.array([4.0 * 128 * row["num_heads"] * row["batch_size"] * row["isl"] ** 2 / 2.0 for row in rows])
            extra = np.array([2.0 * 128 * row["num_heads"] * row["batch_size"] * row["isl"] * 2.0 / bandwidth for row in rows])
        shares[phase] = float(
            least_squares(
                lambda x, work=work, rate=rate, extra=extra, seconds=seconds: np.log((x[0] * 1e-6 + work / (x[1] * rate) + x[2] * extra) / seconds),
                [10.0, 0.6, 1.0], bounds=([0.0, 0.1, 0.0], [100.0, 1.0, 1000.0]), x_scale=[10.0, 1.0, 1.0], loss="soft_l1", f_scale=0.1,
            ).x[1]
        )  # fmt: skip
    return {"kv": shares["generation"], "attention": shares["context"]}


def kernel_values() -> tuple[dict[str, float], float]:
    """Coefficients by path that kernels alone decide, and the median error of the matrix fits."""
    operators = [fit_operators(gpu) for gpu in ("a100", "h100", "a40")]
    attention = {gpu: fit_attention(gpu) for gpu in ("a100", "h100")}
    values = {key: mean(fitted[key] for fitted in operators) for key in ("hidden_passes", "ffn_passes")}
    errors = []
    # The table has no A40 or B200: an A40's operators stand for Ada, and the kernels of an H100 for Blackwell until an engine says more.
    for family, gpu, attended in (
        ("a100", "a100", "a100"), ("h100", "h100", "h100"), ("h200", "h200", "h100"), ("b200", "h100", "h100"), ("ada", "a100", "a100"),
    ):  # fmt: skip
        at = f"hardware.{family}"
        for precision in ("bf16", "fp8") if gpu != "a100" else ("bf16",):
            fitted = fit_matrices(gpu, precision)
            errors.append(fitted["error"])
            values[f"{at}.weights_share_of_bandwidth.{precision}"] = fitted["weights"]
            values[f"{at}.compute_share_of_peak.{precision}"] = fitted["compute"]
            values[f"{at}.ridge_exponent.{precision}"] = fitted["ridge"]
            values |= {f"{at}.reading_factor.{precision}.{step}": 1.0 if family == "b200" else fitted[step] for step in STEPS}
        values[f"{at}.kv_share_of_bandwidth.bf16"] = attention[attended]["kv"]
        values[f"{at}.attention_share_of_peak"] = attention[attended]["attention"]
    values["hardware.ada.weights_share_of_bandwidth.bf16"] = operators[2]["weights"]
    values["hardware.ada.compute_share_of_peak.bf16"] = operators[2]["compute"]
    return values, median(errors)
