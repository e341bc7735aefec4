"""The bundled profiles against the measurements they were made from: the errors written beside them are not smaller than the real ones."""

from __future__ import annotations

from collections.abc import Callable
from math import log
from pathlib import Path
from statistics import median

import pytest

from sim.catalog.catalog import Catalog
from sim.profile import resolve_profile
from sim.profile.coefficients import load_coefficients
from sim.profile.fitting import Measurement, configuration_medians, log_errors, root_mean_square, step_sum
from tests.tools import perf_data
from tests.tools.closed_loop import closed_loop
from tests.tools.fit_profiles import serving_runs

CATALOG = Catalog.load()


@pytest.fixture(scope="module")
def measured(shared_data: Path) -> list[Measurement]:
    coefficients = load_coefficients()
    return [*perf_data.mlenergy(), *serving_runs(coefficients), *perf_data.splitwise(), *perf_data.argonne(coefficients)]


@pytest.mark.parametrize(("engine", "era"), [("vllm", "2025"), ("vllm", "2024"), ("vllm", "2023"), ("trtllm", "2024")])
def test_estimates_are_as_good_as_they_say(measured: list[Measurement], shared_data: Path, engine: str, era: str):
    chosen = [m for m in measured if (m.engine, m.engine_era) == (engine, era) and m.llm.experts is None]
    coefficients = load_coefficients()
    for kind, stated in (
        ("decode", coefficients.engine(engine, era).decode_error),
        ("prefill", coefficients.engine(engine, era).prefill_error),
    ):
        points = [m for m in chosen if m.kind == kind]
        assert points or kind == "prefill", "decode steps of every engine that is fitted were measured"
        medians = configuration_medians(points, log_errors(points, coefficients))
        assert root_mean_square(list(medians.values())) <= stated


def test_mixtures_of_experts_are_as_good_as_they_say(measured: list[Measurement], shared_data: Path):
    points = [m for m in measured if m.llm.experts is not None]
    assert len({m.llm.name for m in points}) >= 3
    medians = configuration_medians(points, log_errors(points, load_coefficients()))
    assert root_mean_square(list(medians.values())) <= load_coefficients().experts.decode_error


def test_a_task_that_was_never_fitted_is_predicted_too(shared_data: Path):
    points = [m for m in perf_data.mlenergy("gpqa") if m.llm.experts is None]
    assert len(points) >= 10
    assert median(map(abs, log_errors(points, load_coefficients()))) < 0.15


def test_calibrated_profiles_are_as_good_as_they_say(measured: list[Measurement], shared_data: Path):
    seen = 0
    for key in {m.configuration[:-1] for m in measured}:
        points = [m for m in measured if m.configuration[:-1] == key and m.kind == "decode"]
        m = points[0]
        profile = resolve_profile(
            llm=m.llm, gpu=m.gpu, tensor_parallel=m.tensor_parallel, precision=m.precision, kv_precision=m.kv_precision, engine=m.engine,
            engine_era=m.engine_era, max_model_len=1024,
        )  # fmt: skip
        if profile.label == "calibrated":
            seen += 1
            assert root_mean_square([log(step_sum(profile.step, p.terms) / p.seconds) for p in points]) <= profile.error
    assert seen >= 20


def anchor(llm: str, gpu: str, tensor_parallel: int, era: str = "2025") -> Callable[[int, int], float]:
    profile = resolve_profile(llm=CATALOG.llm(llm), gpu=CATALOG.gpu(gpu), tensor_parallel=tensor_parallel, precision="bf16", engine_era=era)
    return lambda batch, context: 1e3 * profile.step.decode_s(sequences=batch, context=batch * context)


def test_known_decode_steps():
    # Straight lines through the same measurements, ms: base + so much a sequence, at their own contexts (docs/profiles.md).
    assert anchor("llama-3.1-70b", "h100-sxm", 4)(32, 850) == pytest.approx(15.9 + 0.10 * 32, rel=0.05)
    assert anchor("llama-3.1-8b", "h100-sxm", 1)(32, 700) == pytest.approx(6.6 + 0.078 * 32, rel=0.05)
    assert anchor("llama-2-70b", "a100-80gb", 8, "2023")(1, 576) == pytest.approx(44.3, rel=0.10)
    assert anchor("llama-2-70b", "h100-sxm", 4, "2023")(1, 576) == pytest.approx(29.1, rel=0.10)


def test_a_closed_loop_benchmark_is_met(shared_data: Path):
    ttft, tpot = [], []
    for row in perf_data.rows_of("inferencex_h200_vllm_llama31_70b.csv"):
        profile = resolve_profile(
            llm=CATALOG.llm("llama-3.1-70b"), gpu=CATALOG.gpu("h200-sxm"), tensor_parallel=int(row["tp_size"]), precision="fp8",
            kv_precision="fp8", utilisation=0.9, max_num_seqs=256, shipped=(),
        )  # fmt: skip
        run = closed_loop(
            profile.step, clients=int(row["concurrency"]), prompt_tokens=int(row["isl"]), output_tokens=int(row["osl"]),
            kv_tokens=profile.kv_capacity_tokens, front_end_s=profile.front_end_s,
        )  # fmt: skip
        ttft.append(log(run.ttft_s * 1e3 / float(row["ttft_ms"])))
        tpot.append(log(run.tpot_s * 1e3 / float(row["tpot_ms"])))
        if int(row["tp_size"]) == 1 and int(row["concurrency"]) == 64 and row["isl"] == "8192":
            assert abs(ttft[-1]) < 0.35, "the concurrency at which the KV cache runs out is missed"
    assert median(map(abs, tpot)) < 0.05
    assert median(map(abs, ttft)) < 0.10
