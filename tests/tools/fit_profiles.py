"""Re-makes models/profiles/*.yaml from the measured data beside the repository: python -m tests.tools.fit_profiles

1. Kernels: shares of the peaks that matrix products and attention reach, from operator timings.
2. Engines: all whole-engine measurements at once, with few coefficients; then again without each group, for the errors written down.
3. Configurations: each measured one gets a profile of its own, as `sim calibrate` makes one (tests/tools/own_profiles.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import log, sqrt
from pathlib import Path
from statistics import geometric_mean, median
from types import MappingProxyType

from sim.profile.coefficients import Coefficients, load_coefficients
from sim.profile.fitting import (
    Measurement,
    configuration_medians,
    cross_validate,
    fit,
    log_errors,
    root_mean_square,
    value_at,
    with_values,
)
from sim.profile.physics import step_coefficients
from sim.profile.step import StepCoefficients
from tests.tools import perf_data
from tests.tools.fit_kernels import STEPS, kernel_values
from tests.tools.own_profiles import write_own_profiles
from tests.tools.write_profiles import write_engines

MODELS = Path(__file__).resolve().parents[2] / "models" / "profiles"
A100_FP8_KV_SHARE = 0.046
"""Share of the bandwidth at which an A100, which has no fp8, reads an fp8 cache: 0.03 with vLLM and 0.07 with TensorRT-LLM of 2024, from
the quantised runs of Argonne (Llama-3-8B), which take 2 to 5 times as long as with 16 bits; their geometric mean."""
FORGOTTEN = MappingProxyType(
    {
        "engines.vllm/2025.compute_share_of_kernels": 0.8, "engines.vllm/2025.attention_share_of_kernels": 1.0,
        "engines.vllm/2025.front_end_ms": 0.0, "engines.vllm/2025.weights_share_of_kernels.fp8": 1.0, "hardware.h200.link_share_of_peak": 0.8,
        "hardware.h200.kv_share_of_bandwidth.fp8": 0.8,
    }
)  # fmt: skip
"""What would be assumed of the newest engine without the serving sweep on H200, which alone tells of its prompts and its fp8 cache."""
ROUNDS = 3
"""Of simulating the serving runs and fitting to them."""
REPEATABILITY = 0.03
"""Least error stated: a benchmark repeated on another machine differs by about this much (assumed; Llama 3.1 and 3.3, the same shape, by 1 %)."""


def free_coefficients() -> dict[str, tuple[float, float]]:
    """What the joint fit moves, with bounds."""
    now = "engines.vllm/2025"
    free: dict[str, tuple[float, float]] = {
        f"{now}.step_overhead_us": (0.0, 5000.0), f"{now}.front_end_ms": (0.0, 100.0), f"{now}.compute_share_of_kernels": (0.3, 1.0),
        f"{now}.attention_share_of_kernels": (0.3, 1.3), f"{now}.weights_share_of_kernels.fp8": (0.6, 1.05),
        "hardware.h200.link_share_of_peak": (0.2, 0.9), "hardware.h200.kv_share_of_bandwidth.fp8": (0.3, 0.97),
        "hardware.h100.kv_share_of_bandwidth.bf16": (0.3, 0.97), "hardware.a100.kv_share_of_bandwidth.bf16": (0.3, 0.97),
        "hardware.b200.kv_share_of_bandwidth.bf16": (0.3, 0.97), "hardware.h100.weights_share_of_bandwidth.fp8": (0.5, 0.97),
        "hardware.b200.weights_share_of_bandwidth.bf16": (0.3, 0.97), "hardware.b200.weights_share_of_bandwidth.fp8": (0.3, 0.97),
    }  # fmt: skip
    for engine in ("vllm/2025", "vllm/2024", "vllm/2023", "trtllm/2024"):
        free |= {f"engines.{engine}.{key}_us": (0.0, 500.0) for key in ("layer_overhead", "layer_link_overhead", "sequence")}
        free[f"engines.{engine}.weights_share_of_kernels.bf16"] = (0.6, 1.05 if engine == "vllm/2025" else 1.2)
    for engine in ("vllm/2024", "vllm/2023", "trtllm/2024"):
        free[f"engines.{engine}.compute_share_of_kernels"] = (0.3, 1.0)
    free["engines.vllm/2023.uncaptured_layer_us"] = (100.0, 1500.0)
    # The fp8 kernels of the serving sweep are a year older than those of the table.
    free |= {f"hardware.h200.reading_factor.fp8.{step}": (0.7, 1.6) for step in ("upto_16", "upto_32", "upto_64")}
    free |= {
        "experts.layer_overhead_us": (0.0, 300.0), "experts.whole_overhead_us.bf16": (0.0, 500.0), "experts.whole_overhead_us.fp8": (0.0, 800.0),
        "experts.whole_exponent": (0.0, 1.0), "experts.whole_link_overhead_us": (0.0, 200.0),
    }  # fmt: skip
    free |= {f"experts.share_of_dense.{precision}": (0.3, 1.0) for precision in ("bf16", "fp8", "int4", "fp4")}
    return free


def derived(kernels: Mapping[str, float], fitted: Coefficients) -> dict[str, float]:
    """Coefficients that no measurement decides, from those that one does: the same shares, the same overheads, or means of families."""

    def at(path: str) -> float:
        return value_at(fitted, path)

    new: dict[str, float] = {}
    measured = ("h100", "h200", "a100", "b200")
    hopper = ("h100", "h200")

    def every(key: str, families: Sequence[str]) -> float:
        return geometric_mean([at(f"hardware.{family}.{key}") for family in families])

    fp8_reading = fp8_over_bf16(kernels, hopper)
    fp8_kv = at("hardware.h200.kv_share_of_bandwidth.fp8") / at("hardware.h100.kv_share_of_bandwidth.bf16")
    for family in (*measured, "ada", "default"):
        here, other = f"hardware.{family}", family not in measured
        computes_fp8 = family not in ("a100",)
        bf16 = every("weights_share_of_bandwidth.bf16", measured) if family == "default" else at(f"{here}.weights_share_of_bandwidth.bf16")
        compute = every("compute_share_of_peak.bf16", measured) if family == "default" else at(f"{here}.compute_share_of_peak.bf16")
        fp8_compute = every("compute_share_of_peak.fp8", hopper)
        new |= {
            f"{here}.weights_share_of_bandwidth.bf16": bf16, f"{here}.compute_share_of_peak.bf16": compute,
            # Eight-bit integers are read as fast as 16 bits (A100: 7 GB fewer bytes saved 4.2 ms); four bits are unpacked first (assumed),
            # but multiplied as they are where the GPU can.
            f"{here}.weights_share_of_bandwidth.int8": bf16, f"{here}.weights_share_of_bandwidth.int4": 0.75 * bf16,
            f"{here}.compute_share_of_peak.int8": fp8_compute, f"{here}.compute_share_of_peak.int4": 0.9 * compute,
            f"{here}.link_share_of_peak": at("hardware.h200.link_share_of_peak"),
        }  # fmt: skip
        if other or not computes_fp8:
            new[f"{here}.weights_share_of_bandwidth.fp8"] = fp8_reading * bf16
            # Weights in fp8 are multiplied in bf16 where the GPU has no fp8.
            new[f"{here}.compute_share_of_peak.fp8"] = fp8_compute if computes_fp8 else 0.9 * compute
        reading = new.get(f"{here}.weights_share_of_bandwidth.fp8", at(f"{here}.weights_share_of_bandwidth.fp8"))
        new[f"{here}.weights_share_of_bandwidth.fp4"] = reading if family == "b200" else 0.75 * bf16
        new[f"{here}.compute_share_of_peak.fp4"] = fp8_compute if family == "b200" else 0.9 * compute
        like = "a100" if family in ("a100", "ada") else "b200" if family == "b200" else "h100"
        kv = at(f"hardware.{like}.kv_share_of_bandwidth.bf16")
        if family == "default":
            kv = every("kv_share_of_bandwidth.bf16", ("h100", "a100", "b200"))
            new |= {f"{here}.attention_share_of_peak": every("attention_share_of_peak", ("h100", "a100"))}
            new |= {f"{here}.ridge_exponent.{p}": every(f"ridge_exponent.{p}", hopper) for p in ("bf16", "fp8")}
            for precision, families in (("bf16", ("h100", "h200", "a100")), ("fp8", hopper)):
                new |= {f"{here}.reading_factor.{precision}.{s}": every(f"reading_factor.{precision}.{s}", families) for s in STEPS}
        elif "fp8" not in _kernel_precisions(kernels, family):
            new |= {f"{here}.reading_factor.fp8.{s}": at(f"{here}.reading_factor.bf16.{s}") for s in STEPS}
            new[f"{here}.ridge_exponent.fp8"] = at(f"{here}.ridge_exponent.bf16")
        # With slower memory the same kernel comes closer to it: on an H100 halfway, in the logarithm, from the same share to the same rate.
        nearer = sqrt(4.8 / 3.35) if family == "h100" else 1.0
        new |= {f"{here}.kv_share_of_bandwidth.bf16": kv, f"{here}.kv_share_of_bandwidth.fp8": nearer * fp8_kv * kv}
        if family == "a100":
            new[f"{here}.kv_share_of_bandwidth.fp8"] = A100_FP8_KV_SHARE
    shared = ("step_overhead_us", "layer_overhead_us", "layer_link_overhead_us", "sequence_us", "compute_share_of_kernels",
              "attention_share_of_kernels", "weights_share_of_kernels.bf16", "weights_share_of_kernels.fp8", "front_end_ms")  # fmt: skip
    for engine in ("trtllm/2025", "sglang/2025"):
        new |= {f"engines.{engine}.{key}": at(f"engines.vllm/2025.{key}") for key in shared}
    # TensorRT-LLM beside vLLM as the year before, on A100: less work of the host for a sequence, more of the kernels' compute rate.
    for key in ("sequence_us", "compute_share_of_kernels"):
        ratio = at(f"engines.trtllm/2024.{key}") / at(f"engines.vllm/2024.{key}")
        new[f"engines.trtllm/2025.{key}"] = ratio * at(f"engines.vllm/2025.{key}")
    for engine in ("vllm/2024", "vllm/2023", "trtllm/2024"):
        new[f"engines.{engine}.weights_share_of_kernels.fp8"] = at(f"engines.{engine}.weights_share_of_kernels.bf16")
    for kind in ("share_of_dense", "whole_overhead_us"):
        new[f"experts.{kind}.int8"] = at(f"experts.{kind}.fp8")
    new |= {f"experts.whole_overhead_us.{precision}": at("experts.whole_overhead_us.bf16") for precision in ("int4", "fp4")}
    return new


def _kernel_precisions(kernels: Mapping[str, float], family: str) -> set[str]:
    return {path.rsplit(".", 1)[1] for path in kernels if path.startswith(f"hardware.{family}.weights_share_of_bandwidth.")}


def h200_step(coefficients: Coefficients, tensor_parallel: int) -> StepCoefficients:
    """The step of the InferenceX replicas by the joint fit."""
    return step_coefficients(
        llm=perf_data.llm_named("llama-3.1-70b"), gpu=perf_data.gpu_named("h200-sxm"), tensor_parallel=tensor_parallel, precision="fp8",
        kv_precision="fp8", hardware=coefficients.family("h200-sxm"), engine=coefficients.engine("vllm"), coefficients=coefficients,
    )  # fmt: skip


def serving_runs(coefficients: Coefficients) -> list[Measurement]:
    """The InferenceX measurements as steps of runs simulated with the coefficients."""
    front_end_s = coefficients.engine("vllm").front_end_ms * 1e-3
    return perf_data.inferencex(lambda tp: h200_step(coefficients, tp), front_end_s, coefficients)


def closed_loop_errors(coefficients: Coefficients) -> tuple[float, float]:
    """Median absolute errors of TTFT and TPOT over all InferenceX runs, simulated."""
    ttft, tpot = [], []
    for row in perf_data.rows_of("inferencex_h200_vllm_llama31_70b.csv"):
        step = h200_step(coefficients, int(row["tp_size"]))
        run = perf_data.run_inferencex(row, step, coefficients.engine("vllm").front_end_ms * 1e-3, coefficients)
        ttft.append(abs(log(run.ttft_s * 1e3 / float(row["ttft_ms"]))))
        tpot.append(abs(log(run.tpot_s * 1e3 / float(row["tpot_ms"]))))
    return median(ttft), median(tpot)


def held_out_errors(
    measurements: Sequence[Measurement], fitted: Coefficients, free: Mapping[str, tuple[float, float]], kernels: Mapping[str, float]
) -> dict[str, float]:
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

    for family in ("h100", "h200", "a100", "b200"):
        recent = [(m, e) for m, e in dense if fitted.family(m.gpu.name).name == family and m.engine_era != "2023"]
        part(f"hardware.{family}", recent)
    for engine, era in {(m.engine, m.engine_era) for m in measurements}:
        part(f"engines.{engine}/{era}", [(m, e) for m, e in dense if (m.engine, m.engine_era) == (engine, era)])
    part("experts", [(m, e) for m, e in zip(measurements, errors, strict=True) if m.llm.experts is not None])

    # Families held out whole, kernels too: predicted by the means of the others.
    strange: list[tuple[Measurement, float]] = []
    for family, eras in (("h100", ("2025", "2023")), ("h200", ("2025",)), ("b200", ("2025",)), ("a100", ("2023",))):
        rest = [m for m in measurements if fitted.family(m.gpu.name).name != family]
        start = with_values(fitted, FORGOTTEN) if family == "h200" else fitted
        refit = fit(rest, start, {path: free[path] for path in free if f"hardware.{family}." not in path and path not in FORGOTTEN})
        refit = with_values(refit, means_of_others(refit, family, kernels))
        # Prompts of the newest engine were measured on H200 only: without it nothing is left to predict them by.
        chosen = [
            m for m in measurements
            if fitted.family(m.gpu.name).name == family and m.engine_era in eras and m.llm.experts is None
            and (family, m.kind) != ("h200", "prefill")
        ]  # fmt: skip
        strange += zip(chosen, log_errors(chosen, refit, "default"), strict=True)
        part(f"unseen.{family}", strange[-len(chosen) :])
    part("hardware.default", strange)
    return found


def fp8_over_bf16(kernels: Mapping[str, float], families: Sequence[str]) -> float:
    """Share of the bandwidth at which kernels read weights in fp8 over that in 16 bits; where no engine was measured, kernels say it."""
    key = "weights_share_of_bandwidth"
    return geometric_mean([kernels[f"hardware.{f}.{key}.fp8"] / kernels[f"hardware.{f}.{key}.bf16"] for f in families])


def means_of_others(fitted: Coefficients, family: str, kernels: Mapping[str, float]) -> dict[str, float]:
    """The shares of `default` as they would be had a family never been measured, its kernels included."""
    known = {"bf16": ("h100", "h200", "a100", "b200"), "fp8": ("h100", "h200", "b200")}
    shares = {}
    for key in ("weights_share_of_bandwidth", "compute_share_of_peak", "kv_share_of_bandwidth", "ridge_exponent",
                *(f"reading_factor.{precision}" for precision in known)):  # fmt: skip
        for precision in known:
            if key.startswith("reading_factor"):
                leaves = [f"{key}.{step}" for step in STEPS] if key.endswith(precision) else []
            else:
                leaves = [f"{key}.{precision}"]
            for leaf in leaves:
                others = [value_at(fitted, f"hardware.{name}.{leaf}") for name in known[precision] if name != family]
                shares[f"hardware.default.{leaf}"] = geometric_mean(others)
    shares["hardware.default.attention_share_of_peak"] = geometric_mean(
        [value_at(fitted, f"hardware.{name}.attention_share_of_peak") for name in known["bf16"] if name != family]
    )
    weights = "hardware.default.weights_share_of_bandwidth"
    shares[f"{weights}.fp8"] = shares[f"{weights}.bf16"] * fp8_over_bf16(kernels, [f for f in ("h100", "h200") if f != family])
    return shares


def main() -> None:
    """Fit everything and write models/profiles."""
    if not perf_data.PERF.is_dir():
        raise SystemExit("the measured data are not beside the repository; models/profiles stays as it is")
    kernels, kernel_error = kernel_values()
    fitted = with_values(load_coefficients(), kernels)
    free = free_coefficients()
    others = [*perf_data.mlenergy(), *perf_data.splitwise(), *perf_data.argonne(fitted)]
    # What a serving run spends its time on depends a little on how long steps take: simulated again with every fit.
    for _ in range(ROUNDS):
        measurements = [*others, *serving_runs(fitted)]
        fitted = fit(measurements, fitted, free)
        fitted = with_values(fitted, derived(kernels, fitted))
    errors = held_out_errors(measurements, fitted, free, kernels)
    ttft_error, tpot_error = closed_loop_errors(fitted)
    summary = {
        "in_sample": median(map(abs, log_errors(measurements, fitted))), "held_out": errors["all_median"], "kernels": kernel_error,
        "ttft": ttft_error, "tpot": tpot_error, "gpqa": median(map(abs, log_errors(perf_data.mlenergy("gpqa"), fitted))),
        "points": float(len(measurements)),
    }  # fmt: skip
    write_engines(MODELS / "engines.yaml", fitted, errors, summary)
    for key, value in {**summary, **errors}.items():
        print(f"{key} {value:.4g}")
    write_own_profiles(MODELS)


if __name__ == "__main__":
    main()
