"""Writing what was fitted as data files: models/profiles/engines.yaml, and one file of calibrated profiles for each source."""

from __future__ import annotations

from collections.abc import Mapping
from math import hypot
from pathlib import Path

from sim.profile.coefficients import Coefficients
from tests.tools import perf_data

FITTED_ON = "2026-11-21"
OTHER_ENGINE = 0.15
"""Assumed spread between engines of one era, for those that nobody measured here."""

OPERATORS = "operator timings of microsoft/vidur 7d475133 (MIT)"
KERNELS = "matrix and attention kernels of aiconfigurator-core 0.12.0 (Apache-2.0)"
_FAMILY_SOURCES = {
    "h100": f"{KERNELS}; fp8 weights, KV: joint fit to {perf_data.MLENERGY}; links, fp8 KV: as on H200; int4, fp4: assumed",
    "h200": f"{KERNELS}, prompt attention as on H100; fp8 at 16 to 64 tokens, links, fp8 KV: joint fit to {perf_data.INFERENCEX}; int4, fp4: assumed",
    "a100": f"{KERNELS}; KV: joint fit to {perf_data.ARGONNE}; {perf_data.SPLITWISE}; fp8 KV: argonne-lcf/LLM-Inference-Bench 4211f5d4 (BSD-3-Clause), quantised runs; links: as on H200; fp8, int4, fp4: assumed",
    "b200": f"weights: joint fit to {perf_data.MLENERGY}; all else as on H100 and H200, assumed; fp4: as fp8, assumed",
    "ada": f"A40 of {OPERATORS}; beyond 8 tokens and attention as on A100; fp8, int4, fp4, links: assumed",
    "default": "means of the measured families; error: each family predicted by the means of the others",
}
_NOT_FITTED = "overhead of a step, longest captured step, no front end: assumed"
_ENGINE_SOURCES = {
    "vllm/2025": f"joint fit to {perf_data.MLENERGY}; {perf_data.INFERENCEX}",
    "vllm/2024": f"joint fit to {perf_data.ARGONNE}; {_NOT_FITTED}",
    "vllm/2023": f"joint fit to {perf_data.SPLITWISE}; {_NOT_FITTED}",
    "trtllm/2024": f"joint fit to {perf_data.ARGONNE}; {_NOT_FITTED}",
    "trtllm/2025": "as vllm 2025, sequences and computing as much cheaper as in 2024 on A100, assumed; error: that of vllm 2025 with an assumed 15 % between engines",
    "sglang/2025": "as vllm 2025, assumed; error: that of vllm 2025 with an assumed 15 % between engines",
}
_MEASURED_ON = {
    "vllm/2025": "h100, h200, b200", "vllm/2024": "a100", "vllm/2023": "h100, a100", "trtllm/2024": "a100",
    "trtllm/2025": "", "sglang/2025": "",
}  # fmt: skip
_AS_OF = {"2025": "2026-11", "2024": "2024", "2023": "2023"}


def _number(value: float) -> str:
    if abs(value) < 1e-3:
        return "0"
    return f"{value:.4g}" if value < 10000 else f"{value:.0f}"


def _mapping(values: Mapping[str, float]) -> str:
    return "{" + ", ".join(f"{key}: {_number(value)}" for key, value in values.items()) + "}"


def _errors(name: str, errors: Mapping[str, float], fallback: str) -> tuple[float, float]:
    decode, prefill = (errors.get(f"{name}.{kind}_error", errors[f"{fallback}.{kind}_error"]) for kind in ("decode", "prefill"))
    return decode, prefill


