"""The profile of a configuration: calibrated where somebody measured it, estimated from the physics everywhere else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sim.catalog.catalog import Catalog
from sim.catalog.gpu import Gpu, Precision
from sim.catalog.llm import KvPrecision, Llm
from sim.errors import input_error
from sim.profile.coefficients import Coefficients, Engine, ExpertKernels, Hardware, Label, load_coefficients
from sim.profile.memory import DEFAULT_UTILISATION, Scheduler, check_fit, default_scheduler, divide_memory, tensor_parallel_sizes
from sim.profile.physics import step_coefficients
from sim.profile.shipped import ShippedProfile, load_shipped
from sim.profile.step import StepCoefficients

DEFAULT_ENGINE = "vllm"
DEFAULT_BLOCK_TOKENS = 16


@dataclass(frozen=True)
class Profile:
    """How long a step takes on a replica and how much KV cache it has: everything the engine needs of the hardware."""

    llm: str
    gpu: str
    tensor_parallel: int
    precision: Precision
    kv_precision: KvPrecision
    engine: str
    engine_era: str
    step: StepCoefficients
    front_end_s: float
    """From the arrival of a request to the scheduler's queue: server, tokens, hand-over; not part of a step."""
    blocks: int
    """Usable KV blocks (the null block is not counted)."""
    block_tokens: int
    kv_capacity_tokens: int
    max_model_len: int
    """Longest prompt and output together: as asked, else the model's context or the KV cache, whichever is less."""
    max_num_batched_tokens: int
    max_num_seqs: int
    """Limits of a step, which the reserve for activations and logits is sized for."""
    weight_bytes: float
    """Of the whole replica."""
    label: Label
    error: float
    """Root mean square of ln(predicted/measured) of decode steps in cross-validation."""
    prefill_error: float
    source: str
    as_of: str
    notes: tuple[str, ...] = ()


def resolve_profile(
    *,
    llm: Llm,
    gpu: Gpu,
    tensor_parallel: int,
    precision: Precision,
    kv_precision: Literal["auto", "bf16", "fp8"] = "auto",
    engine: str = DEFAULT_ENGINE,
    engine_era: str | None = None,
    utilisation: float = DEFAULT_UTILISATION,
    block_tokens: int = DEFAULT_BLOCK_TOKENS,
    max_num_batched_tokens: int | None = None,
    max_num_seqs: int | None = None,
    max_model_len: int | None = None,
    catalog: Catalog | None = None,
    coefficients: Coefficients | None = None,
    shipped: tuple[ShippedProfile, ...] | None = None,
) -> Profile:
    """The profile of a configuration, of the engine's newest era unless one is named.

    A shipped profile of the same (llm, gpu, tensor parallel, precision, kv precision, engine, era) wins over the estimate. InputError,
    with what would do instead, when the model or one request of `max_model_len` does not fit, or the GPUs cannot share the heads.
    `utilisation` and the limits of a step default to those of vLLM 0.33.0 for the GPU. Coefficients and shipped profiles are those of
    the catalogue, the bundled ones without it, unless given.
    """
    coefficients = coefficients or load_coefficients(catalog)
    kv: KvPrecision = "bf16" if kv_precision == "auto" else kv_precision
    chosen = coefficients.engine(engine, engine_era)
    _check_arguments(llm, gpu, tensor_parallel, utilisation, max_model_len)
    usual = default_scheduler(gpu)
    scheduler = Scheduler(max_num_batched_tokens or usual.max_num_batched_tokens, max_num_seqs or usual.max_num_seqs)
    memory = divide_memory(
        llm=llm, gpu=gpu, tensor_parallel=tensor_parallel, precision=precision, kv_precision=kv, utilisation=utilisation,
        block_tokens=block_tokens, scheduler=scheduler, coefficients=coefficients,
    )  # fmt: skip
    check_fit(
        memory, llm=llm, gpu=gpu, tensor_parallel=tensor_parallel, precision=precision, kv_precision=kv, utilisation=utilisation,
        scheduler=scheduler, coefficients=coefficients, needed_tokens=max_model_len or 1,
    )  # fmt: skip
    notes = []
    longest = max_model_len or min(llm.max_context_tokens, memory.kv_capacity_tokens)
    if longest < llm.max_context_tokens and max_model_len is None:
        notes.append(f"max_model_len cut from {llm.max_context_tokens} to {longest} tokens, which is all the KV cache holds")
    key = (llm.name, gpu.name, tensor_parallel, precision, kv, chosen.name, chosen.era)
    found = next((p for p in (load_shipped(catalog) if shipped is None else shipped) if p.key == key), None)
    if found is None:
        step = step_coefficients(
            llm=llm, gpu=gpu, tensor_parallel=tensor_parallel, precision=precision, kv_precision=kv,
            hardware=coefficients.family(gpu.name), engine=chosen, coefficients=coefficients,
        )  # fmt: skip
        trust = _trust(llm, gpu, precision, chosen, coefficients)
    else:
        step = found.step.coefficients()
        trust = _Trust(found.decode_error, found.prefill_error, found.source, found.as_of, found.notes)
    return Profile(
        llm=llm.name,
        gpu=gpu.name,
        tensor_parallel=tensor_parallel,
        precision=precision,
        kv_precision=kv,
        engine=chosen.name,
        engine_era=chosen.era,
        step=step,
        front_end_s=(chosen.front_end_ms if found is None or found.front_end_ms is None else found.front_end_ms) * 1e-3,
        blocks=memory.blocks,
        block_tokens=block_tokens,
        kv_capacity_tokens=memory.kv_capacity_tokens,
        max_model_len=longest,
        max_num_batched_tokens=scheduler.max_num_batched_tokens,
        max_num_seqs=scheduler.max_num_seqs,
        weight_bytes=llm.weight_bytes(precision),
        label="estimated" if found is None else found.label,
        error=trust.decode_error,
        prefill_error=trust.prefill_error,
        source=trust.source,
        as_of=trust.as_of,
        notes=(*notes, *trust.notes),
    )


