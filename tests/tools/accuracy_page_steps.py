"""Single steps in docs/accuracy.md: decode steps of ML.ENERGY, and the decode steps and prompts of Splitwise and SageServe.

Each is predicted by the shipped profiles, by the physics, and by fits that have not seen the LLM, the GPU or the batch size.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from math import expm1
from statistics import median
from types import MappingProxyType

from sim.calibration.calibrate import Calibrations, Reading, calibrate_all
from sim.calibration.errors import relative_error
from sim.calibration.points import Benchmark
from sim.catalog.catalog import Catalog
from sim.catalog.gpu import Gpu
from sim.catalog.known_as import find_gpu, find_llm, find_precision
from sim.errors import InputError
from sim.profile.coefficients import Coefficients, load_coefficients
from sim.profile.fitting import Measurement, Term, log_errors, step_sum
from sim.profile.shipped import load_shipped
from tests.tools import leave_one_out, perf_data
from tests.tools.accuracy_page_tables import ERRORS, error_cells, markdown, mean_cell
from tests.tools.own_profiles import benchmark_of, step_points

KINDS = ("decode", "prefill")
SAGESERVE = "sageserve"
SOURCES = MappingProxyType({"splitwise": "Splitwise", SAGESERVE: "SageServe"})
PCIE_GB_PER_S = 16.0
"""About what two GPUs exchange over PCIe 4.0, each way (assumed)."""
GOALS = MappingProxyType({"decode": (0.03, 0.05), "prefill": (0.06, 0.10)})
"""Mean absolute errors to reach: in sample, and at batch sizes held out."""
Errors = list[float]


def physics(chosen: Sequence[Measurement], coefficients: Coefficients | None = None) -> Errors:
    """Errors of the physics with some coefficients, the shipped ones unless given."""
    return [expm1(e) for e in log_errors(chosen, coefficients or load_coefficients())]


def shipped(chosen: Sequence[Measurement]) -> Errors:
    """Errors of the shipped profiles, of configurations that have one."""
    steps = {profile.key: profile.step.coefficients() for profile in load_shipped()}
    return [
        step_sum(steps[m.configuration[:-1]], m.terms) / m.seconds - 1.0 for m in chosen if m.configuration[:-1] in steps
    ]  # fmt: skip


def without(chosen: Sequence[Measurement], fold: Callable[[Measurement], Coefficients]) -> Errors:
    """Errors of each measurement by a joint fit that has not seen it."""
    return [error for m in chosen for error in physics([m], fold(m))]


def mlenergy_table() -> str:
    """Decode steps of the newest engines by GPU, dense LLMs and mixtures of experts apart."""
    lines = []
    for gpu in ("h100", "b200"):
        for kind in ("dense", "experts"):
            chosen = [m for m in perf_data.mlenergy() if _family(m) == gpu and (m.llm.experts is not None) == (kind == "experts")]
            name = f"{gpu.upper()}, {'dense LLMs' if kind == 'dense' else 'mixtures of experts'}"
            ways = {
                "shipped profiles": shipped(chosen), "the same, batch left out": _batches_left_out(chosen), "physics": physics(chosen),
                "LLM left out": without(chosen, lambda m: leave_one_out.without_llm(leave_one_out.shape_name(m))),
                "GPU left out": physics(chosen, leave_one_out.without_family(gpu)),
            }  # fmt: skip
            lines += [(name, way, *error_cells(errors)) for way, errors in ways.items()]
    return markdown(("decode steps", "predicted by", *ERRORS), lines, words=2)


def _batches_left_out(chosen: Sequence[Measurement]) -> Errors:
    """Errors of `sim calibrate` at batch sizes of ML.ENERGY that its fit has not seen, of configurations that ship."""
    keys = {m.configuration[:-1] for m in chosen} & {profile.key for profile in load_shipped()}
    return errors_of((r for each in own_calibration("mlenergy").found if each.key in keys for r in each.readings), held_out=True)


def never_fitted_table() -> str:
    """Decode steps of a task and of LLMs that no fit has seen."""
    lines = [(name, *error_cells(physics(chosen))) for name, chosen in never_fitted().items()]
    return markdown(("never fitted", *ERRORS), lines)


def mlenergy_llms_table() -> str:
    """Each LLM, left out of the joint fit."""
    chosen = perf_data.mlenergy()
    lines = []
    for name in leave_one_out.llms(chosen):
        of_llm = [m for m in chosen if leave_one_out.shape_name(m) == name]
        gpus = ", ".join(sorted({_family(m).upper() for m in of_llm}, reverse=True))
        lines.append((name, gpus, mean_cell(physics(of_llm)), *error_cells(physics(of_llm, leave_one_out.without_llm(name)))))
    lines.sort(key=lambda line: float(line[4].split()[0]))
    return markdown(("LLM", "GPUs", "mean, in the fit", *ERRORS), lines, words=2)


@cache
def never_fitted() -> Mapping[str, list[Measurement]]:
    """ML.ENERGY points that no fit has seen: the other task of LLMs in the fit, and LLMs that are not in it."""
    fitted = perf_data.mlenergy()
    known, llms = {(*m.configuration, m.seconds) for m in fitted}, {m.llm.name for m in fitted}
    found: dict[str, list[Measurement]] = {}
    for m in _all_rows():
        if m.llm.name not in llms:
            found.setdefault(f"{m.llm.name} {m.precision}, {_family(m).upper()}", []).append(m)
        elif (*m.configuration, m.seconds) not in known:
            found.setdefault(
                f"long outputs (gpqa), {'dense LLMs' if m.llm.experts is None else m.llm.name}, {_family(m).upper()}", []
            ).append(m)
    return MappingProxyType(dict(sorted(found.items())))


def _all_rows() -> Iterable[Measurement]:
    """Every row of ML.ENERGY that is not suspect and of decodes alone, whose LLM is in the catalogue."""
    for row in perf_data.rows_of("mlenergy_v3_llm.csv"):
        batch, output = float(row["avg_batch_size"]), float(row["avg_output_len"])
        if row["suspect"] == "True" or batch / output > perf_data.MAX_STARTS_PER_STEP:
            continue
        try:
            llm = find_llm(Catalog.load(), row["model_id"])
        except InputError:
            continue
        context = batch * (perf_data.CHAT_PROMPT_TOKENS + perf_data.MEAN_PROGRESS * output)
        yield Measurement(
            llm=llm, gpu=find_gpu(Catalog.load(), row["gpu_model"]), tensor_parallel=int(row["num_gpus"]),
            precision=find_precision(row["weight_precision"]), kv_precision="bf16", engine="vllm", engine_era="2025", kind="decode",
            source=perf_data.MLENERGY, terms=(Term(1.0, batch, batch, context),), seconds=float(row["median_itl_ms"]) * 1e-3,
            batch=round(batch), expert_parallel=int(row["expert_parallel"]) > 1,
        )  # fmt: skip


@cache
def sageserve() -> tuple[Measurement, ...]:
    """Medians of the repeats of SageServe, with the tensor parallel labels of the file; suspect decode rows and prompts beyond batch 1 left out."""
    times: dict[tuple[str, str, int, int, int, int], list[float]] = {}
    for row in perf_data.rows_of("sageserve_llama3_a100.csv"):
        key = (row["model"].lower(), int(row["tensor_parallel"]), int(row["prompt_size"]), int(row["batch_size"]), int(row["token_size"]))
        if row["decode_suspect"] != "True":
            times.setdefault(("decode", *key), []).append(float(row["decode_ms_per_token"]))
        if row["prompt_time_ms"] and row["batch_size"] == "1":
            times.setdefault(("prefill", *key[:4], 0), []).append(float(row["prompt_time_ms"]))
    found = []
    for (kind, model, tp, prompt, batch, output), repeats in times.items():
        term = (
            Term(1.0, batch, batch, batch * (prompt + output / 2)) if kind == "decode" else Term(1.0, prompt, 1.0, 0.0, prompt * prompt / 2)
        )
        found.append(
            Measurement(
                llm=perf_data.llm_named(model), gpu=perf_data.gpu_named("a100-80gb"), tensor_parallel=tp, precision="bf16", kv_precision="bf16",
                engine="vllm", engine_era="2024", kind=kind, source="SageServe", terms=(term,), seconds=median(repeats) * 1e-3, batch=batch,
            )
        )  # fmt: skip
    return tuple(found)


@cache
def own_calibration(source: str) -> Calibrations:
    """What `sim calibrate` makes of all steps of a source, one profile a configuration; the shipped profiles are made so."""
    if source == SAGESERVE:
        return calibrate_all(Benchmark(steps=tuple(step_points(sageserve()))), catalog=Catalog.load())
    return calibrate_all(benchmark_of(source, Catalog.load()), catalog=Catalog.load())


def by_calibrate(source: str, kind: str, *, held_out: bool) -> Errors:
    """Errors of `sim calibrate`: fitted to everything, or of batch sizes (of prompts: numbers of tokens) that the fit has not seen."""
    return errors_of((r for each in own_calibration(source).found for r in each.readings if r.observation.kind == kind), held_out=held_out)


def errors_of(readings: Iterable[Reading], *, held_out: bool) -> Errors:
    """Errors of what was calibrated, or held out where something was."""
    predicted = [(r.held_out if held_out else r.calibrated, r.observation.value) for r in readings]
    return [relative_error(value, measured) for value, measured in predicted if value is not None]


def step_ways(source: str, kind: str) -> dict[str, tuple[Errors, Errors]]:
    """Errors in sample and at batch sizes held out, of each way to predict one kind of step."""
    calibrated = (by_calibrate(source, kind, held_out=False), by_calibrate(source, kind, held_out=True))
    if source == SAGESERVE:
        chosen = [m for m in sageserve() if m.kind == kind]
        slower = [replace(m, gpu=_linked(m.gpu, PCIE_GB_PER_S)) for m in chosen]
        return {
            "`sim calibrate`": calibrated, "physics, never fitted": ([], physics(chosen)),
            f"the same, links of {PCIE_GB_PER_S:g} GB/s": ([], physics(slower)),
        }  # fmt: skip
    chosen = [m for m in perf_data.splitwise() if m.kind == kind]
    left_out = without(chosen, lambda m: leave_one_out.without_batch(perf_data.SPLITWISE, m.batch))
    return {"`sim calibrate`, and so the shipped profiles": calibrated, "physics (joint fit)": (physics(chosen), left_out)}


def _linked(gpu: Gpu, gb_per_s: float) -> Gpu:
    return gpu.model_copy(update={"interconnect": gpu.interconnect.model_copy(update={"gb_per_s": gb_per_s})})


def steps_table() -> str:
    """Mean absolute errors of Splitwise and SageServe beside what was to be reached."""
    lines = []
    for source, words in SOURCES.items():
        for kind in KINDS:
            for way, (inside, outside) in step_ways(source, kind).items():
                goals = tuple(f"{goal:.0%}".replace("%", " %") for goal in GOALS[kind])
                lines.append((words, kind, way, str(len(outside)), mean_cell(inside), goals[0], mean_cell(outside), goals[1]))
    header = ("steps of", "kind", "predicted by", "points", "mean error in sample", "goal", "mean error held out", "goal")
    return markdown(header, lines, words=3)


def configurations_table() -> str:
    """Splitwise and SageServe by configuration: `sim calibrate` in sample and held out, and the physics."""
    lines = []
    for source in SOURCES:
        for each in own_calibration(source).found:
            name = f"{each.prior.llm}, {each.prior.tensor_parallel} x {each.prior.gpu}"
            for kind in KINDS:
                readings = [r for r in each.readings if r.observation.kind == kind]
                estimated = [relative_error(r.estimated, r.observation.value) for r in readings]
                cells = (
                    mean_cell(errors_of(readings, held_out=False)),
                    mean_cell(errors_of(readings, held_out=True)),
                    mean_cell(estimated),
                )
                lines.append((name, kind, str(len(readings)), *cells))
    return markdown(("configuration", "kind", "points", "in sample", "held out", "physics"), lines, words=2)


def families_table() -> str:
    """Steps of dense LLMs on a family of GPUs that the fit has not seen, kernels included."""
    lines = []
    for family, source, kind in (
        ("h100", perf_data.MLENERGY, "decode"), ("b200", perf_data.MLENERGY, "decode"), ("h100", perf_data.SPLITWISE, "decode"),
        ("h100", perf_data.SPLITWISE, "prefill"), ("a100", perf_data.SPLITWISE, "decode"), ("a100", perf_data.SPLITWISE, "prefill"),
    ):  # fmt: skip
        chosen = [
            m for m in leave_one_out.measurements()
            if (_family(m), m.source, m.kind) == (family, source, kind) and m.llm.experts is None
        ]  # fmt: skip
        name = f"{family.upper()}, {'ML.ENERGY' if source == perf_data.MLENERGY else 'Splitwise'}, {kind}"
        lines.append((name, mean_cell(physics(chosen)), *error_cells(physics(chosen, leave_one_out.without_family(family)))))
    return markdown(("GPU left out", "mean, in the fit", *ERRORS), lines)


def _family(m: Measurement) -> str:
    return load_coefficients().family(m.gpu.name).name


TABLES: Mapping[str, Callable[[], str]] = MappingProxyType(
    {
        "mlenergy": mlenergy_table, "mlenergy-llms": mlenergy_llms_table, "never-fitted": never_fitted_table, "families": families_table,
        "steps": steps_table, "step-configurations": configurations_table,
    }
)  # fmt: skip
