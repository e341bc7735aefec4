"""The measured data beside the repository, read into measurements of the physics (sim/profile/fitting.py).

Only what a fit of step times can use is read: decode steps of a known batch, prompts in a step of their own, and serving runs short of
KV cache. Everything the sources leave open is a named assumption here. The data are not part of the project; without them nothing can
be re-made, but everything runs.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from statistics import median

from sim.catalog.catalog import Catalog
from sim.catalog.gpu import Gpu, Precision
from sim.catalog.llm import Llm
from sim.profile.coefficients import Coefficients
from sim.profile.fitting import Measurement, Term
from sim.profile.memory import Scheduler, divide_memory
from sim.profile.step import StepCoefficients
from tests.tools.closed_loop import Run, closed_loop

PERF = Path(os.environ.get("SIM_SHARED", Path(__file__).resolve().parents[3] / "shared")) / "data" / "perf"

MLENERGY = "ML.ENERGY leaderboard v3, ml-energy/leaderboard 0cd52dab"
INFERENCEX = "InferenceX as distributed with aiconfigurator-core 0.12.0 (Apache-2.0)"
SPLITWISE = "Mutinifni/splitwise-sim 8f99e7dc (MIT)"
ARGONNE = "argonne-lcf/LLM-Inference-Bench 4211f5d4 (BSD-3-Clause)"

CHAT_PROMPT_TOKENS = 400.0
"""Assumed mean prompt of the ML.ENERGY chat task, which does not state it; the fit itself prefers 400 to 500."""
MEAN_PROGRESS = 0.75
"""Assumed mean position of a decoding sequence, in mean outputs: 0.5 for equal lengths, 1 for exponential ones."""
LONG_TASK_PROMPT_TOKENS, LONG_TASK_PROGRESS = 250.0, 0.5
"""The same of gpt-oss, measured in the gpqa task only: short questions, and outputs so long that few sequences of a run ever follow one
another (assumed)."""
MAX_STARTS_PER_STEP = 0.35
"""Decode points above this many prompts a step are not of decodes alone, and are left out."""
INFERENCEX_SHORTEST = 0.8
"""Its load generator draws lengths from 80 to 100 % of the nominal ones."""
MAX_SHORT_STEPS = 20
"""More steps in which a prompt waits for KV cache, and a run says more of the cache than of steps."""
SERVING_WEIGHT = 1.5
"""Of a serving run in the joint fit: it is what the profiles are for."""
TTFT_WEIGHT = 0.4
"""TTFT scatters more than TPOT: it is a mean over few prompts, many of them sent at the same moment."""

_LLMS = {
    "Qwen/Qwen3-8B": "qwen3-8b", "Qwen/Qwen3-14B": "qwen3-14b", "Qwen/Qwen3-32B": "qwen3-32b",
    "google/gemma-3-12b-it": "gemma-3-12b", "google/gemma-3-27b-it": "gemma-3-27b",
    "meta-llama/Llama-3.1-8B-Instruct": "llama-3.1-8b", "meta-llama/Llama-3.1-70B-Instruct": "llama-3.1-70b",
    "meta-llama/Llama-3.3-70B-Instruct": "llama-3.3-70b", "meta-llama/Llama-3.1-405B-Instruct": "llama-3.1-405b",
    "meta-llama/Llama-3.1-405B-Instruct-FP8": "llama-3.1-405b",
    "deepseek-ai/DeepSeek-R1-0528": "deepseek-v3", "deepseek-ai/DeepSeek-V3.1": "deepseek-v3",
    "Qwen/Qwen3-235B-A22B-Instruct-2507": "qwen3-235b-a22b", "Qwen/Qwen3-235B-A22B-Instruct-2507-FP8": "qwen3-235b-a22b",
    "Qwen/Qwen3-30B-A3B-Instruct-2507": "qwen3-30b-a3b",
    "meta-llama/Llama-4-Scout-17B-16E-Instruct": "llama-4-scout", "meta-llama/Llama-4-Maverick-17B-128E-Instruct-FP8": "llama-4-maverick",
    "openai/gpt-oss-20b": "gpt-oss-20b", "openai/gpt-oss-120b": "gpt-oss-120b",
    "llama2-70b": "llama-2-70b", "bloom-176b": "bloom-176b",
    "meta-llama/Llama-2-7b-hf": "llama-2-7b", "meta-llama/Meta-Llama-3-8B": "llama-3-8b",
    "mistralai/Mistral-7B-v0.1": "mistral-7b", "Qwen/Qwen2-7B": "qwen2-7b",
}  # fmt: skip
_PRECISIONS: dict[str, Precision] = {"bfloat16": "bf16", "fp8": "fp8", "mxfp4": "fp4"}
_GPUS = {"H100": "h100-sxm", "B200": "b200", "h100-80gb": "h100-sxm", "a100-80gb": "a100-80gb", "h200_sxm": "h200-sxm"}
_CATALOG = Catalog.load()


@lru_cache(maxsize=64)
def llm_named(name: str) -> Llm:
    """An LLM of the catalogue."""
    return _CATALOG.llm(name)


def _as_published(model_id: str) -> Llm:
    """The LLM of a row: the fp8 checkpoint of Llama 3.1 405B has its attention in 16 bits."""
    llm = llm_named(_LLMS[model_id])
    return llm.model_copy(update={"quantised_parts": "feed_forward"}) if model_id == "meta-llama/Llama-3.1-405B-Instruct-FP8" else llm


def gpu_named(name: str) -> Gpu:
    """A GPU of the catalogue."""
    return _CATALOG.gpu(name)


def rows_of(file: str) -> Iterator[dict[str, str]]:
    """The rows of one table, texts by column."""
    with (PERF / file).open(newline="", encoding="utf-8") as table:
        yield from csv.DictReader(table)


def mlenergy(task: str = "lm-arena-chat", *, every: bool = False) -> list[Measurement]:
    """Median gaps between tokens of 2025-26 engines at a steady batch, H100 and B200; suspect rows left out.

    With the chat task go the rows of gpt-oss, which was measured in the other one only. Llama 4, whose layers take a quarter of a
    millisecond more than anyone else's for a reason that the data do not show, is left out of what is fitted unless `every`.
    """
    found = []
    for row in rows_of("mlenergy_v3_llm.csv"):
        batch, output = float(row["avg_batch_size"]), float(row["avg_output_len"])
        wanted = row["task"] == task or (task != "gpqa" and row["model_id"].startswith("openai/"))
        if not wanted or row["model_id"] not in _LLMS or row["suspect"] == "True" or batch / output > MAX_STARTS_PER_STEP:
            continue
        if (task == "gpqa" and row["model_id"].startswith("openai/")) or ("Llama-4" in row["model_id"] and not every):
            continue
        prompt, progress = (
            (LONG_TASK_PROMPT_TOKENS, LONG_TASK_PROGRESS) if row["model_id"].startswith("openai/") else (CHAT_PROMPT_TOKENS, MEAN_PROGRESS)
        )
        found.append(
            Measurement(
                llm=_as_published(row["model_id"]), gpu=gpu_named(_GPUS[row["gpu_model"]]), tensor_parallel=int(row["num_gpus"]),
                precision=_PRECISIONS[row["weight_precision"]], kv_precision="bf16",
                engine="vllm", engine_era="2025", kind="decode", source=MLENERGY,
                terms=(Term(1.0, batch, batch, batch * (prompt + progress * output)),), seconds=float(row["median_itl_ms"]) * 1e-3,
                batch=round(batch), expert_parallel=int(row["expert_parallel"]) > 1,
            )
        )  # fmt: skip
    return found


def inferencex(step_of: Callable[[int], StepCoefficients], front_end_s: float, coefficients: Coefficients) -> list[Measurement]:
    """TPOT and TTFT of Llama-3.1-70B FP8 with fp8 KV cache on H200, each as the steps that a simulated run spends on it.

    The run is simulated with the steps of a fit before (`step_of` a tensor parallel size), which fixes who waits for whom and which prompts
    share a step; what it adds up to is linear in the steps. Runs that wait for KV cache are left out: there a little less room is a long wait.
    """
    found = []
    for row in rows_of("inferencex_h200_vllm_llama31_70b.csv"):
        tp = int(row["tp_size"])
        run = run_inferencex(row, step_of(tp), front_end_s, coefficients)
        if run.short_of_kv > MAX_SHORT_STEPS:
            continue
        for key, terms, seconds, front_ends, weight in (
            ("tpot", run.tpot, float(row["tpot_ms"]) * 1e-3, 0.0, SERVING_WEIGHT),
            ("ttft", run.ttft, float(row["ttft_ms"]) * 1e-3, 1.0, TTFT_WEIGHT * SERVING_WEIGHT),
        ):
            found.append(
                Measurement(
                    llm=llm_named("llama-3.1-70b"), gpu=gpu_named("h200-sxm"), tensor_parallel=tp, precision="fp8", kv_precision="fp8",
                    engine="vllm", engine_era="2025", kind="decode" if key == "tpot" and int(row["isl"]) < 2 * int(row["osl"]) else "prefill",
                    source=INFERENCEX, terms=terms, seconds=seconds, front_ends=front_ends, weight=weight, batch=int(row["concurrency"]),
                )
            )  # fmt: skip
    return found


def run_inferencex(row: Mapping[str, str], step: StepCoefficients, front_end_s: float, coefficients: Coefficients) -> Run:
    """One of its runs, simulated."""
    return closed_loop(
        step, clients=int(row["concurrency"]), prompt_tokens=int(row["isl"]), output_tokens=int(row["osl"]),
        kv_tokens=kv_tokens_of_inferencex(int(row["tp_size"]), coefficients), front_end_s=front_end_s, shortest=INFERENCEX_SHORTEST,
    )  # fmt: skip


def splitwise() -> list[Measurement]:
    """Prompt and token times of a 2023 engine: Llama-2-70B and BLOOM-176B on A100 and H100, medians of the repeats."""
    repeats: dict[tuple[str, str, int, int, int, int], list[tuple[float, float]]] = {}
    for row in rows_of("splitwise_perf_model.csv"):
        key = (
            row["model"], row["hardware"], int(row["tensor_parallel"]),
            int(row["prompt_size"]), int(row["batch_size"]), int(row["token_size"]),
        )  # fmt: skip
        repeats.setdefault(key, []).append((float(row["prompt_time_ms"]), float(row["token_time_ms"])))
    found = []
    for (model, hardware, tp, prompt, batch, output), times in repeats.items():
        timed = [
            ("decode", Term(1.0, batch, batch, batch * (prompt + output / 2)), median(t for _, t in times)),
            ("prefill", Term(1.0, batch * prompt, batch, 0.0, batch * prompt * prompt / 2), median(p for p, _ in times)),
        ]
        for kind, term, ms in timed:
            if kind == "prefill" and output != 128:  # the same prompts again: only the outputs differ
                continue
            found.append(
                Measurement(
                    llm=llm_named(_LLMS[model]), gpu=gpu_named(_GPUS[hardware]), tensor_parallel=tp, precision="bf16",
                    kv_precision="bf16", engine="vllm", engine_era="2023", kind=kind, source=SPLITWISE, terms=(term,),
                    seconds=ms * 1e-3, batch=batch,
                )
            )  # fmt: skip
    return found


def argonne(coefficients: Coefficients) -> list[Measurement]:
    """Whole runs of a fixed batch on A100-40GB with 2024 engines: one prefill and all decode steps; those that fit the KV cache only."""
    engines = {"vLLM": "vllm", "TensorRT-LLM": "trtllm"}
    runs: dict[tuple[str, str, int, int, int], list[float]] = {}
    for row in rows_of("argonne_offline_a100.csv"):
        if row["framework"] in engines and row["model"] in _LLMS:
            key = (row["framework"], row["model"], int(row["num_gpus"]), int(row["input_output_len_each"]), int(row["batch_size"]))
            runs.setdefault(key, []).append(float(row["latency_s"]))
    found = []
    gpu = gpu_named("a100-40gb")
    for (framework, model, gpus, length, batch), seconds in runs.items():
        llm = llm_named(_LLMS[model])
        memory = divide_memory(
            llm=llm, gpu=gpu, tensor_parallel=gpus, precision="bf16", kv_precision="bf16", utilisation=0.9, block_tokens=16,
            scheduler=Scheduler(4096, 64), coefficients=coefficients,
        )  # fmt: skip
        if batch * 2 * length > 0.9 * memory.kv_capacity_tokens:
            continue
        terms = (
            Term(1.0, batch * length, batch, 0.0, batch * length * length / 2),
            Term(length - 1.0, batch, batch, batch * 1.5 * length),
        )
        found.append(
            Measurement(
                llm=llm, gpu=gpu, tensor_parallel=gpus, precision="bf16", kv_precision="bf16", engine=engines[framework],
                engine_era="2024", kind="decode", source=ARGONNE, terms=terms, seconds=median(seconds), batch=batch,
            )
        )  # fmt: skip
    return found


def kv_tokens_of_inferencex(tensor_parallel: int, coefficients: Coefficients) -> float:
    """Tokens of KV cache of its replicas at vLLM's utilisation of 2025, 0.9, with an fp8 cache: bf16 would not hold its runs of 32."""
    return divide_memory(
        llm=llm_named("llama-3.1-70b"), gpu=gpu_named("h200-sxm"), tensor_parallel=tensor_parallel, precision="fp8", kv_precision="fp8",
        utilisation=0.9, block_tokens=16, scheduler=Scheduler(8192, 256), coefficients=coefficients,
    ).kv_capacity_tokens  # fmt: skip
