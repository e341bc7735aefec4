"""Whole runs of a fixed batch in docs/accuracy.md, each simulated by the engine: Argonne's on A100, and NVIDIA's of TensorRT-LLM v0.6.

All requests are sent at once, all of one length; what is compared is the time to the last token, or the throughput that follows from it.
Runs too large for the KV cache go in waves, which no formula of a step could say.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from statistics import median
from types import MappingProxyType

from sim.calibration.errors import relative_error
from sim.calibration.points import Load, Server
from sim.calibration.serving import profile_of, serve
from sim.catalog.catalog import Catalog
from sim.catalog.gpu import Precision
from sim.catalog.known_as import find_llm
from sim.catalog.llm import KvPrecision, Llm
from sim.errors import InputError
from sim.profile.coefficients import load_coefficients
from tests.tools import perf_data
from tests.tools.accuracy_page_tables import ERRORS, error_cells, markdown

ENGINES = MappingProxyType({"vLLM": "vllm", "TensorRT-LLM": "trtllm"})
ERA = "2024"
PROMPT_TOKENS_A_STEP, SEQUENCES = 4096, 64
"""Limits of a step that the joint fit takes for these runs too (perf_data.argonne)."""
_KV = MappingProxyType({"fp16": "bf16", "fp8": "fp8", "int8": "fp8"})
"""A cache of 8-bit integers is as large as one of fp8, and is taken for it."""
_WEIGHTS = MappingProxyType({"fp16": "bf16", "fp8": "fp8", "int8": "int8", "int4": "int4"})
_STATIC_LLMS = MappingProxyType(
    {"GPT-J-6B": "gpt-j-6b", "LLaMA-7B": "llama-2-7b", "LLaMA-70B": "llama-2-70b", "Falcon-180B": "falcon-180b"}
)
"""LLaMA 7B has the shape of Llama 2 7B."""
_STATIC_GPUS = MappingProxyType({"H100": ("h100-sxm", "fp8"), "A100": ("a100-80gb", "bf16")})


@dataclass(frozen=True)
class Batch:
    """One run: so many requests at once, all of one length."""

    engine: str
    llm: str
    tensor_parallel: int
    tokens: int
    """Of each prompt and of each output."""
    batch: int
    measured_s: float
    predicted_s: float
    waited: bool
    """Whether requests waited for KV cache in the simulation."""
    fitted: bool
    """Whether the joint fit has seen it."""

    @property
    def error(self) -> float:
        """Of the time of the whole run."""
        return relative_error(self.predicted_s, self.measured_s)


@cache
def argonne() -> tuple[Batch, ...]:
    """Argonne's runs of vLLM and TensorRT-LLM; repeats as their median, LLMs that are not in the catalogue left out."""
    runs: dict[tuple[str, str, int, int, int], list[float]] = {}
    for row in perf_data.rows_of("argonne_offline_a100.csv"):
        if row["framework"] in ENGINES:
            key = (row["framework"], row["model"], int(row["num_gpus"]), int(row["input_output_len_each"]), int(row["batch_size"]))
            runs.setdefault(key, []).append(float(row["latency_s"]))
    fitted = {
        (m.engine, m.llm.name, m.tensor_parallel, round(m.terms[1].steps) + 1, m.batch) for m in perf_data.argonne(load_coefficients())
    }
    found = []
    for (framework, model, gpus, tokens, batch), times in runs.items():
        llm = known(model)
        if llm is None:
            continue
        server = Server(
            llm=llm, gpu=perf_data.gpu_named("a100-40gb"), tensor_parallel=gpus, precision="bf16", engine=ENGINES[framework], engine_era=ERA,
            max_num_batched_tokens=PROMPT_TOKENS_A_STEP, max_num_seqs=SEQUENCES,
        )  # fmt: skip
        try:
            predicted_s, waited = run_of(server, tokens, tokens, batch)
        except InputError:
            continue
        key = (server.engine, llm.name, gpus, tokens, batch)
        found.append(Batch(*key, median(times), predicted_s, waited, key in fitted))
    return tuple(found)


def run_of(server: Server, prompt: int, output: int, batch: int) -> tuple[float, bool]:
    """Seconds of a run of a batch, and whether its requests waited for KV cache."""
    load = Load(prompt_tokens=prompt, output_tokens=output, concurrency=batch, requests=batch, least_length_share=1.0)
    served = serve(load, profile_of(server, longest_tokens=prompt + output, catalog=Catalog.load(), estimated=True))
    return served.duration_s, served.kv_full_share > 0.0 or served.preemptions > 0


def known(model: str) -> Llm | None:
    """The LLM of the catalogue, None where it has none."""
    try:
        return find_llm(Catalog.load(), model)
    except InputError:
        return None


def argonne_table() -> str:
    """Errors of the time of whole runs: fitted ones, those that waited, and LLMs of which no run was fitted."""
    lines = []
    for engine, words in (("vllm", "vLLM"), ("trtllm", "TensorRT-LLM")):
        runs = [run for run in argonne() if run.engine == engine]
        seen = {run.llm for run in runs if run.fitted}
        parts = {
            "7B and 8B, within the KV cache (in the joint fit)": [r for r in runs if r.fitted],
            "7B and 8B, in waves or nearly (not fitted)": [r for r in runs if not r.fitted and r.llm in seen],
            "LLMs never fitted": [r for r in runs if r.llm not in seen],
        }
        lines += [(f"{words} {ERA}", part, *error_cells(r.error for r in of_part)) for part, of_part in parts.items() if of_part]
    return markdown(("engine", "runs of", *ERRORS), lines, words=2)