def write_engines(path: Path, fitted: Coefficients, errors: Mapping[str, float], summary: Mapping[str, float]) -> None:
    """models/profiles/engines.yaml: the coefficients, and beside each group its held-out error."""
    e = fitted.experts
    moe = _errors("experts", errors, "hardware.default")
    lines = [
        "# Coefficients of the step-time physics (docs/profiles.md). Re-made by tests/tools/fit_profiles.py from the measured data.",
        "# Errors are root mean squares of ln(predicted/measured), over configurations held out of the fit, of each configuration's median.",
        f"# All {summary['points']:.0f} points: median absolute error {summary['in_sample']:.3f} in sample, {summary['held_out']:.3f} held out;",
        f"# matrix kernels {summary['kernels']:.3f}; a task left out whole (ML.ENERGY gpqa, long outputs) {summary['gpqa']:.3f}.",
        f"# Closed loop of the 60 InferenceX runs, simulated: TPOT {summary['tpot']:.3f}, TTFT {summary['ttft']:.3f} (median absolute).",
        f"hidden_passes: {_number(fitted.hidden_passes)}",
        f"ffn_passes: {_number(fitted.ffn_passes)}",
        f"process_gib_per_gpu: {_number(fitted.process_gib_per_gpu)}",
        f"activation_copies: {_number(fitted.activation_copies)}",
        "experts:",
        f"  share_of_dense: {_mapping(e.share_of_dense.model_dump())}",
        f"  layer_overhead_us: {_number(e.layer_overhead_us)}",
        f"  whole_overhead_us: {_mapping(e.whole_overhead_us.model_dump())}",
        f"  whole_exponent: {_number(e.whole_exponent)}",
        f"  whole_link_overhead_us: {_number(e.whole_link_overhead_us)}",
        f"  decode_error: {_number(moe[0])}",
        f"  prefill_error: {_number(max(moe))}",
        "  evidence: calibrated",
        f'  source: "bf16, fp8: joint fit to {perf_data.MLENERGY} (Qwen3-30B-A3B, Qwen3-235B-A22B, DeepSeek-V3.1; fp4 and, unpacked, int4: gpt-oss 20B and 120B); int8: as fp8, assumed"',
        "  as_of: 2026-11",
        "hardware:",
    ]
    for family in fitted.hardware:
        decode, prefill = _errors(f"hardware.{family.name}", errors, "hardware.default")
        assumed = family.name not in ("h100", "h200", "a100", "b200")
        if assumed:
            decode, prefill = _errors("hardware.default", errors, "hardware.default")
        lines += [
            f"  - name: {family.name}",
            f"    gpus: [{', '.join(family.gpus)}]",
            f"    measured_gpus: [{', '.join(family.measured_gpus)}]",
            f"    measured_precisions: [{', '.join(family.measured_precisions)}]",
            f"    weights_share_of_bandwidth: {_mapping(family.weights_share_of_bandwidth.model_dump())}",
            "    reading_factor:",
            f"      bf16: {_mapping(family.reading_factor.bf16.model_dump())}",
            f"      fp8: {_mapping(family.reading_factor.fp8.model_dump())}",
            f"    ridge_exponent: {_mapping(family.ridge_exponent.model_dump())}",
            f"    compute_share_of_peak: {_mapping(family.compute_share_of_peak.model_dump())}",
            f"    kv_share_of_bandwidth: {_mapping(family.kv_share_of_bandwidth.model_dump())}",
            f"    attention_share_of_peak: {_number(family.attention_share_of_peak)}",
            f"    link_share_of_peak: {_number(family.link_share_of_peak)}",
            f"    decode_error: {_number(decode)}",
            f"    prefill_error: {_number(prefill)}",
            f"    evidence: {'assumed' if assumed else 'calibrated'}",
            f'    source: "{_FAMILY_SOURCES[family.name]}"',
            f"    as_of: {FITTED_ON}",
        ]
    lines.append("engines:")
    for engine in fitted.engines:
        key = f"{engine.name}/{engine.era}"
        assumed = not _MEASURED_ON[key]
        decode, prefill = _errors(f"engines.{'vllm/2025' if assumed else key}", errors, "hardware.default")
        if assumed:
            decode, prefill = hypot(decode, OTHER_ENGINE), hypot(prefill, OTHER_ENGINE)
        lines += [
            f"  - name: {engine.name}",
            f'    era: "{engine.era}"',
            *(
                f"    {name}: {_number(getattr(engine, name))}"
                for name in ("step_overhead_us", "layer_overhead_us", "layer_link_overhead_us", "sequence_us", "compute_share_of_kernels",
                             "attention_share_of_kernels", "front_end_ms", "uncaptured_layer_us")
            ),
            f"    weights_share_of_kernels: {_mapping(engine.weights_share_of_kernels.model_dump())}",
            f"    captured_tokens: {engine.captured_tokens}",
            f"    measured_on: [{_MEASURED_ON[key]}]",
            f"    decode_error: {_number(decode)}",
            f"    prefill_error: {_number(prefill)}",
            f"    evidence: {'assumed' if assumed else 'calibrated'}",
            f'    source: "{_ENGINE_SOURCES[key]}"',
            f"    as_of: {_AS_OF[engine.era]}",
        ]  # fmt: skip
    lines += [
        "sources:",
        "  - keys: [hidden_passes, ffn_passes]",
        f'    source: "means over A100, H100 and A40 of the {OPERATORS}"',
        f"    as_of: {FITTED_ON}",
        "  - keys: [process_gib_per_gpu, activation_copies]",
        '    source: "no measurement found; the reserve they give agrees with the KV capacity that InferenceX shows on one H200"',
        f"    as_of: {FITTED_ON}",
        "    assumed: true",
    ]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