@dataclass(frozen=True)
class _Trust:
    decode_error: float
    prefill_error: float
    source: str
    as_of: str
    notes: tuple[str, ...]


def _trust(llm: Llm, gpu: Gpu, precision: Precision, engine: Engine, coefficients: Coefficients) -> _Trust:
    """How far an estimate may be off: the largest error of its parts, and that of a family held out where a part was never measured."""
    family, strange = coefficients.family(gpu.name), coefficients.family("")
    parts: list[Hardware | Engine | ExpertKernels] = [family, engine]
    notes = []
    if llm.experts is not None:
        parts.append(coefficients.experts)
    if family.evidence == "assumed":
        notes.append(f"no measurement of {gpu.name}: the shares of its peaks are assumed")
    elif family.name not in engine.measured_on:
        parts.append(strange)
        notes.append(f"no measurement of {engine.name} {engine.era} on {gpu.name}: measured apart")
    elif gpu.name not in family.measured_gpus:
        parts.append(strange)
        notes.append(f"no measurement of {gpu.name}: the shares of its peaks are those of {' and '.join(family.measured_gpus)}")
    if engine.evidence == "assumed":
        notes.append(f"no measurement of {engine.name} {engine.era}: its overheads are assumed")
    if precision not in family.measured_precisions:
        parts.append(strange)
        notes.append(f"no engine was measured with {precision} weights on {gpu.name}")
    if (precision == "fp8" and gpu.peak_fp8_tflops is None) or (precision == "fp4" and gpu.peak_fp4_tflops is None):
        notes.append(f"{gpu.name} does not compute in {precision}: {precision} weights save memory and reading, not arithmetic")
    return _Trust(
        decode_error=max(part.decode_error for part in parts),
        prefill_error=max(part.prefill_error for part in parts),
        source=f"physics (engines.yaml); {gpu.name}: {family.source}; {engine.name} {engine.era}: {engine.source}",
        as_of=max(family.as_of, engine.as_of),
        notes=tuple(notes),
    )


def _check_arguments(llm: Llm, gpu: Gpu, tensor_parallel: int, utilisation: float, max_model_len: int | None) -> None:
    problems = []
    if tensor_parallel not in (sizes := tensor_parallel_sizes(llm, gpu)):
        allowed = ", ".join(str(size) for size in sizes)
        problems.append(
            f"tensor_parallel: found {tensor_parallel}; allowed for {llm.name} ({llm.attention.heads} heads) "
            f"on {gpu.name} ({gpu.largest_group} GPUs a node): {allowed}"
        )
    if not 0.0 < utilisation <= 1.0:
        problems.append(f"utilisation: found {utilisation:g}; allowed: a share of the GPU memory above 0 and at most 1")
    if max_model_len is not None and not 1 <= max_model_len <= llm.max_context_tokens:
        problems.append(f"max_model_len: found {max_model_len}; allowed for {llm.name}: 1 to {llm.max_context_tokens}")
    if problems:
        raise input_error(problems)
