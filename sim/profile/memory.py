"""Where the memory of a replica goes: weights, what a step needs while it runs, and the KV cache that takes the rest.

Per GPU: memory x utilisation = weights / tensor parallel + reserve + KV blocks. The reserve stands for what an engine measures in a
trial run: driver context, communication buffers, captured graphs, activations of a full step and the logits of a full batch.
One block is never handed out (vLLM's null block), so `blocks` is one less than memory holds.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import floor

from sim.catalog.gpu import Gpu, Precision
from sim.catalog.llm import KvPrecision, Llm
from sim.errors import InputError
from sim.profile.coefficients import Coefficients
from sim.profile.physics import WINDOWED_CONTEXT_TOKENS, short_windows
from sim.units import GB, GIB

PRECISIONS: tuple[Precision, ...] = ("bf16", "fp8", "int4", "fp4")
DEFAULT_UTILISATION = 0.92
"""vLLM 0.33.0, CacheConfig.gpu_memory_utilization; since 0.21.0 the captured graphs are inside it."""


@dataclass(frozen=True)
class Scheduler:
    """How much one step may hold: tokens, and sequences."""

    max_num_batched_tokens: int
    max_num_seqs: int


def default_scheduler(gpu: Gpu) -> Scheduler:
    """What vLLM 0.33.0 serves with when nothing is said, by GPU memory (EngineArgs, `OPENAI_API_SERVER`)."""
    if gpu.memory_gib >= 160:
        return Scheduler(16384, 1024)
    if gpu.memory_gib >= 70 and not gpu.name.startswith("a100"):
        return Scheduler(8192, 1024)
    return Scheduler(2048, 256)


@dataclass(frozen=True)
class Memory:
    """How one GPU of a replica is divided, in bytes, and the KV cache of the whole replica, in tokens and usable blocks."""

    usable_bytes: float
    weight_bytes: float
    reserve_bytes: float
    kv_bytes_per_token: float
    block_tokens: int
    blocks: int

    @property
    def kv_capacity_tokens(self) -> int:
        """Tokens that the usable blocks hold."""
        return self.blocks * self.block_tokens


def reserve_bytes(llm: Llm, tensor_parallel: int, scheduler: Scheduler, coefficients: Coefficients) -> float:
    """Bytes per GPU that neither weights nor KV may take: process, activations of a full step, logits in 32 bits."""
    width = max(llm.ffn_size / tensor_parallel, llm.hidden_size)
    if llm.experts is not None:
        width = max(width, llm.experts.per_token * llm.experts.ffn_size / tensor_parallel)
    activations = coefficients.activation_copies * scheduler.max_num_batched_tokens * width * 2.0
    logits = 2.0 * scheduler.max_num_seqs * llm.vocab_size * 4.0
    return coefficients.process_gib_per_gpu * GIB + activations + logits


def divide_memory(
    *,
    llm: Llm,
    gpu: Gpu,
    tensor_parallel: int,
    precision: Precision,
    kv_precision: KvPrecision,
    utilisation: float,
    block_tokens: int,
    scheduler: Scheduler,
    coefficients: Coefficients,
) -> Memory:
    """How the memory of each GPU is divided; `blocks` is 0 when the model does not fit (`check_fit` says so in words)."""
    usable = gpu.memory_bytes * utilisation
    weights = llm.weight_bytes(precision) / tensor_parallel
    reserve = reserve_bytes(llm, tensor_parallel, scheduler, coefficients)
    per_token = llm.kv_bytes_per_token_per_gpu(kv_precision, tensor_parallel) * _kept_share(llm)
    blocks = floor((usable - weights - reserve) / (per_token * block_tokens)) - 1
    return Memory(usable, weights, reserve, per_token, block_tokens, max(blocks, 0))


def _kept_share(llm: Llm) -> float:
    """Share of a full cache that a sequence keeps where some layers look back no further than their window.

    Blocks hold tokens of all layers alike, so that one number stands for every length: too low for longer sequences than
    `WINDOWED_CONTEXT_TOKENS`, which have more room than is simulated.
    """
    layers, tokens = short_windows(llm)
    return 1.0 - layers / llm.layers * (1.0 - tokens / WINDOWED_CONTEXT_TOKENS)


def check_fit(
    memory: Memory,
    *,
    llm: Llm,
    gpu: Gpu,
    tensor_parallel: int,
    precision: Precision,
    kv_precision: KvPrecision,
    utilisation: float,
    scheduler: Scheduler,
    coefficients: Coefficients,
    needed_tokens: int,
) -> None:
    """InputError when a request of `needed_tokens` has no room in the KV cache, saying how many GPUs or which precision would do."""
    if memory.kv_capacity_tokens >= needed_tokens and memory.blocks > 0:
        return

    def capacity(gpus: int, weights: Precision) -> int:
        return divide_memory(
            llm=llm, gpu=gpu, tensor_parallel=gpus, precision=weights, kv_precision=kv_precision, utilisation=utilisation,
            block_tokens=memory.block_tokens, scheduler=scheduler, coefficients=coefficients,
        ).kv_capacity_tokens  # fmt: skip

    remedies = []
    enough = [n for n in tensor_parallel_sizes(llm, gpu) if n > tensor_parallel and capacity(n, precision) >= max(needed_tokens, 1)]
    if enough:
        remedies.append(f"tensor_parallel {enough[0]} ({enough[0]} GPUs) would do")
    lower = [
        p for p in PRECISIONS
        if llm.weight_bytes(p) < llm.weight_bytes(precision) and capacity(tensor_parallel, p) >= max(needed_tokens, 1)
    ]  # fmt: skip
    if lower:
        remedies.append(f"precision {lower[0]} would do on {_gpus(tensor_parallel)}")
    if not remedies and memory.blocks <= 0:
        both = [
            (n, p) for p in PRECISIONS for n in tensor_parallel_sizes(llm, gpu)
            if llm.weight_bytes(p) < llm.weight_bytes(precision) and n > tensor_parallel and capacity(n, p) >= max(needed_tokens, 1)
        ]  # fmt: skip
        if both:
            remedies.append(f"precision {both[0][1]} with tensor_parallel {both[0][0]} ({_gpus(both[0][0])}) would do")
    if memory.blocks > 0:
        remedies.append(f"max_model_len {memory.kv_capacity_tokens} would do")
    have = f"{_gpus(tensor_parallel)} {gpu.name} at utilisation {utilisation:g}"
    if memory.blocks > 0:
        what = (
            f"a request of {needed_tokens} tokens does not fit the KV cache of {llm.name} {precision} on {have}, "
            f"which holds {memory.kv_capacity_tokens} tokens"
        )
    else:
        what = (
            f"{llm.name} {precision} does not fit {have}: weights {memory.weight_bytes / GB:.1f} GB and "
            f"reserve {memory.reserve_bytes / GB:.1f} GB of {memory.usable_bytes / GB:.1f} GB a GPU leave no KV cache"
        )
    raise InputError("; ".join([what, *(remedies or [f"no number of {gpu.name} in one node of {gpu.largest_group} would do"])]))


def tensor_parallel_sizes(llm: Llm, gpu: Gpu) -> list[int]:
    """Sizes of a tensor parallel group within a node that share the attention heads evenly."""
    return [n for n in range(1, gpu.largest_group + 1) if llm.attention.heads % n == 0]


def _gpus(count: int) -> str:
    return f"{count} GPU" if count == 1 else f"{count} GPUs"
