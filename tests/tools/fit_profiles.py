"""Re-makes models/profiles/*.yaml from the measured data beside the repository: python -m tests.tools.fit_profiles

1. Kernels: shares of the peaks that matrix products and attention reach, from operator timings.
2. Engines: all whole-engine measurements at once, with few coefficients; then again without each group, for the errors written down.
3. Configurations: each measured one gets a profile of its own, the joint fit scaled to its measurements, cross-validated by batch size.
4. The server's front end: what closed-loop runs show of TTFT beyond waiting and computing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import log
from pathlib import Path
from statistics import geometric_mean, mean, median
from typing import Any

import numpy as np
from scipy.optimize import least_squares

from sim.catalog.yaml_file import load_model
from sim.profile.coefficients import Coefficients, load_coefficients
from sim.profile.fitting import (
    PARTS,
    Measurement,
    calibrate,
    configuration_medians,
    cross_validate,
    fit,
    log_errors,
    root_mean_square,
    step_sum,
    value_at,
    with_values,
)
from sim.profile.physics import step_coefficients, streaming_floor_s
from sim.profile.step import StepCoefficients
from tests.tools import perf_data
from tests.tools.closed_loop import closed_loop
from tests.tools.write_profiles import OwnProfile, write_engines, write_profiles

MODELS = Path(__file__).resolve().parents[2] / "models" / "profiles"
REPEATABILITY = 0.03
"""Least error stated: a benchmark repeated on another machine differs by about this much (assumed; Llama 3.1 and 3.3, the same shape, by 1 %)."""

KERNEL_SPECS = {"a100": (2.039e12, 312e12), "h100": (3.35e12, 989e12), "a40": (0.696e12, 149.7e12)}
"""Bandwidth (bytes/s) and bf16 peak (operations/s) of the GPUs of the kernel tables."""
SHAPES = {
    "Qwen/Qwen-72B": (8192, 24576), "codellama/CodeLlama-34b-Instruct-hf": (8192, 22016), "internlm/internlm-20b": (5120, 13824),
    "meta-llama/Llama-2-70b-hf": (8192, 28672), "meta-llama/Llama-2-7b-hf": (4096, 11008),
    "meta-llama/Meta-Llama-3-70B": (8192, 28672), "meta-llama/Meta-Llama-3-8B": (4096, 14336),
}  # fmt: skip
"""Hidden and feed-forward size of the models of the operator timings."""


def fit_matrix_kernels(gpu: str) -> dict[str, float]:
    """Shares, exponent of the ridge and element-wise passes from the operator timings of one GPU, and the median error."""
    rows = [row for row in perf_data.rows_of("vidur_linear_ops.csv") if row["gpu"] == gpu]
    bandwidth, peak = KERNEL_SPECS[gpu]
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


def fit_attention_kernels(gpu: str) -> dict[str, float]:
    """Shares of bandwidth (decode) and bf16 peak (prompt) that attention kernels reach on one GPU, launches apart."""
    import pyarrow.parquet as parquet

    table = parquet.read_table(perf_data.PERF / "aic_attention_vllm.parquet").to_pylist()
    bandwidth, peak = KERNEL_SPECS[gpu]
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
    """Coefficients that kernels alone decide, and the median error of the matrix fits."""
    matrices = {gpu: fit_matrix_kernels(gpu) for gpu in KERNEL_SPECS}
    attention = {gpu: fit_attention_kernels(gpu) for gpu in ("a100", "h100")}
    values = {
        "ridge_exponent": mean(fitted["ridge"] for fitted in matrices.values()),
        "hidden_passes": mean(fitted["hidden_passes"] for fitted in matrices.values()),
        "ffn_passes": mean(fitted["ffn_passes"] for fitted in matrices.values()),
    }
    for family, gpu, attended in (
        ("ampere", "a100", "a100"),
        ("hopper", "h100", "h100"),
        ("blackwell", "h100", "h100"),
        ("ada", "a40", "a100"),
    ):
        at = f"hardware.{family}"
        values[f"{at}.compute_share_of_peak.bf16"] = matrices[gpu]["compute"]
        values[f"{at}.kv_share_of_bandwidth.bf16"] = attention[attended]["kv"]
        values[f"{at}.attention_share_of_peak"] = attention[attended]["attention"]
    values["hardware.ada.weights_share_of_bandwidth.bf16"] = matrices["a40"]["weights"]
    values["_hopper_kernel_weights"] = matrices["h100"]["weights"]
    return values, median(fitted["error"] for fitted in matrices.values())


def free_coefficients() -> dict[str, tuple[float, float]]:
    """What the joint fit moves, with bounds."""
    free: dict[str, tuple[float, float]] = {"engines.vllm/2025.step_overhead_us": (0.0, 5000.0)}
    for engine in ("vllm/2025", "vllm/2024", "vllm/2023", "trtllm/2024"):
        free |= {f"engines.{engine}.{key}_us": (0.0, 500.0) for key in ("layer_overhead", "layer_link_overhead", "sequence")}
    for engine in ("vllm/2024", "vllm/2023", "trtllm/2024"):
        free[f"engines.{engine}.compute_share_of_kernels"] = (0.3, 1.0)
    free["engines.vllm/2023.uncaptured_layer_us"] = (100.0, 1500.0)
    for share in ("hopper.weights_share_of_bandwidth.bf16", "hopper.weights_share_of_bandwidth.fp8", "hopper.compute_share_of_peak.fp8",
                  "hopper.kv_share_of_bandwidth.fp8", "ampere.weights_share_of_bandwidth.bf16", "ampere.kv_share_of_bandwidth.bf16",
                  "blackwell.weights_share_of_bandwidth.bf16", "blackwell.weights_share_of_bandwidth.fp8"):  # fmt: skip
        free[f"hardware.{share}"] = (0.3, 0.97)
    free["hardware.hopper.small_batch_gain.fp8"] = (1.0, 1.6)
    for precision in ("bf16", "fp8"):
        free[f"experts.share_of_dense.{precision}"] = (0.3, 1.0)
        free[f"experts.layer_overhead_us.{precision}"] = (0.0, 500.0)
    return free


def derived(values: Mapping[str, float], fitted: Coefficients) -> dict[str, float]:
    """Coefficients that no measurement decides, from those that one does: the same shares, the same overheads, or means of families."""

    def at(path: str) -> float:
        return value_at(fitted, path)

    new: dict[str, float] = {}
    # Engines reach a little less than kernels alone: the ratio seen on Hopper.
    new["hardware.ada.weights_share_of_bandwidth.bf16"] = (
        values["hardware.ada.weights_share_of_bandwidth.bf16"]
        * at("hardware.hopper.weights_share_of_bandwidth.bf16")
        / values["_hopper_kernel_weights"]
    )
    measured = ("hopper", "ampere", "blackwell")
    w = {family: at(f"hardware.{family}.weights_share_of_bandwidth.bf16") for family in measured} | {
        "ada": new["hardware.ada.weights_share_of_bandwidth.bf16"]
    }
    w["default"] = geometric_mean([w[family] for family in measured])
    fp8 = geometric_mean([at(f"hardware.{family}.weights_share_of_bandwidth.fp8") / w[family] for family in ("hopper", "blackwell")])
    fp8_compute = at("hardware.hopper.compute_share_of_peak.fp8")
    fp8_kv = at("hardware.hopper.kv_share_of_bandwidth.fp8") / at("hardware.hopper.kv_share_of_bandwidth.bf16")
    for family in (*measured, "ada", "default"):
        bf16_compute = at(f"hardware.{family}.compute_share_of_peak.bf16") if family != "default" else mean(
            at(f"hardware.{name}.compute_share_of_peak.bf16") for name in measured
        )  # fmt: skip
        kv = at(f"hardware.{family}.kv_share_of_bandwidth.bf16") if family != "default" else geometric_mean(
            [at(f"hardware.{name}.kv_share_of_bandwidth.bf16") for name in ("hopper", "ampere")]
        )  # fmt: skip
        here = f"hardware.{family}"
        if family not in ("hopper", "blackwell"):
            new[f"{here}.weights_share_of_bandwidth.fp8"] = fp8 * w[family]
        new |= {
            f"{here}.weights_share_of_bandwidth.bf16": w[family],
            # Eight-bit integers are read as fast as 16 bits (A100: 7 GB fewer bytes saved 4.2 ms); four bits are unpacked first (assumed).
            f"{here}.weights_share_of_bandwidth.int8": w[family],
            f"{here}.weights_share_of_bandwidth.int4": 0.75 * w[family],
            # Weights in fp4 are unpacked to 16 bits like int4, except by the GPUs that multiply them as they are (assumed as fp8).
            f"{here}.weights_share_of_bandwidth.fp4": (
                at(f"{here}.weights_share_of_bandwidth.fp8") if family == "blackwell" else 0.75 * w[family]
            ),
            f"{here}.compute_share_of_peak.bf16": bf16_compute,
            # Weights in fp8 are multiplied in bf16 where the GPU has no fp8.
            f"{here}.compute_share_of_peak.fp8": 0.9 * bf16_compute if family == "ampere" else fp8_compute,
            f"{here}.compute_share_of_peak.int8": fp8_compute,
            f"{here}.compute_share_of_peak.int4": 0.9 * bf16_compute,
            f"{here}.compute_share_of_peak.fp4": fp8_compute if family in ("blackwell", "default") else 0.9 * bf16_compute,
            f"{here}.kv_share_of_bandwidth.bf16": kv,
            f"{here}.kv_share_of_bandwidth.fp8": fp8_kv * kv,
        }
    new["hardware.default.attention_share_of_peak"] = geometric_mean(
        [at(f"hardware.{name}.attention_share_of_peak") for name in ("hopper", "ampere")]
    )
    overheads = ("step_overhead_us", "layer_overhead_us", "layer_link_overhead_us", "sequence_us", "compute_share_of_kernels")
    for engine in ("trtllm/2025", "sglang/2025"):
        new |= {f"engines.{engine}.{key}": at(f"engines.vllm/2025.{key}") for key in overheads}
    for kind in ("share_of_dense", "layer_overhead_us"):
        new |= {f"experts.{kind}.{precision}": at(f"experts.{kind}.fp8") for precision in ("int8", "int4", "fp4")}
    return new


def h200_step(coefficients: Coefficients, tensor_parallel: int) -> StepCoefficients:
    """The step of the InferenceX replicas by the joint fit."""
    return step_coefficients(
        llm=perf_data.llm_named("llama-3.1-70b"), gpu=perf_data.gpu_named("h200-sxm"), tensor_parallel=tensor_parallel, precision="fp8",
        kv_precision="fp8", hardware=coefficients.family("h200-sxm"), engine=coefficients.engine("vllm"), coefficients=coefficients,
    )  # fmt: skip


def run_closed_loop(row: Mapping[str, str], coefficients: Coefficients, front_s: float) -> tuple[float, float]:
    """TTFT and TPOT of one InferenceX run, simulated."""
    tp = int(row["tp_size"])
    return closed_loop(
        h200_step(coefficients, tp), clients=int(row["concurrency"]), prompt_tokens=int(row["isl"]), output_tokens=int(row["osl"]),
        kv_tokens=perf_data.kv_tokens_of_inferencex(tp, coefficients), front_end_s=front_s,
    )  # fmt: skip


def front_end_s(coefficients: Coefficients) -> float:
    """Seconds of the front end: the median of measured minus simulated TTFT where prompts are short and clients few."""
    return median(
        float(row["ttft_ms"]) * 1e-3 - run_closed_loop(row, coefficients, 0.0)[0]
        for row in perf_data.rows_of("inferencex_h200_vllm_llama31_70b.csv")
        if int(row["isl"]) == 1024 and int(row["concurrency"]) <= 16
    )


def closed_loop_errors(coefficients: Coefficients, front_s: float) -> tuple[float, float]:
    """Median absolute errors of TTFT and TPOT over all InferenceX runs, simulated."""
    ttft, tpot = [], []
    for row in perf_data.rows_of("inferencex_h200_vllm_llama31_70b.csv"):
        first, token = run_closed_loop(row, coefficients, front_s)
        ttft.append(abs(log(first * 1e3 / float(row["ttft_ms"]))))
        tpot.append(abs(log(token * 1e3 / float(row["tpot_ms"]))))
    return median(ttft), median(tpot)


def held_out_errors(measurements: Sequence[Measurement], fitted: Coefficients, free: Mapping[str, tuple[float, float]]) -> dict[str, float]:
    """RMS over held-out configurations of their median error, by family, engine and experts, and for GPUs of no known family."""

    def score(chosen: Sequence[Measurement], errors: Sequence[float]) -> float:
        return max(root_mean_square(list(configuration_medians(chosen, errors).values())), REPEATABILITY)

    # A configuration is held out with its whole LLM on that GPU; the one LLM of the serving runs, by tensor parallel size.
    errors = cross_validate(
        measurements,
        fitted,
        free,
        lambda m: f"{m.llm.name} {m.gpu.name} {m.engine} {m.engine_era} {m.tensor_parallel if m.source == perf_data.INFERENCEX else ''}",
    )
    found: dict[str, float] = {"all_median": median(map(abs, errors))}
    dense = [(m, e) for m, e in zip(measurements, errors, strict=True) if m.llm.experts is None]

    def part(name: str, chosen: Sequence[tuple[Measurement, float]]) -> None:
        for kind in ("decode", "prefill"):
            of_kind = [(m, e) for m, e in chosen if m.kind == kind]
            if of_kind:
                found[f"{name}.{kind}_error"] = score([m for m, _ in of_kind], [e for _, e in of_kind])

    for family in ("hopper", "ampere", "blackwell"):
        recent = [(m, e) for m, e in dense if fitted.family(m.gpu.name).name == family and m.engine_era != "2023"]
        part(f"hardware.{family}", recent)
    for engine, era in {(m.engine, m.engine_era) for m in measurements}:
        part(f"engines.{engine}/{era}", [(m, e) for m, e in dense if (m.engine, m.engine_era) == (engine, era)])
    part("experts", [(m, e) for m, e in zip(measurements, errors, strict=True) if m.llm.experts is not None])

    # Families held out whole, predicted by the default one made of the others.
    strange: list[tuple[Measurement, float]] = []
    for family, eras in (("hopper", ("2025", "2023")), ("blackwell", ("2025",)), ("ampere", ("2023",))):
        rest = [m for m in measurements if fitted.family(m.gpu.name).name != family]
        refit = fit(rest, fitted, {path: free[path] for path in free if f"hardware.{family}." not in path})
        # Blackwell's own KV and compute shares are those of Hopper: they tell nothing when that is the one held out.
        by_key = {
            "weights_share_of_bandwidth.bf16": {"hopper", "ampere", "blackwell"}, "weights_share_of_bandwidth.fp8": {"hopper", "blackwell"},
            "kv_share_of_bandwidth.bf16": {"hopper", "ampere"}, "compute_share_of_peak.bf16": {"hopper", "ampere"},
            "attention_share_of_peak": {"hopper", "ampere"}, "compute_share_of_peak.fp8": {"hopper"}, "kv_share_of_bandwidth.fp8": {"hopper"},
        }  # fmt: skip
        shares = {}
        for key, known in by_key.items():
            # Nothing but Hopper tells of fp8: without it, as in bf16.
            others = [value_at(refit, f"hardware.{name}.{key}") for name in sorted(known - {family})]
            shares[f"hardware.default.{key}"] = (
                geometric_mean(others) if others else value_at(refit, f"hardware.ampere.{key.replace('fp8', 'bf16')}")
            )
        chosen = [m for m in measurements if fitted.family(m.gpu.name).name == family and m.engine_era in eras and m.llm.experts is None]
        strange += zip(chosen, log_errors(chosen, with_values(refit, shares), "default"), strict=True)
    part("hardware.default", strange)
    return found


def own_profile(chosen: Sequence[Measurement], fitted: Coefficients) -> OwnProfile:
    """The profile of one configuration, and its errors in sample and at batch sizes held out (RMS of the logarithm)."""
    m = chosen[0]
    prior = step_coefficients(
        llm=m.llm, gpu=m.gpu, tensor_parallel=m.tensor_parallel, precision=m.precision, kv_precision=m.kv_precision,
        hardware=fitted.family(m.gpu.name), engine=fitted.engine(m.engine, m.engine_era), coefficients=fitted,
    )  # fmt: skip
    floors = [
        streaming_floor_s(m.llm, m.gpu, m.precision, m.tensor_parallel, t) / g for t, g in zip(prior.g_tokens, prior.g_s, strict=True)
    ]
    parts = PARTS if any(point.kind == "prefill" for point in chosen) else ("c_s", "o_s", "f_s")

    def errors(step: StepCoefficients, points: Sequence[Measurement]) -> list[float]:
        return [log(step_sum(step, point.terms) / point.seconds) for point in points]

    step = calibrate(chosen, prior, max(floors), parts)
    held_out: dict[str, list[float]] = {"decode": [], "prefill": []}
    for batch in sorted({round(point.terms[-1].sequences) for point in chosen}):
        rest = [point for point in chosen if round(point.terms[-1].sequences) != batch]
        away = [point for point in chosen if round(point.terms[-1].sequences) == batch]
        for point, error in zip(away, errors(calibrate(rest, prior, max(floors), parts), away), strict=True):
            held_out[point.kind].append(error)
    family, engine = fitted.family(m.gpu.name), fitted.engine(m.engine, m.engine_era)
    return OwnProfile(
        step=step,
        in_sample=root_mean_square(errors(step, chosen)),
        decode=max(root_mean_square(held_out["decode"]), REPEATABILITY),
        prefill=max(root_mean_square(held_out["prefill"]), REPEATABILITY)
        if held_out["prefill"]
        else max(family.prefill_error, engine.prefill_error),
        has_prompts=bool(held_out["prefill"]),
    )


def main() -> None:
    """Fit everything and write models/profiles."""
    if not perf_data.PERF.is_dir():
        raise SystemExit("the measured data are not beside the repository; models/profiles stays as it is")
    start = load_coefficients()
    kernels, kernel_error = kernel_values()
    start = with_values(start, {path: value for path, value in kernels.items() if not path.startswith("_")})
    measurements = [*perf_data.mlenergy(), *perf_data.inferencex(), *perf_data.splitwise(), *perf_data.argonne(start)]
    free = free_coefficients()
    first = fit(measurements, start, free)
    measurements += perf_data.inferencex_prompts(lambda tp: h200_step(first, tp), front_end_s(first))
    fitted = fit(measurements, first, free)
    fitted = with_values(fitted, derived(kernels, fitted))
    errors = held_out_errors(measurements, fitted, free)
    front = front_end_s(fitted)
    ttft_error, tpot_error = closed_loop_errors(fitted, front)
    summary = {
        "in_sample": median(map(abs, log_errors(measurements, fitted))), "held_out": errors["all_median"], "kernels": kernel_error,
        "ttft": ttft_error, "tpot": tpot_error, "gpqa": median(map(abs, log_errors(perf_data.mlenergy("gpqa"), fitted))),
        "points": float(len(measurements)),
    }  # fmt: skip
    fitted = with_values(fitted, {f"engines.{engine}/2025.front_end_ms": front * 1e3 for engine in ("vllm", "sglang", "trtllm")})
    write_engines(MODELS / "engines.yaml", fitted, errors, summary)
    fitted = load_model(MODELS / "engines.yaml", Coefficients)
    for key, value in {**summary, **errors}.items():
        print(f"{key} {value:.4g}")
    write_profiles(MODELS, measurements, fitted, own_profile)


if __name__ == "__main__":
    main()