def strange_table() -> str:
    """The same by LLM, for LLMs of which no run was fitted."""
    seen = {(r.engine, r.llm) for r in argonne() if r.fitted}
    lines = []
    for engine, llm, gpus in sorted({(r.engine, r.llm, r.tensor_parallel) for r in argonne() if (r.engine, r.llm) not in seen}):
        runs = [r for r in argonne() if (r.engine, r.llm, r.tensor_parallel) == (engine, llm, gpus)]
        waited = f"{sum(r.waited for r in runs)} of {len(runs)}"
        lines.append((f"{llm}, {gpus} x A100", engine, waited, *error_cells(r.error for r in runs)))
    return markdown(("never fitted", "engine", "in waves", *ERRORS), lines, words=2)


def quantised_table() -> str:
    """Llama 3 8B on one A100 with its weights and its cache in fewer bits."""
    groups: dict[tuple[str, str], list[float]] = {}
    for row in perf_data.rows_of("argonne_quant_a100.csv"):
        weights, cache_in = (part.split("=")[1].strip() for part in row["precision"].split(","))
        precision: Precision = _WEIGHTS[weights]  # type: ignore[assignment]
        kv: KvPrecision = _KV[cache_in]  # type: ignore[assignment]
        server = Server(
            llm=perf_data.llm_named("llama-3-8b"), gpu=perf_data.gpu_named("a100-40gb"), tensor_parallel=1, precision=precision, kv_precision=kv,
            engine=ENGINES[row["framework"]], engine_era=ERA, max_num_batched_tokens=PROMPT_TOKENS_A_STEP, max_num_seqs=SEQUENCES,
        )  # fmt: skip
        tokens = int(row["input_output_len_each"])
        predicted_s, _ = run_of(server, tokens, tokens, int(row["batch_size"]))
        groups.setdefault((row["framework"], f"weights {weights}, cache {cache_in}"), []).append(
            relative_error(predicted_s, float(row["latency_s"]))
        )
    return markdown(("engine", "precision", *ERRORS), [(*key, *error_cells(errors)) for key, errors in groups.items()], words=2)


def first_tokens_table() -> str:
    """Time to the first token of 16 prompts of 1,024 tokens at once."""
    lines = []
    for row in perf_data.rows_of("argonne_ttft_itl_a100.csv"):
        llm = known(row["model"])
        if row["framework"] not in ENGINES or llm is None:
            continue
        server = Server(
            llm=llm, gpu=perf_data.gpu_named("a100-40gb"), tensor_parallel=1, precision="bf16", engine=ENGINES[row["framework"]], engine_era=ERA,
            max_num_batched_tokens=int(row["input_len"]) * int(row["batch_size"]), max_num_seqs=SEQUENCES,
        )  # fmt: skip
        predicted_s, _ = run_of(server, int(row["input_len"]), 1, int(row["batch_size"]))
        lines.append((row["framework"], llm.name, *_figures(predicted_s, float(row["ttft_s"]), "{:.2f} s")))
    return markdown(("engine", "LLM", "predicted", "measured", "off"), lines, words=2)


@cache
def static() -> tuple[tuple[str, str, str, float, float], ...]:
    """NVIDIA's runs of TensorRT-LLM v0.6: kind, GPU, run in words, predicted and measured; NaN where they are longer than the LLM takes."""
    found = []
    for row in perf_data.rows_of("trtllm_v06_static.csv"):
        gpu, precision = _STATIC_GPUS[row["gpu"]]
        batch, prompt, output, tp = (int(row[key]) for key in ("batch", "isl", "osl", "tp"))
        server = Server(
            llm=perf_data.llm_named(_STATIC_LLMS[row["model"]]), gpu=perf_data.gpu_named(gpu), tensor_parallel=tp, precision=precision,  # type: ignore[arg-type]
            engine="trtllm", engine_era=ERA, max_num_seqs=batch,
        )  # fmt: skip
        try:
            seconds, _ = run_of(server, prompt, output, batch)
        except InputError:
            seconds = float("nan")
        predicted = batch * output / seconds / tp if row["kind"] == "throughput" else seconds * 1e3
        run = f"{row['model']}, {tp} x {row['gpu']}, {prompt}/{output} x{batch}"
        found.append((row["kind"], f"{row['gpu']} {row['precision']}", run, predicted, float(row["value"])))
    return tuple(found)


def static_table() -> str:
    """Throughput and first tokens of TensorRT-LLM v0.6, which no fit has seen."""
    lines = []
    for kind, words in (("throughput", "output tokens/s"), ("first_token_latency", "first token, batch 1")):
        for gpu in dict.fromkeys(each[1] for each in static()):
            errors = [p / m - 1.0 for k, g, _, p, m in static() if (k, g) == (kind, gpu) and p == p]
            unfit = sum(p != p for k, g, _, p, _ in static() if (k, g) == (kind, gpu))
            lines.append((words, gpu, *error_cells(errors), str(unfit)))
    return markdown(("TensorRT-LLM v0.5, v0.6", "GPU", *ERRORS, "longer than it takes"), lines, words=2)


def _figures(predicted: float, measured: float, form: str) -> Sequence[str]:
    return form.format(predicted), form.format(measured), f"{100 * relative_error(predicted, measured):+.1f} %"


TABLES: Mapping[str, Callable[[], str]] = MappingProxyType(
    {
        "argonne": argonne_table, "argonne-strange": strange_table, "argonne-quantised": quantised_table,
        "argonne-first-tokens": first_tokens_table, "static": static_table,
    }
)  # fmt: skip
